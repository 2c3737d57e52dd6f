"""The master key of the embedded database: a file in the data folder, made at first start.

Knows: where it lies, its mode, when it may be made. Must not know: what it seals.
"""

import os
import tempfile
from pathlib import Path

from bot.settings import Settings
from storage.crypto import KeyRing, generate_master_key
from storage.records import KeyMissing, Secret

NAME = "master.key"


def key_ring(settings: Settings, *, keys_in_use: bool, make: bool) -> KeyRing:
    """Return the master keys: the configured ones, else the file's; made where there is none and none was ever used.

    KeyMissing where a key is needed and not there: nothing is made or changed then.
    """
    if settings.master_keys:
        return KeyRing(settings.master_keys)
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
        return KeyRing([Secret(path.read_text(encoding="ascii"))])
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


def _make(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(prefix=f".{NAME}.", dir=path.parent)  # of mode 0600
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(generate_master_key() + "\n")
                file.flush()
                os.fsync(file.fileno())
            # Linked, not renamed: it is there whole or not at all, and one that is there is never replaced.
            os.link(draft, path)
        finally:
            Path(draft).unlink()
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
