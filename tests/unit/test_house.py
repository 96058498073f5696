"""The contracts of the house hold, and each of them notices what it is there for."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

LAYERS = "imports go down only, and the stages do not know each other"
PURE = "the stages, the ledger and the engine do no I/O"
ADAPTERS = "adapters do not know each other"
KOPF = "kopf lives in the controller only"

VIOLATIONS = [
    ("plan/order.py", "import batchmatrix.publish.keys", LAYERS),
    ("parse/reader.py", "import batchmatrix.summarise.stats", LAYERS),
    ("model/record.py", "import batchmatrix.ports.store", LAYERS),
    ("base/ids.py", "import batchmatrix.model.cell", LAYERS),
    ("engine/decide.py", "import batchmatrix.adapters.telemetry.clock", LAYERS),
    ("cli/main.py", "import batchmatrix.controller.queue", LAYERS),
    ("upstairs/__init__.py", "", LAYERS),
    ("engine/board.py", "import aiohttp", PURE),
    ("ledger/writer.py", "import obstore", PURE),
    ("plan/build.py", "import subprocess", PURE),
    ("adapters/folder/store.py", "import batchmatrix.adapters.kube.paths", ADAPTERS),
    ("adapters/catalogs/plugins.py", "import batchmatrix.adapters.kube.paths", ADAPTERS),
    ("adapters/kube/client.py", "import kopf", KOPF),
    ("engine/pipeline.py", "import kopf", KOPF),
]
"""A file, an import that does not belong there, and the contract that must break. An empty import is a new room."""


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "lint-imports"
    return subprocess.run(
        [program, "--no-cache", "--config", folder / "pyproject.toml"],
        cwd=folder,
        env={"PYTHONPATH": str(folder / "operator"), "PATH": "/usr/bin:/bin", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the package to do wrong in."""
    shutil.copytree(ROOT / "operator", tmp_path / "operator", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_house_is_in_order(house: Path) -> None:
    done = lint(house)
    assert done.returncode == 0, done.stdout
    assert "4 kept, 0 broken" in done.stdout


@pytest.mark.parametrize(("file", "line", "contract"), VIOLATIONS, ids=[f"{v[0]}-{v[1][7:]}" for v in VIOLATIONS])
def test_a_contract_notices(house: Path, file: str, line: str, contract: str) -> None:
    path = house / "operator" / "batchmatrix" / file
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as out:
        out.write(f"\n{line}\n")
    done = lint(house)
    assert done.returncode != 0
    broken = done.stdout.partition("Broken contracts")[2]
    assert contract in broken or "upstairs" in done.stdout + done.stderr, done.stdout + done.stderr
