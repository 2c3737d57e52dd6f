"""What the bot has to say to whom the rules don't allow something, as facts.

Knows: the notice. Must not know: wording, Slack.
Written words are forever: these lie in the outbox, so a kind keeps its fields, and new fields get defaults.
"""

from dataclasses import dataclass

from bot.core.approvals import Denied
from bot.core.permissions import Action


@dataclass(frozen=True, slots=True)
class NotAllowed:
    """Somebody may not do what that person asked for, and nothing was done."""

    action: Action
    project: str
    """"" where it is of no one project."""
    why: Denied
    detail: str = ""
    who: tuple[str, ...] = ()
    """People and user groups that the policy names for it; none: all full members, or admins and owners."""


@dataclass(frozen=True, slots=True)
class DialogShut:
    """A dialog waits to be filled, and whoever opened it may not see it."""

    view_id: str
    why: NotAllowed
