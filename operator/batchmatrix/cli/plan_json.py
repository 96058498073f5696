"""A plan report for programs. Keys are only ever added; docs/reference/cli.md describes them."""

from __future__ import annotations

from typing import Any

from batchmatrix.model.cell import Cell
from batchmatrix.plan.explain import Outlook
from batchmatrix.plan.report import PlanReport

__all__ = ["REPORT_SCHEMA", "plan_data"]

REPORT_SCHEMA = 1


def plan_data(report: PlanReport) -> dict[str, Any]:
    """The whole report as plain data: the same report, the same data."""
    plan = report.plan
    return {
        "schema": REPORT_SCHEMA,
        "matrix": {"namespace": plan.matrix.namespace, "name": plan.matrix.name},
        "order": plan.order,
        "parallelism": report.parallelism,
        "counts": {
            "cells": len(plan.cells),
            "trials": plan.trials,
            "recorded": sum(outlook.recorded for outlook in report.cells),
            "toRun": report.to_run,
            "unknown": report.unknown,
            "blockedCells": report.states["blocked"],
            "excluded": sum(one.count for one in report.excluded),
        },
        "somethingToRun": report.acts,
        "cells": [_cell(outlook, nodes) for outlook, nodes in zip(report.cells, report.nodes, strict=True)],
        "removed": [{"name": one.name, "hash": one.hash, "recorded": one.recorded} for one in report.removed],
        "excluded": [
            {"path": f"spec.exclude[{one.rule}]", "match": one.match, "count": one.count} for one in report.excluded
        ],
        "images": [{"image": image, "cells": count} for image, count in report.images.items()],
        "hardware": [
            {
                "hardware": room.hardware,
                "nodeLabels": room.labels,
                "cells": room.cells,
                "nodes": room.nodes,
                "podsAtOnce": room.at_once,
            }
            for room in report.rooms
        ],
        "deviceHoursAtMost": [
            {"hardware": one.hardware, "resource": one.resource, "trials": one.trials, "hours": round(one.hours, 3)}
            for one in report.device_hours
        ],
        "warnings": [{"code": one.code, "message": one.message} for one in report.warnings],
        "notes": list(report.notes),
    }


def _cell(outlook: Outlook, nodes: int | None) -> dict[str, Any]:
    cell: Cell = outlook.cell
    return {
        "name": cell.name,
        "hash": cell.hash,
        "values": cell.values,
        "mitigations": list(cell.mitigations),
        "environment": cell.environment,
        "hardware": cell.hardware,
        "image": cell.work.image or None,
        "trials": cell.trials,
        "steps": cell.steps,
        "timeoutSeconds": cell.timeout,
        "expect": cell.expect,
        "command": list(cell.work.command),
        "args": list(cell.work.args),
        "env": dict(cell.work.env),
        "resources": cell.work.resources,
        "nodes": nodes,
        "problem": cell.problem,
        "state": outlook.state,
        "why": outlook.why,
        "recorded": outlook.recorded,
        "toRun": outlook.to_run,
        "was": outlook.was or None,
        "changes": [
            {"field": one.field, "before": one.before, "after": one.after, "runsAgain": one.runs}
            for one in outlook.changes
        ],
    }
