"""What other programs ran, as a run of ours: cells, records, stored logs, and the files of a report."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from sys import intern

from batchmatrix.base.ids import digest, slug
from batchmatrix.base.text import one_line
from batchmatrix.capture.timestamps import Block
from batchmatrix.cli.run_folder import RunFolder
from batchmatrix.engine.excerpts import excerpts_of
from batchmatrix.engine.recording import Recording
from batchmatrix.model.cell import Cell, MatrixRef, Plan, Scalar, Work
from batchmatrix.model.evidence import Captured
from batchmatrix.model.judging import JudgingRules
from batchmatrix.model.launch import AttemptId
from batchmatrix.model.metric import NO_RULES, ReadingRules
from batchmatrix.model.record import Record
from batchmatrix.model.summary import Summary, TrialResult
from batchmatrix.outcome.cases import TABLE, Case
from batchmatrix.ports.clock import Clock
from batchmatrix.summarise.summary import summarise

__all__ = ["ImportedCell", "ImportedTrial", "cell_names", "keep_log", "summary_of", "write_reports"]

GENERATION = 1
"""Of a run that no object in a cluster stands behind."""

WRITER = "import"

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_LOG_LIMIT = 1 << 40
"""Bytes of one log: what is in a file already is kept whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedCell:
    """One condition of the other program."""

    name: str
    values: Mapping[str, Scalar]
    allowed_exit_codes: tuple[int, ...] = (0,)
    trials: int
    """How many there should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedTrial:
    """One run of the other program; trials of a cell are numbered in the order in which they are given."""

    cell: str
    case: Case
    message: str
    exit_code: int | None
    seconds: float | None
    job: str
    """What the other program calls it."""
    log: Captured
    more_logs: tuple[Captured, ...] = ()
    """Of its other programs."""


def cell_names(keys: Iterable[str]) -> dict[str, str]:
    """A cell's name for each text: the text itself where it can be one, else what is readable of it and 8 digits.

    No two names differ by case alone.
    """
    once = list(dict.fromkeys(keys))
    count = Counter(key.lower() for key in once)
    return {key: key if _NAME.fullmatch(key) and count[key.lower()] == 1 else _suffixed(key) for key in once}


def _suffixed(key: str) -> str:
    return "-".join(part for part in (slug(key)[:54].rstrip("-"), digest(key)[:8]) if part)


async def keep_log(
    folder: RunFolder, clock: Clock, prefix: str, pieces: Iterable[bytes], rules: ReadingRules = NO_RULES
) -> Captured:
    """Store a whole log as the operator stores it, and read it by `rules` on its way. Times of lines are not known."""
    recording = Recording(store=folder, clock=clock, prefix=prefix, rules=rules, max_bytes=_LOG_LIMIT)
    for piece in pieces:
        begun = 0 if recording.tail.inside else 1
        await recording.take(Block(piece, [0] * (piece.count(b"\n", 0, len(piece) - 1) + begun)))
    captured = (await recording.finish(proven=True)).captured
    return replace(captured, parser=intern(captured.parser))


def summary_of(
    name: str,
    cells: Sequence[ImportedCell],
    trials: Iterable[ImportedTrial],
    *,
    units: Mapping[str, str],
    started: str = "",
    finished: str = "",
) -> Summary:
    """The summary of a run that has ended; a trial that a cell should have and has not, is without a result."""
    ref = MatrixRef("", name, "")
    made = {one.name: _cell(one) for one in cells}
    by_cell: defaultdict[str, list[TrialResult]] = defaultdict(list)
    for trial in trials:
        own = by_cell[trial.cell]
        record = _record(ref, made[trial.cell], trial, len(own))
        logs = tuple(log.state for log in (trial.log, *trial.more_logs))
        own.append(TrialResult(trial.cell, len(own), "Done", 1, logs, record))
    for one in cells:
        own = by_cell[one.name]
        own += [TrialResult(one.name, trial, "Waiting", 0, (), None) for trial in range(len(own), one.trials)]
    return summarise(
        Plan(ref, GENERATION, tuple(made.values()), "cells", "", ""),
        [result for results in by_cell.values() for result in results],
        units=units,
        complete=True,
        started=one_line(started),
        finished=one_line(finished),
        named=True,
    )


def _cell(one: ImportedCell) -> Cell:
    return Cell(
        name=one.name,
        hash=digest({"imported": dict(one.values)}),
        copy=0,
        values=dict(one.values),
        parameters={},
        environment=None,
        hardware=None,
        trials=one.trials,
        seed=0,
        work=Work(image=""),
        allowed_exit_codes=one.allowed_exit_codes,
    )


def _record(ref: MatrixRef, cell: Cell, trial: ImportedTrial, number: int) -> Record:
    row = TABLE[trial.case]
    return Record(
        namespace=ref.namespace,
        matrix=ref.name,
        matrix_uid=ref.uid,
        generation=GENERATION,
        cell=cell.name,
        id=AttemptId(cell.hash, number, 0),
        rerun=0,
        seed=number,
        job=trial.job,
        pod="",
        pod_uid="",
        node="",
        image="",
        image_digest="",
        outcome=row.outcome,
        blame=row.blame,
        reason=trial.case.value,
        message=one_line(trial.message),
        exit_code=trial.exit_code,
        signal=None,
        created="",
        started="",
        finished="",
        run_seconds=trial.seconds,
        gpu_seconds=None,
        log=trial.log,
        recorded="",
        writer=WRITER,
        more_logs=trial.more_logs,
    )


async def write_reports(folder: RunFolder, summary: Summary, rules: JudgingRules) -> Summary:
    """Judge the run and write its page and every table of it; matrix.json last of all: where that is, all the rest is.

    Plots of their own are not among them: there are those that the importing command draws.
    """
    from batchmatrix.engine.analysis import analyse  # what these take would slow down every other command
    from batchmatrix.publish.html.page import report_html

    judged = analyse(summary, rules, location=folder.url, pages=False)
    excerpts = await excerpts_of(folder, judged.summary)
    page = report_html(judged.summary, rules, location=folder.url, excerpts=excerpts)
    folder.write("report.html", page.encode())
    for name, data in sorted(judged.files.items(), key=lambda item: item[0] == "matrix.json"):
        folder.write(name, data)
    return judged.summary
