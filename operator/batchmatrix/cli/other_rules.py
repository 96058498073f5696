"""A stored run judged by the rules of another matrix file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from batchmatrix.adapters.files import read_text, shown_name
from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.engine.policy import judging_rules
from batchmatrix.formats.matrix_file import load_matrix
from batchmatrix.model.cell import Cell, Work
from batchmatrix.model.judging import JudgingRules, MetricRule
from batchmatrix.model.summary import CellSummary, Summary

__all__ = ["rules_of_file"]


def rules_of_file(file: Path, summary: Summary, rules: JudgingRules) -> JudgingRules:
    """How the matrix in `file` judges results, for the cells that a stored run has.

    What the run was stays as it is, whatever the file says: its labels, the order in which its trials ran, and the unit
    of its metrics. What the file does not say of metrics and of the baseline is as in the `rules` of the run. Raises
    InvalidSpec with every problem of the file.
    """
    name = shown_name(file)
    found = load_matrix(read_text(file), source=name)
    if len(found) != 1:
        raise InvalidSpec([Problem(name, f"holds {len(found)} matrices; --spec takes a file with one")])
    spec = found[0].spec
    made = judging_rules(found[0], [_cell(cell) for cell in summary.cells])
    before = {metric.name: metric for metric in rules.metrics}
    _same_units(name, made, before)
    metrics = {**before, **{metric.name: _merged(metric, before.get(metric.name)) for metric in made.metrics}}
    compared = spec.compare.metrics or made.compare.metrics or rules.compare.metrics
    if spec.baseline is None and not made.pairs:
        made = replace(made, pairs=rules.pairs, baseline=rules.baseline)
    return replace(
        made,
        metrics=tuple(metrics.values()),
        labels={**made.labels, **rules.labels},
        compare=replace(made.compare, metrics=tuple(compared)),
        order=rules.order,
    )


def _same_units(name: str, made: JudgingRules, before: dict[str, MetricRule]) -> None:
    """Limits in another unit than the values would pass or fail for nothing."""
    problems = []
    for index, metric in enumerate(made.metrics):
        unit = before[metric.name].unit if metric.name in before else ""
        if unit and metric.unit and unit != metric.unit:
            text = f"{metric.unit!r} is not {unit!r}, the unit of {metric.name} in the run; write limits in that unit"
            problems.append(Problem(f"{name}: spec.metrics[{index}].unit", text))
    if problems:
        raise InvalidSpec(problems)


def _merged(metric: MetricRule, before: MetricRule | None) -> MetricRule:
    if before is None:
        return metric
    return replace(metric, unit=metric.unit or before.unit, direction=metric.direction or before.direction)


def _cell(cell: CellSummary) -> Cell:
    """As much of a cell as judging looks at."""
    mitigation = cell.values.get("mitigation")
    hardware = cell.values.get("hardware")
    return Cell(
        name=cell.name,
        hash=cell.hash,
        copy=0,
        values=cell.values,
        parameters={},
        environment=None,
        hardware=None if hardware is None else str(hardware),
        trials=cell.trials,
        seed=0,
        work=Work(image=""),
        expect=cell.expect,
        mitigations=() if mitigation is None else tuple(str(mitigation).split("+")),
    )
