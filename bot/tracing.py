"""The pieces of the work, told while it goes on to whoever records them; usually that is nobody.

Knows: that pieces have names, places in a trace, and few public facts. Must not know: what is done, who records.

A trace is one thing that somebody wanted, known by a UUID that lies in the database: a release's own. So every process
joins it, before and after a restart, and nothing about it has to be kept or handed on.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

Fact = str | int | float | bool


class Span(Protocol):
    """A piece of the work while it goes on."""

    def tell(self, **facts: Fact) -> None:
        """Add what is known by now."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the work, named; `facts` are public: ids, words of closed sets, numbers."""

    name: str
    facts: dict[str, Fact]
    trace: UUID | None = None
    """Which trace it belongs to; None: to that of the piece around it."""


class Recorder(Protocol):
    """Who records."""

    def during(self, piece: Piece) -> AbstractContextManager[Span]:
        """Record a piece while it goes on."""

    def after(self, piece: Piece, seconds: float) -> None:
        """Record a piece that has just ended and took so long."""

    def whole(self, piece: Piece, times: tuple[datetime, datetime]) -> None:
        """Record the piece that all others of a trace are parts of, once it is over."""


class _Nothing:
    __slots__ = ()

    def tell(self, **facts: Fact) -> None:
        """Forget it."""


_nothing: AbstractContextManager[Span] = nullcontext(_Nothing())
_recorder: Recorder | None = None


def use(recorder: Recorder | None) -> None:
    """Let this one record from now on; None: nobody."""
    global _recorder  # noqa: PLW0603 - one for the process, like the log
    _recorder = recorder


def during(name: str, trace: UUID | None = None, **facts: Fact) -> AbstractContextManager[Span]:
    """Tell of a piece while it goes on."""
    return _nothing if _recorder is None else _recorder.during(Piece(name, facts, trace))


def after(name: str, seconds: float, trace: UUID | None = None, **facts: Fact) -> None:
    """Tell of a piece that has just ended and took so long."""
    if _recorder is not None:
        _recorder.after(Piece(name, facts, trace), seconds)


def whole(name: str, trace: UUID, times: tuple[datetime, datetime], **facts: Fact) -> None:
    """Tell of what a trace is about, once it is over; `times` is (begin, end)."""
    if _recorder is not None:
        _recorder.whole(Piece(name, facts, trace), times)


@dataclass(slots=True)
class Delivery:
    """What comes in, until it is known what it is about."""

    trace: UUID | None = None


_delivery: ContextVar[Delivery | None] = ContextVar("delivery", default=None)


@contextmanager
def delivery() -> Iterator[Delivery]:
    """Open a delivery; whoever finds out what it is about says so with `concerns`."""
    found = Delivery()
    token = _delivery.set(found)
    try:
        yield found
    finally:
        _delivery.reset(token)


def concerns(trace: UUID) -> None:
    """Say what the delivery is about that is being taken."""
    found = _delivery.get()
    if found is not None:
        found.trace = trace
