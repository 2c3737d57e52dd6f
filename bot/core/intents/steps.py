"""What a step of a workflow wants that somebody built in Slack.

Knows: its fields. Must not know: how it is carried out.
Written words are forever: a kind that was ever written keeps its fields.
"""

from dataclasses import dataclass

from bot.core.intents.publishers import AddPublisher
from bot.core.intents.releases import AskRelease
from bot.core.names import Problem


@dataclass(frozen=True, slots=True)
class RunStep:
    """Run a step once, as whoever ran the workflow, and tell Slack how it ended. One of its wants is set, or its problems."""

    execution_id: str
    """Slack's name for this run."""
    release: AskRelease | None = None
    publisher: AddPublisher | None = None
    waits_for: str = ""
    """The id of a release, as the step that asked for it gave it."""
    problems: tuple[Problem, ...] = ()
    """Why it can't be run."""
