"""Look up what a matrix names: which catalogs it reads, and what it keeps of what an earlier generation found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.base.text import one_line
from batchmatrix.model.catalog import KINDS, Catalogs, Named
from batchmatrix.model.v1alpha1 import BatchMatrix, Entries, Spec, parse_catalog, parse_matrix
from batchmatrix.plan.catalogs import INLINE, catalogs_of, self_contained, used_names
from batchmatrix.ports.cluster import CatalogObjects

__all__ = [
    "Found",
    "Lookup",
    "UsedCatalog",
    "bare_object",
    "family",
    "resolve",
    "source_of",
    "version_of",
    "written_out",
]

_OBJECT = "MatrixCatalog "


def source_of(name: str) -> str:
    """What the entries of the MatrixCatalog of this name have as their source."""
    return _OBJECT + name


def version_of(body: Mapping[str, Any] | None) -> str:
    """Two states of a MatrixCatalog with the same version have the same entries; empty where there is no object."""
    if body is None:
        return ""
    metadata = body["metadata"]
    return f"{metadata['uid']}/{metadata['generation']}"


@dataclass(frozen=True, slots=True)
class UsedCatalog:
    """The entries that one generation uses, as they are pinned."""

    entries: Catalogs
    sources: tuple[str, ...]
    """Every catalog but the inline one that its names were looked up in, used or not."""


@dataclass(frozen=True, slots=True)
class Found:
    """The catalogs that a matrix reads, as they are now."""

    sources: Sequence[tuple[str, Entries]] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    """Of every MatrixCatalog that was asked for, by name."""
    problems: tuple[Problem, ...] = ()
    """MatrixCatalogs that are not there or cannot be used."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """Reads the catalogs of matrices."""

    objects: CatalogObjects
    sources: Sequence[tuple[str, Entries]]
    """The catalogs that every matrix has: the built-in one and plug-ins, each with its source in words."""

    async def read(self, matrix: BatchMatrix, namespace: str, *, earlier: UsedCatalog | None) -> Found:
        """Read what this matrix looks its names up in, from the server itself: memory may be behind.

        No object is asked for where an earlier generation has found all names already, so that a matrix can be
        suspended or cut down whatever has become of its catalogs. Raises Unavailable.
        """
        spec = matrix.spec
        if spec.catalog.only:
            return Found()
        if earlier is not None and not _is_new(spec, earlier):
            return Found(self.sources)
        sources = list(self.sources)
        versions: dict[str, str] = {}
        problems: list[Problem] = []
        for index, ref in enumerate(spec.catalog_refs):
            body = await self.objects.read(namespace, ref.name)
            versions[ref.name] = version_of(body)
            try:
                sources.append((source_of(ref.name), _entries(body, ref.name, namespace)))
            except InvalidSpec as error:
                problems.append(Problem(f"spec.catalogRefs[{index}].name", str(error)))
        return Found(sources, versions, tuple(problems))

    def changed(self, namespace: str, versions: Mapping[str, str]) -> bool:
        """Whether one of these MatrixCatalogs is another by now, as far as the watch has shown."""
        return any(version_of(self.objects.get(namespace, name)) != version for name, version in versions.items())

    async def may_be_mended(self, namespace: str, versions: Mapping[str, str]) -> bool:
        """The same, but that there still is no such object is asked of the server itself. Raises Unavailable."""
        for name, version in versions.items():
            body = self.objects.get(namespace, name) or await self.objects.read(namespace, name)
            if version_of(body) != version:
                return True
        return False


def resolve(matrix: BatchMatrix, found: Found, *, earlier: UsedCatalog | None) -> UsedCatalog:
    """Everything that the matrix names, with its source.

    A name that the generation before has looked up outside of its spec still stands for what it stood for then
    (docs/adr/0007). Raises InvalidSpec where a catalog cannot be used, and for names that none or two of them have.
    """
    if found.problems:
        raise InvalidSpec(list(found.problems))
    kept = _kept(matrix.spec, earlier) if earlier is not None else {}
    catalogs = catalogs_of(matrix, _with_kept(found.sources, kept))
    self_contained(matrix, catalogs)  # says which names there are not
    used = used_names(matrix.spec)
    entries = {kind: {name: getattr(catalogs, kind)[name] for name in sorted(used[kind])} for kind in KINDS}
    refs = () if matrix.spec.catalog.only else tuple(source_of(ref.name) for ref in matrix.spec.catalog_refs)
    sources = dict.fromkeys([*(source for source, _ in found.sources), *refs])
    return UsedCatalog(Catalogs(**entries), tuple(sources))


def written_out(matrix: BatchMatrix, catalog: UsedCatalog) -> BatchMatrix:
    """The matrix with everything that it names in it: what is pinned as matrix.resolved.yaml, and loads again as it is.

    Raises InvalidSpec where it breaks a rule now that all is in one place.
    """
    return parse_matrix(bare_object(self_contained(matrix, catalog.entries)))


def bare_object(matrix: BatchMatrix) -> dict[str, Any]:
    """The object without what the API server and the operator have put there."""
    obj = matrix.to_dict()
    metadata = {key: value for key, value in obj["metadata"].items() if key in ("name", "namespace")}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": metadata, "spec": obj["spec"]}


def _entries(body: Mapping[str, Any] | None, name: str, namespace: str) -> Entries:
    if body is None:
        text = f"there is no MatrixCatalog {name!r} in namespace {namespace!r}; create it, or remove this reference"
        raise InvalidSpec([Problem("", text)])
    try:
        return parse_catalog(dict(body)).spec
    except InvalidSpec as error:
        more = f" (and {len(error.problems) - 1} more)" if len(error.problems) > 1 else ""
        text = f"MatrixCatalog {name!r} cannot be used: {error.problems[0]}{more}; mend that object"
        raise InvalidSpec([Problem("", one_line(text))]) from error


def _is_new(spec: Spec, earlier: UsedCatalog) -> bool:
    """Whether the spec names something that was not looked up before, or a catalog that was not read before."""
    if not {source_of(ref.name) for ref in spec.catalog_refs} <= set(earlier.sources):
        return True
    known: dict[str, set[str]] = {kind: set(getattr(spec.catalog, kind)) for kind in KINDS}
    for kinds in _kept(spec, earlier).values():
        for kind, entries in kinds.items():
            known[kind] |= set(entries)
    return any(names - known[kind] for kind, names in used_names(spec).items())


_Kept = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Source to kind to name to entry."""


def _kept(spec: Spec, earlier: UsedCatalog) -> _Kept:
    """What an earlier generation found outside of its spec, less what this one says itself or reads no more."""
    refs = {source_of(ref.name) for ref in spec.catalog_refs}
    kept: dict[str, dict[str, dict[str, Any]]] = {}
    for kind in KINDS:
        entries: Mapping[str, Named[Any]] = getattr(earlier.entries, kind)
        for name, entry in entries.items():
            left = entry.source.startswith(_OBJECT) and entry.source not in refs
            if entry.source != INLINE and not left and name not in getattr(spec.catalog, kind):
                kept.setdefault(entry.source, {}).setdefault(kind, {})[name] = entry.value
    return kept


def _with_kept(sources: Iterable[tuple[str, Entries]], kept: _Kept) -> list[tuple[str, Entries]]:
    """All catalogs, each with what is kept of it in the place of what it says now."""
    result = [(source, _as_entries(kinds)) for source, kinds in kept.items()]
    for source, entries in sources:
        old: dict[str, set[str]] = {kind: set() for kind in KINDS}
        for other, kinds in kept.items():
            if family(other) == family(source):
                for kind, named in kinds.items():
                    old[kind] |= set(named)
        fresh = {
            kind: {name: value for name, value in getattr(entries, kind).items() if name not in old[kind]}
            for kind in KINDS
        }
        result.append((source, _as_entries(fresh)))
    return result


def _as_entries(kinds: Mapping[str, Mapping[str, Any]]) -> Entries:
    """Entries that were checked where they came from."""
    return Entries().model_copy(update={kind: dict(named) for kind, named in kinds.items()})


def family(source: str) -> str:
    """A source without the version that a plug-in has in brackets."""
    return source.partition(" (")[0]
