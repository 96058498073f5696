"""`batchmatrix` and `python -m batchmatrix`: the command line, with the command that serves a cluster.

The two rooms do not know each other; they meet here.
"""

from __future__ import annotations

from batchmatrix.cli.main import app, run
from batchmatrix.controller.command import operator

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    app.add_command(operator)
    run()


if __name__ == "__main__":
    main()
