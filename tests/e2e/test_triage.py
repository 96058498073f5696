"""The classic triage: the baseline hangs, mitigations fix it, one at a price; stored results are judged anew."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.support.cli import run_cli
from tests.support.cluster import Json, Kube
from tests.support.cluster_matrices import apply, matrix, settled, summary
from tests.support.installation import Installation, Results

TRIALS = 4
"""Fewest with which four of four against none of four can be told apart in three comparisons."""
STEP = {"name": "step_ms", "from": "prefix", "strategy": "mean", "direction": "lower", "unit": "ms"}
STEPS = {"fix": [100, 102], "slow-fix": [130, 133], "other-fix": [101, 101.5]}
"""Times of steps by mitigation; all trials of a cell have the same."""


def triage(operator: Installation) -> Json:
    """Four mitigations; with none of them a trial writes nothing and never ends."""
    mitigations = {name: {"env": {"PROBE_METRICS": json.dumps({"step_ms": steps})}} for name, steps in STEPS.items()}
    mitigations["hang"] = {"env": {"PROBE_SLEEP": "600"}}
    return matrix(
        "triage",
        operator.images,
        axes=[
            {"name": "mitigation", "values": ["hang", *STEPS]},
            {"name": "hardware", "values": ["h100"]},
        ],
        catalog={"mitigations": mitigations},
        trials=TRIALS,
        # Time for the others to start and to end, on a machine that has a lot else to do.
        workload={"timeout": "25s"},
        metrics=[STEP],
        baseline={"match": {"mitigation": "hang"}},
        overrides=[{"match": {"mitigation": "hang"}, "set": {"expect": {"outcome": "any"}}}],
        checks=[{"metric": "step_ms", "max": 200, "when": {"mitigation": list(STEPS)}}],
    )


def stored(results: Results, folder: Path) -> list[str]:
    """Copy the run of generation 1 from the store; the names of its files."""
    names = []
    for key in results.keys("runs/1/"):
        path = folder / key.removeprefix("runs/1/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(results.read(key))
        names.append(key.removeprefix("runs/1/"))
    return names


def words(matrix_json: Json) -> dict[tuple[str, str], str]:
    """Word of each comparison by mitigation and metric."""
    found = matrix_json["judgement"]["comparisons"]
    return {(each["cell"].removesuffix("-h100"), each["metric"]): each["word"] for each in found}


@pytest.mark.timeout(240)
def test_what_fixes_it_is_said_and_stored_results_are_judged_anew(
    operator: Installation, kube: Kube, tmp_path: Path
) -> None:
    apply(kube, triage(operator))
    found, ledger, results = settled(operator, kube, "triage", timeout=200)
    outcomes = ledger.outcomes()
    assert {key[0] for key, outcome in outcomes.items() if outcome == "Timeout"} == {"hang-h100"}
    assert sum(outcome == "Succeeded" for outcome in outcomes.values()) == TRIALS * len(STEPS)

    # What a pipeline sees.
    status = found["status"]
    assert (status["verdict"], status["progress"]) == ("pass", f"{TRIALS * 4}/{TRIALS * 4}"), status["message"]
    assert "1 check passed" in status["message"] or "3 checks passed" in status["message"], status["message"]
    published = summary(kube, "triage")
    assert {key: word for key, word in words(published).items() if key[1] == ""} == {
        (name, ""): "fixes" for name in STEPS
    }
    assert "fixes" in kube.get("configmaps", "triage-summary")["data"]["matrix.md"]

    # What lies in the store, drawn by a process of its own in the operator's container.
    folder = tmp_path / "run"
    names = stored(results, folder)
    assert {"matrix.json", "matrix.md", "cells.csv", "trials.csv", "metrics.csv", "junit.xml", "report.html"} <= {
        *names
    }
    assert [name for name in names if name.startswith("plots/") and name.endswith(".png")]
    assert words(json.loads((folder / "matrix.json").read_text())) == words(published)
    assert "fixes" in (folder / "report.html").read_text()

    # Stored results, by other rules; nothing runs for it.
    judged = run_cli("gate", str(folder))
    assert (judged.code, "pass" in judged.out) == (0, True), judged
    spec = triage(operator)
    spec["spec"]["baseline"] = {"match": {"mitigation": "fix"}}
    spec["spec"]["gates"] = [
        {"name": "no-slower", "metric": "step_ms", "max": "+10%", "when": {"mitigation": "slow-fix"}}
    ]
    spec["spec"]["checks"] = [{"metric": "step_ms", "max": 120}]
    other = tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump(spec))
    judged = run_cli("gate", str(folder), "--spec", str(other), "-o", "json")
    verdict = json.loads(judged.out)
    assert (judged.code, verdict["verdict"]) == (3, "fail"), verdict
    failed = {(each["kind"], each["cell"]) for each in verdict["findings"] if each["status"] == "fail"}
    assert ("check", "slow-fix-h100") in failed
    shown = run_cli("report", str(folder), "--spec", str(other))
    assert "slow-fix" in shown.out
