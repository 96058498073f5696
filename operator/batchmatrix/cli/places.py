"""Where a problem lies that shows only once names are looked up: in the matrix, or in a catalog beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from batchmatrix.base.documents import Document
from batchmatrix.base.errors import Problem
from batchmatrix.base.paths import field_path
from batchmatrix.model.catalog import KINDS, Catalogs
from batchmatrix.model.v1alpha1 import BatchMatrix
from batchmatrix.plan.catalogs import INLINE

__all__ = ["placed", "with_origin"]

_OF_MATRIX = re.compile(r"(spec|metadata)\b|$")
"""Paths of a matrix; that of any other problem is the source of a catalog in words."""


def placed(
    problems: Iterable[Problem], document: Document, beside: Mapping[str, Document] | None = None
) -> list[Problem]:
    """Problems of the matrix in `document` with line and column, and those of catalogs with their own file.

    `beside` are the documents of catalogs by their source. What lies nowhere near keeps the source as its path.
    """
    result: list[Problem] = []
    for problem in problems:
        if _OF_MATRIX.match(problem.path):
            result += document.located([problem])
        elif beside is not None and problem.path in beside:
            result += beside[problem.path].located([Problem("spec", problem.message)])
        else:
            result.append(Problem(problem.path.removeprefix("file "), problem.message))
    return result


def with_origin(problem: Problem, document: Document, matrix: BatchMatrix, catalogs: Catalogs) -> Problem:
    """A problem of the cells; one of something that stands in another file says in which."""
    for kind in KINDS:
        for name, entry in getattr(catalogs, kind).items():
            where = field_path(("spec", "catalog", kind, name))
            if entry.source != INLINE and (
                problem.path == where or problem.path.startswith((f"{where}.", f"{where}["))
            ):
                return Problem(problem.path, f"{problem.message} ({name} is from: {entry.source})")
    ref = matrix.spec.workload.ref
    there = problem.path in document.places
    if ref is not None and problem.path.startswith("spec.workload.") and not there:
        return Problem(problem.path, f"{problem.message} ({ref} is from: {catalogs.workloads[ref].source})")
    return problem
