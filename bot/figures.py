"""What the database tells for the metrics: the same, whichever process is asked.

Knows: which question gives which metric. Must not know: routes, formats.
"""

from collections.abc import Mapping
from datetime import datetime

from storage.database import Database
from storage.ledger import health, inbox, outbox, publishers, queues, releases

Figures = Mapping[str, Mapping[str, float]]
"""Metric -> value by label ("" for none)."""


async def figures(database: Database, now: datetime) -> Figures:
    """Ask for all of them."""
    async with database.reading() as session:
        states, shipped = await publishers.counts(session), await releases.counts(session)
        inbox_states, outbox_states = await inbox.counts(session), await outbox.counts(session)
        fares, standing = await health.counts(session), await queues.standing(session, now)
    since = {
        name: (now - one.oldest).total_seconds() if one.oldest else 0.0 for name, one in standing.items()
    }
    return {
        "shipbell_publishers": states,
        "shipbell_health": fares,
        "shipbell_releases": shipped,
        "shipbell_inbox_waiting": {"": inbox_states.get("waiting", 0)},
        "shipbell_inbox_dead": {"": inbox_states.get("dead", 0)},
        "shipbell_outbox_waiting": {"": outbox_states.get("waiting", 0) + outbox_states.get("sending", 0)},
        "shipbell_outbox_dead": {"": outbox_states.get("dead", 0)},
        "shipbell_queue_due": {name: one.due for name, one in standing.items()},
        "shipbell_queue_oldest_seconds": since,
        "shipbell_queue_leases_run_out": {name: one.run_out for name, one in standing.items()},
    }
