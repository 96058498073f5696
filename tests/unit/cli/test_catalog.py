from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from batchmatrix.cli.main import app
from tests.support.cli import run_cli
from tests.support.golden import Golden
from tests.support.plugins import install_plugin

TEAM = """\
mitigations:
  xnack: {HSA_XNACK: "1"}
  loud: {description: NCCL says what it does., env: {NCCL_DEBUG: INFO, NCCL_DEBUG_SUBSYS: "INIT,NET"}}
environments:
  rocm-6.4:
    description: What the team uses everywhere.
    image: registry.example/team/pytorch-with-a-long-name@sha256:%s
    env: {TORCH_BLAS_PREFER_HIPBLASLT: "1"}
  either:
    imagesByNode:
    - {nodeLabels: {gpu.example/vendor: a}, image: "registry.example/a:1"}
    - {nodeLabels: {gpu.example/vendor: b, gpu.example/kind: big}, image: "registry.example/b:1"}
  host: {venv: /home/me/venv, commandPrefix: [nice, -n, "5"]}
hardware:
  mi300x:
    nodeLabels: {gpu.example/product: mi300x}
    resource: {name: gpu.example/gpu, count: 8}
    tolerations:
    - {key: gpu.example/gpu, operator: Exists, effect: NoSchedule}
    - {key: team, value: ml}
    - {operator: Exists}
    runtimeClassName: gpu
workloads:
  fsdp:
    description: Sharded training.
    image: registry.example/fsdp:1
    command: [torchrun, --nproc-per-node, "8", train.py]
    metrics: [{name: step_time_ms, from: prefix}, {name: loss, from: json}]
""" % ("0123456789abcdef" * 4)

KINDS = ["mitigations", "environments", "hardware", "workloads"]


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A catalog file in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "team.yaml").write_text(TEAM)
    return "team.yaml"


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_reads_well_on_80_columns(team: str, golden: Golden, kind: str) -> None:
    done = run_cli("catalog", f"list-{kind}", "--catalog", team)
    assert (done.code, done.err) == (0, "")
    assert max(map(len, done.out.splitlines())) <= 80
    golden(f"cli/catalog-{kind}.txt", done.out)


@pytest.mark.parametrize("kind", KINDS)
def test_the_machine_form_is_stable_and_the_same_in_both_notations(team: str, golden: Golden, kind: str) -> None:
    as_json = run_cli("catalog", f"list-{kind}", "--catalog", team, "-o", "json")
    as_yaml = run_cli("catalog", f"list-{kind}", "--catalog", team, "-o", "yaml")
    assert json.loads(as_json.out) == yaml.safe_load(as_yaml.out)
    golden(f"cli/catalog-{kind}.json", as_json.out)


def test_entries_are_sorted_by_name_whatever_the_order_of_sources(team: str) -> None:
    names = [
        one["name"] for one in json.loads(run_cli("catalog", "list-mitigations", "--catalog", team, "-o", "json").out)
    ]
    assert names == sorted(names)
    assert {"none", "xnack"} <= set(names)


def test_the_same_through_click_alone(team: str) -> None:
    result = CliRunner().invoke(app, ["catalog", "list-hardware", "--catalog", team])
    assert result.exit_code == 0
    assert result.output == run_cli("catalog", "list-hardware", "--catalog", team).out


def test_a_plugin_shows_with_its_distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    install_plugin(tmp_path, "acme-list", "CATALOG = {'mitigations': {'acme': {'ACME': '1'}}}\n", name="acme")
    entries = json.loads(run_cli("catalog", "list-mitigations", "-o", "json").out)
    assert {"name": "acme", "source": "plug-in acme (acme-list 1.2)", "entry": {"env": {"ACME": "1"}}} in entries


def test_a_broken_plugin_is_one_line_and_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    install_plugin(tmp_path, "acme-bad", "raise RuntimeError('boom')\n")
    done = run_cli("catalog", "list-mitigations")
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "batchmatrix: plug-in team (acme-bad 1.2): cannot be used: RuntimeError: boom; repair it or uninstall it\n"
    )


def test_every_problem_of_every_file_is_a_line_of_its_own(team: str) -> None:
    Path("bad.yaml").write_text("mitigations: {m: {A: 1}}\nhardwares: {}\n")
    done = run_cli("catalog", "list-mitigations", "--catalog", "bad.yaml", "--catalog", "none.yaml", "--catalog", team)
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines() == [
        "batchmatrix: bad.yaml:1:19: mitigations.m.A: 1 is not a text; put it in quotes",
        "batchmatrix: bad.yaml:2:1: hardwares: unknown field; did you mean hardware?",
        "batchmatrix: none.yaml: cannot be read: No such file or directory",
    ]


def test_a_name_that_stands_for_two_things_is_refused(team: str) -> None:
    Path("other.yaml").write_text("mitigations: {none: {A: '1'}, xnack: {HSA_XNACK: '1'}}\n")
    done = run_cli("catalog", "list-mitigations", "--catalog", team, "--catalog", "other.yaml")
    assert done.code == 1
    assert done.err == (
        "batchmatrix: file other.yaml: mitigations: 'none' is in two catalogs with different contents: built-in and "
        "file other.yaml; rename one of them\n"
    )


def test_an_empty_list_says_so_without_spoiling_the_output() -> None:
    done = run_cli("catalog", "list-workloads")
    assert (done.code, done.out) == (0, "")
    assert "no workloads" in done.err
    assert run_cli("catalog", "list-workloads", "-o", "json").out == "[]\n"


def test_a_catalog_comes_from_standard_input() -> None:
    done = run_cli(
        "catalog", "list-mitigations", "--catalog", "-", "-o", "json", stdin='{"mitigations": {"m": {"A": "1"}}}'
    )
    assert {"name": "m", "source": "file <stdin>", "entry": {"env": {"A": "1"}}} in json.loads(done.out)


def test_escape_sequences_do_not_reach_the_terminal() -> None:
    text = '{"mitigations": {"m": {"A": "\\u001b[31mred"}}}'
    done = run_cli("catalog", "list-mitigations", "--catalog", "-", stdin=text)
    assert "\x1b" not in done.out
