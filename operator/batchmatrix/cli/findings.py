"""Everything that can be said about matrix files without a cluster: errors, warnings and notes, each at its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from batchmatrix.base.documents import Document, Located
from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.cli.cells import check_plan
from batchmatrix.cli.places import placed, with_origin
from batchmatrix.engine.kept import source_of
from batchmatrix.formats.matrix_file import read_objects
from batchmatrix.model.catalog import Catalogs, Named
from batchmatrix.model.v1alpha1 import (
    BatchMatrix,
    Entries,
    Environment,
    Hardware,
    MatrixCatalog,
    Mitigation,
    Spec,
)
from batchmatrix.plan.advice import warnings
from batchmatrix.plan.catalogs import catalogs_of, self_contained, used_names
from batchmatrix.plan.expand import Expansion, expand
from batchmatrix.settings import Limits

__all__ = ["Finding", "Severity", "as_findings", "findings_of"]

Severity = Literal["error", "warning", "note"]
Sources = Sequence[tuple[str, Entries]]
Objects = Sequence[tuple[Document, MatrixCatalog]]


_REFERRING = ("spec.workload.command", "spec.workload.args", "spec.workload.env")
"""Where variables are named by $(X)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to say about a file."""

    file: str
    line: int
    """From 1."""
    column: int
    """From 1."""
    path: str
    """Field path; empty where the whole document or file is meant."""
    severity: Severity
    """error: it cannot run; warning: something in it does nothing; note: something was not looked at."""
    message: str

    def __str__(self) -> str:
        word = "" if self.severity == "error" else f"{self.severity}: "
        path = f"{self.path}: " if self.path else ""
        return f"{self.file}:{self.line}:{self.column}: {word}{path}{self.message}"


def as_findings(problems: Iterable[Problem], severity: Severity = "error") -> Iterator[Finding]:
    """Problems with their places; one without a place is about the file that its path names."""
    for one in problems:
        if isinstance(one, Located):
            yield Finding(one.source, one.line, one.column, one.field, severity, one.message)
        else:
            yield Finding(one.path.removeprefix("file "), 1, 1, "", severity, one.message)


def findings_of(files: Iterable[tuple[str, str]], sources: Sources | None) -> list[Finding]:
    """Everything about the documents of `files`, each a name and a text, in no order.

    `sources` are the catalogs that there are besides those in the matrices; None where they are not known, so that
    names cannot be looked up. MatrixCatalogs among the documents are found by spec.catalogRefs.
    """
    findings: list[Finding] = []
    matrices: list[tuple[Document, BatchMatrix]] = []
    catalogs: list[tuple[Document, MatrixCatalog]] = []
    for name, text in files:
        contents = read_objects(text, source=name)
        findings += as_findings(contents.problems)
        matrices += contents.matrices
        catalogs += contents.catalogs
    findings += _same_names(matrices)
    for document, matrix in matrices:
        findings += _about(document, matrix, sources, catalogs)
    return list(dict.fromkeys(findings))


def _same_names(matrices: Iterable[tuple[Document, BatchMatrix]]) -> Iterator[Finding]:
    first: dict[tuple[str | None, str], str] = {}
    for document, matrix in matrices:
        meta = matrix.metadata
        here = f"{document.source}:{document.places['metadata.name'][0]}"
        there = first.setdefault((meta.namespace, meta.name), here)
        if there != here:
            text = f"{meta.name!r} is the name of the matrix in {there} too; applied, the later one replaces the other"
            yield from as_findings(document.located([Problem("metadata.name", text)]), "warning")


def _about(document: Document, matrix: BatchMatrix, sources: Sources | None, objects: Objects) -> Iterator[Finding]:
    """What only shows once names are looked up and cells are made."""
    errors: list[Problem] = []
    spec = matrix.spec
    wanted = () if spec.catalog.only else spec.catalog_refs
    known = {ref.name: one for ref in wanted if (one := _object(ref.name, matrix, objects)) is not None}
    missing = sorted({ref.name for ref in wanted} - set(known))
    if missing:
        text = f"{', '.join(missing)}: not read here, so that names only it has are not checked; give its file too"
        yield from as_findings(document.located([Problem("spec.catalogRefs", text)]), "note")
    expansion = None
    try:
        expansion = expand(spec, max_cells=Limits().cells)
    except InvalidSpec as error:
        errors += error.problems
    beside = {source_of(name): where for name, (where, _) in known.items()}
    try:
        catalogs = catalogs_of(
            matrix, [*(sources or ()), *((source_of(name), one.spec) for name, (_, one) in known.items())]
        )
        sure = sources is not None and not missing
        errors += _names_and_cells(document, matrix, catalogs, expansion=expansion, sure=sure)
    except InvalidSpec as error:
        errors += error.problems
    yield from as_findings(placed(errors, document, beside))
    if expansion is not None:
        yield from as_findings(document.located(warnings(spec, expansion)), "warning")


def _names_and_cells(
    document: Document, matrix: BatchMatrix, catalogs: Catalogs, *, expansion: Expansion | None, sure: bool
) -> Iterator[Problem]:
    """Names that no catalog has, if it is `sure` that there are no other catalogs; and what is wrong with cells.

    What an unknown name stands for may set any variable: then nothing is said about variables that nothing sets.
    """
    unknown = False
    try:
        whole = self_contained(matrix, catalogs)
    except InvalidSpec as error:
        if sure or matrix.spec.catalog.only:
            yield from error.problems
        if matrix.spec.workload.ref is not None and matrix.spec.workload.ref not in catalogs.workloads:
            return
        unknown = True
        whole = self_contained(matrix, _with_stand_ins(matrix.spec, catalogs))
    try:
        check_plan(whole, expansion)
    except InvalidSpec as error:
        for problem in error.problems:
            if not unknown or not problem.path.startswith(_REFERRING):
                yield with_origin(problem, document, matrix, catalogs)


def _with_stand_ins(spec: Spec, catalogs: Catalogs) -> Catalogs:
    """The same catalogs with something harmless for every name that is not in them, so that cells can be looked at."""
    used = used_names(spec)
    unknown = "not known"
    return replace(
        catalogs,
        mitigations={**dict.fromkeys(used["mitigations"], Named(Mitigation(), unknown)), **catalogs.mitigations},
        environments={
            **dict.fromkeys(used["environments"], Named(Environment(image="unknown"), unknown)),
            **catalogs.environments,
        },
        hardware={**dict.fromkeys(used["hardware"], Named(Hardware(), unknown)), **catalogs.hardware},
    )


def _object(name: str, matrix: BatchMatrix, objects: Objects) -> tuple[Document, MatrixCatalog] | None:
    """The catalog that a reference means; a namespace that is not written may be any."""
    namespace = matrix.metadata.namespace
    for document, one in objects:
        if one.metadata.name == name and (not namespace or one.metadata.namespace in ("", namespace)):
            return document, one
    return None
