"""The classic triage: the baseline hangs, mitigations fix it, one at a price; stored results are judged anew."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from statistics import geometric_mean

import pytest
import yaml

from tests.support.audit import AuditLog
from tests.support.cli import run_cli
from tests.support.cluster import Json, Kube
from tests.support.cluster_matrices import apply, finished, matrix, settled, summary
from tests.support.installation import ACCOUNT, Installation, Results

TRIALS = 5
BASE = [99.6, 100.4, 100.1, 99.9, 100.2]
"""Mean time of a step in each trial where nothing is slow, ms."""
STEPS = {
    "fix": BASE,
    "slow-fix": [round(1.3 * value, 3) for value in reversed(BASE)],
    "equal-fix": [100.3, 99.8, 100.0, 99.7, 100.5],
}
STEP = {"name": "step_ms", "from": "prefix", "strategy": "mean", "direction": "lower", "unit": "ms"}


def triage(operator: Installation) -> Json:
    """Four mitigations; with the first a trial writes nothing and never ends."""
    mitigations = {
        # Steps in one trial differ by more than trials do, and must not count as trials.
        name: {"env": {"PROBE_METRICS": json.dumps({"step_ms": [[mean - 20, mean, mean + 20] for mean in means]})}}
        for name, means in STEPS.items()
    }
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


def words(matrix_json: Json, metric: str) -> dict[str, str]:
    """Word of the comparisons of one metric, or of failures (""), by mitigation."""
    found = matrix_json["judgement"]["comparisons"]
    return {each["cell"].removesuffix("-h100"): each["word"] for each in found if each["metric"] == metric}


@pytest.mark.timeout(300)
def test_what_fixes_it_and_at_what_price_is_said_and_stored_results_are_judged_anew(
    operator: Installation, kube: Kube, audit: AuditLog, tmp_path: Path
) -> None:
    apply(kube, triage(operator))
    found, ledger, results = settled(operator, kube, "triage", timeout=200)
    outcomes = ledger.outcomes()
    assert Counter(key[0] for key, outcome in outcomes.items() if outcome == "Timeout") == {"hang-h100": TRIALS}
    assert sum(outcome == "Succeeded" for outcome in outcomes.values()) == TRIALS * len(STEPS)

    # What a pipeline sees.
    status = found["status"]
    assert (status["verdict"], status["progress"]) == ("pass", f"{TRIALS * 4}/{TRIALS * 4}"), status["message"]
    assert "1 check passed" in status["message"] or "3 checks passed" in status["message"], status["message"]
    published = summary(kube, "triage")
    assert words(published, "") == dict.fromkeys(STEPS, "fixes")
    assert words(published, "step_ms") == dict.fromkeys(STEPS, "not comparable"), "what hangs has no times"
    assert "fixes" in kube.get("configmaps", "triage-summary")["data"]["matrix.md"]

    # What lies in the store, drawn by a process of its own in the operator's container.
    folder = tmp_path / "run"
    names = stored(results, folder)
    assert {"matrix.json", "matrix.md", "cells.csv", "trials.csv", "metrics.csv", "junit.xml", "report.html"} <= {
        *names
    }
    assert [name for name in names if name.startswith("plots/") and name.endswith(".png")]
    kept = json.loads((folder / "matrix.json").read_text())
    assert kept["judgement"]["comparisons"] == published["judgement"]["comparisons"]
    assert "fixes" in (folder / "report.html").read_text()

    # What works is the baseline now: the price of each is said, and nothing runs for it.
    jobs = audit.created_jobs(user=ACCOUNT, namespace=kube.namespace)
    assert len(jobs) == TRIALS * 4
    kube.patch("batchmatrices", "triage", {"spec": {"baseline": {"match": {"mitigation": "fix"}}}})
    assert finished(kube, "triage")["status"]["verdict"] == "pass"
    published = summary(kube, "triage")
    assert words(published, "") == {"hang": "breaks", "slow-fix": "no evidence", "equal-fix": "no evidence"}
    assert words(published, "step_ms") == {"hang": "not comparable", "slow-fix": "slower", "equal-fix": "equivalent"}
    price = next(
        each
        for each in published["judgement"]["comparisons"]
        if each["metric"] == "step_ms" and each["cell"] == "slow-fix-h100"
    )
    assert price["estimate"] == pytest.approx(geometric_mean(STEPS["slow-fix"]) / geometric_mean(BASE) - 1)
    assert audit.created_jobs(user=ACCOUNT, namespace=kube.namespace) == jobs

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
    assert failed == {("check", "slow-fix-h100"), ("gate", "slow-fix-h100")}
    shown = run_cli("report", str(folder), "--spec", str(other))
    assert "slow-fix" in shown.out
