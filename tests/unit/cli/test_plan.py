from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from batchmatrix.plan.pin import dump_plan, load_plan
from tests.support.cli import Done, run_cli
from tests.support.golden import FOLDER, Golden

EXAMPLE = FOLDER / "cli" / "48-cells"
GOOD = """\
apiVersion: batchmatrix.dev/v1alpha1
kind: BatchMatrix
metadata: {name: demo}
spec:
  axes:
  - {name: size, values: [8, 32]}
  trials: 3
  workload:
    image: registry.example/app:1
    command: [run, --size, $(size)]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a matrix and the large example, and no cluster anywhere."""
    for name in ("matrix.yaml", "nodes.yaml"):
        shutil.copy(EXAMPLE / name, tmp_path / name)
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "empty").write_text("")
    (tmp_path / "broken").write_text("a: [b")
    (tmp_path / "pods.json").write_text('{"kind": "List", "items": [{"kind": "Pod", "metadata": {"name": "p"}}]}')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def plan(*arguments: str, **options: Any) -> Done:
    done = run_cli("plan", *arguments, **options)
    assert "Traceback" not in done.err + done.out
    return done


def refused(*arguments: str) -> str:
    done = plan(*arguments)
    assert (done.code, done.out) == (1, "")
    return done.err


def edit(folder: Path, *changes: tuple[str, str], name: str = "matrix.yaml") -> None:
    text = (folder / name).read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / name).write_text(text)


# -- what it shows ------------------------------------------------------------------------------------------------


def test_48_cells_read_well_on_80_columns(golden: Golden) -> None:
    done = plan("matrix.yaml", "--nodes", "nodes.yaml")
    assert done.code == 0
    golden("cli/48-cells/table.txt", done.out)
    long = [line for line in done.out.splitlines() if len(line) > 80]
    assert all("@sha256:" in line for line in long)  # a reference stays whole, to be copied


def test_48_cells_as_data(golden: Golden) -> None:
    done = plan("matrix.yaml", "--nodes", "nodes.yaml", "-o", "json")
    assert done.code == 0
    golden("cli/48-cells/report.json", done.out)


def test_yaml_says_the_same_as_json() -> None:
    as_json = plan("matrix.yaml", "--nodes", "nodes.yaml", "-o", "json").out
    as_yaml = plan("matrix.yaml", "--nodes", "nodes.yaml", "-o", "yaml").out
    assert yaml.safe_load(as_yaml) == json.loads(as_json)


def test_an_edit_is_explained_against_the_plan_before_it(folder: Path, golden: Golden) -> None:
    assert plan("matrix.yaml", "--nodes", "nodes.yaml", "--out", "before.json").code == 0
    edit(
        folder,
        ("values: [8, 16, 32, 128]", "values: [8, 16, 32, 64]"),
        ("trials: 5", "trials: 6"),
        ("timeout: 20m", "timeout: 25m"),
        ("pytorch-rocm:2.4", "pytorch-rocm:2.5"),
    )
    golden("cli/48-cells/edited.txt", plan("matrix.yaml", "--nodes", "nodes.yaml", "--against", "before.json").out)


def test_cells_that_fit_no_node_are_said_with_the_reason(folder: Path, golden: Golden) -> None:
    edit(folder, ("AMD_Instinct_MI300X", "AMD_Instinct_MI210"), name="nodes.yaml")
    done = plan("matrix.yaml", "--nodes", "nodes.yaml")
    assert done.code == 0
    golden("cli/48-cells/no-amd.txt", done.out)


def test_a_cell_whose_inputs_are_the_same_keeps_the_image_it_had_whatever_nodes_say_now(folder: Path) -> None:
    plan("matrix.yaml", "--nodes", "nodes.yaml", "--out", "before.json")
    edit(folder, ("AMD_Instinct_MI300X", "AMD_Instinct_MI210"), name="nodes.yaml")
    again = json.loads(plan("matrix.yaml", "--nodes", "nodes.yaml", "--against", "before.json", "-o", "json").out)
    assert {cell["state"] for cell in again["cells"]} == {"unchanged"}
    assert again["cells"][4]["image"] == "registry.example/ml/training/pytorch-rocm:2.4"


def test_ambiguous_images_are_said_with_the_nodes_that_need_them(folder: Path) -> None:
    spec = {
        "axes": [{"name": "size", "values": [1]}],
        "workload": {
            "imagesByNode": [
                {"nodeLabels": {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}, "image": "a:cuda"},
                {"nodeLabels": {"kubernetes.io/hostname": "cpu-1"}, "image": "a:cpu"},
            ],
            "command": ["run"],
        },
    }
    matrix = {**yaml.safe_load(GOOD), "spec": spec}
    (folder / "two.yaml").write_text(json.dumps(matrix))
    cell = json.loads(plan("two.yaml", "--nodes", "nodes.yaml", "-o", "json").out)["cells"][0]
    assert (cell["state"], cell["image"], cell["toRun"], cell["nodes"]) == ("blocked", None, 0, 0)
    assert "need different images: a:cpu for cpu-1" in cell["problem"]


def test_the_middle_of_a_long_table_is_left_out_until_it_is_asked_for(folder: Path) -> None:
    edit(folder, ("[8, 32]", str(list(range(1, 65)))), name="good.yaml")
    short = plan("good.yaml").out.splitlines()
    (gap,) = [index for index, line in enumerate(short) if "not shown" in line]
    assert short[gap] == "... 4 cells in between not shown; --all shows every cell ..."
    assert (short[gap - 1].split()[0], short[gap + 1].split()[0]) == ("s50", "s55")
    for every in (("--all",), ("-o", "wide")):
        lines = plan("good.yaml", *every).out.splitlines()
        assert [line.split()[0] for line in lines if line.startswith("s")] == [f"s{size}" for size in range(1, 65)]


def test_wide_adds_hashes_values_and_whole_images() -> None:
    line = next(line for line in plan("good.yaml", "-o", "wide").out.splitlines() if line.startswith("s8 "))
    name, digits, *rest = line.split()
    assert (name, len(digits), rest) == ("s8", 10, ["size=8", "registry.example/app:1", "3", "new"])


def test_without_any_node_to_look_at_that_is_said() -> None:
    assert "nodes: not read (there is no kubeconfig); placement is by labels alone" in plan("good.yaml").out
    assert "nodes: not read (--offline)" in plan("good.yaml", "--offline").out


def test_what_comes_from_a_file_is_warned_of_as_no_cluster_reads_it(folder: Path) -> None:
    (folder / "team.yaml").write_text("mitigations: {xnack: {env: {HSA_XNACK: '1'}}}\n")
    edit(folder, ("axes:", "axes:\n  - {name: mitigation, values: [none, xnack]}"), name="good.yaml")
    done = plan("good.yaml", "--catalog", "team.yaml")
    assert "xnack: from file team.yaml, which no cluster reads" in " ".join(done.out.split())


def test_a_catalog_below_the_matrix_in_its_file_is_found(folder: Path) -> None:
    catalog = "---\napiVersion: batchmatrix.dev/v1alpha1\nkind: MatrixCatalog\nmetadata: {name: team}\n"
    edit(folder, ("spec:", "spec:\n  catalogRefs: [{name: team}]"), name="good.yaml")
    edit(folder, ("axes:", "axes:\n  - {name: mitigation, values: [none, xnack]}"), name="good.yaml")
    alone = refused("good.yaml")
    assert "good.yaml:5:3: spec.catalogRefs: MatrixCatalog team is not in this file, and no cluster was asked" in alone
    text = (folder / "good.yaml").read_text()
    (folder / "good.yaml").write_text(text + catalog + "spec: {mitigations: {xnack: {env: {HSA_XNACK: '1'}}}}\n")
    assert "xnack-s8" in plan("good.yaml").out


# -- plan.json and exit codes -------------------------------------------------------------------------------------


def test_the_plan_is_written_as_it_would_be_pinned_and_never_over_a_file(folder: Path) -> None:
    assert plan("good.yaml", "--out", "plan.json").code == 0
    data = (folder / "plan.json").read_bytes()
    assert dump_plan(load_plan(data)) == data
    assert [cell.name for cell in load_plan(data).cells] == ["s8", "s32"]
    assert "--out plan.json: is there already" in refused("good.yaml", "--out", "plan.json")
    (folder / "plan.json").write_text("mine")
    assert plan("good.yaml", "--out", "plan.json", "--force").code == 0
    assert load_plan((folder / "plan.json").read_bytes()).trials == 6
    assert "cannot be written" in refused("good.yaml", "--out", "nowhere/plan.json")


def test_nothing_but_the_plan_asked_for_is_written(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert plan("matrix.yaml", "--nodes", "nodes.yaml").code == 0
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_the_detailed_exit_code_is_ten_while_there_may_be_something_to_run() -> None:
    assert plan("good.yaml", "--detailed-exitcode").code == 10
    assert plan("good.yaml").code == 0
    assert refused("missing.yaml", "--detailed-exitcode")
    plan("good.yaml", "--out", "plan.json")
    done = plan("good.yaml", "--against", "plan.json", "--detailed-exitcode")
    assert done.code == 10  # the same plan, but nobody knows what of it was done
    assert done.out.endswith("Cells: 2 unchanged.\nPlan: up to 6 trials to run, as what is recorded is not known.\n")


# -- what it refuses ----------------------------------------------------------------------------------------------


def test_all_problems_come_at_once_each_at_its_line(folder: Path) -> None:
    edit(folder, ("values:", "value:"), ("trials: 3", "trials: 0"), name="good.yaml")
    lines = refused("good.yaml").splitlines()
    assert [line.split(": ")[1:3] for line in lines] == [
        ["good.yaml:6:5", "spec.axes[0].values"],
        ["good.yaml:6:18", "spec.axes[0].value"],
        ["good.yaml:7:3", "spec.trials"],
    ]


def test_a_name_that_no_catalog_has_is_said_at_its_line(folder: Path) -> None:
    edit(folder, ("axes:", "axes:\n  - {name: mitigation, values: [none, xnack]}"), name="good.yaml")
    assert "good.yaml:6:" in refused("good.yaml")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("missing.yaml",), "missing.yaml: cannot be read: No such file or directory"),
        (("-",), "<stdin>: holds no document"),
        (("good.yaml", "--nodes", "missing.yaml"), "missing.yaml: cannot be read"),
        (("good.yaml", "--nodes", "good.yaml"), "good.yaml: holds something that is no Node"),
        (("good.yaml", "--against", "good.yaml"), "good.yaml: holds no plan"),
        (("good.yaml", "--against", "."), ".: cannot be read: Is a directory"),
        (("good.yaml", "--context", "x", "--offline"), "--offline asks no cluster, and --context names one"),
        (("good.yaml", "--force"), "--force is for --out"),
        (("good.yaml", "--nodes", "empty"), "empty: is empty; write it with: kubectl get nodes -o json"),
        (("good.yaml", "--nodes", "pods.json"), "pods.json: holds something that is no Node"),
        (("good.yaml", "--nodes", "broken"), "broken: is neither JSON nor YAML"),
        (("good.yaml", "--context", "x"), "kubeconfig ~/.kube/config is not there; correct KUBECONFIG"),
        (("matrix.yaml", "-n", "other"), "matrix.yaml: metadata.namespace: is 'triage', and -n says 'other'"),
        (("good.yaml", "-o", "xml"), "'xml' is not one of"),
    ],
)
def test_what_cannot_be_used_is_one_line_with_the_remedy(arguments: tuple[str, ...], said: str) -> None:
    error = refused(*arguments)
    assert said in error
    assert len(error.splitlines()) == 1


def test_a_file_with_two_matrices_is_refused(folder: Path) -> None:
    (folder / "two.yaml").write_text(GOOD + "---\n" + GOOD.replace("demo", "other"))
    said = "two.yaml: holds 2 matrices (demo in line 1, other in line 12); give a file with exactly one"
    assert said in refused("two.yaml")


def test_a_clash_of_catalogs_is_said_of_the_catalog_and_not_of_the_matrix(folder: Path) -> None:
    for name, value in (("one.yaml", "1"), ("two.yaml", "2")):
        (folder / name).write_text(f"mitigations: {{xnack: {{env: {{HSA_XNACK: '{value}'}}}}}}\n")
    said = "mitigations: 'xnack' is in two catalogs with different contents: file one.yaml and "
    lines = refused("good.yaml", "--catalog", "one.yaml", "--catalog", "two.yaml").splitlines()
    assert [line.partition("; ")[0] for line in lines] == [f"batchmatrix: two.yaml: {said}file two.yaml"]
    assert run_cli("lint", "good.yaml", "--catalog", "one.yaml", "--catalog", "two.yaml").out.startswith(
        "two.yaml:1:1: "
    )
    head = "---\napiVersion: batchmatrix.dev/v1alpha1\nkind: MatrixCatalog\nmetadata: {name: team}\n"
    edit(folder, ("spec:", "spec:\n  catalogRefs: [{name: team}]"), name="good.yaml")
    text = (folder / "good.yaml").read_text()
    (folder / "good.yaml").write_text(text + head + "spec: {mitigations: {xnack: {env: {HSA_XNACK: '2'}}}}\n")
    place = f"good.yaml:{len(text.splitlines()) + 5}:1: spec"
    lines = refused("good.yaml", "--catalog", "one.yaml").splitlines()
    assert [line.partition("; ")[0] for line in lines] == [f"batchmatrix: {place}: {said}MatrixCatalog team"]
    assert run_cli("lint", "good.yaml", "--catalog", "one.yaml").out.startswith(f"{place}: {said}MatrixCatalog team")


def test_a_problem_of_an_entry_says_which_catalog_it_is_from(folder: Path) -> None:
    (folder / "team.yaml").write_text("hardware: {big: {resource: {name: example.com/gpu, count: 1}}}\n")
    edit(folder, ("axes:", "axes:\n  - {name: hardware, values: [big]}"), name="good.yaml")
    edit(folder, ("workload:", "workload:\n    resources: {limits: {example.com/gpu: 2}}"), name="good.yaml")
    (line,) = refused("good.yaml", "--catalog", "team.yaml").splitlines()
    found = run_cli("lint", "good.yaml", "--catalog", "team.yaml").out.splitlines()
    assert found == [line.removeprefix("batchmatrix: ")]


def test_a_preflight_is_told_of(folder: Path) -> None:
    said = "preflight: has to pass before any trial starts"
    assert said not in plan("good.yaml").out
    (folder / "checked.yaml").write_text(f"{GOOD}  preflight: {{command: [check]}}\n")
    assert said in plan("checked.yaml").out
