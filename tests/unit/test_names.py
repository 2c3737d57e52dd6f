"""Names are refused as the index refuses them, all problems at once."""

import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from bot.core.names import MAX_LENGTH, Problem, Slug, normalize_project, parse_slug, validate
from bot.demo import index_model

GOOD = {
    "project": "acme-widgets", "owner": "acme", "repository": "widgets", "workflow": "release.yml", "environment": "pypi",
}  # fmt: skip


def problems(changes: Mapping[str, str], *, project_exists: bool = False) -> tuple[Problem, ...]:
    """Return what is refused of the good names with these changes."""
    values = {**GOOD, **changes}
    return validate(
        project=values["project"],
        owner=values["owner"],
        repository=values["repository"],
        workflow=values["workflow"],
        environment=values["environment"],
        project_exists=project_exists,
    )


def fields(**changes: str) -> list[str]:
    """Return which fields are refused."""
    return [problem.field for problem in problems(changes)]


@given(st.from_regex(re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,30}[A-Za-z0-9]", re.ASCII), fullmatch=True))
def test_names_are_normalized_as_everybody_does(name: str) -> None:
    """The result is that of PEP 503."""
    assert normalize_project(name) == canonicalize_name(name)


def test_good_names_pass() -> None:
    """Nothing is refused that the index takes, an empty environment included."""
    assert fields() == []
    assert fields(environment="") == []
    assert fields(environment="Prod / EU (1)", workflow="a b.yaml", repository="..x-_", owner="0-x") == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("project", ""), ("project", "-x"), ("project", "x-"), ("project", "a b"), ("project", "ünder"), ("project", "x\n"),
        ("project", "json"), ("project", "ImportLib"), ("project", "__future__"),
        ("project", "future"), ("project", "requirements.txt"), ("project", "x" * 201), ("project", "https://x/y"),
        ("owner", ""), ("owner", "-x"), ("owner", "a_b"), ("owner", "a/b"), ("owner", "a" * 40), ("owner", "x\n"),
        ("owner", "é"), ("repository", ""), ("repository", "a/b"), ("repository", "a b"), ("repository", "x\n"),
        ("repository", "."), ("repository", ".."), ("repository", "r" * 101), ("workflow", ""), ("workflow", "release"),
        ("workflow", ".github/workflows/release.yml"), ("workflow", "release.yml\n"), ("workflow", "x\x00.yml"),
        ("workflow", " release.yml"), ("workflow", "w" * 252 + ".yml"), ("environment", " pypi"), ("environment", "pypi "),
        ("environment", "a'b"), ("environment", 'a"b'), ("environment", "a`b"), ("environment", "a,b"),
        ("environment", "a;b"), ("environment", "a\\b"), ("environment", "a\tb"), ("environment", "e" * 256),
    ],
)  # fmt: skip
def test_each_refusal_names_its_field(field: str, value: str) -> None:
    """What the index refuses is refused here, for that field alone, on one line that does not repeat it at length."""
    found = problems({field: value})
    assert [problem.field for problem in found] == [field]
    assert found[0].message.isprintable()
    assert len(found[0].message) < 260


def test_all_problems_come_at_once() -> None:
    """Five wrong fields are five problems, in the form's order."""
    assert fields(project="", owner="", repository="", workflow="", environment=" ") == list(GOOD)


def test_an_existing_project_may_have_a_modules_name() -> None:
    """What is refused for new projects only passes for one that is there."""
    assert problems({"project": "future"}, project_exists=True) == ()


def test_a_token_in_the_wrong_place_is_not_repeated() -> None:
    """A token given as a name is refused without being shown."""
    token = "pypi-AgEIcHlwaS5vcmcCJDU0ZTJmYzA3"
    found = problems({"workflow": token, "owner": f" {token}"})
    assert len(found) == 2
    assert all(token not in problem.message for problem in found)


@given(*(st.text(max_size=40) for _ in GOOD))
def test_nothing_passes_that_the_index_refuses(
    project: str, owner: str, repository: str, workflow: str, environment: str
) -> None:
    """Whatever passes here passes the rules that were read off the index's form."""
    given_ = {
        "owner": owner, "repository": repository, "workflow_filename": workflow, "environment": environment,
    }  # fmt: skip
    refused = set(index_model.value_problems(given_))
    values = {"project": project, "owner": owner, "repository": repository, "workflow": workflow}
    mine = {problem.field for problem in problems({**values, "environment": environment})}
    assert {name.removesuffix("_filename") for name in refused} <= mine
    assert not index_model.name_problem(project) or "project" in mine


def test_limits_are_those_of_the_tables() -> None:
    """No value passes that a column can't hold."""
    for name, limit in MAX_LENGTH.items():
        assert limit <= {"project": 200, "owner": 100, "repository": 100}.get(name, 255)


@pytest.mark.parametrize(
    "text",
    [
        "acme/widgets", " acme/widgets ", "acme/widgets.git", "https://github.com/acme/widgets", "acme/widgets/",
        "https://github.com/acme/widgets.git", "http://www.example/acme/widgets/", "git@github.com:acme/widgets.git",
        "ssh://git@github.com/acme/widgets.git", "https://github.com/acme/widgets/tree/main?x#y",
        "<https://github.com/acme/widgets>", "<https://github.com/acme/widgets|acme/widgets>",
    ],
)  # fmt: skip
def test_a_pasted_address_is_a_repository(text: str) -> None:
    """OWNER/REPO is read from whatever people copy."""
    assert parse_slug(text) == Slug("acme", "widgets")


@pytest.mark.parametrize(
    "text", ["", "acme", "/", "acme/", "/widgets", "a/b/c", "https://", "https://[::1/a/b", "https://x/a"]
)
def test_what_names_no_repository_is_none(text: str) -> None:
    """Half a repository is none."""
    assert parse_slug(text) is None


def test_an_address_elsewhere_is_refused_where_the_forge_is_known() -> None:
    """A repository on another host is not mistaken for one on the forge."""
    assert parse_slug("https://gitlab.example/acme/widgets", forge="https://github.com") is None
    assert parse_slug("https://github.com/acme/widgets", forge="https://github.com") == Slug(
        "acme", "widgets"
    )


@given(st.text())
def test_reading_a_repository_never_raises(text: str) -> None:
    """Any text is a repository or none."""
    found = parse_slug(text)
    assert found is None or (found.owner and found.repository)
