"""What goes into the ConfigMap, and that it always fits."""

from __future__ import annotations

import json

import pytest

from batchmatrix.model.evidence import Outcome
from batchmatrix.publish.configmap import CONFIGMAP_LIMIT, configmap_data
from batchmatrix.publish.csvs import cells_csv
from batchmatrix.publish.matrix_md import matrix_markdown
from batchmatrix.summarise.summary import summarise
from tests.support.golden import Golden
from tests.support.records import a_cell, a_plan, a_result
from tests.support.summaries import hostile_summary, huge_summary, twelve_cells

PLACE = "s3://bench/triage/demo/6f1c/runs/3"


def size(data: dict[str, str]) -> int:
    return sum(len(text.encode()) for text in data.values())


def test_twelve_cells_with_failures(golden: Golden) -> None:
    for name, text in configmap_data(twelve_cells(), location=PLACE).items():
        golden(f"configmap/{name}", text)


@pytest.mark.parametrize("cells", [1, 200])
def test_what_fits_is_whole(cells: int) -> None:
    summary = huge_summary(cells)
    data = configmap_data(summary, location=PLACE, limit=2_000_000)
    assert list(data) == ["summary.json", "matrix.md", "cells.csv"]
    assert data["matrix.md"] == matrix_markdown(summary, location=PLACE)
    assert data["cells.csv"] == cells_csv(summary)
    read = json.loads(data["summary.json"])
    assert read["truncated"] is False
    assert "trials" not in read


@pytest.mark.parametrize("limit", [64 * 1024, CONFIGMAP_LIMIT])
def test_what_does_not_fit_is_cut_and_says_so(limit: int) -> None:
    data = configmap_data(huge_summary(5000), location=PLACE, limit=limit)
    assert limit * 0.9 < size(data) <= limit
    read = json.loads(data["summary.json"])
    assert read["truncated"] is True
    assert read["results"] == PLACE
    assert len(read["cells"]) > 5
    assert data["cells.csv"].count("\n") > 5
    assert f"cells; cells.csv in `{PLACE}` has them all." in data["matrix.md"]


def test_a_cut_in_another_file_is_said_in_the_json_too() -> None:
    cells = [a_cell(f"cell-{at}", values={"at": at}) for at in range(40)]
    # a message may be longer in the table than in the JSON, so the table is cut first
    results = [a_result(cell, 0, Outcome.TIMEOUT, message="x" * 1000) for cell in cells]
    summary = summarise(a_plan(*cells), results, units={}, complete=True, started="", finished="")
    data = configmap_data(summary, limit=96 * 1024)
    read = json.loads(data["summary.json"])
    assert len(read["cells"]) == 40
    assert data["cells.csv"] != cells_csv(summary)
    assert read["truncated"] is True


def test_hostile_text_is_bounded() -> None:
    assert size(configmap_data(hostile_summary())) <= CONFIGMAP_LIMIT
