r"""A trial that does exactly what it is told: what the end-to-end tests run in place of a workload.

It writes a log of known bytes, leaves the count and SHA-256 of these bytes as its termination message, and ends as
asked. So a test can compare what a store holds with what the container wrote, without trusting what lies between.
All switches are environment variables and all are optional:

PROBE_LINES, PROBE_LINE_BYTES
    How many filler lines to write (0), and how long each is, its line break included (80). The bytes are printable,
    follow from the trial's seed, and differ from line to line.
PROBE_METRICS
    JSON object of metric name to a number or a list of numbers, each written as one `::metric` line after the filler.
    A list of lists has one for each trial.
PROBE_TEXT
    Lines to write as they stand after the metrics; `\n` in it is a line break.
PROBE_SLEEP, PROBE_TICK
    Seconds to stay alive after that (0), and the seconds between two `tick` lines meanwhile (0: none). The sleep may
    go by trial and attempt as PROBE_EXIT does: `0.0:300,1` is 300 for the first attempt of trial 0, else 1.
PROBE_LATER_LINES, PROBE_LATER_SECONDS
    How many filler lines more to write after the sleep (0), spread over how many seconds (0: as fast as it can).
PROBE_MEMORY
    Bytes to allocate and touch before sleeping (0).
PROBE_TAIL
    Text to write last, without a line break.
PROBE_EXIT
    Exit codes: `3`, or `1:3` for trial 1 only, or `1.0:3` for attempt 0 of trial 1 only; several with commas, of
    which the first that fits counts (0).
PROBE_SIGTERM
    Exit code to end with when asked to terminate: a `sigterm` line is written, then the tail. Without it SIGTERM
    ends the program with 143.

First comes one line of JSON with what the trial knows about itself: its BATCHMATRIX_ variables, the arguments, the
image's runtime.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

RUNTIME_FILE = Path("/etc/sample-runtime")
TERMINATION_LOG = Path("/dev/termination-log")
PRINTABLE = bytes(range(33, 127))
BLOCK = 64 * 1024


class Terminated(BaseException):
    """SIGTERM arrived."""


class Log:
    """Standard output, with a running digest of every byte that the kernel took."""

    def __init__(self) -> None:
        self.bytes = 0
        self.lines = 0
        self._digest = hashlib.sha256()

    def write(self, data: bytes) -> None:
        """Write all of `data`; bytes count when they are out, so an interrupted write is counted right."""
        view = memoryview(data)
        while view:
            # Taken and counted in one step: a SIGTERM between the two would make the digest wrong.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
            try:
                sent = os.write(1, view[:BLOCK])
                self._digest.update(view[:sent])
                self.bytes += sent
                self.lines += bytes(view[:sent]).count(b"\n")
                view = view[sent:]
            finally:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})

    def line(self, text: str) -> None:
        self.write(text.encode() + b"\n")

    def summary(self) -> dict[str, object]:
        return {"sha256": self._digest.hexdigest(), "bytes": self.bytes, "lines": self.lines}


def main() -> int:
    """Do what the environment says and return the exit code."""
    environment = os.environ
    log = Log()
    code = int(chosen(environment, "PROBE_EXIT"))
    signal.signal(signal.SIGTERM, on_sigterm)
    try:
        work(log, environment)
    except Terminated:
        log.line("sigterm")
        code = int(environment.get("PROBE_SIGTERM", "143"))
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # from here on it ends by itself, and soon
    log.write(environment.get("PROBE_TAIL", "").encode())
    if TERMINATION_LOG.exists():
        TERMINATION_LOG.write_text(json.dumps({**identity(environment), **log.summary()}))
    return code


def on_sigterm(number: int, frame: FrameType | None) -> NoReturn:
    signal.signal(number, signal.SIG_IGN)
    raise Terminated


def work(log: Log, environment: Mapping[str, str]) -> None:
    """Write everything up to the tail, and stay alive as long as asked."""
    log.line("probe " + json.dumps({**identity(environment), "arguments": sys.argv[1:]}, sort_keys=True))
    seed = int(environment.get("BATCHMATRIX_SEED", "0"))
    size = int(environment.get("PROBE_LINE_BYTES", "80"))
    filler(log, seed, int(environment.get("PROBE_LINES", "0")), size)
    for name, values in json.loads(environment.get("PROBE_METRICS", "{}")).items():
        for value in own(values, environment):
            log.line("::metric " + json.dumps({"name": name, "value": value}))
    if environment.get("PROBE_TEXT"):
        log.line(environment["PROBE_TEXT"].replace("\\n", "\n"))
    ballast = b"\x01" * int(environment.get("PROBE_MEMORY", "0"))
    rest(log, float(chosen(environment, "PROBE_SLEEP")), float(environment.get("PROBE_TICK", "0")))
    later = float(environment.get("PROBE_LATER_SECONDS", "0"))
    filler(log, seed + 1, int(environment.get("PROBE_LATER_LINES", "0")), size, seconds=later)
    del ballast


def filler(log: Log, seed: int, count: int, size: int, *, seconds: float = 0.0) -> None:
    """Write `count` lines of `size` bytes each, line break included, evenly over `seconds`."""
    if count and size < 1:
        raise SystemExit(f"PROBE_LINE_BYTES={size}: a line has at least its line break")
    source = random.Random(seed)
    # Random bytes are dear; a line is a slice of one random text that starts anywhere in it.
    text = bytes(source.choices(PRINTABLE, k=size + 4096)) if count else b""
    pending = bytearray()
    begun = time.monotonic()
    for number in range(count):
        start = source.randrange(4096)
        pending += text[start : start + size - 1] + b"\n"
        if len(pending) >= BLOCK:
            log.write(bytes(pending))
            pending.clear()
            time.sleep(max(0.0, begun + seconds * number / count - time.monotonic()))
    log.write(bytes(pending))


def rest(log: Log, seconds: float, tick: float) -> None:
    """Sleep, with a line every `tick` seconds."""
    end = time.monotonic() + seconds
    number = 0
    while (left := end - time.monotonic()) > 0:
        if tick:
            log.line(f"tick {number}")
            number += 1
        time.sleep(min(left, tick) if tick else left)


def chosen(environment: Mapping[str, str], name: str) -> str:
    """Return what the variable `name` says for this trial and attempt; `0` where it says nothing.

    >>> chosen({"PROBE_EXIT": "1.0:7,1:3,5", "BATCHMATRIX_TRIAL": "1", "BATCHMATRIX_ATTEMPT": "1"}, "PROBE_EXIT")
    '3'
    """
    trial = environment.get("BATCHMATRIX_TRIAL", "")
    attempt = environment.get("BATCHMATRIX_ATTEMPT", "")
    for part in filter(None, environment.get(name, "0").split(",")):
        who, colon, value = part.rpartition(":")
        if not colon or who in (trial, f"{trial}.{attempt}"):
            return value
    return "0"


def own(values: float | Sequence[float] | Sequence[Sequence[float]], environment: Mapping[str, str]) -> Sequence[float]:
    """Return what this trial is to write of a metric.

    >>> own([[1, 2], [3]], {"BATCHMATRIX_TRIAL": "1"}), own([1, 2], {}), own(1, {})
    ([3], [1, 2], [1])
    """
    if not isinstance(values, list):
        return [values]
    if values and isinstance(values[0], list):
        return values[int(environment.get("BATCHMATRIX_TRIAL", "0"))]
    return values


def identity(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what tells this attempt from every other."""
    names = ("TRIAL", "SEED", "CELL", "ATTEMPT", "STEPS")
    known = {name.lower(): environment[f"BATCHMATRIX_{name}"] for name in names if f"BATCHMATRIX_{name}" in environment}
    return {**known, "runtime": RUNTIME_FILE.read_text().strip() if RUNTIME_FILE.is_file() else "none"}


if __name__ == "__main__":
    sys.exit(main())
