"""RUN, as the offline commands take it: a folder, a URL of a store, or a matrix in the cluster. Reads only."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

from batchmatrix.adapters.files import read_text, shown_name
from batchmatrix.base.errors import InvalidSpec, NotFound, Problem, Unavailable
from batchmatrix.cli.inputs import check_names
from batchmatrix.engine.policy import judging_rules
from batchmatrix.formats.matrix_file import load_matrix
from batchmatrix.formats.matrix_json import load_matrix_json
from batchmatrix.model.cell import Cell, Work
from batchmatrix.model.judging import JudgingRules
from batchmatrix.model.summary import CellSummary, Summary
from batchmatrix.ports.store import ObjectInfo, Store, check_key
from batchmatrix.publish.keys import run_prefix, runs_prefix
from batchmatrix.wiring import connect, open_results

__all__ = ["LocalRuns", "RunPlace", "StoredRun", "find_run", "rules_of_file", "stored_run"]

_MATRIX = "matrix.json"
_LIMIT = 1 << 30
"""Bytes of a matrix.json; a million trials take about so much."""

_OF_MATRIX = re.compile(r"(?P<url>.+)/(?P<name>runs/[0-9]+)/?$")


class LocalRuns(Store):
    """A folder as a Store to read from: it is never made, locked or written."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def url(self) -> str:
        """Where it is."""
        return self._path.resolve().as_uri()

    async def get(self, key: str) -> bytes:
        """One file. Raises NotFound, Unavailable."""
        check_key(key)
        try:
            return (self._path / key).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise NotFound(f"{key} is not in {shown_name(self._path)}") from None
        except OSError as error:
            raise Unavailable(f"{shown_name(self._path / key)} cannot be read: {error.strerror}") from error

    async def list(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        """Files whose path begins with `prefix`, in the order of their paths."""
        found = []
        for path in self._path.rglob("*"):
            key = path.relative_to(self._path).as_posix()
            if key.startswith(prefix) and path.is_file():
                found.append(ObjectInfo(key, path.stat().st_size))
        for each in sorted(found, key=lambda one: one.key):
            yield each

    async def put_new(self, key: str, data: bytes) -> None:
        """Not for writing."""
        raise NotImplementedError

    async def put(self, key: str, data: bytes) -> None:
        """Not for writing."""
        raise NotImplementedError

    async def delete(self, key: str) -> None:
        """Not for writing."""
        raise NotImplementedError

    async def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True, slots=True)
class RunPlace:
    """Where a run's files are: those of the report under `folder`, logs where their records say."""

    store: Store
    folder: str
    """Without a slash at its end; empty where the store is the run itself."""

    @property
    def url(self) -> str:
        """For people."""
        return f"{self.store.url.rstrip('/')}/{self.folder}".rstrip("/")

    def key(self, name: str) -> str:
        """Of one file of the report."""
        return f"{self.folder}/{name}" if self.folder else name


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run that was read back."""

    summary: Summary
    rules: JudgingRules
    location: str


async def find_run(run: str, *, namespace: str | None = None, context: str | None = None) -> RunPlace:
    """Where RUN is: a folder or a matrix.json in it, an s3:// URL, or the name of a matrix in the cluster.

    Of several generations it is the newest that has come to its end. Raises NotFound with what was looked for,
    Unavailable where cluster or store do not answer. Close its store.
    """
    if run.startswith(("s3://", "file://")):
        return await _in(_opened(run))
    local = _local(run)
    if local is not None:
        return await _in(RunPlace(local, ""))
    if "/" in run.strip("/") and len(Path(run).parts) != 2:
        raise NotFound(f"{run}: there is no such folder; name a folder, an s3:// URL or a matrix")
    return await _of_matrix(run, namespace, context)


def _local(run: str) -> LocalRuns | None:
    path = Path(run)
    if path.name == _MATRIX and path.is_file():
        path = path.parent
    return LocalRuns(path) if path.is_dir() else None


def _opened(url: str) -> RunPlace:
    if url.startswith("file://"):
        return RunPlace(LocalRuns(Path(url.removeprefix("file://"))), "")
    return RunPlace(open_results(url.rstrip("/")), "")


async def _in(place: RunPlace) -> RunPlace:
    """The run at this place, or the newest one below it."""
    try:
        try:
            await place.store.get(place.key(_MATRIX))
        except NotFound:
            numbers = []
            async for item in place.store.list(place.key(runs_prefix())):
                match = re.fullmatch(rf"runs/([0-9]+)/{re.escape(_MATRIX)}", item.key)
                numbers += [int(match[1])] if match else []
            if not numbers:
                raise NotFound(f"{place.url} holds no {_MATRIX}; name the folder of a run that has ended") from None
            return replace(place, folder=place.key(run_prefix(max(numbers))))
    except BaseException:
        await place.store.close()
        raise
    return place


async def _of_matrix(run: str, namespace: str | None, context: str | None) -> RunPlace:
    own, _, name = run.rpartition("/")
    if own and namespace is not None and own != namespace:
        raise InvalidSpec([Problem("RUN", f"{run} names a namespace, and --namespace is {namespace}; leave one out")])
    check_names(namespace=own or namespace, name=name)
    reader = await connect(context)
    if reader is None:
        raise NotFound(f"{run}: there is no such folder, and no kubeconfig to ask for a matrix of this name")
    try:
        space = own or namespace or reader.namespace
        body = await reader.matrix(space, name)
    finally:
        await reader.close()
    if body is None:
        raise NotFound(f"{run}: there is no such folder, and no matrix {name} in namespace {space} of {reader.server}")
    url = str((body.get("status") or {}).get("results") or "")
    match = _OF_MATRIX.match(url)
    if match is None:
        raise NotFound(f"matrix {space}/{name} has no results yet; wait until it has ended")
    return await _in(RunPlace(open_results(match["url"]), match["name"]))


async def stored_run(place: RunPlace) -> StoredRun:
    """What is there, read back. Raises InvalidSpec where its matrix.json cannot be read."""
    data = await place.store.get(place.key(_MATRIX))
    try:
        summary, rules = load_matrix_json(data.decode("utf-8", "replace"))
    except InvalidSpec as error:
        where = f"{place.url}/{_MATRIX}"
        problems = [Problem(f"{where}{f': {each.path}' if each.path else ''}", each.message) for each in error.problems]
        raise InvalidSpec(problems) from None
    return StoredRun(summary, rules, place.url)


def rules_of_file(file: Path, summary: Summary, rules: JudgingRules) -> JudgingRules:
    """How the matrix in `file` judges results, for the cells that a stored run has.

    Metrics that the file does not define keep the unit and direction that the run has of them. Raises InvalidSpec with
    every problem of the file.
    """
    name = shown_name(file)
    found = load_matrix(read_text(file), source=name)
    if len(found) != 1:
        raise InvalidSpec([Problem(name, f"holds {len(found)} matrices; --spec takes a file with one")])
    made = judging_rules(found[0], [_cell(cell) for cell in summary.cells])
    known = {metric.name for metric in made.metrics}
    metrics = (*made.metrics, *(metric for metric in rules.metrics if metric.name not in known))
    compare = made.compare
    if not found[0].spec.compare.metrics and not compare.metrics:
        compare = replace(compare, metrics=tuple(each.name for each in metrics if each.direction))
    return replace(made, metrics=metrics, compare=compare)


def _cell(cell: CellSummary) -> Cell:
    """As much of a cell as judging looks at."""
    mitigation = cell.values.get("mitigation")
    hardware = cell.values.get("hardware")
    return Cell(
        name=cell.name,
        hash=cell.hash,
        copy=0,
        values=cell.values,
        parameters={},
        environment=None,
        hardware=None if hardware is None else str(hardware),
        trials=cell.trials,
        seed=0,
        work=Work(image=""),
        expect=cell.expect,
        mitigations=() if mitigation is None else tuple(str(mitigation).split("+")),
    )
