"""What the watches of matrices and catalogs leave in memory, and whom they wake."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from batchmatrix.base.errors import Unavailable
from batchmatrix.controller.catalogs import WatchedCatalogs
from batchmatrix.controller.matrices import WatchedMatrices
from batchmatrix.model.cell import MatrixRef
from tests.support.specs import catalog_object, matrix_object


class Nobody:
    """A server without objects."""

    async def read(self, *_: object) -> Mapping[str, Any] | None:
        return None


class Listed:
    """A server that lists `there`, or does not answer; `meanwhile` happens before the last object arrives."""

    def __init__(self, *there: dict[str, Any]) -> None:
        self.there = list(there)
        self.silent = False
        self.meanwhile: Callable[[], None] = lambda: None

    async def all(self) -> AsyncIterator[Mapping[str, Any]]:
        for index, body in enumerate(self.there):
            if index == len(self.there) - 1:
                self.meanwhile()
            yield body
        if self.silent:
            raise Unavailable("the API server does not answer")


def matrix(name: str, *catalogs: str, namespace: str = "triage", uid: str = "") -> dict[str, Any]:
    body = matrix_object(name, catalogRefs=[{"name": each} for each in catalogs])
    body["metadata"] |= {"namespace": namespace, "uid": uid or name, "managedFields": [{"manager": "kubectl"}]}
    return body


def names(refs: list[MatrixRef]) -> list[str]:
    return sorted(ref.name for ref in refs)


def watched() -> tuple[WatchedMatrices, list[MatrixRef]]:
    woken: list[MatrixRef] = []
    return WatchedMatrices(Nobody(), woken.append, Listed()), woken


def test_matrices_are_found_by_the_catalogs_that_they_name() -> None:
    matrices, _ = watched()
    matrices.seen(None, matrix("a", "team", "other"))
    matrices.seen("ADDED", matrix("b", "team"))
    matrices.seen("ADDED", matrix("c", "team", namespace="elsewhere"))
    matrices.seen("ADDED", matrix("d"))
    assert names(matrices.refer_to("triage", "team")) == ["a", "b"]
    assert names(matrices.refer_to("triage", "other")) == ["a"]
    assert matrices.refer_to("triage", "nobody's") == []


def test_after_an_edit_only_what_it_names_now_counts() -> None:
    matrices, _ = watched()
    matrices.seen("ADDED", matrix("a", "team", "other"))
    matrices.seen("MODIFIED", matrix("a", "other", "third"))
    assert [names(matrices.refer_to("triage", name)) for name in ("team", "other", "third")] == [[], ["a"], ["a"]]


def test_of_a_matrix_that_is_gone_it_is_known_whether_its_results_go_too() -> None:
    matrices, _ = watched()
    for name, retention in (("a", {"onDelete": "delete"}), ("b", {"onDelete": "keep"}), ("c", {"onDelete": "delete"})):
        body = matrix(name)
        body["spec"] |= {"retention": retention, "store": {"name": "team"}}
        matrices.seen("ADDED", body)
        assert matrices.departed(name) is None
        if name == "c":
            matrices.forget(name)
        else:
            matrices.seen("DELETED", body)
    assert [matrices.departed(name) for name in "abc"] == ["team", None, "team"]
    matrices.see_off("a")
    assert matrices.departed("a") is None


def test_a_matrix_that_is_gone_is_not_found_any_more() -> None:
    matrices, _ = watched()
    for name in ("a", "b"):
        matrices.seen("ADDED", matrix(name, "team"))
    matrices.seen("DELETED", matrix("a", "team"))
    assert names(matrices.refer_to("triage", "team")) == ["b"]
    matrices.forget("b")
    matrices.forget("b")
    assert matrices.refer_to("triage", "team") == []


def test_a_spec_that_is_written_wrongly_wakes_its_matrix_all_the_same() -> None:
    matrices, woken = watched()
    body = matrix("a")
    del body["spec"]
    matrices.seen("ADDED", body)
    assert names(woken) == ["a"]


def test_a_catalog_is_remembered_without_what_is_of_no_use() -> None:
    told: list[tuple[str, str]] = []
    catalogs = WatchedCatalogs(Nobody(), lambda namespace, name: told.append((namespace, name)))
    body = catalog_object()
    body["metadata"] |= {"namespace": "triage", "managedFields": [{"manager": "kubectl"}]}
    catalogs.seen(None, body)
    assert catalogs.get("triage", "team") == {**body, "metadata": {"name": "team", "namespace": "triage"}}
    assert catalogs.get("elsewhere", "team") is None
    catalogs.seen("DELETED", body)
    assert catalogs.get("triage", "team") is None
    assert told == [("triage", "team")] * 2


def version(body: dict[str, Any], number: int) -> dict[str, Any]:
    body["metadata"]["resourceVersion"] = str(number)
    return body


async def test_a_full_list_finds_matrices_that_the_watch_did_not_tell_of() -> None:
    woken: list[MatrixRef] = []
    server = Listed(version(matrix("a"), 1), version(matrix("b", "team"), 5), version(matrix("new"), 6))
    matrices = WatchedMatrices(Nobody(), woken.append, server)
    for name in ("a", "b", "gone"):
        matrices.seen("ADDED", version(matrix(name), 1))
    woken.clear()
    server.silent = True
    await matrices.check()
    assert names(matrices.refs()) == ["a", "b", "gone", "new"]  # half a list is no proof that anything is gone
    server.silent = False
    await matrices.check()
    assert names(matrices.refs()) == ["a", "b", "new"]
    assert names(matrices.refer_to("triage", "team")) == ["b"]
    assert names(woken) == ["b", "gone", "new"]


async def test_what_the_watch_shows_of_a_matrix_during_a_list_is_newer_than_the_list() -> None:
    woken: list[MatrixRef] = []
    server = Listed(version(matrix("a"), 2), version(matrix("b"), 2))
    matrices = WatchedMatrices(Nobody(), woken.append, server)
    matrices.seen("ADDED", version(matrix("b"), 1))
    server.meanwhile = lambda: [
        matrices.seen("MODIFIED", version(matrix("b", "team"), 3)),
        matrices.seen("ADDED", version(matrix("c"), 4)),
    ]
    await matrices.check()
    assert names(matrices.refer_to("triage", "team")) == ["b"]
    assert names(matrices.refs()) == ["a", "b", "c"]


class Server:
    """Has what is in `there`, or does not answer; `meanwhile` happens before its answer arrives."""

    def __init__(self) -> None:
        self.there: dict[str, dict[str, Any]] = {}
        self.silent = False
        self.meanwhile: Callable[[], None] = lambda: None

    async def read(self, _namespace: str, name: str) -> Mapping[str, Any] | None:
        if self.silent:
            raise Unavailable("the API server does not answer")
        found = self.there.get(name)
        self.meanwhile()
        return found


def catalog(name: str) -> dict[str, Any]:
    body = catalog_object(name)
    body["metadata"] |= {"namespace": "triage", "uid": name, "generation": 1}
    return body


async def test_a_deletion_that_the_watch_missed_is_noticed_at_the_next_check() -> None:
    server = Server()
    told: list[str] = []
    catalogs = WatchedCatalogs(server, lambda _, name: told.append(name))
    for name in ("a", "b"):
        catalogs.seen("ADDED", catalog(name))
    server.there["b"] = catalog("b")
    told.clear()
    server.silent = True
    await catalogs.check()
    assert (catalogs.get("triage", "a") is not None, told) == (True, [])
    server.silent = False
    await catalogs.check()
    assert (catalogs.get("triage", "a"), told) == (None, ["a"])
    assert catalogs.get("triage", "b") is not None


async def test_what_the_watch_shows_during_a_check_is_newer_than_its_answer() -> None:
    server = Server()
    catalogs = WatchedCatalogs(server, lambda *_: None)
    catalogs.seen("ADDED", catalog("a"))
    server.meanwhile = lambda: catalogs.seen("ADDED", catalog("a"))
    await catalogs.check()
    assert catalogs.get("triage", "a") is not None
