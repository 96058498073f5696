"""Run the first example on a real Kubernetes on this machine, and check its result."""

from __future__ import annotations

import argparse

from .screen import DemoError, Screen
from .story import tell


def main() -> int:
    """Tell the story; 0 only if everything in it was true."""
    argparse.ArgumentParser(prog="hack/demo", description=__doc__).parse_args()
    screen = Screen()
    try:
        tell(screen)
    except DemoError as problem:
        screen.error(problem)
        return 1
    except KeyboardInterrupt:
        screen.error(DemoError("interrupted; run it again, it goes on with what is there"))
        return 130
    screen.line(f"\ndemo done in {screen.seconds():.0f} s")
    return 0
