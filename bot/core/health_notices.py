"""What the bot has to say of how publishers fare, as facts.

Knows: the closed set. Must not know: wording, Slack.
Written words are forever: these lie in the outbox, so new fields get defaults.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from bot.core.health import Trouble
from storage.records import Registration


class Fares(StrEnum):
    """How a publisher fares, at a glance."""

    OK = "ok"
    ATTENTION = "attention"
    NOT_LOOKED = "not_looked"
    """Its first look is still to come."""


@dataclass(frozen=True, slots=True)
class HealthShown:
    """How a publisher fares, as its newest look found."""

    troubles: tuple[Trouble, ...]
    looked_at: datetime | None


@dataclass(frozen=True, slots=True)
class HealthBroke:
    """Something broke."""

    publisher_id: str
    registration: Registration
    index_url: str
    asked_by: str
    troubles: tuple[Trouble, ...]
    others: int = 0
    """Troubles that were told before and are still there."""


@dataclass(frozen=True, slots=True)
class HealthMended:
    """Something is in order again."""

    registration: Registration
    troubles: tuple[Trouble, ...]
    left: int = 0
    """Troubles that are still there."""


@dataclass(frozen=True, slots=True)
class TakenOver:
    """Somebody looks after a publisher from now on."""

    registration: Registration
    by: str
    before: str
    """Who did until then."""


@dataclass(frozen=True, slots=True)
class NotTakenOver:
    """Somebody may not look after a publisher."""

    registration: Registration
    detail: str = ""
    """What kept Slack from saying who that is; "" where it did."""


HealthNotice = HealthBroke | HealthMended | TakenOver | NotTakenOver

HEALTH_KINDS: Mapping[str, type[HealthNotice]] = MappingProxyType(
    {
        "health.broke": HealthBroke,
        "health.mended": HealthMended,
        "publisher.taken_over": TakenOver,
        "publisher.not_taken_over": NotTakenOver,
    }
)
