"""What must hold for every Job; how it looks is in the golden files."""

from __future__ import annotations

from typing import Any

import pytest

from batchmatrix.launch.job import job_manifest, trial_env
from tests.support.kube import launch

FULL: dict[str, Any] = {
    "work": {"volumes": [{"name": "x", "emptyDir": {}}], "env_from": [{"secretRef": {"name": "s"}}]},
    "mutation": {"avoid_nodes": ["n1"], "memory_factor": "2"},
}


@pytest.mark.parametrize("given", [{}, FULL], ids=["plain", "full"])
def test_kubernetes_retries_nothing(given: dict[str, Any]) -> None:
    spec = job_manifest(launch(given))["spec"]
    assert spec["backoffLimit"] == 0
    assert spec["podReplacementPolicy"] == "Failed"
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    for absent in ("podFailurePolicy", "ttlSecondsAfterFinished", "suspend", "activeDeadlineSeconds"):
        assert absent not in spec


def test_job_and_pod_carry_the_same_marks_and_only_the_pod_the_finalizer() -> None:
    manifest = job_manifest(launch())
    template = manifest["spec"]["template"]["metadata"]
    assert template["labels"] == manifest["metadata"]["labels"]
    assert template["annotations"] == manifest["metadata"]["annotations"]
    assert template["finalizers"] == ["batchmatrix.dev/record"]
    assert "finalizers" not in manifest["metadata"]


def test_the_matrix_owns_the_job_and_never_waits_for_it() -> None:
    (owner,) = job_manifest(launch(matrix={"uid": "u1"}))["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"], owner["blockOwnerDeletion"]) == (
        "BatchMatrix",
        "u1",
        True,
        False,
    )


def test_which_trial_it_is_comes_first_and_the_seed_counts_up() -> None:
    sent = launch(trial=2, attempt=1, cell={"seed": 40}, work={"env": [["BATCHMATRIX_STEPS", "5"], ["A", "$(B)"]]})
    assert trial_env(sent) == (
        ("BATCHMATRIX_TRIAL", "2"),
        ("BATCHMATRIX_SEED", "42"),
        ("BATCHMATRIX_CELL", "c0"),
        ("BATCHMATRIX_ATTEMPT", "1"),
        ("BATCHMATRIX_STEPS", "5"),
        ("A", "$(B)"),
    )


def test_a_token_is_mounted_only_with_a_service_account_of_the_users_choice() -> None:
    assert job_manifest(launch())["spec"]["template"]["spec"]["automountServiceAccountToken"] is False
    chosen = job_manifest(launch(work={"service_account": "trainer"}))["spec"]["template"]["spec"]
    assert chosen["serviceAccountName"] == "trainer"
    assert "automountServiceAccountToken" not in chosen


def test_user_fields_do_not_weaken_the_pod() -> None:
    spec = job_manifest(launch(work={"security": {"runAsUser": 0}}))["spec"]["template"]["spec"]
    assert spec["securityContext"] == {"seccompProfile": {"type": "RuntimeDefault"}, "runAsUser": 0}
    assert spec["containers"][0]["securityContext"] == {"allowPrivilegeEscalation": False}


def test_a_manifest_shares_nothing_with_the_launch() -> None:
    sent = launch(work={"resources": {"limits": {"memory": "1Gi"}}, "node_selector": {"a": "b"}})
    first = job_manifest(sent)
    first["spec"]["template"]["metadata"]["labels"]["x"] = "y"
    first["metadata"]["ownerReferences"][0]["uid"] = "other"
    assert job_manifest(sent) == job_manifest(sent)
    assert "x" not in job_manifest(sent)["metadata"]["labels"]


def test_a_preflight_is_no_trial_and_has_no_seed() -> None:
    sent = launch(trial=3, attempt=1, cell={"name": "preflight", "hash": "preflight"}, work={"env": [["A", "b"]]})
    assert trial_env(sent) == (("BATCHMATRIX_CELL", "preflight"), ("BATCHMATRIX_ATTEMPT", "1"), ("A", "b"))
