"""The command line: `shipbell ...`.

Knows: commands, flags, what is printed. Must not know: rules, SQL, HTTP.

Each command imports what it needs when it runs, so that `shipbell --help` pays for nothing but typer.
"""

import getpass
import io
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from bot import __version__
from bot.cli_team import team
from bot.core.secrets import redact
from bot.errors import SettingsError, ShipbellError
from storage.records import Secret, StorageError

if TYPE_CHECKING:
    from bot.settings import Settings

API_TOKEN = "SHIPBELL_API_TOKEN"  # noqa: S105 - the variable's name
DONE, REFUSED, MISUSED, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143
"""Exit codes: done; the remote said no or could not be reached; used wrongly; Ctrl-C; SIGTERM."""

# Without rich: its panels cost a tenth of a second, and plain text is what scripts and screen readers want.
_PLAIN = {"rich_markup_mode": None, "add_completion": False, "pretty_exceptions_enable": False}
app = typer.Typer(help="Release automation for Python packages, in Slack.", **_PLAIN)  # type: ignore[arg-type]  # options by name
publisher = typer.Typer(help="Trusted publishers, without Slack or database.", rich_markup_mode=None)
keys = typer.Typer(help="Master keys, which wrap the key of each team.", rich_markup_mode=None)
db = typer.Typer(help="The database's schema.", rich_markup_mode=None)
audit = typer.Typer(help="The audit trail: who did what, when.", rich_markup_mode=None)
app.add_typer(publisher, name="publisher")
app.add_typer(keys, name="keys")
app.add_typer(db, name="db")
app.add_typer(audit, name="audit")
app.add_typer(team, name="team")

Context = typer.Context
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Terminated(BaseException):
    """SIGTERM has arrived; a BaseException, so that nothing takes it for a failure of its own."""


class _Misused(ShipbellError):
    """The command was used wrongly."""


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one command and return its exit code; every failure that has a name is one `error:` line, no traceback."""
    signal.signal(signal.SIGTERM, _terminate)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(
                errors="backslashreplace"
            )  # a terminal of another encoding must not end a command
    try:
        code = app(list(arguments), prog_name="shipbell", standalone_mode=False, obj=dict(environ))
        sys.stdout.flush()
    except (typer.TyperException, ShipbellError, StorageError) as error:
        return _fail(error)
    except BrokenPipeError:
        # Whoever read our output has gone; point it elsewhere, or the interpreter complains as it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except Terminated:
        return TERMINATED
    return code if isinstance(code, int) else DONE


def _terminate(_number: int, _frame: object) -> NoReturn:
    raise Terminated


def _fail(error: typer.TyperException | ShipbellError | StorageError) -> int:
    """Tell a failure on standard error and return its exit code."""
    if isinstance(error, typer.TyperException):
        # Its text quotes what was typed, which may be a token in the wrong place.
        cause, remedy = (
            error.format_message(),
            "`shipbell --help` lists the commands; each has its own --help.",
        )
    else:
        cause, remedy = error.cause, error.remedy
    sys.stderr.write(redact(f"error: {cause}\n" + (f"{remedy}\n" if remedy else "")))
    return MISUSED if isinstance(error, typer.TyperException | SettingsError | _Misused) else REFUSED


def _settings(ctx: Context) -> "Settings":
    from bot import settings

    return settings.load(ctx.obj)


@publisher.callback(invoke_without_command=True)
@keys.callback(invoke_without_command=True)
@db.callback(invoke_without_command=True)
@audit.callback(invoke_without_command=True)
@team.callback(invoke_without_command=True)
def _group(ctx: Context) -> None:
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help(), err=True)
        raise typer.Exit(MISUSED)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"shipbell {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    ctx: Context,
    version: Annotated[  # noqa: ARG001 - its callback does all
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    _group(ctx)


@app.command()
def serve(ctx: Context) -> int:
    """Run the bot: Slack, the pages, and, with the embedded engine, all the work. Stops cleanly on SIGTERM and Ctrl-C."""
    return _run(ctx, _settings(ctx), worker=False)


@app.command()
def worker(ctx: Context) -> int:
    """Run one of any number of workers, with SHIPBELL_ENGINE=postgres. Stops cleanly on SIGTERM and Ctrl-C."""
    ready = _settings(ctx)
    if ready.engine != "postgres":
        raise _Misused(
            "With the embedded engine `shipbell serve` does all the work, and no worker may help.",
            "Set SHIPBELL_ENGINE=postgres, and SHIPBELL_DATABASE_URL to a PostgreSQL server, for `serve` and `worker` alike.",
        )
    return _run(ctx, ready, worker=True)


def _run(ctx: Context, ready: "Settings", *, worker: bool) -> int:
    from bot import logs, settings

    if problems := settings.unready(ready):
        raise SettingsError(problems)
    logs.configure(ready.log_level, ready.log_format, sys.stderr)
    sys.excepthook = logs.excepthook
    from bot import app as bot_app

    try:
        return bot_app.serve(ready, lambda: settings.load(ctx.obj), worker=worker)
    except (KeyboardInterrupt, Terminated):
        return DONE  # asked to stop, and stopped: what supervisors expect


@app.command()
def manifest(
    ctx: Context,
    many: Annotated[
        bool, typer.Option("--many", help="For many workspaces and orgs that install the app themselves.")
    ] = False,
    socket_mode: Annotated[
        bool, typer.Option("--socket-mode", help="For Socket Mode, which needs no public address.")
    ] = False,
) -> int:
    """Print the Slack app's manifest for this bot's public address; Slack takes it under "From a manifest"."""
    import json

    from bot.slack.manifest import Place
    from bot.slack.manifest import manifest as made

    place = Place(_settings(ctx).public_url.rstrip("/"), many, socket_mode)
    typer.echo(json.dumps(made(place), indent=2))
    return DONE


@app.command()
def demo(
    play: Annotated[
        bool, typer.Option("--play", help="Play the story without a browser; exit 0 if it worked.")
    ] = False,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port of the workspace's page; default: a free one.")
    ] = None,
) -> int:
    """Run the whole bot against local stand-ins. Slack, the forge and the index are simulated on this machine."""
    try:
        from bot.demo.run import main
    except ModuleNotFoundError as error:
        if (error.name or "bot").partition(".")[0] in {"bot", "storage"}:
            raise  # a fault of ours, not of the installation
        raise _Misused(
            f"The demo needs {error.name}, which is not installed.",
            "Install it with: pip install 'shipbell[demo]'",
        ) from error
    return main(play, port)


@app.command()
def doctor(
    ctx: Context,
    as_json: Json = False,
    put_back: Annotated[
        str, typer.Option(help="Let what was set aside under this id be tried again, and check nothing.")
    ] = "",
) -> int:
    """Check that all is there: settings, Slack, forge, indexes, database. Exit 1 if not."""
    import asyncio

    from bot import doctor as examiner

    if put_back:
        typer.echo(asyncio.run(examiner.put_back(_settings(ctx), put_back)))
        return DONE
    try:
        checks = asyncio.run(examiner.examine(_settings(ctx)))
    except SettingsError as error:
        checks = examiner.unusable(error)
    typer.echo(redact(examiner.as_json(checks) if as_json else examiner.as_lines(checks)))
    return REFUSED if examiner.failed(checks) else DONE


@publisher.command()
def register(
    ctx: Context,
    project: Annotated[str, typer.Option(help="Name of the package.")],
    owner: Annotated[str, typer.Option(help="Owner of the repository.")],
    repo: Annotated[str, typer.Option(help="Name of the repository.")],
    workflow: Annotated[str, typer.Option(help="File name of the workflow.")] = "release.yml",
    environment: Annotated[
        str, typer.Option(help="Environment of the publishing job; may be empty.")
    ] = "pypi",
    index: Annotated[str, typer.Option(help="Name of the index.")] = "pypi",
    api_token: Annotated[
        str, typer.Option(help=f"The index's token; - reads it from standard input. Better: {API_TOKEN}.")
    ] = "",
    timeout: Annotated[float, typer.Option(min=0.1, max=600, help="Seconds to wait for the index.")] = 15.0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be sent, and call nobody.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Register a trusted publisher with an index."""
    from bot.register import RegisterOptions, run

    ready = _settings(ctx)
    token = None if dry_run else _token(api_token, ctx.obj)
    options = RegisterOptions(
        project=project, owner=owner, repo=repo, workflow=workflow, environment=environment, index=index,
        api_token=token, timeout=timeout, dry_run=dry_run, as_json=as_json,
    )  # fmt: skip
    return run(
        options,
        ready.indexes,
        allow_private_addresses=ready.allow_private_addresses,
        out=sys.stdout,
        err=sys.stderr,
    )


@publisher.command("import")
def import_(
    ctx: Context,
    owner: Annotated[
        str, typer.Option(help="User or organization; default: all repositories that are seen.")
    ] = "",
    index: Annotated[str, typer.Option(help="Name of the index.")] = "pypi",
    repo: Annotated[
        list[str] | None, typer.Option(help="Look at this repository alone; may be given again.")
    ] = None,
    api_token: Annotated[
        str, typer.Option(help=f"The index's token; - reads it from standard input. Better: {API_TOKEN}.")
    ] = "",
    timeout: Annotated[float, typer.Option(min=0.1, max=600, help="Seconds to wait for the index.")] = 15.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List only; nothing is registered.")] = False,
    as_json: Json = False,
) -> int:
    """List an owner's Python packages with what each lacks, and register their publishers."""
    from bot.importer import ImportOptions, run

    ready = _settings(ctx)
    options = ImportOptions(
        owner=owner, index=index, repos=tuple(repo or ()), api_token=_token(api_token, ctx.obj), timeout=timeout,
        dry_run=dry_run, as_json=as_json,
    )  # fmt: skip
    return run(options, ready, out=sys.stdout, err=sys.stderr)


def _token(given: str, environ: Mapping[str, str]) -> Secret | None:
    """Return the token from the flag, standard input or the environment, in this order; None where there is none."""
    if given == "-":
        given = getpass.getpass("API token: ") if sys.stdin.isatty() else sys.stdin.readline()
    token = given.strip() or environ.get(API_TOKEN, "").strip()
    return Secret(token) if token else None


@keys.command()
def generate() -> None:
    """Print a new master key, for SHIPBELL_MASTER_KEYS."""
    from storage.crypto import generate_master_key

    typer.echo(generate_master_key())


@keys.command()
def status(ctx: Context, as_json: Json = False) -> int:
    """Say which master keys are needed, and which can be dropped. Exit 1 if a needed one is not here."""
    import asyncio

    from bot import rekeying

    standing = asyncio.run(rekeying.status(_settings(ctx)))
    typer.echo(rekeying.as_json(standing) if as_json else rekeying.as_lines(standing))
    return DONE if rekeying.all_here(standing) else REFUSED


@keys.command()
def rotate(ctx: Context) -> int:
    """Wrap every team's key with the first master key, while the bot runs; safe to kill and to start again."""
    import asyncio

    from bot import rekeying

    result = asyncio.run(rekeying.rotate(_settings(ctx), lambda line: typer.echo(line, err=True)))
    typer.echo(rekeying.told(result))
    return REFUSED if result.stuck else DONE


@db.command()
def upgrade(ctx: Context) -> None:
    """Bring the database's schema up to this version; safe to run again."""
    from storage import migrations

    migrations.upgrade(_settings(ctx).database_url)
    typer.echo("The database is up to date.")


@db.command()
def backup(
    ctx: Context, file: Annotated[str, typer.Argument(help="A new file, best on another disk.")]
) -> None:
    """Copy the embedded database into a file, while the bot runs. The master keys are not in it."""
    import asyncio
    from datetime import UTC, datetime
    from pathlib import Path

    from bot import backing_up

    def now() -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - the command's own clock

    size = asyncio.run(backing_up.backup(_settings(ctx), Path(file), now))
    typer.echo(f"{file}: {size} bytes. Back up the master keys too, apart from it.")


@db.command()
def restored(ctx: Context) -> None:
    """Tell the database that it was put back from a backup, before the bot starts on it again."""
    import asyncio
    from datetime import UTC, datetime

    from bot import backing_up

    def now() -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - the command's own clock

    known = asyncio.run(backing_up.restored(_settings(ctx), now))
    typer.echo(
        f"It knows what happened until {known.isoformat()}; what was wanted, said and done since then is left to people."
    )


@audit.command()
def verify(ctx: Context, as_json: Json = False) -> int:
    """Check that nothing in the audit trail was changed, taken out or put in. Exit 1 if something was."""
    import asyncio

    from bot import auditing

    checked = asyncio.run(auditing.verify(_settings(ctx)))
    typer.echo(redact(auditing.as_json(checked) if as_json else auditing.as_lines(checked)))
    return DONE if auditing.whole(checked) else REFUSED


@audit.command()
def export(
    ctx: Context,
    team: Annotated[str, typer.Option(help="Slack's id of one team; default: all.")] = "",
    written_as: Annotated[
        Literal["json", "csv"], typer.Option("--format", help="How it is written.")
    ] = "json",
) -> None:
    """Print the whole audit trail, oldest first, with each event's place in the chain."""
    import asyncio

    from bot import auditing

    asyncio.run(auditing.export(_settings(ctx), team, written_as, sys.stdout))
