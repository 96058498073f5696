"""The report for people."""

from __future__ import annotations

from dataclasses import replace

import pytest

from batchmatrix.model.evidence import Outcome
from batchmatrix.model.judging import ConfoundReading, Judgement
from batchmatrix.model.metric import MetricValue
from batchmatrix.model.summary import Summary
from batchmatrix.publish.matrix_md import bounded_markdown, matrix_markdown
from batchmatrix.summarise.summary import summarise
from tests.support.golden import Golden
from tests.support.records import a_cell, a_plan, a_result
from tests.support.summaries import expecting, hostile_summary, huge_summary, twelve_cells


def table(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("| ")]


def small(**changes: object) -> Summary:
    cells = [a_cell(f"c{n}", values={"n": n, "same": "x"}) for n in (1, 2)]
    results = [a_result(cell, 0, metrics=[MetricValue("ms", "mean", 4.0, 1)]) for cell in cells]
    made = summarise(a_plan(*cells), results, units={"ms": "ms"}, complete=True, started="", finished="")
    return replace(made, **changes)  # type: ignore[arg-type]


def test_twelve_cells_with_failures(golden: Golden) -> None:
    golden("summary/matrix.md", matrix_markdown(twelve_cells(), location="s3://bench/triage/demo/6f1c/runs/3"))


def test_hostile_names_and_huge_messages(golden: Golden) -> None:
    golden("summary/hostile.md", matrix_markdown(hostile_summary(), location="s3://x/`y`"))


def test_columns_stand_under_each_other_and_escaped_pipes_do_not_split_them() -> None:
    for summary in (twelve_cells(), hostile_summary()):
        rows = table(matrix_markdown(summary))
        assert len(rows) == 14
        assert len({len(row) for row in rows}) == 1
        assert len({row.replace("\\|", "").count("|") for row in rows}) == 1


def test_what_all_cells_share_is_said_once() -> None:
    text = matrix_markdown(small())
    assert "All cells: same x" in text
    assert table(text)[0].split() == ["|", "n", "|", "done", "|", "ms", "(ms)", "|"]
    assert "Nodes: gpu-1 (2 cells)" in text


def test_nodes_and_images_get_columns_where_they_differ_and_there_is_room() -> None:
    cells = [a_cell(f"c{n}", values={"n": n}) for n in (1, 2)]
    results = [
        a_result(cell, 0, node=f"gpu-{at}", image=f"registry.example/t/trainer@sha256:{at}abcdef0123456789")
        for at, cell in enumerate(cells)
    ]
    made = summarise(a_plan(*cells), results, units={}, complete=True, started="", finished="")
    assert [row.split()[5:8:2] for row in table(matrix_markdown(made))[2:]] == [
        ["gpu-0", "trainer@0abcdef0"],
        ["gpu-1", "trainer@1abcdef0"],
    ]


@pytest.mark.parametrize("values", [{}, {"n": 1}])
def test_cells_that_their_values_do_not_tell_apart_show_their_names(values: dict[str, int]) -> None:
    cells = [a_cell(name, values=values) for name in ("control", "control-2")]
    made = summarise(a_plan(*cells), [], units={}, complete=False, started="", finished="")
    rows = table(matrix_markdown(made))
    assert [row.split()[1] for row in rows] == ["cell", "---------", "control", "control-2"]


def test_a_matrix_that_runs_says_so() -> None:
    text = matrix_markdown(small(complete=False, verdict="", reason="1 of 2 trials are done"))
    assert text.startswith("# demo: running\n\n**running**: 1 of 2 trials are done\n")


def test_no_cell_at_all() -> None:
    made = summarise(a_plan(), [], units={}, complete=True, started="", finished="")
    assert matrix_markdown(made).startswith("# demo: inconclusive\n")


def test_failed_trials_are_listed_up_to_a_bound() -> None:
    text = matrix_markdown(huge_summary(60))
    assert sum(line.startswith("- `cell-") for line in text.splitlines()) == 50
    assert "And 10 more: trials.csv has them all." in text
    assert max(map(len, text.splitlines())) < 900


def test_only_some_metrics_get_a_column() -> None:
    cell = a_cell("one")
    units = {f"m{at}": "" for at in range(9)}
    made = summarise(a_plan(cell), [a_result(cell, 0)], units=units, complete=True, started="", finished="")
    text = matrix_markdown(made)
    assert "m5" in table(text)[0]
    assert "m6" not in table(text)[0]
    assert "3 more metrics in cells.csv." in text


def test_a_cut_is_at_the_end_of_a_row_and_says_where_the_rest_is() -> None:
    summary = huge_summary(3000)
    whole = table(matrix_markdown(summary))
    text, cut = bounded_markdown(summary, location="s3://b/r", limit=60_000)
    assert cut
    assert len(text.encode()) <= 60_000
    rows = table(text)
    assert len(rows) > 500
    assert [row.split() for row in rows[2:]] == [row.split() for row in whole[2 : len(rows)]]
    assert f"**Truncated**: the first {len(rows) - 2} of 3000 cells; cells.csv in `s3://b/r` has them all." in text
    assert bounded_markdown(small(), location="", limit=60_000) == (matrix_markdown(small()), False)


def test_a_trial_without_a_message() -> None:
    cell = a_cell("one")
    made = summarise(
        a_plan(cell), [a_result(cell, 0, Outcome.CANCELLED)], units={}, complete=True, started="", finished=""
    )
    assert matrix_markdown(made).endswith("- `one` trial 0, attempt 0: **Cancelled**, log `triage/demo/logs/c/0/p`\n")


def test_what_is_expected_has_a_column_where_it_is_not_all_success_and_says_where_it_is_not_met() -> None:
    assert [[part.strip() for part in row.split("|")[1:-1]] for row in table(matrix_markdown(expecting()))] == [
        ["mitigation", "lr", "done", "failed", "failure rate", "expect"],
        ["-------------", "---", "---:", "-----:", "-----------:", "-------------"],
        ["none", "-", "2/2", "1", "50 %", "any"],
        ["ring", "-", "2/2", "2", "100 %", "fail"],
        ["tree", "0.1", "2/2", "1", "50 %", "fail: not met"],
        ["tf32-off+ring", "0.2", "2/2", "0", "0 %", "success"],
    ]


def test_what_could_not_be_decided_is_open_only_once_it_is_done() -> None:
    lost, running = a_cell("lost", values={"n": 1}), a_cell("runs", values={"n": 2}, expect="fail")
    results = [a_result(lost, 0, Outcome.NODE_LOST), a_result(running, 0, None)]
    made = summarise(a_plan(lost, running), results, units={}, complete=False, started="", finished="")
    assert [row.split("|")[5].strip() for row in table(matrix_markdown(made))[2:]] == ["success: open", "fail"]


def test_a_matrix_where_all_succeed_as_expected_has_no_column_for_it() -> None:
    assert "expect" not in matrix_markdown(small())
    cell = a_cell("one")
    running = summarise(a_plan(cell), [a_result(cell, 0, None)], units={}, complete=False, started="", finished="")
    assert "expect" not in matrix_markdown(running)


def test_failed_trials_that_nobody_expected_come_first() -> None:
    failed = [line for line in matrix_markdown(expecting()).splitlines() if line.startswith("- ")]
    assert failed == [
        "- `works` trial 0, attempt 0: **UnexpectedExit** `works said so`, log `triage/demo/logs/c/0/p`",
        "- `hangs` trial 0, attempt 0: **Timeout** (as expected) `hangs said so`, log `triage/demo/logs/c/0/p`",
        "- `fails` trial 0, attempt 0: **UnexpectedExit** (as expected) `fails said so`, log `triage/demo/logs/c/0/p`",
        "- `fails` trial 1, attempt 0: **OOMKilled** (as expected) `fails said so`, log `triage/demo/logs/c/0/p`",
    ]


def test_names_that_the_user_gave_are_shown_although_values_tell_the_cells_apart() -> None:
    rows = table(matrix_markdown(expecting(named=True)))
    assert [row.split()[1] for row in rows] == ["cell", "-----", "hangs", "fails", "works", "fixed"]
    assert "hangs" not in "".join(table(matrix_markdown(expecting())))


def test_a_suspended_matrix_says_so_until_it_is_complete() -> None:
    text = matrix_markdown(expecting(complete=False, suspended=True))
    assert text.startswith("# demo: suspended\n\n**suspended**: 8 of 8 trials are done\n")
    assert matrix_markdown(expecting(suspended=True)).startswith("# demo: fail\n")


def cells_of(text: str) -> list[list[str]]:
    return [[part.strip() for part in row.split("|")[1:-1]] for row in table(text)]


def test_a_row_has_failures_in_numbers_and_as_the_rate_that_is_judged() -> None:
    lost, third = a_cell("lost", trials=2, values={"n": 1}), a_cell("third", trials=3, values={"n": 2})
    waits, stumbled = a_cell("waits", values={"n": 3}), a_cell("stumbled", values={"n": 4})
    results = [
        *(a_result(lost, trial, Outcome.NODE_LOST) for trial in range(2)),
        *(a_result(third, trial, Outcome.TIMEOUT if trial else Outcome.SUCCEEDED) for trial in range(3)),
        replace(a_result(stumbled, 0), stumbled=True),
    ]
    made = summarise(a_plan(lost, third, waits, stumbled), results, units={}, complete=True, started="", finished="")
    text = matrix_markdown(made)
    assert [row[:4] for row in cells_of(text)] == [
        ["n", "done", "failed", "failure rate"],
        ["---", "---:", "-----:", "-----------:"],
        ["1", "2/2", "2", "-"],
        ["2", "3/3", "2", "66.7 %"],
        ["3", "0/1", "0", "-"],
        ["4", "1/1", "0", "100 %"],
    ]
    assert "Failure rate: of trials that ended by the workload's doing, retries that failed among them." in text
    assert "Failure rate:" not in matrix_markdown(expecting())


def test_a_row_has_what_the_ratio_rule_says_of_its_cell_and_the_baseline_is_marked() -> None:
    cells = [a_cell(name, values={"n": at}) for at, name in enumerate(("slow", "base", "alike", "unknown", "new"))]
    made = summarise(a_plan(*cells), [], units={}, complete=True, started="", finished="")
    readings = (
        ConfoundReading("slow", "base", "ms", 1.3, "speed (+30%)", "shown"),
        ConfoundReading("base", "base", "ms", 1.0, "none", ""),
        ConfoundReading("alike", "base", "ms", 1.0, "none", "excluded"),
        ConfoundReading("unknown", "base", "ms", None, "n/a", ""),
    )
    text = matrix_markdown(replace(made, judgement=Judgement(baseline="base", confounds=readings)))
    assert [row[-1] for row in cells_of(text) if row[0] != "---"] == [
        "confound",
        "speed (+30%)",
        "baseline",
        "none",
        "n/a",
        "-",
    ]


def test_a_baseline_that_nothing_can_be_held_against_says_so() -> None:
    cells = [a_cell(name, values={"n": at}) for at, name in enumerate(("base", "other"))]
    made = summarise(a_plan(*cells), [], units={}, complete=True, started="", finished="")
    readings = tuple(ConfoundReading(cell.name, "base", "ms", None, "n/a", "") for cell in cells)
    warning = "baseline base has no usable ms: no cell can be checked for being only slower"
    judgement = Judgement(baseline="base", confounds=readings, warnings=(warning,))
    text = matrix_markdown(replace(made, judgement=judgement))
    assert [row[-1] for row in cells_of(text)[2:]] == ["baseline: n/a", "n/a"]
    assert f"**Warning**: {warning}" in text


@pytest.mark.parametrize("label", ["none", ""])
def test_where_the_ratio_rule_has_nothing_to_say_there_is_no_column_for_it(label: str) -> None:
    readings = (ConfoundReading("c1", "c1", "ms", 1.0, "none", ""), ConfoundReading("c2", "c1", "ms", 1.0, label, ""))
    judged = small(judgement=Judgement(baseline="c1", confounds=readings if label else ()))
    assert "confound" not in matrix_markdown(judged)
    assert "confound" not in matrix_markdown(small())


def test_values_of_failed_trials_in_a_mean_are_counted_under_the_table() -> None:
    cells = [a_cell(name, trials=3) for name in ("good", "bad")]
    ends = {"good": [Outcome.SUCCEEDED] * 3, "bad": [Outcome.SUCCEEDED, Outcome.UNEXPECTED_EXIT, Outcome.NODE_LOST]}
    results = [
        a_result(cell, trial, outcome, metrics=[MetricValue("ms", "mean", 4.0 + trial, 1)])
        for cell in cells
        for trial, outcome in enumerate(ends[cell.name])
    ]
    made = summarise(a_plan(*cells), results, units={"ms": "ms"}, complete=True, started="", finished="")
    line = "count in these means and in no comparison or gate: `bad` `ms` 2 of 3."
    assert line in matrix_markdown(made)
    again = replace(made, trials=(replace(made.trials[0], stumbled=True), *made.trials[1:]))
    assert "gate: `good` `ms` 1 of 3, `bad` `ms` 2 of 3." in matrix_markdown(again)
    sound = replace(made, cells=made.cells[:1], trials=made.trials[:3])
    assert "these means" not in matrix_markdown(sound)


def test_only_some_means_with_failed_trials_are_named() -> None:
    cells = [a_cell(f"c{at}") for at in range(15)]
    results = [a_result(each, 0, Outcome.TIMEOUT, metrics=[MetricValue("ms", "mean", 4.0, 1)]) for each in cells]
    made = summarise(a_plan(*cells), results, units={"ms": "ms"}, complete=True, started="", finished="")
    assert "`c11` `ms` 1 of 1 and 3 more." in matrix_markdown(made)


def test_a_failure_rate_shows_where_every_trial_passed_in_the_end() -> None:
    cell, other = a_cell("again", trials=2, values={"n": 1}), a_cell("waits", values={"n": 2})
    results = [replace(a_result(cell, trial, attempts=2), stumbled=trial == 0) for trial in range(2)]
    results.append(replace(a_result(other, 0, None), stumbled=True))
    made = summarise(a_plan(cell, other), results, units={}, complete=False, started="", finished="")
    text = matrix_markdown(made)
    rows = cells_of(text)
    assert [rows[0][:3], *(row[:3] for row in rows[2:])] == [
        ["n", "done", "failure rate"],
        ["1", "2/2", "50 %"],
        ["2", "0/1", "100 %"],
    ]
    assert "Failure rate: of trials that ended by the workload's doing, retries that failed among them." in text


def test_one_is_singular() -> None:
    cell = a_cell("alone", values={"n": 1})
    made = summarise(a_plan(cell), [a_result(cell, 0)], units={}, complete=True, started="", finished="")
    text = matrix_markdown(made)
    assert "1 cell, 1 of 1 trial done, 1 succeeded, 0 failed  \nGeneration 1, 1 attempt\n" in text
    assert "Nodes: gpu-1 (1 cell)" in text
