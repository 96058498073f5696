"""The summary as the data of ConfigMap `<matrix>-summary`: bounded, and honest about what was left out."""

from __future__ import annotations

from batchmatrix.model.summary import Summary
from batchmatrix.publish.csvs import cells_csv
from batchmatrix.publish.matrix_md import bounded_markdown
from batchmatrix.publish.summary_json import summary_json

__all__ = ["CONFIGMAP_LIMIT", "configmap_data"]

CONFIGMAP_LIMIT = 240 * 1024
"""Bytes of all three texts together: no object of ours comes near what etcd takes (1.5 MiB)."""


def configmap_data(summary: Summary, *, location: str = "", limit: int = CONFIGMAP_LIMIT) -> dict[str, str]:
    """summary.json (without trials), matrix.md and cells.csv, together at most `limit` bytes (at least 64 KiB).

    What does not fit is cut at the end of a row: `truncated` in summary.json and a line in matrix.md say so, and
    both say that the full files lie at `location`. cells.csv stays plain CSV. A text that needs less than its
    share leaves the rest to the next.
    """
    markdown, cut = bounded_markdown(summary, location=location, limit=limit // 3)
    rest = limit - len(markdown.encode())
    table = cells_csv(summary, limit=rest // 3)
    rest -= len(table.encode())
    cut = cut or table.count("\n") <= len(summary.cells)  # one line per cell after the header: no field holds a break
    return {
        "summary.json": summary_json(summary, location=location, trials=False, limit=rest, truncated=cut),
        "matrix.md": markdown,
        "cells.csv": table,
    }
