from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import batchmatrix
from batchmatrix.cli.main import app
from tests.support.cli import run_cli
from tests.support.golden import Golden
from tests.support.plugins import install_plugin

GOOD = """\
apiVersion: batchmatrix.dev/v1alpha1
kind: BatchMatrix
metadata: {name: demo}
spec:
  axes:
  - {name: mitigation, values: [none, tf32-off]}
  - {name: size, values: [8, 32]}
  workload:
    image: registry.example/app:1
    command: [run, --size, $(size)]
"""
TEAM = """\
apiVersion: batchmatrix.dev/v1alpha1
kind: MatrixCatalog
metadata: {name: team}
spec:
  mitigations: {xnack: {env: {HSA_XNACK: "1"}}}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with one good matrix."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.yaml").write_text(GOOD)
    return tmp_path


def lines(text: str, *arguments: str, code: int) -> list[str]:
    """What lint prints for one file."""
    Path("m.yaml").write_text(text)
    done = run_cli("lint", "m.yaml", *arguments)
    assert done.code == code, done
    return done.out.splitlines()


def with_spec(*fields: str) -> str:
    """The good matrix with further fields, from line 11."""
    return GOOD + "".join(f"  {field}\n" for field in fields)


def test_a_clean_file_is_0_and_prints_nothing_to_standard_output() -> None:
    done = run_cli("lint", "good.yaml")
    assert (done.code, done.out, done.err) == (0, "", "1 file: nothing to say\n")


def test_a_catalog_object_is_linted_too() -> None:
    assert lines(TEAM, code=0) == []
    assert lines(TEAM.replace("xnack", "-x"), code=1)[0].startswith('m.yaml:5:17: spec.mitigations["-x"]: ')


def test_all_errors_of_all_files_are_said_at_once_in_the_order_of_files_and_places(folder: Path) -> None:
    (folder / "b.yaml").write_text(GOOD.replace("tf32-off", "tf33-off") + "---\n" + GOOD + "  trails: 1\n")
    (folder / "a.yaml").write_text(GOOD.replace("[8, 32]", "[8, 8]"))
    done = run_cli("lint", "b.yaml", "nothing.yaml", "a.yaml")
    assert done.code == 1
    assert [line.split(": ")[:2] for line in done.out.splitlines()] == [
        ["b.yaml:6:39", "spec.axes[0].values[1]"],
        ["b.yaml:22:3", "spec.trails"],
        ["nothing.yaml:1:1", "cannot be read"],
        ["a.yaml:7:30", "spec.axes[1].values[1]"],
    ]
    assert done.err == "3 files: 4 errors\n"


def test_what_needs_catalogs_is_said_with_what_is_wrong_beside_it() -> None:
    text = GOOD.replace("tf32-off", "nope, [nccl-ring, nccl-tree]").replace("$(size)", "$(sise)")
    found = lines(text, code=1)
    assert found[0].startswith("m.yaml:6:39: spec.axes[0].values[1]: 'nope' is not in the catalog of mitigations")
    assert found[1].startswith("m.yaml:6:45: spec.axes[0].values[2]: mitigations nccl-ring and nccl-tree ")
    assert len(found) == 2  # what nope sets is not known, so $(sise) may be set


def test_a_reference_that_nothing_sets_is_said_at_its_place() -> None:
    (line,) = lines(GOOD.replace("$(size)", "$(sise)"), code=1)
    assert line.startswith("m.yaml:10:28: spec.workload.command[2]: $(sise) is set by nothing")


def test_a_grid_that_is_too_large_is_said() -> None:
    axes = "".join(f"  - {{name: a{i}, values: [{', '.join(map(str, range(40)))}]}}\n" for i in range(6))
    (line,) = lines(GOOD.replace("  workload:", f"{axes}  workload:"), code=1)
    assert line.startswith("m.yaml:5:3: spec.axes: 2 x 2 x 40 x 40 x 40 x 40 x 40 x 40 values make 16384000000 cells")


def test_names_come_from_catalog_files() -> None:
    text = GOOD.replace("tf32-off", "xnack")
    Path("team.yaml").write_text(TEAM)
    assert len(lines(text, code=1)) == 1
    assert lines(text, "--catalog", "team.yaml", code=0) == []


def test_names_come_from_plugins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(folder)
    install_plugin(folder, "acme-lint", "CATALOG = {'mitigations': {'acme': {'ACME': '1'}}}\n")
    assert lines(GOOD.replace("tf32-off", "acme"), code=0) == []


def test_what_is_wrong_with_an_entry_of_another_file_says_which_file_that_is() -> None:
    Path("team.yaml").write_text("mitigations: {xnack: {size: '1'}}\n")
    (line,) = lines(GOOD.replace("tf32-off", "xnack"), "--catalog", "team.yaml", code=1)
    assert line.startswith("m.yaml:4:1: spec.catalog.mitigations.xnack.env.size: 'size' is a parameter of a cell too")
    assert line.endswith("(xnack is from: file team.yaml)")


def test_what_is_wrong_with_a_named_workload_says_where_that_is_written() -> None:
    Path("team.yaml").write_text("workloads: {w: {image: 'a:1', command: [run, $(nothing)]}}\n")
    text = GOOD[: GOOD.index("  workload:")] + "  workload: {ref: w}\n"
    (line,) = lines(text, "--catalog", "team.yaml", code=1)
    assert line.startswith("m.yaml:8:3: spec.workload.command[1]: $(nothing) is set by nothing")
    assert line.endswith("(w is from: file team.yaml)")


def test_names_of_a_catalog_in_the_cluster_are_no_errors_and_are_said_once() -> None:
    text = with_spec("catalogRefs: [{name: team}]").replace("tf32-off", "xnack, other, [nccl-ring, nccl-tree]")
    found = lines(text, code=1)
    assert found[0].startswith("m.yaml:6:53: spec.axes[0].values[3]: mitigations nccl-ring and nccl-tree ")
    (note,) = found[1:]
    assert note.startswith("m.yaml:11:3: note: spec.catalogRefs: team: not read here, so that names only it has are ")


def test_a_catalog_among_the_files_is_the_one_that_a_reference_means() -> None:
    Path("team.yaml").write_text(TEAM)
    text = with_spec("catalogRefs: [{name: team}]").replace("tf32-off", "xnack")
    assert lines(text, "team.yaml", code=0) == []
    (line,) = lines(text.replace("xnack", "xnock"), "team.yaml", code=1)
    assert "'xnock' is not in the catalog of mitigations" in line


def test_a_catalog_of_another_namespace_is_not_meant() -> None:
    Path("team.yaml").write_text(TEAM.replace("{name: team}", "{name: team, namespace: b}"))
    text = with_spec("catalogRefs: [{name: team}]").replace("{name: demo}", "{name: demo, namespace: a}")
    (line,) = lines(text, "team.yaml", code=0)
    assert "note: spec.catalogRefs: team: not read here" in line


def test_a_self_contained_matrix_needs_no_other_catalog() -> None:
    text = with_spec("catalog: {only: true, mitigations: {tf32-off: {env: {A: '1'}}, none: {}}}")
    assert lines(text, code=0) == []
    assert "'none' is not in the catalog" in lines(text.replace(", none: {}", ""), code=1)[0]


def test_a_name_that_clashes_with_another_catalog_is_said_at_its_place() -> None:
    (line,) = lines(with_spec("catalog: {mitigations: {tf32-off: {env: {A: '1'}}}}"), code=1)
    assert line.startswith("m.yaml:11:27: spec.catalog.mitigations")
    assert "is in two catalogs with different contents: built-in and inline" in line


@pytest.mark.parametrize(
    ("fields", "start"),
    [
        (["exclude: [{size: 9}]"], "m.yaml:11:13: warning: spec.exclude[0]: fits no cell"),
        (["exclude: [{size: 8}, {size: [8]}]"], "m.yaml:11:24: warning: spec.exclude[1]: fits no cell that an earlier"),
        (["overrides: [{match: {size: 9}, set: {trials: 2}}]"], "m.yaml:11:15: warning: spec.overrides[0]: fits no"),
        (["catalog: {hardware: {h: {}}}"], "m.yaml:11:24: warning: spec.catalog.hardware.h: is used by nothing"),
        (
            ["metrics: [{name: t, from: prefix}]", "gates: [{name: g, metric: t, max: '5%', when: {size: 9}}]"],
            "m.yaml:12:43: warning: spec.gates[0].when: fits no cell",
        ),
    ],
)  # fmt: skip
def test_what_does_nothing_is_a_warning_and_an_error_only_if_strict(fields: list[str], start: str) -> None:
    found = lines(with_spec(*fields), code=0)
    assert [line for line in found if line.startswith(start)], found
    assert lines(with_spec(*fields), "--strict", code=1) == found


@pytest.mark.parametrize(
    "fields",
    [
        ["exclude: [{size: 8}]"],
        ["overrides: [{match: {size: [8, 9]}, set: {trials: 2}}]"],
        ["catalog: {mitigations: {idle: {env: {A: b}}}}", "include: [{match: {mitigation: idle, size: 1}}]"],
        ["catalog: {only: true, mitigations: {none: {}, tf32-off: {}}}"],
    ],
)
def test_what_does_something_is_no_warning(fields: list[str]) -> None:
    assert lines(with_spec(*fields), "--strict", code=0) == []


def test_a_baseline_that_fits_is_fine() -> None:
    for baseline in ("{match: {mitigation: none}}", "{cell: none-s8}"):
        assert lines(with_spec(f"baseline: {baseline}"), "--strict", code=0) == []


@pytest.mark.parametrize("baseline", ["{match: {size: 9}}", "{cell: none-s9}"])
def test_a_baseline_that_no_cell_is_cannot_be_meant(baseline: str) -> None:
    found = lines(with_spec(f"baseline: {baseline}"), code=1)
    assert [line for line in found if line.startswith("m.yaml:11:14: spec.baseline.")], found


def test_two_matrices_of_one_name_are_a_warning_at_the_later_one(folder: Path) -> None:
    (folder / "other.yaml").write_text(GOOD)
    done = run_cli("lint", "good.yaml", "other.yaml")
    said = "'demo' is the name of the matrix in good.yaml:3 too; applied, the later one replaces the other"
    assert (done.code, done.out) == (0, f"other.yaml:3:12: warning: metadata.name: {said}\n")
    (folder / "other.yaml").write_text(GOOD.replace("{name: demo}", "{name: demo, namespace: b}"))
    assert run_cli("lint", "good.yaml", "other.yaml").out == ""
    assert run_cli("lint", "good.yaml", "good.yaml").out == ""


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", ":1:1: holds no document"),
        (b"---\n---\n", ":1:1: holds no document"),
        (b"a:\n\t- b\n", ":2:1: is not YAML: found character '\\t' that cannot start any token"),
        (b"\x89PNG\r\n\x1a\n", ":1:1: is no text: byte 0 is not UTF-8"),
        (b"a\0b", ":1:1: is no text: it holds zero bytes"),
        (b"a: " + b"x" * 1_048_576, ":1:1: has 1048579 characters; at most 1048576 are read"),
        (b"5\n", ":1:1: is not an object"),
        (b"a: &a [*a]\n", ":1:"),
        (b"a: " + b"[" * 100_000, ":1:1: "),
        (GOOD.encode() + b"  seed: 1\n  seed: 2\n", ":12:3: spec.seed: is there twice, first in line 11; remove one"),
        (GOOD.encode() + b"  trials: .nan\n", ":11:11: spec.trials: .nan is not a number that JSON has"),
        (b"kind: ConfigMap\napiVersion: v1\n", ":1:1: kind: 'ConfigMap' is not known here; write BatchMatrix or"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_matrix_is_told_in_one_line_for_each_problem(data: bytes, said: str) -> None:
    Path("bad.yaml").write_bytes(data)
    done = run_cli("lint", "bad.yaml")
    assert done.code == 1
    assert all(line.startswith("bad.yaml") for line in done.out.splitlines())
    assert f"bad.yaml{said}" in done.out
    assert "Traceback" not in done.out + done.err


def test_a_folder_is_told() -> None:
    assert run_cli("lint", ".").out == ".:1:1: cannot be read: Is a directory\n"


def test_standard_input_is_a_dash() -> None:
    done = run_cli("lint", "-", stdin=GOOD + "  trails: 1\n")
    assert (done.code, done.out.split(" ")[0]) == (1, "<stdin>:11:3:")
    assert run_cli("lint", "-", stdin=b"\xff").out.startswith("<stdin>:1:1: is no text")


def test_a_bad_catalog_is_told_beside_what_is_wrong_in_the_files() -> None:
    Path("team.yaml").write_text("mitigation: {}\n")
    found = lines(GOOD.replace("tf32-off", "unknown") + "  trails: 1\n", "--catalog", "team.yaml", code=1)
    assert [line.split(": ")[0] for line in found] == ["team.yaml:1:1", "m.yaml:11:3"]


def test_catalogs_that_clash_are_told_once() -> None:
    Path("team.yaml").write_text("mitigations: {none: {A: '1'}}\n")
    found = lines(GOOD, "--catalog", "team.yaml", code=1)
    assert [line[: line.index(";")] for line in found] == [
        "team.yaml:1:1: mitigations: 'none' is in two catalogs with different contents: built-in and file team.yaml"
    ]


MANY = (
    with_spec(
        "exclude: [{size: 9}]",
        "catalogRefs: [{name: team}]",
        "metrics: [{name: t, from: prefix}]",
        "checks: [{metric: t, max: 1, severity: warn}]",
    )
    + "---\n"
    + GOOD.replace("tf32-off", "tf33-off")
)


def test_findings_as_text(golden: Golden) -> None:
    Path("m.yaml").write_text(MANY)
    done = run_cli("lint", "m.yaml", "good.yaml", "none.yaml")
    golden("cli/lint.txt", done.out + done.err)


def test_findings_as_json(golden: Golden) -> None:
    Path("m.yaml").write_text(MANY)
    done = run_cli("lint", "m.yaml", "-o", "json")
    assert (done.code, done.err) == (1, "")
    assert {tuple(one) for one in json.loads(done.out)} == {("file", "line", "column", "path", "severity", "message")}
    golden("cli/lint.json", done.out)
    assert run_cli("lint", "good.yaml", "-o", "json").out == "[]\n"


def test_the_same_through_click_alone() -> None:
    result = CliRunner().invoke(app, ["lint", "good.yaml", "none.yaml"])
    assert result.exit_code == 1
    assert result.stdout == "none.yaml:1:1: cannot be read: No such file or directory\n"


def test_a_real_process_has_the_same_status_and_output() -> None:
    program = [sys.executable, "-m", "batchmatrix", "lint", "good.yaml", "none.yaml"]
    env = {"PYTHONPATH": str(Path(batchmatrix.__file__).parents[1]), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(program, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (1, "none.yaml:1:1: cannot be read: No such file or directory\n")


@pytest.mark.parametrize(("no_color", "colours"), [("", True), ("1", False)])
def test_colours_are_for_terminals_and_no_color_is_heard(
    no_color: str, colours: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    result = CliRunner().invoke(app, ["lint", "none.yaml"], color=True)
    assert ("\x1b[31m" in result.stdout) is colours
