"""A release reaches an index's parts at different times: the project JSON, the simple index, the files' host.

Knows: which file shows where, and from when on. Must not know: HTTP, what a part answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.demo.index_model import Project, StoredFile


class Stage(StrEnum):
    """What is reached, usually in this order."""

    ACCEPTED = "accepted"
    """The project JSON tells of it."""
    INSTALLABLE = "installable"
    """The simple index lists it."""
    DOWNLOADABLE = "downloadable"
    """Its bytes are served."""


@dataclass(slots=True)
class Stages:
    """What of each stage is still to come. A file that nothing was said about shows at once."""

    held: set[Stage] = field(default_factory=set)
    """Where new files don't show until they are let go."""
    delays: Mapping[Stage, timedelta] = field(default_factory=dict)
    """After which time a new file shows."""
    _hidden: dict[tuple[Stage, str], datetime | None] = field(default_factory=dict)
    """Until when, or None: until it is let go; by stage and file name."""

    def note(self, filename: str, now: datetime) -> None:
        """Take note of a new file."""
        for stage in Stage:
            if stage in self.held:
                self._hidden[stage, filename] = None
            elif stage in self.delays:
                self._hidden[stage, filename] = now + self.delays[stage]

    def let_go(self, stage: Stage) -> None:
        """Hold nothing at a stage any more, and show all that was held."""
        self.held.discard(stage)
        for key in [key for key in self._hidden if key[0] is stage]:
            del self._hidden[key]

    def shows(self, stage: Stage, file: StoredFile, now: datetime) -> bool:
        """Whether a file has reached a stage."""
        until = self._hidden.get((stage, file.filename), now)
        return until is not None and until <= now

    def view(self, stage: Stage, project: Project, now: datetime) -> Project:
        """Return a project with the files that have reached a stage."""
        return replace(project, files=[file for file in project.files if self.shows(stage, file, now)])
