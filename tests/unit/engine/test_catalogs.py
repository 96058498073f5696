"""What a name stands for, over generations and over upgrades of plug-ins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from batchmatrix.base.errors import BatchMatrixError, InvalidSpec
from batchmatrix.engine.catalogs import Found, Lookup, resolve, written_out
from batchmatrix.engine.drift import drift_of
from batchmatrix.engine.kept import UsedCatalog
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


def test_a_name_that_was_kept_does_not_clash_with_what_is_installed_later() -> None:
    first = resolve(matrix("a"), found((OLD, mitigations(a="1"))), earlier=None)
    now = found((NEW, mitigations(a="2", b="2")), ("plug-in b (b 1)", mitigations(a="3")))
    assert values(resolve(matrix("a", "b"), now, earlier=first)) == {"a": ("1", OLD), "b": ("2", NEW)}


def test_it_clashes_with_a_matrix_catalog_that_the_spec_reads_for_the_first_time() -> None:
    first = resolve(matrix("a"), found((OLD, mitigations(a="1"))), earlier=None)
    more = matrix("a", catalogRefs=[{"name": "team"}])
    with pytest.raises(InvalidSpec, match=r"'a' is in two catalogs with different contents: plug-in acme .*1\.0"):
        resolve(more, found((NEW, mitigations(a="1")), ("MatrixCatalog team", mitigations(a="3"))), earlier=first)


def test_a_name_that_is_new_clashes_as_ever() -> None:
    first = resolve(matrix("a"), found((OLD, mitigations(a="1"))), earlier=None)
    now = found((NEW, mitigations(a="1", b="2")), ("plug-in b (b 1)", mitigations(b="3")))
    with pytest.raises(InvalidSpec, match="'b' is in two catalogs"):
        resolve(matrix("a", "b"), now, earlier=first)


def test_a_name_that_is_dropped_and_named_again_means_what_it_meant() -> None:
    one = resolve(matrix("a", "b"), found((OLD, mitigations(a="1", b="1"))), earlier=None)
    two = resolve(matrix("b"), found((NEW, mitigations(a="2", b="2"))), earlier=one)
    assert list(two.entries.mitigations) == ["b"]
    assert {name: entry.source for name, entry in two.dropped.mitigations.items()} == {"a": OLD}
    three = resolve(matrix("none"), found(), earlier=load_catalog(dump_catalog(two)))
    assert list(three.dropped.mitigations) == ["a", "b"]
    four = resolve(matrix("a"), found((NEW, mitigations(a="4", b="4"))), earlier=load_catalog(dump_catalog(three)))
    assert values(four) == {"a": ("1", OLD)}
    assert list(four.dropped.mitigations) == ["b", "none"]


def test_more_names_than_one_catalog_can_hold_are_carried_on() -> None:
    catalog = None
    for start in range(0, 180, 60):
        names = {f"m{number}": "1" for number in range(start, start + 60)}
        catalog = resolve(matrix(*names), found((OLD, mitigations(**names))), earlier=catalog)
    assert catalog is not None
    assert len(catalog.dropped.mitigations) == 120
    assert load_catalog(dump_catalog(catalog)) == catalog


def test_what_is_carried_on_has_a_bound_that_stops_only_new_names() -> None:
    def big(start: int) -> Entries:
        env = {f"V{number}": "x" * 1000 for number in range(60)}
        return parse_entries({"mitigations": {f"m{start}": {"env": env}, f"n{start}": {"env": env}}})

    catalog = resolve(matrix("m0", "n0"), found((OLD, big(0))), earlier=None)
    for number in range(1, 9):
        catalog = resolve(matrix(f"m{number}", f"n{number}"), found((OLD, big(number))), earlier=catalog)
    with pytest.raises(InvalidSpec, match=r"^spec: names something new, .* are carried on: make a new matrix$"):
        resolve(matrix("m9", "n9"), found((OLD, big(9))), earlier=catalog)
    assert len(dump_catalog(catalog)) < 2_000_000
    assert list(resolve(matrix("m0"), found(), earlier=catalog).entries.mitigations) == ["m0"]


@pytest.mark.parametrize("said", ["1", "2"])
def test_a_spec_that_says_itself_what_was_looked_up_is_held_against_its_catalogs(said: str) -> None:
    first = resolve(matrix("a"), found((OLD, mitigations(a="1"))), earlier=None)
    own = matrix("a", catalog={"mitigations": {"a": {"env": {"X": said}}}})
    if said == "1":
        assert values(resolve(own, found((NEW, mitigations(a="3"))), earlier=first)) == {"a": ("1", "inline")}
        return
    with pytest.raises(InvalidSpec, match=r"different contents: plug-in acme .*1\.1.* and inline"):
        resolve(own, found((NEW, mitigations(a="3"))), earlier=first)
    assert values(resolve(own, found(), earlier=first)) == {"a": ("2", "inline")}


def test_what_was_the_specs_own_stays_its_own_whatever_catalogs_say_later() -> None:
    own = {"mitigations": {"a": {"env": {"X": "1"}}, "unused": {}}}
    first = resolve(matrix("a", catalog=own), found(), earlier=None)
    later = found((NEW, mitigations(a="3", unused="3")))
    assert values(resolve(matrix("a", catalog=own), later, earlier=first)) == {"a": ("1", "inline")}
    edited = {"mitigations": {"a": {"env": {"X": "2"}}}}
    assert values(resolve(matrix("a", catalog=edited), later, earlier=first)) == {"a": ("2", "inline")}
    with_new = resolve(matrix("a", "b", catalog=edited), found((NEW, mitigations(a="3", b="3"))), earlier=first)
    assert values(with_new) == {"a": ("2", "inline"), "b": ("3", NEW)}


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
        (b'{"schema":2}', "holds no catalog"),
        (b'{"schema":1}', "before the first release; delete the matrix and make it anew"),
        (b'{"schema":9}', "has schema 9, this version reads 2; upgrade the operator"),
        (
            b'{"schema":2,"sources":[],"mitigations":{"a":{"value":{"envs":{}}}},"environments":{},"hardware":{}}',
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
    assert await drift_of(catalog, lookup, "triage", now=0.0) == ({}, line)
