"""Whether a host is asked at all: one that has failed again and again is left alone, and tried by one request at a time.

Knows: failures in a row, rests. Must not know: hosts, HTTP, clocks.

Written here: the libraries at hand let every waiting request through once the rest is over (circuitbreaker 2), or are given up
(aiobreaker), and a rest that grows is in none of them.
"""

from dataclasses import dataclass

AFTER = 8
"""Failures in a row that open it: more than the tries of two requests."""


@dataclass(slots=True)
class Breaker:
    """One host's. Closed: all pass. Open: none. Half open, once the rest is over: one, whose end decides."""

    rest: float
    """Seconds that the host is left alone at first; twice as long each time that the trial fails."""
    longest: float
    failures: int = 0
    open_until: float | None = None
    trying: bool = False
    _rest: float = 0.0

    def left(self, now: float) -> float:
        """Return for how many seconds nothing may pass; 0: this one may, and must be told of by `good` or `bad`."""
        if self.open_until is None:
            return 0.0
        if now < self.open_until:
            return self.open_until - now
        if self.trying:
            return self.rest
        self.trying = True
        return 0.0

    def good(self) -> bool:
        """Hear that the host has answered; returns whether that closes it."""
        was_open = self.open_until is not None
        self.failures, self.open_until, self.trying, self._rest = 0, None, False, 0.0
        return was_open

    def bad(self, now: float, *, trial: bool) -> bool:
        """Hear that the host has failed, `trial` whether the one request that tried it; returns whether that opens it."""
        self.failures += 1
        was_open = self.open_until is not None
        if self.failures < AFTER or (was_open and not trial):
            return False
        self._rest = min(self._rest * 2 or self.rest, self.longest)
        self.open_until, self.trying = now + self._rest, False
        return not was_open

    def unsure(self, *, trial: bool) -> None:
        """Hear that a request was given up before anything could be learnt of the host."""
        self.trying = self.trying and not trial
