"""What is wrong with arguments is said before anything is read, and nothing that is read is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import run_cli
from tests.support.recipes import CATALOG, recipe_text

MATRIX = """\
apiVersion: batchmatrix.dev/v1alpha1
kind: BatchMatrix
metadata: {name: demo}
spec:
  axes: [{name: size, values: [8, 32]}]
  workload: {image: "registry.example/app:1", command: [run]}
"""
FLAGS = ("--workload", "fsdp", "--mitigation-axis", "none,calm", "--environment-axis", "rocm", "--trials", "2")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.yaml").write_text(MATRIX)
    Path("recipe.yaml").write_text(recipe_text())
    Path("catalog.yaml").write_text(CATALOG)
    Path("nodes.yaml").write_text("kind: List\nitems: []\n")


def refused(*arguments: str, stdin: str = "") -> list[str]:
    done = run_cli(*arguments, stdin=stdin)
    assert (done.code, done.out) == (1, "")
    return [line.removeprefix("batchmatrix: ") for line in done.err.splitlines()]


@pytest.mark.parametrize(
    "arguments",
    [
        ("lint", "-", "-"),
        ("lint", "-", "--catalog", "-"),
        ("plan", "-", "--nodes", "-", "--offline"),
        ("plan", "m.yaml", "--against", "-", "--catalog", "-"),
        ("catalog", "list-hardware", "--catalog", "-", "--catalog", "-"),
        ("import", "recipe", "-", "--catalog", "-"),
        ("import", "flags", *FLAGS, "--catalog", "-", "--catalog", "-"),
    ],
)
def test_standard_input_can_be_read_once(arguments: tuple[str, ...]) -> None:
    assert refused(*arguments, stdin=MATRIX) == [
        "- is given twice, and standard input can be read once; give a file in its place"
    ]


@pytest.mark.parametrize("name", ["", "A", "a_b", "-a", "a" * 64, "a\nb", "a/b"])
def test_a_namespace_that_there_cannot_be_is_refused_before_anything_is_read(name: str) -> None:
    (line,) = refused("plan", "missing.yaml", "-n", name)
    assert line.startswith("--namespace: ")
    if name:
        (line,) = refused("import", "recipe", "missing.yaml", "--namespace", name)
        assert line.startswith("--namespace: ")


def test_both_names_of_an_imported_matrix_are_looked_at_at_once() -> None:
    lines = refused("import", "recipe", "missing.yaml", "--namespace", "A", "--name", "B")
    assert [line.split(":")[0] for line in lines] == ["--namespace", "--name"]
    assert refused("import", "flags", *FLAGS, "--name", "b" * 64)[0].startswith("--name: ")


@pytest.mark.parametrize(
    ("arguments", "target"),
    [
        (("plan", "m.yaml", "--offline", "--force", "--out"), "m.yaml"),
        (("plan", "m.yaml", "--offline", "--force", "--nodes", "nodes.yaml", "--out"), "nodes.yaml"),
        (("plan", "m.yaml", "--offline", "--force", "--against", "plan.json", "--out"), "plan.json"),
        (("plan", "m.yaml", "--offline", "--force", "--catalog", "catalog.yaml", "--out"), "catalog.yaml"),
        (("import", "recipe", "recipe.yaml", "--catalog", "catalog.yaml", "--force", "--output"), "recipe.yaml"),
        (("import", "recipe", "recipe.yaml", "--catalog", "catalog.yaml", "--force", "--output"), "catalog.yaml"),
        (("import", "flags", *FLAGS, "--catalog", "catalog.yaml", "--force", "--output"), "catalog.yaml"),
    ],
)
def test_force_spares_what_is_read(arguments: tuple[str, ...], target: str) -> None:
    assert run_cli("plan", "m.yaml", "--offline", "--out", "plan.json").code == 0
    before = Path(target).read_bytes()
    Path("link").symlink_to(target)
    for name in (target, "link"):
        (line,) = refused(*arguments, name)
        assert f"{name}: is {target}, which this command reads; name another file" in line
    assert Path(target).read_bytes() == before


def test_force_without_a_file_to_write_is_refused() -> None:
    assert refused("import", "recipe", "recipe.yaml", "--force") == [
        "--force is for --output; leave it out, or say --output FILE"
    ]


def test_an_imported_matrix_can_be_read_again_whatever_its_recipe_and_catalogs_are_called() -> None:
    Path("r\n\x1bkind: x\u0085y\u2028z.yaml").write_text(recipe_text())
    Path("c\r\x07.yaml").write_text(CATALOG)
    done = run_cli("import", "recipe", "r\n\x1bkind: x\u0085y\u2028z.yaml", "--catalog", "c\r\x07.yaml")
    assert (done.code, done.err) == (0, "")
    Path("again.yaml").write_text(done.out)
    assert run_cli("lint", "again.yaml").code == 0
    head = [line for line in done.out.splitlines() if line.startswith("#")]
    assert head[0] == "# From the triage recipe r \ufffdkind: x y z.yaml (schema v1), SHA-256"
