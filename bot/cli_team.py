"""`shipbell team ...` on the command line.

Knows: flags, what is printed. Must not know: rules, SQL, HTTP.
"""

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bot.settings import Settings

team = typer.Typer(help="Teams: list, export, erase.", rich_markup_mode=None)
Name = Annotated[
    str, typer.Argument(metavar="TEAM", help="Slack's id of the workspace or org, as T0123ABCD.")
]


def _settings(ctx: typer.Context) -> "Settings":
    from bot import settings

    return settings.load(ctx.obj)


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the command's own clock


@team.command(name="list")
def list_(
    ctx: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """Print every team: since when it is here, or when it left."""
    import asyncio

    from bot import teaming

    found = asyncio.run(teaming.listed(_settings(ctx)))
    typer.echo(teaming.as_json(found) if as_json else teaming.as_lines(found))


@team.command()
def export(
    ctx: typer.Context,
    name: Name,
    out: Annotated[str, typer.Option(help="A new file; default: what is printed.")] = "",
) -> None:
    """Print all that lies about a team, without secrets, a line of JSON for each row."""
    import asyncio
    import os

    from bot import teaming

    if not out:
        asyncio.run(teaming.export(_settings(ctx), name, sys.stdout, _now))
        return
    asyncio.run(teaming.check(_settings(ctx), name))
    # Only for whoever runs this, and never over a file that is there.
    with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        count = asyncio.run(teaming.export(_settings(ctx), name, file, _now))
    typer.echo(f"{out}: {count} rows.")


@team.command()
def erase(
    ctx: typer.Context, name: Name, yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False
) -> None:
    """Erase a team: its keys first, then every row, the audit trail too. Nothing brings it back."""
    import asyncio

    from bot import teaming

    asyncio.run(teaming.check(_settings(ctx), name))
    if not yes:
        typer.confirm(f"Erase all that lies about {name}, for ever?", abort=True)
    count = asyncio.run(teaming.erase(_settings(ctx), name, _now))
    typer.echo(f"{name}: {count} rows erased. Backups still hold them.")
