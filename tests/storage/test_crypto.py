"""Sealing: what was changed or moved does not open, and a lost key destroys nothing."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.crypto import DataKey, KeyRing, Place, Vault, generate_master_key
from storage.database import Database
from storage.ledger import credentials, keys, teams
from storage.ledger.credentials import NewCredential
from storage.records import CredentialKind, DoesNotOpen, KeyMissing, Secret, StorageError

NOW = datetime(2026, 11, 20, tzinfo=UTC)
TEAM = UUID(int=1)


def data_key(team: UUID = TEAM) -> DataKey:
    """Return a fresh data key."""
    vault = Vault(KeyRing([Secret(generate_master_key())]))
    return vault.learn(team, vault.make(team))


def test_what_is_sealed_opens_in_its_place_alone() -> None:
    """A sealed value opens where it was sealed, and in no other team, table, column or row."""
    key, row = data_key(), uuid4()
    place = Place(TEAM, "credentials", "sealed", row)
    blob = key.seal(place, Secret("pypi-secret"))
    assert key.open(place, blob).reveal() == "pypi-secret"
    elsewhere = (
        Place(uuid4(), "credentials", "sealed", row),
        Place(TEAM, "inbox", "sealed", row),
        Place(TEAM, "credentials", "other", row),
        Place(TEAM, "credentials", "sealed", uuid4()),
    )
    for other in elsewhere:
        with pytest.raises(DoesNotOpen):
            key.open(other, blob)
    with pytest.raises(StorageError):
        key.seal(elsewhere[0], Secret("x"))


def test_no_flipped_bit_opens() -> None:
    """Any single changed bit of a sealed value makes it unreadable."""
    key, place = data_key(), Place(TEAM, "inbox", "sealed", uuid4())
    blob = key.seal(place, Secret("s3cret"))
    for bit in range(len(blob) * 8):
        changed = bytearray(blob)
        changed[bit // 8] ^= 1 << (bit % 8)
        with pytest.raises(DoesNotOpen):
            key.open(place, bytes(changed))


@given(st.text(), st.binary(max_size=200))
def test_any_text_is_sealed_and_no_garbage_opens(text: str, garbage: bytes) -> None:
    """Every text comes back as it was, and bytes from elsewhere are refused, never a crash."""
    key, place = data_key(), Place(TEAM, "inbox", "sealed", TEAM)
    if text.isascii() or max(text, default="") < "\ud800":
        assert key.open(place, key.seal(place, Secret(text))).reveal() == text
    with pytest.raises(DoesNotOpen):
        key.open(place, garbage)


def test_secrets_show_nowhere() -> None:
    """Neither a secret nor a key shows itself when printed."""
    secret, key = Secret("s3cret"), data_key()
    assert "s3cret" not in f"{secret} {secret!r}"
    assert "_bytes" not in repr(key)


@pytest.mark.parametrize("text", ["", "short", "!" * 44, "A" * 40])
def test_what_is_no_master_key_is_refused(text: str) -> None:
    """A master key is 32 bytes of URL-safe base64; the error does not repeat it."""
    with pytest.raises(KeyMissing) as caught:
        KeyRing([Secret(text)])
    assert not text or text not in str(caught.value)


async def test_a_lost_master_key_is_told_and_nothing_is_overwritten(database: Database) -> None:
    """With another master key nothing opens, the error names the missing one, and with the right one all is there."""
    async with database.transaction() as session:
        team = await teams.ensure(session, "T1", "", NOW)
        new = NewCredential(CredentialKind.API_TOKEN, "pypi", "API token", Secret("pypi-s3cret"))
        await credentials.store(session, team.id, new, "U1", NOW)
    right, database.vault = database.vault, Vault(KeyRing([Secret(generate_master_key())]))
    async with database.reading() as session:
        with pytest.raises(KeyMissing, match="SHIPBELL_MASTER_KEYS"):
            await keys.check(session)
        with pytest.raises(KeyMissing):
            await credentials.opened(session, team.id, CredentialKind.API_TOKEN, "pypi")
    database.vault = right
    async with database.reading() as session:
        await keys.check(session)
        found = await credentials.opened(session, team.id, CredentialKind.API_TOKEN, "pypi")
    assert found is not None
    assert found[1].reveal() == "pypi-s3cret"


async def test_the_first_key_seals_and_all_open(database: Database) -> None:
    """After a new master key is put in front, what the old one sealed still opens."""
    async with database.transaction() as session:
        team = await teams.ensure(session, "T1", "", NOW)
        old = await keys.data_key(session, team.id)
    place = Place(team.id, "inbox", "sealed", uuid4())
    blob = old.seal(place, Secret("x"))
    assert database.vault is not None
    ring = database.vault.wrapping
    assert isinstance(ring, KeyRing)
    fresh = generate_master_key()
    both = KeyRing([Secret(fresh), *_keys_of(ring)])
    database.vault = Vault(both)
    async with database.transaction() as session:
        assert (await keys.data_key(session, team.id)).open(place, blob).reveal() == "x"
        other = await teams.ensure(session, "T2", "", NOW)
        assert (await keys.data_key(session, other.id)).id
    assert both.ids[0] != ring.ids[0]


async def test_a_revoked_credential_is_destroyed(database: Database) -> None:
    """Revoking destroys the secret, happens once, and another team can't do it."""
    async with database.transaction() as session:
        team = await teams.ensure(session, "T1", "", NOW)
        other = await teams.ensure(session, "T2", "", NOW)
        new = NewCredential(CredentialKind.API_TOKEN, "pypi", "API token", Secret("x"))
        kept, replaced = await credentials.store(session, team.id, new, "U1", NOW)
        assert not replaced
        assert not await credentials.revoke(session, other.id, kept.id, "U9", NOW)
        assert await credentials.get(session, other.id, kept.id) is None
        second, replaced = await credentials.store(session, team.id, new, "U2", NOW)
        assert replaced
        assert await credentials.revoke(session, team.id, second.id, "U1", NOW)
        assert not await credentials.revoke(session, team.id, second.id, "U1", NOW)
        assert not await credentials.listed(session, team.id)
        assert await credentials.opened(session, team.id, CredentialKind.API_TOKEN, "pypi") is None


def _keys_of(ring: KeyRing) -> list[Secret]:
    import base64

    return [Secret(base64.urlsafe_b64encode(key).decode()) for key in ring._keys.values()]
