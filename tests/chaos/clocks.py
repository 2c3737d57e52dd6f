"""Processes whose machine's clock may be put forward and back while they run.

Knows: where such a process reads by how much. The clock of the bot is one function, which the child replaces before anything is wired.
"""

import multiprocessing
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from tests.stories import forked as quick
from tests.stories.forked import Forked


def jump(log: Path, seconds: float) -> None:
    """Put the clock of the process that writes this log forward by so much of the true time; 0 puts it right."""
    beside = _file(log)
    beside.with_suffix(".new").write_text(str(seconds))
    beside.with_suffix(".new").replace(beside)


async def forked(environment: Mapping[str, str], log: Path, command: str = "serve") -> Forked:
    """Start `shipbell serve` so, or another command, as `tests.stories.forked` does."""
    process = multiprocessing.get_context("forkserver").Process(
        target=_serve, args=(dict(environment), log, command), daemon=True
    )
    process.start()
    return Forked(process)


def _serve(environment: dict[str, str], log: Path, command: str) -> None:
    from bot import app

    true, beside = app.now, _file(log)

    def now() -> datetime:
        return true() + timedelta(seconds=float(beside.read_text()) if beside.exists() else 0.0)

    app.now = now  # in this child alone; it stands for the machine's clock
    quick.serve(environment, log, command)


def _file(log: Path) -> Path:
    return log.with_suffix(".clock")
