"""The third and the fourth example: what their pages say is what comes out."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.support.cli import run_cli

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.open(newline="")))


def test_result_files_of_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLES / "03-batch-results")
    files = sorted(str(path) for path in Path().glob("batch_*_results.csv"))
    words = ["--allowed-exit-codes", "allowed-exit-codes.json", "--output", str(tmp_path / "run")]
    done = run_cli("import", "batch-results", *files, *words)
    assert done.code == 0, done.err
    unexpected = [(one["batch_number"], one["test_id"]) for one in rows(tmp_path / "run/unexpected_exits.csv")]
    assert unexpected == [("1", "6"), ("2", "5")]
    assert "warning: no exit code is allowed for new_scenario;" in done.err
    assert [(one["batch_number"], one["test_id"]) for one in rows(tmp_path / "run/outliers.csv")] == [("2", "2")]
    assert len(rows(tmp_path / "run/breaches.csv")) == 3
    assert json.loads((tmp_path / "run/matrix.json").read_text())["verdict"] == "fail"


def test_the_manifest_of_a_fault_suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLES / "04-fault-manifest")
    words = ["--mode", "baseline", "--checks", "checks.json", "--output", str(tmp_path / "run")]
    done = run_cli("import", "fault-manifest", "manifest.tsv", *words)
    assert done.code == 0, done.err
    own = json.loads((tmp_path / "run/fault-summary.json").read_text())
    assert [one["status"] for one in own["scenarios"]] == ["PASS", "PASS", "FAIL"]
    assert own["scenarios"][2]["reason"] == "process_rc(sim=0,streamer=0,tester=1)"
    reason = json.loads((tmp_path / "run/matrix.json").read_text())["reason"]
    assert "1 check could not be decided: cell sink_stall: trial 0 without a value of p95_us" in reason


@pytest.mark.parametrize(
    ("page", "folder"),
    [("import-batch-results", "03-batch-results"), ("import-fault-manifest", "04-fault-manifest")],
)
def test_what_the_page_about_it_shows(page: str, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (EXAMPLES.parent / f"docs/how-to/{page}.md").read_text()
    command, *shown = text.split("```console\n$ batchmatrix ")[1].partition("\n```")[0].splitlines()
    monkeypatch.chdir(EXAMPLES / folder)
    words = [
        name
        for word in command.split()
        for name in (sorted(path.name for path in Path().glob(word)) if "*" in word else [word])
    ]
    run = str(tmp_path / "run")
    done = run_cli(*words[:-1], run)
    assert done.code == 0, done.err
    said = done.err.replace(run, "run").splitlines()
    first = [line for line in said if line.startswith("warning:")]
    assert [*first, *done.out.splitlines(), *said[len(first) :]] == shown, "warnings come before all else"
