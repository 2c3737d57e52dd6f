"""Whatever writes under a claim says so where the claim was lost: every fenced write of the ledger is counted by who calls it."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import bot
import storage.ledger
from bot import measuring

LEDGER, BOT = Path(storage.ledger.__file__).parent, Path(bot.__file__).parent
TAKES = {"claim_one"}
"""What takes a claim: not to get one is no loss."""


def fenced() -> Mapping[str, set[str]]:
    """Return, for each module of the ledger, its writes that hold only for the owner of a claim, and say whether they did."""
    found: dict[str, set[str]] = {}
    for file in LEDGER.glob("*.py"):
        for one in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(one, ast.AsyncFunctionDef) and one.returns and ast.unparse(one.returns) == "bool":
                owned = any(argument.arg == "owner" for argument in one.args.args)
                if owned and not one.name.startswith("_") and one.name not in TAKES:
                    found.setdefault(file.stem, set()).add(one.name)
    return found


FENCED = fenced()


def named(tree: ast.Module) -> Mapping[str, str]:
    """Return by which names a module knows those of the ledger."""
    imports = [
        one for one in ast.walk(tree) if isinstance(one, ast.ImportFrom) and one.module == "storage.ledger"
    ]
    return {name.asname or name.name: name.name for one in imports for name in one.names}


def called(node: ast.AST, names: Mapping[str, str]) -> str:
    """Return the module of the ledger whose fenced write is awaited here under a claim; "" where none is."""
    match node:
        case ast.Await(
            value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=write), args=arguments)
        ):
            module = names.get(name, "")
            by_a_person = any(isinstance(one, ast.Constant) and one.value is None for one in arguments)
            return module if write in FENCED.get(module, ()) and not by_a_person else ""
    return ""


def writes() -> Iterator[tuple[str, str, bool]]:
    """Give every fenced write of the bot: where, of which module, and whether it is counted under that name."""
    for file in sorted(BOT.rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        names = named(tree)
        counted = {
            (id(one.args[1]), one.args[0].value)
            for one in ast.walk(tree)
            if isinstance(one, ast.Call)
            and ast.unparse(one.func) == "measuring.held"
            and isinstance(one.args[0], ast.Constant)
        }
        for node in ast.walk(tree):
            if module := called(node, names):
                assert isinstance(node, ast.Await)
                yield f"{file.name}:{node.lineno}", module, (id(node), module) in counted


def test_every_fenced_write_is_counted() -> None:
    """Each lane's writes go through the one function that counts a lost claim, under the lane's own name."""
    found = list(writes())
    assert [where for where, _, counted in found if not counted] == []
    assert {module for _, module, _ in found} == set(FENCED)
    assert len(FENCED) == 12


@pytest.mark.parametrize(("won", "more"), [(True, 0), (False, 1)])
def test_a_lost_claim_counts_once(won: bool, more: int) -> None:
    """A claim that held is passed through, and one that was lost is counted."""

    def count() -> float:
        return measuring.REGISTRY.get_sample_value("shipbell_claims_lost_total", {"of": "steps"}) or 0.0

    before = count()
    assert measuring.held("steps", won) is won
    assert count() - before == more
