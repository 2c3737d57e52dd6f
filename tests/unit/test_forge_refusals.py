"""What it means when GitHub refuses, or nobody answers."""

import json

import pytest

from bot.core.forge import Done, Exists, Forbidden, Invalid, Nothing, Unsure
from bot.errors import AnswerLost, Unreachable
from bot.forge import acting, refusals
from bot.forge.sending import Held
from bot.wire import Answer

SHA = "a" * 40


def answer(status: int, value: object = None, **headers: str) -> Answer:
    """Return an answer with a body: JSON, or bytes as they are."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Answer(status, "", headers, body)


def said(status: int, message: str = "so", **headers: str) -> Answer:
    """Return a refusal in GitHub's shape."""
    return answer(status, {"message": message}, **headers)


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_not_there_is_nothing(status: int) -> None:
    """404 and 410 are answers; with an unknown sha, 422 is one too."""
    assert refusals.refused(said(status)) == Nothing()
    assert refusals.refused(said(422), refusals.NO_COMMIT) == Nothing()
    assert isinstance(refusals.refused(said(422)), Unsure)


@pytest.mark.parametrize(
    ("got", "words", "retry_after"),
    [
        (said(401), "does not accept the token", None), (said(403, "Not by <b>you</b>"), "refuses: Not by you.", None),
        (said(403, **{"retry-after": "9"}), "no more requests", 9.0), (said(429), "no more requests", 60.0),
        (said(301), "renamed", None), (said(302), "renamed", None), (said(500), "out of order (500)", None),
        (said(503, **{"retry-after": "9"}), "out of order (503)", 9.0), (said(451, "x"), "answered 451: x.", None),
        (answer(418, b"<html>"), "answered 418: it does not say why.", None),
    ],
)  # fmt: skip
def test_a_refused_question(got: Answer, words: str, retry_after: float | None) -> None:
    """Every other refusal says that nobody knows, why, and how long to wait."""
    found = refusals.refused(got)
    assert isinstance(found, Unsure)
    assert words in found.detail
    assert (found.retry_after, found.arrived_maybe) == (retry_after, False)


ALREADY = {
    "message": "Validation Failed",
    "errors": [{"resource": "Release", "code": "already_exists", "field": "tag_name"}],
}


@pytest.mark.parametrize(
    ("got", "kind", "words"),
    [
        (said(401), Forbidden, "token"), (said(403, "Resource not accessible"), Forbidden, "Resource not accessible."),
        (said(404), Nothing, ""), (said(422, "Reference already exists"), Exists, "already exists"),
        (answer(422, ALREADY), Exists, "tag_name already_exists"), (said(422, "No ref found"), Invalid, "No ref found."),
        (answer(422, {"message": "a", "errors": ["b", {"message": "c"}, 7]}), Invalid, "a; b; c."),
        (said(409, "Repository is empty"), Invalid, "is empty."), (said(307), Invalid, "renamed"),
        (said(400), Invalid, "400"), (said(413), Invalid, "413"),
        (answer(422, b"<html>"), Invalid, "does not say why"), (answer(422, {"message": 7, "errors": 7}), Invalid, "not say"),
    ],
)  # fmt: skip
def test_a_refused_order(got: Answer, kind: type, words: str) -> None:
    """Each refusal of an order is its own value, in GitHub's words."""
    found = refusals.acted(got)
    assert type(found) is kind
    assert words in getattr(found, "detail", "")


@pytest.mark.parametrize(("status", "maybe"), [(500, True), (502, True), (429, False), (999, True)])
def test_an_order_that_may_have_arrived(status: int, maybe: bool) -> None:
    """After a 5xx the forge may have acted; after a limit it has not."""
    found = refusals.acted(said(status))
    assert isinstance(found, Unsure)
    assert found.arrived_maybe is maybe


def test_an_order_that_was_followed() -> None:
    """What is done names its page, if GitHub does."""
    assert refusals.acted(answer(201, {"html_url": "https://x/v1"})) == Done("https://x/v1")
    assert refusals.acted(Answer(204, "", {}, b"")) == Done()
    assert refusals.acted(answer(200, b"<html>")) == Done()


def test_a_tag_object_without_a_ref_is_seen_by_nobody() -> None:
    """So nothing has to be looked for where its making is in doubt."""
    assert acting.tag_made(answer(201, {"sha": SHA})) == SHA
    for got in (said(500), answer(201, {}), answer(200, {"sha": SHA})):
        found = acting.tag_made(got)
        assert isinstance(found, Unsure)
        assert not found.arrived_maybe
    assert isinstance(acting.tag_made(said(422, "Object does not exist")), Invalid)


def test_no_answer_at_all() -> None:
    """Only an order that was sent may have arrived; only a limit says how long to wait."""
    lost, refused = AnswerLost("Lost.", host="x"), Unreachable("No.", host="x", retry_in=0.2)
    assert refusals.unanswered(lost, acting=True) == Unsure("Lost.", None, arrived_maybe=True)
    assert refusals.unanswered(lost, acting=False) == Unsure("Lost.")
    assert refusals.unanswered(refused, acting=True) == Unsure("No.")
    held = refusals.unanswered(Held("x", 9.5), acting=True)
    assert (held.retry_after, held.arrived_maybe) == (9.5, False)
