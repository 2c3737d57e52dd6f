"""What fails again and again.

Knows: shapes. Must not know: SQL, when it is too often.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

ASIDE = datetime(9000, 1, 1, tzinfo=UTC)
"""When a row is due that was set aside: never by itself."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A row that was set aside."""

    kind: str
    id: UUID
    slack_team_id: str
    tries: int
    error: str
    since: datetime
