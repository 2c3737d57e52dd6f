"""What every room of the store uses: what breaks, and a text that does not show itself.

Knows: how a failure says cause and remedy. Must not know: any table.
"""

from dataclasses import dataclass


class StorageError(Exception):
    """The store can't serve; `cause` says why and `remedy` what a person can do."""

    def __init__(self, cause: str, remedy: str = "") -> None:
        super().__init__(f"{cause} {remedy}".strip())
        self.cause = cause
        self.remedy = remedy


class TeamGone(StorageError):
    """A team has no data key any more, or no row: it has left, or was erased."""


class KeyMissing(StorageError):
    """A master key that sealed a data key is not among the configured ones."""


class DoesNotOpen(StorageError):
    """A ciphertext was changed, or belongs to another row, column or team."""


class NewerSchema(StorageError):
    """The database was made by a newer version of Shipbell."""


class SchemaMissing(StorageError):
    """The database has not been brought up to this version: `shipbell db upgrade`."""


class AlreadyRunning(StorageError):
    """Another process drives this database with the embedded engine."""


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A secret in memory. Its text comes out by `reveal()` alone, never by printing, formatting or logging."""

    _text: str

    def reveal(self) -> str:
        """Return the text, at the one place where it is sent or sealed."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(...)"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._text)
