"""Laws of checks, gates and the verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from batchmatrix.model.evidence import Outcome
from batchmatrix.model.exits import recommended_exit
from batchmatrix.model.judging import CheckRule, Finding
from batchmatrix.model.metric import MetricValue
from batchmatrix.summarise.judging.judge import judge
from batchmatrix.summarise.verdict import verdict
from tests.support.judging_cells import MS, gate, rules, summary

ORDER = ("fail", "inconclusive", "pass")
values = st.floats(0.1, 100.0)
missing = st.sampled_from(
    [None, Outcome.SUCCEEDED, Outcome.NODE_LOST, (Outcome.EVICTED, 1.0), MetricValue(MS, "mean", None, 0, invalid=1)]
)
cells = st.fixed_dictionaries(
    {name: st.lists(values | missing, min_size=1, max_size=5) for name in ("base", "fast", "slow")}
)
checks = st.builds(lambda low, high: CheckRule(MS, min=low, max=high), st.none() | values, values)
gates = st.sampled_from(["+5%", "-10%", "50", "1000", "+1000%"]).flatmap(
    lambda text: st.booleans().map(lambda lower: gate(text, lower=lower))
)
findings = st.lists(
    st.builds(
        Finding,
        st.sampled_from(["check", "gate"]),
        st.just("it"),
        st.just("base"),
        st.just(MS),
        st.sampled_from(ORDER),
        st.sampled_from(["fail", "warn"]),
        st.just("as it is"),
        st.just("kept"),
    ),
    max_size=6,
)


@settings(deadline=None)
@given(cells, st.lists(checks, max_size=2), st.lists(gates, max_size=2), st.sampled_from(["log", "linear"]))
def test_missing_data_never_passes(
    trials: dict[str, list[Any]], some: list[CheckRule], others: list[Any], scale: str
) -> None:
    made = judge(summary(trials, expect="any"), rules(*some, *others, scale=scale))
    assert made.judgement is not None
    whole = {name for name, own in trials.items() if all(isinstance(each, float) for each in own)}
    for finding in made.judgement.findings:
        if finding.status == "pass":
            assert finding.cell in whole
            relative = finding.kind == "gate" and any(
                limit is not None and limit.relative for limit in (finding.minimum, finding.maximum)
            )
            assert not relative or "base" in whole
    if made.verdict == "pass":
        assert all(finding.status == "pass" for finding in made.judgement.findings)
        assert recommended_exit(made.verdict, made) == 0
    else:
        assert recommended_exit(made.verdict, made) != 0


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=6), st.sampled_from(["log", "linear"]))
def test_a_mean_lies_in_the_interval_beside_it(found: list[float], scale: str) -> None:
    metric = judge(summary({"base": found}), rules(scale=scale)).cells[0].metrics[0]
    assert (metric.low is None) is (metric.high is None) is (metric.interval == "")
    if metric.low is not None and metric.mean is not None and metric.high is not None:
        assert metric.low <= metric.mean <= metric.high


@settings(deadline=None)
@given(cells, values, values)
def test_a_wider_limit_never_makes_it_worse(trials: dict[str, list[Any]], limit: float, more: float) -> None:
    for one, other in (
        (CheckRule(MS, max=limit), CheckRule(MS, max=limit + more)),
        (CheckRule(MS, min=limit), CheckRule(MS, min=limit - more)),
        (gate(f"{limit:f}"), gate(f"{limit + more:f}")),
        (gate(f"{limit:f}%"), gate(f"{limit + more:f}%")),
    ):
        tight, wide = (judge(summary(trials, expect="any"), rules(rule)) for rule in (one, other))
        assert ORDER.index(wide.verdict) >= ORDER.index(tight.verdict)


@settings(deadline=None)
@given(cells, findings, st.integers(0, 5), st.sampled_from(ORDER))
def test_a_better_finding_never_makes_it_worse(
    trials: dict[str, list[Any]], found: list[Finding], at: int, status: str
) -> None:
    made = summary(trials, expect="any")
    before = verdict(made.cells, complete=True, findings=found)[0]
    changed = [replace(each, status=status) if index == at else each for index, each in enumerate(found)]
    after = verdict(made.cells, complete=True, findings=changed)[0]
    if at < len(found):
        better = ORDER.index(status) >= ORDER.index(found[at].status)
        assert (ORDER.index(after) >= ORDER.index(before)) if better else ORDER.index(after) <= ORDER.index(before)
    more = verdict(made.cells, complete=True, findings=[*found, *changed])[0]
    assert ORDER.index(more) <= min(ORDER.index(before), ORDER.index(after))


@settings(deadline=None)
@given(cells, st.lists(checks, min_size=1, max_size=2))
def test_one_more_trial_without_a_result_never_makes_it_better(
    trials: dict[str, list[Any]], some: list[CheckRule]
) -> None:
    before = judge(summary(trials, expect="any"), rules(*some)).verdict
    after = judge(summary({**trials, "fast": [*trials["fast"], None]}, expect="any"), rules(*some)).verdict
    assert ORDER.index(after) <= ORDER.index(before)
    assert after != "pass"
