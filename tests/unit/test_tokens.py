"""Tokens are read offline without a crash, and what is narrowed can do less and never more."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymacaroons import Macaroon
from pymacaroons.macaroon import MACAROON_V1, MACAROON_V2

from bot.demo.index_model import Project, User
from bot.demo.index_tokens import Tokens, TokenUse
from bot.index import tokens
from bot.index.tokens import Expires, Opaque, ProjectIds, Projects, Publisher, TokenFacts, Unknown, Unreadable
from storage.records import Secret

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECOND = int(NOW.timestamp())
KEY = b"k" * 32
ID = "8f2c0000-0000-4000-8000-00000000000a"


def made(*caveats: Any, location: str = "pypi.org", prefix: str = "pypi", version: int = MACAROON_V2) -> str:
    """Return a token with these caveats; text stands as it is, the rest as JSON."""
    macaroon = Macaroon(location=location, identifier="8f2c", key=KEY, version=version)
    for caveat in caveats:
        macaroon.add_first_party_caveat(caveat if isinstance(caveat, str) else json.dumps(caveat))
    return f"{prefix}-{macaroon.serialize()}"


def facts(*caveats: Any, **how: Any) -> TokenFacts:
    """Return what is read of a token with these caveats."""
    found = tokens.read(Secret(made(*caveats, **how)))
    assert isinstance(found, TokenFacts)
    return found


@pytest.mark.parametrize(
    ("caveat", "expected"),
    [
        ([0, SECOND + 60, SECOND], Expires(NOW, NOW + timedelta(minutes=1))),
        ({"nbf": SECOND, "exp": SECOND + 60}, Expires(NOW, NOW + timedelta(minutes=1))),
        ([1, ["acme-widgets", "acme-core"]], Projects(("acme-widgets", "acme-core"))),
        ({"version": 1, "permissions": {"projects": ["widgets"]}}, Projects(("widgets",))),
        ([2, [ID]], ProjectIds((ID,))),
        ([3, ID], tokens.User(ID)),
        ([4, "publisher-1", None], Publisher("publisher-1")),
        ([9, "from tomorrow"], Unknown('[9, "from tomorrow"]')),
        ([0, 10**30, 0], Unknown(f"[0, {10**30}, 0]")),
        ("projects=Acme_Widgets, core", Projects(("acme-widgets", "core"))),
        (f"expires={SECOND}", Expires(None, NOW)),
        (f"not_before={SECOND}", Expires(NOW, None)),
        ("expires=never", Expires(None, None)),
        ("expires=soon", Unknown("expires=soon")),
        ("allowed=upload", Unknown("allowed=upload")),
        ("[" * 5_000, Unknown("[" * 159 + "…")),
    ],
)
def test_each_caveat_is_read(caveat: Any, expected: tokens.Caveat) -> None:
    """Every form of caveat that an index writes is read, older ones and devpi's too, and an unknown one is shown."""
    assert facts(caveat).caveats == (expected,)


def test_scope_and_expiry() -> None:
    """A token is as wide as its narrowest caveats let it be, and ends with the first of its ends."""
    wide = facts([3, ID], [9])
    assert (wide.account_wide, wide.projects, wide.expires_at) == (True, None, None)
    assert wide.serves("Anything")
    narrow = facts([1, ["a", "b"]], [1, ["b", "c"]], [0, SECOND, 0], [0, SECOND + 9, 0])
    assert (narrow.account_wide, narrow.projects, narrow.expires_at) == (False, ("b",), NOW)
    assert (narrow.serves("B"), narrow.serves("a")) == (True, False)
    assert facts(location="", prefix="devpi").location == ""


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("pypi-", "is not a macaroon of version 2"),
        ("pypi-Ag€EIc", "has signs that no token has, or is far too long"),
        ("pypi-Ag" + "A" * 20_000, "has signs that no token has, or is far too long"),
        (made([3, "u"], version=MACAROON_V1), "is not a macaroon of version 2"),
        ("pypi-" + base64.urlsafe_b64encode(b"0000" * 8).decode(), "is not a macaroon of version 2"),
        (made([3, "u"])[:-6], "is cut off or changed"),
        (made([3, "u"])[:60], "is cut off or changed"),
        (made([3, "u"]) + "AAAA", "is cut off or changed"),
    ],
)
def test_what_is_no_token_has_a_cause(text: str, cause: str) -> None:
    """A token that can't be read says why: other signs, another version, or a piece of it missing."""
    assert tokens.read(Secret(text)) == Unreadable(cause)


def test_other_tokens_are_opaque() -> None:
    """What has no macaroon's prefix is sent as it is, and its user is told so."""
    token = Secret("s3cret-of-a-private-index")
    assert tokens.read(token) == Opaque()
    assert tokens.narrowed(token, "widgets", NOW) == tokens.Sendable(token, narrowed=False)
    assert "s3cret" not in repr(tokens.narrowed(token))


@settings(max_examples=150)
@given(
    st.one_of(
        st.text(),
        st.text().map("pypi-{}".format),
        st.binary(max_size=200).map(
            lambda raw: "pypi-" + base64.urlsafe_b64encode(b"\2" + raw).decode().rstrip("=")
        ),
        st.tuples(st.integers(0, 120), st.characters()).map(lambda at: _changed(*at)),
    )
)
def test_any_text_is_read(text: str) -> None:
    """Whatever is typed is a value, never an exception, and can be asked to be narrowed."""
    found = tokens.read(Secret(text))
    assert isinstance(found, TokenFacts | Opaque | Unreadable)
    assert tokens.narrowed(Secret(text), "widgets", NOW).narrowed is isinstance(found, TokenFacts)


def _changed(at: int, sign: str) -> str:
    token = made([3, "u"], [1, ["widgets"]])
    return token[:at] + sign + token[at + 1 :]


@settings(max_examples=60)
@given(
    st.lists(
        st.one_of(
            st.text(), st.recursive(st.integers() | st.text(), lambda some: st.lists(some, max_size=4))
        ),
        max_size=5,
    )
)
def test_a_narrowed_copy_keeps_every_caveat(caveats: list[Any]) -> None:
    """The copy has all caveats of the token, in order, then the project's and the time's."""
    before = facts(*caveats)
    copy = tokens.narrowed(Secret(made(*caveats)), "Acme_Widgets", NOW, NOW - timedelta(minutes=1))
    after = tokens.read(copy.secret)
    assert isinstance(after, TokenFacts)
    added = {Projects(("acme-widgets",)), Expires(NOW - timedelta(minutes=1), NOW)}
    assert (after.location, after.caveats[: len(caveats)]) == (before.location, before.caveats)
    assert set(after.caveats[len(caveats) :]) == added


def test_the_index_refuses_a_narrowed_copy_elsewhere_and_later() -> None:
    """The index takes the copy for its project in its time, and for no other project and not after."""
    index, user = Tokens(), User("ada")
    widgets, core = (Project(name=name, owner=user, created_at=NOW, serial=1) for name in ("widgets", "core"))
    token = Secret(index.for_user("pypi.org", user, None))
    copy = tokens.narrowed(token, "widgets", NOW + timedelta(minutes=15), NOW)

    def verdict(text: Secret, project: Project, at: datetime) -> bool:
        macaroon, issued = index.find(text.reveal()) or (None, None)
        assert macaroon is not None
        assert issued is not None
        return index.verify(macaroon, issued, TokenUse(int(at.timestamp()), project)).allowed

    assert verdict(token, core, NOW + timedelta(days=1))
    assert verdict(copy.secret, widgets, NOW)
    assert not verdict(copy.secret, core, NOW)
    assert not verdict(copy.secret, widgets, NOW + timedelta(minutes=15))
    by_time = tokens.narrowed(token, until=NOW + timedelta(minutes=15))
    assert (by_time.narrowed, verdict(by_time.secret, core, NOW)) == (True, True)
    assert not verdict(by_time.secret, core, NOW + timedelta(hours=1))


def test_a_token_of_devpi_is_narrowed_in_its_own_words() -> None:
    """devpi-tokens verifies PyPI's caveats, and then fails to list them; what it writes itself it reads."""
    until = datetime(2026, 11, 20, 12, tzinfo=UTC)
    copy = tokens.narrowed(
        Secret(made(location="", prefix="devpi")), "Gear.Box", until, until - timedelta(hours=1)
    )
    assert copy.narrowed
    read = Macaroon.deserialize(copy.secret.reveal().removeprefix("devpi-"))
    said = [caveat.caveat_id_bytes.decode() for caveat in read.caveats]
    begins = int((until - timedelta(hours=1)).timestamp())
    assert said == ["projects=gear-box", f"expires={int(until.timestamp())}", f"not_before={begins}"]
    found = tokens.read(copy.secret)
    assert isinstance(found, TokenFacts)
    assert (found.projects, found.expires_at) == (("gear-box",), until)
