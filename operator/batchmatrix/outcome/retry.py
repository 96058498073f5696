"""Whether a trial is started again after its last attempt, and what the next attempt does differently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from batchmatrix.model.evidence import Outcome
from batchmatrix.model.launch import Mutation, RetryRule
from batchmatrix.model.record import Record
from batchmatrix.outcome.cases import retry_key

__all__ = ["Done", "Retry", "next_step"]

_NEVER = frozenset({Outcome.SUCCEEDED, Outcome.CANCELLED})
"""No rule can make these run again: the one is what was wanted, the other was asked for."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Start the trial once more."""

    mutation: Mutation


@dataclass(frozen=True, slots=True)
class Done:
    """This record is the trial's result."""

    record: Record


def next_step(attempts: Sequence[Record], rules: Mapping[Outcome, RetryRule]) -> Retry | Done:
    """What follows for one trial, from the records of its attempts, oldest first; there must be at least one.

    Only attempts since the trial was last asked to run again by hand count. Each outcome has its own budget.
    A second pod of the same attempt (its Job was suspended and resumed) takes the place of the first and costs
    nothing. What one retry changed stays changed for those after it. A result that later reading made another is
    never run again: nobody asked for that.
    """
    rerun = max(record.rerun for record in attempts)
    by_attempt = {record.id.attempt: record for record in attempts if record.rerun == rerun}
    counted = [by_attempt[number] for number in sorted(by_attempt)]
    last = counted[-1]
    key = retry_key(last.outcome, last.blame)
    spent = sum(retry_key(record.outcome, record.blame) is key for record in counted)
    rule = rules.get(key)
    if last.outcome in _NEVER or last.turned or rule is None or spent > rule.limit:
        return Done(last)
    return Retry(_mutation(counted, rules))


def _mutation(attempts: Sequence[Record], rules: Mapping[Outcome, RetryRule]) -> Mutation:
    factor = Decimal(1)
    nodes: dict[str, None] = {}
    for record in attempts:
        rule = rules.get(retry_key(record.outcome, record.blame))
        if rule is None:
            continue
        factor *= Decimal(rule.memory_factor)
        if rule.avoid_node and record.node:
            nodes[record.node] = None
    return Mutation(avoid_nodes=tuple(nodes), memory_factor=format(factor.normalize(), "f"))
