"""The files and logs of a stored run copied into a folder."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from batchmatrix.base.errors import NotFound
from batchmatrix.base.text import one_line
from batchmatrix.cli.run_folder import RunFolder
from batchmatrix.cli.runs import RunPlace
from batchmatrix.engine.logstore import chunk_keys, read_log
from batchmatrix.model.evidence import Captured, LogState
from batchmatrix.model.summary import Summary
from batchmatrix.publish.keys import safe_part

__all__ = ["CopiedLogs", "copy_files", "copy_logs"]


async def copy_files(place: RunPlace, folder: RunFolder) -> int:
    """How many files of the report were written; logs are not among them."""
    count = 0
    below = f"{place.folder}/" if place.folder else ""
    async for item in place.store.list(below):
        name = item.key.removeprefix(below)
        if not below and name.split("/", 1)[0] in ("logs", "ledger", "runs"):
            continue
        folder.write(name, await place.store.get(item.key))
        count += 1
    return count


@dataclass(slots=True)
class CopiedLogs:
    """What came of copying every log of the last attempt of each trial."""

    written: int = 0
    lost: int = 0
    """Those that were never kept, as their records say."""
    amiss: list[str] = field(default_factory=list)
    """What is wrong with others, one line each."""


async def copy_logs(place: RunPlace, summary: Summary, folder: RunFolder) -> CopiedLogs:
    """Write each as plain text. Raises BatchMatrixError where a part of one is damaged."""
    done = CopiedLogs()
    for trial in summary.trials:
        record = trial.record
        if record is None:
            continue
        # names of cells are texts of whoever wrote the file
        name = f"logs/{safe_part(trial.cell)}/{trial.trial}-{record.id.attempt}"
        of = f"trial {trial.trial} of {one_line(trial.cell, limit=63)}"
        await _copy(place, place.log_key(record), record.log, f"{name}.log", f"the log of {of}", folder, done)
        for log in record.more_logs:
            program = log.key.rsplit("/", 1)[-1]
            whose = f"the log of {one_line(program, limit=63)} in {of}"
            await _copy(place, place.log_key(record, log), log, f"{name}.{safe_part(program)}.log", whose, folder, done)
    return done


async def _copy(
    place: RunPlace, key: str, log: Captured, name: str, whose: str, folder: RunFolder, done: CopiedLogs
) -> None:
    """One log, and what came of it; `whose` it is, in words."""
    if not log.key or log.state is LogState.LOST:
        done.lost += 1
        return
    try:
        digest = await _text(place, key, name, folder)
    except NotFound:
        done.amiss.append(f"{whose} is not in {place.store.url}")
        return
    done.written += 1
    if log.state is LogState.COMPLETE and not log.capped and digest != log.sha256:
        done.amiss.append(f"{whose} is not as it was recorded: its SHA-256 is another")


async def _text(place: RunPlace, key: str, name: str, folder: RunFolder) -> str:
    """Write it, and give its SHA-256. Raises NotFound where there is none, BatchMatrixError where it is damaged."""
    digest = hashlib.sha256()
    if not await chunk_keys(place.store, key):
        data = await place.store.get(name)  # an exported run has its logs as they are written here
        folder.write(name, data)
        return hashlib.sha256(data).hexdigest()
    with folder.opened(name) as stream:
        async for piece in read_log(place.store, key):
            digest.update(piece)
            stream.write(piece)
    return digest.hexdigest()
