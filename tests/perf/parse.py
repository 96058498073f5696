"""Reading a hostile log: speed and memory of the reader beside a bare loop over the same lines.

NUL, bytes that are no UTF-8, CRLF, colours, numbers that are none and a line of 10 MB every 100 MB, with a metric of
each form. Each run is a process of its own: python -m tests.perf.parse KIND MEGABYTES.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from batchmatrix.model.metric import MetricDefinition, ReadingRules
from batchmatrix.parse.reader import LogReader, ParseReport
from tests.perf.rig import measured, usage
from tests.perf.table import Table

__all__ = ["Run", "parse", "table"]

FLOOR, READER = "floor: split into lines, count them", "reader, a metric of each form"
GROWTH = 64.0
"""MiB that reading may take, whatever the log's size."""
BLOCK = 256 << 10
LONG, EVERY = 10_000_000, 100_000_000
"""Bytes of a long line, and from one to the next."""
LINES = (
    b"step=%d step_time_ms=101.250 loss=0.5 rank=0\n" * 40
    + b"\x1b[32mINFO\x1b[0m step_time_ms=\x1b[1m99.5\x1b[0m loss=nan\r\n"
    + b'{"train": {"acc": 0.91}, "epoch": 3}\r\n'
    + b'::metric {"name": "gflops", "value": 12.5}\n'
    + b"\x00\x00\x00\xff\xfe\xc3\x28 throughput: 1,234.5 req/s\n"
    + b"\xf0\x9f\x94\xa5 done in 17 ms, 95% of it waiting\n"
    + b"RESULT p50_us=1200 p99_us=4000 torn=0\n"
    + b"::metric {not json\n"
)
RULES = ReadingRules(
    metrics=(
        MetricDefinition("step_time_ms", "keyvalue", strategy="mean"),
        MetricDefinition("loss", "keyvalue"),
        MetricDefinition("acc", "json", key="train.acc"),
        MetricDefinition("gflops", "prefix"),
        MetricDefinition("waited_ms", "regex", pattern=r"done in ([0-9]+) ms", strategy="mean"),
        MetricDefinition("p99_us", "token", token="RESULT "),
    )
)
GROUP: Mapping[str, tuple[float, int]] = {
    "step_time_ms": ((40 * 101.25 + 99.5) / 41, 41),
    "loss": (0.5, 40),
    "acc": (0.91, 1),
    "gflops": (12.5, 1),
    "waited_ms": (17.0, 1),
    "p99_us": (4000.0, 0),
}
"""What the metrics must come to: their value, and how many values each group of LINES brings; 0 is one in all, as of
lines with a token the last one counts."""
NEAR = 1e-9
"""Share by which a mean may be off for the order in which it was added up."""
LONGEST = 900.0


@dataclass(frozen=True, slots=True)
class Run:
    """One pass over the log."""

    kind: str
    bytes: int
    seconds: float
    """CPU."""
    growth_mib: float
    """Most resident during the run, above what the process held at its start."""
    long_lines: int = 0
    malformed: int = 0
    invalid: int = 0
    wrong: list[str] = field(default_factory=list)
    """Metrics and counts that are not what the log holds, with both."""


def parse(megabytes: int, say: Callable[[str], None]) -> list[Run]:
    """Each kind twice, there and back. Raises RuntimeError where a run fails."""
    found = []
    for kind in (FLOOR, READER, READER, FLOOR):
        say(f"parse: {kind}, {megabytes} MB")
        found.append(Run(**measured("tests.perf.parse", kind, str(megabytes), what=kind, longest=LONGEST)))
    return found


def table(runs: Sequence[Run]) -> Table:
    """Speed, memory and what was flagged, and the ratio of CPU to the floor's."""
    columns = ("", "MB/s", "MiB", "long lines", "unreadable", "invalid")
    made = Table(f"parse: {runs[0].bytes / 1e6:.0f} MB of a hostile log", columns)
    for run in runs:
        rate = f"{run.bytes / 1e6 / run.seconds:.0f}"
        flagged = (str(run.long_lines), str(run.malformed), str(run.invalid))
        made.add(run.kind, rate, f"{run.growth_mib:.1f}", *(flagged if run.kind == READER else ("-", "-", "-")))
    seconds = {kind: sum(run.seconds for run in runs if run.kind == kind) for kind in (FLOOR, READER)}
    made.ratio("CPU, reader / floor", seconds[READER] / seconds[FLOOR])
    worst = max(run.growth_mib for run in runs if run.kind == READER)
    made.miss([f"reading took {worst:.0f} MiB, at most {GROWTH:.0f} are fine"] if worst > GROWTH else [])
    made.miss(sorted({each for run in runs for each in run.wrong}))
    made.note("every value, count and flag compared with what the log was made of")
    made.note(f"{len(RULES.metrics)} metrics: two by key=value, JSON, prefix, a pattern, a token")
    return made


@dataclass(slots=True)
class _Log:
    """A log of about `size` bytes in pieces of one size, whose ends fall anywhere in a line."""

    size: int
    groups: int = 0
    long_lines: int = 0

    def pieces(self) -> Iterator[bytes]:
        """All of it, once; the counts hold at the end."""
        held = bytearray()
        for part in self._parts():
            held += part
            while len(held) >= BLOCK:
                yield bytes(held[:BLOCK])
                del held[:BLOCK]
        yield bytes(held)

    def _parts(self) -> Iterator[bytes]:
        many = BLOCK // len(LINES)
        done = since = 0
        while done < self.size:
            if since >= EVERY:
                since, done = 0, done + LONG
                self.long_lines += 1
                for start in range(0, LONG, BLOCK):
                    yield b"x" * min(BLOCK, LONG - start)
                yield b"\n"
            yield LINES * many
            self.groups += many
            done += many * len(LINES)
            since += many * len(LINES)


def _run(kind: str, size: int) -> Run:
    before, total = usage("self"), 0
    log, reader = _Log(size), LogReader(RULES)
    lines, rest = 0, b""
    begin = time.process_time()
    for block in log.pieces():
        total += len(block)
        if kind == READER:
            reader.write(block)
        else:
            *whole, rest = (rest + block).split(b"\n")
            for _line in whole:
                lines += 1
    report = reader.result()
    seconds = time.process_time() - begin
    growth = (usage("self").peak - before.resident) / 2**20
    invalid = sum(metric.invalid for metric in report.metrics)
    wrong = _wrong(report, log) if kind == READER else []
    return Run(kind, total, seconds, growth, report.long_lines, report.malformed, invalid, wrong)


def _wrong(report: ParseReport, log: _Log) -> list[str]:
    found = {metric.name: (metric.value, metric.count) for metric in report.metrics}
    wrong = []
    for name, (value, count) in GROUP.items():
        (had, times), made = found[name], count * log.groups or 1
        if had is None or not math.isclose(had, value, rel_tol=NEAR) or times != made:
            wrong.append(f"{name} is {had} of {times} values, not {value} of {made}")
    flags = {"long lines": (report.long_lines, log.long_lines), "unreadable lines": (report.malformed, log.groups)}
    flags["invalid values"] = (sum(metric.invalid for metric in report.metrics), log.groups)
    return wrong + [f"{had} {name}, not {made}" for name, (had, made) in flags.items() if had != made]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(_run(sys.argv[1], int(sys.argv[2]) * 10**6))))
