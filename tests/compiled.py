"""Statements compiled once for all engines of a process, and in advance what every bot asks."""

from typing import Any

from sqlalchemy import Connection
from sqlalchemy.util import LRUCache


class CompiledOnce:
    """Compiled statements by what they say and the kind of database, whichever engine asks.

    SQLAlchemy's own key begins with the engine's dialect; all of a kind are made alike here.
    """

    def __init__(self) -> None:
        self._kept: LRUCache[Any, Any] = LRUCache(4096)

    def get(self, key: tuple[Any, ...]) -> Any:
        """Return what was compiled; None: nothing yet."""
        return self._kept.get(self._alike(key))

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        self._kept[self._alike(key)] = compiled

    def _alike(self, key: tuple[Any, ...]) -> tuple[Any, ...]:
        dialect, *said = key
        return (type(dialect), *said)

    def share(self, connection: Connection) -> None:
        """Let a connection use these."""
        connection.execution_options(compiled_cache=self)
