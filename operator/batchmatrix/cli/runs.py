"""RUN, as the offline commands take it: a folder, a URL of a store, or a matrix in the cluster. Reads only."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote

from batchmatrix.base.errors import InvalidSpec, NotFound, Problem
from batchmatrix.base.text import one_line
from batchmatrix.cli.inputs import check_names
from batchmatrix.cli.local_runs import LocalRuns
from batchmatrix.engine.reporting import is_finished
from batchmatrix.formats.matrix_json import load_matrix_json
from batchmatrix.model.cell import MatrixRef
from batchmatrix.model.evidence import Captured
from batchmatrix.model.judging import JudgingRules
from batchmatrix.model.record import Record
from batchmatrix.model.summary import Summary
from batchmatrix.ports.store import ReadableStore
from batchmatrix.publish.keys import run_prefix, runs_prefix
from batchmatrix.wiring.stores import open_results
from batchmatrix.wiring.users import connect

__all__ = ["RunPlace", "StoredRun", "find_run", "stored_run"]

_MATRIX = "matrix.json"
_OF_MATRIX = re.compile(r"(?P<url>.+)/(?P<name>runs/[0-9]+)")
"""The folder of one generation in that of its matrix, which holds the logs, too."""


@dataclass(frozen=True, slots=True)
class RunPlace:
    """Where a run's files are: those of the report under `folder`, logs where their records say."""

    store: ReadableStore
    """It begins at the matrix's own folder, or at the run's where that stands alone."""
    folder: str
    """Without a slash at its end; empty where the store is the run itself."""

    @property
    def url(self) -> str:
        """For people."""
        return f"{self.store.url.rstrip('/')}/{self.folder}".rstrip("/")

    def key(self, name: str) -> str:
        """Of one file of the report."""
        return f"{self.folder}/{name}" if self.folder else name

    def log_key(self, record: Record, log: Captured | None = None) -> str:
        """Of a log of an attempt, `record.log` by default: a record has it from the root of the operator's store on."""
        whole = MatrixRef(record.namespace, record.matrix, record.matrix_uid).prefix()
        return (log or record.log).key.removeprefix(f"{whole}/")


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run that was read back."""

    summary: Summary
    rules: JudgingRules
    location: str


async def find_run(run: str, *, namespace: str | None = None, context: str | None = None) -> RunPlace:
    """Where RUN is: a folder or a matrix.json in it, an s3:// URL, or the name of a matrix in the cluster.

    Of several generations in a folder it is the newest that has come to its end; a matrix in the cluster has to have
    come to the end of its present one. Raises NotFound with what was looked for, Unavailable where cluster or store do
    not answer. Close its store.
    """
    if run.startswith("s3://"):
        return await _in(_of_url(run))
    local = Path(unquote(run.removeprefix("file://"))) if run.startswith("file://") else Path(run)
    if local.name == _MATRIX and local.is_file():
        local = local.parent
    if run and local.is_dir():
        return await _in(_of_folder(local))
    shown = one_line(run, limit=4096)
    if local.is_file():
        raise NotFound(f"{shown} is no folder; name the folder of a run, or the {_MATRIX} in it")
    if not re.fullmatch(r"[a-z0-9.-]+(/[a-z0-9.-]+)?", run) or run.startswith("."):
        shown = shown or "RUN is empty"
        raise NotFound(f"{shown}: there is no such folder; name a folder, an s3:// URL, or a matrix in the cluster")
    return await _of_matrix(run, namespace, context)


def _of_folder(path: Path) -> RunPlace:
    """Logs lie beside runs/, so the store begins there, however the run was named."""
    whole = path.resolve()
    if _OF_MATRIX.fullmatch(whole.as_posix()):
        return RunPlace(LocalRuns(whole.parent.parent), f"{whole.parent.name}/{whole.name}")
    return RunPlace(LocalRuns(path), "")


def _of_url(url: str) -> RunPlace:
    url = "s3://" + url.removeprefix("s3://").rstrip("/").removesuffix(f"/{_MATRIX}")
    match = _OF_MATRIX.fullmatch(url)
    return RunPlace(open_results(match["url"]), match["name"]) if match else RunPlace(open_results(url), "")


async def _in(place: RunPlace) -> RunPlace:
    """The run at this place, or the newest one below it."""
    try:
        if await _has(place):
            return place
        return replace(place, folder=run_prefix(await _newest(place)))
    except BaseException:
        await place.store.close()
        raise


async def _newest(place: RunPlace) -> int:
    numbers = []
    if not place.folder:
        async for item in place.store.list(runs_prefix()):
            match = re.fullmatch(rf"{runs_prefix()}([0-9]+)/{re.escape(_MATRIX)}", item.key)
            numbers += [int(match[1])] if match else []
    if not numbers:
        raise NotFound(f"{place.url} holds no {_MATRIX}; name the folder of a run that has ended")
    return max(numbers)


async def _has(place: RunPlace) -> bool:
    """To read it for that would be slow: it can be large."""
    wanted = place.key(_MATRIX)
    return any([item.key == wanted async for item in place.store.list(wanted)])


async def _of_matrix(run: str, namespace: str | None, context: str | None) -> RunPlace:
    own, _, name = run.rpartition("/")
    if own and namespace is not None and own != namespace:
        raise InvalidSpec([Problem("RUN", f"{run} names a namespace, and --namespace is {namespace}; leave one out")])
    check_names(namespace=own or namespace)
    _check_name(run, name)
    reader = await connect(context)
    if reader is None:
        raise NotFound(f"{run}: there is no such folder, and no kubeconfig to ask for a matrix of this name")
    try:
        space = own or namespace or reader.namespace
        body = await reader.matrix(space, name)
        server = reader.server
    finally:
        await reader.close()
    if body is None:
        raise NotFound(f"{run}: there is no such folder, and no matrix {name} in namespace {space} of {server}")
    url = str((body.get("status") or {}).get("results") or "")
    match = _OF_MATRIX.fullmatch(url)
    if match is None:
        raise NotFound(f"matrix {space}/{name} has no results yet; wait until it has ended")
    if not is_finished(body):  # what an earlier generation, or the time before a rerun, has shown is not its result
        raise NotFound(f"matrix {space}/{name} has not ended; wait for that, or name the folder of an earlier run")
    if not url.startswith("s3://"):
        return RunPlace(open_results(match["url"]), match["name"])  # says that it cannot be read from here
    return await _in(_of_url(url))


def _check_name(run: str, name: str) -> None:
    try:
        check_names(name=name)
    except InvalidSpec as error:
        raise NotFound(f"{run}: there is no such folder, and no matrix: {error.problems[0].message}") from None


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
