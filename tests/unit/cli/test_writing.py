from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from batchmatrix.base.errors import InvalidSpec
from batchmatrix.cli.writing import Target


def target(path: Path, *inputs: Path, force: bool = False) -> Target:
    return Target(option="--out", path=path, force=force, inputs=inputs)


def refusal(one: Target, data: bytes = b"new") -> str:
    with pytest.raises(InvalidSpec) as caught:
        one.write(data)
    return str(caught.value)


def test_a_file_is_written_as_the_umask_says_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        target(tmp_path / "a").write(b"new")
    finally:
        os.umask(old)
    assert (tmp_path / "a").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640
    assert [one.name for one in tmp_path.iterdir()] == ["a"]


def test_what_is_there_stays_as_it_is_without_force(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    assert refusal(target(tmp_path / "a")) == f"--out {tmp_path}/a: is there already; name another file, or add --force"
    assert (tmp_path / "a").read_bytes() == b"old"


def test_with_force_a_file_gets_a_new_inode_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(0o600)
    with path.open("rb") as reader:
        target(path, force=True).write(b"new")
        assert reader.read() == b"old"  # whoever reads it has all of the old one
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", 0o600)


def test_a_disk_that_is_full_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "a").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", full)
    assert "cannot be written: No space left on device" in refusal(target(tmp_path / "a", force=True))
    assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == {"a": b"old"}
    assert "cannot be written" in refusal(target(tmp_path / "b"))
    assert [one.name for one in tmp_path.iterdir()] == ["a"]


def test_what_a_command_reads_is_never_written_over_by_whatever_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = tmp_path / "in.yaml"
    given.write_bytes(b"in")
    (tmp_path / "soft").symlink_to("in.yaml")
    (tmp_path / "hard").hardlink_to("in.yaml")
    (tmp_path / "folder").symlink_to(".")
    for name in ("in.yaml", "./in.yaml", "soft", "hard", "folder/in.yaml"):
        assert "is in.yaml, which this command reads; name another file" in refusal(
            target(Path(name), Path("other"), Path("in.yaml"), force=True)
        )
    assert given.read_bytes() == b"in"
    with given.open() as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        assert "is <stdin>, which this command reads" in refusal(target(given, Path("-"), force=True))


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    target(tmp_path / "link", force=True).write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dead").symlink_to("nothing")
    os.mkfifo(tmp_path / "pipe")
    for path, said in (
        (tmp_path, "is no file that can be replaced"),
        (tmp_path / "pipe", "is no file that can be replaced"),
        (Path(os.devnull), "is no file that can be replaced"),
        (tmp_path / "dead", "is a link to nothing"),
        (tmp_path / "no" / "a", "cannot be written: No such file or directory"),
        (Path("a\0b"), "embedded null byte"),
        (Path("-"), "is no file"),
    ):
        assert said in refusal(target(path, force=True))
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


def test_it_is_known_before_any_work_is_done(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(InvalidSpec):
        target(tmp_path / "a").check()
