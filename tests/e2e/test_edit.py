"""An edit of the spec runs what is new, leaves alone what is done, and drops what is not wanted any more."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests.support.audit import AuditLog
from tests.support.cli import run_cli
from tests.support.cluster import Json, Kube, find_kubeconfig
from tests.support.cluster_matrices import apply, finished, ledger, matrix, settled, summary
from tests.support.installation import ACCOUNT, Installation


def grid(operator: Installation, sizes: list[int], *, trials: int, timeout: str) -> Json:
    return matrix(
        "edit",
        operator.images,
        axes=[{"name": "hardware", "values": ["h100", "mi300x"]}, {"name": "size", "values": sizes}],
        trials=trials,
        seed=7,
        workload={"timeout": timeout, "args": ["--size", "$(size)"]},
    )


def planned(kube: Kube, manifest: Json) -> Counter[str]:
    """How many trials of each cell `batchmatrix plan` says that applying this would run."""
    done = run_cli(
        "plan",
        "-",
        "-o",
        "json",
        "-n",
        kube.namespace,
        stdin=json.dumps(manifest),
        env={"KUBECONFIG": str(find_kubeconfig())},
    )
    assert done.code == 0, done.err
    return Counter({cell["name"]: cell["toRun"] for cell in json.loads(done.out)["cells"] if cell["toRun"]})


def test_an_edit_runs_exactly_the_new_cells_and_trials(operator: Installation, kube: Kube, audit: AuditLog) -> None:
    """One value of an axis added, one removed, trials 3 -> 5, another timeout."""
    apply(kube, grid(operator, [8, 16], trials=3, timeout="5m"))
    _, before, _ = settled(operator, kube, "edit", timeout=200)
    first = audit.created_jobs(user=ACCOUNT, namespace=kube.namespace)
    assert len(first) == len(set(first)) == 2 * 2 * 3

    edited = grid(operator, [16, 32], trials=5, timeout="6m")
    promised = planned(kube, edited)
    assert audit.created_jobs(user=ACCOUNT, namespace=kube.namespace) == first, "plan changes nothing"
    kube.patch("batchmatrices", "edit", {"spec": edited["spec"]})
    found = finished(kube, "edit", timeout=200)
    after = ledger(operator.results(found))

    old = {(record["cell"], record["trial"], record["attempt"]) for record in before.records}
    ran = {key for key in after.outcomes() if key not in old}
    kept = {f"{kind}-s16" for kind in ("h100", "mi300x")}
    new = {f"{kind}-s32" for kind in ("h100", "mi300x")}
    assert ran == {
        *((cell, trial, 0) for cell in kept for trial in (3, 4)),
        *((cell, trial, 0) for cell in new for trial in range(5)),
    }
    assert promised == Counter(cell for cell, _, _ in ran)
    jobs = audit.created_jobs(user=ACCOUNT, namespace=kube.namespace)
    assert jobs[: len(first)] == first
    assert len(jobs) - len(first) == len(ran)
    assert {record["seed"] for record in after.records if record["trial"] == 4} == {11}

    # Removed cells leave the report, not the ledger.
    assert {cell["name"] for cell in summary(kube, "edit")["cells"]} == kept | new
    assert {cell for cell, _, _ in after.outcomes()} == kept | new | {f"{kind}-s8" for kind in ("h100", "mi300x")}
    status = found["status"]
    assert (status["progress"], status["cells"], status["verdict"]) == ("20/20", 4, "pass")


@pytest.mark.parametrize("change", ["timeout", "labels", "expect"])
def test_an_edit_of_what_does_not_run_starts_nothing(
    operator: Installation, kube: Kube, audit: AuditLog, change: str
) -> None:
    name = f"idle-{change}"
    manifest = matrix(name, operator.images, axes=[{"name": "hardware", "values": ["h100"]}], trials=2)
    apply(kube, manifest)
    settled(operator, kube, name)
    edits: dict[str, Json] = {
        "timeout": {"workload": {"timeout": "7m"}},
        "labels": {"labels": {"mode": "baseline"}},
        "expect": {"expect": {"outcome": "any"}},
    }
    kube.patch("batchmatrices", name, {"spec": edits[change]})
    found = finished(kube, name)
    assert found["metadata"]["generation"] == 2
    assert found["status"]["observedGeneration"] == 2
    own = [job for job in audit.created_jobs(user=ACCOUNT, namespace=kube.namespace) if job.startswith(f"{name}-")]
    assert len(own) == 2
    assert found["status"]["verdict"] == "pass"
