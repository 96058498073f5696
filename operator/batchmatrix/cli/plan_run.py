"""A plan made as the operator would make it, and everything said about it, with no effect on anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from batchmatrix.adapters.files import read_text, shown_name
from batchmatrix.base.clock import format_rfc3339
from batchmatrix.base.documents import Document, Located
from batchmatrix.base.errors import InvalidSpec, Problem, Unavailable
from batchmatrix.cli.places import placed, with_origin
from batchmatrix.cli.plan_reading import reading_notes
from batchmatrix.cli.plan_state import CatalogsHere, Earlier, read_earlier, read_nodes, read_plan, recorded_by
from batchmatrix.engine.catalogs import Found, Lookup, resolve, written_out
from batchmatrix.engine.kept import source_of
from batchmatrix.formats.matrix_file import read_objects
from batchmatrix.model.catalog import KINDS, Catalogs
from batchmatrix.model.cell import MatrixRef, Plan
from batchmatrix.model.observed import NodeState
from batchmatrix.model.v1alpha1 import BatchMatrix, MatrixCatalog, parse_matrix
from batchmatrix.plan.build import build_plan
from batchmatrix.plan.expand import Expansion, expand
from batchmatrix.plan.explain import Recorded
from batchmatrix.plan.preflight import preflight_cell
from batchmatrix.plan.reach import Finding
from batchmatrix.plan.report import PlanReport, report
from batchmatrix.settings import Limits
from batchmatrix.wiring.catalogs import catalog_sources
from batchmatrix.wiring.users import connect

if TYPE_CHECKING:
    from batchmatrix.adapters.kube.reading import KubeReader

__all__ = ["PlanRequest", "plan_of"]

_NAMED = 3
"""Matrices that are named where a file has too many."""


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What is to be planned, and where to look."""

    file: Path
    catalogs: tuple[Path, ...] = ()
    nodes: Path | None = None
    against: Path | None = None
    """A plan.json to be compared with, in place of the cluster's."""
    offline: bool = False
    """Whether no cluster is asked."""
    context: str | None = None
    namespace: str | None = None


async def plan_of(request: PlanRequest, *, now: float) -> PlanReport:
    """Full preflight of one matrix: every problem it would have, what would run and why. `now` is Unix seconds.

    Raises InvalidSpec with every problem at once, Unavailable where a cluster is configured and does not answer.
    """
    document, matrix, own = _one_matrix(request.file)
    beside = {source_of(one.metadata.name): where for where, one in own}
    against = read_plan(request.against) if request.against is not None else None
    reader = None if request.offline else await connect(request.context)
    try:
        namespace = _namespace(request, matrix, reader)
        nodes, about_nodes = await read_nodes(request.nodes, reader, offline=request.offline)
        earlier = await read_earlier(reader, namespace, matrix.metadata.name)
        before = earlier.pinned.catalog if earlier.pinned is not None else None
        lookup = Lookup(
            objects=CatalogsHere([one for _, one in own], reader), sources=catalog_sources(request.catalogs)
        )
        with _placed(document, beside):
            found = await lookup.read(matrix, namespace, earlier=before)
    except Unavailable as error:
        server = "" if reader is None else f"{reader.server}: "
        raise Unavailable(f"{server}{error}; --offline plans without the cluster") from error
    finally:
        if reader is not None:
            await reader.close()
    with _placed(document, beside):
        used = resolve(matrix, found, earlier=before)
    planner = _Planner(namespace, nodes, format_rfc3339(now))
    pinned = earlier.pinned.plan if earlier.pinned is not None else _replanned(earlier, found, planner)
    previous = against or pinned
    with _placed(document, beside, origin=lambda problem: with_origin(problem, document, matrix, used.entries)):
        whole = written_out(matrix, used)
        expansion = expand(whole.spec, max_cells=Limits().cells)
        plan = planner(whole, earlier, previous, expansion)
    return report(
        plan,
        whole.spec,
        expansion,
        nodes=nodes,
        previous=previous,
        recorded=_recorded(earlier, plan, previous, whole),
        warnings=tuple(_from_files(used.entries)),
        notes=(
            f"nodes: {about_nodes}",
            *earlier.notes,
            *_strange(earlier, pinned),
            *_preflight(whole, plan),
            *reading_notes(earlier, plan, whole),
        ),
    )


def _preflight(matrix: BatchMatrix, plan: Plan) -> Iterator[str]:
    if preflight_cell(matrix.spec, plan) is not None:
        yield "preflight: has to pass before any trial starts"


def _one_matrix(file: Path) -> tuple[Document, BatchMatrix, tuple[tuple[Document, MatrixCatalog], ...]]:
    """The only matrix of a file, where it stands, and the catalogs beside it."""
    name = shown_name(file)
    contents = read_objects(read_text(file), source=name)
    if contents.problems:
        raise InvalidSpec(sorted(contents.problems, key=_line))
    if len(contents.matrices) != 1:
        raise InvalidSpec([Problem(name, _how_many(contents.matrices))])
    document, matrix = contents.matrices[0]
    return document, matrix, contents.catalogs


def _line(problem: Problem) -> tuple[int, int]:
    return (problem.line, problem.column) if isinstance(problem, Located) else (0, 0)


def _how_many(matrices: Sequence[tuple[Document, BatchMatrix]]) -> str:
    if not matrices:
        return "holds no matrix; give a file with exactly one"
    names = ", ".join(f"{one.metadata.name} in line {document.places[''][0]}" for document, one in matrices[:_NAMED])
    more = f" and {len(matrices) - _NAMED} more" if len(matrices) > _NAMED else ""
    return f"holds {len(matrices)} matrices ({names}{more}); give a file with exactly one"


def _namespace(request: PlanRequest, matrix: BatchMatrix, reader: KubeReader | None) -> str:
    """As kubectl has it: what is written in the file must be what is asked for."""
    written = matrix.metadata.namespace
    if request.namespace and written and request.namespace != written:
        text = f"is {written!r}, and -n says {request.namespace!r}; make them the same"
        raise InvalidSpec([Problem(f"{shown_name(request.file)}: metadata.namespace", text)])
    return request.namespace or written or (reader.namespace if reader is not None else "default")


@contextmanager
def _placed(
    document: Document,
    beside: Mapping[str, Document],
    *,
    origin: Callable[[Problem], Problem] = lambda problem: problem,
) -> Iterator[None]:
    """Problems get the line and column at which they stand, in the matrix or in a catalog beside it."""
    try:
        yield
    except InvalidSpec as error:
        found = placed(map(origin, error.problems), document, beside)
        raise InvalidSpec(sorted(found, key=_line)) from None


@dataclass(frozen=True, slots=True)
class _Planner:
    """build_plan with what both plans have in common."""

    namespace: str
    nodes: Sequence[NodeState] | None
    now: str

    def __call__(
        self, matrix: BatchMatrix, earlier: Earlier, previous: Plan | None, expansion: Expansion | None = None
    ) -> Plan:
        account = matrix.spec.workload.service_account_name
        uid = str(earlier.live["metadata"]["uid"]) if earlier.live is not None else ""
        generation = int(earlier.live["metadata"]["generation"]) if earlier.live is not None else 0
        return build_plan(
            matrix,
            MatrixRef(self.namespace, matrix.metadata.name, uid),
            generation=generation + 1,
            nodes=self.nodes,
            previous=previous,
            order_seed=uid,
            now=self.now,
            max_cells=Limits().cells,
            service_accounts=frozenset() if account is None else frozenset((account,)),  # the operator's to say
            expansion=expansion,
        )


def _replanned(earlier: Earlier, found: Found, planner: _Planner) -> Plan | None:
    """The plan that the object in the cluster would give now, where its pinned one cannot be read."""
    if earlier.live is None:
        return None
    try:
        matrix = parse_matrix(dict(earlier.live))
        return planner(written_out(matrix, resolve(matrix, replace(found, problems=()), earlier=None)), earlier, None)
    except InvalidSpec:
        return None  # nothing of it can have run


def _strange(earlier: Earlier, plan: Plan | None) -> Iterator[str]:
    """Cells of the last summary that the object's spec does not give any more: catalogs or nodes are others now."""
    known = {cell.hash for cell in plan.cells} if plan is not None else set()
    strange = sum(cell_hash not in known for cell_hash in earlier.counts)
    if strange:
        yield (
            f"{strange} of {len(earlier.counts)} cells of the last summary do not follow from the spec in the cluster "
            "any more, as catalogs or nodes have changed since; the operator keeps to what it pinned, so less may run"
        )


def _recorded(earlier: Earlier, plan: Plan, previous: Plan | None, matrix: BatchMatrix) -> Recorded:
    found = recorded_by(earlier, plan, previous, matrix)
    known = earlier.live is not None or previous is None
    return found if known else Recorded(found.trials, whole=False)


def _from_files(used: Catalogs) -> Iterator[Finding]:
    """Entries that the operator cannot know, because they lie in files here."""
    names: dict[str, list[str]] = {}
    for kind in KINDS:
        for name, entry in getattr(used, kind).items():
            if entry.source.startswith("file "):
                names.setdefault(entry.source, []).append(name)
    for source, found in names.items():
        text = (
            f"{', '.join(found)}: from {source}, which no cluster reads; write it into spec.catalog or a MatrixCatalog "
            "before this is applied"
        )
        yield Finding("catalog-file", text)
