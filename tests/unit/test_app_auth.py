"""How an App asks for the least: which permission each order needs, and what may be granted."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from bot.core.forge import FileChange, Forbidden, PullDraft, Repo, Unsure
from bot.forge import app_auth, asking
from bot.forge.app_auth import PERMISSIONS, READING, AppKey, Granted, Installation, NoLine
from bot.forge.asking import Ask
from bot.forge.shapes import Misshapen
from storage.records import Secret

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
REPO = Repo("acme", "widgets")


def orders() -> Iterator[tuple[Ask | None, set[str]]]:
    """Give every order of ours with what it needs."""
    workflow = FileChange("b", ".github/workflows/release.yml", "", "m")
    yield asking.make_tag_object(REPO, "v1", "0" * 40, "m"), {"contents"}
    yield asking.make_tag_ref(REPO, "v1", "0" * 40), {"contents"}
    yield asking.make_branch(REPO, "b", "0" * 40), {"contents"}
    yield asking.make_release(REPO, "v1", "n", "b", prerelease=False), {"contents"}
    yield asking.put_file(REPO, workflow), {"contents", "workflows"}
    yield asking.put_file(REPO, FileChange("b", "README.md", "", "m")), {"contents"}
    yield asking.open_pull(REPO, PullDraft("b", "main", "t", "b")), {"pull_requests"}
    yield asking.comment(REPO, 1, "b"), {"pull_requests"}
    yield asking.dispatch(REPO, "release.yml", "v1"), {"actions"}
    yield asking.rerun(REPO, 1), {"actions"}
    yield asking.approve(REPO, 1, (1,), "c"), {"deployments"}
    yield asking.make_environment(REPO, "pypi", ()), {"administration"}


@pytest.mark.parametrize(("ask", "names"), list(orders()))
def test_each_order_needs_the_least(ask: Ask | None, names: set[str]) -> None:
    """Every order asks for its own permissions and no other; all but the administrator's are in the manifest."""
    assert ask is not None
    assert app_auth.needs(ask) == dict.fromkeys(names, "write")
    assert all(PERMISSIONS.get(name) == "write" for name in names - {"administration"})


def test_no_order_is_left_out() -> None:
    """Each function of ours that orders something is among the examples above."""
    known = {ask.path.split("/")[4] for ask, _ in orders() if ask is not None}
    assert known == {"git", "releases", "contents", "pulls", "issues", "actions", "environments"}


def test_looking_makes_do() -> None:
    """A question asks for reading alone, as far as it was granted; whatever writes may read."""
    ask = asking.repository(REPO)
    assert ask is not None
    assert app_auth.needs(ask) is READING
    assert set(READING.values()) == {"read"}
    waiting = asking.waiting(REPO, 1)
    assert waiting is not None
    assert app_auth.needs(waiting) is app_auth.WAITING
    assert app_auth.narrowed(app_auth.WAITING, Installation(1, {"deployments": "write"})) == {
        "deployments": "write"
    }
    assert app_auth.narrowed(app_auth.WAITING, Installation(1, {"deployments": "read"})) == {
        "deployments": "read"
    }
    granted = Installation(1, {"contents": "write", "metadata": "read", "issues": "write"})
    assert app_auth.narrowed(READING, granted) == {"contents": "read", "metadata": "read"}


def test_an_order_that_was_not_granted_is_not_asked() -> None:
    """What is missing is named; reading is not enough to write."""
    granted = Installation(1, {"contents": "read", "actions": "write"})
    assert app_auth.narrowed({"contents": "write"}, granted) == ("contents",)
    assert app_auth.narrowed({"actions": "write"}, granted) == {"actions": "write"}


def test_a_suspended_installation_grants_nothing() -> None:
    """Its permissions count for nothing."""
    value = {"id": 7, "permissions": {"contents": "write"}, "suspended_at": "2026-01-01T00:00:00Z"}
    assert app_auth.read_installation(value) == Installation(7)
    assert app_auth.read_installation({**value, "suspended_at": None}).permissions == {"contents": "write"}


def test_a_token_ends_early_and_is_never_shown() -> None:
    """A token is not used in its last minutes, and no repr shows it."""
    value = {"token": "ghs_marked9931", "expires_at": "2026-11-21T13:00:00Z"}
    granted = app_auth.read_token(value)
    assert granted == Granted(Secret("ghs_marked9931"), NOW + timedelta(hours=1))
    assert granted.fresh(NOW + timedelta(minutes=54))
    assert not granted.fresh(NOW + timedelta(minutes=56))
    assert "marked9931" not in repr(granted)


@pytest.mark.parametrize(
    "value", [None, [], {}, {"token": "x"}, {"token": "a\nb", "expires_at": "2026-11-21T13:00:00Z"}]
)
def test_an_odd_answer_is_no_token(value: object) -> None:
    """Whatever is not GitHub's shape is Misshapen."""
    with pytest.raises(Misshapen):
        app_auth.read_token(value)


def test_a_key_that_is_none_is_told_without_it() -> None:
    """A key that can't be read is named by its setting, and nothing of it is repeated."""
    found = app_auth.signed(AppKey("1", Secret("-----BEGIN RSA PRIVATE KEY-----\nmarked9931\n")), NOW)
    assert isinstance(found, NoLine)
    assert "SHIPBELL_GITHUB_APP_PRIVATE_KEY" in found.detail
    assert "marked9931" not in repr(found)


def test_no_credential_is_a_refusal_or_unsure() -> None:
    """What GitHub said no to is Forbidden for an order; what it did not say is Unsure, and every question is."""
    assert NoLine(404, "x").ordering() == Forbidden("x")
    assert NoLine(0, "x", 3.0).ordering() == Unsure("x", 3.0)
    assert NoLine(503, "x").ordering() == Unsure("x")
    assert NoLine(404, "x").reading() == Unsure("x")
