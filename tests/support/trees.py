"""Folders that another process writes to while they are looked at."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["files_under"]


def files_under(root: Path) -> list[Path]:
    """Every file in order. A folder that goes while it is looked at has none, where `Path.rglob` raises."""
    return sorted(Path(folder, name) for folder, _, names in os.walk(root) for name in names)
