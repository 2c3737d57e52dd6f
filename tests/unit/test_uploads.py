"""What a release that the bot uploads needs: each hindrance by its own name, and files that are there."""

import zipfile
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from zipfile import ZipFile

import pytest

from bot.archives import unpacked
from bot.core.binding import changed
from bot.core.distributions import MOST_FILES, Flaw, Unfit
from bot.core.findings import Finding, Found, Level
from bot.core.forge import Asset, ForgeRelease, Nothing
from bot.core.preflight import judge
from bot.core.uploads import Means, Plan, attached, files, findings, scope
from storage.records import Registration
from tests.unit.packed import SDIST_NAME, WHEEL_NAME, sdist, wheel
from tests.unit.preflight_examples import FACTS

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
OURS = Registration("company", "gearbox", "acme", "gearbox", "release.yml", "")
GOOD = Means(has_address=True, there=True, added_by="U9", account_wide=False, projects=("gearbox",))


def found(means: Means) -> Finding:
    """Return the one finding about a credential."""
    (one,) = findings(Plan(means), OURS, NOW)
    return one


@pytest.mark.parametrize(
    ("means", "what"),
    [
        (replace(GOOD, has_address=False), Found.UPLOAD_NO_ADDRESS),
        (Means(has_address=True), Found.UPLOAD_NO_CREDENTIAL),
        (Means(has_address=True, refused=True), Found.UPLOAD_CREDENTIAL_REFUSED),
        (replace(GOOD, unreadable="is cut off or changed"), Found.UPLOAD_CREDENTIAL_UNREADABLE),
        (replace(GOOD, elsewhere="pypi.org"), Found.UPLOAD_CREDENTIAL_ELSEWHERE),
        (replace(GOOD, projects=("sprocket",)), Found.UPLOAD_CREDENTIAL_NARROWER),
        (replace(GOOD, projects=()), Found.UPLOAD_CREDENTIAL_NARROWER),
        (replace(GOOD, expires_at=NOW), Found.UPLOAD_CREDENTIAL_EXPIRED),
    ],
)
def test_each_hindrance_is_in_the_way(means: Means, what: Found) -> None:
    """What can be told offline is told before anybody is asked."""
    one = found(means)
    assert (one.found, one.level) == (what, Level.BLOCKING)
    assert one.values["project"] == "gearbox"


@pytest.mark.parametrize(
    ("means", "reach"),
    [
        (GOOD, "project"),
        (replace(GOOD, account_wide=True, projects=None), "account"),
        (replace(GOOD, account_wide=None, projects=None), ""),
        (replace(GOOD, password=True, account_wide=None, projects=None), "password"),
        (replace(GOOD, expires_at=NOW + timedelta(days=1)), "project"),
    ],
)
def test_a_credential_that_serves_is_a_warning_still(means: Means, reach: str) -> None:
    """It is the exception, and how far it reaches is part of what is approved."""
    one = found(means)
    assert (one.found, one.level, one.values["scope"]) == (Found.UPLOAD_CREDENTIAL, Level.WARNING, reach)
    assert scope(means) == reach


def test_files_of_the_forges_release_are_named() -> None:
    """Drafts and what is no distribution do not count; without any file nothing can be uploaded."""
    assets = (Asset(WHEEL_NAME, 1, 9, "0" * 64), Asset("notes.pdf", 2, 9, ""))
    there = ForgeRelease("", draft=False, prerelease=False, assets=(), attached=assets)
    assert attached(there) == assets[:1]
    assert attached(replace(there, draft=True)) == attached(Nothing()) == attached(None) == ()
    (none,) = files(Plan(GOOD), "release.yml", "v1")
    assert (none.found, none.level) == (Found.UPLOAD_NO_FILES, Level.BLOCKING)
    (some,) = files(Plan(GOOD, ((WHEEL_NAME, "0" * 64),)), "release.yml", "v1")
    (other,) = files(Plan(GOOD, ((WHEEL_NAME, "1" * 64),)), "release.yml", "v1")
    assert (some.found, some.level) == (Found.UPLOAD_ASSETS, Level.WARNING)
    assert some.values["digest"] != other.values["digest"]


def test_who_publishes_belongs_to_what_is_approved() -> None:
    """A project that comes to be uploaded by the bot, or no more, voids the approvals; its publisher is not asked for."""
    by_workflow = judge(FACTS)
    by_bot = judge(replace(FACTS, plan=Plan(GOOD)))
    assert (by_workflow.uploads, by_bot.uploads) == (False, True)
    assert by_bot.publishing_jobs == ()
    assert not any(one.found is Found.PUBLISHER_CONFIRMED for one in by_bot.findings)
    for before, after in ((by_workflow, by_bot), (by_bot, by_workflow)):
        assert changed(before, after)
        assert not changed(after, after)


def packed(members: dict[str, bytes]) -> BytesIO:
    """Return a zip."""
    made = BytesIO()
    with ZipFile(made, "w") as making:
        for name, content in members.items():
            making.writestr(name, content)
    made.seek(0)
    return made


def test_an_artifact_is_unpacked_to_nameless_files() -> None:
    """Distributions come out under the end of their paths, wherever these lead; the rest stays in."""
    content = packed({"dist/../../" + WHEEL_NAME: wheel(), SDIST_NAME: sdist(), "log.txt": b"x", "a/": b""})
    with ExitStack() as into:
        got = unpacked(content, len(content.getvalue()), into)
        assert isinstance(got, list)
        assert [name for name, _ in got] == [WHEEL_NAME, SDIST_NAME]
        assert got[0][1].read() == wheel()
        assert all(isinstance(opened.name, int) for _, opened in got)
        first = got[0][1]
    assert first.closed


def test_an_artifact_that_is_no_zip_or_too_much_is_unfit() -> None:
    """What can't be read, and more files than a release has, are told by name."""
    with ExitStack() as into:
        assert unpacked(BytesIO(b"no zip"), 6, into) == Unfit(Flaw.UNSOUND, detail="is not a zip file")
        many = packed({f"{number}.whl": b"" for number in range(MOST_FILES + 1)})
        found = unpacked(many, len(many.getvalue()), into)
        assert isinstance(found, Unfit)
        assert found.flaw is Flaw.TOO_MANY_FILES


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_artifact_that_is_packed_unusually_is_unfit(packing: int) -> None:
    """Only what is stored or deflated is unpacked; the file that is packed otherwise is named."""
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as making:
        making.writestr("log.txt", b"x", packing)  # not unpacked, so of no interest
        making.writestr(WHEEL_NAME, wheel())
        making.writestr(SDIST_NAME, sdist(), packing)
    with ExitStack() as into:
        detail = f"{SDIST_NAME} is packed in an unusual way"
        assert unpacked(content, len(content.getvalue()), into) == Unfit(Flaw.UNSOUND, detail=detail)
