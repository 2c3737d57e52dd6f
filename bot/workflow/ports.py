"""What the workflows need of the world, as protocols.

Knows: meanings. Must not know: who fulfils them.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from bot.core.outcomes import ByHand, ListOutcome, ProvenanceOutcome, RegisterOutcome, SimpleOutcome
from bot.core.sites import IndexSite
from storage.records import OutboxItem, Registration, Secret

Clock = Callable[[], datetime]
"""Gives the time now, aware, UTC."""


class Index(Protocol):
    """The package indexes. No method raises for what an index answers or fails to answer: outcomes are values."""

    async def register(self, registration: Registration, token: Secret) -> RegisterOutcome:
        """Ask the index to register a publisher."""

    async def publishers(self, index: str, project: str, token: Secret) -> ListOutcome:
        """Ask for the index's own list of a project's publishers."""

    async def simple(self, index: str, project: str, etag: str = "") -> SimpleOutcome:
        """Look a project up in the simple index."""

    async def provenance(self, index: str, url: str) -> ProvenanceOutcome:
        """Read who published an attested file."""

    def site(self, name: str) -> IndexSite:
        """Return what is known of an index; KeyError for an unknown name."""

    def by_hand(self, registration: Registration, project_exists: bool | None) -> ByHand:  # noqa: FBT001 - a fact
        """Return how a person registers it in a browser."""


class Notifier(Protocol):
    """Says one message of the outbox."""

    async def deliver(self, item: OutboxItem, *, maybe_said: bool) -> "Delivery":
        """Send it, unless `maybe_said` and the channel's history shows that it was said already."""


class Delivery(Protocol):
    """What became of a message."""


class Waker(Protocol):
    """Tells the engine that there is something to do now."""

    def nudge(self) -> None:
        """Look at what is due, at once."""
