"""A table of trials gives what their records give."""

from __future__ import annotations

import io
from dataclasses import replace

import pandas as pd
import pytest

from batchmatrix.model.evidence import Outcome
from batchmatrix.model.judging import JudgingRules, MetricRule
from batchmatrix.model.metric import MetricValue
from batchmatrix.model.summary import Summary
from batchmatrix.publish.csvs import trials_csv
from batchmatrix.summarise.judging.judge import judge
from batchmatrix.summarise.judging.rows import cell_statistics, reading_options
from batchmatrix.summarise.summary import summarise
from tests.support.records import a_cell, a_log, a_plan, a_result
from tests.support.summaries import twelve_cells

STATISTICS = ("n", "mean", "std", "min", "max", "p50", "p90", "p99", "outliers", "low", "high")


def table(made: Summary, *metrics: str) -> pd.DataFrame:
    rows = pd.read_csv(io.StringIO(trials_csv(made)), **reading_options(metrics))
    return cell_statistics(rows, metrics)


def odd_cells() -> Summary:
    """Outliers, a value that is 0, nothing at all, an end that is nobody's fault, a trial that still runs."""
    cells = [a_cell("many", trials=9), a_cell("zero", trials=3), a_cell("none", trials=2), a_cell("NA", trials=3)]
    values = {"many": [10.0, 11.0, 12.0, 13.0, 11.5, 12.5, 100.0, 11.1, 10.9], "zero": [0.0, 1.0, 2.0]}
    results = [
        a_result(cell, trial, metrics=[MetricValue("ms", "mean", value, 5)], gpu_seconds=value)
        for cell in cells[:2]
        for trial, value in enumerate(values[cell.name])
    ]
    results[0] = replace(results[0], stumbled=True)
    results += [
        a_result(cells[2], 0, Outcome.NODE_LOST, gpu_seconds=None),
        a_result(cells[2], 1, None),
        a_result(cells[3], 0, Outcome.TIMEOUT, gpu_seconds=None, log=a_log(capped=True)),
        a_result(cells[3], 1, metrics=[MetricValue("ms", "mean", 4.0, 5)]),
        a_result(cells[3], 2, Outcome.EVICTED, metrics=[MetricValue("ms", "mean", float("inf"), 5)]),
    ]
    return summarise(a_plan(*cells), results, units={"ms": "ms"}, complete=True, started="", finished="")


@pytest.mark.parametrize("scale", ["log", "linear"])
@pytest.mark.parametrize(("made", "metric"), [(odd_cells(), "ms"), (twelve_cells(), "step_time_ms")])
def test_the_statistics_are_those_of_the_records(made: Summary, metric: str, scale: str) -> None:
    found = table(made, metric)
    judged = judge(made, JudgingRules(metrics=(MetricRule(metric, scale=scale),)))
    assert list(found.index) == [cell.name for cell in judged.cells]
    for cell, row in zip(judged.cells, found.to_dict("records"), strict=True):
        summary = next(each for each in cell.metrics if each.name == metric)
        for what in STATISTICS:
            wanted, shown = getattr(summary, what), row[f"metric_{metric}_{what}"]
            assert pd.isna(shown) if wanted is None else shown == pytest.approx(wanted, rel=1e-12), (cell.name, what)
        for what in ("done", "succeeded", "failed"):
            assert row[what] == getattr(cell, what)
        for what in ("failure_rate", "gpu_seconds"):
            wanted = getattr(cell, what)
            assert pd.isna(row[what]) if wanted is None else row[what] == pytest.approx(wanted, rel=1e-12)
        outcomes = {name.removeprefix("outcome_"): row[name] for name in row if name.startswith("outcome_")}
        assert {name: count for name, count in outcomes.items() if count} == cell.outcomes


def test_logs_are_those_of_last_attempts() -> None:
    found = table(twelve_cells())
    assert found.loc["tf32-off-nccl-ring-nvidia-32", ["log_state_complete", "log_state_lost"]].to_list() == [2, 1]


def test_no_rows_are_no_cells() -> None:
    made = summarise(a_plan(), [], units={"ms": ""}, complete=True, started="", finished="")
    assert len(table(made)) == 0
