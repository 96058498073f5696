"""The rules of judging as a spec says them."""

from __future__ import annotations

from typing import Any

import pytest

from batchmatrix.engine.policy import judging_rules
from batchmatrix.model.judging import (
    CheckRule,
    CompareRule,
    ConfoundRule,
    GateRule,
    JudgingRules,
    Limit,
    MetricRule,
    fits,
)
from tests.support.specs import a_matrix, a_plan

METRICS = [
    {"name": "ms", "from": "prefix", "unit": "ms", "direction": "lower", "required": True},
    {"name": "loss", "from": "prefix", "scale": "linear"},
    {"name": "rps", "from": "prefix", "direction": "higher"},
]
MITIGATIONS = {"a": {"env": {"A": "1"}}, "b": {"env": {"B": "1"}}}
GRID: dict[str, Any] = {
    "axes": [
        {"name": "mitigation", "values": ["none", "a", ["a", "b"]]},
        {"name": "size", "values": [8, 32]},
    ],
    "catalog": {"mitigations": MITIGATIONS},
    "metrics": METRICS,
}


def rules(**spec: Any) -> JudgingRules:
    matrix = a_matrix(**{**GRID, **spec})
    return judging_rules(matrix, a_plan(matrix).cells)


def names(**spec: Any) -> list[str]:
    return [cell.name for cell in a_plan(a_matrix(**{**GRID, **spec})).cells]


def test_metrics_labels_and_order() -> None:
    made = rules(labels={"mode": "baseline"}, order="cells")
    assert made.metrics == (
        MetricRule("ms", "ms", "lower", "log", required=True),
        MetricRule("loss", "", "", "linear"),
        MetricRule("rps", "", "higher", "log"),
    )
    assert (made.labels, made.order) == ({"mode": "baseline"}, "cells")
    assert rules().order == "rounds"


def test_what_nobody_wrote_is_the_default() -> None:
    made = rules()
    # metrics that have a direction are compared where none are named
    assert made.compare == CompareRule(metrics=("ms", "rps"))
    assert made.confound == ConfoundRule()
    assert (made.checks, made.gates) == ((), ())


def test_how_it_is_compared() -> None:
    compare = {
        "metrics": ["rps"],
        "level": 0.01,
        "margin": "2.5%",
        "minTrials": 5,
        "allowConfounded": True,
    }
    made = rules(compare=compare, confound={"metric": "ms", "threshold": 1.3})
    assert made.compare == CompareRule(("rps",), 0.01, 0.025, 5, allow_confounded=True)
    assert made.confound == ConfoundRule("ms", 1.3)


def test_checks_and_gates() -> None:
    made = rules(
        checks=[
            {"metric": "ms", "max": 250, "when": {"mitigation": [["a", "b"], "none"], "size": 8}},
            {"metric": "loss", "min": -0.5, "max": 1.5, "severity": "warn"},
        ],
        gates=[
            {"name": "one", "metric": "ms", "max": "+5%", "min": "-12.5%", "when": {"size": [8, 32]}},
            {"name": "two", "metric": "loss", "max": "250.5", "severity": "warn"},
        ],
    )
    assert made.checks == (
        CheckRule("ms", max=250.0, when={"mitigation": frozenset({"a+b", "none"}), "size": frozenset({"8"})}),
        CheckRule("loss", min=-0.5, max=1.5, severity="warn"),
    )
    assert made.gates == (
        GateRule(
            "one",
            "ms",
            min=Limit(-0.125, relative=True, text="-12.5%"),
            max=Limit(0.05, relative=True, text="+5%"),
            when={"size": frozenset({"8", "32"})},
        ),
        GateRule("two", "loss", max=Limit(250.5, text="250.5"), severity="warn"),
    )


def test_what_when_asks_for_fits_the_cells_that_it_names() -> None:
    matrix = a_matrix(**GRID, checks=[{"metric": "ms", "max": 1, "when": {"mitigation": [["a", "b"]], "size": 32}}])
    cells = a_plan(matrix).cells
    (check,) = judging_rules(matrix, cells).checks
    assert [cell.values for cell in cells if fits(check.when, cell.values)] == [{"mitigation": "a+b", "size": 32}]


def test_pairs_and_the_one_baseline() -> None:
    one, *others = names()
    made = rules()
    assert made.baseline == one
    assert made.pairs == tuple((name, one) for name in others)


def test_a_match_pairs_each_cell_with_its_own_and_the_ratio_rule_takes_the_first() -> None:
    none8, none32, a8, a32, ab8, ab32 = names()
    made = rules(baseline={"match": {"mitigation": "none"}})
    assert made.pairs == ((a8, none8), (a32, none32), (ab8, none8), (ab32, none32))
    assert made.baseline == none8
    assert rules(baseline={"match": {"mitigation": ["a", "b"], "size": 32}}).baseline == ab32
    assert rules(baseline={"match": {"size": 32}}).baseline == none32


@pytest.mark.parametrize(
    ("cells", "baseline", "wanted"),
    [
        (["x", "baseline-b", "baseline-c"], None, "baseline-b"),
        (["x", "baseline-b"], {"cell": "x"}, "x"),
        (["x", "y"], None, ""),
    ],
)
def test_a_named_baseline_comes_first_then_one_that_is_called_so(
    cells: list[str], baseline: dict[str, str] | None, wanted: str
) -> None:
    spec: dict[str, Any] = {"axes": [], "cells": [{"name": name, "parameters": {"size": 1}} for name in cells]}
    made = rules(**spec, **({"baseline": baseline} if baseline else {}))
    assert made.baseline == wanted
    assert {base for _, base in made.pairs} == ({wanted} if wanted else set())
