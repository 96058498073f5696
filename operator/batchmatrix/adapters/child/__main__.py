"""The process that judges: an answer on standard output to each request on standard input, until that ends."""

from __future__ import annotations

import os
import sys

from batchmatrix.adapters.child.frames import framed, read_frame
from batchmatrix.engine.analysis import analyse


def main() -> None:
    """Whatever goes wrong ends it with a traceback on standard error, which the controller's log shows."""
    os.nice(10)  # nobody waits for a report as for the next trial
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no part of an answer
    while (request := read_frame(sys.stdin.buffer)) is not None:
        summary, rules, location, excerpts, pages = request
        judged = analyse(summary, rules, location=location, excerpts=excerpts, pages=pages)
        answers.write(framed(judged))
        answers.flush()
        del request, summary, rules, excerpts, judged  # what the largest took is not held while it waits


if __name__ == "__main__":
    main()
