"""What an operator can set: names, meanings, defaults, and which settings belong together.

Knows: names, defaults, validation. Must not know: where values come from (the mapping is passed), what they are
used for. The fields of `Settings` are the table that `docs/settings.md` prints: `python -m bot.settings`.
"""

import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError
from pydantic.config import JsonDict
from pydantic.fields import FieldInfo

from bot import values
from bot.core.sites import IndexSite
from bot.errors import SettingsError
from storage.records import Secret

PREFIX = "SHIPBELL_"
CONFIG = f"{PREFIX}CONFIG"
NOT_SETTINGS = frozenset({CONFIG, f"{PREFIX}API_TOKEN"})
"""Variables with our prefix that are read elsewhere: the TOML file's path, and a command's own token."""
TESTING = f"{PREFIX}TEST_"
_MAX_FILE_BYTES = 65_536

BUILT_IN: Mapping[str, IndexSite] = MappingProxyType(
    {
        "pypi": IndexSite(
            name="pypi",
            url="https://pypi.org",
            upload_url="https://upload.pypi.org/legacy/",
            publisher_api=False,
            token_location="pypi.org",  # noqa: S106 - a host name, not a token
        ),
        "testpypi": IndexSite(
            name="testpypi",
            url="https://test.pypi.org",
            upload_url="https://test.pypi.org/legacy/",
            publisher_api=False,
            token_location="test.pypi.org",  # noqa: S106 - a host name, not a token
        ),
    }
)
"""The indexes that everybody has; neither has the publisher API (`docs/publisher-lifecycle.md`)."""

_BOT = values.slack_token("xoxb-", never={"xapp-": "an app-level token", "xoxp-": "a user token"})
_APP = values.slack_token("xapp-", never={"xoxb-": "a bot token", "xoxp-": "a user token"})
_PLAIN = values.slack_token("", never={"xoxb-": "a bot token", "xapp-": "an app-level token"})

_Text = Annotated[str, PlainValidator(values.ascii_text)]
_Web = Annotated[str, PlainValidator(values.web_address)]
_Secret = Annotated[Secret | None, PlainValidator(values.secret)]
_SlackSecret = Annotated[Secret | None, PlainValidator(_PLAIN)]


def _field(meaning: str, default: object = None, *, shown: str | None = None, hidden: bool = False) -> Any:
    """Return a field with what the documentation says of it; `hidden` ones hold a secret, whole or in part."""
    words: JsonDict = {
        "shown": shown if shown is not None else "" if default in {None, ""} else f"`{default}`",
        "hidden": hidden,
    }
    making = {"default_factory": default} if callable(default) else {"default": default}
    return Field(description=meaning, json_schema_extra=words, repr=not hidden, **making)


class Settings(BaseModel):
    """All settings, checked; nothing of it changes while the process runs."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True
    )

    data_dir: Annotated[Path, PlainValidator(values.folder)] = _field(
        "folder of the embedded database and its master key",
        lambda: platformdirs.user_data_path("shipbell", appauthor=False),
        shown="the user's data folder, e.g. `~/.local/share/shipbell`",
    )
    database_url: Annotated[str, PlainValidator(values.database_address)] = _field(
        "SQLAlchemy URL; SQLite or PostgreSQL, with or without the driver's name",
        lambda data: f"sqlite+aiosqlite:///{data['data_dir']}/shipbell.db",
        shown="the file `shipbell.db` in the data folder",
        hidden=True,
    )
    master_keys: Annotated[tuple[Secret, ...], PlainValidator(values.master_keys)] = _field(
        "comma-separated master keys that wrap each team's key, the first seals; `shipbell keys generate` makes one",
        (),
        shown="made at first start in the data folder, for SQLite only",
        hidden=True,
    )
    public_url: _Web = _field("how browsers reach the bot", "http://localhost:8080")
    host: Annotated[str, PlainValidator(values.host)] = _field("address to bind to", "127.0.0.1")
    port: Annotated[int, PlainValidator(values.port)] = _field("port to bind to; 0: any free one", 8080)
    slack_signing_secret: _SlackSecret = _field(
        "proves that a request comes from Slack; needed over HTTP", hidden=True
    )
    slack_bot_token: Annotated[Secret | None, PlainValidator(_BOT)] = _field(
        "one workspace's `xoxb-` token", hidden=True
    )
    slack_app_token: Annotated[Secret | None, PlainValidator(_APP)] = _field(
        "`xapp-` token for Socket Mode, which needs no public URL", hidden=True
    )
    slack_client_id: _Text = _field(
        "the app's client id: for many workspaces, and for signing in on the status page", ""
    )
    slack_client_secret: _SlackSecret = _field("the client secret that belongs to it", hidden=True)
    slack_api_url: Annotated[str, PlainValidator(values.web_folder)] = _field(
        "base address of Slack's Web API", "https://slack.com/api/"
    )
    github_api_url: _Web = _field("base address of the forge's API", "https://api.github.com")
    github_web_url: _Web = _field("base address of the forge's pages", "https://github.com")
    github_token: _Secret = _field("a token for the forge, for a single workspace", hidden=True)
    github_app_id: _Text = _field("a GitHub App: its id", "")
    github_app_private_key: Annotated[Secret | None, PlainValidator(values.pem)] = _field(
        "a GitHub App: its private key in PEM form", hidden=True
    )
    github_client_id: _Text = _field("a GitHub App: its client id", "")
    github_client_secret: _Secret = _field("a GitHub App: its client secret", hidden=True)
    github_webhook_secret: _Secret = _field("proves that a webhook comes from the forge", hidden=True)
    indexes: Annotated[Mapping[str, IndexSite], PlainValidator(values.sites(BUILT_IN))] = _field(
        "package indexes: JSON, in TOML a table, of name -> entry (below)",
        lambda: BUILT_IN,
        shown=" and ".join(f"`{name}`" for name in BUILT_IN),
        hidden=True,
    )
    sigstore_trust_root: Annotated[Path | None, PlainValidator(values.file)] = _field(
        "a Sigstore `trusted_root.json` by which attestations are verified",
        shown="the public Sigstore's, as it comes with this version",
    )
    poll_seconds: Annotated[float, PlainValidator(values.seconds)] = _field(
        "base period of the pollers, in seconds", 30.0, shown="`30`"
    )
    health_hours: Annotated[float, PlainValidator(values.hours)] = _field(
        "hours between two looks at how a publisher fares that is set up; 0: nobody looks by itself",
        24.0,
        shown="`24`",
    )
    engine: Annotated[str, PlainValidator(values.choice("embedded", "postgres"))] = _field(
        "`embedded`: one `shipbell serve` does all the work; `postgres`: any number of `shipbell serve` and "
        "`shipbell worker` share it, on PostgreSQL",
        "embedded",
    )
    lease_seconds: Annotated[float, PlainValidator(values.seconds)] = _field(
        "engine `postgres`: seconds without a sign of life after which a process counts as dead and others take over",
        30.0,
        shown="`30`",
    )
    worker_port: Annotated[int, PlainValidator(values.port)] = _field(
        "port on which `shipbell worker` answers `/healthz`, `/readyz` and `/metrics`; 0: any free one", 8081
    )
    allow_private_addresses: Annotated[bool, PlainValidator(values.flag)] = _field(
        "let index and forge addresses lead to private or loopback hosts", default=False, shown="`false`"
    )
    secrets_in_slack: Annotated[bool, PlainValidator(values.flag)] = _field(
        "let people enter tokens in Slack's dialogs; `false`: on the bot's own page alone, which needs https",
        default=True,
        shown="`true`",
    )
    log_level: Annotated[str, PlainValidator(values.choice("DEBUG", "INFO", "WARNING", "ERROR"))] = _field(
        "what is logged: `DEBUG`, `INFO`, `WARNING` or `ERROR`", "INFO"
    )
    log_format: Annotated[str, PlainValidator(values.choice("json", "console"))] = _field(
        "how it is logged: `json` or `console`", "json"
    )
    otlp_url: _Web = _field(
        "where traces are sent, OTLP over HTTP, e.g. `http://localhost:4318/v1/traces`; needs the extra `otel`",
        "",
    )
    contact: _Text = _field(
        "mail or web address that goes into the User-Agent, so that an index can reach you", ""
    )


@dataclass(frozen=True, slots=True)
class SettingDoc:
    """One row of the table in `docs/settings.md`."""

    variable: str
    meaning: str
    default: str
    """Markdown; "" where there is none."""
    hidden: bool
    """Whether it holds a secret, and so is also taken from a file named by `<variable>_FILE`."""


@dataclass(frozen=True, slots=True)
class _Given:
    raw: object
    origin: str
    """How to name it to the operator."""


def load(environ: Mapping[str, str], *, home: Path | None = None) -> Settings:
    """Return the settings that `environ` and the TOML file it names hold; the environment wins.

    `home` is the data folder where `SHIPBELL_DATA_DIR` is not set (default: the user's). An empty variable counts
    as not set. Nothing is opened but the TOML file and the `*_FILE`s. Raises SettingsError with every problem.
    """
    problems: list[str] = []
    given = _from_toml(environ.get(CONFIG, "").strip(), problems)
    given |= _from_environment(environ, problems)
    raw: dict[str, object] = {name: one.raw for name, one in given.items()}
    if home is not None:
        raw.setdefault("data_dir", home)
    settings: Settings | None = None
    try:
        settings = Settings.model_validate(raw)
    except ValidationError as error:
        problems += _told(error, given)
    problems += incomplete(given)
    if problems or settings is None:
        raise SettingsError(problems)
    return settings


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"{PREFIX}{name.upper()}"


def is_hidden(name: str) -> bool:
    """Say whether a setting holds a secret, whole or in part."""
    return bool(_words(Settings.model_fields[name])["hidden"])


def _words(field: FieldInfo) -> Mapping[str, Any]:
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}


def _told(error: ValidationError, given: Mapping[str, _Given]) -> list[str]:
    told = []
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        if one["type"] == "default_factory_not_called":
            continue  # a default that hangs on a value which is itself wrong, and told
        name = str(one["loc"][0])
        origin = given[name].origin if name in given else variable(name)
        told.append(f"{origin} {one['msg'].removeprefix('Value error, ')}.")
    return told


def _from_environment(environ: Mapping[str, str], problems: list[str]) -> dict[str, _Given]:
    found = {}
    for name in sorted(environ):
        if (
            name.startswith(PREFIX)
            and name not in NOT_SETTINGS
            and not name.startswith(TESTING)
            and environ[name]
        ):
            found[name.removeprefix(PREFIX).lower()] = _Given(environ[name], name)
    return _known(found, problems, variable)


def _from_toml(path: str, problems: list[str]) -> dict[str, _Given]:
    if not path:
        return {}
    try:
        with Path(path).open("rb") as file:
            table = tomllib.load(file)
    except OSError as error:
        problems.append(
            f"{CONFIG} names {path}, which can't be read ({error.strerror}); check path and rights."
        )
    except UnicodeDecodeError:
        problems.append(f"{CONFIG} names {path}, which is not UTF-8 text; save it as UTF-8.")
    except tomllib.TOMLDecodeError as error:
        problems.append(f"{path} is not valid TOML: {error}.")
    else:
        return _known({key: _Given(raw, f"{key} in {path}") for key, raw in table.items()}, problems, str)
    return {}


def _known(found: dict[str, _Given], problems: list[str], spelt: Callable[[str], str]) -> dict[str, _Given]:
    """Keep what is a setting; tell of the rest; read the files that `*_file` keys name."""
    kept: dict[str, _Given] = {}
    names = [*Settings.model_fields, *(f"{name}_file" for name in Settings.model_fields if is_hidden(name))]
    for name, one in found.items():
        target = name.removesuffix("_file")
        if name not in names:
            hint = values.suggestion(spelt(name), [spelt(known) for known in names])
            problems.append(
                f"{one.origin} is not a setting.{hint}" + ("" if hint else " See docs/settings.md.")
            )
        elif name == target:
            kept[name] = one
        elif target in found:
            problems.append(f"{one.origin} and {found[target].origin} both give {target}; keep one of them.")
        elif (content := _read(one, problems)) is not None:
            kept[target] = _Given(content, f"the file of {one.origin}")
    return kept


def _read(one: _Given, problems: list[str]) -> str | None:
    """Return what the file holds that a `*_file` setting names, without line ends around it."""
    try:
        with Path(values.text(one.raw)).open("rb") as file:
            return file.read(_MAX_FILE_BYTES).decode().strip()
    except OSError as error:
        problems.append(
            f"{one.origin} names a file that can't be read ({error.strerror}); check path and rights."
        )
    except UnicodeDecodeError:
        problems.append(f"{one.origin} names a file that is not UTF-8 text; it must hold the secret alone.")
    except ValueError as error:
        problems.append(f"{one.origin} {error}.")
    return None


_NEEDS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (
        "slack_bot_token",
        ("slack_signing_secret", "slack_app_token"),
        "set the first for HTTP or the second for Socket Mode",
    ),
    (
        "slack_app_token",
        ("slack_bot_token", "slack_client_id"),
        "Socket Mode needs to know which workspaces it serves",
    ),
    (
        "slack_signing_secret",
        ("slack_bot_token", "slack_client_id"),
        "set the first for one workspace, the second for many",
    ),
    ("slack_client_id", ("slack_client_secret",), "it is on the app's page, Basic Information"),
    (
        "slack_client_id",
        ("slack_signing_secret", "slack_app_token"),
        "set the first for HTTP or the second for Socket Mode",
    ),
    ("slack_client_secret", ("slack_client_id",), "it is on the app's page, Basic Information"),
    ("github_app_id", ("github_app_private_key",), "the App's page makes one"),
    ("github_app_private_key", ("github_app_id",), "it is on the App's page"),
    ("github_client_id", ("github_client_secret",), "the App's page makes one"),
    ("github_client_secret", ("github_client_id",), "it is on the App's page"),
)
"""Each: a setting, what one of must be there with it, and the fix."""


def incomplete(names: Mapping[str, object]) -> list[str]:
    """Return what is contradictory or half given, by the names of the settings alone, each with its fix."""
    problems = []
    for name, partners, fix in _NEEDS:
        if name in names and not any(partner in names for partner in partners):
            wanted = " or ".join(variable(partner) for partner in partners)
            problems.append(f"{variable(name)} is set without {wanted}; {fix}.")
    many = "slack_client_id" in names and "slack_bot_token" not in names
    if many and "github_token" in names:
        problems.append(
            f"{variable('github_token')} is for a single workspace: with {variable('slack_client_id')} every workspace would reach "
            "what it sees, private repositories too; take it out, and set up a GitHub App instead."
        )
    if many and "github_app_id" in names and "github_client_id" not in names:
        problems.append(
            f"{variable('github_app_id')} serves every workspace of {variable('slack_client_id')}, each for what its people may "
            f"push to: for that they sign in with GitHub; set {variable('github_client_id')} and {variable('github_client_secret')}."
        )
    return problems


def unready(settings: Settings) -> tuple[str, ...]:
    """Return what `shipbell serve` needs and these settings leave out, each with its fix; empty: it can serve."""
    problems = []
    if settings.slack_bot_token is None and not settings.slack_client_id:
        problems.append(
            f"No Slack workspace is named. Set {variable('slack_bot_token')} for one, or {variable('slack_client_id')} and "
            f"{variable('slack_client_secret')} for many that install it themselves, with {variable('slack_signing_secret')} "
            f"to listen over HTTP or {variable('slack_app_token')} for Socket Mode."
        )
    if not settings.master_keys and not settings.database_url.startswith("sqlite"):
        problems.append(
            f"{variable('master_keys')} is needed with PostgreSQL; make a key with `shipbell keys generate` and keep it "
            "apart from the database."
        )
    if settings.engine == "postgres" and settings.database_url.startswith("sqlite"):
        problems.append(
            f"{variable('engine')} is postgres, and {variable('database_url')} is an SQLite file, which one process alone "
            "can drive; set the second to a PostgreSQL server, or leave the first out."
        )
    if (
        settings.slack_bot_token is None
        and settings.slack_client_id
        and not values.is_safe(settings.public_url)
    ):
        problems.append(
            f"{variable('public_url')} is not https, and Slack sends whoever installs the app back to https alone; set it to the bot's "
            "https address."
        )
    if not settings.secrets_in_slack and not values.is_safe(settings.public_url):
        problems.append(
            f"{variable('secrets_in_slack')} is false, and {variable('public_url')} is not https, so nobody could enter a "
            "token anywhere; set the second to the bot's https address."
        )
    return tuple(problems)


def table() -> tuple[SettingDoc, ...]:
    """Return what can be set, in the documentation's order."""
    config = SettingDoc(
        CONFIG, "path of a TOML file with any of these, in lower case without the prefix", "", hidden=False
    )
    rows = [
        SettingDoc(
            variable(name), field.description or "", _words(field)["shown"], hidden=_words(field)["hidden"]
        )
        for name, field in Settings.model_fields.items()
    ]
    return (config, *rows)


def markdown() -> str:
    """Return the table as `docs/settings.md` holds it."""
    lines = ["| variable | meaning | default | also `_FILE` |", "|---|---|---|---|"]
    lines += [
        f"| `{row.variable}` | {row.meaning} | {row.default} | {'yes' if row.hidden else ''} |"
        for row in table()
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())
