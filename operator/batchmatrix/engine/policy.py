"""The rules of a spec that steer the engine, in the units the engine counts in.

An edit of any of these starts nothing anew: they are not part of what a cell is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from batchmatrix.base.quantities import parse_duration
from batchmatrix.model.cell import Cell
from batchmatrix.model.evidence import Outcome
from batchmatrix.model.judging import (
    CheckRule,
    CompareRule,
    ConfoundRule,
    GateRule,
    JudgingRules,
    Limit,
    MetricRule,
)
from batchmatrix.model.launch import RetryRule
from batchmatrix.model.metric import MetricDefinition, ReadingRules
from batchmatrix.model.v1alpha1 import BatchMatrix
from batchmatrix.plan.match import Rule
from batchmatrix.plan.reach import comparisons, one_baseline
from batchmatrix.plan.resolve import DEFAULT_TIMEOUT

__all__ = [
    "DEFAULT_POLICY",
    "PendingLimits",
    "Policy",
    "judging_rules",
    "policy_of",
    "reading_rules",
]


@dataclass(frozen=True, slots=True)
class PendingLimits:
    """Seconds that an attempt may wait for its container, by cause."""

    unschedulable: float
    image_pull: float
    invalid_image: float
    node_lost: float
    other: float


@dataclass(frozen=True, slots=True)
class Policy:
    """Times are seconds, sizes bytes."""

    parallelism: int
    timeout: float
    """Of attempts whose cell is not known; a cell has its own."""
    pending: PendingLimits
    retry: Mapping[Outcome, RetryRule]
    keep_jobs: str
    """`all`, `failed` or `none`: finished Jobs that stay for `jobs_ttl`."""
    jobs_ttl: float
    log_mode: str
    log_max_bytes: int
    wait_for_nodes: bool
    """True where a pod that fits no node of today may wait for one of tomorrow."""
    suspended: bool
    """True while nothing new may start."""
    fail_fast: bool = False
    """True where nothing new starts once a trial has failed for good."""
    max_failed: int | None = None
    """Failed cells that are borne; with one more nothing new starts."""
    deadline: float | None = None
    """From the first launch until nothing new starts, time suspended or held not counted."""
    deadline_text: str = ""
    """As the spec has it."""


DEFAULT_POLICY = Policy(
    parallelism=1,
    timeout=3600.0,
    pending=PendingLimits(unschedulable=300.0, image_pull=900.0, invalid_image=0.0, node_lost=300.0, other=300.0),
    retry={},
    keep_jobs="failed",
    jobs_ttl=3600.0,
    log_mode="auto",
    log_max_bytes=1 << 30,
    wait_for_nodes=False,
    suspended=False,
)
"""For what is left of a matrix whose spec cannot be had any more: nothing starts under it."""


def policy_of(matrix: BatchMatrix) -> Policy:
    """The engine's rules of a checked spec."""
    spec = matrix.spec
    pending = spec.pending
    return Policy(
        parallelism=spec.parallelism,
        timeout=parse_duration(spec.workload.timeout or DEFAULT_TIMEOUT),
        pending=PendingLimits(
            unschedulable=parse_duration(pending.unschedulable),
            image_pull=parse_duration(pending.image_pull),
            invalid_image=parse_duration(pending.invalid_image),
            node_lost=parse_duration(pending.node_lost),
            other=parse_duration(pending.other),
        ),
        retry=retry_rules(matrix),
        keep_jobs=spec.retention.jobs,
        jobs_ttl=parse_duration(spec.retention.jobs_ttl),
        log_mode=spec.logs.mode,
        log_max_bytes=spec.logs.limit_bytes,
        wait_for_nodes=spec.waits_for_nodes,
        suspended=spec.suspend,
        fail_fast=spec.fail_fast,
        max_failed=spec.max_failed,
        deadline=parse_duration(spec.deadline) if spec.deadline is not None else None,
        deadline_text=spec.deadline or "",
    )


def reading_rules(matrix: BatchMatrix) -> ReadingRules:
    """What the spec says about logs, as their readers take it."""
    metrics = tuple(
        MetricDefinition(
            name=metric.name,
            source=metric.source,
            key=metric.key or metric.name,
            pattern=metric.pattern or "",
            token=metric.token or "",
            strategy=metric.strategy,
            warmup=metric.warmup,
            required=metric.required,
            unit=metric.unit or "",
        )
        for metric in matrix.spec.metrics
    )
    return ReadingRules(metrics=metrics, end_marker=matrix.spec.workload.end_marker or "")


def judging_rules(matrix: BatchMatrix, cells: Sequence[Cell]) -> JudgingRules:
    """What the spec says about judging, with the pairs of its plan's `cells` that are held against each other."""
    spec = matrix.spec
    base = one_baseline(cells, spec.baseline)
    return JudgingRules(
        metrics=tuple(
            MetricRule(
                name=metric.name,
                unit=metric.unit or "",
                direction=metric.direction or "",
                scale=metric.scale,
                required=metric.required,
            )
            for metric in spec.metrics
        ),
        labels=dict(spec.labels),
        pairs=tuple((pair.cell.name, pair.baseline.name) for pair in comparisons(cells, spec.baseline)),
        baseline=base.name if base is not None else "",
        compare=CompareRule(
            metrics=spec.compare.metrics or tuple(each.name for each in spec.metrics if each.direction is not None),
            level=spec.compare.level,
            margin=_limit(spec.compare.margin).value,
            min_trials=spec.compare.min_trials,
            allow_confounded=spec.compare.allow_confounded,
            aa_control=spec.compare.aa_control,
        ),
        confound=ConfoundRule(metric=spec.confound.metric or "", threshold=spec.confound.threshold),
        checks=tuple(
            CheckRule(
                metric=check.metric,
                min=check.min,
                max=check.max,
                when=Rule(check.when).wanted,
                severity=check.severity,
            )
            for check in spec.checks
        ),
        gates=tuple(
            GateRule(
                name=gate.name,
                metric=gate.metric,
                min=_limit(gate.min) if gate.min is not None else None,
                max=_limit(gate.max) if gate.max is not None else None,
                when=Rule(gate.when).wanted,
                severity=gate.severity,
            )
            for gate in spec.gates
        ),
        order=spec.order,
    )


def _limit(text: str) -> Limit:
    """`+5%` is relative and 0.05, `250.5` is itself; the spec's own rules let nothing else come here."""
    relative = text.endswith("%")
    number = Decimal(text.removesuffix("%"))
    return Limit(value=float(number / 100 if relative else number), relative=relative, text=text)


def retry_rules(matrix: BatchMatrix) -> Mapping[Outcome, RetryRule]:
    """Retry rule by outcome; an outcome that is not in it is never retried."""
    rules: dict[Outcome, RetryRule] = {}
    for outcome in Outcome:
        rule = matrix.spec.retry.rule(outcome.value)
        if rule is not None:
            rules[outcome] = RetryRule(rule.limit, memory_factor=rule.memory_factor, avoid_node=rule.avoid_node)
    return rules
