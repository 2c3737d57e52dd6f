"""Releases that the bot uploads itself, with a token of the team's: sent once, checked first, told plainly."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from bot.core import intents
from bot.core.distributions import Flaw
from bot.core.oauth1 import Grant, TokenPair, packed
from bot.core.outcomes import Login, TryLater, UploadRefused
from bot.demo.index_files import make_distribution
from bot.index import tokens
from bot.index.tokens import TokenFacts
from storage.database import Database
from storage.ledger import credentials
from storage.ledger.credentials import NewCredential
from storage.records import CredentialKind, Reason, Release, ReleaseReason, ReleaseState, Secret, StartBy
from tests.releases.kit import ADMIN, ALICE, BOB, World
from tests.stories.test_secrets import rows

WHEEL, SDIST = "gearbox-1.0.0-py3-none-any.whl", "gearbox-1.0.0.tar.gz"
S, R = ReleaseState, ReleaseReason


async def asked(world: World) -> Release:
    """Ask for a release, and return it once people are asked, or nobody can be."""
    await world.deliver(ALICE, intents.AskRelease("gearbox", "1.0.0", ""))
    await world.rest(lambda one: one.state in {S.AWAITING_APPROVAL, S.FAILED}, "gearbox")
    return await newest(world)


async def newest(world: World) -> Release:
    """Return the release as it is now."""
    found = await world.newest("gearbox")
    assert found is not None
    return found


async def approved(world: World) -> Release:
    """Ask for a release, approve it, and return what it comes to."""
    release = await asked(world)
    await world.deliver(BOB, intents.Approve(str(release.id), release.round))
    await world.rest(lambda one: one.state in {S.PUBLISHED, S.FAILED}, "gearbox")
    await world.rest()
    return await newest(world)


def found(release: Release) -> dict[str, str]:
    """Return what the look found, with how much it weighs."""
    return {one["found"]: one["level"] for one in release.report["findings"]}


def steps(world: World, release: Release) -> list[dict[str, Any]]:
    """Return the lines of the timeline that tell of files."""
    root = world.slack.roots(str(release.id))[0]
    wanted = {"built", "files_checked", "file_unfit", "file_uploaded", "file_there", "published", "failed"}
    return [line for line in world.slack.lines(root) if line["step"] in wanted]


def kinds(world: World, release: Release) -> list[str]:
    """Return what these lines tell."""
    return [line["step"] for line in steps(world, release)]


async def test_a_release_is_built_checked_uploaded_and_verified(database: Database) -> None:
    """From tag to verified: people are told of the exception, the wheel goes first, each with a copy for this alone."""
    world = World(database)
    await world.uploaded("gearbox", StartBy.PUSH)
    release = await asked(world)
    assert found(release)["upload_credential"] == "warning"
    assert "publisher_none" not in found(release)
    done = await approved(world)
    assert (done.state, done.reason, done.detail) == (S.PUBLISHED, R.VERIFIED_UPLOAD, "")
    assert [name for name, _ in world.index.arrived] == [WHEEL, SDIST]
    told = steps(world, done)
    assert [line["step"] for line in told] == [
        "built", "files_checked", "file_uploaded", "file_uploaded", "published",
    ]  # fmt: skip
    assert told[-1]["values"]["uploaded"] == "yes"
    for login in world.index.logins:
        narrow(world, login)
    assert not world.slack.doubled()


def narrow(world: World, login: Login | Grant) -> None:
    """See that what was sent is a copy for this project and for minutes."""
    assert isinstance(login, Login)
    assert login.user.reveal() == "__token__"
    facts = tokens.read(login.password)
    assert isinstance(facts, TokenFacts)
    assert facts.projects == ("gearbox",)
    assert facts.expires_at is not None
    assert facts.expires_at <= world.clock() + timedelta(minutes=15)


async def test_a_grant_uploads_where_there_is_no_token(database: Database) -> None:
    """A token is better, since a copy of it is narrowed; without one the team's OAuth grant does it, and people are told which."""
    world = World(database)
    await world.uploaded("gearbox", StartBy.PUSH)
    assert world.team is not None
    pair = TokenPair(Secret("granted"), Secret("granted-secret"))
    new = NewCredential(CredentialKind.OAUTH1, "pypi", "OAuth grant of demo", packed(pair))
    async with database.transaction() as session:
        await credentials.store(session, world.team.id, new, ADMIN, world.clock())
        best = await credentials.find(session, world.team.id, "pypi", "gearbox")
        assert best is not None
        assert best.credential.kind is CredentialKind.API_TOKEN
        await credentials.revoke(session, world.team.id, best.credential.id, ADMIN, world.clock())
    done = await approved(world)
    assert (done.state, done.reason) == (S.PUBLISHED, R.VERIFIED_UPLOAD)
    # The index is told of the release once, before its first file.
    assert world.index.logins == [Grant(pair), Grant(pair, told=True)]
    (warned,) = [one for one in done.report["findings"] if one["found"] == "upload_credential"]
    assert (warned["level"], warned["values"]["scope"]) == ("warning", "grant")


async def test_a_one_time_code_goes_with_each_file_once(database: Database) -> None:
    """A password's codes are made as each file is sent; none is sent twice, so the second file waits for the next."""
    world = World(database)
    await world.uploaded("gearbox", StartBy.PUSH)
    assert world.team is not None
    seed = Secret("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    new = NewCredential(
        CredentialKind.PASSWORD, "pypi", "a user name and a password", Secret("pass-word"), username=Secret("ada"), one_time=seed
    )  # fmt: skip
    async with database.transaction() as session:
        await credentials.store(session, world.team.id, new, ADMIN, world.clock())
        best = await credentials.find(session, world.team.id, "pypi", "gearbox")
        assert best is not None
        await credentials.revoke(session, world.team.id, best.credential.id, ADMIN, world.clock())
    done = await approved(world)
    assert (done.state, done.reason) == (S.PUBLISHED, R.VERIFIED_UPLOAD)
    assert [name for name, _ in world.index.arrived] == [WHEEL, SDIST]
    codes = [login.one_time for login in world.index.logins if isinstance(login, Login)]
    assert len(set(codes)) == len(codes) == 2
    assert None not in codes
    assert not world.slack.doubled()


async def test_files_of_the_forges_release_are_sent_as_approved(database: Database) -> None:
    """Where no run builds it, an approval is for the files that the forge's release holds: changed, it is void."""
    world = World(database)
    code = await world.uploaded("gearbox")
    nothing = await asked(world)
    assert found(nothing)["upload_no_files"] == "blocking"
    code.tags["v1.0.0"] = code.head
    code.releases.add("v1.0.0")
    code.attached = {name: make_distribution(name) for name in (SDIST, WHEEL)}
    await world.deliver(ALICE, intents.RetryRelease(release_id=str(nothing.id)))
    await world.rest(lambda one: one.state is S.AWAITING_APPROVAL, "gearbox")
    first = await newest(world)
    assert found(first)["upload_assets"] == "warning"
    code.attached[WHEEL] = make_distribution(WHEEL, "another")
    await world.deliver(BOB, intents.Approve(str(first.id), first.round))
    await world.rest(lambda one: one.round > first.round, "gearbox")
    anew = await newest(world)
    assert (anew.state, world.index.arrived) == (S.AWAITING_APPROVAL, [])
    await world.deliver(BOB, intents.Approve(str(anew.id), anew.round))
    await world.rest(lambda one: one.state is S.PUBLISHED, "gearbox")
    await world.rest()
    assert [name for name, _ in world.index.arrived] == [WHEEL, SDIST]


async def test_an_unfit_file_stops_all_before_one_is_sent(database: Database) -> None:
    """A file of another project among what was built: it is told by name, and nothing is sent."""
    world = World(database)
    code = await world.uploaded("gearbox", StartBy.PUSH)
    assert code.builds is not None
    code.builds["sprocket-1.0.0.tar.gz"] = make_distribution("sprocket-1.0.0.tar.gz")
    done = await approved(world)
    assert (done.state, done.reason) == (S.FAILED, R.FILE_UNFIT)
    assert not world.index.logins
    line = next(line for line in steps(world, done) if line["step"] == "file_unfit")
    assert line["values"] == {
        "flaw": str(Flaw.OTHER_PROJECT), "file": "sprocket-1.0.0.tar.gz", "detail": "sprocket",
    }  # fmt: skip


@pytest.mark.parametrize("place", ["run", "release"])
async def test_a_secret_in_a_files_name_is_nowhere(
    database: Database, database_url: str, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A token that somebody made part of a file's name stops the release, and is in no table, message or log."""
    world, mark = World(database), f"ghp_{uuid4().hex}a1B2"
    name = f"gearbox-1.0.0-{mark}-none-any.whl"
    starts = (StartBy.PUSH,) if place == "run" else ()
    code = await world.uploaded("gearbox", *starts)
    files = {SDIST: make_distribution(SDIST), name: make_distribution(WHEEL)}
    if place == "run":
        code.builds = files
    else:
        code.tags["v1.0.0"] = code.head
        code.releases.add("v1.0.0")
        code.attached = files
    done = await approved(world)
    assert (done.state, done.reason) == (S.FAILED, R.FILE_UNFIT)
    assert not world.index.logins
    held = rows(database_url) + repr(world.slack.__dict__) + caplog.text + repr(done)
    assert "gearbox" in held
    assert (mark in held, mark[8:32] in held) == (False, False)


async def test_a_half_done_upload_goes_on_where_it_stopped(database: Database) -> None:
    """Refused at the second file, tried again: the first is not sent twice, and what is there already is said to be."""
    world = World(database)
    await world.uploaded("gearbox", StartBy.PUSH)
    world.index.uploading = [
        TryLater(Reason.TIMED_OUT, "slow", arrived_maybe=True),
        UploadRefused(R.UPLOAD_LATE, "Uploading new files to releases older than 14 days is not allowed."),
    ]
    failed = await approved(world)
    assert (failed.state, failed.reason) == (S.FAILED, R.UPLOAD_LATE)
    await world.deliver(ALICE, intents.RetryRelease(release_id=str(failed.id)))
    await world.rest(lambda one: one.state is S.PUBLISHED, "gearbox")
    await world.rest()
    done = await newest(world)
    assert [name for name, _ in world.index.arrived] == [WHEEL, SDIST]
    assert kinds(world, done) == [
        "built", "files_checked", "file_uploaded", "failed", "built", "files_checked", "file_there", "file_uploaded",
        "published",
    ]  # fmt: skip


@pytest.mark.parametrize("there", [True, False])
async def test_another_file_of_the_name_stops_the_release(database: Database, there: bool) -> None:
    """Seen there, or told by the index when it is sent: another content is never taken for ours."""
    world = World(database)
    await world.uploaded("gearbox", StartBy.PUSH)
    release = await asked(world)
    if there:
        world.index.taken[SDIST] = ("gearbox", "0.9", "f" * 64)
    else:
        # Deleted on the index: not to be seen, and its name is used up.
        world.index.taken[SDIST] = ("gone", "1.0.0", "f" * 64)
    await world.deliver(BOB, intents.Approve(str(release.id), release.round))
    await world.rest(lambda one: one.state is S.FAILED, "gearbox")
    done = await newest(world)
    assert done.reason is R.UPLOAD_FILE_TAKEN
    assert SDIST in done.detail


async def test_a_refused_credential_is_marked_and_not_sent_again(database: Database) -> None:
    """The release fails with the index's cause; tried again, nobody is asked with a credential that was refused."""
    world = World(database)
    await world.uploaded("gearbox", StartBy.PUSH)
    world.index.uploading = [
        UploadRefused(R.UPLOAD_TOKEN_BROKEN, "signatures do not match", blames_token=True)
    ]
    failed = await approved(world)
    assert (failed.state, failed.reason) == (S.FAILED, R.UPLOAD_TOKEN_BROKEN)
    await world.deliver(ALICE, intents.RetryRelease(release_id=str(failed.id)))
    await world.rest()
    again = await newest(world)
    assert found(again)["upload_credential_refused"] == "blocking"
    assert len(world.index.logins) == 1


async def test_a_credential_that_is_gone_is_missed_before_anybody_is_asked(database: Database) -> None:
    """Without one, or with one that was revoked meanwhile, the look says so."""
    world = World(database)
    await world.uploaded("gearbox", StartBy.PUSH)
    assert world.team is not None
    async with database.transaction() as session:
        (one,) = await credentials.listed(session, world.team.id)
        await credentials.revoke(session, world.team.id, one.id, ADMIN, world.clock())
    release = await asked(world)
    assert (release.state, found(release)["upload_no_credential"]) == (S.FAILED, "blocking")
