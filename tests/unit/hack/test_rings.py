"""`make test` names files, long ones first: none is left out."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def named() -> set[Path]:
    """Files of tests that its commands name, and those below the folders that they name."""
    done = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "test"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    words = {Path(word) for word in done.stdout.split() if word.startswith("tests/")}
    assert [word for word in words if not (ROOT / word).exists()] == []
    below = {file.relative_to(ROOT) for word in words for file in (ROOT / word).rglob("test_*.py")}
    return {word for word in words if word.suffix == ".py"} | below


def test_every_file_of_tests_is_run() -> None:
    files = {file.relative_to(ROOT) for file in (ROOT / "tests").rglob("test_*.py")}
    assert files - named() == set()
