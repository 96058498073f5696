"""A plan as the bytes of `plan.json`, and back. What all cells of a kind share is written once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from batchmatrix.base.errors import BatchMatrixError
from batchmatrix.base.ids import canonical_json
from batchmatrix.model.cell import Cell, MatrixRef, Plan, RetiredCell, Work
from batchmatrix.plan.identity import work_json

__all__ = ["PLAN_SCHEMA", "dump_plan", "load_plan"]

PLAN_SCHEMA = 2

_PARTS = tuple(field.name for field in fields(Work) if field.name != "env")


def dump_plan(plan: Plan) -> bytes:
    """The one text of `plan`: the same plan gives the same bytes."""
    works = _Works()
    cells: list[dict[str, Any]] = []
    for cell in plan.cells:
        own = len(cell.parameters) + (cell.steps is not None)
        index = works.index(cell.work, own)
        cells.append(
            {
                "name": cell.name,
                "hash": cell.hash,
                "copy": cell.copy,
                "values": [[axis, value] for axis, value in cell.values.items()],
                "parameters": [[axis, value] for axis, value in cell.parameters.items()],
                "environment": cell.environment,
                "hardware": cell.hardware,
                "trials": cell.trials,
                "seed": cell.seed,
                "env": [list(pair) for pair in cell.work.env[:own]],
                "work": index,
                "problem": cell.problem,
                "mitigations": list(cell.mitigations),
                "steps": cell.steps,
                "timeout": cell.timeout,
                "allowedExitCodes": list(cell.allowed_exit_codes),
                "expect": cell.expect,
                "inputs": cell.inputs,
            }
        )
    body = {
        "schema": PLAN_SCHEMA,
        "matrix": {"namespace": plan.matrix.namespace, "name": plan.matrix.name, "uid": plan.matrix.uid},
        "generation": plan.generation,
        "order": plan.order,
        "orderSeed": plan.order_seed,
        "created": plan.created,
        "works": works.shared,
        "cells": cells,
        "retired": _dump_retired(plan.retired),
    }
    return canonical_json(body) + b"\n"


class _Works:
    """Every distinct work once, without the leading variables that differ from cell to cell."""

    def __init__(self) -> None:
        self.shared: list[dict[str, Any]] = []
        self._by_text: dict[bytes, int] = {}
        self._by_parts: dict[tuple[Any, ...], int] = {}

    def index(self, work: Work, own: int) -> int:
        """Where `work` less its first `own` variables stands in `shared`; it is put there if need be."""
        tail = work.env[own:]
        # the parts of a plan's works are the same objects in thousands of cells, which saves writing them out
        parts = (tail, *(id(getattr(work, name)) for name in _PARTS))
        if parts not in self._by_parts:
            body = work_json(replace(work, env=tail))
            index = self._by_text.setdefault(canonical_json(body), len(self.shared))
            if index == len(self.shared):
                self.shared.append(body)
            self._by_parts[parts] = index
        return self._by_parts[parts]


def load_plan(data: bytes) -> Plan:
    """The plan that `data` holds. Raises BatchMatrixError where it is none, or one of a newer operator."""
    try:
        body = json.loads(data)
        schema = body["schema"]
    except (ValueError, KeyError, TypeError):
        raise BatchMatrixError("plan.json holds no plan; it was damaged outside of BatchMatrix") from None
    if schema == 1:
        raise BatchMatrixError(
            "plan.json has schema 1, of a version before the first release, which this one does not read; "
            "delete the matrix and make it anew"
        )
    if schema != PLAN_SCHEMA:
        raise BatchMatrixError(
            f"plan.json has schema {schema!r}, this version reads {PLAN_SCHEMA}; upgrade the operator"
        )
    try:
        works = [_work(work) for work in body["works"]]
        return Plan(
            matrix=MatrixRef(**body["matrix"]),
            generation=body["generation"],
            cells=tuple(_cell(cell, works) for cell in body["cells"]),
            order=body["order"],
            order_seed=body["orderSeed"],
            created=body["created"],
            retired=_load_retired(body["retired"]),
        )
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        text = f"plan.json is incomplete ({type(error).__name__}: {error}); it was damaged outside of BatchMatrix"
        raise BatchMatrixError(text) from None


def _work(body: dict[str, Any]) -> Work:
    parts: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in body.items()}
    parts["env"] = tuple((name, value) for name, value in body["env"])
    return Work(**parts)


def _cell(body: dict[str, Any], works: list[Work]) -> Cell:
    work = works[body["work"]]
    own = tuple((name, value) for name, value in body["env"])
    return Cell(
        name=body["name"],
        hash=body["hash"],
        copy=body["copy"],
        values=dict(body["values"]),
        parameters=dict(body["parameters"]),
        environment=body["environment"],
        hardware=body["hardware"],
        trials=body["trials"],
        seed=body["seed"],
        work=replace(work, env=(*own, *work.env)),
        problem=body["problem"],
        mitigations=tuple(body["mitigations"]),
        steps=body["steps"],
        timeout=body["timeout"],
        allowed_exit_codes=tuple(body["allowedExitCodes"]),
        expect=body["expect"],
        inputs=body["inputs"],
    )


def _dump_retired(cells: Sequence[RetiredCell]) -> dict[str, Any]:
    """There may be thousands: what they share is written once, as `kinds`, and copy numbers where there are any."""
    kinds: list[dict[str, Any]] = []
    by_text: dict[bytes, int] = {}
    rows: list[dict[str, Any]] = []
    for cell in cells:
        kind = {
            "image": cell.image,
            "nodeSelector": cell.node_selector,
            "seed": cell.seed,
            "allowedExitCodes": list(cell.allowed_exit_codes),
            "devices": cell.devices,
        }
        index = by_text.setdefault(canonical_json(kind), len(kinds))
        if index == len(kinds):
            kinds.append(kind)
        row: dict[str, Any] = {"name": cell.name, "hash": cell.hash, "inputs": cell.inputs, "kind": index}
        rows.append({**row, "copy": cell.copy, "first": cell.first} if cell.copy else row)
    return {"kinds": kinds, "cells": rows}


def _load_retired(body: dict[str, Any]) -> tuple[RetiredCell, ...]:
    kinds = [
        {
            "image": kind["image"],
            "node_selector": dict(kind["nodeSelector"]),
            "seed": kind["seed"],
            "allowed_exit_codes": tuple(kind["allowedExitCodes"]),
            "devices": kind["devices"],
        }
        for kind in body["kinds"]
    ]
    return tuple(
        RetiredCell(
            name=row["name"],
            hash=row["hash"],
            first=row.get("first", row["hash"]),
            copy=row.get("copy", 0),
            inputs=row["inputs"],
            **kinds[row["kind"]],
        )
        for row in body["cells"]
    )
