"""What somebody enters is refused with its cause, or taken as what it is; and its owner is reminded in time."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.credentials import OLD, SOON, Reminder, next_reminder, reminder
from bot.core.sites import IndexSite
from bot.index import intake, tokens
from bot.index.intake import Intake
from storage.records import Credential, CredentialKind, Secret
from tests.unit.test_tokens import ID, NOW, SECOND, made

SITES = {
    "pypi": IndexSite("pypi", "https://pypi.org"),
    "testpypi": IndexSite("testpypi", "https://test.pypi.org"),
    "company": IndexSite("company", "https://pkg.example", token_location="tokens.example"),
}
WIDE = made([3, ID])


def taken(**typed: str) -> Intake:
    """Return what was entered, taken."""
    found = intake.take({"index": "pypi", **typed}, SITES, NOW)
    assert isinstance(found, Intake), found
    return found


@pytest.mark.parametrize(
    ("typed", "field", "cause"),
    [
        ({"index": "other", "token": WIDE}, "index", "not served here"),
        ({"token": ""}, "token", "Enter the token"),
        ({"token": "ghp_0123456789abcdefghijABCDEFGHIJ012345"}, "token", "a GitHub token"),
        ({"token": "two words"}, "token", "no spaces"),
        ({"token": "tökén"}, "token", "no spaces or special signs"),
        ({"token": WIDE[:-4]}, "token", "cut off or changed: copy it again"),
        ({"token": made([3, ID], location="test.pypi.org")}, "token", "belongs to testpypi (test.pypi.org)"),
        ({"token": made([3, ID], location="else.example")}, "token", "belongs to else.example, not to pypi"),
        ({"token": WIDE, "index": "company"}, "token", "belongs to pypi (pypi.org), not to company"),
        ({"token": made([0, SECOND, 0])}, "token", "ended 2026-11-20 12:00 UTC. Make a new one: https://pypi.org/"),
        ({"token": made([4, "p", None], [0, SECOND + 9, 0])}, "token", "Trusted publishing made this token"),
        ({"token": WIDE, "project": "-"}, "project", "can't be a project's name"),
        ({"token": made([1, ["a"]]), "project": "b"}, "project", "good for a alone"),
        ({"token": "", "username": "ada"}, "token", "password is missing"),
        ({"token": "x\x00y", "username": "ada"}, "token", "can't be a password"),
        ({"token": "x", "username": WIDE}, "username", "looks like a token"),
        ({"token": "x", "username": "a" * 201}, "username", "can't be a user name"),
    ],
)  # fmt: skip
def test_what_is_of_no_use_is_refused(typed: dict[str, str], field: str, cause: str) -> None:
    """Each refusal stands at its field, and names cause and remedy, and nothing of the secret."""
    found = intake.take({"index": "pypi", **typed}, SITES, NOW)
    assert not isinstance(found, Intake)
    (problem,) = found
    assert (problem.field, cause in problem.message) == (field, True), problem
    assert not typed["token"] or typed["token"] not in problem.message


def test_what_is_taken() -> None:
    """A token of the index, an opaque one and a password are taken as what they are; all that is secret is to be sealed."""
    token = taken(token=f" {WIDE}\n", project="Acme_Widgets", username="__token__")
    assert (token.kind, token.project, token.username) == (CredentialKind.API_TOKEN, "acme-widgets", None)
    assert token.facts is not None
    assert token.facts.account_wide
    assert taken(token=made([3, ID], location="tokens.example"), index="company").facts is not None
    assert taken(token=made("projects=a", location="", prefix="devpi"), project="a").facts is not None
    assert taken(token="opaque").facts is None
    login = taken(token="correct horse", username="ada")
    assert (login.kind, login.facts, set(login.secrets)) == (
        CredentialKind.PASSWORD,
        None,
        {"secret", "username"},
    )
    assert "correct" not in repr(login)
    assert "ada" not in repr(login)


def test_a_bound_copy_has_no_end_of_its_own() -> None:
    """What is kept instead of a wide token is bound to the project's name, as long as the wide one lives."""
    copy, facts = intake.bound(Secret(made([3, ID], [0, SECOND + 60, 0])), "Acme_Widgets")
    assert facts is not None
    assert (facts.account_wide, facts.projects) == (False, ("acme-widgets",))
    assert facts.expires_at == NOW + timedelta(minutes=1)
    assert isinstance(tokens.read(copy), tokens.TokenFacts)


@settings(max_examples=60)
@given(st.fixed_dictionaries({name: st.text() for name in ("project", "username", "token")}))
def test_anything_may_be_entered(typed: dict[str, str]) -> None:
    """Whatever is typed is taken or refused, never a crash."""
    found = intake.take({"index": "pypi", **typed}, SITES, NOW)
    assert isinstance(found, Intake) or all(problem.message for problem in found)


def kept(days_left: int | None, old: int = 0) -> Credential:
    """Return a credential that was added so many days ago and ends in so many days, and is reminded of next."""
    added, ends = NOW - timedelta(days=old), None if days_left is None else NOW + timedelta(days=days_left)
    return Credential(
        uuid4(), uuid4(), CredentialKind.API_TOKEN, "pypi", "", "U1", added, None, 0, None, None, None,
        expires_at=ends, remind_at=next_reminder(added, ends, added),
    )  # fmt: skip


def heard(credential: Credential, days: int) -> list[tuple[int, Reminder]]:
    """Return what the owner hears in so many days, a look a day, and on which."""
    found, at = [], credential.remind_at
    for day in range(days):
        now = credential.added_at + timedelta(days=day)
        if at is not None and at <= now:
            what = reminder(replace(credential, remind_at=at), now)
            found += [(day, what)] if what else []
            at = next_reminder(credential.added_at, credential.expires_at, now)
    return found


def test_an_owner_is_reminded_in_time_and_once() -> None:
    """A week before the end, at the end, and each 180 days of age; never twice, and never after the end."""
    assert heard(kept(None), 600) == [(180, Reminder.OLD), (360, Reminder.OLD), (540, Reminder.OLD)]
    assert heard(kept(200), 600) == [(180, Reminder.OLD), (193, Reminder.SOON), (200, Reminder.EXPIRED)]
    assert heard(kept(3), 600) == [(3, Reminder.EXPIRED)]
    assert heard(kept(184), 600) == [(177, Reminder.SOON), (180, Reminder.OLD), (184, Reminder.EXPIRED)]


def test_what_was_slept_through_is_told_once() -> None:
    """After a long sleep an owner hears the newest alone; one that an older version kept is looked at in silence."""
    ends = kept(30)
    assert reminder(ends, NOW + timedelta(days=99)) is Reminder.EXPIRED
    assert next_reminder(ends.added_at, ends.expires_at, NOW + timedelta(days=99)) is None
    old = replace(kept(None, old=20), remind_at=NOW - timedelta(days=20))
    assert reminder(old, NOW) is None
    assert next_reminder(old.added_at, None, NOW) == old.added_at + OLD
    assert next_reminder(NOW, NOW + SOON, NOW) == NOW + SOON
