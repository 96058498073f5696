"""Run the first example on a real Kubernetes on this machine, and check its result."""

from __future__ import annotations

import argparse

from .screen import DemoError, Screen
from .story import remove, tell


def main() -> int:
    """Tell the story; 0 only if everything in it was true."""
    parser = argparse.ArgumentParser(prog="hack/demo", description=__doc__)
    parser.add_argument("--remove", action="store_true", help="take what an earlier run left out of the cluster")
    wanted = parser.parse_args()
    screen = Screen()
    try:
        if wanted.remove:
            remove(screen)
            return 0
        tell(screen)
    except DemoError as problem:
        screen.error(problem)
        return 1
    except KeyboardInterrupt:
        screen.error(DemoError("interrupted; run it again, it goes on with what is there"))
        return 130
    screen.line(f"\ndemo done in {screen.seconds():.0f} s")
    return 0
