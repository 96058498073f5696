"""`batchmatrix import flags`: a triage without a recipe file."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchmatrix.formats.matrix_file import load_matrix
from batchmatrix.model.v1alpha1 import BatchMatrix
from tests.support.cli import Done, run_cli
from tests.support.recipes import CATALOG

GOOD = {
    "--workload": "fsdp",
    "--mitigation-axis": "none,calm,slow+loud",
    "--environment-axis": "rocm,image:repo/x:1",
    "--trials": "2",
    "--steps": "9",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "catalog.yaml").write_text(CATALOG)


def flags(*words: str, **changes: str) -> Done:
    given = {**GOOD, **{f"--{name.replace('_', '-')}": value for name, value in changes.items()}}
    return run_cli(
        "import", "flags", "--catalog", "catalog.yaml", *(word for pair in given.items() for word in pair), *words
    )


def refused(*words: str, **changes: str) -> str:
    done = flags(*words, **changes)
    assert (done.code, done.out) == (1, "")
    (line,) = done.err.splitlines()
    return line.removeprefix("batchmatrix: ")


def loaded(done: Done) -> BatchMatrix:
    assert (done.code, done.err) == (0, "")
    (matrix,) = load_matrix(done.out, source="m.yaml")
    return matrix


def test_flags_give_the_same_matrix_as_the_recipe_that_says_the_same() -> None:
    cells = [
        f"{{name: {name}-{shown}, mitigations: {stack}, environment: {environment}}}"
        for name, stack in (("none", "[none]"), ("calm", "[calm]"), ("slow.loud", "[slow, loud]"))
        for shown, environment in (("rocm", "rocm"), ("_inline_e9f80e21", '{docker: "repo/x:1"}'))
    ]
    head = "schema_version: 1\nworkload: fsdp\ntrials: 2\nsteps: 9\ncells:\n"
    Path("recipe.yaml").write_text(head + "".join(f"- {cell}\n" for cell in cells))
    by_file = run_cli("import", "recipe", "recipe.yaml", "--catalog", "catalog.yaml")
    assert loaded(flags()) == loaded(by_file)


def test_all_flags_reach_the_matrix() -> None:
    done = flags("--name", "m", ticket="GPU-1", baseline_cell="calm-rocm", confound_threshold="1.5")
    spec = loaded(done).spec
    assert (spec.ticket, spec.trials, spec.steps, spec.confound.threshold) == ("GPU-1", 2, 9, 1.5)
    assert spec.baseline is not None
    assert spec.baseline.cell == "calm-rocm"


def test_the_head_says_what_the_flags_said() -> None:
    head = [line for line in flags().out.splitlines() if line.startswith("#")]
    assert head[:2] == [
        "# Every combination of --mitigation-axis none,calm,slow+loud and",
        "# --environment-axis rocm,image:repo/x:1.",
    ]


def test_a_file_beside_flags_is_refused_and_the_flags_are_named() -> None:
    line = refused("recipe.yaml")
    assert line.startswith(
        "recipe.yaml cannot be used with --workload, --mitigation-axis, --environment-axis, --trials"
    )


@pytest.mark.parametrize(("flag", "value"), [("trials", "0"), ("trials", "x"), ("steps", "0"), ("ticket", "")])
def test_a_wrong_value_is_one_line_that_names_the_flag(flag: str, value: str) -> None:
    assert f"--{flag}" in refused(**{flag: value})


def test_a_name_that_no_catalog_has_is_said_at_its_flag_once() -> None:
    assert refused(mitigation_axis="none,nobody").startswith("--mitigation-axis: 'nobody' is not in any catalog")
    assert refused(environment_axis="rocm,nobody").startswith("--environment-axis: 'nobody' is not in any catalog")
    assert refused(workload="nobody").startswith("--workload: 'nobody' is not in any catalog")


def test_stacked_mitigations_that_disagree_are_said_at_their_flag() -> None:
    assert refused(mitigation_axis="none,calm+slow").startswith("--mitigation-axis: mitigations calm and slow ")


def test_missing_flags_are_all_named() -> None:
    done = run_cli("import", "flags")
    assert done.code == 1
    for flag in ("--workload", "--mitigation-axis", "--environment-axis", "--trials"):
        assert f"batchmatrix: {flag}: is required" in done.err
