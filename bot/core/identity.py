"""Who has signed in with Slack, as far as Slack has proven it.

Knows: meanings. Must not know: how it is proven.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """A person, and the workspace in which they signed in."""

    user: str
    slack_team_id: str
    enterprise_id: str = ""
    """The org of the workspace; "" where it is of none, or Slack did not say."""


@dataclass(frozen=True, slots=True)
class NotProven:
    """Nobody is proven to be anybody."""

    cause: str
    remedy: str = ""


IdentityOutcome = Identity | NotProven
