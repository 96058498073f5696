"""What the folder adapter promises beyond the port: the order of its writes, and what a crash leaves."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from batchmatrix.adapters.folder import FolderStore
from batchmatrix.adapters.folder.files import PARTIAL, Files
from batchmatrix.base.errors import AlreadyExists, Unavailable


@pytest.fixture
def files(tmp_path: Path) -> Files:
    made = Files(tmp_path / "store")
    made.prepare()
    return made


def record_calls(monkeypatch: pytest.MonkeyPatch, root: Path) -> list[str]:
    """Notes the calls that order and durability hang on, while they happen for real."""
    seen: list[str] = []

    def short(path: object) -> str:
        text = os.path.relpath(os.fsdecode(path), root)  # type: ignore[arg-type]
        return "TEMPORARY" if text.startswith(PARTIAL + "/") else text

    def wrap(name: str, tell: Callable[..., str]) -> None:
        real: Callable[..., Any] = getattr(os, name)

        def call(*args: Any, **options: Any) -> Any:
            seen.append(tell(*args))
            return real(*args, **options)

        monkeypatch.setattr(os, name, call)

    wrap("fsync", lambda number: f"fsync {short(Path(f'/proc/self/fd/{number}').readlink())}")
    wrap("link", lambda source, target, **_: f"link {short(source)} {short(target)}")
    wrap("replace", lambda source, target, **_: f"replace {short(source)} {short(target)}")
    wrap("mkdir", lambda path, *_: f"mkdir {short(path)}")
    return seen


def test_a_new_object_is_named_only_when_its_bytes_and_parents_are_durable(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = record_calls(monkeypatch, files.root)
    files.create("a/b/key", b"data")
    assert seen == [
        "fsync TEMPORARY",
        "mkdir a",
        "fsync .",
        "mkdir a/b",
        "fsync a",
        "link TEMPORARY a/b/key",
        "fsync a/b",
    ]
    seen.clear()
    files.create("a/b/next", b"data")
    assert seen == ["fsync TEMPORARY", "link TEMPORARY a/b/next", "fsync a/b"]


def test_a_replaced_object_is_renamed_only_when_its_bytes_are_durable(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = record_calls(monkeypatch, files.root)
    files.replace("key", b"data")
    assert seen == ["fsync TEMPORARY", "replace TEMPORARY key", "fsync ."]


def test_folders_that_an_earlier_process_made_are_fsynced_again(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    (files.root / "a").mkdir()
    seen = record_calls(monkeypatch, files.root)
    files.create("a/key", b"")
    assert seen == ["fsync TEMPORARY", "mkdir a", "fsync .", "link TEMPORARY a/key", "fsync a"]


def test_the_loser_makes_the_winners_object_durable_before_it_says_so(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.create("a/key", b"first")
    seen = record_calls(monkeypatch, files.root)
    with pytest.raises(AlreadyExists):
        files.create("a/key", b"second")
    assert seen[-2:] == ["link TEMPORARY a/key", "fsync a"]


def test_a_link_whose_reply_was_lost_counts_as_made(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.link

    def link_twice(*args: Any, **options: Any) -> None:
        real(*args, **options)
        real(*args, **options)

    monkeypatch.setattr(os, "link", link_twice)
    files.create("key", b"data")
    assert files.read("key") == b"data"


@pytest.mark.parametrize("write", ["create", "replace"])
def test_no_write_leaves_a_temporary_file(files: Files, monkeypatch: pytest.MonkeyPatch, write: str) -> None:
    getattr(files, write)("key", b"data")

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="full"):
        getattr(files, write)("other", b"data")
    assert list((files.root / PARTIAL).iterdir()) == []
    assert [key for key, _ in files.walk("")] == ["key"]


def test_what_a_crash_left_is_not_listed_and_goes_at_the_next_start(files: Files) -> None:
    files.create("key", b"whole")
    stale = files.root / PARTIAL / "stale"
    stale.write_bytes(b"ha")
    assert [key for key, _ in files.walk("")] == ["key"]
    assert [key for key, _ in files.walk(".")] == []
    Files(files.root).prepare()
    assert not stale.exists()
    assert files.read("key") == b"whole"


def test_foreign_files_links_and_an_unreadable_lost_and_found_are_not_listed(files: Files, tmp_path: Path) -> None:
    files.create("key", b"12")
    (files.root / ".hidden").write_text("")
    (files.root / "ümlaut").write_text("")
    (files.root / "lost+found").mkdir(mode=0)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("")
    (files.root / "link").symlink_to(tmp_path / "outside")
    (files.root / "filelink").symlink_to(files.root / "key")
    assert list(files.walk("")) == [("key", 2)]


def test_a_folder_goes_with_its_last_object(files: Files) -> None:
    files.create("a/b/1", b"")
    files.create("a/b/2", b"")
    files.remove("a/b/1")
    assert (files.root / "a/b").is_dir()
    files.remove("a/b/2")
    assert not (files.root / "a").exists()
    assert files.root.is_dir()


def test_a_write_whose_temporary_file_was_taken_away_fails_and_can_be_repeated(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.link

    def link(source: Path, target: Path, **options: Any) -> None:
        monkeypatch.setattr(os, "link", real)
        source.unlink()
        real(source, target, **options)

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(FileNotFoundError):
        files.create("key", b"data")
    files.create("key", b"data")
    assert files.read("key") == b"data"


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "No space left on device; free space"), (errno.EIO, "Input/output error; the disk")],
)
async def test_trouble_of_the_disk_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    store = await FolderStore.open(tmp_path)

    def fail(_: int) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        for call in (store.put_new("a/key", b""), store.put("a/key", b"")):
            with pytest.raises(Unavailable, match=f"^store file://{tmp_path} cannot write a/key: {words}[^\n]*$"):
                await call
    await store.put_new("a/key", b"")
    await store.close()


async def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot open: File exists; a file stands"):
        await FolderStore.open(tmp_path / "file" / "store")
