"""Webhooks are known to be genuine, and nudge what they concern."""

import hashlib
import hmac
import json
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.forge import Repo
from bot.forge.webhooks import Nudge, read, signed
from storage.records import Secret

KEY = Secret("marked-9931")
SHA = "a" * 40
REPO = Repo("acme", "widgets")
WHERE = {"repository": {"full_name": "acme/widgets"}}


def header(body: bytes, key: str = "marked-9931") -> str:
    """Return the header that GitHub sends."""
    return "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def test_a_genuine_body_is_signed() -> None:
    """The signature covers each byte of the body, with our secret."""
    assert signed(KEY, b"{}", header(b"{}"))
    # The example of "Validating webhook deliveries".
    example = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert signed(Secret("It's a Secret to Everybody"), b"Hello, World!", example)


@pytest.mark.parametrize(
    "wrong",
    ["", "sha256=", header(b"{} "), header(b"{}", "other"), header(b"{}").replace("sha256", "sha1"), header(b"{}") + "0",
     header(b"{}").upper(), "sha256=" + "é" * 64],
)  # fmt: skip
def test_any_other_signature_is_refused(wrong: str) -> None:
    """Neither another body, key or digest nor a broken header passes."""
    assert not signed(KEY, b"{}", wrong)


def test_without_a_secret_nothing_is_genuine() -> None:
    """An empty secret, with which anybody could sign, opens nothing."""
    assert not signed(Secret(""), b"{}", header(b"{}", ""))


@pytest.mark.parametrize(
    ("event", "value", "nudge"),
    [
        ("workflow_run", {"workflow_run": {"id": 7, "head_sha": SHA}}, Nudge(REPO, "workflow_run", SHA, 7)),
        ("workflow_job", {"workflow_job": {"id": 1, "run_id": 7, "head_sha": SHA}}, Nudge(REPO, "workflow_job", SHA, 7)),
        ("deployment_review", {"workflow_run": {"id": 7, "head_sha": SHA}}, Nudge(REPO, "deployment_review", SHA, 7)),
        ("deployment_status", {
            "deployment": {"sha": SHA}, "deployment_status": {"target_url": "https://x/acme/widgets/actions/runs/7/job/1"},
        }, Nudge(REPO, "deployment_status", SHA, 7)),
        ("create", {"ref": "v1", "ref_type": "tag"}, Nudge(REPO, "create")),
        ("push", {"after": "b" * 40, "head_commit": {"id": SHA}}, Nudge(REPO, "push", SHA)),
        ("push", {"after": "0" * 40, "head_commit": None}, Nudge(REPO, "push", "0" * 40)),
        ("push", {"ref": "refs/tags/v1", "after": SHA}, Nudge(REPO, "push", SHA, tag="v1")),
        ("push", {"ref": "refs/heads/v1", "after": SHA}, Nudge(REPO, "push", SHA)),
        ("release", {"release": {"tag_name": "v1"}}, Nudge(REPO, "release")),
        ("check_suite", {"check_suite": {"head_sha": SHA}}, Nudge(REPO, "check_suite", SHA)),
        ("workflow_run", {"workflow_run": {"id": True, "head_sha": 7}}, Nudge(REPO, "workflow_run")),
        ("ping", {}, None), ("installation", {}, None), ("", {}, None),
    ],
)  # fmt: skip
def test_events_nudge(event: str, value: dict[str, object], nudge: Nudge | None) -> None:
    """Each event that counts names its repository, and its commit and run where it has them."""
    assert read(event, json.dumps({**value, **WHERE}).encode()) == nudge


def test_a_form_is_read_too() -> None:
    """GitHub sends a form where whoever made the hook left its content type as it was."""
    value = {**WHERE, "release": {"name": "a + b & ü"}}
    assert read("release", urlencode({"payload": json.dumps(value)}).encode()) == Nudge(REPO, "release")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"payload=", b"payload=%7B", b"payload=%ff", b"[]", b"7", b"[" * 100_000, b"{}", b'{"repository": 7}', b'{"repository": {"full_name": "a"}}',
     b'{"repository": {"full_name": "a/.."}}', b'{"repository": {"full_name": "a/b/c"}}', b'{"repository": {"full_name": "a/b?"}}'],
)  # fmt: skip
def test_what_names_no_repository_nudges_nothing(body: bytes) -> None:
    """A body that can't be read counts for nothing."""
    assert read("push", body) is None


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.just(SHA),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["workflow_run", "id", "head_sha", "deployment", "sha", "deployment_status", "log_url"]
            ),
            inner,
        )
    ),
    max_leaves=8,
)


@given(st.sampled_from(["workflow_run", "deployment_status", "push"]), st.dictionaries(
    st.sampled_from(["workflow_run", "deployment", "deployment_status", "head_commit", "after"]), ANYTHING))  # fmt: skip
def test_no_event_raises(event: str, value: dict[str, object]) -> None:
    """Whatever else stands in it, an event of a repository nudges it."""
    got = read(event, json.dumps({**value, **WHERE}).encode())
    assert got is not None
    assert got.repo == REPO
