"""What in a matrix does nothing: no mistake that stops it, but its author should know before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from batchmatrix.base.errors import Problem
from batchmatrix.base.paths import field_path
from batchmatrix.model.catalog import KINDS
from batchmatrix.model.v1alpha1 import Match, Spec
from batchmatrix.plan.catalogs import used_names
from batchmatrix.plan.expand import Expansion
from batchmatrix.plan.match import Rule, label_of, stack_hint

__all__ = ["warnings"]


def warnings(spec: Spec, expansion: Expansion) -> list[Problem]:
    """What its author can hardly have meant. `expansion` is what plan.expand made of `spec`."""
    return [*_rules(spec, expansion), *_entries(spec), *_judged(spec, expansion)]


def _rules(spec: Spec, expansion: Expansion) -> Iterator[Problem]:
    rules: dict[str, Match] = {f"spec.exclude[{index}]": match for index, match in enumerate(spec.exclude)}
    rules |= {f"spec.overrides[{index}]": override.match for index, override in enumerate(spec.overrides)}
    labels = {label_of(value) for axis in spec.axes if axis.name == "mitigation" for value in axis.values}
    for path in expansion.unused:
        earlier = (
            " that an earlier rule leaves" if path.startswith("spec.exclude") and path != "spec.exclude[0]" else ""
        )
        yield Problem(path, f"fits no cell{earlier}; correct its values or remove it{stack_hint(rules[path], labels)}")


def _entries(spec: Spec) -> Iterator[Problem]:
    used = used_names(spec)
    for kind in KINDS:
        for name in getattr(spec.catalog, kind):
            if name not in used[kind]:
                where = field_path(("spec", "catalog", kind, name))
                yield Problem(where, "is used by nothing in this matrix; use it or remove it")


def _fits_none(match: Match, expansion: Expansion, labels: Mapping[str, str]) -> bool:
    rule = Rule(match)
    return not any(rule.fits({**labels, **one.values}) for one in expansion.combinations)


def _judged(spec: Spec, expansion: Expansion) -> Iterator[Problem]:
    for field in ("checks", "gates"):
        for index, rule in enumerate(getattr(spec, field)):
            if rule.when and _fits_none(rule.when, expansion, spec.labels):
                hint = stack_hint(rule.when, {one.values.get("mitigation", "") for one in expansion.combinations})
                text = f"fits no cell; correct its values or remove the rule{hint}"
                yield Problem(f"spec.{field}[{index}].when", text)
