"""A triage of ten cells: a recipe, logs as a trainer writes them, and every figure of the results.

The figures are worked out by hand, or by numpy and Python's own statistics, from trials.csv.
"""

from __future__ import annotations

import csv
import io
import json
import statistics
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from batchmatrix.engine.policy import judging_rules, reading_rules
from batchmatrix.engine.tables import tables_of
from batchmatrix.formats.recipe import parse_recipe
from batchmatrix.formats.recipe_matrix import recipe_matrix
from batchmatrix.model.evidence import Outcome
from batchmatrix.model.v1alpha1 import parse_matrix
from batchmatrix.parse.reader import LogReader
from batchmatrix.publish.keys import log_prefix
from batchmatrix.summarise.judging.judge import judge
from batchmatrix.summarise.summary import summarise
from tests.support.recipes import plan_of
from tests.support.records import a_log, a_result

HERE = Path(__file__).parent
STEP = "step_time_ms"
ROWS = list(csv.DictReader((HERE / "trials.csv").open(newline="")))
CELLS = ["once", "at-threshold", "baseline-none", "above", "outlier", "never", "broken", "lost", "nan", "many"]


@cache
def files(threshold: float = 1.15, base: str = "", backwards: bool = False) -> dict[str, str]:
    """The files of the run, its trials having ended in the order of their names, or the other way round."""
    data = yaml.safe_load((HERE / "recipe.yaml").read_text())
    data["confound"] = {"threshold": threshold, **({"baseline_cell": base} if base else {})}
    obj = recipe_matrix(parse_recipe(data), name="m")
    names = ("slow", "loud", "calm", "quiet", "odd", "long", "typo")
    obj["spec"] |= {
        "workload": {"image": "repo/trainer:1", "command": ["train"]},
        "metrics": [{"name": STEP, "from": "keyvalue", "strategy": "mean", "unit": "ms", "direction": "lower"}],
        "catalog": {
            "mitigations": {"none": {}} | {name: {"env": {name.upper(): "1"}} for name in names},
            "environments": {"rocm": {"image": "repo/rocm:6.4"}},
        },
    }
    matrix = parse_matrix(obj)
    plan = plan_of(matrix)
    cells = {cell.name: cell for cell in plan.cells}
    results = []
    for row in sorted(ROWS, key=lambda row: f"{row['cell']}/{row['trial']}", reverse=backwards):
        reader = LogReader(reading_rules(matrix))
        for step, time in enumerate(row["step_times"].split()):
            reader.write(f"[rank0] step {step}: loss=0.5 {STEP}={time}\n".encode())
        trial = int(row["trial"])
        results.append(
            a_result(
                cells[row["cell"]],
                trial,
                Outcome(row["outcome"]),
                exit_code=int(row["exit_code"]) if row["exit_code"] else None,
                run_seconds=float(row["run_seconds"]) if row["run_seconds"] else None,
                metrics=reader.result().metrics,
                log=a_log(key=log_prefix(row["cell"], trial, f"uid-{trial}")),
            )
        )
    made = summarise(plan, results, units={STEP: "ms"}, complete=True, started="", finished="", named=True)
    rules = judging_rules(matrix, plan.cells)
    return {name: data.decode() for name, data in tables_of(judge(made, rules), rules, location="").items()}


def matrix_json(**options: Any) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(files(**options)["matrix.json"])
    return made


def cell(name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in matrix_json()["cells"] if each["name"] == name)
    return found


def step(name: str) -> dict[str, Any]:
    found: dict[str, Any] = cell(name)["metrics"][0]
    return found


def of_trials(name: str) -> list[float]:
    """One number per trial: the mean of its steps that are numbers."""
    logs = [[float(each) for each in row["step_times"].split()] for row in ROWS if row["cell"] == name]
    sound = [[each for each in log if np.isfinite(each)] for log in logs]
    return [statistics.fmean(log) for log in sound if log]


def labels(**options: Any) -> dict[str, str]:
    return {each["cell"]: each["label"] for each in matrix_json(**options)["judgement"]["confounds"]}


def test_cells_are_in_the_order_of_the_recipe() -> None:
    assert [each["name"] for each in matrix_json()["cells"]] == CELLS
    assert [row["cell"] for row in csv.DictReader(io.StringIO(files()["cells.csv"]))] == CELLS
    assert [each["cell"] for each in matrix_json()["judgement"]["confounds"]] == CELLS


@pytest.mark.parametrize("name", CELLS)
def test_counts_are_those_of_the_trials(name: str) -> None:
    own, found = [row for row in ROWS if row["cell"] == name], cell(name)
    good = [row for row in own if row["outcome"] == "Succeeded"]
    assert (found["trials"], found["done"]) == (len(own), len(own))
    assert (found["succeeded"], found["failed"]) == (len(good), len(own) - len(good))
    assert found["outcomes"] == Counter(row["outcome"] for row in own)
    assert found["exitCodes"] == Counter(row["exit_code"] for row in own if row["exit_code"])


def test_a_failure_rate_is_of_what_the_workload_did() -> None:
    assert {name: cell(name)["failureRate"] for name in CELLS} == {
        "at-threshold": 0.0,
        "baseline-none": 0.4,
        "above": 0.0,
        "outlier": 0.0,
        "never": 1.0,
        "broken": None,  # nothing of it has run
        "lost": 0.0,  # one of two trials failed, with its node
        "nan": 1 / 3,
        "many": 0.0,
        "once": 0.0,
    }


@pytest.mark.parametrize("name", CELLS)
def test_step_times_are_described_to_the_last_digit(name: str) -> None:
    values, found = of_trials(name), step(name)
    assert found["n"] == len(values)
    wanted: dict[str, float | None] = dict.fromkeys(("mean", "min", "max", "p50", "p90", "p99"))
    if values:
        wanted = {"mean": statistics.mean(values), "min": min(values), "max": max(values)}
        wanted |= {f"p{share}": float(np.percentile(values, share)) for share in (50, 90, 99)}
    assert {key: found[key] for key in wanted} == wanted
    assert found["std"] == (statistics.stdev(values) if len(values) > 1 else None)


def test_figures_by_hand() -> None:
    """baseline-none: 98, 102, 99 and 101; 100 in the mean, and 4 + 4 + 1 + 1 of squares over 3."""
    found = step("baseline-none")
    assert (found["n"], found["mean"], found["min"], found["max"], found["p50"]) == (4, 100.0, 98.0, 102.0, 100.0)
    assert (found["std"], found["p90"]) == (pytest.approx(10**0.5 / 3**0.5, rel=1e-15), 101.7)
    assert found["p99"] == pytest.approx(101.97, rel=1e-15)
    outlier = step("outlier")
    assert (outlier["mean"], outlier["p50"], outlier["outliers"]) == (250.0, 50.0, 1)
    never = step("never")
    assert (never["n"], {never[key] for key in ("mean", "std", "min", "max", "p50", "p90", "p99")}) == (0, {None})


def test_what_is_no_number_is_left_out_and_counted() -> None:
    assert (step("nan")["n"], step("nan")["mean"]) == (2, 102.0)
    readings = [each["readings"][0] for each in matrix_json()["trials"] if each["cell"] == "nan"]
    assert [(one["value"], one["count"], one["invalid"]) for one in readings] == [
        (100.0, 1, 2),
        (None, 0, 3),
        (104.0, 1, 0),
    ]


def test_wall_clock_times_are_those_of_all_trials() -> None:
    """baseline-none: 10, 3, 11, 12 and 64 seconds; of lost one trial has none."""
    assert [cell(name)["meanRunSeconds"] for name in ("baseline-none", "never", "lost")] == [20.0, 1.0, 10.0]


def test_trials_and_their_logs_are_in_the_order_of_their_numbers() -> None:
    wanted = [(row["cell"], int(row["trial"])) for row in ROWS]
    assert [(each["cell"], each["trial"]) for each in matrix_json()["trials"]] == wanted
    keys = [each["log"]["key"] for each in matrix_json()["trials"] if each["cell"] == "many"]
    assert keys == [f"logs/many/{trial}/uid-{trial}" for trial in range(12)]
    assert sorted(keys) != keys
    rows = list(csv.DictReader(io.StringIO(files()["trials.csv"])))
    assert [(row["cell"], int(row["trial"])) for row in rows] == wanted
    cases = [row["case_id"] for row in csv.DictReader(io.StringIO(files()["metrics.csv"]))]
    assert cases == [name if name == "once" else f"{name}/{trial}" for name, trial in wanted]


def test_slower_means_strictly_above_the_threshold() -> None:
    """Means 115, 130, 250 (one trial took 1052), 102, 105.5 and 100 against 100."""
    assert labels() == {
        "at-threshold": "none",
        "baseline-none": "none",
        "above": "speed (+30%)",
        "outlier": "speed (+150%)",
        "never": "n/a",
        "broken": "n/a",
        "lost": "none",
        "nan": "none",
        "many": "none",
        "once": "none",
    }
    assert labels(threshold=1.1499)["at-threshold"] == "speed (+15%)"
    assert labels(threshold=2.5)["outlier"] == "none"
    ratios = {each["cell"]: each["ratio"] for each in matrix_json()["judgement"]["confounds"]}
    assert ratios == {name: step(name)["mean"] / 100 if step(name)["n"] else None for name in CELLS}


def test_the_baseline_is_the_first_that_is_called_so_and_is_compared_with_nothing() -> None:
    judgement = matrix_json()["judgement"]
    assert judgement["baseline"] == "baseline-none"
    assert {each["baseline"] for each in judgement["comparisons"]} == {"baseline-none"}
    assert "baseline-none" not in {each["cell"] for each in judgement["comparisons"]}
    assert judgement["warnings"] == []


def test_a_cell_that_could_not_run_is_held_against_nothing() -> None:
    found = cell("broken")
    assert (found["outcomes"], found["failureRate"]) == ({"ImageError": 1, "ConfigError": 2}, None)
    compared = [each for each in matrix_json()["judgement"]["comparisons"] if each["cell"] == "broken"]
    assert [(each["word"], each["reasons"][0], each["n"]) for each in compared] == [
        ("not comparable", "no-trials", 0),
        ("not comparable", "too-few-trials", 0),
    ]


def test_a_baseline_without_a_time_is_warned_about_and_gives_no_label() -> None:
    assert set(labels(base="never").values()) == {"n/a"}
    warning = "baseline never has no usable step_time_ms: no cell can be checked for being only slower"
    assert matrix_json(base="never")["judgement"]["warnings"] == [warning]
    assert f"**Warning**: {warning}" in files(base="never")["matrix.md"]


def test_the_table_has_a_row_for_each_cell() -> None:
    rows = [
        [part.strip() for part in line.split("|")[1:-1]]
        for line in files()["matrix.md"].splitlines()
        if line.startswith("| ") and not line.startswith("| --")
    ]
    assert {len(row) for row in rows} == {len(rows[0])}
    shown = ("cell", "done", "failed", "failure rate", "step_time_ms", "confound")
    at = [rows[0].index(name) for name in shown]
    assert [tuple(row[each] for each in at) for row in rows[1:]] == [
        ("once", "1/1", "0", "0 %", "100", "none"),
        ("at-threshold", "5/5", "0", "0 %", "115.00 ± 0.71", "none"),
        ("baseline-none", "5/5", "2", "40 %", "100.0 ± 1.8 (4)", "baseline"),
        ("above", "5/5", "0", "0 %", "130.00 ± 0.71", "speed (+30%)"),
        ("outlier", "5/5", "0", "0 %", "250 ± 448", "speed (+150%)"),
        ("never", "5/5", "5", "100 %", "-", "n/a"),
        ("broken", "3/3", "3", "-", "-", "n/a"),
        ("lost", "2/2", "1", "0 %", "100 (1)", "none"),
        ("nan", "3/3", "1", "33.3 %", "102.0 ± 2.8 (2)", "none"),
        ("many", "12/12", "0", "0 %", "105.5 ± 3.6", "none"),
    ]


def test_the_same_trials_give_the_same_bytes() -> None:
    assert files(backwards=True) == files()
