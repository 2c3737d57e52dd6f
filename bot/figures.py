"""What the database tells for the metrics: the same, whichever process is asked.

Knows: which question gives which metric. Must not know: routes, formats.
"""

from collections.abc import Mapping
from datetime import datetime

from storage.database import Database
from storage.ledger import health, publishers, queues, releases, troubles

Figures = Mapping[str, Mapping[str, float]]
"""Metric -> value by label ("" for none)."""


async def figures(database: Database, now: datetime) -> Figures:
    """Ask for all of them."""
    async with database.reading() as session:
        states, moving = await publishers.counts(session), await releases.moving(session)
        aside = await troubles.counts(session)
        fares, standing = await health.counts(session), await queues.standing(session, now)
        messages = await queues.messages(session)
    since = {
        name: (now - one.oldest).total_seconds() if one.oldest else 0.0 for name, one in standing.items()
    }
    return {
        "shipbell_publishers": states,
        "shipbell_health": fares,
        "shipbell_releases": moving,
        "shipbell_inbox_waiting": {"": messages["inbox"]},
        "shipbell_inbox_dead": {"": messages["inbox dead"]},
        "shipbell_outbox_waiting": {"": messages["outbox"]},
        "shipbell_set_aside": aside,
        "shipbell_outbox_dead": {"": messages["outbox dead"]},
        "shipbell_queue_due": {name: one.due for name, one in standing.items()},
        "shipbell_queue_oldest_seconds": since,
        "shipbell_queue_leases_run_out": {name: one.run_out for name, one in standing.items()},
    }
