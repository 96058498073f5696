"""What must hold for metrics and for what names them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import re2

from batchmatrix.base.errors import Problem
from batchmatrix.base.text import one_line
from batchmatrix.model.v1alpha1._types import field_path, show
from batchmatrix.model.v1alpha1.policy import Metric

__all__ = ["metric_problems", "pattern_problems"]

Path = tuple[int | str, ...]


def metric_problems(metrics: Sequence[Metric], path: Path) -> Iterator[Problem]:
    """Fields that do not go together, and names that are there twice."""
    seen: set[str] = set()
    for index, metric in enumerate(metrics):
        where = field_path((*path, index))
        if metric.source == "regex" and metric.pattern is None:
            yield Problem(where, "has no pattern, which from: regex needs; add one")
        if metric.source != "regex" and metric.pattern is not None:
            text = f"does nothing with from: {metric.source}; remove it or write from: regex"
            yield Problem(f"{where}.pattern", text)
        if metric.source == "regex" and metric.key is not None:
            yield Problem(f"{where}.key", "does nothing with from: regex; remove it")
        if metric.source == "token" and metric.token is None:
            yield Problem(where, "has no token, which from: token needs; add one")
        if metric.source == "token" and metric.warmup:
            yield Problem(f"{where}.warmup", "leaves out the one value that from: token gives; remove it")
        if metric.source != "token" and metric.token is not None:
            text = f"does nothing with from: {metric.source}; remove it or write from: token"
            yield Problem(f"{where}.token", text)
        if metric.name in seen:
            yield Problem(f"{where}.name", f"{show(metric.name)} is the name of an earlier metric; rename one of them")
        seen.add(metric.name)


def pattern_problems(metrics: Sequence[Metric], path: Path) -> Iterator[Problem]:
    """Patterns that RE2 does not take, or that have no one group that holds the value."""
    options = re2.Options()
    options.log_errors = False
    for index, metric in enumerate(metrics):
        if metric.pattern is None:
            continue
        where = field_path((*path, index, "pattern"))
        try:
            compiled = re2.compile(metric.pattern, options)
        except re2.error as error:
            reason = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error)
            text = f"{show(metric.pattern)} is not an RE2 expression: {reason}; write one, without look-around"
            yield Problem(where, one_line(f"{text} and back-references"))
            continue
        if compiled.groups != 1 and "value" not in compiled.groupindex:
            text = f"{show(metric.pattern)} has {compiled.groups} groups; write one, or call one (?P<value>...)"
            yield Problem(where, text)
