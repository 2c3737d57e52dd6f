"""Who somebody is in Slack: read from its answers, kept for a minute, never guessed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.core.leaving import DEAD, LIVES
from bot.core.people import CannotTell, Group, Person, Standing
from bot.errors import NotInstalled
from bot.slack.people import KEPT, MOST, SlackPeople, read_person
from bot.slack.scopes import BOT_SCOPES
from storage.records import StorageError
from tests.transport.slack_server import HANG_UP, ScriptedSlack, scripted

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MEMBER: dict[str, Any] = {"id": "U1", "team_id": "T1", "deleted": False, "is_bot": False}


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now


def people(slack: ScriptedSlack, clock: Hand | None = None) -> SlackPeople:
    """Return what is tested."""
    return SlackPeople(slack.client_for, clock or Hand())


def user(**more: Any) -> dict[str, Any]:
    """Return an answer of users.info."""
    return {"ok": True, "user": MEMBER | more}


@pytest.mark.parametrize(
    ("said", "standing"),
    [
        ({}, Standing.MEMBER),
        ({"is_restricted": True}, Standing.GUEST),
        ({"is_restricted": True, "is_ultra_restricted": True}, Standing.GUEST),
        ({"is_bot": True}, Standing.BOT),
        ({"is_workflow_bot": True}, Standing.BOT),
        ({"deleted": True}, Standing.DEACTIVATED),
        ({"deleted": True, "is_bot": True}, Standing.DEACTIVATED),
        ({"is_stranger": True}, Standing.STRANGER),
        ({"team_id": "T2"}, Standing.STRANGER),
        ({"team_id": "T2", "is_restricted": True}, Standing.STRANGER),
        ({"team_id": "T2", "enterprise_user": {"enterprise_id": "E1", "teams": ["T1", "T2"]}}, Standing.MEMBER),
        ({"team_id": "T2", "enterprise_user": {"enterprise_id": "E1", "teams": ["T3"]}}, Standing.STRANGER),
    ],
)  # fmt: skip
def test_standing_is_what_slack_says(said: dict[str, Any], standing: Standing) -> None:
    """Only a full member of this workspace is a member; the strictest reading wins."""
    assert read_person(MEMBER | said, "U1", "T1") == Person("U1", standing)


def test_an_org_wide_install_knows_its_members() -> None:
    """Where the bot is installed for a whole organisation, its people are members, whichever workspace is theirs."""
    said = MEMBER | {"team_id": "T9", "enterprise_user": {"enterprise_id": "E1", "teams": ["T9"]}}
    assert read_person(said, "U1", "E1") == Person("U1", Standing.MEMBER)


@pytest.mark.parametrize("name", ["is_admin", "is_owner", "is_primary_owner"])
def test_admins_and_owners_are_admins(name: str) -> None:
    """Each of Slack's words for one makes an admin of a member, and of nobody else."""
    assert read_person(MEMBER | {name: True}, "U1", "T1") == Person("U1", Standing.MEMBER, admin=True)
    assert read_person(MEMBER | {name: True, "is_bot": True}, "U1", "T1") == Person("U1", Standing.BOT)


@pytest.mark.parametrize("name", ["is_admin", "is_owner"])
def test_an_orgs_admins_are_not_those_of_one_of_its_workspaces(name: str) -> None:
    """Where the bot is installed for a whole org, an admin of one workspace is none of the org's, and the other way round."""
    org = {"enterprise_id": "E1", "teams": ["T1"]}
    below = MEMBER | {name: True, "enterprise_user": org}
    above = MEMBER | {"enterprise_user": org | {name: True}}
    for said, team, admin in (
        (below, "E1", False),
        (below, "T1", True),
        (above, "E1", True),
        (above, "T1", False),
    ):
        assert read_person(said, "U1", team) == Person("U1", Standing.MEMBER, admin=admin)


def test_slackbot_is_a_bot() -> None:
    """Slack does not mark its own bot as one."""
    assert read_person(MEMBER, "USLACKBOT", "T1") == Person("USLACKBOT", Standing.BOT)


def test_a_person_of_no_workspace_is_not_guessed() -> None:
    """An answer that names no workspace says nothing about who may decide."""
    assert isinstance(read_person({"id": "U1"}, "U1", "T1"), CannotTell)


async def test_nobody_of_that_id_is_known_as_such() -> None:
    """Slack's own no is an answer, not a failure."""
    async with scripted(users_info=[{"ok": False, "error": "user_not_found"}]) as slack:
        assert await people(slack).person("T1", "U404") == Person("U404", Standing.UNKNOWN)


async def test_an_answer_is_kept_for_a_minute() -> None:
    """The same question is asked once a minute, for each team and person by itself."""
    clock = Hand()
    async with scripted(users_info=[user(), user(deleted=True)]) as slack:
        asked = people(slack, clock)
        assert await asked.person("T1", "U1") == Person("U1", Standing.MEMBER)
        clock.now += KEPT - timedelta(seconds=1)
        assert await asked.person("T1", "U1") == Person("U1", Standing.MEMBER)
        assert len(slack.calls) == 1
        clock.now += timedelta(seconds=1)
        assert await asked.person("T1", "U1") == Person("U1", Standing.DEACTIVATED)
        assert await asked.person("T2", "U1") == Person("U1", Standing.DEACTIVATED)
        assert len(slack.calls) == 3


async def test_a_team_never_gets_anothers_answer() -> None:
    """The same id in two workspaces is two people."""
    async with scripted(users_info=[user()]) as slack:
        asked = people(slack)
        assert await asked.person("T1", "U1") == Person("U1", Standing.MEMBER)
        assert await asked.person("T2", "U1") == Person("U1", Standing.STRANGER)


async def test_what_is_over_does_not_pile_up() -> None:
    """A process that has met thousands of people forgets those whose minute is over."""
    clock = Hand()
    async with scripted(users_info=[user()]) as slack:
        asked = people(slack, clock)
        for number in range(MOST):
            asked._people["T1", f"U{number}"] = (NOW + KEPT, Person(f"U{number}", Standing.MEMBER))
        clock.now += KEPT
        await asked.person("T1", "UNEW")
        assert list(asked._people) == [("T1", "UNEW")]


async def test_a_group_has_its_members() -> None:
    """A user group is read once a minute, and the workspace is named, as an organisation's token must."""
    async with scripted(usergroups_users_list=[{"ok": True, "users": ["U1", "U2"]}]) as slack:
        asked = people(slack)
        for _ in range(2):
            assert await asked.group("T1", "S1") == Group("S1", frozenset({"U1", "U2"}))
        assert slack.calls == [("usergroups.users.list", {"usergroup": "S1", "team_id": "T1"})]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"ok": False, "error": "missing_scope", "needed": "users:read"}, "lacks the scope users:read"),
        ({"ok": False, "error": "no_such_subteam"}, "no such user group"),
        ({"ok": False, "error": "ratelimited", "status": 429, "headers": {"Retry-After": "9"}}, "ratelimited"),
        ({"ok": False, "error": "internal_error", "status": 500}, "internal_error"),
        ({"raw": "<html>", "status": 502}, "unreadable"),
    ],
)  # fmt: skip
async def test_what_slack_does_not_say_is_not_guessed(answer: dict[str, Any], said: str) -> None:
    """Whatever goes wrong is a value that says why, and the next question is asked anew."""
    fine = {"ok": True, "users": ["U1"], "user": MEMBER}
    async with scripted(users_info=[answer, fine], usergroups_users_list=[answer, fine]) as slack:
        asked = people(slack)
        for outcome in (await asked.person("T1", "U1"), await asked.group("T1", "S1")):
            assert isinstance(outcome, CannotTell)
            assert said in outcome.detail
        assert isinstance(await asked.person("T1", "U1"), Person)
        assert isinstance(await asked.group("T1", "S1"), Group)


async def test_a_group_without_a_list_is_not_an_empty_one() -> None:
    """An answer without members is no answer: an empty group would deny nobody."""
    async with scripted(usergroups_users_list=[{"ok": True}]) as slack:
        assert isinstance(await people(slack).group("T1", "S1"), CannotTell)


async def test_a_lost_answer_is_not_guessed() -> None:
    """Where the connection is cut, nobody can tell."""
    async with scripted(users_info=[HANG_UP], usergroups_users_list=[HANG_UP]) as slack:
        asked = people(slack)
        for outcome in (await asked.person("T1", "U1"), await asked.group("T1", "S1")):
            assert outcome == CannotTell("Slack did not answer")


TEAMS = {"ok": True, "teams": [{"id": "T8", "name": "One"}, {"id": "T9", "name": "Two"}]}


async def test_an_orgs_user_group_is_looked_for_in_its_workspaces() -> None:
    """With an org-wide token each workspace that the app was given to is asked for the group, until one has it."""
    no, yes = {"ok": False, "error": "no_such_subteam"}, {"ok": True, "users": ["U1", "U2"]}
    async with scripted(auth_teams_list=[TEAMS], usergroups_users_list=[no, yes]) as slack:
        assert await people(slack).group("E1", "S1") == Group("S1", frozenset({"U1", "U2"}))
        assert [call["team_id"] for call in slack.asked("usergroups.users.list")] == ["T8", "T9"]


async def test_an_orgs_unknown_user_group_is_told_as_such() -> None:
    """A group that no workspace has can't be told; another refusal ends the looking."""
    no, other = (
        {"ok": False, "error": "no_such_subteam"},
        {"ok": False, "error": "missing_scope", "needed": "usergroups:read"},
    )
    async with scripted(auth_teams_list=[TEAMS], usergroups_users_list=[no]) as slack:
        found = await people(slack).group("E1", "S1")
        assert isinstance(found, CannotTell)
        assert "no such user group" in found.detail
    async with scripted(auth_teams_list=[TEAMS], usergroups_users_list=[other]) as slack:
        assert "usergroups:read" in str(await people(slack).group("E1", "S1"))
        assert len(slack.asked("usergroups.users.list")) == 1


async def test_where_the_app_is_gone_nobody_is_known() -> None:
    """Of a workspace that the app is not in any more nothing is told, and why is said."""

    async def gone(_team: str) -> AsyncWebClient:
        raise NotInstalled("https://bell.example/slack/install")

    nobody = SlackPeople(gone, Hand())
    for found in (await nobody.person("T1", "U1"), await nobody.group("T1", "S1")):
        assert isinstance(found, CannotTell)
        assert "install it again" in found.detail


async def test_what_is_decided_rests_on_no_memory() -> None:
    """Asked for this moment, Slack is asked though the answer is young, and what it says now is what is known from then on."""
    async with scripted(users_info=[user(), user(deleted=True)]) as slack:
        asked = people(slack)
        for found, standing in (
            (await asked.person("T1", "U1"), Standing.MEMBER),
            (await asked.person("T1", "U1"), Standing.MEMBER),
            (await asked.person_now("T1", "U1"), Standing.DEACTIVATED),
            (await asked.person("T1", "U1"), Standing.DEACTIVATED),
        ):
            assert isinstance(found, Person)
            assert found.standing is standing


def test_a_name_is_what_people_read() -> None:
    """The full name of the profile first, then what else there is; one line, and not without end."""
    profile = {"real_name": "Ada\nLovelace", "display_name": "ada"}
    found = read_person(MEMBER | {"profile": profile, "name": "ada.l"}, "U1", "T1")
    assert isinstance(found, Person)
    assert found.name == "Ada Lovelace"
    told = {"profile": {"real_name": "", "display_name": "x" * 300}}
    long = read_person(MEMBER | told, "U1", "T1")
    assert isinstance(long, Person)
    assert 1 < len(long.name) <= 101
    bare = read_person(
        {name: value for name, value in MEMBER.items() if name not in {"name", "real_name"}}, "U1", "T1"
    )
    assert isinstance(bare, Person)
    assert bare.name == ""


async def test_user_groups_are_listed_to_choose_from() -> None:
    """They are read once a minute by id, with their handles; where Slack does not tell there are none to choose."""
    listed = [{"id": "S1", "handle": "maintainers"}, {"id": "S2", "handle": "security\n"}]
    async with scripted(usergroups_list=[{"ok": True, "usergroups": listed}]) as slack:
        asked = people(slack)
        for _ in range(2):
            assert await asked.handles("T1") == {"S1": "maintainers", "S2": "security"}
        assert slack.calls == [("usergroups.list", {"team_id": "T1"})]
    async with scripted(usergroups_list=[{"ok": False, "error": "missing_scope"}, HANG_UP]) as slack:
        assert await people(slack).handles("E1") == {}
        assert await people(slack).handles("T1") == {}


async def test_a_workspace_is_called_as_slack_calls_it() -> None:
    """Its name is asked for once a minute; where Slack does not say there is none, and nothing is said to be lacking."""
    granted = {"x-oauth-scopes": ",".join(scope for scope in BOT_SCOPES if scope != "files:write")}
    async with scripted(auth_test=[{"ok": True, "team": "Acme  &\nSons", "headers": granted}]) as slack:
        asked = people(slack)
        for _ in range(2):
            assert await asked.workspace("T1") == "Acme & Sons"
        assert await asked.lacking("T1") == ("files:write",)
        assert len(slack.calls) == 1
    async with scripted(auth_test=[{"ok": False, "error": "invalid_auth"}]) as slack:
        assert await people(slack).workspace("T1") == ""
        assert await people(slack).lacking("T1") == ()


async def test_slack_is_asked_of_the_token_that_is_kept_now() -> None:
    """What this process remembers of an install is forgotten first, since another one may have kept a new token."""
    forgotten: list[str] = []
    async with scripted(auth_test=[{"ok": True}, {"ok": False, "error": "token_revoked"}, HANG_UP]) as slack:
        asked = SlackPeople(slack.client_for, Hand(), lambda: forgotten.append("all"))
        assert await asked.token("T1") == LIVES
        assert await asked.token("T1") == "token_revoked"
        assert await asked.token("T1") not in {LIVES, *DEAD}
    assert len(forgotten) == 3


@pytest.mark.parametrize("error", [NotInstalled("https://bot.example"), StorageError("It does not open.")])
async def test_a_token_that_can_not_be_had_is_no_word_of_slacks(error: Exception) -> None:
    """Where nobody has installed the app any more, or what is kept does not open, nothing is said for or against a token."""

    async def gone(_team: str) -> AsyncWebClient:
        raise error

    assert await SlackPeople(gone, Hand()).token("T1") == type(error).__name__
