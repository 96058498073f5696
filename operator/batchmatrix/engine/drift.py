"""What catalogs say by now, held against what a run was pinned with: shown, never acted on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchmatrix.base.errors import InvalidSpec
from batchmatrix.engine.catalogs import Lookup, version_of
from batchmatrix.engine.kept import UsedCatalog, family, source_of
from batchmatrix.model.catalog import KINDS, Named
from batchmatrix.model.v1alpha1 import Entries, parse_catalog
from batchmatrix.plan.catalogs import INLINE

__all__ = ["drift_of", "referenced"]

_SHOWN = 3
"""Names that are written out; of the others only the number."""


def referenced(catalog: UsedCatalog) -> list[str]:
    """Names of the MatrixCatalogs that used entries came from."""
    prefix = source_of("")
    sources = {entry.source for kind in KINDS for entry in getattr(catalog.entries, kind).values()}
    return sorted(source.removeprefix(prefix) for source in sources if source.startswith(prefix))


async def drift_of(catalog: UsedCatalog, lookup: Lookup, namespace: str, *, now: float) -> tuple[dict[str, str], str]:
    """Versions of the MatrixCatalogs that were looked at, by name, and which entries differ in one line.

    The line is empty where nothing differs; `now` is monotonic seconds. Raises Unavailable.
    """
    said: dict[str, Entries | None] = {family(source): entries for source, entries in lookup.sources}
    versions: dict[str, str] = {}
    for name in referenced(catalog):
        body = await lookup.look(namespace, name, now=now)
        versions[name] = version_of(body)
        said[source_of(name)] = _entries(body)
    changed = []
    for kind in KINDS:
        entries: Mapping[str, Named[Any]] = getattr(catalog.entries, kind)
        for name, entry in sorted(entries.items()):
            if entry.source != INLINE and _differs(kind, name, entry, said):
                changed.append(f"{kind} {name} ({entry.source})")
    if not changed:
        return versions, ""
    more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
    return versions, f"not what its catalog says now: {', '.join(changed[:_SHOWN])}{more}; this run keeps what it had"


def _entries(body: Mapping[str, Any] | None) -> Entries | None:
    try:
        return parse_catalog(dict(body)).spec if body is not None else None
    except InvalidSpec:
        return None


def _differs(kind: str, name: str, entry: Named[Any], said: Mapping[str, Entries | None]) -> bool:
    entries = said.get(family(entry.source))
    return entries is None or getattr(entries, kind).get(name) != entry.value
