"""What goes into the ConfigMap, and that it always fits."""

from __future__ import annotations

import json

import pytest

from batchmatrix.model.evidence import Outcome
from batchmatrix.model.metric import MetricValue
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


@pytest.mark.parametrize(("cells", "trials", "metrics"), [(10_000, 1, 2), (300, 4, 64)])
def test_the_whole_object_stays_under_its_bound_whatever_cells_have(cells: int, trials: int, metrics: int) -> None:
    names = [f"{'m' * 60}{at:02d}" for at in range(metrics)]
    values = [MetricValue(name, "mean", 1.1e300, 1, unit="u" * 32) for name in names]
    made = [
        a_cell(
            f"c{at}-".ljust(63, "x"),
            trials=trials,
            expect=("fail", "any", "success")[at % 3],
            values={f"{'a' * 60}{axis}": f"{'ü' * 60}{at}" for axis in range(8)},
        )
        for at in range(cells)
    ]
    results = [
        a_result(
            cell,
            trial,
            (Outcome.TIMEOUT, Outcome.INCOMPLETE)[trial % 2],
            metrics=values,
            message="\U0001f525|`" * 500,
            node=f"node-{cell.name}-{trial}{'n' * 180}",
            image=f"registry.example/{'i' * 200}{trial}@sha256:{'0' * 64}",
        )
        for cell in made
        for trial in range(trials)
    ]
    summary = summarise(
        a_plan(*made),
        results,
        units=dict.fromkeys(names, "u" * 32),
        complete=True,
        started="2026-11-22T07:00:05Z",
        finished="2026-11-22T07:41:09Z",
        named=True,
    )
    data = configmap_data(summary, location=f"s3://{'b' * 900}")
    assert CONFIGMAP_LIMIT * 0.8 < size(data) <= CONFIGMAP_LIMIT < 256 * 1024
    assert len(json.loads(data["summary.json"])["cells"]) > 1
    assert "## Failed trials" in data["matrix.md"]


def test_hostile_text_is_bounded() -> None:
    assert size(configmap_data(hostile_summary())) <= CONFIGMAP_LIMIT
