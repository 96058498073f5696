"""Look up what a matrix names: which catalogs it reads, and what comes of it together with what it keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.base.text import one_line
from batchmatrix.engine.kept import Standing, UsedCatalog, check_dropped, dropped, source_of, standing_of
from batchmatrix.model.catalog import KINDS, Catalogs
from batchmatrix.model.v1alpha1 import BatchMatrix, Entries, parse_catalog, parse_matrix
from batchmatrix.plan.catalogs import catalogs_of, self_contained, used_names
from batchmatrix.ports.cluster import CatalogObjects

__all__ = ["ASK_AGAIN", "Found", "Lookup", "bare_object", "resolve", "version_of", "written_out"]

ASK_AGAIN = 60.0
"""Seconds for which the server's word on a MatrixCatalog is believed where the watch is behind it."""


def version_of(body: Mapping[str, Any] | None) -> str:
    """Two states of a MatrixCatalog with the same version have the same entries; empty where there is no object."""
    if body is None:
        return ""
    metadata = body["metadata"]
    return f"{metadata['uid']}/{metadata['generation']}"


@dataclass(frozen=True, slots=True)
class Found:
    """The catalogs that a matrix reads, as they are now."""

    sources: Sequence[tuple[str, Entries]] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    """Of every MatrixCatalog that was asked for, by name."""
    problems: tuple[Problem, ...] = ()
    """MatrixCatalogs that are not there or cannot be used."""
    gone: tuple[Problem, ...] = ()
    """Those that are not there but were: it matters only where a name is missing."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """Reads the catalogs of matrices. A MatrixCatalog that is being deleted counts as gone.

    `now` is monotonic seconds everywhere.
    """

    objects: CatalogObjects
    sources: Sequence[tuple[str, Entries]]
    """The catalogs that every matrix has: the built-in one and plug-ins, each with its source in words."""
    answers: dict[tuple[str, str], tuple[float, Mapping[str, Any] | None]] = field(default_factory=dict)
    """What the server said of late, by namespace and name, where the watch has not caught up with it."""

    async def read(
        self, matrix: BatchMatrix, namespace: str, *, earlier: UsedCatalog | None, now: float = 0.0
    ) -> Found:
        """Read what this matrix looks its names up in, from the server itself: memory may be behind.

        No object is asked for where earlier generations have found all names already, so that a matrix can be
        suspended or cut down whatever has become of its catalogs. Raises Unavailable.
        """
        spec = matrix.spec
        if spec.catalog.only:
            return Found()
        standing = standing_of(spec, earlier)
        if earlier is not None and not standing.is_new(spec):
            return Found(self.sources)
        sources = list(self.sources)
        versions: dict[str, str] = {}
        problems: list[Problem] = []
        gone: list[Problem] = []
        for index, ref in enumerate(spec.catalog_refs):
            body = await self._ask(namespace, ref.name, now)
            versions[ref.name] = version_of(body)
            where = f"spec.catalogRefs[{index}].name"
            if body is None:
                before = source_of(ref.name) in standing.read
                text = f"there is no MatrixCatalog {ref.name!r} in namespace {namespace!r}; create it, or "
                text += f"{_way_out(earlier)}, then remove this reference" if before else "remove this reference"
                (gone if before else problems).append(Problem(where, text))
                continue
            try:
                sources.append((source_of(ref.name), _entries(body, ref.name)))
            except InvalidSpec as error:
                problems.append(Problem(where, str(error)))
        return Found(sources, versions, tuple(problems), tuple(gone))

    async def look(self, namespace: str, name: str, *, now: float) -> Mapping[str, Any] | None:
        """The MatrixCatalog as the watch shows it; where that lacks it, as the server said within ASK_AGAIN.

        That an object is gone is believed only from the server itself. Raises Unavailable.
        """
        known, body = self._known(namespace, name, now)
        return body if known else await self._ask(namespace, name, now)

    def changed(self, namespace: str, versions: Mapping[str, str], *, now: float) -> bool:
        """Whether one of these MatrixCatalogs is another by now, or may be."""
        for name, version in versions.items():
            known, body = self._known(namespace, name, now)
            if version_of(body) != version if known else version != "":
                return True
        return False

    async def may_be_mended(self, namespace: str, versions: Mapping[str, str], *, now: float) -> bool:
        """Whether one of these MatrixCatalogs is another by now. Raises Unavailable."""
        for name, version in versions.items():
            if version_of(await self.look(namespace, name, now=now)) != version:
                return True
        return False

    def _known(self, namespace: str, name: str, now: float) -> tuple[bool, Mapping[str, Any] | None]:
        """Whether the object is known without asking, and the object."""
        shown = self.objects.get(namespace, name)
        since, body = self.answers.get((namespace, name), (float("-inf"), None))
        if shown is not None and not _older(shown, body):
            self.answers.pop((namespace, name), None)
            return True, _there(shown)
        return now - since < ASK_AGAIN, body

    async def _ask(self, namespace: str, name: str, now: float) -> Mapping[str, Any] | None:
        body = _there(await self.objects.read(namespace, name))
        for key in [key for key, (since, _) in self.answers.items() if now - since >= ASK_AGAIN]:
            del self.answers[key]
        self.answers[namespace, name] = (now, body)
        return body


def _there(body: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    return None if body is None or "deletionTimestamp" in body["metadata"] else body


def _older(body: Mapping[str, Any], other: Mapping[str, Any] | None) -> bool:
    """Whether `other` is a later state of the same object."""
    if other is None:
        return False
    old, new = body["metadata"], other["metadata"]
    return bool(old["uid"] == new["uid"] and old["generation"] < new["generation"])


def resolve(matrix: BatchMatrix, found: Found, *, earlier: UsedCatalog | None) -> UsedCatalog:
    """Everything that the matrix names, with its source.

    A name that an earlier generation has looked up outside of its spec still stands for what it stood for then
    (docs/adr/0007). Raises InvalidSpec where a catalog cannot be used, and for names that none or two of them have.
    """
    if found.problems:
        raise InvalidSpec(list(found.problems))
    spec = matrix.spec
    standing = standing_of(spec, earlier)
    new = earlier is None or standing.is_new(spec)
    catalogs = catalogs_of(matrix, standing.beside(found.sources if new else ()))
    try:
        self_contained(matrix, catalogs)  # says which names there are not
    except InvalidSpec as error:
        missing = any(names - getattr(catalogs, kind).keys() for kind, names in used_names(spec).items())
        gone = found.gone if missing else ()
        raise InvalidSpec([*gone, *error.problems, *_left(standing, matrix, catalogs, earlier)]) from None
    used = used_names(spec)
    entries = Catalogs(**{kind: {name: getattr(catalogs, kind)[name] for name in sorted(used[kind])} for kind in KINDS})
    refs = () if spec.catalog.only else tuple(source_of(ref.name) for ref in spec.catalog_refs)
    sources = dict.fromkeys([*(source for source, _ in found.sources), *refs])
    carried = dropped(entries, earlier)
    if new:
        check_dropped(carried)
    return UsedCatalog(entries, tuple(sources), carried)


def _left(
    standing: Standing, matrix: BatchMatrix, catalogs: Catalogs, earlier: UsedCatalog | None
) -> Sequence[Problem]:
    """What became of names that are missing because the spec reads their MatrixCatalog no more."""
    return [
        Problem(
            "spec.catalogRefs", f"no longer has the {entry.source} of {name!r}; put it back, or {_way_out(earlier)}"
        )
        for kind, names in used_names(matrix.spec).items()
        for name, entry in standing.left[kind].items()
        if name in names and name not in getattr(catalogs, kind)
    ]


def _way_out(earlier: UsedCatalog | None) -> str:
    generation = earlier.generation if earlier is not None and earlier.generation is not None else "<generation>"
    return f"copy what was used of it from runs/{generation}/catalog.json of the results into spec.catalog"


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


def _entries(body: Mapping[str, Any], name: str) -> Entries:
    try:
        return parse_catalog(dict(body)).spec
    except InvalidSpec as error:
        more = f" (and {len(error.problems) - 1} more)" if len(error.problems) > 1 else ""
        text = f"MatrixCatalog {name!r} cannot be used: {error.problems[0]}{more}; mend that object"
        raise InvalidSpec([Problem("", one_line(text))]) from error
