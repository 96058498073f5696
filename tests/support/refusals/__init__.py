"""One example for each way to write a matrix or a catalog wrongly, and good ones that they start from."""

from __future__ import annotations

import copy
from collections.abc import Mapping

from tests.support.full_specs import CELLS_SPEC, FULL_SPEC
from tests.support.refusals.catalogs import CATALOGS, PLANNED, TEAM, environment, hardware
from tests.support.refusals.changes import Change, Refusal, metadata_name, put
from tests.support.refusals.grid import GRID
from tests.support.refusals.policy import POLICY
from tests.support.refusals.workload import WORKLOAD, mounts

__all__ = ["ALLOWED", "REFUSED", "Refusal"]

ALLOWED: Mapping[str, Change] = {
    "environment axis": environment(),
    "hardware axis": hardware(),
    "regex": put("metrics", [{"name": "m", "from": "regex", "pattern": "(x)"}]),
    "mounts": mounts({"name": "a", "mountPath": "/a", "subPath": "x..y/z"}),
    "longest name": metadata_name("a" * 35),
    "most trials": put("trials", 99_999),
    "longest duration": put("workload.timeout", "8784h"),
    "full": lambda obj: obj.update(spec=copy.deepcopy(FULL_SPEC)),
    "cells": lambda obj: obj.update(spec=copy.deepcopy(CELLS_SPEC)),
}
"""Matrices that must be taken: each is what some refusals change by one thing."""

REFUSED: tuple[Refusal, ...] = (*GRID, *WORKLOAD, *CATALOGS, *PLANNED, *POLICY, *TEAM)
"""Everything that is wrong in one way."""
