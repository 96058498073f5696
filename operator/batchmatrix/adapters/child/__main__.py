"""The process that judges: one request from standard input, one answer to standard output."""

from __future__ import annotations

import os
import pickle
import sys

from batchmatrix.engine.analysis import analyse


def main() -> None:
    """Whatever goes wrong ends it with a traceback on standard error, which the controller's log shows."""
    os.nice(10)  # nobody waits for a report as for the next trial
    summary, rules, location, excerpts, pages = pickle.load(sys.stdin.buffer)
    judged = analyse(summary, rules, location=location, excerpts=excerpts, pages=pages)
    answer = pickle.dumps(judged, protocol=pickle.HIGHEST_PROTOCOL)
    sys.stdout.buffer.write(answer)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
