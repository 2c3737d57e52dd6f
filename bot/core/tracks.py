"""What a piece of due work is about: the ids by which log lines and traces of it are found.

Knows: the records that lanes take. Must not know: what is done with them, who logs.
"""

from dataclasses import dataclass
from uuid import UUID

from storage.records import InboxItem, OutboxItem, Release, ReleaseThanks


@dataclass(frozen=True, slots=True)
class Track:
    """What a piece of work is about."""

    trace: UUID | None
    """A release's is the release's own id, and the click that asked for it has the same; None: it is a piece of its own."""
    ids: dict[str, str]
    """By which names it is found: `team`, `release`, `publisher`, ..., and `kind` where there are several."""


def track(item: object) -> Track:
    """Return what a row's record is about."""
    match item:
        case Release():
            return _about(item.id, item, release=item.id)
        case ReleaseThanks():
            return _about(item.release_id, item, release=item.release_id)
        case InboxItem():
            release = released(item.payload)
            return _about(release or item.id, item, intent=item.id, release=release, kind=item.kind)
        case OutboxItem():
            release = _named(item.dedupe_key, "release")
            trace = release or _named(item.dedupe_key, "inbox")
            return _about(trace, item, message=item.id, release=release, kind=item.kind)
        case _:
            return _about(
                None, item, publisher=getattr(item, "publisher_id", None), item=getattr(item, "id", None)
            )


def released(payload: dict[str, object]) -> UUID | None:
    """Return the release that an intent's fields name."""
    return _uuid(str(payload.get("release_id") or ""))


def _about(trace: UUID | None, row: object, **ids: UUID | str | None) -> Track:
    ids["team"] = getattr(row, "team_id", None)
    return Track(trace, {name: str(one) for name, one in ids.items() if one})


def _named(key: str, what: str) -> UUID | None:
    """Return the id in a message's key, `what:ID` or `what:ID:more`."""
    kind, _, rest = key.partition(":")
    return _uuid(rest.partition(":")[0]) if kind == what else None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
