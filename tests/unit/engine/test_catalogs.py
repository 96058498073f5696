"""What a name stands for, over generations and over upgrades of plug-ins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from batchmatrix.base.errors import BatchMatrixError, InvalidSpec
from batchmatrix.engine.catalogs import Found, Lookup, UsedCatalog, resolve, written_out
from batchmatrix.engine.drift import drift_of
from batchmatrix.engine.pinning import dump_catalog, load_catalog
from batchmatrix.model.v1alpha1 import BatchMatrix, Entries, parse_entries
from batchmatrix.plan.builtin import BUILT_IN
from batchmatrix.ports.cluster import CatalogObjects
from tests.support.full_specs import FULL_CATALOG
from tests.support.specs import a_matrix

OLD, NEW = "plug-in acme (acme-catalog 1.0)", "plug-in acme (acme-catalog 1.1)"


class NoObjects(CatalogObjects):
    """A namespace without MatrixCatalogs."""

    def get(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        return None

    async def read(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        return None


def mitigations(**values: str) -> Entries:
    return parse_entries({"mitigations": {name: {"env": {"X": value}} for name, value in values.items()}})


def found(*sources: tuple[str, Entries]) -> Found:
    return Found([("built-in", BUILT_IN), *sources])


def matrix(*names: str, **spec: Any) -> BatchMatrix:
    axes = [{"name": "mitigation", "values": list(names)}]
    return a_matrix(**{"axes": axes, "workload": {"image": "app:1", "command": ["run"]}, **spec})


def values(catalog: UsedCatalog) -> dict[str, tuple[str, str]]:
    """What X is set to by each mitigation, and by whom."""
    entries = catalog.entries.mitigations
    return {name: (entry.value.env.get("X", ""), entry.source) for name, entry in entries.items()}


def test_an_upgraded_plug_in_does_not_clash_with_what_its_older_self_was_asked_for() -> None:
    first = resolve(matrix("a"), found((OLD, mitigations(a="1", b="1"))), earlier=None)
    second = resolve(matrix("a", "b"), found((NEW, mitigations(a="2", b="2"))), earlier=first)
    assert values(second) == {"a": ("1", OLD), "b": ("2", NEW)}


def test_what_a_plug_in_that_is_gone_was_asked_for_still_stands() -> None:
    first = resolve(matrix("a"), found((OLD, mitigations(a="1"))), earlier=None)
    second = resolve(matrix("a", "none"), found(), earlier=first)
    assert values(second) == {"a": ("1", OLD), "none": ("", "built-in")}


def test_a_name_that_was_kept_still_clashes_with_another_catalog() -> None:
    first = resolve(matrix("a"), found((OLD, mitigations(a="1"))), earlier=None)
    with pytest.raises(InvalidSpec, match=r"'a' is in two catalogs with different contents: plug-in acme .*1\.0"):
        resolve(
            matrix("a", "none"),
            found((NEW, mitigations(a="2")), ("plug-in b (b 1)", mitigations(a="3"))),
            earlier=first,
        )


def test_only_what_is_used_is_kept_with_every_catalog_that_was_read() -> None:
    catalog = resolve(matrix("a"), found((OLD, mitigations(a="1", b="1"))), earlier=None)
    assert (list(catalog.entries.mitigations), catalog.entries.hardware) == (["a"], {})
    assert catalog.sources == ("built-in", OLD)


def test_a_matrix_that_reads_its_own_catalog_alone_takes_nothing_over() -> None:
    first = resolve(matrix("a"), found((OLD, mitigations(a="1"))), earlier=None)
    own = matrix("a", catalog={"only": True, "mitigations": {"a": {"env": {"X": "9"}}}})
    assert values(resolve(own, Found(), earlier=first)) == {"a": ("9", "inline")}
    with pytest.raises(InvalidSpec, match="'a' is not in the catalog of mitigations"):
        resolve(matrix("a", catalog={"only": True}), Found(), earlier=first)


def test_what_is_written_out_must_hold_all_rules_of_a_matrix() -> None:
    """A workload of a catalog that does not go with the axes is found when the two come together."""
    named = parse_entries({"workloads": {"train": {"image": "app:1", "env": [{"name": "size", "value": "1"}]}}})
    spec = a_matrix(workload={"ref": "train"})
    catalog = resolve(spec, found((OLD, named)), earlier=None)
    with pytest.raises(InvalidSpec, match=r"spec\.workload\.env\[0\]\.name: 'size' is set by the axis"):
        written_out(spec, catalog)


def test_a_pinned_catalog_is_read_back_as_it_was() -> None:
    axes = [
        {"name": name, "values": sorted(FULL_CATALOG[kind])}
        for name, kind in (("mitigation", "mitigations"), ("environment", "environments"), ("hardware", "hardware"))
    ]
    spec = a_matrix(axes=axes, workload={"ref": next(iter(FULL_CATALOG["workloads"]))})
    catalog = resolve(spec, found((OLD, parse_entries(FULL_CATALOG))), earlier=None)
    data = dump_catalog(catalog)
    assert load_catalog(data) == catalog
    assert dump_catalog(load_catalog(data)) == data


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "holds no catalog"),
        (b"[]", "holds no catalog"),
        (b'{"schema":1}', "holds no catalog"),
        (b'{"schema":9}', "has schema 9, this version reads 1; upgrade the operator"),
        (
            b'{"schema":1,"mitigations":{"a":{"value":{"envs":{}}}},"environments":{},"hardware":{},"workloads":{}}',
            "mitigations.a.envs: unknown field",
        ),
    ],
)
def test_a_pinned_catalog_that_is_damaged_says_so(data: bytes, said: str) -> None:
    with pytest.raises(BatchMatrixError, match=said):
        load_catalog(data)


@pytest.mark.parametrize(
    ("now", "line"),
    [
        ([(OLD, mitigations(a="1"))], ""),
        ([(NEW, mitigations(a="1"))], ""),
        (
            [(NEW, mitigations(a="2"))],
            f"not what its catalog says now: mitigations a ({OLD}); this run keeps what it had",
        ),
        ([], f"not what its catalog says now: mitigations a ({OLD}); this run keeps what it had"),
    ],
)
async def test_a_plug_in_that_says_something_else_is_named(now: Sequence[tuple[str, Entries]], line: str) -> None:
    catalog = resolve(matrix("a"), found((OLD, mitigations(a="1"))), earlier=None)
    lookup = Lookup(NoObjects(), [("built-in", BUILT_IN), *now])
    assert await drift_of(catalog, lookup, "triage") == ({}, line)
