"""The master key's file: made once for the owner alone, and never made anew where one is missed."""

import base64
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.keyfile import NAME, key_ring
from bot.settings import Settings, load
from storage.crypto import generate_master_key
from storage.records import KeyMissing


def settings(folder: Path, **more: str) -> Settings:
    """Return settings whose data lies in the folder."""
    return load(
        {"SHIPBELL_DATA_DIR": str(folder)} | {f"SHIPBELL_{name}": text for name, text in more.items()}
    )


def test_a_key_is_made_once(tmp_path: Path) -> None:
    """The first start makes a whole key that only its owner reads; the next ones use it as it is."""
    folder = tmp_path / "deep" / "data"
    first = key_ring(settings(folder), keys_in_use=False, make=True)
    text = (folder / NAME).read_text()
    assert len(base64.urlsafe_b64decode(text.strip())) == 32
    assert (folder / NAME).stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [file.name for file in folder.iterdir()] == [NAME]
    for in_use in (True, False):
        assert key_ring(settings(folder), keys_in_use=in_use, make=True).ids == first.ids
    assert (folder / NAME).read_text() == text


def test_a_lost_key_is_never_replaced(tmp_path: Path) -> None:
    """Where secrets are sealed with a key that is gone, the error says so and names the file; nothing is made."""
    with pytest.raises(KeyMissing, match="is gone") as caught:
        key_ring(settings(tmp_path), keys_in_use=True, make=True)
    assert str(tmp_path / NAME) in caught.value.cause
    assert "backup" in caught.value.remedy
    assert list(tmp_path.iterdir()) == []


def test_who_only_looks_makes_nothing(tmp_path: Path) -> None:
    """A check before the first start tells that there is no key yet, and leaves it at that."""
    with pytest.raises(KeyMissing, match="the first start makes"):
        key_ring(settings(tmp_path / "data"), keys_in_use=False, make=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"\n", b"c0Ffee" * 4, b"\xff\xfe\x00", b"k" * 44])
@pytest.mark.parametrize("in_use", [True, False])
def test_a_spoilt_key_is_told_and_kept(tmp_path: Path, content: bytes, *, in_use: bool) -> None:
    """A file that holds no key is an error that names the file, repeats nothing of it and does not touch it."""
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(KeyMissing) as caught:
        key_ring(settings(tmp_path), keys_in_use=in_use, make=True)
    assert str(tmp_path / NAME) in str(caught.value)
    assert len(content) < 5 or content.decode("latin-1") not in str(caught.value)
    assert (tmp_path / NAME).read_bytes() == content
    assert len(list(tmp_path.iterdir())) == 1


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    """A key that can't be read is an error with a remedy, whoever runs the bot, and nothing is made beside it."""
    (tmp_path / NAME).mkdir()
    with pytest.raises(KeyMissing, match="can't be read") as caught:
        key_ring(settings(tmp_path), keys_in_use=False, make=True)
    assert caught.value.remedy
    assert [file.name for file in tmp_path.iterdir()] == [NAME]


def test_where_no_key_can_be_written_is_told(tmp_path: Path) -> None:
    """A data folder that can't be is an error with a remedy, not a crash."""
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(KeyMissing) as caught:
        key_ring(settings(tmp_path / "file" / "data"), keys_in_use=False, make=True)
    assert caught.value.remedy


def test_a_draft_that_a_crash_left_is_no_key(tmp_path: Path) -> None:
    """A process that died while it made the key leaves nothing that the next start could take for one."""
    (tmp_path / f".{NAME}.x1").write_text("half a k")
    ring = key_ring(settings(tmp_path), keys_in_use=False, make=True)
    assert ring.ids == key_ring(settings(tmp_path), keys_in_use=True, make=False).ids


def test_two_first_starts_share_one_key(tmp_path: Path) -> None:
    """However many make the first key at the same time, all end up with the same."""
    with ThreadPoolExecutor(8) as pool:
        starts = [pool.submit(key_ring, settings(tmp_path), keys_in_use=False, make=True) for _ in range(40)]
    assert len({start.result().ids for start in starts}) == 1
    assert [file.name for file in tmp_path.iterdir()] == [NAME]


def test_configured_keys_need_no_file(tmp_path: Path) -> None:
    """Keys in the settings count, the first of them seals, and no file is read or made."""
    keys = [generate_master_key() for _ in range(2)]
    (tmp_path / NAME).write_text("spoilt")
    ring = key_ring(settings(tmp_path, MASTER_KEYS=",".join(keys)), keys_in_use=True, make=True)
    turned = key_ring(settings(tmp_path, MASTER_KEYS=",".join(keys[::-1])), keys_in_use=True, make=True)
    assert ring.ids == turned.ids[::-1]


def test_a_server_database_has_no_key_of_its_own(tmp_path: Path) -> None:
    """Only the embedded database makes its key: elsewhere a missing one is an error, and nothing is made."""
    elsewhere = settings(tmp_path, DATABASE_URL="postgresql://127.0.0.1:1/x")
    with pytest.raises(KeyMissing, match="SHIPBELL_MASTER_KEYS is not set"):
        key_ring(elsewhere, keys_in_use=False, make=True)
    assert list(tmp_path.iterdir()) == []
