"""metrics.csv: the columns and the form that tools for lists of cases read."""

from __future__ import annotations

import csv
import io
import random
from typing import Any

import pytest

from batchmatrix.model.evidence import Outcome
from batchmatrix.model.metric import MetricValue
from batchmatrix.model.summary import Summary
from batchmatrix.publish.metrics_csv import metrics_csv
from batchmatrix.summarise.summary import summarise
from tests.support.golden import Golden
from tests.support.records import a_cell, a_plan, a_result
from tests.support.summaries import hostile_summary, twelve_cells

FIRST = "case_id,status,run_seconds,p95,p99,throughput_rps,errors,ts_start,ts_end"


def of(**values: float | None) -> list[MetricValue]:
    return [MetricValue(name, "latest", value, 1) for name, value in values.items()]


def summary(results: list[Any], cells: list[Any], *units: str) -> Summary:
    return summarise(a_plan(*cells), results, units=dict.fromkeys(units, ""), complete=True, started="", finished="")


def test_twelve_cells_with_failures(golden: Golden) -> None:
    golden("summary/metrics.csv", metrics_csv(twelve_cells(), tags={"mode": "baseline"}))


def test_the_whole_file_byte_for_byte() -> None:
    one = a_cell("test-01", values={"size": 8, "lr": 0.1, "on": True})
    two = a_cell("test-02", trials=2, values={"size": 32})
    metrics = of(errors=0, throughput_rps=1000, p99=0.08, p95=0.05, mem_peak_mb=12.5, loss=0.25)
    results = [
        a_result(one, 0, metrics=metrics, run_seconds=1.25),
        a_result(two, 0, Outcome.TIMEOUT, run_seconds=10, started="2026-11-22T07:00:05Z", finished=""),
        a_result(two, 1, Outcome.OOM_KILLED, run_seconds=None, metrics=of(p95=2 / 3), message="at,\n8Gi"),
    ]
    made = summary(results, [one, two], "loss", "p99", "mem_peak_mb", "p95", "cpu_util", "errors", "throughput_rps")
    assert metrics_csv(made, tags={"team": "perf", "canary": False}) == (
        f"{FIRST},cpu_util,mem_peak_mb,param_size,param_lr,param_on,ext_loss,tag_team,tag_canary,"
        "note_outcome,note_message\n"
        "test-01,OK,1.250000,0.050000,0.080000,1000.000000,0.000000,2026-11-22T07:00:05Z,2026-11-22T07:01:05Z,,"
        "12.500000,8,0.1,true,0.250000,perf,false,Succeeded,\n"
        "test-02/0,TIMEOUT,10.000000,,,,,2026-11-22T07:00:05Z,,,,32,,,,perf,false,Timeout,\n"
        'test-02/1,FAIL,,0.666667,,,,2026-11-22T07:00:05Z,2026-11-22T07:01:05Z,,,32,,,,perf,false,OOMKilled,"at, 8Gi"\n'
    )


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_has_one_of_three_words(outcome: Outcome) -> None:
    cell = a_cell("c")
    row = metrics_csv(summary([a_result(cell, 0, outcome)], [cell])).splitlines()[1]
    wanted = {Outcome.SUCCEEDED: "OK", Outcome.TIMEOUT: "TIMEOUT"}.get(outcome, "FAIL")
    assert row.split(",")[1] == wanted


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.000000"),
        (-0.0, "0.000000"),
        (5e-324, "4.940656458e-324"),
        (0.00009999999, "9.999999000e-05"),
        (999999999999999.875, "999999999999999.875000"),
        (1e15, "1.000000000e+15"),
        (0.0078125, "0.007812"),  # halfway, and exact in binary: to the even digit
        (0.0234375, "0.023438"),
        (-1.5, "-1.500000"),
        (0.0001, "0.000100"),
        (0.00001234, "1.234000000e-05"),
        (-3e18, "-3.000000000e+18"),
        (123456789.125, "123456789.125000"),
        (float("nan"), ""),
        (float("inf"), ""),
        (None, ""),
    ],
)
def test_numbers_have_one_form(value: float | None, text: str) -> None:
    cell = a_cell("c")
    made = summary([a_result(cell, 0, metrics=of(p95=value))], [cell], "p95")
    (row,) = csv.DictReader(io.StringIO(metrics_csv(made)))
    assert row["p95"] == text


def test_the_same_results_give_the_same_bytes() -> None:
    cells = [a_cell(f"c{at}", trials=3) for at in range(5)]
    results = [a_result(cell, trial, metrics=of(p95=trial + 0.1)) for cell in cells for trial in range(3)]
    wanted = metrics_csv(summary(results, cells, "p95"))
    random.Random(3).shuffle(results)
    assert metrics_csv(summary(results, cells, "p95")) == wanted
    assert "\r" not in wanted


def test_a_metric_that_is_called_like_a_column_is_told_apart() -> None:
    cell = a_cell("c")
    made = summary([a_result(cell, 0, metrics=of(run_seconds=3.5, status=1))], [cell], "run_seconds", "status")
    (row,) = csv.DictReader(io.StringIO(metrics_csv(made)))
    assert (row["run_seconds"], row["status"]) == ("60.000000", "OK")
    assert (row["ext_run_seconds"], row["ext_status"]) == ("3.500000", "1.000000")


@pytest.mark.parametrize(
    ("metrics", "columns"),
    [
        (["loss"], ["ext_loss"]),
        (["ext_loss"], ["ext_loss"]),
        (["loss", "ext_loss", "ext_ext_loss"], ["ext_loss", "ext_ext_loss", "ext_ext_ext_loss"]),
        (["p95", "ext_p95", "queue_depth_p95", "ext_cpu_util"], ["queue_depth_p95", "ext_p95", "ext_cpu_util"]),
        (["param_size", "tag_team", "note_outcome"], ["ext_param_size", "ext_tag_team", "ext_note_outcome"]),
        (["queue_depth_p95", "mem_peak_mb", "cpu_util"], ["cpu_util", "mem_peak_mb", "queue_depth_p95"]),
    ],
)
def test_no_two_columns_have_one_name_and_each_has_its_own_metric(metrics: list[str], columns: list[str]) -> None:
    cell = a_cell("c", values={"size": "big", "outcome": "x"})
    values = of(**{name: float(at + 1) for at, name in enumerate(metrics)})
    made = summary([a_result(cell, 0, metrics=values)], [cell], *metrics)
    head, row = csv.reader(io.StringIO(metrics_csv(made, tags={"team": "perf", "outcome": "y"})))
    assert len(set(head)) == len(head)
    assert ",".join(head[:9]) == FIRST
    fixed = {
        *FIRST.split(","),
        "param_size",
        "param_outcome",
        "tag_team",
        "tag_outcome",
        "note_outcome",
        "note_message",
    }
    assert [name for name in head if name not in fixed] == columns
    found = dict(zip(head, row, strict=True))
    shown = sorted(float(found[name]) for name in [*columns, "p95"] if found[name])
    assert shown == [float(at + 1) for at in range(len(metrics))]
    assert (found["param_size"], found["tag_team"], found["note_outcome"]) == ("big", "perf", "Succeeded")


def test_trials_are_in_the_order_of_their_numbers() -> None:
    cells = [a_cell(name, trials=12) for name in ("c10", "c2")]
    results = [a_result(cell, trial) for cell in cells for trial in range(12)]
    wanted = [f"{name}/{trial}" for name in ("c10", "c2") for trial in range(12)]
    made = summary(sorted(results, key=lambda result: f"{result.cell}/{result.trial}"), cells)
    assert [row["case_id"] for row in csv.DictReader(io.StringIO(metrics_csv(made)))] == wanted


def test_a_trial_without_a_result_has_no_row() -> None:
    cell = a_cell("c", trials=2)
    assert len(metrics_csv(summary([a_result(cell, 1, None)], [cell])).splitlines()) == 1


def test_hostile_text_stays_text() -> None:
    text = metrics_csv(hostile_summary(), tags={"=tag": "=1+1"})
    assert text.count("\n") == 13
    for row in csv.DictReader(io.StringIO(text)):
        assert row["case_id"].startswith("'=")
        assert row["tag_=tag"] == "'=1+1"
    assert "\x1b" not in text
