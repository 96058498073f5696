"""What in a matrix does nothing: no mistake that stops it, but its author should know before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from batchmatrix.base.errors import Problem
from batchmatrix.base.paths import field_path
from batchmatrix.base.text import one_line
from batchmatrix.model.catalog import KINDS
from batchmatrix.model.cell import Scalar
from batchmatrix.model.v1alpha1 import Match, Spec
from batchmatrix.plan.builtin import NO_MITIGATION
from batchmatrix.plan.catalogs import used_names
from batchmatrix.plan.expand import Expansion, Rule
from batchmatrix.plan.naming import cell_names

__all__ = ["notes", "warnings"]


def warnings(spec: Spec, expansion: Expansion) -> list[Problem]:
    """What its author can hardly have meant. `expansion` is what plan.expand made of `spec`."""
    return [*_rules(expansion), *_entries(spec), *_baseline(spec, expansion), *_judged(spec, expansion)]


def notes(spec: Spec) -> list[Problem]:
    """What is taken and changes nothing yet, and need not worry anyone: it could only add to a report."""
    asked = {
        "baseline": spec.baseline is not None,
        "compare": "compare" in spec.model_fields_set,
        "confound": "confound" in spec.model_fields_set,
    }
    text = "is not looked at by this version yet; results are the same without it"
    return [Problem(f"spec.{field}", text) for field, set_ in asked.items() if set_]


def _rules(expansion: Expansion) -> Iterator[Problem]:
    for path in expansion.unused:
        earlier = " that an earlier rule leaves" if path.startswith("spec.exclude") else ""
        yield Problem(path, f"fits no cell{earlier}; correct its values or remove it")


def _entries(spec: Spec) -> Iterator[Problem]:
    used = used_names(spec)
    for kind in KINDS:
        for name in getattr(spec.catalog, kind):
            if name not in used[kind]:
                where = field_path(("spec", "catalog", kind, name))
                yield Problem(where, "is used by nothing in this matrix; use it or remove it")


def _values(spec: Spec, expansion: Expansion) -> list[dict[str, Scalar]]:
    """What a match is held against: a cell that is written out without mitigations has none of them."""
    default = {} if spec.axes else {"mitigation": NO_MITIGATION}
    return [{**default, **one.values} for one in expansion.combinations]


def _fits_none(match: Match, cells: list[dict[str, Scalar]], labels: Mapping[str, str]) -> bool:
    rule = Rule(match)
    return not any(rule.fits({**labels, **cell}) for cell in cells)


def _baseline(spec: Spec, expansion: Expansion) -> Iterator[Problem]:
    if spec.baseline is None:
        return
    if spec.baseline.match is not None and _fits_none(spec.baseline.match, _values(spec, expansion), {}):
        yield Problem("spec.baseline.match", "fits no cell, so that nothing would be compared; correct its values")
    if spec.baseline.cell is not None:
        names = cell_names(expansion.combinations)
        if spec.baseline.cell not in names:
            text = f"{spec.baseline.cell!r} is no cell; there is: {', '.join(names)}"
            yield Problem("spec.baseline.cell", one_line(text, limit=200))


def _judged(spec: Spec, expansion: Expansion) -> Iterator[Problem]:
    for field in ("checks", "gates"):
        rules = getattr(spec, field)
        if rules:
            text = "are not looked at by this version yet"
            if any(rule.severity == "fail" for rule in rules):
                text += "; as long as they are there, the verdict is never pass"
            yield Problem(f"spec.{field}", text)
        for index, rule in enumerate(rules):
            if rule.when and _fits_none(rule.when, _values(spec, expansion), spec.labels):
                yield Problem(f"spec.{field}[{index}].when", "fits no cell; correct its values or remove the rule")
