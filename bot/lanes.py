"""The lanes in which due work is done: how many at once of what, and which lanes may have work after it.

Knows: every kind of due work. Must not know: what a step means, how its parts are made.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from operator import attrgetter

from bot import web
from bot.engine.crew import Engine
from bot.engine.lane import Work
from bot.forge import webhooks
from bot.workflow import (
    confirming,
    health,
    home,
    importing,
    intents,
    outbox,
    publishers,
    releases,
    rotating,
    thanking,
    watching,
)
from bot.workflow import exporting as exportings
from bot.workflow import feeds as reading
from bot.workflow import steps as following
from bot.workflow.changing import Changing
from bot.workflow.confirming import Confirming
from bot.workflow.credentials import Credentials
from bot.workflow.exporting import Exporting
from bot.workflow.feeds import Feeding
from bot.workflow.health import Tending
from bot.workflow.home import Homes
from bot.workflow.importing import Importing
from bot.workflow.intents import Intents
from bot.workflow.outbox import Outbox
from bot.workflow.publishers import Publishers
from bot.workflow.releases import Releases
from bot.workflow.rotating import Rotating
from bot.workflow.steps import Steps
from bot.workflow.thanking import Thanking
from bot.workflow.watching import Watching
from bot.workflow.welcoming import Welcoming
from storage.ledger.releases import Share
from storage.records import Installation, Secret


def works(
    wishes: Intents,
    steps: Publishers,
    shipping: Releases,
    beside: tuple[Thanking, Confirming],
    messages: Outbox,
    indexes: tuple[str, ...],
) -> list[Work]:
    """Return the lanes of wishes, releases and publishers, of what goes on beside them, and of messages."""
    lanes = {name: f"publishers {name}" for name in indexes}
    watch, (thanks, confirmations) = Watching(shipping.hands), beside
    after_a_wish = (
        *lanes.values(),
        *map(_feeds_lane, indexes),
        *of_releases(indexes),
        "watch",
        "confirmations",
        *(("health",) if wishes.tending else ()),
        "imports",
        "policies",
        "exports",
        "outbox",
    )
    return [
        Work("inbox", wishes.claim, wishes.carry_out, wishes.next_due, 16, after_a_wish, intents.LEASE),
        *(_releases(shipping, share) for share in _shares(indexes)),
        # One at a time: a comment may wait for its turn on the forge, and no release is to wait for many of them.
        Work(
            "thanks", thanks.claim, thanks.advance, thanks.next_due, 1, ("outbox",), thanking.LEASE,
            key=attrgetter("release_id"),
        ),
        Work(
            "watch", watch.claim, watch.look, watch.next_due, 4, ("outbox",), watching.LEASE,
            key=attrgetter("project_id"),
        ),
        Work(
            "confirmations", confirmations.claim, confirmations.advance, confirmations.next_due, 4, ("outbox",),
            confirming.LEASE, "confirmation",
        ),
        *_health(wishes.tending),
        Work(
            "outbox", messages.claim, messages.work, messages.next_due, 16, lease=outbox.DOUBT, kind="message"
        ),
        *(_publishers(steps, name, lane) for name, lane in lanes.items()),
    ]  # fmt: skip


def _publishers(steps: Publishers, index: str, lane: str) -> Work:
    """A lane for each index: a slow or lying one costs its own publishers only."""
    claim, due = partial(steps.claim, index), partial(steps.next_due, index)
    return Work(lane, claim, steps.advance, due, 4, ("imports", "outbox"), publishers.LEASE, "publisher")


def _shares(indexes: tuple[str, ...]) -> tuple[Share, ...]:
    """Return the parts of the releases that hold back nobody else's.

    Each index has its own, since one may hang; and those that give the forge orders wait for each other, a second each.
    """
    return tuple(Share(index, orders) for index in indexes for orders in (False, True))


def _lane(share: Share) -> str:
    """Return the name of a share's lane."""
    return f"{'orders for' if share.orders else 'releases of'} {share.index}"


def of_releases(indexes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the releases' lanes."""
    return tuple(map(_lane, _shares(indexes)))


def _releases(shipping: Releases, share: Share) -> Work:
    both = (_lane(Share(share.index, orders=False)), _lane(Share(share.index, orders=True)))
    claim, due = partial(shipping.claim, share=share), partial(shipping.next_due, share=share)
    return Work(
        _lane(share), claim, shipping.advance, due, 4 if share.orders else 8, (*both, "thanks", "outbox"),
        releases.LEASE, "release",
    )  # fmt: skip


def imports(work: Importing, indexes: Iterable[str]) -> Work:
    """One at a time: whoever lists hundreds of repositories is not to take the forge's pace from releases."""
    then = (*(f"publishers {name}" for name in indexes), "outbox")
    return Work("imports", work.claim, work.advance, work.next_due, 1, then, importing.LEASE, "import")


def _feeds_lane(index: str) -> str:
    return f"feeds {index}"


def feeds(feeding: Feeding, indexes: Iterable[str]) -> list[Work]:
    """Return a lane for the feeds of each index."""
    return [
        # One look for all that wait on an index; those whom it makes due are looked at in their own lanes.
        Work(
            _feeds_lane(name), partial(feeding.claim, name), feeding.look, partial(feeding.next_due, name), 1,
            (f"publishers {name}", "watch"), reading.LEASE, key=attrgetter("index"),
        )
        for name in indexes
    ]  # fmt: skip


def _health(tending: Tending | None) -> list[Work]:
    if tending is None:
        return []
    # Two at a time: each asks forge, index and Slack half a dozen things, and none of them is urgent.
    return [
        Work(
            "health", tending.claim, tending.look, tending.next_due, 2, ("outbox",), health.LEASE,
            key=attrgetter("publisher_id"),
        )
    ]  # fmt: skip


def credentials(life: Credentials) -> Work:
    """Return the lane of what is said of credentials that end, have ended, or are old."""
    return Work("credentials", life.claim, life.told, life.next_due, 1, ("outbox",))


def hook(
    secret: Secret | None, shipping: Releases, confirming: Confirming, engine: Engine
) -> web.Hook | None:
    """Return where the forge's webhooks come in, which nudge what they are about; None where they can't be trusted."""
    if secret is None:
        return None

    async def nudge(event: str, body: bytes) -> None:
        found = webhooks.read(event, body)
        if found is not None and await shipping.nudge(found.repo.owner, found.repo.name, found.tag):
            engine.nudge(*of_releases(shipping.hands.index.names()))
        if found is not None and await confirming.nudge(found.repo.owner, found.repo.name):
            engine.nudge("confirmations")

    return web.Hook(partial(webhooks.signed, secret), nudge)


def welcomes(steps: Welcoming) -> Work:
    """Return the lane in which the first steps after an install are looked at."""
    return Work("welcomes", steps.claim, steps.told, steps.next_due, 8, ("outbox",))


def installations(tokens: Rotating, changed: Callable[[], None]) -> Work:
    """Return the lane in which installations' tokens are exchanged; `changed` is called after each."""

    async def advance(one: Installation) -> None:
        await tokens.advance(one)
        changed()

    return Work("installations", tokens.claim, advance, tokens.next_due, 2, ("outbox",), rotating.LEASE)


def with_homes(works: Iterable[Work], shown: Homes, ran: Steps) -> list[Work]:
    """Return the lanes with those that look after each step which may have changed what they follow.

    Home tabs, and workflows' steps: four at a time, so that one workspace's many hold nobody else back for long.
    """
    seen = [
        work if work.name == "outbox" else replace(work, then=(*work.then, "steps", "home")) for work in works
    ]
    return [
        *seen,
        Work("steps", ran.claim, ran.advance, ran.next_due, 4, lease=following.LEASE),
        Work(
            "home",
            shown.claim,
            shown.show,
            shown.next_due,
            4,
            lease=home.LEASE,
            key=attrgetter("team_id", "user"),
        ),
    ]


def changes(changing: Changing) -> Work:
    """Return the lane of the changes of policy to which nobody agreed in time."""
    return Work("policies", changing.claim, changing.told, changing.next_due, 1, ("outbox",))


def exports(exporting: Exporting) -> Work:
    """One at a time: a long trail is read to its end twice, and nobody else is to wait for the database."""
    return Work(
        "exports", exporting.claim, exporting.advance, exporting.next_due, 1, ("outbox",), exportings.LEASE
    )
