"""What is kept of each generation under runs/<generation>/, written once and before its first Job.

In this order, so that a process that dies between any two leaves nothing that another would read differently:

    catalog.json            every entry that is used, with its source: from here on no catalog is read
    matrix.resolved.yaml    the matrix with all of that written into it; follows from the spec and catalog.json
    spec.json               the object's own fields, as the user wrote them
    plan.json               every cell; a generation is in force only with this
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from batchmatrix.base.errors import AlreadyExists, BatchMatrixError, InvalidSpec, NotFound, Problem
from batchmatrix.base.ids import canonical_json
from batchmatrix.engine.catalogs import bare_object
from batchmatrix.engine.kept import UsedCatalog
from batchmatrix.formats.matrix_file import dump_object, load_matrix
from batchmatrix.ledger.errors import BrokenLedger
from batchmatrix.model.catalog import KINDS, Catalogs, Named
from batchmatrix.model.cell import MatrixRef, Plan
from batchmatrix.model.v1alpha1 import BatchMatrix, parse_entries
from batchmatrix.plan.pin import dump_plan, load_plan
from batchmatrix.ports.store import Store
from batchmatrix.publish.keys import catalog_key, plan_key, resolved_key, runs_prefix, spec_key

__all__ = ["CATALOG_SCHEMA", "Pinned", "Pins", "as_pinned", "dump_catalog", "load_catalog", "resolved_text"]

T = TypeVar("T")

logger = logging.getLogger(__name__)

CATALOG_SCHEMA = 2

_TOGETHER = 16
"""Entries of one kind that are checked at once: what a catalog may hold of any kind."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """One generation as it is in force."""

    matrix: BatchMatrix
    """Self-contained."""
    catalog: UsedCatalog
    plan: Plan


@dataclass(frozen=True, slots=True)
class Pins:
    """The generations of one matrix in its store."""

    store: Store
    ref: MatrixRef

    async def newest(self) -> int | None:
        """The newest generation with a plan."""
        prefix = self._key(runs_prefix())
        newest: int | None = None
        async for item in self.store.list(prefix):
            generation, _, name = item.key.removeprefix(prefix).partition("/")
            if name == "plan.json" and generation.isdigit():
                newest = max(newest or 0, int(generation))
        return newest

    async def load(self, generation: int) -> Pinned | None:
        """What is pinned of this generation; None without a plan. Raises BrokenLedger where it cannot be read."""
        try:
            plan = await self.store.get(self._key(plan_key(generation)))
        except NotFound:
            return None
        text = await self._rest(resolved_key(generation))
        return Pinned(
            plan=self._read(plan_key(generation), load_plan, plan),
            # the YAML of the longest spec takes a second or more, in which the lease and other matrices must not wait
            matrix=await asyncio.to_thread(self._read, resolved_key(generation), _load_resolved, text),
            catalog=self._catalog(generation, await self._rest(catalog_key(generation))),
        )

    async def catalog(self, generation: int) -> UsedCatalog | None:
        """The catalog alone, which a process may have pinned before it died."""
        try:
            data = await self.store.get(self._key(catalog_key(generation)))
        except NotFound:
            return None
        return self._catalog(generation, data)

    def _catalog(self, generation: int, data: bytes) -> UsedCatalog:
        return replace(self._read(catalog_key(generation), load_catalog, data), generation=generation)

    async def put_catalog(self, generation: int, catalog: UsedCatalog) -> UsedCatalog:
        """Pin it; gives the one that counts, which another process may have pinned first."""
        data = dump_catalog(catalog)
        kept = await self._put_new(catalog_key(generation), data)
        return catalog if kept == data else self._catalog(generation, kept)

    async def put_matrix(self, generation: int, matrix: BatchMatrix, body: Mapping[str, Any]) -> BatchMatrix:
        """Pin the self-contained matrix, and beside it the spec as it was written; gives the matrix that counts.

        Raises InvalidSpec where the file would not be read as this very matrix.
        """
        data = await asyncio.to_thread(self._resolved, generation, matrix)
        kept = await self._put_new(resolved_key(generation), data)
        await self._put_new(spec_key(generation), canonical_json(_own_fields(body)))
        if kept == data:
            return matrix
        return await asyncio.to_thread(self._read, resolved_key(generation), _load_resolved, kept)

    async def put_plan(self, plan: Plan) -> Plan:
        """Pin the plan, last of all; gives the one that counts."""
        data = dump_plan(plan)
        kept = await self._put_new(plan_key(plan.generation), data)
        return plan if kept == data else self._read(plan_key(plan.generation), load_plan, kept)

    def _resolved(self, generation: int, matrix: BatchMatrix) -> bytes:
        """The file, which must give the matrix again: after a restart it is all that there is."""
        data = resolved_text(matrix, self.ref, generation).encode()
        try:
            same = bare_object(_load_resolved(data)) == bare_object(matrix)
        except BatchMatrixError:
            same = False
        if not same:
            text = "holds a text or number that a YAML file does not give back as it was; remove what is unusual in it"
            raise InvalidSpec([Problem("spec", text)])
        return data

    def _key(self, key: str) -> str:
        return f"{self.ref.prefix()}/{key}"

    async def _put_new(self, key: str, data: bytes) -> bytes:
        try:
            await self.store.put_new(self._key(key), data)
        except AlreadyExists:
            logger.debug("%s is there already", key)
            return await self.store.get(self._key(key))
        return data

    async def _rest(self, key: str) -> bytes:
        try:
            return await self.store.get(self._key(key))
        except NotFound:
            raise BrokenLedger(f"{self._where(key)} is gone; bring the store back") from None

    def _read(self, key: str, read: Callable[[bytes], T], data: bytes) -> T:
        try:
            return read(data)
        except BatchMatrixError as error:
            raise BrokenLedger(f"{self._where(key)} cannot be read: {error}") from error

    def _where(self, key: str) -> str:
        return f"{self.store.url}/{self._key(key)}"


def dump_catalog(catalog: UsedCatalog) -> bytes:
    """The one text of the entries that a generation uses: the same entries give the same bytes."""
    body = {
        "schema": CATALOG_SCHEMA,
        "sources": list(catalog.sources),
        **_dumped(catalog.entries),
        "dropped": _dumped(catalog.dropped),
    }
    return canonical_json(body) + b"\n"


def _dumped(catalogs: Catalogs) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for kind in KINDS:
        entries: Mapping[str, Named[Any]] = getattr(catalogs, kind)
        body[kind] = {
            name: {
                "source": entry.source,
                "value": entry.value.model_dump(mode="json", by_alias=True, exclude_defaults=True),
            }
            for name, entry in entries.items()
        }
    return body


def load_catalog(data: bytes) -> UsedCatalog:
    """What dump_catalog wrote. Raises BatchMatrixError where it is damaged, or from another version."""
    try:
        body = json.loads(data)
        schema = body["schema"]
        if schema != CATALOG_SCHEMA:
            raise BatchMatrixError(_other_schema(schema))
        sources = tuple(str(source) for source in body["sources"])
        return UsedCatalog(_loaded(body), sources, _loaded(body["dropped"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        text = f"it holds no catalog ({type(error).__name__}); it was damaged outside of BatchMatrix"
        raise BatchMatrixError(text) from None


def _other_schema(schema: object) -> str:
    if schema == 1:
        return "it has schema 1, of a version before the first release; delete the matrix and make it anew"
    return f"it has schema {schema!r}, this version reads {CATALOG_SCHEMA}; upgrade the operator"


def _loaded(body: Mapping[str, Any]) -> Catalogs:
    named: dict[str, dict[str, Named[Any]]] = {}
    for kind in KINDS:
        names = list(body[kind])
        values: dict[str, Any] = {}
        for start in range(0, len(names), _TOGETHER):
            some = names[start : start + _TOGETHER]
            values |= getattr(parse_entries({kind: {name: body[kind][name]["value"] for name in some}}), kind)
        named[kind] = {name: Named(value, str(body[kind][name]["source"])) for name, value in values.items()}
    return Catalogs(**named)


def as_pinned(catalog: UsedCatalog, generation: int) -> UsedCatalog:
    """The entries as every process reads them from the file, so that all that follows from them is the same too."""
    return replace(load_catalog(dump_catalog(catalog)), generation=generation)


def resolved_text(matrix: BatchMatrix, ref: MatrixRef, generation: int) -> str:
    """The file matrix.resolved.yaml; what is loaded from it is `matrix` again."""
    header = (
        f"BatchMatrix {ref.namespace}/{ref.name}, generation {generation}, uid {ref.uid}.\n"
        "Everything that its spec named in a catalog is written out here; no other catalog is read."
    )
    return dump_object(bare_object(matrix), header=header)


def _load_resolved(data: bytes) -> BatchMatrix:
    try:
        (matrix,) = load_matrix(data.decode(), source="matrix.resolved.yaml")
    except ValueError as error:
        raise BatchMatrixError("it does not hold one matrix; it was damaged outside of BatchMatrix") from error
    return matrix


def _own_fields(body: Mapping[str, Any]) -> dict[str, Any]:
    """What of an object is the user's own: enough to parse it again."""
    metadata = body["metadata"]
    return {
        "apiVersion": body["apiVersion"],
        "kind": body["kind"],
        "metadata": {key: metadata[key] for key in ("namespace", "name", "uid", "generation")},
        "spec": body["spec"],
    }
