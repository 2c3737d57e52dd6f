"""Who somebody is in the workspace, and who is in a user group: asked of Slack, kept for a minute.

Knows: Slack's Web API for people. Must not know: rules, who may decide.

What can't be told is said so and never guessed (https://docs.slack.dev/reference/methods/users.info,
https://docs.slack.dev/reference/methods/usergroups.users.list).
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.core.cleaning import one_line
from bot.core.leaving import LIVES
from bot.core.people import CannotTell, Group, GroupOutcome, Person, PersonOutcome, Standing
from bot.errors import NotInstalled
from bot.slack.notifier import error_code
from bot.slack.scopes import missing_scopes
from bot.workflow.ports import Clock
from storage.records import StorageError

log = structlog.get_logger(__name__)

KEPT = timedelta(seconds=60)
MOST = 5_000
"""Answers that are kept at most; then those that are over go."""
SLACKBOT = "USLACKBOT"
NO_GROUP = frozenset({"no_such_subteam", "subteam_not_found"})
WORKSPACES = 100
"""Workspaces of an org that are asked for a user group."""
NOBODY = frozenset({"user_not_found", "user_not_visible", "users_not_found"})

T = TypeVar("T")
Kept = dict[tuple[str, str], tuple[datetime, T]]


@dataclass(frozen=True, slots=True)
class SlackPeople:
    """The workspaces' people. `client_for` gives the client of a Slack team."""

    client_for: Callable[[str], Awaitable[AsyncWebClient]]
    clock: Clock
    forget: Callable[[], None] = lambda: None
    """Lets the next client have the token that is kept now, whichever process has put it there."""
    _people: Kept[Person] = field(default_factory=dict)
    _groups: Kept[Group] = field(default_factory=dict)
    _installs: Kept[tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    """Each workspace's name, and the scopes that are lacking there."""
    _handles: Kept[Mapping[str, str]] = field(default_factory=dict)

    async def person(self, slack_team_id: str, user: str) -> PersonOutcome:
        """Return what a user is."""
        if known := self._known(self._people, slack_team_id, user):
            return known
        try:
            client = await self.client_for(slack_team_id)
            answer = await client.users_info(user=user)
            found = read_person(cast("Mapping[str, Any]", answer.get("user") or {}), user, slack_team_id)
        except SlackApiError as error:
            if error_code(error) not in NOBODY:
                return _cannot_tell(error)
            found = Person(user, Standing.UNKNOWN)
        except (NotInstalled, aiohttp.ClientError, TimeoutError, OSError) as error:
            return _no_answer(error)
        return self._keep(self._people, slack_team_id, user, found) if isinstance(found, Person) else found

    async def person_now(self, slack_team_id: str, user: str) -> PersonOutcome:
        """Ask Slack what a user is, whatever was heard within the last minute."""
        self._people.pop((slack_team_id, user), None)
        return await self.person(slack_team_id, user)

    async def group(self, slack_team_id: str, group: str) -> GroupOutcome:
        """Return the members of a user group."""
        if known := self._known(self._groups, slack_team_id, group):
            return known
        try:
            answer = await _group(await self.client_for(slack_team_id), slack_team_id, group)
        except SlackApiError as error:
            return _cannot_tell(error)
        except (NotInstalled, aiohttp.ClientError, TimeoutError, OSError) as error:
            return _no_answer(error)
        members = answer.get("users")
        if not isinstance(members, list):
            return CannotTell("Slack's answer about the user group makes no sense")
        found = Group(group, frozenset(str(member) for member in members))
        return self._keep(self._groups, slack_team_id, group, found)

    async def handles(self, slack_team_id: str) -> Mapping[str, str]:
        """Return the user groups to choose from, by id, with their handles; none where Slack does not tell."""
        if known := self._known(self._handles, slack_team_id, ""):
            return known
        try:
            client = await self.client_for(slack_team_id)
            # An org-wide token has to name the workspace whose groups it wants: there they are named in the command.
            team = None if slack_team_id.startswith("E") else slack_team_id or None
            answer = await client.usergroups_list(team_id=team)
        except (SlackApiError, NotInstalled, aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("user groups not known", error=type(error).__name__)
            return {}
        listed = cast("list[Mapping[str, Any]]", answer.get("usergroups") or [])
        found = {str(one.get("id")): one_line(str(one.get("handle") or ""), limit=60) for one in listed}
        return self._keep(self._handles, slack_team_id, "", found)

    async def token(self, slack_team_id: str) -> str:
        """Return what Slack says of the token that is kept now."""
        self.forget()
        try:
            return await said_of(await self.client_for(slack_team_id))
        except (NotInstalled, StorageError) as error:
            return type(error).__name__

    async def workspace(self, slack_team_id: str) -> str:
        """Return how Slack calls a workspace, or an org; "" where it does not say."""
        return (await self._install(slack_team_id))[0]

    async def lacking(self, slack_team_id: str) -> tuple[str, ...]:
        """Return the scopes that the bot needs and was not granted there; none where Slack does not say."""
        return (await self._install(slack_team_id))[1]

    async def _install(self, slack_team_id: str) -> tuple[str, tuple[str, ...]]:
        """Ask what the bot is in a workspace; needs no scope (https://docs.slack.dev/reference/methods/auth.test)."""
        if known := self._known(self._installs, slack_team_id, ""):
            return known
        try:
            answer = await (await self.client_for(slack_team_id)).auth_test()
        except (SlackApiError, NotInstalled, aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("install not known", error=type(error).__name__)
            return "", ()
        headers = {name.lower(): value for name, value in answer.headers.items()}
        granted = headers.get("x-oauth-scopes")
        found = one_line(str(answer.get("team") or ""), limit=80), missing_scopes(granted) if granted else ()
        return self._keep(self._installs, slack_team_id, "", found)

    def _known(self, kept: Kept[T], team: str, name: str) -> T | None:
        until, found = kept.get((team, name), (self.clock(), None))
        return found if until > self.clock() else None

    def _keep(self, kept: Kept[T], team: str, name: str, found: T) -> T:
        now = self.clock()
        if len(kept) >= MOST:
            for key in [key for key, (until, _) in kept.items() if until <= now]:
                del kept[key]
        if len(kept) < MOST:
            kept[team, name] = (now + KEPT, found)
        return found


async def said_of(client: AsyncWebClient) -> str:
    """Return Slack's word about a client's token, `LIVES` where it takes it, or what came in the answer's place."""
    try:
        await client.auth_test()
    except SlackApiError as error:
        return error_code(error)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return type(error).__name__
    return LIVES


async def _group(client: AsyncWebClient, slack_team_id: str, group: str) -> AsyncSlackResponse:
    """Ask who is in a user group. An org-wide token has to name the workspace whose group it is, so all are tried."""
    if not slack_team_id.startswith("E"):
        return await client.usergroups_users_list(usergroup=group, team_id=slack_team_id or None)
    # Needs no scope, and lists the workspaces that an org's admin has given the app to.
    listed = (await client.auth_teams_list(limit=WORKSPACES)).get("teams") or []
    refused: SlackApiError | None = None
    for team in cast("list[Mapping[str, Any]]", listed):
        try:
            return await client.usergroups_users_list(usergroup=group, team_id=str(team.get("id")))
        except SlackApiError as error:
            if error_code(error) not in NO_GROUP:
                raise
            refused = error
    if refused is not None:
        raise refused
    return await client.usergroups_users_list(usergroup=group)


def read_person(user: Mapping[str, Any], asked: str, slack_team_id: str) -> PersonOutcome:
    """Return what Slack's user object says; the first that holds of: deactivated, bot, stranger, guest, member."""
    enterprise = user.get("enterprise_user") or {}
    teams = {user.get("team_id"), enterprise.get("enterprise_id"), *(enterprise.get("teams") or [])} - {
        None,
        "",
    }
    if not teams:
        return CannotTell("Slack did not say of which workspace this person is")
    signs = {
        Standing.DEACTIVATED: bool(user.get("deleted")),
        Standing.BOT: asked == SLACKBOT or bool(user.get("is_bot") or user.get("is_workflow_bot")),
        Standing.STRANGER: bool(user.get("is_stranger")) or slack_team_id not in teams,
        Standing.GUEST: bool(user.get("is_restricted") or user.get("is_ultra_restricted")),
    }
    standing = next((standing for standing, holds in signs.items() if holds), Standing.MEMBER)
    # An org's own install is its own admins': any workspace of it has admins too, of that workspace.
    says = enterprise if slack_team_id == enterprise.get("enterprise_id") else user
    admin = any(says.get(name) for name in ("is_admin", "is_owner", "is_primary_owner"))
    return Person(asked, standing, admin=standing is Standing.MEMBER and admin, name=_name(user))


def _name(user: Mapping[str, Any]) -> str:
    profile = user.get("profile") or {}
    told = (profile.get("real_name"), profile.get("display_name"), user.get("real_name"), user.get("name"))
    return one_line(next((str(name) for name in told if name), ""), limit=100)


def _cannot_tell(error: SlackApiError) -> CannotTell:
    code = error_code(error)
    log.warning("people not known", error=code)
    if code == "missing_scope":
        needed = str(error.response.get("needed") or "users:read")
        return CannotTell(f"the app lacks the scope {needed}: add it and install the app again")
    if code in NO_GROUP:
        return CannotTell("Slack knows no such user group: name another one in the policy")
    return CannotTell(f"Slack says {code}")


def _no_answer(error: Exception) -> CannotTell:
    log.warning("people not known", error=type(error).__name__)
    if isinstance(error, NotInstalled):
        return CannotTell(
            f"Shipbell is not installed in this workspace any more: install it again, {error.install_url}"
        )
    return CannotTell("Slack did not answer")
