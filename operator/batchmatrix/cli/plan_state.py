"""What the world says before a plan is made: nodes, catalogs, the plan before it, and results. Reads only."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchmatrix.adapters.files import read_text, shown_name
from batchmatrix.base.errors import BatchMatrixError, InvalidSpec, Problem
from batchmatrix.base.text import counted, one_line
from batchmatrix.engine.board import Board
from batchmatrix.engine.kept import source_of
from batchmatrix.engine.operations import Operations
from batchmatrix.engine.pinning import Pinned, Pins
from batchmatrix.engine.policy import retry_rules
from batchmatrix.engine.tokens import ANNOTATIONS
from batchmatrix.ledger.replay import replay
from batchmatrix.model.cell import MatrixRef, Plan
from batchmatrix.model.observed import NodeState
from batchmatrix.model.operation import OperationEntry
from batchmatrix.model.record import Record
from batchmatrix.model.v1alpha1 import BatchMatrix, MatrixCatalog
from batchmatrix.plan.explain import Recorded
from batchmatrix.plan.pin import load_plan
from batchmatrix.wiring.stores import open_results
from batchmatrix.wiring.users import node_states

if TYPE_CHECKING:
    from batchmatrix.adapters.kube.reading import KubeReader

__all__ = ["CatalogsHere", "Earlier", "read_earlier", "read_nodes", "read_plan", "recorded_by"]

_NODES_LIMIT = 256 << 20
"""Bytes of a file of nodes; a node takes about 10 KiB of JSON."""
_STORE_SECONDS = 20.0
"""How long a store may take before it is done without."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """What there is of the same matrix from before."""

    live: Mapping[str, Any] | None = None
    """The object in the cluster."""
    pinned: Pinned | None = None
    """What is in force, where its store could be read."""
    records: Sequence[Record] | None = None
    """The ledger, where its store could be read."""
    operations: Sequence[OperationEntry] = ()
    """Reruns and cancels of that ledger."""
    written: Mapping[str, Record] = field(default_factory=dict)
    """Those records by their keys, as their attempts ended: later rules may have changed what they say."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Trials done by cell hash, of the last summary, where that is all there is."""
    whole: bool = True
    """Whether what is not in it was not done."""
    notes: tuple[str, ...] = ()


# -- nodes --------------------------------------------------------------------------------------------------------


async def read_nodes(
    file: Path | None, reader: KubeReader | None, *, offline: bool
) -> tuple[list[NodeState] | None, str]:
    """Nodes from a file, else from the cluster; None where there are none to be had. And a line that says which."""
    if file is not None:
        name = shown_name(file)
        try:
            found = node_states(read_text(file, limit=_NODES_LIMIT))
        except InvalidSpec:
            raise
        except BatchMatrixError as error:
            raise InvalidSpec([Problem(name, str(error))]) from None
        return found, f"{counted(len(found), 'node')} of {name}"
    why = "--offline" if offline else "there is no kubeconfig"
    if reader is not None:
        nodes = await reader.nodes()
        if nodes is not None:
            return nodes, f"{counted(len(nodes), 'node')} of {reader.server}"
        why = f"{reader.server} does not let you list them"
    return None, f"not read ({why}); placement is by labels alone"


# -- catalogs -----------------------------------------------------------------------------------------------------


class CatalogsHere:
    """Fills ports.cluster.CatalogObjects: MatrixCatalogs of the matrix's own file, then those of the cluster."""

    def __init__(self, own: Sequence[MatrixCatalog], reader: KubeReader | None) -> None:
        self._own = {one.metadata.name: one for one in own}
        self._reader = reader
        self._seen: dict[tuple[str, str], Mapping[str, Any] | None] = {}

    def get(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        """The catalog as it was read."""
        return self._seen.get((namespace, name))

    async def read(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        """The catalog of this name, or None. Raises InvalidSpec where no cluster can be asked for it."""
        if name in self._own:
            body = self._own[name].model_dump(mode="json", by_alias=True, exclude_unset=True)
            body["metadata"] |= {"namespace": namespace, "uid": "", "generation": 0}  # it is not in the cluster yet
            self._seen[namespace, name] = body
        elif self._reader is None:
            text = f"{source_of(name)} is not in this file, and no cluster was asked for it; write it below the matrix"
            raise InvalidSpec([Problem("spec.catalogRefs", text)])
        else:
            self._seen[namespace, name] = await self._reader.catalog(namespace, name)
        return self._seen[namespace, name]


# -- earlier plan and results -------------------------------------------------------------------------------------


def read_plan(file: Path) -> Plan:
    """The plan in a file. Raises InvalidSpec."""
    name = shown_name(file)
    text = read_text(file, limit=_NODES_LIMIT)
    try:
        return load_plan(text.encode())
    except BatchMatrixError as error:
        raise InvalidSpec([Problem(name, str(error).removeprefix("plan.json "))]) from None


async def read_earlier(reader: KubeReader | None, namespace: str, name: str) -> Earlier:
    """What the cluster, and the store where it can be read from here, say of the matrix of this name."""
    live = await reader.matrix(namespace, name) if reader is not None else None
    if reader is None or live is None:
        return Earlier()
    results = str((live.get("status") or {}).get("results") or "")
    if not results:
        return Earlier(live)
    ref = MatrixRef(namespace, name, str(live["metadata"]["uid"]))
    try:
        async with asyncio.timeout(_STORE_SECONDS):
            found = await _from_store(results, ref)
        return replace(found, live=live, notes=_cancelled(found.operations))
    except TimeoutError:
        why = f"{results} did not answer in {_STORE_SECONDS:.0f} s"
    except BatchMatrixError as error:
        why = one_line(str(error), limit=200)
    return await _from_summary(live, reader, ref, why)


async def _from_store(results: str, ref: MatrixRef) -> Earlier:
    base, middle, _ = results.partition(f"/{ref.prefix()}/")
    if not middle:
        raise BatchMatrixError(f"{results} is not where results of this matrix lie")
    store = open_results(base)
    try:
        pins = Pins(store, ref)
        newest = await pins.newest()
        pinned = await pins.load(newest) if newest is not None else None
        state = await replay(store, ref.prefix())
        return Earlier(
            pinned=pinned,
            records=tuple(state.records.values()),
            operations=tuple(state.operations.values()),
            written={record.key: state.as_written(record.key) for record in state.records.values()},
        )
    finally:
        await store.close()


def _cancelled(operations: Sequence[OperationEntry]) -> tuple[str, ...]:
    """A line where what would run is not going to, as somebody has cancelled it."""
    if not Operations(operations).all_cancelled:
        return ()
    return (f"the matrix is cancelled: nothing runs before annotation {ANNOTATIONS['rerun']} says so",)


async def _from_summary(live: Mapping[str, Any], reader: KubeReader, ref: MatrixRef, why: str) -> Earlier:
    """Counts of the summary ConfigMap; they do not tell which trials are done, and the first ones are taken."""
    name = f"{ref.name}-summary"
    try:
        body = await reader.config_map(ref.namespace, name)
        summary = json.loads(((body or {}).get("data") or {})["summary.json"])
        counts = {str(cell["hash"]): int(cell["done"]) for cell in summary["cells"]}
        whole = not summary["truncated"]
    except (BatchMatrixError, KeyError, TypeError, ValueError):
        counts, whole = {}, False
    source = f"what is done is taken from ConfigMap {name}" if counts else "what is done is not known"
    return Earlier(
        live, counts=counts, whole=whole and bool(counts), notes=(f"{source}, as the store was not read: {why}",)
    )


def recorded_by(earlier: Earlier, plan: Plan, previous: Plan | None, matrix: BatchMatrix) -> Recorded:
    """Which trials of the two plans have a result, judged as the operator judges: an attempt to be retried is none."""
    plans = [one for one in (previous, plan) if one is not None]
    if earlier.records is None:
        done = {
            (cell.hash, trial): ""
            for one in plans
            for cell in one.cells
            for trial in range(earlier.counts.get(cell.hash, 0))
        }
        return Recorded(done, earlier.whole)
    rules = retry_rules(matrix)
    operations = Operations(earlier.operations)
    boards = [Board(one, order=(), rules=rules, records=earlier.records, operations=operations) for one in plans]
    return Recorded(
        {key: record.outcome.value for board in boards for key, record in board.results.items()}, earlier.whole
    )
