"""Multiply two matrices again and again, and say how long each step took.

The checksum is the mean element of all products. It depends on the seed, the size and the number of steps; the
precision and the order in which a BLAS adds up move only its last digits. As the elements of A x B add up to the sum
over k of (column sum k of A) x (row sum k of B), anyone can work it out without multiplying matrices.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

RUNTIME_FILE = Path("/etc/sample-runtime")
END_MARKER = "MATRIX PRODUCT DONE"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code."""
    options = parse(arguments)
    # The kernel does not apply the default action of SIGTERM to the first process of a container.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    # BLAS reads these once, when numpy is imported.
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(options.threads)
    import numpy

    say(
        f"matrix product: size {options.size}, {options.steps} steps, {options.dtype}, {options.threads} threads,"
        f" seed {options.seed}, runtime {runtime()}, numpy {numpy.__version__}"
    )
    left, right = (
        numpy.array(values, dtype=options.dtype).reshape(options.size, options.size)
        for values in elements(options.seed, options.size)
    )
    total = 0.0
    spent = 0.0
    for step in range(options.steps):
        began = time.perf_counter()
        product = left @ right
        seconds = time.perf_counter() - began
        total += float(product.mean(dtype="float64"))
        # The next step multiplies other pairs: column k of A meets row k + 1 of B, and so on.
        left = numpy.roll(left, 1, axis=1)
        metric("step_time_ms", seconds * 1e3, step=step)
        spent += seconds
    metric("gflops", 2 * options.size**3 * options.steps / spent / 1e9)
    metric("checksum", total / options.steps)
    say(END_MARKER)
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; the seed's default comes from the environment."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=positive, default=512, help="rows and columns of each matrix")
    parser.add_argument("--steps", type=positive, default=30, help="products to work out")
    parser.add_argument("--threads", type=positive, default=1, help="threads that the BLAS may use")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float64")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("BATCHMATRIX_SEED", "0")))
    return parser.parse_args(arguments)


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


def elements(seed: int, size: int) -> tuple[list[float], list[float]]:
    """Return the elements of A and B, row by row, evenly spread over [0, 1)."""
    source = random.Random(seed)
    return [source.random() for _ in range(size * size)], [source.random() for _ in range(size * size)]


def runtime() -> str:
    """Return which vendor's image this stands for; the image carries it in a file."""
    return RUNTIME_FILE.read_text().strip() if RUNTIME_FILE.is_file() else "none"


def metric(name: str, value: float, **more: int) -> None:
    say("::metric " + json.dumps({"name": name, "value": value, **more}))


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
