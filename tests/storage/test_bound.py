"""Every query of the ledger is bound to a team, or stands in a closed list that says why it is not.

Read from the source itself: what nobody called in a test is looked at all the same. An insert needs no look: the schema
refuses a row without its team.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

import storage.ledger
from storage.tables import Base

LEDGER = Path(storage.ledger.__file__).parent
STATEMENTS = {"select", "update", "delete", "exists"}
Function = ast.FunctionDef | ast.AsyncFunctionDef
SWEEP = (
    "the engine's own: it takes or lets go what is due, of whichever team; each row goes on with its own team"
)
NEWS = "news of a public place: it only brings forward when the engine looks, of every team that waits for it"
OPERATOR = "the operator's: counts, restoring, erasing, and what was set aside"
HASH = "found by the hash of a secret that only its own person's browser has; the team is what it tells"
WORKSPACE = "by the workspace that Slack itself has named: from it the team is made, or found"
BEGUN = "a part of queries: what calls it says of which team"
UNBOUND: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "confirmations._taking",
            "credentials.due",
            "credentials.next_due",
            "entries.begin",
            "entries.next_end",
            "entries.prune",
            "exports._taking",
            "exports.prune",
            "health._taking",
            "homes.claim",
            "homes.prune",
            "imports._taking",
            "inbox.give_back",
            "inbox.retake",
            "inbox.prune",
            "installations.claim",
            "outbox.give_back",
            "outbox.retake",
            "outbox.prune",
            "policy_changes.due",
            "policy_changes.next_due",
            "policy_changes.prune",
            "processes._let_go",
            "publishers._taking",
            "releases._taking",
            "releases.claim",
            "sessions.start",
            "steps._taking",
            "steps.claim",
            "steps.prune",
            "thanks._taking",
            "troubles.prune",
            "troubles.survived",
            "troubles.suspected",
            "watches._taking",
            "watches.claim",
            "welcomes.due",
            "welcomes.next_due",
        ),
        SWEEP,
    ),
    **dict.fromkeys(
        (
            "confirmations.nudge",
            "feeds.make_up",
            "feeds._nudge_publishers",
            "feeds._nudge_watches",
            "feeds._anybody",
            "releases.nudge",
        ),
        NEWS,
    ),
    **dict.fromkeys(
        (
            "erasing.overdue",
            "health.counts",
            "inbox.counts",
            "outbox.counts",
            "publishers.counts",
            "releases.counts",
            "releases.moving",
            "restoring.prepare",
            "restoring.unsettled",
            "restoring._newest",
            "troubles.listed",
            "troubles.counts",
            "troubles.put_back",
        ),
        OPERATOR,
    ),
    **dict.fromkeys(
        (
            "entries.whose",
            "entries.enter",
            "entries.of_browser",
            "github.whose",
            "github.bind",
            "github.take",
            "grants.whose",
            "grants.bind",
            "grants.take",
            "grants._bound",
            "sessions.find",
            "sessions.touch",
            "sessions.end",
        ),
        HASH,
    ),
    **dict.fromkeys(
        (
            "installations.put",
            "installations.find",
            "installations._row_of",
        ),
        WORKSPACE,
    ),
    **dict.fromkeys(
        (
            "approvals._listed",
            "audit._plainly",
            "installations._taken",
            "installations._live",
            "releases._joined",
            "watches._newest",
            "watches._all",
        ),
        BEGUN,
    ),
}
"""The closed list: which function names no team, and why it may."""


def rows_of_teams() -> frozenset[str]:
    """Return the names of the row classes whose rows belong to a team."""
    return frozenset(row.__name__ for row in Base.__subclasses__() if "team_id" in row.model_fields)


@dataclass(frozen=True, slots=True)
class Module:
    """A module of the ledger, taken apart."""

    name: str
    functions: Mapping[str, Function]

    def unbound(self) -> Iterator[str]:
        """Yield each function with a statement on a team's rows that names no team."""
        for name, function in self.functions.items():
            if any(not self._bound(function, one) for one in self._statements_of(function)):
                yield f"{self.name}.{name}"

    def _statements_of(self, function: Function) -> Iterator[ast.Call]:
        """Yield what is looked at: statements, and calls of what only begins one."""
        yield from _statements(function)
        begun = {name for name in self.functions if UNBOUND.get(f"{self.name}.{name}") == BEGUN}
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in begun:
                yield node

    def _bound(self, function: Function, statement: ast.Call) -> bool:
        lines = _lines(function)
        own = [line for line in lines if any(node is statement for node in ast.walk(line))]
        seen: set[str] = set()
        while own:
            line = own.pop()
            if _names_team(line) or any(self._helps(name) for name in _calls(line)):
                return True
            # What the line is made of, and what is made of it: `where = ...` before, `query.where(...)` after.
            made = {node.id for node in ast.walk(line) if isinstance(node, ast.Name)} & _assigned(lines)
            own += [
                other
                for other in lines
                if (made - seen) & ({n.id for n in ast.walk(other) if isinstance(n, ast.Name)})
                and (_assigned([other]) & made or _narrows(other, _assigned([line])))
            ]
            seen |= made
        return False

    def _helps(self, name: str) -> bool:
        """Tell whether it is a clause, or a query, of this module that names the team, itself or by another one."""
        helper = self.functions.get(name)
        if not isinstance(helper, ast.FunctionDef):
            return False
        return _names_team(helper) or any(self._helps(one) for one in _calls(helper) - {name})


def _lines(function: Function) -> list[ast.AST]:
    """Return a function's simple statements, and what its compound ones look at."""
    found: list[ast.AST] = []
    for node in ast.walk(function):
        if isinstance(node, ast.If | ast.While):
            found.append(node.test)
        elif isinstance(node, ast.For | ast.AsyncFor):
            found.append(node.iter)
        elif isinstance(node, ast.stmt) and not hasattr(node, "body"):
            found.append(node)
    return found


def _statements(function: Function) -> Iterator[ast.Call]:
    """Yield each select, update and delete of a function on a team's rows."""
    rows, lines = rows_of_teams(), _lines(function)
    aliases = {
        name for line in lines if isinstance(line, ast.Assign) and _named(line.value) & rows
        for name in _assigned([line])
    }  # fmt: skip
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "fairness.taken":
            yield node
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        named = {name for argument in node.args for name in _named(argument)}
        if node.func.id in STATEMENTS and named & (rows | aliases):
            yield node


def _names_team(node: ast.AST) -> bool:
    """Tell whether something compares a row's team."""
    return any(
        (isinstance(one, ast.Compare) and _row_team(one.left)) or _one_of_teams(one) for one in ast.walk(node)
    )


def _one_of_teams(node: ast.AST) -> bool:
    called = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return called and node.func.attr == "in_" and _row_team(node.func.value)  # type: ignore[attr-defined]  # called


def _row_team(node: ast.AST) -> bool:
    return any(isinstance(one, ast.Attribute) and one.attr == "team_id" for one in ast.walk(node))


def _named(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def _calls(node: ast.AST) -> set[str]:
    return {
        one.func.id for one in ast.walk(node) if isinstance(one, ast.Call) and isinstance(one.func, ast.Name)
    }


def _assigned(lines: list[ast.AST]) -> set[str]:
    return {
        one.id
        for line in lines
        for one in ast.walk(line)
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
    }


def _narrows(line: ast.AST, names: set[str]) -> bool:
    """Tell whether a line says `query.where(...)` of a statement begun before."""
    return any(
        isinstance(one, ast.Attribute) and one.attr == "where" and _named(one.value) & names
        for one in ast.walk(line)
    )


def taken_apart(name: str, source: str) -> Module:
    """Take a module's source apart."""
    body = ast.parse(source).body
    return Module(name, {one.name: one for one in body if isinstance(one, Function)})


def ledger() -> list[Module]:
    """Return every module of the ledger."""
    files = sorted(LEDGER.rglob("*.py"))
    return [
        taken_apart(".".join(file.relative_to(LEDGER).with_suffix("").parts), file.read_text())
        for file in files
    ]


def test_every_query_names_its_team() -> None:
    """Each select, update and delete on a team's rows says of which team, unless the closed list says why not."""
    found = {name for module in ledger() for name in module.unbound()}
    assert found - UNBOUND.keys() == set(), "name the team in the WHERE"


def test_the_list_holds_nothing_else() -> None:
    """What is in the list exists, and would not pass without it."""
    found = {name for module in ledger() for name in module.unbound()}
    assert UNBOUND.keys() - found == set(), "take it from the list"


def test_what_only_begins_a_query_is_of_the_module_alone() -> None:
    """What leaves it to its caller to name the team can't be called from elsewhere."""
    assert all(name.split(".")[-1].startswith("_") for name, why in UNBOUND.items() if why == BEGUN)


BOUND = """
def _one(team_id, row_id):
    return (col(ReleaseRow.id) == row_id) & (col(ReleaseRow.team_id) == team_id)

def _still(release):
    return _one(release.team_id, release.id) & open_

async def by_clause(session, team_id, row_id):
    return await session.scalar(select(ReleaseRow).where(_one(team_id, row_id)))

async def by_clause_of_clause(session, release):
    await session.execute(update(ReleaseRow).where(_still(release)).values(state=1))

async def by_name(session, team_id):
    row = ReleaseRow
    mine = col(row.team_id) == team_id
    query = select(row)
    if team_id:
        query = query.where(mine)
    return await session.scalar(query)
"""
LOOSE = (
    "return await session.scalar(select(ReleaseRow).where(col(ReleaseRow.id) == row_id))",
    "row = ReleaseRow\n    await session.execute(delete(row).where(col(row.id) == row_id))",
    "await session.execute(update(ReleaseRow).values(team_id=team_id))",
    "return await session.scalar(select(col(ReleaseRow.team_id)).where(col(ReleaseRow.id) == row_id))",
    "a = select(ReleaseRow).where(col(ReleaseRow.team_id) == team_id)\n    b = select(OutboxRow)",
)


def test_what_is_bound_is_seen() -> None:
    """A team that is named by a clause, a clause's clause or a variable counts as named."""
    assert list(taken_apart("m", BOUND).unbound()) == []


@pytest.mark.parametrize("body", LOOSE)
def test_what_is_not_bound_is_seen(body: str) -> None:
    """An id alone binds no query, nor does a team that is only written or returned, nor another query's."""
    source = f"async def f(session, team_id, row_id):\n    {body}\n"
    assert list(taken_apart("m", source).unbound()) == ["m.f"]
