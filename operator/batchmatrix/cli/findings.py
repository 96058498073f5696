"""Everything that can be said about matrix files without a cluster: errors, warnings and notes, each at its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from batchmatrix.base.documents import Document, Located, read_documents
from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.base.paths import field_path
from batchmatrix.model.catalog import KINDS, Catalogs, Named
from batchmatrix.model.cell import MatrixRef
from batchmatrix.model.v1alpha1 import (
    BatchMatrix,
    Entries,
    Environment,
    Hardware,
    MatrixCatalog,
    Mitigation,
    Spec,
    parse_object,
)
from batchmatrix.plan.advice import notes, warnings
from batchmatrix.plan.build import build_plan
from batchmatrix.plan.catalogs import INLINE, catalogs_of, self_contained, used_names
from batchmatrix.plan.expand import expand
from batchmatrix.settings import Limits

__all__ = ["Finding", "Severity", "as_findings", "findings_of"]

Severity = Literal["error", "warning", "note"]
Sources = Sequence[tuple[str, Entries]]


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
    catalogs: list[MatrixCatalog] = []
    for name, text in files:
        documents, problems = read_documents(text, source=name)
        findings += as_findings(problems)
        for document in documents:
            try:
                found = document.parse(parse_object)
            except InvalidSpec as error:
                findings += as_findings(error.problems)
                continue
            if isinstance(found, BatchMatrix):
                matrices.append((document, found))
            else:
                catalogs.append(found)
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


def _about(
    document: Document, matrix: BatchMatrix, sources: Sources | None, objects: Sequence[MatrixCatalog]
) -> Iterator[Finding]:
    """What only shows once names are looked up and cells are made."""
    errors: list[Problem] = []
    spec = matrix.spec
    wanted = () if spec.catalog.only else spec.catalog_refs
    known = [(ref.name, one) for ref in wanted if (one := _object(ref.name, matrix, objects)) is not None]
    missing = sorted({ref.name for ref in wanted} - {name for name, _ in known})
    if missing:
        text = f"{', '.join(missing)}: not read here, so that names only it has are not checked; give its file too"
        yield from as_findings(document.located([Problem("spec.catalogRefs", text)]), "note")
    expansion = None
    try:
        expansion = expand(spec, max_cells=Limits().cells)
    except InvalidSpec as error:
        errors += error.problems
    objects_of = [(f"MatrixCatalog {name}", one.spec) for name, one in known]
    try:
        catalogs = catalogs_of(matrix, [*(sources or ()), *objects_of])
        errors += _names_and_cells(document, matrix, catalogs, sure=sources is not None and not missing)
    except InvalidSpec as error:
        errors += error.problems
    yield from as_findings(document.located(errors))
    if expansion is not None:
        yield from as_findings(document.located(warnings(spec, expansion)), "warning")
    yield from as_findings(document.located(notes(spec)), "note")


def _names_and_cells(document: Document, matrix: BatchMatrix, catalogs: Catalogs, *, sure: bool) -> Iterator[Problem]:
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
    for problem in _plan_problems(whole):
        if not unknown or not problem.path.startswith(_REFERRING):
            yield _told(problem, document, matrix, catalogs)


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


def _object(name: str, matrix: BatchMatrix, objects: Sequence[MatrixCatalog]) -> MatrixCatalog | None:
    """The catalog that a reference means; a namespace that is not written may be any."""
    spaces = {matrix.metadata.namespace, None}
    for one in objects:
        if one.metadata.name == name and (one.metadata.namespace in spaces or matrix.metadata.namespace is None):
            return one
    return None


def _plan_problems(matrix: BatchMatrix) -> Sequence[Problem]:
    """What is wrong with the cells of a matrix that stands by itself, wherever they may run."""
    account = matrix.spec.workload.service_account_name
    try:
        build_plan(
            matrix,
            MatrixRef(matrix.metadata.namespace or "default", matrix.metadata.name, ""),
            generation=1,
            nodes=None,
            previous=None,
            order_seed="",
            now="",
            max_cells=Limits().cells,
            service_accounts=frozenset() if account is None else frozenset((account,)),  # the operator's to say
        )
    except InvalidSpec as error:
        return error.problems
    return ()


def _told(problem: Problem, document: Document, matrix: BatchMatrix, catalogs: Catalogs) -> Problem:
    """A problem of something that stands in another file says in which."""
    for kind in KINDS:
        for name, entry in getattr(catalogs, kind).items():
            where = field_path(("spec", "catalog", kind, name))
            if entry.source != INLINE and (
                problem.path == where or problem.path.startswith((f"{where}.", f"{where}["))
            ):
                return Problem(problem.path, f"{problem.message} ({name} is from: {entry.source})")
    ref = matrix.spec.workload.ref
    if ref is not None and problem.path.startswith("spec.workload.") and problem.path not in document.places:
        return Problem(problem.path, f"{problem.message} ({ref} is from: {catalogs.workloads[ref].source})")
    return problem
