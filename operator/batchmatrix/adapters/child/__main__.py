"""The process that judges: an answer on standard output to each request on standard input, until that ends."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path

from batchmatrix.adapters.child.frames import read_frame, write_frame
from batchmatrix.engine.analysis import analyse

LARGE = 400 << 20
"""Bytes beyond which it does not wait for more work: what a large report took is not all given back before the end."""


def main() -> None:
    """Whatever goes wrong ends it with a traceback on standard error, which the controller's log shows."""
    os.nice(10)  # nobody waits for a report as for the next trial
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no part of an answer
    while (request := read_frame(sys.stdin.buffer)) is not None:
        summary, rules, location, excerpts, pages = request
        judged = analyse(summary, rules, location=location, excerpts=excerpts, pages=pages)
        write_frame(answers, judged)
        del request, summary, rules, excerpts, judged  # nothing of it is held while it waits
        if _held() > LARGE:
            return


def _held() -> float:
    """Bytes of memory; infinite where that cannot be told."""
    try:
        resident = Path("/proc/self/statm").read_text().split()[1]
    except OSError:
        return math.inf
    return int(resident) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
