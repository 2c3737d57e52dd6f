"""The master key of the embedded database: a file in the data folder, made at first start.

Knows: where it lies, its mode, when it may be made. Must not know: what it seals.
"""

import os
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
        return KeyRing([Secret(path.read_text(encoding="ascii"))])
    except FileNotFoundError:
        if keys_in_use or not make:
            raise KeyMissing(
                f"The master key {path} is gone, and the database has secrets sealed with it."
                if keys_in_use
                else f"There is no master key yet; the first start makes {path}.",
                "Put the file back from your backup; without it the secrets can't be opened. Nothing was changed.",
            ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise KeyMissing(
            f"The master key {path} can't be read: {type(error).__name__}.", "Mend its permissions."
        ) from None
    _make(path)
    return KeyRing([Secret(path.read_text(encoding="ascii"))])


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # O_EXCL: a key that is there is never written over, whoever made it meanwhile.
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(generate_master_key() + "\n")
        file.flush()
        os.fsync(file.fileno())
