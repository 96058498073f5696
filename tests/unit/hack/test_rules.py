"""A rule whose test is gone is found; a rule with a test, or open, is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hack.rules import problems

ROOT = Path(__file__).resolve().parents[3]

TEST = """\
import pytest

@pytest.mark.parametrize("a", [1])
def test_plain(a): ...

class TestGroup:
    async def test_inside(self): ...

def helper(): ...
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_one.py").write_text(TEST)
    return tmp_path


def found(root: Path, *rows: str) -> list[str]:
    document = root / "rules.md"
    head = ["# Rules", "", "| Other | Table |", "|---|---|", "| a | `tests/no.py::test_no` |", ""]
    document.write_text("\n".join([*head, "| Rule | Held by |", "|---|---|", *rows, "", "after"]))
    return problems(document, root)


@pytest.mark.parametrize(
    "name", ["reference/recipes.md", "reference/imports.md", "reference/result-files.md", "explanation/faults.md"]
)
def test_rules_that_are_held_or_open_are_fine(name: str) -> None:
    assert problems(ROOT / "docs" / name, ROOT) == []


def test_tests_are_found_by_the_name_of_their_function(root: Path) -> None:
    rows = [
        "| plain | `tests/test_one.py::test_plain` |",
        "| two \\| with a bar | `tests/test_one.py::test_plain`, `tests/test_one.py::test_inside` |",
        "| later | open |",
    ]
    assert found(root, *rows) == []


@pytest.mark.parametrize(
    ("held_by", "said"),
    [
        ("`tests/test_one.py::test_gone`", "tests/test_one.py has no test test_gone"),
        ("`tests/test_one.py::test_plain`, `tests/test_one.py::test_g`", "tests/test_one.py has no test test_g"),
        ("`tests/test_two.py::test_plain`", "there is no file tests/test_two.py"),
        ("`tests/test_one.py::helper`", "tests/test_one.py::helper is not of the form"),
        ("`tests/test_one.py`", "tests/test_one.py is not of the form"),
        ("`other/test_one.py::test_plain`", "is not of the form"),
        ("", "'nothing' is neither"),
        ("tests/test_one.py::test_plain", "is neither `path::test` nor open"),
        ("`tests/test_one.py::test_plain` partly", "is neither `path::test` nor open"),
    ],
)
def test_a_rule_without_its_test_is_named_with_its_line(root: Path, held_by: str, said: str) -> None:
    (line,) = found(root, "| later | open |", f"| a rule | {held_by} |")
    assert line.startswith("rules.md:10: ")
    assert said in line


def test_a_document_without_a_rule_is_no_document_of_rules(root: Path) -> None:
    assert found(root) == ["rules.md: holds no rule"]
