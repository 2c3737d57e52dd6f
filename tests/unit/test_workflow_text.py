"""The workflow that the bot proposes: what it says, that auditors have nothing to say of it, and how others are mended."""

import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.core.names import validate
from bot.core.workflow_mending import Lack, mend
from bot.core.workflow_text import PINS, Plan, blob, branch, write
from bot.forge.workflow_file import read_workflow

PLAIN = Plan("acme-widgets", "release.yml", "pypi")
PLANS = {
    "plain": PLAIN,
    "no environment, private": Plan("acme-widgets", "release.yml", "", attest=False),
    "another index": Plan(
        "acme-widgets", "r.yml", "tést it", "https://test.pypi.org", "https://test.pypi.org/legacy/", ("widgets-v*", "v[0-9]+")
    ),
}  # fmt: skip
ENVIRONMENTS = st.text(max_size=40).filter(
    lambda name: (
        not validate(
            project="acme", owner="acme", repository="acme", workflow="release.yml", environment=name
        )
    )
)
"""What the index would take for an environment."""


def parsed(text: str) -> dict[Any, Any]:
    """Return the file as YAML has it."""
    found = yaml.safe_load(text)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("name", PLANS)
def test_each_job_has_its_task_and_its_rights_alone(name: str) -> None:
    """Build, attest, publish and confirm are jobs of their own, with nothing but the rights that each needs."""
    plan = PLANS[name]
    file = parsed(write(plan))
    rights = {job: told["permissions"] for job, told in file["jobs"].items()}
    attest = {"attest": {"id-token": "write", "attestations": "write"}} if plan.attest else {}
    assert rights == {
        "build": {"contents": "read"},
        **attest,
        "publish": {"id-token": "write"},
        "confirm": {"id-token": "write"},
    }
    assert file["permissions"] == {}
    places = {file["jobs"][job].get("environment", "") for job in ("publish", "confirm")}
    assert places == {plan.environment}


@pytest.mark.parametrize("name", PLANS)
def test_it_is_started_by_tags_and_by_hand(name: str) -> None:
    """A tag that fits starts it, and a dispatch with `confirm`, which nobody must fill in."""
    on = parsed(write(PLANS[name]))[True]  # YAML 1.1 takes a bare `on` for true
    assert tuple(on["push"]["tags"]) == PLANS[name].tags
    assert on["workflow_dispatch"]["inputs"]["confirm"]["type"] == "boolean"
    assert on["workflow_dispatch"]["inputs"]["confirm"]["default"] is False


@pytest.mark.parametrize("name", PLANS)
def test_the_bot_reads_what_it_writes(name: str) -> None:
    """The bot's own look at the file finds all that publishing needs."""
    plan = PLANS[name]
    facts = read_workflow(write(plan))
    assert (facts.readable, facts.detailed, facts.has_id_token_write) == (True, True, True)
    assert facts.environments == ((plan.environment,) if plan.environment else ())
    assert facts.triggers == ("push", "workflow_dispatch")
    assert not facts.dispatch_needs_inputs


def test_every_action_is_pinned_by_its_commit() -> None:
    """Each `uses` names a full commit, with the version in a comment, and is in the table."""
    lines = [line.strip() for line in write(PLAIN).splitlines() if "uses:" in line]
    found = [re.fullmatch(r"- uses: ([\w./-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)", line) for line in lines]
    assert {one and (one[1], one[3], one[2]) for one in found} == {
        (action, pin.version, pin.commit) for action, pin in PINS.items()
    }
    assert all(pin.seen for pin in PINS.values())


@pytest.mark.parametrize("name", PLANS)
def test_zizmor_has_nothing_to_say(name: str, tmp_path: Path) -> None:
    """The auditor of workflows, asked for all that it knows without a network, finds nothing."""
    file = tmp_path / ".github" / "workflows" / PLANS[name].workflow
    file.parent.mkdir(parents=True)
    file.write_text(write(PLANS[name]), encoding="utf-8")
    zizmor = Path(sysconfig.get_path("scripts")) / "zizmor"
    ran = subprocess.run(
        [zizmor, "--offline", "--no-config", "--persona", "auditor", "--format", "plain", file],
        capture_output=True, text=True, check=False, env={"PATH": "", "HOME": str(tmp_path)},
    )  # fmt: skip
    assert (ran.returncode, "No findings to report" in ran.stdout) == (0, True), ran.stdout + ran.stderr


def test_the_confirm_job_is_python_that_publishes_nothing() -> None:
    """The script of the `confirm` job compiles, masks both tokens, and sends to nothing but the exchange."""
    (step,) = parsed(write(PLAIN))["jobs"]["confirm"]["steps"]
    compile(step["run"], "confirm", "exec")
    assert step["run"].count("::add-mask::") == 2
    assert re.findall(r"index}(/[\w/.-]+)", step["run"]) == ["/_/oidc/audience", "/_/oidc/mint-token"]
    assert step["env"] == {"INDEX": "https://pypi.org"}


@given(environment=ENVIRONMENTS)
def test_no_environment_breaks_out_of_its_place(environment: str) -> None:
    """Whatever the index takes for an environment stands in the file as that text, and changes nothing else."""
    usual, text = parsed(write(PLAIN)), parsed(write(Plan("acme-widgets", "release.yml", environment)))
    shown = text["jobs"]["publish"].get("environment", "")
    assert shown == environment.replace("${{", "$ {{")
    for job in ("publish", "confirm"):
        usual["jobs"][job].pop("environment", None)
        text["jobs"][job].pop("environment", None)
    assert text == usual


def test_a_branch_and_a_blob() -> None:
    """A project's branch is its normalized name; a file's blob is what `git hash-object` says."""
    assert branch("Acme.Widgets") == "shipbell/publish-acme-widgets"
    assert blob("hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"


TEXT = """\
name: Release
on:
  push:
    tags: ["v*"]
jobs:
  build:
    runs-on: ubuntu-latest
    permissions: {}  # none
    steps:
      - run: python -m build

  # what sends them
  publish:
    needs: build
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: pypa/gh-action-pypi-publish@release/v1
"""
BOTH = (Lack.ID_TOKEN, Lack.ENVIRONMENT)


def test_what_is_missing_is_added() -> None:
    """Permission and environment are put before the steps of the publishing job, and nothing else changes."""
    mended = mend(TEXT, BOTH, "pypi")
    assert mended is not None
    added = "    permissions:\n      id-token: write\n      contents: read\n    environment: pypi\n"
    assert mended.replace(added, "") == TEXT
    job = next(job for job in read_workflow(mended).jobs if job.id == "publish")
    assert (job.id_token, job.environment) == (True, "pypi")


@pytest.mark.parametrize(
    ("said", "after"),
    [
        ("    permissions: {}\n", "    permissions:\n      id-token: write\n"),
        ("    permissions:\n        contents: read\n", "    permissions:\n        id-token: write\n        contents: read\n"),
        ("    permissions: # few\n      id-token: none\n", "    permissions: # few\n      id-token: write\n"),
        ("    environment: other # so\n", "    environment: pypi\n"),
        ("    environment:\n      url: https://a.example\n      name: 'other'\n", "    environment:\n      url: https://a.example\n      name: pypi\n"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_corrected(said: str, after: str) -> None:
    """What the job says already is corrected where it stands."""
    lack = Lack.ID_TOKEN if "permissions" in said else Lack.ENVIRONMENT
    text = TEXT.replace("    needs: build\n", f"    needs: build\n{said}")
    assert mend(text, [lack], "pypi") == TEXT.replace("    needs: build\n", f"    needs: build\n{after}")


@pytest.mark.parametrize(
    "text",
    [
        "", "jobs:\n", "jobs: {}\n", TEXT.replace("pypa/gh-action-pypi-publish", "acme/publish"), TEXT + TEXT,
        TEXT.replace("    needs: build\n", "    permissions: read-all\n"),
        TEXT.replace("    needs: build\n", "    permissions: {contents: read}\n"),
        TEXT.replace("    needs: build\n", "\tneeds: build\n"),
        TEXT.replace("    steps:\n      - uses: actions", "    strategy:\n      - uses: actions"),
        TEXT.replace("- run: python -m build", "- uses: pypa/gh-action-pypi-publish@v1"),
    ],
)  # fmt: skip
def test_what_is_not_plain_is_not_mended(text: str) -> None:
    """A file that says it otherwise, or has no or several publishing jobs, is left alone."""
    assert mend(text, [Lack.ID_TOKEN], "pypi") is None


@pytest.mark.parametrize(
    "said", ["    environment: ${{ inputs.where }}\n", "    environment: {name: a}\n", "    environment:\n      url: a\n"]
)  # fmt: skip
def test_an_environment_that_is_computed_is_not_mended(said: str) -> None:
    """What an expression says is known only when it runs."""
    text = TEXT.replace("    needs: build\n", f"    needs: build\n{said}")
    assert mend(text, [Lack.ENVIRONMENT], "pypi") is None


def test_line_ends_stay() -> None:
    """A file with Windows' line ends keeps them."""
    mended = mend(TEXT.replace("\n", "\r\n"), BOTH, "pypi")
    assert mended is not None
    assert mended.replace("\r\n", "") == mended.replace("\r\n", "\n").replace("\n", "")


@given(st.text(alphabet="jobs:\n -#publish{}'\"\tuseswith", max_size=200))
def test_no_text_breaks_mending(text: str) -> None:
    """Whatever the file says, it is mended or left alone."""
    found = mend(text, BOTH, "pypi")
    assert found is None or isinstance(found, str)


def test_every_pin_is_documented() -> None:
    """The table on the page of the publisher's lifecycle is the table of the code."""
    page = (Path(__file__).parents[2] / "docs" / "publisher-lifecycle.md").read_text(encoding="utf-8")
    rows = [f"| `{action}` | {pin.version} | `{pin.commit}` | {pin.seen} |" for action, pin in PINS.items()]
    assert "\n" + "\n".join(rows) + "\n" in page
