"""The tables, read back as a program would."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

from batchmatrix.publish.csvs import CELL_COLUMNS, TRIAL_COLUMNS, cells_csv, trials_csv
from batchmatrix.summarise.summary import summarise
from tests.support.golden import Golden
from tests.support.judgements import judged_summary
from tests.support.records import a_cell, a_plan, a_result
from tests.support.summaries import expecting, hostile_summary, huge_summary, twelve_cells


def read(text: str) -> list[dict[str, str]]:
    rows = list(csv.DictReader(io.StringIO(text)))
    assert all(None not in row and None not in row.values() for row in rows)
    return rows


def test_twelve_cells_with_failures(golden: Golden) -> None:
    golden("summary/cells.csv", cells_csv(twelve_cells()))
    golden("summary/trials.csv", trials_csv(twelve_cells()))


def test_a_judged_matrix(golden: Golden) -> None:
    golden("summary/judged-cells.csv", cells_csv(judged_summary()))


def test_columns_of_judging_come_behind_all_others() -> None:
    before, after = cells_csv(replace(judged_summary(), judgement=None)), cells_csv(judged_summary())
    heads = [text.splitlines()[0].split(",") for text in (before, after)]
    assert heads[1][: len(heads[0])] == heads[0]
    assert heads[0][: heads[0].index("failure_rate")][-1] == "metric_loss_max"
    none, fixed = read(after)
    assert (none["word"], none["baseline"], none["checks"], none["gates"]) == ("", "", "fail=1", "fail=1")
    assert (fixed["word"], fixed["baseline"], fixed["confound"]) == ("fixes", "none", "none")
    assert (fixed["checks"], fixed["gates"]) == ("pass=1", "inconclusive=1")
    assert (fixed["failures_word"], fixed["failures_effect"]) == ("fixes", "-0.6666666666666666")
    assert (fixed["compare_step_time_ms_word"], fixed["compare_step_time_ms_low"]) == ("slower", "0.04")
    assert (none["failure_rate"], none["gpu_seconds"], fixed["failure_rate"]) == ("1.0", "120.0", "0.0")
    assert (none["mean_run_seconds"], fixed["mean_run_seconds"]) == ("60.0", "60.0")  # a trial of none has no time


def test_hostile_names_and_huge_messages(golden: Golden) -> None:
    golden("summary/hostile-cells.csv", cells_csv(hostile_summary()))
    golden("summary/hostile-trials.csv", trials_csv(hostile_summary()))


def test_fixed_columns_come_first_then_axes_then_metrics() -> None:
    header = cells_csv(twelve_cells()).splitlines()[0].split(",")
    fixed = len(CELL_COLUMNS)
    assert tuple(header[:fixed]) == CELL_COLUMNS
    assert header[fixed : fixed + 4] == ["axis_mitigation", "axis_hardware", "axis_batch_size", "axis_precision"]
    assert header[fixed + 4 : fixed + 9] == [
        f"metric_step_time_ms_{what}" for what in ("n", "mean", "std", "min", "max")
    ]
    header = trials_csv(twelve_cells()).splitlines()[0].split(",")
    fixed = len(TRIAL_COLUMNS)
    assert tuple(header[:fixed]) == TRIAL_COLUMNS
    assert header[fixed + 4 :] == ["metric_step_time_ms", "metric_loss", "stumbled"]


def test_numbers_are_read_back_exactly() -> None:
    summary = twelve_cells()
    for row, cell in zip(read(cells_csv(summary)), summary.cells, strict=True):
        assert float(row["metric_step_time_ms_mean"]) == cell.metrics[0].mean
        assert int(row["failed"]) == cell.failed


def test_every_trial_has_its_row() -> None:
    rows = read(trials_csv(twelve_cells()))
    assert len(rows) == 36
    failed = rows[10]
    assert (failed["cell"], failed["trial"], failed["attempt"]) == ("none-amd-32", "1", "1")
    assert (failed["outcome"], failed["exit_code"], failed["metric_loss"]) == ("UnexpectedExit", "3", "")


def test_a_trial_that_still_runs_has_a_row_without_a_result() -> None:
    cell = a_cell("one", values={"n": True})
    made = summarise(a_plan(cell), [a_result(cell, 0, None)], units={"ms": ""}, complete=False, started="", finished="")
    (row,) = read(trials_csv(made))
    assert (row["state"], row["outcome"], row["axis_n"], row["metric_ms"]) == ("Running", "", "true", "")


def test_no_field_runs_as_a_formula_and_no_row_holds_a_line_break() -> None:
    for text in (cells_csv(hostile_summary()), trials_csv(hostile_summary())):
        assert text.count("\n") == 13
        assert "\r" not in text
        assert "\x1b" not in text
        for row in read(text):
            assert row["cell"].startswith("'=")
            for name, field in row.items():
                assert name.startswith("metric_") or not field.startswith(("=", "+", "-", "@"))


def test_a_cut_is_at_the_end_of_a_row() -> None:
    summary = huge_summary(50)
    whole = cells_csv(summary)
    for limit in (1_000, 10_000, len(whole.encode()) - 1):
        text = cells_csv(summary, limit=limit)
        assert len(text.encode()) <= limit
        assert whole.startswith(text)
        assert text.endswith("\n")
        assert len(whole[len(text) :].split("\n")[0].encode()) + 1 > limit - len(text.encode())
    assert cells_csv(summary, limit=len(whole.encode())) == whole


def test_what_is_expected_of_a_cell_and_whether_it_is_met() -> None:
    rows = read(cells_csv(expecting()))
    assert [(row["expect"], row["met"]) for row in rows] == [
        ("any", "true"),
        ("fail", "true"),
        ("fail", "false"),
        ("success", "true"),
    ]
    assert read(cells_csv(twelve_cells()))[6]["met"] == ""


def test_a_parameter_that_only_some_cells_have_is_empty_for_the_others_and_a_stack_is_one_text() -> None:
    for rows in (read(cells_csv(expecting())), read(trials_csv(expecting()))[::2]):
        assert [(row["axis_mitigation"], row["axis_lr"]) for row in rows] == [
            ("none", ""),
            ("ring", ""),
            ("tree", "0.1"),
            ("tf32-off+ring", "0.2"),
        ]


def nodes_of(count: int) -> str:
    cell = a_cell("a", trials=count)
    results = [a_result(cell, trial, node=f"gpu-node-with-a-name-{trial:04d}") for trial in range(count)]
    made = summarise(a_plan(cell), results, units={}, complete=True, started="", finished="")
    return read(cells_csv(made))[0]["nodes"]


def test_names_that_do_not_fit_into_a_field_are_cut_between_two_and_counted() -> None:
    """Each takes 26 characters with its semicolon: of 1,024 characters 39 leave room for the count."""
    names = [f"gpu-node-with-a-name-{at:04d}" for at in range(39)]
    assert nodes_of(39) == ";".join(names)
    assert nodes_of(120) == ";".join([*names, "… 81 more"])
