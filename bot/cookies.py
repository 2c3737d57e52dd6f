"""What a browser keeps between two of our pages.

Knows: cookies. Must not know: which pages there are.
"""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

AGE = 600
"""Seconds that a browser keeps its secret, as long as a sign-in may take."""
LONGEST = 200
"""Characters of what comes back; longer is not ours."""


@dataclass(frozen=True, slots=True)
class Cookie:
    """What a browser keeps between two of our pages; each kind of them has a cookie of its own."""

    kind: str
    secure: bool
    """Whether browsers reach us by https."""
    age: int = AGE
    """Seconds that it is kept at most."""

    @property
    def name(self) -> str:
        """The cookie's name; browsers take one called so from this very host alone, by https."""
        return f"__Host-{self.kind}" if self.secure else self.kind

    def give(self, answer: Response, browser: str) -> None:
        """Set it."""
        answer.set_cookie(
            self.name, browser, max_age=self.age, path="/", secure=self.secure, httponly=True, samesite="lax"
        )

    def take(self, answer: Response) -> None:
        """Take it away."""
        answer.delete_cookie(self.name, path="/", secure=self.secure, httponly=True, samesite="lax")

    def of(self, request: Request) -> str:
        """Return the browser's secret; "" where it has none."""
        return request.cookies.get(self.name, "")[:LONGEST]
