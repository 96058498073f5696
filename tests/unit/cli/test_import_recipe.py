"""`batchmatrix import recipe` from file to file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from batchmatrix.formats.matrix_file import load_matrix
from batchmatrix.formats.recipe_flags import FLAGS
from batchmatrix.model.v1alpha1 import BatchMatrix
from batchmatrix.plan.catalogs import catalogs_of, self_contained
from batchmatrix.wiring.catalogs import catalog_sources
from tests.support.cli import Done, run_cli
from tests.support.recipes import CATALOG, plan_of, recipe_data, recipe_text


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that commands run in, with a catalog file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "catalog.yaml").write_text(CATALOG)
    return tmp_path


def imported(*words: str, **changes: Any) -> Done:
    Path("recipe.yaml").write_text(recipe_text(**changes))
    return run_cli("import", "recipe", "recipe.yaml", "--catalog", "catalog.yaml", *words)


def lines(done: Done) -> list[str]:
    """What a command that failed has to say."""
    assert (done.code, done.out) == (1, "")
    said = done.err.splitlines()
    assert all(line.startswith("batchmatrix: ") for line in said)
    return [line.removeprefix("batchmatrix: ") for line in said]


def refused(*words: str, **changes: Any) -> str:
    (line,) = lines(imported(*words, **changes))
    return line


def loaded(text: str) -> BatchMatrix:
    (matrix,) = load_matrix(text, source="m.yaml")
    return matrix


# -- what is written ----------------------------------------------------------------------------------------------


def test_what_is_written_needs_no_catalog() -> None:
    done = imported()
    assert (done.code, done.err) == (0, "")
    matrix = loaded(done.out)
    assert matrix.metadata.name == "gpu-151-fsdp"
    assert matrix.spec.catalog.only
    assert matrix.spec.workload.ref is None
    assert matrix.spec.workload.command[:2] == ("python", "train.py")
    assert [metric.name for metric in matrix.spec.metrics] == ["step_time_ms"]
    cells = {cell.name: cell for cell in plan_of(matrix).cells}
    assert dict(cells["calm"].work.env) == {"BATCHMATRIX_STEPS": "50", "QUEUES": "1", "MODE": "calm"}
    assert dict(cells["stacked"].work.env) == {"BATCHMATRIX_STEPS": "50", "MODE": "slow", "LEVEL": "2"}
    assert (cells["calm"].work.image, cells["stacked"].work.image) == ("repo/rocm:6.4", "repo/x:1")


def test_the_head_says_which_recipe_it_was_and_where_names_come_from() -> None:
    head = [line for line in imported().out.splitlines() if line.startswith("#")]
    digest = hashlib.sha256(Path("recipe.yaml").read_bytes()).hexdigest()
    assert head == [
        "# From the triage recipe recipe.yaml (schema v1), SHA-256",
        f"# {digest}.",
        "# mitigations: calm (file catalog.yaml), loud (file catalog.yaml), none (built-in), slow (file catalog.yaml)",
        "# environments: rocm (file catalog.yaml)",
        "# workloads: fsdp (file catalog.yaml)",
        "# A triage forbids no failure: every cell is expected to end in any way.",
    ]


def test_the_written_file_means_the_same_whatever_catalogs_say_later() -> None:
    matrix = loaded(imported().out)
    Path("catalog.yaml").write_text(CATALOG.replace("calm", "else").replace("repo/rocm:6.4", "repo/rocm:7.0"))
    later = self_contained(matrix, catalogs_of(matrix, catalog_sources([Path("catalog.yaml")])))
    assert [cell.hash for cell in plan_of(later).cells] == [cell.hash for cell in plan_of(matrix).cells]


def test_names_can_be_kept_for_the_catalogs_of_the_cluster() -> None:
    matrix = loaded(imported("--keep-names").out)
    assert (matrix.spec.workload.ref, matrix.spec.catalog.only, matrix.spec.metrics) == ("fsdp", False, ())
    whole = self_contained(matrix, catalogs_of(matrix, catalog_sources([Path("catalog.yaml")])))
    hashes = [cell.hash for cell in plan_of(whole).cells]
    assert hashes == [cell.hash for cell in plan_of(loaded(imported().out)).cells]


def test_json_gives_the_same_cells_as_yaml() -> None:
    Path("recipe.json").write_text(json.dumps(recipe_data()))
    done = run_cli("import", "recipe", "recipe.json", "--catalog", "catalog.yaml")
    assert loaded(done.out) == loaded(imported().out)


def test_a_recipe_can_come_from_standard_input() -> None:
    done = run_cli("import", "recipe", "-", "--catalog", "catalog.yaml", stdin=recipe_text())
    assert done.code == 0
    assert loaded(done.out) == loaded(imported().out)


def test_the_written_file_passes_lint() -> None:
    assert imported("--output", "matrix.yaml").code == 0
    assert run_cli("lint", "matrix.yaml").code == 0


def test_a_dry_run_shows_every_cell_resolved() -> None:
    text = imported("--output", "matrix.yaml", cell1={"extra_env": {"MODE": "own"}, "trials": 7}).err
    assert text == "wrote matrix.yaml\n"
    done = run_cli("plan", "matrix.yaml", "--offline", "-o", "json")
    assert (done.code, done.err) == (0, "")
    shown = {cell["name"]: cell for cell in json.loads(done.out)["cells"]}
    (matrix,) = load_matrix(Path("matrix.yaml").read_text(), source="matrix.yaml")
    assert {name: cell["hash"] for name, cell in shown.items()} == {c.name: c.hash for c in plan_of(matrix).cells}
    assert list(shown) == ["baseline-none", "calm", "stacked"]
    assert [cell["image"] for cell in shown.values()] == ["repo/rocm:6.4", "repo/rocm:6.4", "repo/x:1"]
    assert [cell["trials"] for cell in shown.values()] == [3, 7, 3]
    assert shown["stacked"]["mitigations"] == ["slow", "loud"]


def test_a_dry_run_writes_nothing() -> None:
    imported("--output", "matrix.yaml")
    before = {path: path.read_bytes() for path in Path().rglob("*")}
    assert run_cli("plan", "matrix.yaml", "--offline").code == 0
    assert {path: path.read_bytes() for path in Path().rglob("*")} == before


def test_name_and_namespace_can_be_chosen() -> None:
    metadata = loaded(imported("--name", "other", "--namespace", "team").out).metadata
    assert (metadata.name, metadata.namespace) == ("other", "team")
    assert refused("--name", "Bad_Name").startswith("--name: 'Bad_Name' is not a DNS label")
    assert refused("--name", "x" * 36).startswith("--name: ")


def test_a_file_that_is_there_is_not_overwritten() -> None:
    Path("matrix.yaml").write_text("mine")
    said = refused("--output", "matrix.yaml")
    assert said == "--output matrix.yaml: is there already; name another file, or add --force"
    assert Path("matrix.yaml").read_text() == "mine"
    assert imported("--output", "matrix.yaml", "--force").code == 0
    assert Path("matrix.yaml").read_text() == imported().out


def test_nothing_is_written_where_something_is_wrong() -> None:
    before = sorted(Path().iterdir())
    refused("--output", "matrix.yaml", trials=0)
    assert sorted(Path().iterdir()) == sorted([*before, Path("recipe.yaml")])


def test_a_folder_that_is_not_there_is_said_in_one_line() -> None:
    said = refused("--output", "no/matrix.yaml")
    assert said == "--output no/matrix.yaml: cannot be written: No such file or directory; name another file"


# -- what is refused ----------------------------------------------------------------------------------------------


def test_a_recipe_that_cannot_be_read_is_said_in_one_line() -> None:
    assert lines(run_cli("import", "recipe", "no.yaml")) == ["no.yaml: cannot be read: No such file or directory"]


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        ({"workload": "nobody"}, "recipe.yaml:3:1: workload: 'nobody' is not in any catalog"),
        ({"cell1": {"mitigations": ["nobody"]}}, "recipe.yaml:12:3: cells[1].mitigations: 'nobody' is not in any"),
        ({"cell1": {"environment": "nobody"}}, "recipe.yaml:14:3: cells[1].environment: 'nobody' is not in any"),
    ],
)
def test_a_name_that_no_catalog_has_is_refused_at_its_line(changes: dict[str, Any], start: str) -> None:
    line = refused(**changes)
    assert line.startswith(start)
    assert "--catalog" in line


def test_stacked_mitigations_that_disagree_are_refused_at_their_line_with_the_variable() -> None:
    line = refused(cell1={"mitigations": ["calm", "slow"]})
    assert line.startswith("recipe.yaml:12:3: cells[1].mitigations: mitigations calm and slow are used together")
    assert "MODE" in line
    assert "extra_env" in line


def test_stacked_mitigations_may_set_a_variable_to_the_same_value() -> None:
    assert imported(cell1={"mitigations": ["slow", "loud"]}).code == 0


def test_extra_env_wins_over_mitigations_in_silence() -> None:
    done = imported(cell1={"mitigations": ["calm", "slow"], "extra_env": {"MODE": "own"}})
    assert (done.code, done.err) == (0, "")
    cells = {cell.name: dict(cell.work.env) for cell in plan_of(loaded(done.out)).cells}
    assert cells["calm"]["MODE"] == "own"


def test_every_unknown_name_is_said_at_once() -> None:
    Path("recipe.yaml").write_text(recipe_text())
    assert len(lines(run_cli("import", "recipe", "recipe.yaml"))) == 6


def test_what_is_wrong_with_the_workload_for_this_recipe_is_said_at_its_name() -> None:
    line = refused(steps=None)
    assert line.startswith(
        "recipe.yaml:3:1: workload: command[3]: $(BATCHMATRIX_STEPS) is set only where there are steps"
    )


def test_an_environment_without_an_image_is_said_where_the_catalog_has_it() -> None:
    assert refused(cell1={"environment": "bare"}).startswith("catalog.environments.bare: has no image")


def test_a_catalog_file_with_a_mistake_is_one_line_and_no_traceback() -> None:
    Path("catalog.yaml").write_text("mitigations: {x: {A: 1}}\n")
    assert refused().startswith("catalog.yaml:1:")


def test_a_name_with_two_meanings_in_catalogs_is_refused() -> None:
    Path("other.yaml").write_text("mitigations: {calm: {QUEUES: '2'}}\n")
    line = refused("--catalog", "other.yaml")
    assert "'calm'" in line
    assert "file catalog.yaml and file other.yaml" in line


@pytest.mark.parametrize("flag", FLAGS.values())
def test_a_file_and_a_flag_exclude_one_another_and_the_flag_is_named(flag: str) -> None:
    for value in ("x", ""):
        assert refused(flag, value).startswith(f"{flag}: the recipe recipe.yaml says that; remove the flag")


def test_flags_about_the_output_go_with_a_file() -> None:
    assert imported("--output", "m.yaml", "--name", "n", "--namespace", "s", "--keep-names", "--force").code == 0
