"""What the workflows need of the world, as protocols.

Knows: meanings. Must not know: who fulfils them.
"""

from collections.abc import Callable
from dataclasses import dataclass
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

    def by_hand(self, registration: Registration, *, project_exists: bool | None) -> ByHand:
        """Return how a person registers it in a browser."""


@dataclass(frozen=True, slots=True)
class Said:
    """Slack has the message; `ts` is its id there, "" where it has none (answers to one person)."""

    ts: str = ""


@dataclass(frozen=True, slots=True)
class SayLater:
    """Not said, or not known to be."""

    error: str
    arrived_maybe: bool
    """Whether Slack may have it all the same, so that the next try must look first."""
    seconds: float | None = None
    """How long Slack asked us to wait; None: our own back-off."""


@dataclass(frozen=True, slots=True)
class NeverSay:
    """Slack will not take it, now or later."""

    error: str


Delivery = Said | SayLater | NeverSay


class Notifier(Protocol):
    """Says one message of the outbox. Does not raise for what Slack answers or fails to answer."""

    async def deliver(self, item: OutboxItem, *, maybe_said: bool) -> Delivery:
        """Send it, unless `maybe_said` and the channel's history shows that it was said already."""
