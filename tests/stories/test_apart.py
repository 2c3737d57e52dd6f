"""Two to five teams that do random things with the running bot, through HTTP: nothing of one ever shows in another.

Each team has its own word in all that it enters: names of projects, repositories, channels, reasons and notes; and all have a project of
the same name. They press what another team was shown, send dialogs that were opened for another, and name another's releases. At the end each
team's messages, dialogs, Home tabs, files and rows have its own word, and no other's; metrics and pages without a sign-in have none, and no line of the log has
two. Seen to fail where the team was left out of the queries for releases, projects on Home, publishers and the trail, where clients were kept
without their team, and where a metric named projects. The status pages behind a sign-in are `tests/status`'s.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.demo.forge import ForgeStandIn
from bot.demo.index import IndexStandIn
from bot.demo.world import BotProcess
from storage.crypto import KeyRing, Vault, generate_master_key
from storage.database import Database
from storage.ledger import inbox, installations, outbox, projects, publishers, teams
from storage.migrations import upgrade
from storage.records import Registration, Secret, Team, Tokens
from tests.bench.slack_server import SECRET
from tests.conftest import THOROUGH
from tests.releases.test_two_teams import rows_of
from tests.storage.asking import value_of
from tests.storage.history_kit import NOW, Past, R, S, past
from tests.storage.test_installations import new
from tests.stories.forked import forked
from tests.stories.many_slacks import TOKEN, Button, ManySlacks

WORDS = ("walrus", "ocelot", "pangolin", "quokka", "narwhal")
STEPS = 60 if THOROUGH else 30
SEEDS = range(20 if THOROUGH else 1)
PATIENCE = 60.0
FILES = 2
HOUR = timedelta(hours=1)


@dataclass
class Play:
    """The teams, the dice, and what they were shown."""

    dice: random.Random
    slack: ManySlacks
    database: Database
    bot: BotProcess
    teams: dict[str, Team] = field(default_factory=dict)
    """A word -> whose it is."""
    releases: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    """What was done, to be told where something shows."""

    async def begin(self, words: tuple[str, ...]) -> None:
        """Let each team install the app, and have a past, and a release that waits for approval."""
        for number, word in enumerate(words, start=1):
            name = f"T{number}"
            installed = new(
                name, name=f"{word} Inc.", installed_by=f"{name}U1", tokens=Tokens(Secret(f"{TOKEN}{name}"))
            )
            async with self.database.transaction() as session:
                await installations.put(session, installed, None, NOW)
                team = await teams.ensure(session, name, "", NOW)
            self.teams[word] = team
            for project in ("widgets", f"{word}-kit"):
                wanted = Registration("company", project, f"{word}org", f"{word}-repo", "release.yml", "pypi")
                async with self.database.transaction() as session:
                    at = (f"{name}U1", f"{name}C{word}")
                    await publishers.request(session, team.id, wanted, at, NOW)
                    (found,) = await projects.named(session, team.id, project, "company")
                mine = (("notes", f"Notes of {word}."), ("channel", at[1]), ("requested_by", f"{name}U1"))
                waits = Past(
                    "2.0.0",
                    HOUR,
                    HOUR,
                    S.AWAITING_APPROVAL,
                    R.CHECKED,
                    None,
                    (*mine, ("expires_at", _later())),
                )
                ids = await past(self.database, found, [Past("1.0.0", 5 * HOUR, values=mine), waits])
                self.releases += [str(one) for one in ids]

    async def step(self) -> None:
        """Let somebody of one of the teams do something, at times with what is another's."""
        dice, word = self.dice, self.dice.choice(list(self.teams))
        team = self.teams[word].slack_team_id
        of = self.teams[dice.choice(list(self.teams))].slack_team_id if dice.random() < 0.4 else team
        user, channel = f"{team}U{dice.randrange(1, 4)}", f"{team}C{word}"
        buttons, dialogs = self.slack.buttons[of], self.slack.dialogs[of]
        kind = dice.choice(("type", "type", "press", "press", "press", "submit", "home", "link"))
        if kind == "press" and buttons:
            button = dice.choice(buttons)
            self.done.append(f"{user} presses {dict(button.action)} of {of}")
            await self.slack.press(
                team, user, channel, replace(button, action=self._own(button.action, word))
            )
        elif kind == "submit" and dialogs:
            dialog = dice.choice(dialogs)
            self.done.append(f"{user} sends {dialog.get('callback_id')} of {of}")
            await self.slack.submit(team, user, self._own(dialog, word), f"{word} says so")
        elif kind == "home":
            self.done.append(f"{user} opens Home")
            await self.slack.event(
                team, {"type": "app_home_opened", "user": user, "tab": "home", "channel": f"{team}D1"}
            )
        elif kind == "link":
            await self._link(team, user, channel)
        else:
            typed = dice.choice(self._commands(word))
            self.done.append(f"{user} types {typed}")
            await self.slack.type(team, user, channel, typed)

    def _own(self, carried: Mapping[str, Any], word: str) -> dict[str, Any]:
        """Return what is sent with the sender's own word in place of each: what somebody says himself is not another's; ids stay."""
        said = json.dumps(carried)
        for other in WORDS:
            said = said.replace(other, word)
        found: dict[str, Any] = json.loads(said)
        return found

    async def _link(self, team: str, user: str, channel: str) -> None:
        release = self.dice.choice(self.releases)
        url = f"{self.bot.url}/status/releases/{release}"
        self.done.append(f"{user} posts {url}")
        links = [{"domain": "127.0.0.1", "url": url}]
        event = {"type": "link_shared", "user": user, "channel": channel, "message_ts": "1.1", "links": links}
        await self.slack.event(
            team, {**event, "source": "conversations_history", "unfurl_id": f"C.{release}"}
        )

    def _commands(self, word: str) -> list[str]:
        other = self.dice.choice(list(self.teams))
        names = ("widgets", f"{word}-kit", f"{other}-kit") if other == word else ("widgets", f"{word}-kit")
        name = self.dice.choice(names)
        return [
            "/publisher list", f"/publisher check {name}", f"/publisher add new-{word} {word}org/{word}-repo index=company",
            f"/publisher remove {name}", "/release list", f"/release list {name}", f"/release {name} 2.0.0", f"/release {name} 3.0.0",
            f"/release freeze {name} 1h {word} is tired", f"/release unfreeze {name}", f"/release cancel {name}",
            "/shipbell audit", f"/shipbell audit {name}", "/shipbell settings policy", "/shipbell policy",
            f"/shipbell settings policy {name} quorum=1", "/shipbell credentials", "/shipbell help",
        ]  # fmt: skip

    async def look(self) -> None:
        """Let each team's admin look at all there is once more, and take its trail as a file."""
        for word, team in self.teams.items():
            name = team.slack_team_id
            user, channel = f"{name}U1", f"{name}C{word}"
            for typed in ("/publisher list", "/release list", "/shipbell audit"):
                await self.slack.type(name, user, channel, typed)
            await self.slack.event(
                name, {"type": "app_home_opened", "user": user, "tab": "home", "channel": f"{name}D1"}
            )
            for wanted in ("audit_csv", "audit_json"):
                await self.slack.press(name, user, channel, await self._file_button(name, wanted))
        for team in self.teams.values():
            await self.slack.until(partial(self._has_files, team.slack_team_id), PATIENCE)
        await self.rest()

    async def _file_button(self, name: str, wanted: str) -> Button:
        """Wait for a button below the trail, and return it."""

        def found() -> list[Button]:
            return [one for one in self.slack.buttons[name] if one.action["action_id"] == wanted]

        await self.slack.until(found, PATIENCE)
        return found()[0]

    def _has_files(self, name: str) -> bool:
        return sum("files.completeUploadExternal" in one for one in self.slack.told[name]) >= FILES

    async def rest(self) -> None:
        """Wait until all that was asked is done, and all that is due is said."""
        async with asyncio.timeout(PATIENCE):
            while True:  # another process's state: there is nothing to wait on but asking
                async with self.database.reading() as session:
                    asked = set(await inbox.counts(session)) - {"done", "dead"}
                    due = await value_of(session, outbox.next_due())
                if not asked and (due is None or due > datetime.now(UTC) + timedelta(seconds=5)):  # noqa: TID251 - the bot's own clock
                    return
                await asyncio.sleep(0.1)

    async def pages(self) -> str:
        """Return what anybody can see without a sign-in."""
        paths = ("/", "/metrics", "/healthz", "/readyz", "/status", "/status/publishers", "/slack/install")
        shown = []
        async with aiohttp.ClientSession() as browser:
            for path in (*paths, *(f"/status/releases/{one}" for one in self.releases)):
                async with browser.get(f"{self.bot.url}{path}", allow_redirects=False) as page:
                    shown.append(await page.text() + str(page.headers))
        return "\n".join(shown)

    async def check(self) -> None:
        """See that each has its own, and nobody has another's."""
        assert not self.slack.crossed
        for word, team in self.teams.items():
            rows = "\n".join(await rows_of(self.database, team.id))
            told = "\n".join(self.slack.told[team.slack_team_id])
            for where, shown in (("rows", rows), ("messages", told)):
                assert word in shown, (word, where)
                found = [_around(shown, other) for other in WORDS if other != word and other in shown]
                assert not found, (word, where, found)
        open_to_all = await self.pages()
        assert [word for word in WORDS if word in open_to_all] == []
        for line in self.bot.log.read_text().splitlines():
            assert len([word for word in WORDS if word in line]) <= 1, line
            assert TOKEN not in line


def _around(shown: str, word: str) -> str:
    at = shown.index(word)
    return shown[max(at - 300, 0) : at + 100]


def _later() -> datetime:
    return datetime.now(UTC) + 5 * HOUR  # noqa: TID251 - the bot's own clock


@asynccontextmanager
async def playing(database_url: str, folder: Path, seed: int) -> AsyncIterator[Play]:
    """Run the bot of many workspaces, with a forge and an index where it finds little."""
    key = generate_master_key()
    async with AsyncExitStack() as stack:
        forge, index, slack = ForgeStandIn(), IndexStandIn(name="company"), ManySlacks()
        for server in (forge, index, slack):
            await server.start()
            stack.push_async_callback(server.stop)
        await asyncio.to_thread(upgrade, database_url)
        database = Database(database_url, Vault(KeyRing([Secret(key)])))
        await database.open()
        stack.push_async_callback(database.close)
        bot = BotProcess({}, folder / "bot.log", launch=forked)
        (folder / "data").mkdir()
        bot.environment = {
            "SHIPBELL_DATABASE_URL": database_url, "SHIPBELL_DATA_DIR": str(folder / "data"), "SHIPBELL_MASTER_KEYS": key,
            "SHIPBELL_PUBLIC_URL": bot.url, "SHIPBELL_SLACK_SIGNING_SECRET": SECRET, "SHIPBELL_SLACK_CLIENT_ID": "1.2",
            "SHIPBELL_SLACK_CLIENT_SECRET": "client-secret", "SHIPBELL_SLACK_API_URL": f"{slack.url}/api/",
            "SHIPBELL_GITHUB_API_URL": forge.url, "SHIPBELL_GITHUB_WEB_URL": forge.web_url,
            "SHIPBELL_INDEXES": f'{{"company": {{"url": "{index.url}", "upload_url": "{index.upload_url}"}}}}',
            "SHIPBELL_POLL_SECONDS": "0.5", "SHIPBELL_ALLOW_PRIVATE_ADDRESSES": "true", "SHIPBELL_LOG_LEVEL": "debug",
        }  # fmt: skip
        slack.bot_url = bot.url
        play = Play(random.Random(seed), slack, database, bot)
        await play.begin(WORDS[: play.dice.randrange(2, 6)])
        await bot.start()
        stack.push_async_callback(bot.stop)
        yield play


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", SEEDS)
async def test_nothing_of_one_team_shows_in_another(seed: int, database_url: str, tmp_path: Path) -> None:
    """Whatever people of several teams do, each team sees and keeps its own alone."""
    async with playing(database_url, tmp_path, seed) as play:
        try:
            for _ in range(STEPS):
                await play.step()
                if play.dice.random() < 0.3:
                    await play.rest()
            await play.look()
            await play.check()
        except BaseException:
            print(f"seed {seed}, {len(play.teams)} teams", *play.done, sep="\n")
            raise
        print(f"seed {seed}, {len(play.teams)} teams: {sum(map(len, play.slack.told.values()))} things said")
