"""What is not loaded where nobody needs it.

Libraries for judging take a second, and 60 MB of the process that runs for months. What speaks to clusters takes half
a second of each command that only looks at files.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

OPERATOR = Path(__file__).resolve().parents[2] / "operator"
HEAVY = ("scipy", "pandas", "numpy", "matplotlib")
REMOTE = ("kopf", "kubernetes", "aiohttp", "uvloop")


def loaded(module: str) -> set[str]:
    words = f"import sys, {module}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    environ = {**os.environ, "PYTHONPATH": str(OPERATOR)}
    done = subprocess.run(
        [sys.executable, "-c", words], env=environ, capture_output=True, text=True, timeout=60, check=True
    )
    return set(done.stdout.split())


def test_the_engine_does_without_the_libraries_of_judging() -> None:
    assert loaded("batchmatrix.engine.reporting").isdisjoint(HEAVY)
    assert loaded("batchmatrix.formats.matrix_json").isdisjoint(HEAVY)


def test_the_controller_loads_nothing_of_what_judging_takes() -> None:
    assert loaded("batchmatrix.controller.main").isdisjoint((*HEAVY, "jinja2"))


def test_comparing_takes_them_and_judging_without_it_does_not() -> None:
    assert "scipy" in loaded("batchmatrix.summarise.comparison.compare")
    assert loaded("batchmatrix.engine.analysis").isdisjoint(HEAVY)


def test_the_command_line_speaks_to_no_cluster_before_it_is_asked_to() -> None:
    assert loaded("batchmatrix.cli.main").isdisjoint(HEAVY + REMOTE)
    assert loaded("batchmatrix.controller.command").isdisjoint(HEAVY + REMOTE)
    assert loaded("batchmatrix.controller.main") >= {"kopf", "aiohttp"}
