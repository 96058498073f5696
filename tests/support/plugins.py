"""Installed distributions that bring catalogs: real metadata and a real module in a folder on sys.path."""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["install_plugin"]


def install_plugin(
    folder: Path,
    distribution: str,
    code: str,
    *,
    entry_point: str = "CATALOG",
    name: str = "team",
    version: str = "1.2",
) -> None:
    """Install `code` as a module with an entry point of group batchmatrix.catalogs that names `entry_point` in it."""
    module = distribution.replace("-", "_")
    sys.modules.pop(module, None)  # one of the same name that an earlier test installed
    (folder / f"{module}.py").write_text(code)
    info = folder / f"{module}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[batchmatrix.catalogs]\n{name} = {module}:{entry_point}\n")
