"""Tables of rules in the documentation: every rule names the test that holds it, or says that it is open.

A table of rules is one whose last column is headed "Held by". A test is written as `path::function` in backticks;
a parametrised one by the name of its function.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

__all__ = ["OPEN", "problems"]

OPEN = "open"
"""What stands in place of a test where a rule is not held yet."""

_HEAD = "held by"
_TEST = re.compile(r"`([^`]+)`")
_CELL_ENDS = re.compile(r"(?<!\\)\|")
_RULER = re.compile(r"[-: ]+")


def problems(document: Path, root: Path) -> list[str]:
    """What is wrong with the tables of rules in a Markdown file, one line each; paths of tests begin at `root`."""
    found = []
    rules = 0
    for line, last in _rows(document.read_text(encoding="utf-8")):
        rules += 1
        where = f"{document.name}:{line}"
        if last == OPEN:
            continue
        tests = _TEST.findall(last)
        if not tests or _TEST.sub("", last).strip(" ,"):
            found.append(f"{where}: {last or 'nothing'!r} is neither `path::test` nor {OPEN}")
        found += [f"{where}: {text}" for test in tests for text in _missing(test, root)]
    return found or ([] if rules else [f"{document.name}: holds no rule"])


def _rows(text: str) -> Iterator[tuple[int, str]]:
    """Line number and last column of every row under a head of rules."""
    inside = False
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.startswith("|"):
            inside = False
            continue
        cells = [cell.strip() for cell in _CELL_ENDS.split(line.strip())[1:-1]]
        if not cells or _RULER.fullmatch("".join(cells)):
            continue
        if cells[-1].lower() == _HEAD:
            inside = True
        elif inside:
            yield number, cells[-1]


def _missing(test: str, root: Path) -> Iterator[str]:
    path, _, function = test.partition("::")
    if not function.startswith("test_") or not path.startswith("tests/"):
        yield f"{test} is not of the form tests/FILE.py::test_NAME"
    elif not (root / path).is_file():
        yield f"there is no file {path}"
    elif function not in _functions(root / path):
        yield f"{path} has no test {function}"


@cache
def _functions(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
