"""A judged summary in which every field has a value that is not its default, with figures made up by hand."""

from __future__ import annotations

from dataclasses import replace

from batchmatrix.model.evidence import HoldRequest, Outcome
from batchmatrix.model.judging import (
    FAILURES,
    CheckRule,
    CompareRule,
    Comparison,
    ConfoundReading,
    ConfoundRule,
    Finding,
    GateRule,
    Judgement,
    JudgingRules,
    Limit,
    MetricRule,
    Word,
)
from batchmatrix.model.metric import MetricValue
from batchmatrix.model.summary import Summary
from batchmatrix.summarise.summary import summarise
from tests.support.records import a_cell, a_log, a_plan, a_result

__all__ = ["RULES", "judged_summary"]

PLUS_5 = Limit(0.05, relative=True, text="+5%")
LEAST = Limit(1.0, text="1")

RULES = JudgingRules(
    metrics=(MetricRule("step_time_ms", "ms", "lower", "log", required=True), MetricRule("loss", scale="linear")),
    labels={"mode": "baseline"},
    pairs=(("tf32-off", "none"),),
    baseline="none",
    compare=CompareRule(("step_time_ms",), 0.01, 0.025, 5, allow_confounded=True, aa_control=True),
    confound=ConfoundRule("step_time_ms", 1.3),
    checks=(
        CheckRule("loss", min=-1.5, max=0.5, when={"mode": frozenset({"baseline", "other"})}),
        CheckRule("loss", max=9.0, severity="warn"),
    ),
    gates=(
        GateRule("no-slower", "step_time_ms", max=PLUS_5, when={"mitigation": frozenset({"tf32-off"})}),
        GateRule("alive", "step_time_ms", min=LEAST, severity="warn"),
    ),
    order="cells",
)

_COMPARISONS = (
    Comparison(
        cell="tf32-off",
        baseline="none",
        metric=FAILURES,
        unit="",
        word=Word.FIXES,
        reasons=("fails-less",),
        text="fails less: 0 of 3 v 2 of 3",
        n=3,
        n0=3,
        failed=0,
        failed0=2,
        m=1,
        estimate=-2 / 3,
        p=0.03,
        p_holm=0.03,
        rate=(0.0, 0.56),
        rate0=(0.21, 0.94),
        method="boschloo-holm",
    ),
    Comparison(
        cell="tf32-off",
        baseline="none",
        metric="step_time_ms",
        unit="ms",
        word=Word.SLOWER,
        reasons=("difference-shown", "confounded-node"),
        text="+7.1 % [+4.0, +10.2] · slower · n 3 v 3 · p 0.004 (Holm, 1 cell)",
        n=3,
        n0=3,
        m=1,
        estimate=0.071,
        low=0.04,
        high=0.102,
        low90=0.045,
        high90=0.097,
        p=0.004,
        p_holm=0.004,
        p_equivalence=0.8,
        p_equivalence_holm=0.8,
        margin=0.025,
        sd_trial=0.01,
        smallest_effect80=0.03,
        trials_for_margin=5,
        method="welch-log-holm",
        confounded=("node",),
        trials=(0, 1, 2),
        trials0=(0, 2),
    ),
)
_FINDINGS = (
    Finding(
        kind="check",
        name="-1.5 <= loss <= 0.5",
        cell="none",
        metric="loss",
        status="fail",
        severity="fail",
        text="cell none, trial 1: loss 0.75 > 0.5 (1 of 3 trials)",
        reason="violated",
        actual=0.75,
        low=0.25,
        high=0.75,
        minimum=Limit(-1.5, text="-1.5"),
        maximum=Limit(0.5, text="0.5"),
    ),
    Finding("check", "-1.5 <= loss <= 0.5", "tf32-off", "loss", "pass", "fail", "cell tf32-off: kept", "kept", 0.25),
    Finding("check", "loss <= 9", "", "loss", "inconclusive", "warn", "it fits no cell", "no-cell"),
    Finding(
        kind="gate",
        name="no-slower",
        cell="tf32-off",
        metric="step_time_ms",
        status="inconclusive",
        severity="fail",
        text="cell tf32-off: step_time_ms +7.1% [+4.0%, +10.2%] is on both sides of at most +5%",
        reason="undecided",
        actual=0.071,
        low=0.04,
        high=0.102,
        maximum=PLUS_5,
    ),
    Finding("gate", "alive", "none", "step_time_ms", "fail", "warn", "cell none: it is not", "outside", minimum=LEAST),
)


def judged_summary() -> Summary:
    """Two cells of three trials, one that is still to be decided, and one of which nothing is known."""
    cells = [
        a_cell("none", trials=3, values={"mitigation": "none", "lr": 0.1, "on": True}, expect="any"),
        a_cell("tf32-off", trials=3, values={"mitigation": "tf32-off", "lr": 0.2, "on": False}),
    ]
    metrics = [
        MetricValue("step_time_ms", "mean", 12.5, 190, invalid=2, unit="ms", message="2 values were no numbers"),
        MetricValue("loss", "latest", 0.25, 200),
    ]
    log = a_log(
        parser="9" * 64, message="cut at 1Gi", capped=True, limit="store", hold=HoldRequest(until=1.5, seconds=20.0)
    )
    results = [
        a_result(cells[0], 0, metrics=metrics, log=log, rerun=1, turned=True, pod_reason="Evicted"),
        a_result(cells[0], 1, Outcome.UNEXPECTED_EXIT, exit_code=3, signal=9, message="boom", attempts=2),
        a_result(cells[0], 2, Outcome.NODE_LOST, exit_code=None, run_seconds=None, gpu_seconds=None, hold_until="x"),
        a_result(cells[1], 0, metrics=[replace(metrics[0], value=13.5, invalid=0, message=""), metrics[1]]),
        a_result(cells[1], 2, None, attempts=1, rerun=1),
    ]
    assert results[0].record is not None
    results[0] = replace(results[0], stumbled=True, record=replace(results[0].record, cell="old-name"))
    made = summarise(
        a_plan(*cells, generation=3),
        results,
        units={"step_time_ms": "ms", "loss": ""},
        complete=True,
        started="2026-11-22T07:00:05Z",
        finished="2026-11-22T07:41:09Z",
        stopped="cancelled (token x): 1 trial without a result",
        named=True,
    )
    first = replace(made.cells[0].metrics[0], low=11.5, high=13.5, interval="geometric mean")
    none = replace(made.cells[0], metrics=(first, *made.cells[0].metrics[1:]))
    judgement = Judgement(
        headline="1 fixes, 1 slower",
        baseline="none",
        comparisons=_COMPARISONS,
        confounds=(ConfoundReading("tf32-off", "none", "step_time_ms", 1.08, "none", "possible"),),
        findings=_FINDINGS,
        warnings=("more than half of the cells move the same way",),
    )
    return replace(made, cells=(none, *made.cells[1:]), verdict="fail", reason="1 check failed", judgement=judgement)
