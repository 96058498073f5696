"""Golden files: what a thing must look like, byte for byte, kept under tests/golden."""

from __future__ import annotations

import difflib
import json
from pathlib import Path

__all__ = ["Golden"]

FOLDER = Path(__file__).resolve().parents[1] / "golden"


class Golden:
    """Compares with golden files; with `update` it writes them instead."""

    def __init__(self, *, update: bool, folder: Path = FOLDER) -> None:
        self.update = update
        self.folder = folder

    def __call__(self, name: str, actual: str | bytes | object) -> None:
        """Hold `actual` against file `name`; what is neither text nor bytes is compared as indented JSON."""
        if isinstance(actual, bytes):
            data = actual
        elif isinstance(actual, str):
            data = actual.encode()
        else:
            data = (json.dumps(actual, indent=2, ensure_ascii=False) + "\n").encode()
        path = self.folder / name
        if self.update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            return
        if not path.is_file():
            raise AssertionError(f"no golden file {path}; write it with pytest --update-golden and read the diff")
        wanted = path.read_bytes()
        if wanted != data:
            lines = difflib.unified_diff(
                wanted.decode(errors="replace").splitlines(),
                data.decode(errors="replace").splitlines(),
                fromfile=f"golden {name}",
                tofile="actual",
                lineterm="",
            )
            raise AssertionError("\n".join(lines) or f"{name} differs in line ends or in bytes that are no text")
