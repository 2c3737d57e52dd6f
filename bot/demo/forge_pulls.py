"""Pull requests and what was said on them.

Knows: what belongs to one. Must not know: routing, the answers' shapes.
"""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True)
class Comment:
    """What somebody said."""

    id: int
    by: str
    body: str
    at: datetime


@dataclass(slots=True)
class Pull:
    """A pull request to the default branch."""

    id: int
    number: int
    title: str
    by: str
    base: str
    """The commit that it began at."""
    commit: str
    """The one that it came with."""
    at: datetime
    merged_at: datetime | None
    """None while it is open."""
    locked: bool = False
    head: str = ""
    """The branch that it proposes; "" where that was of no interest."""
    body: str = ""
    comments: list[Comment] = field(default_factory=list)
