"""The rules of judging as JSON: a stored run carries those that it was judged by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, ValidationError

from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.model.judging import (
    CheckRule,
    CompareRule,
    ConfoundRule,
    GateRule,
    JudgingRules,
    Limit,
    Match,
    MetricRule,
)
from batchmatrix.model.shapes import Shape, first_problem

__all__ = ["RULES_SCHEMA", "LimitShape", "RulesShape", "rules_from_dict", "rules_from_shape", "rules_to_dict"]

RULES_SCHEMA = 1

Severity = Literal["fail", "warn"]
When = dict[str, tuple[str, ...]]


class LimitShape(Shape):
    """A bound."""

    value: float
    """As a share where it is relative: 0.05 is +5 %."""
    relative: bool
    """Against the baseline; else a value of the metric."""
    text: str
    """As its author wrote it."""


class _Metric(Shape):
    name: str
    unit: str
    direction: Literal["lower", "higher", ""]
    scale: Literal["log", "linear"]
    required: bool


class _Compare(Shape):
    metrics: tuple[str, ...]
    level: float
    margin: float
    min_trials: int
    allow_confounded: bool
    aa_control: bool


class _Confound(Shape):
    metric: str
    threshold: float = Field(gt=0)


class _Check(Shape):
    metric: str
    min: float | None
    max: float | None
    when: When
    severity: Severity


class _Gate(Shape):
    name: str
    metric: str
    min: LimitShape | None
    max: LimitShape | None
    when: When
    severity: Severity


class RulesShape(Shape):
    """All that a spec says about judging."""

    schema_: Literal[1] = Field(alias="schema")
    """Of this object."""
    metrics: tuple[_Metric, ...]
    labels: dict[str, str | bool | int | float]
    pairs: tuple[tuple[str, str], ...]
    """Which cell is held against which."""
    baseline: str
    """The one cell of the ratio rule; empty where there is none."""
    compare: _Compare
    confound: _Confound
    checks: tuple[_Check, ...]
    gates: tuple[_Gate, ...]
    order: Literal["rounds", "cells"]


def rules_to_dict(rules: JudgingRules) -> dict[str, Any]:
    """`rules` as plain data; the same rules give the same data, in the same order."""
    compare = rules.compare
    return {
        "schema": RULES_SCHEMA,
        "metrics": [
            {
                "name": metric.name,
                "unit": metric.unit,
                "direction": metric.direction,
                "scale": metric.scale,
                "required": metric.required,
            }
            for metric in rules.metrics
        ],
        "labels": dict(rules.labels),
        "pairs": [list(pair) for pair in rules.pairs],
        "baseline": rules.baseline,
        "compare": {
            "metrics": list(compare.metrics),
            "level": compare.level,
            "margin": compare.margin,
            "minTrials": compare.min_trials,
            "allowConfounded": compare.allow_confounded,
            "aaControl": compare.aa_control,
        },
        "confound": {"metric": rules.confound.metric, "threshold": rules.confound.threshold},
        "checks": [
            {
                "metric": rule.metric,
                "min": rule.min,
                "max": rule.max,
                "when": _when(rule.when),
                "severity": rule.severity,
            }
            for rule in rules.checks
        ],
        "gates": [
            {
                "name": rule.name,
                "metric": rule.metric,
                "min": _limit(rule.min),
                "max": _limit(rule.max),
                "when": _when(rule.when),
                "severity": rule.severity,
            }
            for rule in rules.gates
        ],
        "order": rules.order,
    }


def rules_from_dict(data: Mapping[str, Any]) -> JudgingRules:
    """The rules that rules_to_dict made into `data`, lists and tuples being the same.

    Raises InvalidSpec with one problem where it is no such data, or that of another version.
    """
    schema = data.get("schema")
    if schema != RULES_SCHEMA:
        text = f"{schema!r} is not {RULES_SCHEMA}, the one this version reads; use a newer version"
        raise InvalidSpec([Problem("rules.schema", text)])
    try:
        return rules_from_shape(RulesShape.model_validate_json(json.dumps(data)))
    except ValidationError as error:
        problem = first_problem(error)
        raise InvalidSpec([Problem(f"rules.{problem.path}", problem.message)]) from None


def rules_from_shape(shape: RulesShape) -> JudgingRules:
    """The rules of checked data."""
    return JudgingRules(
        metrics=tuple(MetricRule(**dict(metric)) for metric in shape.metrics),
        labels=dict(shape.labels),
        pairs=shape.pairs,
        baseline=shape.baseline,
        compare=CompareRule(**dict(shape.compare)),
        confound=ConfoundRule(**dict(shape.confound)),
        checks=tuple(CheckRule(**{**dict(rule), "when": _match(rule.when)}) for rule in shape.checks),
        gates=tuple(
            GateRule(
                name=rule.name,
                metric=rule.metric,
                min=Limit(**dict(rule.min)) if rule.min is not None else None,
                max=Limit(**dict(rule.max)) if rule.max is not None else None,
                when=_match(rule.when),
                severity=rule.severity,
            )
            for rule in shape.gates
        ),
        order=shape.order,
    )


def _limit(limit: Limit | None) -> dict[str, Any] | None:
    return None if limit is None else {"value": limit.value, "relative": limit.relative, "text": limit.text}


def _when(match: Match) -> dict[str, list[str]]:
    return {name: sorted(wanted) for name, wanted in match.items()}


def _match(when: When) -> Match:
    return {name: frozenset(wanted) for name, wanted in when.items()}
