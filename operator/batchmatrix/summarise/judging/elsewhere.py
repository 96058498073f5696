"""Rules that are written for another mode of the same matrix: they have no result, and a reader has to know that."""

from __future__ import annotations

from collections.abc import Iterator

from batchmatrix.base.text import counted, one_line, scalar_text
from batchmatrix.model.judging import JudgingRules, Rule
from batchmatrix.summarise.judging.checks import check_name
from batchmatrix.summarise.judging.scope import other_labels

__all__ = ["elsewhere"]

NAMED = 3
"""Rules that the line names."""

_NAME = 63


def elsewhere(rules: JudgingRules) -> str:
    """One line with how many rules are looked at, and which are not and why; empty where all are.

    `0 of 1 rule is looked at: gate fast asks for mode prd, and this run has prod`.
    """
    left = [line for line in _lines(rules) if line]
    if not left:
        return ""
    total = len(rules.checks) + len(rules.gates)
    more = f" and {len(left) - NAMED} more" if len(left) > NAMED else ""
    are = "is" if total == 1 else "are"
    return f"{total - len(left)} of {counted(total, 'rule')} {are} looked at: {'; '.join(left[:NAMED])}{more}"


def _lines(rules: JudgingRules) -> Iterator[str]:
    for check in rules.checks:
        yield _line(f"check {one_line(check_name(check), limit=_NAME)}", check, rules)
    for gate in rules.gates:
        yield _line(f"gate {one_line(gate.name, limit=_NAME)}", gate, rules)


def _line(name: str, rule: Rule, rules: JudgingRules) -> str:
    parts = []
    for label, wanted in other_labels(rules, rule.when).items():
        asked = one_line(" or ".join(sorted(wanted)), limit=_NAME)
        has = one_line(scalar_text(rules.labels[label]), limit=_NAME)
        parts.append(f"{one_line(label, limit=_NAME)} {asked}, and this run has {has}")
    return f"{name} asks for {', and for '.join(parts)}" if parts else ""
