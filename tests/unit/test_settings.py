"""Settings: what is read, what wins, and that everything wrong is told at once, with its fix, without a secret."""

import base64
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import settings as known
from bot.errors import SettingsError
from bot.settings import Settings, load
from storage.records import Secret

KEY = base64.urlsafe_b64encode(bytes(range(32))).decode()
OTHER_KEY = base64.urlsafe_b64encode(bytes(range(1, 33))).decode()
MARK = "marked-a3f9c1"
HOME = Path("/srv/shipbell")


def problems(environ: dict[str, str]) -> tuple[str, ...]:
    """Return what loading complains of."""
    with pytest.raises(SettingsError) as caught:
        load(environ, home=HOME)
    return caught.value.problems


def toml(folder: Path, text: str) -> dict[str, str]:
    """Write a TOML file and return the environment that names it."""
    path = folder / "shipbell.toml"
    path.write_text(text)
    return {"SHIPBELL_CONFIG": str(path)}


def test_defaults_are_complete() -> None:
    """An empty environment gives the documented defaults."""
    settings = load({}, home=HOME)
    assert settings.database_url == "sqlite+aiosqlite:////srv/shipbell/shipbell.db"
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.slack_api_url == "https://slack.com/api/"
    assert set(settings.indexes) == {"pypi", "testpypi"}
    assert settings.indexes["pypi"].publisher_api is False
    assert settings.indexes["pypi"].upload_url.startswith("https://upload.")
    assert settings.slack_bot_token is None
    assert settings.master_keys == ()
    assert settings.poll_seconds == 30
    assert settings.health_hours == 24
    assert settings.allow_private_addresses is False


def test_every_field_is_read_from_the_environment() -> None:
    """Each setting of the table is taken from its variable, and nothing else is needed for that."""
    settings = load(
        {
            "SHIPBELL_DATABASE_URL": "postgres://u:p@db/shipbell",
            "SHIPBELL_MASTER_KEYS": f"{KEY}, {OTHER_KEY}",
            "SHIPBELL_PUBLIC_URL": "https://bot.example.com/",
            "SHIPBELL_HOST": "0.0.0.0",
            "SHIPBELL_PORT": "9000",
            "SHIPBELL_SLACK_SIGNING_SECRET": "sign",
            "SHIPBELL_SLACK_BOT_TOKEN": "xoxb-1",
            "SHIPBELL_SLACK_APP_TOKEN": "xapp-1",
            "SHIPBELL_SLACK_API_URL": "http://127.0.0.1:3000/api",
            "SHIPBELL_GITHUB_API_URL": "https://github.example.com/api/v3/",
            "SHIPBELL_POLL_SECONDS": "0.5",
            "SHIPBELL_ALLOW_PRIVATE_ADDRESSES": "yes",
            "SHIPBELL_LOG_LEVEL": "debug",
            "SHIPBELL_LOG_FORMAT": "Console",
            "SHIPBELL_CONTACT": "ops@example.com",
        },
        home=HOME,
    )
    assert settings.database_url == "postgresql+psycopg://u:p@db/shipbell"
    assert [key.reveal() for key in settings.master_keys] == [KEY, OTHER_KEY]
    assert settings.public_url == "https://bot.example.com"
    assert settings.port == 9000
    assert settings.slack_bot_token == Secret("xoxb-1")
    assert settings.slack_api_url == "http://127.0.0.1:3000/api/"
    assert settings.github_api_url == "https://github.example.com/api/v3"
    assert settings.poll_seconds == 0.5
    assert settings.allow_private_addresses is True
    assert (settings.log_level, settings.log_format) == ("DEBUG", "console")


def test_nothing_changes_after_loading() -> None:
    """Settings are frozen."""
    settings = load({}, home=HOME)
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1  # type: ignore[misc]  # that is the point


def test_toml_is_read_and_the_environment_wins(tmp_path: Path) -> None:
    """A TOML file gives values, tables of indexes among them; a variable of the same name beats it, an empty one doesn't."""
    environ = toml(
        tmp_path,
        'port = 9001\nhost = "0.0.0.0"\nallow_private_addresses = true\n'
        '[indexes.company]\nurl = "https://packages.example.com"\npublisher_api = true\n',
    )
    settings = load(environ | {"SHIPBELL_PORT": "9002", "SHIPBELL_HOST": ""}, home=HOME)
    assert settings.port == 9002
    assert settings.host == "0.0.0.0"
    assert settings.allow_private_addresses is True
    assert settings.indexes["company"].publisher_api is True


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    """Unknown names, bad values, half groups and a bad TOML key come in one error, each with its fix."""
    environ = toml(tmp_path, 'prot = 1\npoll_seconds = "soon"\n') | {
        "SHIPBELL_SLAK_BOT_TOKEN": "x",
        "SHIPBELL_PORT": "99999",
        "SHIPBELL_PUBLIC_URL": "ftp://x",
        "SHIPBELL_INDEXES": "{not json",
        "SHIPBELL_SLACK_BOT_TOKEN": "xoxb-1",
        "SHIPBELL_GITHUB_APP_ID": "7",
    }
    told = problems(environ)
    expected = [
        "prot in .*shipbell.toml is not a setting. Did you mean port?",
        "SHIPBELL_SLAK_BOT_TOKEN is not a setting. Did you mean SHIPBELL_SLACK_BOT_TOKEN?",
        "poll_seconds in .*shipbell.toml 'soon' is not a number of seconds from 0.1 to 86400.",
        "SHIPBELL_PORT '99999' is not a port from 0 to 65535.",
        "SHIPBELL_PUBLIC_URL 'ftp://x' is no web address; write it like",
        "SHIPBELL_INDEXES is not JSON",
        "SHIPBELL_SLACK_BOT_TOKEN is set without SHIPBELL_SLACK_SIGNING_SECRET or SHIPBELL_SLACK_APP_TOKEN",
        "SHIPBELL_GITHUB_APP_ID is set without SHIPBELL_GITHUB_APP_PRIVATE_KEY",
    ]
    for pattern in expected:
        assert any(re.match(pattern.replace("?", r"\?"), one) for one in told), (pattern, told)
    assert len(told) == len(expected)


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("PORT", "-1", "port"),
        ("PORT", "8080.5", "port"),
        ("PORT", "٣٣", "port"),
        ("POLL_SECONDS", "nan", "seconds"),
        ("POLL_SECONDS", "inf", "seconds"),
        ("POLL_SECONDS", "0", "seconds"),
        ("HEALTH_HOURS", "soon", "hours"),
        ("HEALTH_HOURS", "-1", "hours"),
        ("HEALTH_HOURS", "0.0001", "hours"),
        ("HEALTH_HOURS", "721", "hours"),
        ("PUBLIC_URL", "https://user:pw@host", "user name or password"),
        ("PUBLIC_URL", "https://host?x=1", "query"),
        ("PUBLIC_URL", "https://", "no web address"),
        ("PUBLIC_URL", "https://host:notaport", "no web address"),
        ("PUBLIC_URL", "https://[::1", "no web address"),
        ("DATABASE_URL", "mysql://host/db", "not supported"),
        ("DATABASE_URL", "/var/lib/x.db", "no database URL"),
        ("DATABASE_URL", "sqlite://", "names no file"),
        ("DATABASE_URL", "sqlite:///:memory:", "names no file"),
        ("MASTER_KEYS", "short", "key 1 is not base64url of 32 bytes"),
        ("MASTER_KEYS", f"{KEY},{KEY}", "twice"),
        ("ALLOW_PRIVATE_ADDRESSES", "maybe", "neither true nor false"),
        ("LOG_FORMAT", "xml", "json, console"),
        ("HOST", "a b", "host name"),
        ("CONTACT", "a\nb", "line break"),
        ("CONTACT", "grüße", "ASCII"),
        ("SLACK_BOT_TOKEN", "xapp-1", "an app-level token"),
        ("SLACK_APP_TOKEN", "xoxb-1", "a bot token"),
        ("GITHUB_APP_PRIVATE_KEY", "nope", "PEM"),
        ("INDEXES", '["x"]', "not a table"),
        ("INDEXES", '{"Bad Name": {"url": "https://x"}}', "lower-case"),
        ("INDEXES", '{"x": {}}', "needs a url"),
        ("INDEXES", '{"x": 1}', "must be a table"),
        ("INDEXES", '{"x": {"url": "https://x", "uplod_url": "https://x"}}', "Did you mean upload_url?"),
        ("INDEXES", '{"x": {"url": "https://x", "pending_days": 0}}', "number of days"),
        (
            "INDEXES",
            '{"x": {"url": "https://x", "one_time_code": "Authorization"}}',
            "the name of a header such as X-OTP",
        ),
        (
            "INDEXES",
            '{"x": {"url": "https://x", "one_time_code": "X OTP:"}}',
            "says how a one-time code is sent: append",
        ),
        ("INDEXES", '{"x": {"url": "https://x", "oauth1": {"consumer_key": "k"}}}', "exactly"),
        ("INDEXES", "[" * 100_000, "not JSON|nested"),
    ],
)
def test_a_bad_value_is_named_with_its_fix(name: str, value: str, part: str) -> None:
    """The message names the variable and says what is wanted."""
    told = [one for one in problems({f"SHIPBELL_{name}": value}) if one.startswith(f"SHIPBELL_{name} ")]
    assert any(any(word in one for word in part.split("|")) for one in told), told


def test_whole_numbers_may_be_written_in_ascii_only() -> None:
    """A port in another script's digits is refused rather than guessed."""
    assert problems({"SHIPBELL_PORT": "８０８０"})


@pytest.mark.parametrize(
    ("environ", "part"),
    [
        ({"SLACK_BOT_TOKEN": "xoxb-1"}, "SLACK_SIGNING_SECRET"),
        ({"SLACK_SIGNING_SECRET": "s"}, "SLACK_CLIENT_ID"),
        ({"SLACK_APP_TOKEN": "xapp-1"}, "SLACK_BOT_TOKEN"),
        ({"SLACK_CLIENT_ID": "1"}, "SLACK_CLIENT_SECRET"),
        ({"SLACK_CLIENT_SECRET": "1"}, "SLACK_CLIENT_ID"),
        (
            {
                "SLACK_CLIENT_ID": "1",
                "SLACK_CLIENT_SECRET": "1",
                "SLACK_SIGNING_SECRET": "s",
                "GITHUB_TOKEN": "g",
            },
            "GitHub App instead",
        ),
        (
            {
                "SLACK_CLIENT_ID": "1",
                "SLACK_CLIENT_SECRET": "1",
                "SLACK_SIGNING_SECRET": "s",
                "GITHUB_APP_ID": "7",
                "GITHUB_APP_PRIVATE_KEY": "-----BEGIN RSA PRIVATE KEY-----\\nx\\n",
            },
            "they sign in with GitHub",
        ),
        ({"GITHUB_APP_PRIVATE_KEY": "-----BEGIN RSA PRIVATE KEY-----\\nx\\n"}, "GITHUB_APP_ID"),
        ({"GITHUB_CLIENT_ID": "1"}, "GITHUB_CLIENT_SECRET"),
        ({"GITHUB_CLIENT_SECRET": "1"}, "GITHUB_CLIENT_ID"),
    ],
)
def test_half_a_group_is_an_error(environ: dict[str, str], part: str) -> None:
    """Settings that make sense only together are told when one is missing or too many."""
    assert any(
        part in one for one in problems({f"SHIPBELL_{name}": value for name, value in environ.items()})
    )


def test_a_one_line_private_key_becomes_pem() -> None:
    r"""A key with `\n` written out is what the library wants afterwards."""
    key = "-----BEGIN RSA PRIVATE KEY-----\\nabc\\n-----END RSA PRIVATE KEY-----"
    settings = load({"SHIPBELL_GITHUB_APP_ID": "7", "SHIPBELL_GITHUB_APP_PRIVATE_KEY": key}, home=HOME)
    assert settings.github_app_private_key == Secret(key.replace("\\n", "\n") + "\n")


def test_toml_that_does_not_parse_is_told_with_its_line(tmp_path: Path) -> None:
    """The place of a TOML mistake is named."""
    (told,) = problems(toml(tmp_path, 'port = 1\nhost = "\n'))
    assert "line 2" in told


@pytest.mark.parametrize("content", [b"\xff\xfe", b""])
def test_a_toml_file_that_cannot_be_read_is_told(tmp_path: Path, content: bytes) -> None:
    """A file that isn't UTF-8, or isn't there, is one problem."""
    path = tmp_path / "shipbell.toml"
    if content:
        path.write_bytes(content)
    (told,) = problems({"SHIPBELL_CONFIG": str(path)})
    assert str(path) in told


def test_a_secret_may_lie_in_a_file(tmp_path: Path) -> None:
    """`X_FILE` gives the file's content without the line end; in TOML too; not for what is no secret."""
    secret = tmp_path / "token"
    secret.write_text("xoxb-from-file\n")
    environ = {"SHIPBELL_SLACK_BOT_TOKEN_FILE": str(secret), "SHIPBELL_SLACK_APP_TOKEN": "xapp-1"}
    assert load(environ, home=HOME).slack_bot_token == Secret("xoxb-from-file")
    environ = toml(tmp_path, f'github_token_file = "{secret}"')
    assert load(environ, home=HOME).github_token == Secret("xoxb-from-file")
    assert "is not a setting" in problems({"SHIPBELL_PORT_FILE": str(secret)})[0]


def test_a_secret_given_twice_or_in_a_missing_file_is_told(tmp_path: Path) -> None:
    """Value and file at once, or a file that isn't there, are problems, and no secret is in them."""
    environ = {"SHIPBELL_GITHUB_TOKEN": MARK, "SHIPBELL_GITHUB_TOKEN_FILE": "/nowhere"}
    assert "keep one of them" in problems(environ)[0]
    assert "can't be read" in problems({"SHIPBELL_GITHUB_TOKEN_FILE": str(tmp_path / "none")})[0]
    assert "can't be read" in problems({"SHIPBELL_GITHUB_TOKEN_FILE": str(tmp_path)})[0]


def test_a_file_in_the_environment_beats_toml(tmp_path: Path) -> None:
    """The environment wins over TOML whichever of them names a file."""
    secret = tmp_path / "token"
    secret.write_text("from-file")
    environ = toml(tmp_path, 'github_token = "from-toml"') | {"SHIPBELL_GITHUB_TOKEN_FILE": str(secret)}
    assert load(environ, home=HOME).github_token == Secret("from-file")


def test_an_entry_of_a_built_in_index_changes_what_it_names() -> None:
    """Without a url only the named keys change; with one the entry replaces the index."""
    changed = load({"SHIPBELL_INDEXES": '{"pypi": {"pending_days": 9}}'}, home=HOME).indexes["pypi"]
    assert (changed.pending_days, changed.publisher_api) == (9, False)
    replaced = load({"SHIPBELL_INDEXES": '{"pypi": {"url": "http://127.0.0.1:1/"}}'}, home=HOME).indexes[
        "pypi"
    ]
    assert (replaced.url, replaced.upload_url, replaced.publisher_api) == ("http://127.0.0.1:1", "", None)


def test_an_upload_address_keeps_its_slash() -> None:
    """The slash at the end of an upload address counts."""
    sites = {"x": {"url": "https://x/", "upload_url": "https://x/legacy/"}}
    assert (
        load({"SHIPBELL_INDEXES": json.dumps(sites)}, home=HOME).indexes["x"].upload_url
        == "https://x/legacy/"
    )


def hidden_names() -> list[str]:
    """Return the settings that hold secrets."""
    return [name for name in Settings.model_fields if known.is_hidden(name)]


def test_no_secret_shows_in_a_repr() -> None:
    """Neither repr nor str of loaded settings holds any secret."""
    environ = {known.variable(name): MARK for name in hidden_names()} | {
        "SHIPBELL_DATABASE_URL": f"postgresql://u:{MARK}@db/x",
        "SHIPBELL_MASTER_KEYS": KEY,
        "SHIPBELL_GITHUB_APP_ID": "7",
        "SHIPBELL_GITHUB_APP_PRIVATE_KEY": f"-----BEGIN RSA PRIVATE KEY-----\n{MARK}",
        "SHIPBELL_GITHUB_CLIENT_ID": "7",
        "SHIPBELL_INDEXES": json.dumps(
            {"x": {"url": "https://x", "oauth1": {"consumer_key": "k", "consumer_secret": MARK}}}
        ),
    }
    del environ["SHIPBELL_SLACK_CLIENT_SECRET"]
    settings = load(environ, home=HOME)
    shown = repr(settings) + str(settings) + repr(settings.indexes)
    assert MARK not in shown
    assert KEY not in shown


@pytest.mark.parametrize("name", hidden_names())
@pytest.mark.parametrize(
    "bad",
    [f"{MARK} with space", f"{MARK}\nline", f"{{{MARK}", f"xapp-{MARK}", f"xoxb-{MARK}", f"mysql://{MARK}@h"],
)
def test_no_problem_quotes_a_secret(name: str, bad: str) -> None:
    """Whatever is wrong with a secret setting, its value is in no message."""
    try:
        load({known.variable(name): bad}, home=HOME)
    except SettingsError as error:
        assert MARK not in str(error)  # noqa: PT017 - some of these values are fine for some settings
        assert error.__cause__ is None or MARK not in str(error.__cause__)  # noqa: PT017 - as above


@given(st.dictionaries(st.sampled_from([known.variable(name) for name in Settings.model_fields]), st.text()))
def test_any_text_gives_settings_or_problems(environ: dict[str, str]) -> None:
    """Whatever stands in the variables, loading ends in settings or in a SettingsError, never otherwise."""
    try:
        load(environ, home=HOME)
    except SettingsError as error:
        assert error.problems  # noqa: PT017 - both ends are right


def test_what_is_needed_to_serve_is_named() -> None:
    """Without Slack, or on PostgreSQL without keys, `unready` says what is missing; else it is empty."""
    assert "SHIPBELL_SLACK_BOT_TOKEN" in known.unready(load({}, home=HOME))[0]
    slack = {"SHIPBELL_SLACK_BOT_TOKEN": "xoxb-1", "SHIPBELL_SLACK_SIGNING_SECRET": "s"}
    assert known.unready(load(slack, home=HOME)) == ()
    postgres = slack | {"SHIPBELL_DATABASE_URL": "postgresql://h/x"}
    assert "SHIPBELL_MASTER_KEYS" in known.unready(load(postgres, home=HOME))[0]
    assert known.unready(load(postgres | {"SHIPBELL_MASTER_KEYS": KEY}, home=HOME)) == ()
    away = slack | {"SHIPBELL_SECRETS_IN_SLACK": "false", "SHIPBELL_PUBLIC_URL": "http://bell.example"}
    assert "SHIPBELL_PUBLIC_URL" in known.unready(load(away, home=HOME))[0]
    assert known.unready(load(away | {"SHIPBELL_PUBLIC_URL": "https://bell.example"}, home=HOME)) == ()
    many = {f"SHIPBELL_SLACK_{name}": "s" for name in ("SIGNING_SECRET", "CLIENT_ID", "CLIENT_SECRET")}
    plain = many | {"SHIPBELL_PUBLIC_URL": "http://bell.example"}
    assert "back to https alone" in known.unready(load(plain, home=HOME))[0]
    assert known.unready(load(many | {"SHIPBELL_PUBLIC_URL": "https://bell.example"}, home=HOME)) == ()


def test_strangers_variables_are_left_alone() -> None:
    """Only our prefix is looked at, and the variables of tests and of the command line are not settings."""
    load(
        {"PATH": "/bin", "SHIPBELL_API_TOKEN": "x", "SHIPBELL_TEST_POSTGRES": "x", "shipbell_x": "y"},
        home=HOME,
    )


def test_one_workspace_may_have_a_status_page() -> None:
    """Bot token, the app's client id and secret, and one token for the forge go together: there is one workspace."""
    names = (
        "slack_bot_token",
        "slack_signing_secret",
        "slack_client_id",
        "slack_client_secret",
        "github_token",
    )
    assert known.incomplete(dict.fromkeys(names, "x")) == []
