"""What happens where nothing can be written any more, as a shell meets it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import pytest

import batchmatrix
from batchmatrix.settings import StoreSettings
from tests.support.cli import run_cli
from tests.support.stores import MemoryStore

FULL = Path("/dev/full")
MATRIX = """\
apiVersion: batchmatrix.dev/v1alpha1
kind: BatchMatrix
metadata: {name: demo}
spec:
  axes: [{name: size, values: [8, 32]}]
  workload: {image: "registry.example/app:1", command: [run]}
"""


def process(*arguments: str, **streams: Any) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "PYTHONPATH": str(Path(batchmatrix.__file__).parents[1]),
        **streams.pop("env", {}),
    }
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
    command = [sys.executable, "-m", "batchmatrix", *arguments]
    return subprocess.run(command, text=True, env=environment, check=False, **given)


@pytest.fixture
def full() -> IO[str]:
    return FULL.open("w")


@pytest.mark.parametrize(
    "arguments", [("--help",), (), ("catalog", "list-mitigations"), ("catalog", "list-mitigations", "-o", "json")]
)
def test_a_full_disk_is_one_line_and_1(arguments: tuple[str, ...], full: IO[str]) -> None:
    with full:
        done = process(*arguments, stdout=full)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "batchmatrix: standard output cannot be written: No space left on device; give it a place with room"
    ]


def test_a_plan_that_cannot_be_shown_is_an_error_with_every_form(tmp_path: Path, full: IO[str]) -> None:
    (tmp_path / "m.yaml").write_text(MATRIX)
    with full:
        done = process("plan", str(tmp_path / "m.yaml"), "--offline", "--detailed-exitcode", stdout=full)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)


def test_errors_that_cannot_be_written_are_still_an_error(full: IO[str]) -> None:
    with full:
        done = process("lint", "/nonexistent.yaml", stderr=full)
    assert (done.returncode, done.stdout) == (1, "/nonexistent.yaml:1:1: cannot be read: No such file or directory\n")


def test_a_reader_that_has_gone_is_no_word_and_1(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        for arguments in (
            ("--help",),
            (),
            ("catalog", "list-mitigations"),
            ("catalog", "list-mitigations", "-o", "yaml"),
        ):
            done = process(*arguments, stdout=writing)
            assert (done.returncode, done.stderr) == (1, ""), arguments
    finally:
        os.close(writing)


def test_letters_that_the_terminal_does_not_have_are_written_otherwise(tmp_path: Path) -> None:
    (tmp_path / "→.yaml").write_text("a: 1")
    done = process("lint", str(tmp_path / "→.yaml"), env={"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "1"})
    assert done.returncode == 1
    assert done.stdout.startswith(f"{tmp_path}/\\u2192.yaml:1:1: ")


def test_it_calls_itself_by_its_name_however_it_was_started() -> None:
    assert process("plan", "--help").stdout.startswith("Usage: batchmatrix plan [OPTIONS] FILE\n")


def test_a_name_of_a_file_reaches_the_screen_as_one_line_without_escapes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = "a\n\x1b[31mb\u202e.yaml"
    Path(name).write_text("a: 1")
    commands = (
        ("plan", name),
        ("plan", "m.yaml", "--nodes", name),
        ("plan", "m.yaml", "--against", name),
        ("plan", "m.yaml", "--out", name),
        ("lint", name),
        ("lint", "-o", "json", name),
        ("lint", "m.yaml", "--catalog", name),
        ("catalog", "list-hardware", "--catalog", name),
        ("import", "recipe", name),
        ("import", "recipe", name, "--trials", "1"),
        ("import", "flags", name),
        ("artifacts", "ls", "--config", name),
        ("artifacts", "ls", "--config", "config.yaml", "--store", name),
        ("operator", "--config", name),
        (name,),
        ("plan", "m.yaml", f"--{name}"),
        ("plan", "m.yaml", "-o", name),
        ("plan", "m.yaml", "--context", name),
    )
    Path("m.yaml").write_text(MATRIX)
    Path("config.yaml").write_text(f"stores: {{default: {{folder: {{path: {tmp_path}}}}}}}\n")
    for command in commands:
        done = run_cli(*command)
        assert done.code == 1, command
        assert not set("\x1b\u202e\r") & set(done.out + done.err), command
        assert all(line.startswith("batchmatrix: ") or command[0] == "lint" for line in done.err.splitlines()), command


def test_keys_of_a_store_reach_the_screen_as_one_line_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore({"a\n\x1b[31mb": b"x"})

    async def opened(settings: StoreSettings) -> MemoryStore:
        return store

    monkeypatch.setattr("batchmatrix.cli.artifacts.open_store", opened)
    (tmp_path / "config.yaml").write_text(f"stores: {{default: {{folder: {{path: {tmp_path}}}}}}}\n")
    done = run_cli("artifacts", "ls", "--config", str(tmp_path / "config.yaml"))
    assert (done.code, done.out) == (0, "           1  a \ufffd[31mb\n")
