"""The documentation says what the code does: settings, commands, options, exit codes, scopes."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
import yaml

from bot import cli, settings
from bot.core import policies
from bot.core.roles import Role
from bot.core.status_links import CALLBACK
from bot.slack import scopes
from bot.slack.blocks import answers
from bot.slack.manifest import Place, manifest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def page(name: str) -> str:
    """Return a page's text."""
    return (DOCS / name).read_text(encoding="utf-8")


def commands() -> Iterator[tuple[str, list[str]]]:
    """Give each command, `shipbell ...`, with its options."""
    root = typer.main.get_command(cli.app)
    waiting = [("shipbell", root)]
    while waiting:
        name, command = waiting.pop()
        children = getattr(command, "commands", {})
        waiting += [(f"{name} {child}", inner) for child, inner in children.items()]
        if not children:
            yield (
                name,
                [
                    option
                    for parameter in command.params
                    for option in parameter.opts
                    if option.startswith("-") and option != "--help"
                ],
            )


def test_settings_page_holds_the_table_of_the_code() -> None:
    """`docs/settings.md` holds exactly the table that `python -m bot.settings` prints."""
    assert f"\n\n{settings.markdown()}\n" in page("settings.md")


def test_every_key_of_an_index_is_documented() -> None:
    """Each key that an entry of SHIPBELL_INDEXES takes has a row."""
    from bot import values

    for key in values.INDEX_KEYS:
        assert f"| `{key}` |" in page("settings.md")


@pytest.mark.parametrize(("command", "options"), list(commands()))
def test_every_command_and_option_is_documented(command: str, options: list[str]) -> None:
    """Each command has a row on the page of the command line, each option one under the command's heading."""
    text = page("cli.md")
    assert f"| `{command}` |" in text
    if options:
        section = text.partition(f"\n## {command}\n")[2].partition("\n## ")[0]
        for option in options:
            assert f"| `{option}` |" in section


def test_no_command_is_documented_that_is_not_there() -> None:
    """Every row and heading `shipbell ...` of the page is a command."""
    known = {name for name, _ in commands()}
    text = page("cli.md")
    told = set(re.findall(r"^\| `(shipbell [a-z -]+?)` \|", text, re.MULTILINE)) | set(
        re.findall(r"^## (shipbell .+)$", text, re.MULTILINE)
    )
    assert told <= known


def test_every_exit_code_is_documented() -> None:
    """The codes that the command line ends with are the codes of the table."""
    section = page("cli.md").partition("## Exit codes")[2].partition("\n## ")[0]
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)}
    assert told == {cli.DONE, cli.REFUSED, cli.MISUSED, cli.INTERRUPTED, cli.TERMINATED}


def test_every_scope_is_documented_with_its_reason() -> None:
    """Each scope stands in the page with the reason that the code gives, and no other one does."""
    text = page("slack-scopes.md")
    told = dict(re.findall(r"^\| `([a-z:._]+)` \| (.+) \|$", text, re.MULTILINE))
    assert told == {**scopes.BOT_SCOPES, **scopes.APP_SCOPES, **scopes.USER_SCOPES, **scopes.EVENTS}


def test_every_slash_command_is_documented() -> None:
    """Each slash command has a heading on the page of commands."""
    for command in scopes.SLASH_COMMANDS:
        assert f"\n## {command}\n" in page("commands.md")


def test_help_and_page_name_the_same_commands() -> None:
    """What `help` names stands on the page, and what stands there is in `help`; no row stands twice."""
    text = page("commands.md")
    rows = re.findall(r"^\| `(/[^`]+)`", text, re.MULTILINE)
    assert len(set(rows)) == len(rows)
    named = {" ".join(row.split()[:2]) for row in rows}
    helped = {" ".join(usage.split()[:2]) for usages in answers.HELP.values() for usage, _ in usages}
    assert named - {"/shipbell help", "/shipbell disconnect"} == helped


def test_every_field_of_a_policy_is_in_help_and_page() -> None:
    """Whatever an admin can set is named where it is looked for."""
    helped = " ".join(usage for usage, _ in answers.HELP["/shipbell"])
    for field in policies.FIELDS:
        assert f"[{field}=" in helped
        assert f"[{field}=" in page("commands.md")


def test_a_proxy_is_told_of_every_address_that_others_reach() -> None:
    """Each address of the page but those for the operator's own machines begins as the page says that a proxy lets pass."""
    text = page("http.md")
    addresses = set(re.findall(r"`(?:GET|POST) /([a-z]+)", text)) - {"metrics", "healthz", "readyz"}
    passed = set(re.findall(r"`/([a-z]+)/`", text.rpartition("let your proxy pass")[2]))
    assert addresses == passed


@pytest.mark.parametrize(
    ("file", "many"), [("slack-manifest.yaml", False), ("slack-manifest-many.yaml", True)]
)
def test_the_manifests_are_the_codes(file: str, many: bool) -> None:
    """Each manifest in `deploy/` is what the code makes of its own scopes, commands, events and addresses."""
    found = yaml.safe_load((ROOT / "deploy" / file).read_text(encoding="utf-8"))
    assert found == manifest(Place("https://shipbell.example.com", many=many))


def test_a_manifest_names_what_is_served() -> None:
    """Every address of a manifest is one that the bot has a route for, and every event one that it listens to."""
    made = manifest(Place("https://shipbell.example.com", many=True))
    assert f"https://shipbell.example.com{CALLBACK}" in made["oauth_config"]["redirect_urls"]
    served = page("http.md")
    told = set(re.findall(r"https://shipbell\.example\.com(/[a-z_/]+)", json.dumps(made)))
    for path in told:
        assert re.search(rf"`(?:GET|POST) {path}`", served), path
    listened = "".join(
        (ROOT / "bot" / "slack" / name).read_text(encoding="utf-8") for name in ("events.py", "leaving.py")
    )
    for event in scopes.EVENTS:
        assert f'app.event("{event}")' in listened
        assert f"| `{event}` | {scopes.EVENTS[event]} |" in page("slack-scopes.md")


def test_every_step_and_shortcut_is_documented() -> None:
    """Each step stands on the page of workflows with all that it takes and gives, each shortcut on that of commands."""
    text = page("workflows.md")
    for step in scopes.STEPS.values():
        section = text.partition(f"\n## {step.title}\n")[2].partition("\n## ")[0]
        assert section
        for one in (*step.inputs, *step.outputs):
            assert f"| {one.title} |" in section, (step.title, one.title)
    for name, _ in scopes.SHORTCUTS.values():
        assert f"**{name}**" in page("commands.md")


def test_slash_commands_keep_to_slacks_limits() -> None:
    """Slack takes a description of up to 2,000 characters and a usage hint of up to 1,000 (app manifest reference)."""
    for description, hint in scopes.SLASH_COMMANDS.values():
        assert len(description) <= 2_000
        assert len(hint) <= 1_000
    for name, description in scopes.SHORTCUTS.values():
        assert len(name) <= 24
        assert len(description) <= 150


@pytest.mark.parametrize("path", sorted((DOCS / "adr").glob("0*.md")), ids=lambda path: path.name)
def test_decisions_are_short_and_listed(path: Path) -> None:
    """A decision has under 300 words and stands in the table of contents."""
    assert len(path.read_text(encoding="utf-8").split()) < 300
    assert f"\n{path.stem}\n" in page("adr/index.md")


def test_the_page_of_roles_names_every_role() -> None:
    """Each role has its row, and each word that changes who may is among the commands."""
    text = page("roles.md")
    for role in Role:
        assert f"| `{role}` |" in text
        assert f"{role}" in page("commands.md")
