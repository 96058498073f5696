"""What a matrix keeps of what its earlier generations looked up: a name means one thing in it (docs/adr/0007)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.base.ids import canonical_json
from batchmatrix.model.catalog import KINDS, Catalogs, Named
from batchmatrix.model.v1alpha1 import Entries, Spec
from batchmatrix.model.v1alpha1.rules import SPEC_BYTES_LIMIT
from batchmatrix.plan.catalogs import INLINE, used_names

__all__ = ["Standing", "UsedCatalog", "check_dropped", "dropped", "family", "source_of", "standing_of"]

_OBJECT = "MatrixCatalog "

_DROPPED_BYTES = 8 * SPEC_BYTES_LIMIT
"""What is carried on of names that are not used any more, as JSON; each generation holds it once more."""

_NONE = Catalogs()

_ByKind = Mapping[str, Mapping[str, Named[Any]]]


def source_of(name: str) -> str:
    """What the entries of the MatrixCatalog of this name have as their source."""
    return _OBJECT + name


def family(source: str) -> str:
    """A source without the version that a plug-in has in brackets."""
    return source.partition(" (")[0]


@dataclass(frozen=True, slots=True)
class UsedCatalog:
    """The entries that one generation uses, as they are pinned."""

    entries: Catalogs
    sources: tuple[str, ...]
    """Every catalog but the inline one that its names were looked up in, used or not."""
    dropped: Catalogs = _NONE
    """What earlier generations looked up outside of their specs and this one does not: it still has its meaning."""
    generation: int | None = field(default=None, compare=False)
    """Where it is pinned; None for one that is not yet."""

    def looked_up(self, kind: str) -> dict[str, Named[Any]]:
        """By name everything of this kind that was ever looked up outside of a spec of this matrix."""
        entries: Mapping[str, Named[Any]] = getattr(self.entries, kind)
        before: Mapping[str, Named[Any]] = getattr(self.dropped, kind)
        return {**before, **{name: entry for name, entry in entries.items() if entry.source != INLINE}}


@dataclass(frozen=True, slots=True)
class Standing:
    """What the names of a spec stand for already, because of earlier generations."""

    kept: _ByKind
    """Looked up before, and neither said by this spec itself nor from a MatrixCatalog that it reads no more."""
    left: _ByKind
    """Looked up before in a MatrixCatalog that this spec reads no more."""
    own: Mapping[str, frozenset[str]]
    """By kind those names of the spec's own catalog that were its own before, or mean what they were found to mean."""
    read: frozenset[str]
    """Sources that were read before."""

    def is_new(self, spec: Spec) -> bool:
        """Whether the spec reads a MatrixCatalog, or uses a name, for the first time."""
        if not {source_of(ref.name) for ref in spec.catalog_refs} <= self.read:
            return True
        return any(names - self.kept[kind].keys() - self.own[kind] for kind, names in used_names(spec).items())

    def beside(self, sources: Iterable[tuple[str, Entries]]) -> list[tuple[str, Entries]]:
        """What is kept, then all catalogs, each without the names that stand already.

        Only a MatrixCatalog that is read for the first time is held against those: its author chose it just now.
        """
        by_source: dict[str, dict[str, dict[str, Any]]] = {}
        for kind, names in self.kept.items():
            for name, entry in names.items():
                by_source.setdefault(entry.source, {}).setdefault(kind, {})[name] = entry.value
        result = [(source, _entries(kinds)) for source, kinds in by_source.items()]
        for source, entries in sources:
            if source.startswith(_OBJECT) and source not in self.read:
                result.append((source, entries))
                continue
            hidden = {kind: self.kept[kind].keys() | self.own[kind] for kind in KINDS}
            fresh = {
                kind: {name: value for name, value in getattr(entries, kind).items() if name not in hidden[kind]}
                for kind in KINDS
            }
            result.append((source, _entries(fresh)))
        return result


def standing_of(spec: Spec, earlier: UsedCatalog | None) -> Standing:
    """What stands for this spec; nothing for the first generation."""
    if earlier is None:
        return Standing(
            {kind: {} for kind in KINDS}, {kind: {} for kind in KINDS}, dict.fromkeys(KINDS, frozenset()), frozenset()
        )
    refs = {source_of(ref.name) for ref in spec.catalog_refs}
    kept: dict[str, dict[str, Named[Any]]] = {kind: {} for kind in KINDS}
    left: dict[str, dict[str, Named[Any]]] = {kind: {} for kind in KINDS}
    own: dict[str, frozenset[str]] = {}
    read = set(earlier.sources)
    for kind in KINDS:
        inline: Mapping[str, Any] = getattr(spec.catalog, kind)
        used: Mapping[str, Named[Any]] = getattr(earlier.entries, kind)
        known = earlier.looked_up(kind)
        for name, entry in known.items():
            read.add(entry.source)
            if name in inline:
                continue
            gone = entry.source.startswith(_OBJECT) and entry.source not in refs
            (left if gone else kept)[kind][name] = entry
        own[kind] = frozenset(
            name
            for name, value in inline.items()
            if (name in used and used[name].source == INLINE) or (name in known and known[name].value == value)
        )
    return Standing(kept, left, own, frozenset(read))


def dropped(entries: Catalogs, earlier: UsedCatalog | None) -> Catalogs:
    """What was looked up before this generation and is not by it."""
    if earlier is None:
        return _NONE
    result: dict[str, dict[str, Named[Any]]] = {}
    for kind in KINDS:
        now: Mapping[str, Named[Any]] = getattr(entries, kind)
        result[kind] = {
            name: entry
            for name, entry in sorted(earlier.looked_up(kind).items())
            if name not in now or now[name].source == INLINE
        }
    return Catalogs(**result)


def check_dropped(catalogs: Catalogs) -> None:
    """Raises InvalidSpec where more is carried on than may be; for generations that look something up anew."""
    values = [
        entry.value.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        for kind in KINDS
        for entry in getattr(catalogs, kind).values()
    ]
    size = len(canonical_json(values))
    if size > _DROPPED_BYTES:
        text = (
            f"names something new, but the names that were looked up before and dropped have {size} bytes already; "
            f"at most {_DROPPED_BYTES} are carried on: make a new matrix"
        )
        raise InvalidSpec([Problem("spec", text)])


def _entries(kinds: Mapping[str, Mapping[str, Any]]) -> Entries:
    """Entries that were checked where they came from."""
    return Entries().model_copy(update={kind: dict(named) for kind, named in kinds.items()})
