"""What is known of a database that was put back from a backup."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Restoration:
    """A database went back to how it was at `taken_at`, and a bot has run on it again since `restored_at`."""

    taken_at: datetime
    restored_at: datetime
