"""The command line, as its users meet it: the installed script in a clean environment."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

SCRIPT = Path(sys.executable).with_name("shipbell")
TOKEN = "pypi-AgEIcHlwaS5vcmcCJDU0ZTJmYzA3LWQ2Zjk0"
"""Shaped like a token; opens nothing."""
PAYLOAD = ("--project", "Sample_Project", "--owner", "octo", "--repo", "sample")


@pytest.fixture
def clean(tmp_path: Path) -> dict[str, str]:
    """Give an environment that holds nothing of the developer's."""
    return {
        "PATH": os.defpath,
        "HOME": str(tmp_path),
        "SHIPBELL_DATA_DIR": str(tmp_path / "data"),
        "LC_ALL": "C.UTF-8",
    }


def shipbell(
    environ: Mapping[str, str], *arguments: str, given: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run the installed script to its end."""
    return subprocess.run(
        [SCRIPT, *arguments],
        env=environ,
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_names_every_command(clean: dict[str, str]) -> None:
    """`--help` exits 0 and lists the commands on standard output."""
    done = shipbell(clean, "--help")
    assert done.returncode == 0
    for command in ("serve", "worker", "demo", "doctor", "publisher", "keys", "db"):
        assert f"\n  {command} " in done.stdout


def test_version_is_the_packages(clean: dict[str, str]) -> None:
    """`--version` prints the version of the package."""
    from bot import __version__

    assert shipbell(clean, "--version").stdout == f"shipbell {__version__}\n"


def test_a_manifest_is_of_the_bots_own_address(clean: dict[str, str]) -> None:
    """The manifest is JSON for the public address; tokens rotate, and orgs may install, where many workspaces do."""
    environ = clean | {"SHIPBELL_PUBLIC_URL": "https://bell.example/"}
    one, many = (json.loads(shipbell(environ, "manifest", *more).stdout) for more in ((), ("--many",)))
    assert one["settings"]["interactivity"]["request_url"] == "https://bell.example/slack/events"
    assert many["oauth_config"]["redirect_urls"][0] == "https://bell.example/slack/oauth_redirect"
    for made, rotates in ((one, False), (many, True)):
        settings = made["settings"]
        assert (settings["token_rotation_enabled"], settings["org_deploy_enabled"]) == (rotates, True)


def test_help_imports_nothing_heavy() -> None:
    """Asking for help loads neither Slack's libraries, nor the database's, nor HTTP's."""
    code = (
        "import sys; from bot import cli; cli.run(['--help'], {});"
        "print(sorted({'slack_bolt', 'slack_sdk', 'sqlalchemy', 'sqlmodel', 'pydantic', 'httpx', 'aiohttp', 'rich',"
        " 'structlog', 'cryptography', 'asyncio'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("publisher",),
        ("serv",),
        ("serve", "--no-such"),
        ("publisher", "register"),
        ("publisher", "import", "--owner", "-"),
        ("demo", "--port", "x"),
    ],
)
def test_wrong_use_exits_2(clean: dict[str, str], arguments: tuple[str, ...]) -> None:
    """Whatever is typed wrongly ends with 2, words on standard error, and no traceback."""
    done = shipbell(clean, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_settings_that_cannot_be_used_exit_2(clean: dict[str, str]) -> None:
    """All problems of the settings are told, and nothing is opened."""
    done = shipbell(clean | {"SHIPBELL_PROT": "1", "SHIPBELL_POLL_SECONDS": "x"}, "serve")
    assert done.returncode == 2
    assert "Did you mean SHIPBELL_PORT?" in done.stderr
    assert "SHIPBELL_POLL_SECONDS" in done.stderr
    assert not Path(clean["SHIPBELL_DATA_DIR"]).exists()


def test_serve_without_slack_says_what_is_missing(clean: dict[str, str]) -> None:
    """Serving without any Slack setting is wrong use, told before anything is opened."""
    done = shipbell(clean, "serve")
    assert done.returncode == 2
    assert "SHIPBELL_SLACK_BOT_TOKEN" in done.stderr
    assert not Path(clean["SHIPBELL_DATA_DIR"]).exists()


def test_a_worker_needs_the_engine_of_many(clean: dict[str, str]) -> None:
    """With the embedded engine no worker starts, and it is said which setting lets one."""
    done = shipbell(clean, "worker")
    assert done.returncode == 2
    assert "SHIPBELL_ENGINE=postgres" in done.stderr
    assert not Path(clean["SHIPBELL_DATA_DIR"]).exists()


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_many_processes_need_a_server(clean: dict[str, str], command: str) -> None:
    """The engine of many processes is refused on an SQLite file, with cause and remedy."""
    slack = {"SHIPBELL_SLACK_BOT_TOKEN": "xoxb-1", "SHIPBELL_SLACK_SIGNING_SECRET": "s" * 32}
    done = shipbell(clean | slack | {"SHIPBELL_ENGINE": "postgres"}, command)
    assert done.returncode == 2
    assert "SHIPBELL_DATABASE_URL is an SQLite file" in done.stderr
    assert not Path(clean["SHIPBELL_DATA_DIR"]).exists()


def test_a_new_master_key_is_one_that_settings_take(clean: dict[str, str]) -> None:
    """`keys generate` prints a key, another one each time, that SHIPBELL_MASTER_KEYS accepts."""
    from bot.settings import load

    keys = {shipbell(clean, "keys", "generate").stdout.strip() for _ in range(2)}
    assert len(keys) == 2
    assert len(load({"SHIPBELL_MASTER_KEYS": ",".join(keys)}).master_keys) == 2


def test_the_schema_is_made_and_made_again(clean: dict[str, str]) -> None:
    """`db upgrade` makes the database and is harmless a second time."""
    assert shipbell(clean, "db", "upgrade").returncode == 0
    assert (Path(clean["SHIPBELL_DATA_DIR"]) / "shipbell.db").exists()
    assert shipbell(clean, "db", "upgrade").returncode == 0


def test_a_database_that_is_not_there_exits_1(clean: dict[str, str]) -> None:
    """An unreachable PostgreSQL is one error line with a remedy, and its password is not in it."""
    url = "postgresql://u:marked-secret@127.0.0.1:1/x"
    done = shipbell(clean | {"SHIPBELL_DATABASE_URL": url}, "db", "upgrade")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert "marked-secret" not in done.stderr


def test_a_dry_run_prints_the_payload(clean: dict[str, str]) -> None:
    """`publisher register --dry-run` needs no token, calls nobody and prints what would be sent."""
    done = shipbell(clean, "publisher", "register", *PAYLOAD, "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    assert "sample-project" in done.stdout
    assert len(done.stdout.splitlines()) == 1
    json.loads(done.stdout)


def test_registering_without_a_token_says_how_to_give_one(clean: dict[str, str]) -> None:
    """No token is wrong use, told with the ways that leave no trace in the shell's history."""
    done = shipbell(clean, "publisher", "register", *PAYLOAD)
    assert done.returncode == 2
    assert "SHIPBELL_API_TOKEN" in done.stderr


@pytest.mark.parametrize("way", ["flag", "environment", "standard input"])
def test_a_token_is_taken_every_way_and_never_shown(clean: dict[str, str], way: str) -> None:
    """An index that can't be reached gives exit 1, and the token is in no output, however it was given."""
    index = {"company": {"url": "http://127.0.0.1:1"}}
    environ = clean | {"SHIPBELL_INDEXES": json.dumps(index), "SHIPBELL_ALLOW_PRIVATE_ADDRESSES": "true"}
    arguments = ["publisher", "register", *PAYLOAD, "--index", "company", "--timeout", "5"]
    if way == "flag":
        done = shipbell(environ, *arguments, "--api-token", TOKEN)
    elif way == "environment":
        done = shipbell(environ | {"SHIPBELL_API_TOKEN": TOKEN}, *arguments)
    else:
        done = shipbell(environ, *arguments, "--api-token", "-", given=f"{TOKEN}\n")
    assert done.returncode == 1, done.stderr
    assert TOKEN not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_token_in_the_wrong_place_is_not_echoed(clean: dict[str, str]) -> None:
    """The text of a usage error doesn't repeat what looks like a token."""
    done = shipbell(clean, "publisher", TOKEN)
    assert done.returncode == 2
    assert TOKEN not in done.stderr


def test_a_reader_that_goes_away_is_no_error(clean: dict[str, str]) -> None:
    """Output into a closed pipe ends without words."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [SCRIPT, "keys", "generate"],
            env=clean,
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writing)
    assert done.stderr == ""


def test_another_encoding_is_no_error(clean: dict[str, str]) -> None:
    """What a terminal can't show is escaped."""
    done = shipbell(clean | {"PYTHONIOENCODING": "ascii", "SHIPBELL_GRÜSSE": "1"}, "doctor")
    assert done.returncode == 1
    assert "FAIL" in done.stdout
    assert "Traceback" not in done.stderr


def test_the_doctor_tells_of_settings_as_json(clean: dict[str, str]) -> None:
    """`doctor --json` prints one line of JSON also where the settings can't be used."""
    done = shipbell(clean | {"SHIPBELL_PORT": "x"}, "doctor", "--json")
    assert done.returncode == 1
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["checks"][0]["outcome"] == "FAIL"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_command_without_words(
    clean: dict[str, str], number: signal.Signals, code: int
) -> None:
    """A command that waits ends on SIGTERM and Ctrl-C with the shell's usual code and no traceback."""
    arguments = ["publisher", "register", *PAYLOAD, "--index", "testpypi", "--api-token", "-"]
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", WAITING, *arguments],
        env=clean, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(number)
        _, words = process.communicate(timeout=30)
    assert process.returncode == code, words
    assert "Traceback" not in words


WAITING = """
import os, signal, sys
from bot import cli
# As in a terminal: where tests run in the background, a shell has Ctrl-C ignored, and a child inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)
class Input:
    def isatty(self): return False
    def readline(self):
        print("waiting", flush=True)
        return sys.__stdin__.readline()
sys.stdin = Input()
sys.exit(cli.run(sys.argv[1:], dict(os.environ)))
"""
"""Runs the command line and says when it waits for its input."""
