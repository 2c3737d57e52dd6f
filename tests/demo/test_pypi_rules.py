"""PyPI's rules, one by one: the bot and the index stand-in both refuse, each with its words of `docs/pypi-rules.md`."""

import html
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.core import notices
from bot.core.commands import registration
from bot.core.forge import Nothing
from bot.core.names import MAX_LENGTH, Problem, barred, validate
from bot.core.outcomes import ByHand
from bot.core.places import PENDING_A_PERSON
from bot.core.setup import SetupFacts, judge
from bot.core.sites import IndexSite
from bot.demo import index_model
from bot.demo.index import IndexStandIn
from bot.demo.index_state import FORM_TRIES_A_DAY, PENDING_DAYS
from bot.slack.blocks import setup
from storage.records import PublisherState, Registration
from tests.demo.clock import StoppedClock
from tests.demo.test_index_pages import FORM, PUBLISHING, signed_in, submit
from tests.unit.pypi_rules import FIELDS, LOOKS, FieldRule, markdown
from tests.unit.test_blocks import LINE
from tests.unit.test_setup import GOOD_FACTS, ON_INDEX, other
from tests.unit.wording import AT, ID, URL, WANTED, rendered

OURS = {"project_name": "project", "workflow_filename": "workflow"}
"""The bot's names of the form's fields, where they differ."""
GOOD = {
    "project": "gadgets",
    "owner": "acme",
    "repository": "gadgets",
    "workflow": "release.yml",
    "environment": "pypi",
}
WHOLE = [
    rule for rule in FIELDS if not rule.new and (rule.refused[0] or rule.field not in {"owner", "repository"})
]
"""All but half a repository, of which `parse_slug` says that it is none, in words of its own, and but what holds for new projects."""
NEW = [(rule, value) for rule in FIELDS if rule.new for value in rule.refused]
OUR_OWN_LIMITS = {name: limit for name, limit in MAX_LENGTH.items() if name != "environment"}
SIGNS = "aA0-_.Zé /\\'\",;`:\n\t\x00\x7f\u00a0\u200b\u2028ßſK.yml.git"


def ours(field: str, value: str) -> tuple[Problem, ...]:
    """Return what the bot says of good values with this one."""
    values = {**GOOD, OURS.get(field, field): value}
    return validate(
        project=values["project"],
        owner=values["owner"],
        repository=values["repository"],
        workflow=values["workflow"],
        environment=values["environment"],
    )


def theirs(field: str, value: str) -> str:
    """Return what the stand-in's form says of the value, whatever else the index holds; "" where it takes it."""
    if field == "project_name":
        name = index_model.normalized(value)
        return index_model.name_problem(value) or (
            "This project name isn't allowed" if name in index_model.PROHIBITED_NAMES else ""
        )
    return index_model.value_problems({**FORM, field: value}).get(field, "")


@pytest.mark.parametrize("rule", FIELDS, ids=lambda rule: f"{rule.field}: {rule.rule}")
async def test_what_the_form_refuses_the_bot_refuses(
    client: aiohttp.ClientSession, index: IndexStandIn, rule: FieldRule
) -> None:
    """Each refused value is refused by both for that field alone, the first with the table's very words."""
    assert ours(rule.field, rule.refused[0]) == (Problem(OURS.get(rule.field, rule.field), rule.ours),)
    for value in rule.refused:
        assert [problem.field for problem in ours(rule.field, value)] == [OURS.get(rule.field, rule.field)]
        assert theirs(rule.field, value) == rule.theirs
    await signed_in(client, index)
    status, text = await submit(client, index, PUBLISHING, **{**FORM, rule.field: rule.refused[0]})
    said = re.findall(r'class="problem" id="([^"]+)-problem">([^<]*)<', text)
    assert (status, [(field, html.unescape(words)) for field, words in said]) == (
        400,
        [(rule.field, rule.theirs)],
    )
    assert index.state.pending == []


@pytest.mark.parametrize(
    ("field", "value"), [(rule.field, value) for rule in FIELDS for value in rule.taken], ids=repr
)
def test_what_is_just_inside_a_rule_both_take(field: str, value: str) -> None:
    """Nothing is refused by either at the allowed side of a border."""
    assert (ours(field, value), theirs(field, value)) == ((), "")


@pytest.mark.parametrize("rule", WHOLE, ids=lambda rule: f"{rule.field}: {rule.rule}")
def test_a_command_and_a_dialog_say_the_same(rule: FieldRule) -> None:
    """What comes in by `/publisher add` is refused for the same reason, before anybody leaves Slack."""
    values = {**GOOD, OURS.get(rule.field, rule.field): rule.refused[0]}
    fields = {**values, "repository": f"{values['owner']}/{values['repository']}"}
    said = registration(fields, ("pypi",))
    assert not isinstance(said, Registration)
    assert [problem.message for problem in said] == [rule.ours]


@pytest.mark.parametrize(("rule", "value"), NEW, ids=lambda each: getattr(each, "rule", each))
def test_a_name_that_only_new_projects_may_not_have_is_taken_until_the_index_was_asked(
    rule: FieldRule, value: str
) -> None:
    """A command and a dialog take it, since the project may exist; of a new one the table's words are said."""
    said = registration({**GOOD, "project": value, "repository": "acme/widgets"}, ("pypi",))
    assert isinstance(said, Registration)
    assert barred(rule.refused[0]) == rule.ours
    assert barred(said.project)


def stricter(field: str, value: str) -> bool:
    """Whether the bot may refuse what the form takes; each of these is named in `docs/pypi-rules.md`."""
    inner = value.strip() if field == "workflow_filename" else value
    return (
        len(value) > OUR_OWN_LIMITS.get(OURS.get(field, field), 255)
        or value.endswith("\n")
        or value != value.strip()
        or (field == "repository" and value in {".", ".."})
        or (field in {"workflow_filename", "environment"} and not inner.isprintable())
    )


@settings(max_examples=300)
@given(
    st.sampled_from([*FORM]),
    st.text(max_size=20)
    | st.text(SIGNS, max_size=12)
    | st.from_regex(r"[ \n]?[A-Za-z0-9._-]{0,9}(\.yml|\.yaml)?[ \n]?", fullmatch=True),
)
@example("environment", "\t ")
@example("repository", "widgets\n")
@example("workflow_filename", " a.yml")
def test_bot_and_index_agree(field: str, value: str) -> None:
    """Of any value whatever both say the same, but where the bot is stricter in one of the named ways."""
    refused, by_index = bool(ours(field, value)), bool(theirs(field, value))
    assert refused or not by_index
    assert refused == by_index or stricter(field, value)


def found(facts: SetupFacts) -> set[str]:
    """Return all that `/publisher check` says of these facts."""
    return {setup.words(one.found, one.values) for one in judge(facts).findings}


MANY = tuple(other(f"other-{number}", environment=f"e{number}") for number in range(PENDING_A_PERSON))
FILLED = ByHand(URL, prefilled=True, fields=())
BOT_SAYS: Mapping[str, Callable[[], object]] = {
    "owner": lambda: found(replace(GOOD_FACTS, owner=Nothing())),
    "exists": lambda: found(replace(GOOD_FACTS, simple=ON_INDEX)),
    "own": lambda: rendered(notices.PublisherByHand(ID, WANTED, URL, "U1", FILLED)),
    "barred": lambda: found(GOOD_FACTS),
    "similar": lambda: found(GOOD_FACTS),
    "three": lambda: found(replace(GOOD_FACTS, others=MANY)),
    "again": lambda: rendered(notices.AlreadyOpen(LINE, WANTED)),
    "shared": lambda: found(replace(GOOD_FACTS, others=(other(environment="PyPI"),))),
    "hundred": lambda: "",
    "thirty": lambda: rendered(notices.PublisherExpired(ID, WANTED, URL, "U1", AT, FILLED)),
    "reserve": lambda: found(GOOD_FACTS),
}


@pytest.mark.parametrize("name", LOOKS)
def test_the_bot_says_what_the_table_says(name: str) -> None:
    """For each rule that needs a look the bot's words are those of the table."""
    assert LOOKS[name].ours in str(BOT_SAYS[name]())


Play = Callable[[aiohttp.ClientSession, IndexStandIn, StoppedClock], Awaitable[str]]


async def told(client: aiohttp.ClientSession, index: IndexStandIn, **changes: str) -> str:
    """Submit the form with these changes; return what it says as text, "" where it took it."""
    status, text = await submit(client, index, PUBLISHING, **{**FORM, **changes})
    assert status in {200, 400, 429}
    said = re.search(r'(?:class="problem"[^>]*|role="alert")>(.*?)</(?:p|div)>', text, re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", "", said[1])) if said else text if status == 429 else ""


async def _owner(client: aiohttp.ClientSession, index: IndexStandIn, clock: StoppedClock) -> str:
    return await told(client, index, owner="nobody")


async def _exists(client: aiohttp.ClientSession, index: IndexStandIn, clock: StoppedClock) -> str:
    index.add_project("Alices", owner="alice")
    return await told(client, index, project_name="alices")


async def _own(client: aiohttp.ClientSession, index: IndexStandIn, clock: StoppedClock) -> str:
    return await told(client, index, project_name="Widgets")


async def _barred(client: aiohttp.ClientSession, index: IndexStandIn, clock: StoppedClock) -> str:
    return await told(client, index, project_name="requirements-dev.txt")


async def _similar(client: aiohttp.ClientSession, index: IndexStandIn, clock: StoppedClock) -> str:
    return await told(client, index, project_name="w1d-gets")


async def _three(client: aiohttp.ClientSession, index: IndexStandIn, clock: StoppedClock) -> str:
    for number in range(3):
        assert not await told(client, index, project_name=f"gadgets-x{number}", environment=f"e{number}")
    return await told(client, index)


async def _again(client: aiohttp.ClientSession, index: IndexStandIn, clock: StoppedClock) -> str:
    assert not await told(client, index)
    return await told(client, index, environment="PYPI")


async def _shared(client: aiohttp.ClientSession, index: IndexStandIn, clock: StoppedClock) -> str:
    assert not await told(client, index)
    said = await told(client, index, project_name="gizmos", environment="PYPI")
    assert not await told(client, index, project_name="gizmos", environment="gizmos")
    return said


async def _hundred(client: aiohttp.ClientSession, index: IndexStandIn, clock: StoppedClock) -> str:
    index.state.form_tries["user demo"] = [clock()] * (FORM_TRIES_A_DAY - 1)
    assert not await told(client, index)
    async with client.post(index.url + PUBLISHING, data=FORM) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (429, str(24 * 3600))
        said = await answer.text()
    clock.forward(days=1, seconds=1)
    assert await told(client, index) == LOOKS["again"].theirs
    return said


async def _thirty(client: aiohttp.ClientSession, index: IndexStandIn, clock: StoppedClock) -> str:
    assert not await told(client, index)
    clock.forward(days=PENDING_DAYS, seconds=-1)
    assert len(index.state.pending_of(index.state.user("demo"))) == 1
    clock.forward(seconds=1)
    assert index.state.pending_of(index.state.user("demo")) == []
    return ""


async def _reserve(client: aiohttp.ClientSession, index: IndexStandIn, clock: StoppedClock) -> str:
    assert not await told(client, index)
    index.add_project("gadget-5", owner="alice")
    assert len(index.state.pending) == 1
    index.add_project("Gadgets", owner="alice")
    assert index.state.pending == []
    return ""


PLAYS: Mapping[str, Play] = {
    "owner": _owner, "exists": _exists, "own": _own, "barred": _barred, "similar": _similar, "three": _three,
    "again": _again, "shared": _shared, "hundred": _hundred, "thirty": _thirty, "reserve": _reserve,
}  # fmt: skip


@pytest.mark.parametrize("name", LOOKS)
async def test_the_index_says_what_the_table_says(
    client: aiohttp.ClientSession, index: IndexStandIn, clock: StoppedClock, name: str
) -> None:
    """Played against the stand-in's form, each rule comes out with PyPI's own words."""
    await signed_in(client, index)
    assert await PLAYS[name](client, index, clock) == LOOKS[name].theirs


def test_the_page_holds_both_tables() -> None:
    """`docs/pypi-rules.md` has exactly the tables that the tests play."""
    page = (Path(__file__).parents[2] / "docs" / "pypi-rules.md").read_text(encoding="utf-8")
    for table in markdown():
        assert f"\n\n{table}\n" in page


def test_terms_are_pypis() -> None:
    """The stand-in's term and the bot's, where an index names none, are the same number of days."""
    assert IndexSite("pypi", URL, URL).pending_days == PENDING_DAYS == 30


@pytest.mark.parametrize("state", [PublisherState.PENDING, PublisherState.REQUESTED])
def test_the_bot_compares_environments_in_lower_case(state: PublisherState) -> None:
    """Another project with the same environment in other letters is the same pending publisher."""
    facts = replace(GOOD_FACTS, others=(other(environment="PYPI", state=state),))
    assert LOOKS["shared"].ours in found(facts)
