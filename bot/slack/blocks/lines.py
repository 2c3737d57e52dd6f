"""What every line of a timeline is made of: a step's values by name, its release, the people it calls.

Knows: the pieces that lines share. Must not know: any one step, Bolt, network, rules.
"""

from bot.core.release_notices import ReleaseStep
from bot.slack.blocks.base import escape
from bot.slack.blocks.pieces import called, mention
from bot.slack.blocks.releases import about
from storage.records import ReleaseKind


class Line:
    """One step's values, by name; one that is missing is ""."""

    def __init__(self, notice: ReleaseStep) -> None:
        self.notice = notice
        self.about = about(notice.target, notice.version)

    def __getitem__(self, name: str) -> str:
        return self.notice.values.get(name, "")

    @property
    def by(self) -> str:
        """Who did it."""
        return mention(self["by"]) if self["by"] else "Somebody"

    @property
    def people(self) -> str:
        """Who is called, before what they are called for."""
        return f"{called(self.notice.people)}: " if self.notice.people else ""

    @property
    def index(self) -> str:
        """The index's name."""
        return escape(self.about.index)

    @property
    def again(self) -> str:
        """What asks for the same once more."""
        if self.notice.kind is ReleaseKind.YANK:
            name = f"{escape(self.about.project)} {escape(self.about.version)}"
            return f'`/release yank {name} reason="…"` asks again.'
        return f"`/release {escape(self.about.project)} {escape(self.about.version)}` asks again."


Told = tuple[str, ...]
"""The line, and what stands below it."""
