"""Very many trials made into statistics of cells: seconds and memory for a table of 10^6 rows; and what judging costs.

Each kind of work is a process of its own, so that its high-water mark is its own: python -m tests.perf.rows WORK FILE.
No cluster, no store; the table is a file as trials.csv is written.
"""

from __future__ import annotations

import csv
import json
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from batchmatrix.model.judging import CheckRule, CompareRule, GateRule, JudgingRules, Limit, MetricRule
from batchmatrix.model.metric import MetricValue
from batchmatrix.model.summary import Summary
from batchmatrix.publish.csvs import trials_csv
from batchmatrix.summarise.summary import summarise
from tests.perf.rig import measured, usage
from tests.perf.table import Table
from tests.support.records import a_cell, a_plan, a_result

__all__ = ["Work", "rows", "table"]

ROWS = 1_000_000
CELLS = 1_000
TRIALS = 5
"""Of each cell in what is judged."""
METRICS = ("step_time_ms", "p99_us")
LONGEST = 600.0
FLOOR = "floor: csv.reader, one sum a cell"
TABLE = "table of trials, read and aggregated"
JUDGED = "summary of records, judged"


@dataclass(frozen=True, slots=True)
class Work:
    """One piece of work in a process of its own."""

    what: str
    rows: int
    seconds: float
    """CPU."""
    mib: float
    """Resident at most, less what the process held before it began; its imports count for those that need them."""


def rows(say: Callable[[str], None]) -> list[Work]:
    """All figures. Raises RuntimeError where a process fails or its result is wrong."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trials.csv"
        say(f"rows: writing {ROWS:,} of them")
        _write(path)
        for work in (FLOOR, TABLE, JUDGED):
            say(f"rows: {work}")
            found.append(Work(**measured("tests.perf.rows", work, str(path), what=work, longest=LONGEST)))
    return found


def table(works: Sequence[Work]) -> Table:
    """Seconds and memory, and the ratio to the floor."""
    made = Table("rows: trials to statistics of cells, without any cluster", ("", "trials", "s", "MiB"))
    by = {each.what: each for each in works}
    for each in works:
        made.add(each.what, f"{each.rows}", f"{each.seconds:.2f}", f"{each.mib:.0f}")
    made.ratio("table / floor, seconds", by[TABLE].seconds / by[FLOOR].seconds)
    made.note(f"{CELLS} cells, {len(METRICS)} metrics; imports of pandas and scipy are in the MiB, not in the seconds")
    return made


def _summary(trials: int) -> Summary:
    """CELLS cells of so many trials, in some noise; the first is the baseline of all."""
    random_ = random.Random(7)
    cells = [a_cell(f"cell-{at}", trials=trials, values={"at": at}) for at in range(CELLS)]
    results = [
        a_result(cell, trial, metrics=[MetricValue(name, "mean", random_.gauss(100, 3), 90) for name in METRICS])
        for cell in cells
        for trial in range(trials)
    ]
    units = dict.fromkeys(METRICS, "")
    return summarise(a_plan(*cells), results, units=units, complete=True, started="", finished="")


def _write(path: Path) -> None:
    """ROWS rows as trials_csv writes them: those of a small matrix, again and again with other numbers."""
    header, *lines = trials_csv(_summary(1)).splitlines()
    names = header.split(",")
    ends = [names.index(f"metric_{name}") for name in METRICS]
    random_ = random.Random(11)
    with path.open("w", newline="") as out:
        out.write(header + "\n")
        for number in range(ROWS):
            fields = lines[number % CELLS].split(",")
            for at in ends:
                fields[at] = repr(random_.gauss(100, 3))
            out.write(",".join(fields) + "\n")


def _floor(path: Path) -> int:
    sums: defaultdict[str, float] = defaultdict(float)
    count = 0
    with path.open(newline="") as source:
        reader = csv.reader(source)
        names = next(reader)
        cell, value = names.index("cell"), names.index(f"metric_{METRICS[0]}")
        for row in reader:
            sums[row[cell]] += float(row[value])
            count += 1
    if len(sums) != CELLS:
        raise RuntimeError(f"{len(sums)} cells")
    return count


def _table(path: Path) -> int:
    import pandas as pd

    from batchmatrix.summarise.judging.rows import cell_statistics, reading_options

    found = cell_statistics(pd.read_csv(path, **reading_options(METRICS)), METRICS)
    name = f"metric_{METRICS[0]}"
    sound = found[f"{name}_mean"].between(99, 101) & found[f"{name}_low"].lt(found[f"{name}_mean"])
    if len(found) != CELLS or not sound.all():
        raise RuntimeError("the statistics are not those of the table")
    return int(found["trials"].sum())


def _judged(summary: Summary) -> int:
    from batchmatrix.summarise.judging.judge import judge

    names = [cell.name for cell in summary.cells]
    rules = JudgingRules(
        metrics=tuple(MetricRule(name, direction="lower") for name in METRICS),
        pairs=tuple((name, names[0]) for name in names[1:]),
        baseline=names[0],
        compare=CompareRule(METRICS),
        checks=(CheckRule(METRICS[0], max=1000),),
        gates=(GateRule("no-slower", METRICS[0], max=Limit(0.5, relative=True, text="+50%")),),
    )
    made = judge(summary, rules)
    if made.verdict != "pass" or made.judgement is None or len(made.judgement.findings) != 2 * CELLS - 1:
        raise RuntimeError(f"{made.verdict}: {made.reason}")
    return len(made.trials)


def _imported() -> None:
    """What a process pays once, whatever the table."""
    import batchmatrix.summarise.judging.judge
    import batchmatrix.summarise.judging.rows  # noqa: F401


def _main(what: str, path: Path) -> None:
    before = usage()
    if what != FLOOR:
        _imported()
    work: Callable[[], Any] = {FLOOR: lambda: _floor(path), TABLE: lambda: _table(path)}.get(what, lambda: None)
    if what == JUDGED:
        summary = _summary(TRIALS)
        work = lambda: _judged(summary)  # noqa: E731
    begin = time.process_time()
    count = work()
    seconds = time.process_time() - begin
    mib = (usage().peak - before.resident) / 2**20
    sys.stdout.write(json.dumps(asdict(Work(what, count, seconds, mib))))


if __name__ == "__main__":
    _main(sys.argv[1], Path(sys.argv[2]))
