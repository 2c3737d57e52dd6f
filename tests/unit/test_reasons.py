"""Every reason has a cause and, where there is something to do, a remedy."""

import pytest

from bot.slack.blocks.reasons import explain
from storage.records import Reason, Registration

OURS = Registration("company", "acme-widgets", "acme", "widgets", "release.yml", "pypi")
NOTHING_TO_DO = {Reason.ASKED, Reason.EVIDENCE}


def words(reason: Reason, *, detail: str = "", registration: Registration | None = OURS) -> tuple[str, str]:
    """Explain a reason on one index."""
    return explain(
        reason, index="company", index_url="https://index.example/", registration=registration, detail=detail
    )


@pytest.mark.parametrize("detail", ["", "the index's own words", "with an end."])
@pytest.mark.parametrize("registration", [OURS, None])
def test_every_reason_is_explained(detail: str, registration: Registration | None) -> None:
    """Cause and remedy are whole sentences on one line, whatever is known."""
    for reason in Reason:
        cause, remedy = words(reason, detail=detail, registration=registration)
        assert cause.endswith("."), reason
        assert remedy.endswith(".") or (remedy == "" and reason in NOTHING_TO_DO), reason
        for text in (cause, remedy):
            assert ".." not in text, reason
            assert "  " not in text, reason
            assert text.isprintable(), reason
            assert "None" not in text, reason


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (Reason.PROJECT_MISSING, "Upload a first release by hand"),
        (Reason.TOKEN_INVALID, "https://index.example/manage/account/token/"),
        (Reason.TOKEN_SCOPE, "entire account"),
        (Reason.ALREADY_PENDING, "https://index.example/manage/account/publishing/"),
        (Reason.REGISTERED, "confirmation link"),
        (Reason.NO_API, "form"),
    ],
)
def test_remedies_are_those_of_the_protocol(reason: Reason, said: str) -> None:
    """Each refusal tells what helps against it."""
    assert said in words(reason)[1]


def test_a_refused_value_shows_what_the_index_said() -> None:
    """Only the index knows which value it is."""
    assert "owner: unknown." in words(Reason.VALUE_INVALID, detail="owner: unknown")[0]


@pytest.mark.parametrize("reason", [Reason.TIMED_OUT, Reason.INDEX_BROKEN])
def test_what_may_have_arrived_is_told(reason: Reason) -> None:
    """After a lost answer a person is sent to look before asking again."""
    assert "may have arrived" in words(reason)[1]
    assert "nothing was sent" in words(Reason.UNREACHABLE)[0]
