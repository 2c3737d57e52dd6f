"""Which processes of the bot live.

Knows: shapes. Must not know: SQL, what a process does.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Process:
    """A process of the bot."""

    id: UUID
    """As it signs what it takes."""
    kind: str
    """`serve` or `worker`."""
    host: str
    version: str
    started_at: datetime
    seen_at: datetime
