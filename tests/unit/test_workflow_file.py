"""What a workflow file says is read right, or not at all."""

from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.core.repositories import Filters, WorkflowFacts, WorkflowJob
from bot.demo.forge_state import GOOD_WORKFLOW
from bot.forge.workflow_file import read_workflow

UNREADABLE = WorkflowFacts(found=True)
HIDDEN = """\
name: |
  on: push
  permissions: write-all
jobs:
  a:
    steps:
    - run: |
        permissions: write-all
    - name: x
      env:
        environment: pypi
#on: release
"""


def basics(text: str) -> WorkflowFacts:
    """Return what registering a publisher needs of a file's facts."""
    return replace(
        read_workflow(text), jobs=(), push=Filters(), release_types=(), dispatch_needs_inputs=False,
        detailed=False,
    )  # fmt: skip


def test_a_good_workflow() -> None:
    """Permission, environment and triggers of the usual workflow are seen."""
    assert basics(GOOD_WORKFLOW.decode()) == WorkflowFacts(
        found=True,
        has_id_token_write=True,
        environments=("pypi",),
        triggers=("push", "workflow_dispatch"),
        readable=True,
    )


@pytest.mark.parametrize(
    ("text", "may", "environments", "triggers"),
    [
        ("on: push\njobs:\n  a:\n    steps: []\n", False, (), ("push",)),
        ("on: [push, release]\npermissions: write-all\njobs:\n  a:\n    steps: []\n", True, (), ("push", "release")),
        ("'on':\n- push\n- release # c\npermissions: {id-token: write}\njobs:\n  a: {}\n", True, (), ("push", "release")),
        ("on:\n  push:\n    tags: ['v*']\npermissions:\n  id-token: write\njobs:\n  a:\n    runs-on: x\n", True, (), ("push",)),
        # a job's own permissions replace the file's
        ("permissions:\n  id-token: write\njobs:\n  a:\n    permissions:\n      contents: read\n", False, (), ()),
        ("permissions: read-all\njobs:\n  a:\n    permissions: { contents: read, id-token: 'write' }\n", True, (), ()),
        ("permissions:\n  id-token: read\njobs:\n  a:\n    runs-on: x\n", False, (), ()),
        ("jobs:\n  a:\n    environment:\n      name: pypi # ours\n      url: https://x/#y\n  b:\n    environment: \"test\"\n",
         False, ("pypi", "test"), ()),
        ("jobs:\n  a:\n    environment: {name: pypi, url: x}\n", False, ("pypi",), ()),
        ("jobs:\n  a:\n    environment: ${{ inputs.where }}\n", False, ("${{ inputs.where }}",), ()),
        # what looks like members inside of texts, steps and comments is none
        (HIDDEN, False, (), ()),
        ("# c\n---\n\non:\r\n  release:\r\n    types: [published]\r\njobs:\r\n  a:\r\n    environment: pypi\r\n",
         False, ("pypi",), ("release",)),
        ("on:\n  workflow_dispatch:\n    inputs:\n      x:\n        description: 'It''s \"odd\": {['\n", False, (), ("workflow_dispatch",)),
        ("\ufeffon: push\n", False, (), ("push",)),
        ("", False, (), ()),
    ],
)  # fmt: skip
def test_the_usual_spellings(
    text: str, may: bool, environments: tuple[str, ...], triggers: tuple[str, ...]
) -> None:
    """Block and inline forms, lists, quotes and comments mean what they mean to GitHub."""
    assert basics(text) == WorkflowFacts(True, may, environments, triggers, True)


RELEASING = """\
on:
  push:
    tags: ['v[0-9]+.[0-9]+', "!v*, or so", v1.*] # c
    branches:
      - main
  release:
    types:
    - published
    - 'released'
  schedule:
    - cron: '0 0 * * *'
  workflow_dispatch:
    inputs:
      dry-run: {type: boolean, required: true, default: false}
      which:
        description: |
          required: true
        required: true
permissions: {"contents": read}
jobs:
  build:
    name: Build, 'it''s'
    runs-on: x
    steps:
      - name: no
        uses: actions/checkout@v4
  shared:
    uses: ./.github/workflows/x.yml
  publish:
    name: 'Publish it''s'
    environment: {name: pypi}
    permissions:
      id-token: write
"""


def test_what_a_release_needs_is_read() -> None:
    """Filters, types, inputs and jobs are seen in their usual spellings."""
    facts = read_workflow(RELEASING)
    assert facts.detailed
    assert facts.triggers == ("push", "release", "schedule", "workflow_dispatch")
    assert facts.push == Filters(tags=("v[0-9]+.[0-9]+", "!v*, or so", "v1.*"), branches=("main",))
    assert facts.release_types == ("published", "released")
    assert facts.dispatch_needs_inputs
    assert facts.jobs == (
        WorkflowJob("build", "Build, 'it''s'"),
        WorkflowJob("shared", "shared", uses="./.github/workflows/x.yml"),
        WorkflowJob("publish", "Publish it's", "pypi", id_token=True),
    )


@pytest.mark.parametrize(
    "text",
    [
        "on:\n  release: {types: [[published]]}\njobs:\n  a:\n    environment: pypi\n",
        "on:\n  push: {tags: *x}\njobs:\n  a:\n    environment: pypi\n",
        "on:\n  push:\njobs:\n  a:\n    name: &x b\n    environment: pypi\n",
    ],
)
def test_what_a_release_needs_may_be_unreadable_alone(text: str) -> None:
    """Something odd in a filter or a name is told, and hides nothing else."""
    facts = read_workflow(text)
    assert (facts.readable, facts.detailed, facts.environments) == (True, False, ("pypi",))
    assert facts.jobs == (WorkflowJob("a", "a", "pypi"),)


def test_brackets_in_brackets_are_read() -> None:
    """The short form means what the long one means."""
    facts = read_workflow(
        "on: {push: {tags: ['v*', \"x, [y]\", 'it''s'], branches: []}, release: {types: [published, ]}, workflow_dispatch: }\n"
        "jobs: {a: {environment: {name: pypi}, permissions: {'id-token': write}, \"name\":A}}\n"
    )
    assert facts.detailed
    assert facts.triggers == ("push", "release", "workflow_dispatch")
    assert facts.push == Filters(tags=("v*", "x, [y]", "it's"))
    assert facts.release_types == ("published",)
    assert facts.jobs == (WorkflowJob("a", "A", "pypi", id_token=True),)


@pytest.mark.parametrize(
    "value",
    ["[a", "{a: b", "[a]]", "{a: b}}", "[a b: c]", "[,]", "{a: 1, a: 2}", "{a:b}", "[&a b]", "[*a]", "{a: [b: c]}", "['a'b]",
     "[a] b", "{" * 99, "[" * 99, "[a{b}]", "{: a}", '["a\\x62"]', "{? a}"],
)  # fmt: skip
def test_odd_brackets_are_unreadable(value: str) -> None:
    """Brackets that don't fit, or hold what could mean more, are not guessed at."""
    assert not read_workflow(f"on: {value}\njobs:\n  a:\n    environment: pypi\n").readable


@pytest.mark.parametrize(
    ("inputs", "needs"),
    [
        ("", False), ("    inputs: {}\n", False), ("    inputs:\n      x:\n        required: false\n", False),
        ("    inputs:\n      x:\n        required: true\n        default: ''\n", False),
        ("    inputs:\n      x:\n        default:\n        required: true\n", False),
        ("    inputs:\n      x:\n        type: choice\n        options:\n        - a\n        required: true\n", True),
    ],
)  # fmt: skip
def test_inputs_that_nobody_could_fill_in(inputs: str, needs: bool) -> None:
    """An input is in the way where it is required and has no default."""
    facts = read_workflow(f"on:\n  workflow_dispatch:\n{inputs}jobs:\n  a:\n    runs-on: x\n")
    assert (facts.detailed, facts.dispatch_needs_inputs) == (True, needs)


@pytest.mark.parametrize(
    "text",
    [
        "on: &a push\n", "permissions: *a\njobs:\n  a:\n", "on: {push: {tags: [[v1]]}}\n", "\ton: push\n", "- on\n", "just text",
        "on: push\n  more\n", "permissions: [\n  write-all]\n", "on: !x push\n", "jobs:\n  <<: *a\n", "on: \"a\\x62\"\n",
        "on: push\n" * 5_001,
        "permissions: {id-token:write}\njobs:\n  a:\n    x: y\n", "permissions:\n  id-token: write\n    more\njobs:\n",
        "permissions:\n  id-token: read\npermissions:\n  id-token: write\n", "<html></html>", "{\"on\": \"push\"}", "jobs:\n    a:\n  b:\n",
    ],
)  # fmt: skip
def test_what_could_mean_more_is_unreadable(text: str) -> None:
    """Anchors, tags, nested brackets, tabs and other files are not guessed at."""
    assert read_workflow(text) == UNREADABLE


NAMES = st.text(alphabet="abcxyz-_019", min_size=1, max_size=8).filter(lambda name: name[0].isalpha())
FILTERS = st.sampled_from(["tags", "tags-ignore", "branches"])
PATTERNS = (
    NAMES
    | st.text(alphabet="v*[]!'?, #:{x", min_size=1, max_size=6)
    | st.sampled_from(["v[0-9]+", "!v*", "it's"])
)
SCALARS = NAMES | st.sampled_from(["write", "read", "write-all", "read-all", "pypi", "${{ x.y }}"])
JOBS = st.fixed_dictionaries(
    {"runs-on": NAMES},
    optional={
        "name": PATTERNS,
        "uses": SCALARS,
        "permissions": st.sampled_from(["write-all", "read-all"])
        | st.dictionaries(
            st.sampled_from(["id-token", "contents"]), st.sampled_from(["write", "read"]), min_size=1
        ),
        "environment": SCALARS | st.fixed_dictionaries({"name": SCALARS}, optional={"url": SCALARS}),
        "steps": st.lists(st.dictionaries(NAMES, SCALARS, min_size=1), max_size=3),
    },
)
FILES = st.fixed_dictionaries(
    {
        "on": NAMES
        | st.lists(NAMES, min_size=1)
        | st.dictionaries(NAMES, st.none() | st.dictionaries(NAMES, st.lists(NAMES)))
        | st.fixed_dictionaries(
            {},
            optional={"push": st.dictionaries(FILTERS, st.lists(PATTERNS, min_size=1)), "release": st.none()},
        )
    },
    optional={
        "name": NAMES,
        "permissions": st.sampled_from(["write-all", "read-all"])
        | st.dictionaries(st.sampled_from(["id-token", "contents"]), st.sampled_from(["write", "read"])),
        "jobs": st.dictionaries(NAMES, JOBS, max_size=3),
    },
)


@given(FILES, st.booleans() | st.none())
def test_it_agrees_with_a_yaml_parser(file: dict[str, object], flow: bool | None) -> None:
    """What is read of a file is what a real parser reads; else the file is unreadable, never misread."""
    text = yaml.safe_dump(file, default_flow_style=flow, sort_keys=False, width=10_000)
    facts = read_workflow(text)
    if not facts.readable:
        return
    jobs = file.get("jobs") or {}
    assert isinstance(jobs, dict)
    allowed = [job.get("permissions", file.get("permissions")) for job in jobs.values()]
    may = any(
        one == "write-all" or (isinstance(one, dict) and one.get("id-token") == "write") for one in allowed
    )
    named = [job.get("environment") for job in jobs.values()]
    environments = [one["name"] if isinstance(one, dict) else one for one in named if one]
    on = file["on"]
    assert facts.has_id_token_write is may
    assert list(facts.environments) == list(dict.fromkeys(environments))
    assert list(facts.triggers) == ([on] if isinstance(on, str) else list(on))  # type: ignore[call-overload]
    if facts.detailed:
        push = (on.get("push") if isinstance(on, dict) else None) or {}
        assert facts.push == Filters(
            *(tuple(push.get(name, ())) for name in ("tags", "tags-ignore", "branches"))
        )
        assert [job.name for job in facts.jobs] == [job.get("name") or name for name, job in jobs.items()]
        assert [job.uses for job in facts.jobs] == [job.get("uses", "") for job in jobs.values()]


@given(FILES)
def test_it_agrees_with_a_yaml_parser_on_brackets(file: dict[str, object]) -> None:
    """Each member on a line of its own, in brackets as deep as it is, is read as a real parser reads it, or not at all."""
    lines = [
        yaml.safe_dump({name: value}, default_flow_style=True, sort_keys=False, width=100_000).strip()[1:-1]
        for name, value in file.items()
    ]
    text = "\n".join(lines) + "\n"
    facts = read_workflow(text)
    block = read_workflow(yaml.safe_dump(yaml.safe_load(text), sort_keys=False, width=100_000))
    if facts.detailed and block.detailed:
        assert facts == block


@given(st.text() | st.text(alphabet="on: jobs\n  -{}[]'\"#|>&*permissions"))
def test_no_file_raises(text: str) -> None:
    """Any text is read or unreadable."""
    assert read_workflow(text).found
