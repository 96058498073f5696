"""`batchmatrix` and `python -m batchmatrix`: the command line, with the command that serves a cluster.

The two rooms do not know each other; they meet here. They are loaded once a SIGTERM is heard, as that takes a while.
"""

from __future__ import annotations

import os
import signal

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    # The first process of a container does not hear a SIGTERM that it has no handler for.
    signal.signal(signal.SIGTERM, lambda number, _frame: os._exit(128 + number))
    from batchmatrix.cli.main import app, run
    from batchmatrix.controller.command import operator

    app.add_command(operator)
    run()


if __name__ == "__main__":
    main()
