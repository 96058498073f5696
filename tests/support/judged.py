"""Judged summaries for the tests of what people see: a triage, a hostile one, a single cell, many, one with nothing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import scipy.stats

from batchmatrix.model.cell import Cell, Scalar
from batchmatrix.model.evidence import Outcome
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
from batchmatrix.model.summary import Summary, TrialResult
from batchmatrix.summarise.summary import summarise
from tests.support.records import a_cell, a_log, a_plan, a_result
from tests.support.summaries import HOSTILE

__all__ = ["JUDGED", "RULES", "a_comparison", "hostile", "many", "nothing", "one_cell", "triage", "unfinished"]

METRIC = "step_time_ms"
_GATE = "no slower than 10 %"
RULES = JudgingRules(
    metrics=(MetricRule(METRIC, unit="ms", direction="lower"), MetricRule("loss", scale="linear", direction="lower")),
    compare=CompareRule(metrics=(METRIC, "loss")),
    confound=ConfoundRule(metric=METRIC),
    checks=(CheckRule(METRIC, max=15.0),),
    gates=(GateRule(_GATE, METRIC, max=Limit(0.10, relative=True, text="+10 %")),),
)
_STARTED, _FINISHED = "2026-11-22T07:00:05Z", "2026-11-22T07:41:09Z"
_JITTER = (-0.011, 0.006, 0.014, -0.004, -0.007)
"""Spread of five trials around their cell's own level, as shares."""

_HANG = "still running 1200 s after its start; look for a hang at the end of its log, or raise the cell's timeout"


def a_comparison(cell: str, word: Word, **changes: Any) -> Comparison:
    """A comparison of step times with cell `none`, without numbers unless they are given."""
    made = Comparison(
        cell=cell, baseline="none", metric=METRIC, unit="ms", word=word, reasons=("test",), text=f"{word}", n=5, n0=5
    )
    return replace(made, **changes)


def _metrics(*, step: float | None, loss: float) -> list[MetricValue]:
    if step is None:
        return []
    return [MetricValue(METRIC, "mean", step, 190, unit="ms"), MetricValue("loss", "latest", loss, 200)]


def _logs(cell: Cell, trial: int) -> Any:
    return a_log(key=f"triage/demo/6f1c/logs/{cell.name}/{trial}/pod-{cell.name}-{trial}")


def _clock(minutes: float) -> str:
    return f"2026-11-22T{7 + int(minutes) // 60:02d}:{int(minutes) % 60:02d}:{int(minutes * 60) % 60:02d}Z"


_TRIAGE: dict[tuple[str, str], tuple[float, int]] = {
    ("none", "h100"): (12.4, 5),
    ("ring", "h100"): (12.5, 0),
    ("tree", "h100"): (12.3, 2),
    ("slow", "h100"): (16.1, 0),
    ("none", "mi300x"): (14.0, 0),
    ("ring", "mi300x"): (14.05, 0),
    ("tree", "mi300x"): (14.6, 0),
    ("slow", "mi300x"): (18.3, 0),
}
"""Step time in ms and failed trials of five: on one hardware the baseline hangs, on the other it does not."""


def triage() -> Summary:
    """4 mitigations x 2 hardwares x 5 trials: one fixes the hang, one is slower by 30 %, one equal, one unclear."""
    cells: list[Cell] = []
    results: list[TrialResult] = []
    for at, ((mitigation, hardware), (step, hangs)) in enumerate(_TRIAGE.items()):
        expect = "any" if mitigation == "none" else "success"
        values: dict[str, Scalar] = {"mitigation": mitigation, "hardware": hardware, "precision": "bf16"}
        cell = a_cell(f"{mitigation}-{hardware}", trials=5, expect=expect, values=values)
        cells.append(cell)
        for trial in range(5):
            hung = trial >= 5 - hangs
            spread = 6 if mitigation == "tree" and hardware == "mi300x" else 1
            value = step * (1 + spread * _JITTER[(trial + at) % 5])
            start = trial * 8 + at * 0.9
            results.append(
                a_result(
                    cell,
                    trial,
                    Outcome.TIMEOUT if hung else Outcome.SUCCEEDED,
                    attempts=2 if at == 6 and trial == 3 else 1,
                    exit_code=137 if hung else 0,
                    message=_HANG if hung else "",
                    metrics=_metrics(step=None if hung else value, loss=0.5 + 0.002 * _JITTER[trial]),
                    node=f"{hardware}-{trial % 2}",
                    image="registry.example/team/trainer:cuda-12"
                    if hardware == "h100"
                    else "registry.example/t/trainer:rocm-6",
                    image_digest=f"registry.example/team/trainer@sha256:{'ab' * 32}",
                    log=_logs(cell, trial),
                    started=_clock(start),
                    finished=_clock(start + (20 if hung else 1)),
                    run_seconds=1200.0 if hung else 60.0,
                )
            )
    made = summarise(
        a_plan(*cells, generation=3),
        results,
        units={METRIC: "ms", "loss": ""},
        complete=True,
        started=_STARTED,
        finished=_FINISHED,
    )
    pairs = {f"{m}-{h}": f"none-{h}" for m, h in _TRIAGE if m != "none"}
    return replace(made, judgement=_judged(made, pairs))


def _finding(kind: str, name: str, cell: str, status: str, text: str, *, severity: str = "fail") -> Finding:
    return Finding(kind, name, cell, METRIC, status, severity, text, "test")


def _judged(summary: Summary, pairs: Mapping[str, str]) -> Judgement:
    comparisons: list[Comparison] = []
    counts = {cell.name: (cell.failed, cell.done) for cell in summary.cells}
    values: dict[tuple[str, str], list[float]] = {}
    for trial in summary.trials:
        for value in trial.record.log.metrics if trial.record is not None else ():
            values.setdefault((trial.cell, value.name), []).append(value.value or 0.0)
    for cell, baseline in pairs.items():
        comparisons.append(_failures(counts, cell, baseline, len(pairs)))
        comparisons += [_change(values, cell, baseline, rule, len(pairs)) for rule in RULES.metrics]
    slow = [one.cell for one in comparisons if one.word is Word.SLOWER]
    return Judgement(
        headline=", ".join(f"{count} {word}" for word, count in Counter(one.word for one in comparisons).items()),
        baseline="",
        comparisons=tuple(comparisons),
        confounds=tuple(
            ConfoundReading(cell, baseline, METRIC, 1.307, "speed (+31%)", "shown")
            if cell in slow
            else ConfoundReading(cell, baseline, METRIC, 1.0, "none", "excluded")
            for cell, baseline in pairs.items()
        ),
        findings=(
            _finding("check", METRIC, "ring-h100", "pass", "step_time_ms at most 15: largest 12.7"),
            _finding("check", METRIC, "slow-h100", "fail", "step_time_ms at most 15: trial 2 has 16.3"),
            _finding("gate", _GATE, "tree-mi300x", "inconclusive", "at most +10 %: [-3.6, +12.0] holds the limit"),
            _finding("gate", _GATE, "slow-mi300x", "fail", "at most +10 %: [+28.8, +32.7]", severity="warn"),
        ),
        warnings=("the baseline of h100 has no trial that succeeded, so times are not compared there",),
    )  # fmt: skip


def _failures(counts: Mapping[str, tuple[int, int]], cell: str, baseline: str, m: int) -> Comparison:
    (k, n), (k0, n0) = counts[cell], counts[baseline]
    table = (k0, k), (n0 - k0, n - k)
    p = 1.0 if k + k0 in (0, n + n0) else _boschloo(table)
    p_holm = min(1.0, p * m)
    word = Word.NO_EVIDENCE if p_holm > 0.05 else Word.FIXES if k < k0 else Word.BREAKS
    return Comparison(
        cell, baseline, FAILURES, "", word, ("test",),
        f"fails {k} of {n} v {k0} of {n0} · {word} · p {p_holm:.2g} (Holm, {m} cells)",
        n=n, n0=n0, failed=k, failed0=k0, m=m, estimate=k / n - k0 / n0, p=p, p_holm=p_holm,
        rate=_wilson(k, n), rate0=_wilson(k0, n0), scale="linear", method="boschloo",
    )  # fmt: skip


@cache
def _boschloo(table: tuple[tuple[int, int], tuple[int, int]]) -> float:
    return float(scipy.stats.boschloo_exact(table).pvalue)


@cache
def _wilson(k: int, n: int) -> tuple[float, float]:
    interval = scipy.stats.binomtest(k, n).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def _change(
    values: Mapping[tuple[str, str], Sequence[float]], cell: str, baseline: str, rule: MetricRule, m: int
) -> Comparison:
    ours, theirs = values.get((cell, rule.name), []), values.get((baseline, rule.name), [])
    base = Comparison(
        cell, baseline, rule.name, rule.unit, Word.NOT_COMPARABLE, ("few-trials",),
        f"not comparable · n {len(ours)} v {len(theirs)} · times not compared: too few trials succeeded",
        n=len(ours), n0=len(theirs), m=m, scale=rule.scale, margin=0.05 if rule.scale == "log" else 0.01,
    )  # fmt: skip
    if min(len(ours), len(theirs)) < 3:
        return base
    log = rule.scale == "log"
    y, y0 = ([math.log(v) for v in vs] if log else list(vs) for vs in (ours, theirs))
    test = scipy.stats.ttest_ind(y, y0, equal_var=False)
    back = math.expm1 if log else float
    low, high = (back(float(end)) for end in test.confidence_interval(0.95))
    low90, high90 = (back(float(end)) for end in test.confidence_interval(0.90))
    estimate = back(math.fsum(y) / len(y) - math.fsum(y0) / len(y0))
    margin = base.margin or 0.0
    shown = float(test.pvalue) * m <= 0.05
    word = Word.NO_EVIDENCE
    if -margin < low90 and high90 < margin:
        word = Word.EQUIVALENT
    elif shown:
        up, down = (Word.SLOWER, Word.FASTER) if log else (Word.WORSE, Word.BETTER)
        word = up if estimate > 0 else down
    factor, unit = (100, " %") if log else (1, "")
    effect = f"{estimate * factor:+.1f}{unit} [{low * factor:+.1f}, {high * factor:+.1f}]"
    p_holm = min(1.0, float(test.pvalue) * m)
    shown_p = "<0.001" if p_holm < 0.001 else f"{p_holm:.2g}"
    text = f"{effect} · {word} · n {len(ours)} v {len(theirs)} · p {shown_p} (Holm, {m} cells)"
    return replace(
        base, word=word, text=text, estimate=estimate, low=low, high=high, low90=low90, high90=high90,
        p=float(test.pvalue), p_holm=p_holm, method="welch",
    )  # fmt: skip


def one_cell() -> Summary:
    """One cell of one trial, and nothing to compare it with."""
    cell = a_cell("only", values={"mitigation": "none"})
    result = a_result(cell, 0, metrics=_metrics(step=12.0, loss=0.5))
    made = summarise(
        a_plan(cell), [result], units={METRIC: "ms", "loss": ""}, complete=True, started=_STARTED, finished=_FINISHED
    )
    return replace(made, judgement=Judgement(headline="nothing to compare: there is no baseline"))


@cache
def many(
    cells: int = 200, trials: int = 3, *, names: str = "mitigation-nccl-algo-ring-protocol-simple-batch-{}"
) -> Summary:
    """Cells with long names; each seventh fails once, and effects run from faster by half to slower by half."""
    made_cells = [
        a_cell("none" if at == 0 else names.format(at), trials=trials, values={"variant": at // 10, "batch": at % 10})
        for at in range(cells)
    ]
    results = []
    for at, cell in enumerate(made_cells):
        level = 12 * (0.7 + 0.6 * (at * 37 % cells) / cells)
        for trial in range(trials):
            bad = trial == 1 and at % 7 == 3
            step = None if bad else level * (1 + _JITTER[trial % 5])
            results.append(
                a_result(
                    cell,
                    trial,
                    Outcome.UNEXPECTED_EXIT if bad else Outcome.SUCCEEDED,
                    exit_code=3 if bad else 0,
                    message="exit code 3: NaN in loss; the end of its log says more" if bad else "",
                    metrics=_metrics(step=step, loss=0.5 + at / 1000 + trial / 10_000),
                    started=_clock(trial * 30 + at * 0.1),
                    log=_logs(cell, trial),
                )
            )
    made = summarise(
        a_plan(*made_cells, generation=2),
        results,
        units={METRIC: "ms", "loss": ""},
        complete=True,
        started=_STARTED,
        finished=_FINISHED,
    )
    return replace(made, judgement=_judged(made, {cell.name: "none" for cell in made_cells[1:]}))


def unfinished() -> Summary:
    """Nothing has finished yet, so nothing is judged."""
    cells = [a_cell(name, trials=2, values={"mitigation": name}) for name in ("none", "ring")]
    results = [a_result(cell, 0, None) for cell in cells]
    return summarise(
        a_plan(*cells), results, units={METRIC: "ms"}, complete=False, started=_STARTED, finished="", suspended=False
    )


def nothing() -> Summary:
    """Complete without one trial that gave anything: the nodes were lost."""
    cells = [a_cell(name, trials=1, values={"mitigation": name}) for name in ("none", "ring")]
    results = [
        a_result(cell, 0, Outcome.NODE_LOST, exit_code=None, message="lost with its node", started="", finished="")
        for cell in cells
    ]
    made = summarise(a_plan(*cells), results, units={METRIC: "ms"}, complete=True, started=_STARTED, finished=_FINISHED)
    lacking = a_comparison("ring", Word.NOT_COMPARABLE, n=0, n0=0, text="not comparable · n 0 v 0")
    return replace(made, judgement=Judgement(headline="1 not comparable", comparisons=(lacking,)))


def hostile(extra: Iterable[str] = ()) -> Summary:
    """A text that attacks the reader in every place that holds a text; `extra` texts beside it."""
    bad = HOSTILE + "<script>alert(1)</script>${{7*7}}{{7*7}}{% raw %}$x^2$" + "".join(extra)
    cells = [a_cell(f"{bad}{at}", trials=2, values={f"axis {bad}": f"{bad}{at}", "n": at}) for at in range(3)]
    results = [
        a_result(
            cell,
            trial,
            Outcome.UNEXPECTED_EXIT if trial else Outcome.SUCCEEDED,
            node=bad, image=bad, image_digest=bad, pod=bad, job=bad, message=bad, reason=bad, writer=bad,
            log=a_log(key=bad, parser=bad, message=bad),
            metrics=[MetricValue(bad, "latest", 2.0 + at + trial, 1, unit=bad)],
        )
        for at, cell in enumerate(cells)
        for trial in range(2)
    ]  # fmt: skip
    made = summarise(a_plan(*cells), results, units={bad: bad}, complete=True, started=bad, finished=bad)
    comparisons = [
        a_comparison(
            cell.name, Word.SLOWER, baseline=cells[0].name, metric=metric, unit=bad, text=bad, reasons=(bad,),
            estimate=0.2, low=0.1, high=5.0, low90=0.15, high90=3.0, margin=0.05, rate=(0.1, 0.9), rate0=(0.0, 0.5),
            failed=1, n=2, n0=2, method=bad, confounded=(bad,),
        )
        for cell in cells[1:]
        for metric in (FAILURES, bad)
    ]  # fmt: skip
    finding = Finding(bad, bad, cells[0].name, bad, "fail", "warn", bad, bad, maximum=Limit(1.0, text=bad))
    judgement = Judgement(
        headline=bad,
        baseline=cells[0].name,
        comparisons=tuple(comparisons),
        confounds=(ConfoundReading(cells[1].name, cells[0].name, bad, 1.4, bad, bad),),
        findings=(finding,),
        warnings=(bad,),
    )
    return replace(made, reason=bad, namespace=bad, name=bad, uid=bad, judgement=judgement)


JUDGED = {
    "triage": triage,
    "hostile": hostile,
    "one_cell": one_cell,
    "many": many,
    "unfinished": unfinished,
    "nothing": nothing,
}
"""All of them by name."""
