"""A list of cases: what their programs wrote, and metrics.csv and the verdict that follow, byte for byte.

metrics.csv was written by hand from the other files, and is not to be written anew by a program.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from batchmatrix.engine.tables import tables_of
from batchmatrix.model.evidence import Outcome
from batchmatrix.model.exits import recommended_exit
from batchmatrix.model.judging import CheckRule, JudgingRules, MetricRule
from batchmatrix.model.metric import MetricDefinition, ReadingRules
from batchmatrix.model.summary import Summary
from batchmatrix.parse.reader import LogReader
from batchmatrix.summarise.judging.judge import judge
from batchmatrix.summarise.summary import summarise
from tests.support.records import a_cell, a_plan, a_result

HERE = Path(__file__).parent
METRICS = ("p95", "p99", "throughput_rps", "errors", "gc_pause", "queue_depth_p95", "mem_peak_mb", "cpu_util")


def rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((HERE / name).open(newline="")))


CASES = [row["case_id"] for row in rows("cases.csv")]


def rules(*cases: str) -> JudgingRules:
    """The thresholds of these cases, as checks."""
    return JudgingRules(
        metrics=tuple(MetricRule(name, scale="linear") for name in METRICS),
        labels={"team": "perf"},
        checks=tuple(
            CheckRule(metric, max=float(row[f"threshold_{metric}"]), when={"case": frozenset({row["case_id"]})})
            for row in rows("cases.csv")
            for metric in ("p95", "p99")
            if row["case_id"] in cases and row[f"threshold_{metric}"]
        ),
    )


def summary(*cases: str, expect: str = "any", backwards: bool = False) -> Summary:
    """These cases with their results, judged by their thresholds."""
    reading = ReadingRules(tuple(MetricDefinition(name, "keyvalue") for name in METRICS))
    cells = {
        row["case_id"]: a_cell(row["case_id"], values={"case": row["case_id"], "seed": int(row["seed"])}, expect=expect)
        for row in rows("cases.csv")
        if row["case_id"] in cases
    }
    results = []
    for row in rows("results.csv"):
        if row["case_id"] not in cells:
            continue
        reader = LogReader(reading)
        reader.write((HERE / "logs" / f"{row['case_id']}.log").read_bytes())
        results.append(
            a_result(
                cells[row["case_id"]],
                0,
                Outcome(row["outcome"]),
                run_seconds=float(row["run_seconds"]) if row["run_seconds"] else None,
                started=row["ts_start"],
                finished=row["ts_end"],
                message=row["message"],
                metrics=reader.result().metrics,
            )
        )
    made = summarise(
        a_plan(*cells.values()),
        reversed(results) if backwards else results,
        units=dict.fromkeys(METRICS, ""),
        complete=True,
        started="",
        finished="",
        named=True,
    )
    return judge(made, rules(*cases))


@pytest.mark.parametrize("backwards", [False, True])
def test_metrics_csv_byte_for_byte(backwards: bool) -> None:
    made = tables_of(summary(*CASES, backwards=backwards), rules(*CASES), location="")["metrics.csv"]
    assert made.splitlines() == (HERE / "metrics.csv").read_bytes().splitlines()
    assert made == (HERE / "metrics.csv").read_bytes()


def test_a_threshold_is_a_check_that_a_value_at_it_keeps() -> None:
    judgement = summary(*CASES).judgement
    assert judgement is not None
    found = {(each.cell, each.metric): (each.status, each.reason) for each in judgement.findings}
    assert found == {
        ("test-01", "p95"): ("pass", "kept"),
        ("test-02", "p95"): ("pass", "kept"),
        ("test-02", "p99"): ("pass", "kept"),
        ("over", "p95"): ("fail", "violated"),
        ("over", "p99"): ("pass", "kept"),
        ("missing", "p95"): ("inconclusive", "no-value"),
        ("failed", "p95"): ("inconclusive", "no-value"),
        ("slow", "p95"): ("pass", "kept"),
        ("lost", "p95"): ("inconclusive", "infrastructure"),
    }
    (over,) = [each for each in judgement.findings if each.status == "fail"]
    assert over.text == "cell over, trial 0: p95 0.1200001 > 0.12"


@pytest.mark.parametrize(
    ("cases", "expect", "verdict", "code"),
    [
        (["test-01", "test-02", "free"], "success", "pass", 0),
        (["test-01", "over"], "success", "fail", 3),
        (["test-01", "missing"], "success", "inconclusive", 4),
        (["test-01", "failed"], "success", "fail", 5),
        (["over", "slow"], "success", "fail", 5),
        (["test-01", "lost"], "success", "inconclusive", 4),
        (["test-01", "slow"], "any", "pass", 0),
    ],
)
def test_the_exit_code_says_which_it_was(cases: list[str], expect: str, verdict: str, code: int) -> None:
    made = summary(*cases, expect=expect)
    assert (made.verdict, recommended_exit(made.verdict, made)) == (verdict, code), made.reason
