"""The master keys of the embedded database: a file in the data folder, a key a line, made at first start.

Knows: where it lies, its mode, when it may be made. Must not know: what it seals.
"""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bot.settings import Settings
from storage.crypto import KeyRing, generate_master_key
from storage.records import KeyMissing, Secret

NAME = "master.key"


def key_ring(
    settings: Settings,
    *,
    keys_in_use: bool,
    make: bool,
    again: Callable[[], Sequence[Secret]] | None = None,
) -> KeyRing:
    """Return the master keys: the configured ones, else the file's; made where there is none and none was ever used.

    `again` tells what is configured later on; the file is read again by itself. KeyMissing where a key is needed and not
    there: nothing is made or changed then.
    """
    if settings.master_keys:
        return KeyRing(settings.master_keys, again)
    if not settings.database_url.startswith("sqlite"):
        raise KeyMissing(
            "SHIPBELL_MASTER_KEYS is not set, and only the embedded database makes its own key.",
            "Make one with `shipbell keys generate` and keep a copy of it apart from the database.",
        )
    path = settings.data_dir / NAME
    try:
        return _read(path, keys_in_use=keys_in_use)
    except FileNotFoundError:
        if keys_in_use or not make:
            raise KeyMissing(
                f"The master key {path} is gone, and the database has secrets sealed with it."
                if keys_in_use
                else f"There is no master key yet; the first start makes {path}.",
                "Put the file back from your backup; without it the secrets can't be opened. Nothing was changed.",
            ) from None
    _make(path)
    return _read(path, keys_in_use=keys_in_use)


def _read(path: Path, *, keys_in_use: bool) -> KeyRing:
    try:
        return KeyRing(_lines(path), partial(_lines_now, path))
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise KeyMissing(
            f"The master key {path} can't be read: {type(error).__name__}.", "Mend its permissions."
        ) from None
    except KeyMissing:
        raise KeyMissing(
            f"The file {path} holds no master key.",
            "Put it back from your backup; without it the secrets can't be opened. Nothing was changed."
            if keys_in_use
            else "Nothing is sealed with it yet: delete it, and the next start makes a new one.",
        ) from None


@contextmanager
def held(settings: Settings) -> Iterator[None]:
    """Keep others from changing the file meanwhile: of two that put a key first, one would write over the other's."""
    handle = os.open(settings.data_dir, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def put_first(settings: Settings) -> None:
    """Make a new master key and put it before those of the file, whole or not at all; KeyMissing where it can't be."""
    path = settings.data_dir / NAME
    try:
        draft = _draft(path, "\n".join([generate_master_key(), *(key.reveal() for key in _lines(path))]))
        draft.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise KeyMissing(
            f"The master key {path} can't be written: {type(error).__name__}.",
            "Mend the folder's permissions, or make room on the disk. No secret was sealed anew.",
        ) from None


def _lines(path: Path) -> list[Secret]:
    return [Secret(line) for line in path.read_text(encoding="ascii").split()]


def _lines_now(path: Path) -> list[Secret]:
    """Return what the file holds now; nothing where it can't be read, since whoever runs has its keys."""
    try:
        keys = _lines(path)
        KeyRing(keys)
    except (OSError, UnicodeDecodeError, KeyMissing):
        return []
    return keys


def _draft(path: Path, text: str) -> Path:
    """Write a file beside the one that it is to become, synced, of mode 0600."""
    handle, draft = tempfile.mkstemp(prefix=f".{NAME}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(f"{text}\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        Path(draft).unlink()
        raise
    return Path(draft)


def _make(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = _draft(path, generate_master_key())
        try:
            # Linked, not renamed: it is there whole or not at all, and one that is there is never replaced.
            os.link(draft, path)
        finally:
            draft.unlink()
        _sync(path.parent)
    except FileExistsError:
        return  # somebody else made it meanwhile, and that one counts
    except OSError as error:
        raise KeyMissing(
            f"The master key {path} can't be made: {type(error).__name__}.",
            "Mend the folder's permissions, or set SHIPBELL_MASTER_KEYS.",
        ) from None


def _sync(folder: Path) -> None:
    """Let the file's name survive a power cut too: what is sealed with a key that is gone is lost."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
