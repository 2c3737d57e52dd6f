"""`shipbell keys`: which master keys are needed, and wrapping every team's data key with the newest one.

Knows: in which order it is safe. Must not know: flags, exit codes, SQL, ciphers.

What the teams' data keys seal is not touched: only the data keys are wrapped anew, a batch a transaction, beside a bot
that runs. A process whose keys come from the key file, the settings file or a `_FILE` learns of the new one by itself.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from bot import keyfile
from bot.opening import opened
from bot.settings import Settings
from storage.crypto import Vault
from storage.database import Database
from storage.ledger import keys

BATCH = 100
"""Data keys a transaction: SQLite's only writer is held for a few hundredths of a second."""
TELL = 10_000
"""Data keys after which progress is told."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Which master keys there are, and how many data keys each wraps."""

    configured: tuple[str, ...]
    """Ids, the one that seals first; empty where no key is there yet."""
    needed: Mapping[str, int]
    """Id -> data keys that it wraps."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation came to."""

    current: str
    done: int
    stuck: tuple[tuple[UUID, str], ...]
    """(team, cause) of data keys that could not be wrapped anew."""
    made: bool
    """Whether a new master key was made for it."""


async def status(settings: Settings) -> Standing:
    """Count what each master key wraps; nothing is changed."""
    async with opened(settings) as database:
        return await _standing(settings, database)


async def rotate(settings: Settings, say: Callable[[str], None]) -> Rotated:
    """Wrap every data key with the first master key, and tell how far it is.

    Where the keys lie in the data folder a new one is made first, unless an earlier rotation was not finished.
    """
    async with opened(settings) as database:
        made = False
        if not settings.master_keys:
            with keyfile.held(settings):
                made = _finished(await _standing(settings, database))
                if made:
                    keyfile.put_first(settings)
        await _standing(settings, database)  # with the new key
        return await _rewrapped(database, say, made=made)


async def _standing(settings: Settings, database: Database) -> Standing:
    async with database.reading() as session:
        needed = await keys.needed(session)
    ring = keyfile.key_ring(settings, keys_in_use=bool(needed), make=False)
    database.vault = Vault(ring)
    return Standing(ring.ids, needed)


def _finished(standing: Standing) -> bool:
    """Whether all is wrapped with the first key, so that a rotation means a new one."""
    return set(standing.needed) <= {standing.configured[0]}


async def _rewrapped(database: Database, say: Callable[[str], None], *, made: bool) -> Rotated:
    assert database.vault is not None
    current = database.vault.wrapping.current
    async with database.reading() as session:
        needed = await keys.needed(session)
    total = sum(count for name, count in needed.items() if name != current)
    after, done = "", 0
    stuck: tuple[tuple[UUID, str], ...] = ()
    while True:
        async with database.transaction() as session:
            batch = await keys.rewrap(session, after, BATCH)
        if not batch.last:
            return Rotated(current, done, stuck, made)
        after, done, stuck = batch.last, done + batch.done, (*stuck, *batch.stuck)
        if done % TELL < batch.done:
            say(f"{done:,} of {total:,} wrapped anew")


def all_here(standing: Standing) -> bool:
    """Say whether every master key that is needed is configured."""
    return set(standing.needed) <= set(standing.configured)


def as_lines(standing: Standing) -> str:
    """Return a line for each master key: what it wraps, and whether it can be dropped."""
    lines = [
        _line(name, position, standing.needed.get(name, 0))
        for position, name in enumerate(standing.configured)
    ]
    missing = sorted(set(standing.needed) - set(standing.configured))
    lines += [
        f"{name}: MISSING, wraps {_teams(standing.needed[name])}; put it back into SHIPBELL_MASTER_KEYS"
        for name in missing
    ]
    return "\n".join(lines)


def _line(name: str, position: int, wraps: int) -> str:
    if position == 0:
        return f"{name}: seals, wraps {_teams(wraps)}"
    if wraps:
        return f"{name}: needed, wraps {_teams(wraps)}; `shipbell keys rotate` moves them to the first key"
    return f"{name}: nothing needs it; it can be dropped, but backups from before still need it"


def _teams(count: int) -> str:
    return f"the key of {count:,} team{'' if count == 1 else 's'}"


def as_json(standing: Standing) -> str:
    """Return one line of JSON: `{"ok": bool, "keys": [{id, seals, here, wraps, droppable}]}`."""
    names = [*standing.configured, *sorted(set(standing.needed) - set(standing.configured))]
    told = [
        {
            "id": name, "seals": position == 0, "here": name in standing.configured,
            "wraps": standing.needed.get(name, 0), "droppable": position > 0 and not standing.needed.get(name, 0),
        }
        for position, name in enumerate(names)
    ]  # fmt: skip
    return json.dumps({"ok": all_here(standing), "keys": told})


def told(rotated: Rotated) -> str:
    """Return what a rotation came to, a line each."""
    new = "A new master key was made. Back the key file up before you rely on it.\n" if rotated.made else ""
    lines = [f"{new}{_teams(rotated.done).capitalize()} wrapped anew with master key {rotated.current}."]
    lines += [f"error: team {team}: {cause}" for team, cause in rotated.stuck]
    if not rotated.stuck:
        lines.append("`shipbell keys status` says which keys nothing needs any more.")
    return "\n".join(lines)
