"""Records in, summary out."""

from __future__ import annotations

import random
from dataclasses import replace

from batchmatrix.model.evidence import LogState, Outcome
from batchmatrix.model.metric import MetricValue
from batchmatrix.model.summary import Summary, TrialResult
from batchmatrix.summarise.summary import summarise
from tests.support.records import MATRIX, a_cell, a_log, a_plan, a_result

FAST = a_cell("fast", trials=3, values={"mitigation": "none", "batch_size": 8})
SLOW = a_cell("slow", trials=2, values={"mitigation": "tf32-off", "batch_size": 8})


def ms(value: float | None) -> list[MetricValue]:
    return [MetricValue("loss", "latest", 0.5, 1), MetricValue("step_time_ms", "mean", value, 9, unit="ms")]


def results() -> list[TrialResult]:
    return [
        a_result(FAST, 0, metrics=ms(10.0), node="b", image="x:1"),
        a_result(FAST, 1, Outcome.UNEXPECTED_EXIT, attempts=2, metrics=ms(14.0), node="a", exit_code=3, message="boom"),
        a_result(FAST, 2, Outcome.LOG_LOST, node="a", log=a_log(LogState.LOST), message="no log"),
        a_result(SLOW, 0, metrics=ms(None)),
        a_result(SLOW, 1, None),
    ]


def summary(trials: list[TrialResult], *, complete: bool = False) -> Summary:
    return summarise(
        a_plan(FAST, SLOW),
        trials,
        units={"step_time_ms": "ms"},
        complete=complete,
        started="2026-11-22T07:00:05Z",
        finished="",
    )


def test_a_cell_counts_the_last_attempts_of_its_trials() -> None:
    fast, slow = summary(results()).cells
    assert (fast.name, fast.hash, fast.values) == ("fast", FAST.hash, FAST.values)
    assert (fast.trials, fast.done, fast.succeeded, fast.failed, fast.attempts) == (3, 3, 1, 2, 4)
    assert fast.outcomes == {"Succeeded": 1, "UnexpectedExit": 1, "LogLost": 1}
    assert fast.exit_codes == {"0": 1, "1": 1, "3": 1}
    assert fast.logs == {"complete": 3, "lost": 1}  # of all four attempts
    assert (fast.nodes, fast.images) == (("a", "b"), ("trainer:1", "x:1"))
    assert fast.message == "boom"
    assert (slow.trials, slow.done, slow.failed, slow.message) == (2, 1, 0, "")


def test_logs_are_counted_over_all_attempts_also_those_of_trials_that_go_on() -> None:
    lost, cut = LogState.LOST, LogState.TRUNCATED
    trials = [a_result(FAST, 0, attempts=3, earlier=[lost, cut]), a_result(FAST, 1, None, attempts=2, earlier=[lost])]
    fast = summary(trials).cells[0]
    assert fast.logs == {"complete": 1, "truncated": 1, "lost": 2}
    assert fast.done == 1


def test_a_metric_is_taken_over_trials_and_shows_how_many_gave_one() -> None:
    fast, slow = summary(results()).cells
    (metric,) = fast.metrics
    assert (metric.name, metric.unit, metric.n, metric.mean, metric.min, metric.max) == (
        "step_time_ms",
        "ms",
        2,
        12.0,
        10.0,
        14.0,
    )
    assert slow.metrics[0].n == 0
    assert slow.metrics[0].mean is None


def test_a_value_that_is_no_finite_number_is_left_out() -> None:
    trials = [a_result(FAST, 0, metrics=ms(float("inf"))), a_result(FAST, 1, metrics=ms(4.0))]
    (metric,) = summary(trials).cells[0].metrics
    assert (metric.n, metric.mean) == (1, 4.0)


def test_the_order_is_the_plans_whatever_order_results_come_in() -> None:
    shuffled = results()
    random.Random(7).shuffle(shuffled)
    assert shuffled != results()
    assert summary(shuffled) == summary(results())
    assert [(result.cell, result.trial) for result in summary(shuffled).trials] == [
        ("fast", 0),
        ("fast", 1),
        ("fast", 2),
        ("slow", 0),
        ("slow", 1),
    ]


def test_what_the_plan_does_not_hold_is_left_out() -> None:
    gone = a_cell("gone", trials=1)
    more = [a_result(gone, 0, Outcome.TIMEOUT), a_result(FAST, 3, Outcome.TIMEOUT)]
    assert summary([*results(), *more]) == summary(results())


def test_the_whole() -> None:
    made = summary(results())
    assert (made.namespace, made.name, made.uid, made.generation) == (MATRIX.namespace, MATRIX.name, MATRIX.uid, 1)
    assert (made.complete, made.verdict, made.reason) == (False, "", "4 of 5 trials are done")
    assert summary(results(), complete=True).verdict == "fail"


def test_failure_rates_leave_out_what_others_ended() -> None:
    ends = [Outcome.SUCCEEDED, Outcome.TIMEOUT, Outcome.NODE_LOST]
    made = summary([a_result(FAST, trial, end) for trial, end in enumerate(ends)])
    assert made.cells[0].failure_rate == 0.5
    assert made.cells[1].failure_rate is None
    nobody = summary([a_result(FAST, 0, Outcome.NODE_LOST)])
    assert nobody.cells[0].failure_rate is None


def test_a_trial_that_passed_on_a_retry_has_failed() -> None:
    first, second = a_result(FAST, 0), a_result(FAST, 1)
    assert summary([first, replace(second, stumbled=True)]).cells[0].failure_rate == 0.5
    lost = a_result(FAST, 2, Outcome.NODE_LOST)
    assert summary([first, replace(lost, stumbled=True)]).cells[0].failure_rate == 0.5


def test_gpu_seconds_are_summed_as_far_as_they_are_known() -> None:
    made = summary([a_result(FAST, 0, gpu_seconds=1.5), a_result(FAST, 1, gpu_seconds=None), a_result(FAST, 2)])
    assert made.cells[0].gpu_seconds == 61.5
    assert summary([a_result(FAST, 0, gpu_seconds=None)]).cells[0].gpu_seconds is None


def test_wall_clock_time_is_that_of_last_attempts_whatever_came_of_them() -> None:
    ends = [
        a_result(FAST, 0, run_seconds=1.0),
        a_result(FAST, 1, Outcome.TIMEOUT, attempts=3, run_seconds=2.5),
        a_result(FAST, 2, Outcome.NODE_LOST, run_seconds=None),
        a_result(SLOW, 0, run_seconds=float("nan")),
        a_result(SLOW, 1, None),
    ]
    fast, slow = summary(ends).cells
    assert (fast.mean_run_seconds, slow.mean_run_seconds) == (1.75, None)
    assert (
        summary([a_result(FAST, trial, run_seconds=1.7e308) for trial in range(3)]).cells[0].mean_run_seconds == 1.7e308
    )


def test_why_results_are_missing_is_kept_for_those_who_judge() -> None:
    for complete, wanted in ((True, "cancelled"), (False, "")):
        made = summarise(a_plan(FAST), [], units={}, complete=complete, started="", finished="", stopped="cancelled")
        assert made.stopped == wanted
