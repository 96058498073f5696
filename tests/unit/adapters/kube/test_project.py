"""Projections of objects as a real cluster wrote them (dumps/, Kubernetes 1.34)."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from batchmatrix.adapters.kube.project import project_job, project_known_pod, project_node, project_pod
from batchmatrix.base.clock import parse_rfc3339
from batchmatrix.model.observed import JobState, PodState

DUMPS = Path(__file__).parent / "dumps"
HASH = "batchmatrix.dev/cell-hash"
JUNK: tuple[Any, ...] = (None, 1, "x", [], {}, [None], {"type": []})


def dump(name: str) -> dict[str, Any]:
    raw: dict[str, Any] = json.loads((DUMPS / f"{name}.json").read_text())
    return raw


def pod(name: str, seen: PodState | None = None) -> PodState:
    state = project_pod(dump(f"pod-{name}"), seen)
    assert state is not None
    return state


def job(name: str) -> JobState:
    state = project_job(dump(f"job-{name}"))
    assert state is not None
    return state


def at(time: str) -> float:
    return parse_rfc3339(f"2026-11-23T{time}Z")


def test_a_pod_that_ran_to_its_end() -> None:
    state = pod("failed")
    assert (state.phase, state.container.state, state.container.exit_code) == ("Failed", "terminated", 3)
    assert (state.matrix_name, state.cell, state.generation) == ("hang", "bad", 1)
    assert (state.id.cell_hash, state.id.trial, state.id.attempt) == ("b" * 64, 0, 0)
    assert state.job_name == "hang-bbbbbbbbbb-t0-a0"
    assert state.job_uid == dump("job-failed")["metadata"]["uid"]
    assert state.node == "bmx-node-1"
    assert state.finalized
    assert state.deleting_since is None
    assert state.container.started is not None
    assert state.container.finished is not None
    assert state.created <= state.container.started <= state.container.finished
    assert state.container.image == "localhost/sample:1"
    assert state.container.image_id.startswith("sha256:")


def test_a_running_pod_is_ready_to_start_and_scheduled() -> None:
    state = pod("running")
    assert (state.phase, state.container.state, state.container.exit_code) == ("Running", "running", None)
    assert state.scheduled is not None
    assert state.ready_to_start is not None
    assert not state.finished


@pytest.mark.parametrize("field", ["labels", "annotations", "ownerReferences", "finalizers"])
def test_a_pod_that_is_known_stays_whose_it_is_whatever_is_taken_off_it(field: str) -> None:
    seen, raw = pod("running"), dump("pod-running")
    raw["status"] = dump("pod-failed")["status"]
    whole = project_pod(raw, seen)
    del raw["metadata"][field]
    known = project_known_pod(raw, seen)
    assert whole is not None
    assert known == replace(whole, finalized=field != "finalizers")
    assert known.container.exit_code == 3


def test_a_known_pod_that_cannot_be_read_is_as_it_was_seen() -> None:
    seen, raw = pod("running"), dump("pod-failed")
    raw["metadata"] |= {"ownerReferences": [], "finalizers": []}
    assert project_known_pod(raw, seen) == seen


def test_a_pod_that_fits_no_node_says_why() -> None:
    state = pod("unschedulable")
    assert state.unschedulable.startswith("0/6 nodes are available")
    assert (state.scheduled, state.node, state.container.state) == (None, "", "waiting")


@pytest.mark.parametrize(
    ("name", "reason", "part"),
    [
        ("image", "ImagePullBackOff", "Back-off pulling image"),
        ("config", "CreateContainerConfigError", 'configmap "missing" not found'),
    ],
)
def test_a_container_that_waits_says_for_what(name: str, reason: str, part: str) -> None:
    container = pod(name).container
    assert (container.state, container.reason, container.started) == ("waiting", reason, None)
    assert part in container.message


def test_a_container_that_could_not_be_started_never_started() -> None:
    raw = dump("pod-noexec")["status"]["containerStatuses"][0]["state"]["terminated"]
    assert raw["startedAt"] == "1970-01-01T00:00:00Z"
    container = pod("noexec").container
    assert (container.state, container.reason, container.exit_code, container.started) == (
        "terminated",
        "StartError",
        128,
        None,
    )


def test_of_a_container_that_the_kubelet_could_not_find_nothing_is_made_up() -> None:
    """Its pod was deleted before it had been made; the kubelet then writes 137, the code of a kill that never was."""
    raw = dump("pod-never-started")["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (raw["reason"], raw["exitCode"], raw["startedAt"]) == ("ContainerStatusUnknown", 137, None)
    container = pod("never-started").container
    assert (container.state, container.exit_code, container.started, container.container_id) == (
        "terminated",
        None,
        None,
        "",
    )


def test_one_that_was_seen_to_run_did_run_whatever_the_kubelet_has_forgotten() -> None:
    running = pod("running")
    container = pod("never-started", running).container
    assert container.started == running.container.started is not None
    assert container.container_id == running.container.container_id != ""


def test_a_pod_over_its_own_deadline_failed_whatever_its_exit_code() -> None:
    state = pod("deadline")
    assert (state.phase, state.reason, state.container.exit_code) == ("Failed", "DeadlineExceeded", 0)


def test_a_deletion_was_asked_for_its_grace_period_before_its_time() -> None:
    state = pod("deleting")
    stamp = parse_rfc3339(dump("pod-deleting")["metadata"]["deletionTimestamp"])
    assert (state.deleting_since, state.grace_seconds) == (stamp - 30, 30)


class TestTheServerRewritesTheTimeOfADeletion:
    """pod-killed ended at :12 because it was deleted, and then bears a deletionTimestamp of :13."""

    def test_what_was_seen_first_stands(self) -> None:
        before = pod("deleting")
        after = pod("killed", before)
        assert dump("pod-killed")["metadata"]["deletionTimestamp"] == "2026-11-23T07:22:13Z"
        assert after.deleting_since == before.deleting_since
        assert after.grace_seconds == 30

    def test_unseen_it_counts_as_the_cause_of_an_end_shortly_before(self) -> None:
        state = pod("killed")
        assert state.container.exit_code == 0
        assert state.deleting_since == state.container.finished == at("07:22:12")

    def test_seen_running_and_then_gone_in_one_step_is_no_proof_either(self) -> None:
        raw = dump("pod-killed")
        del raw["metadata"]["deletionTimestamp"]
        raw["status"] = dump("pod-running")["status"]
        running = project_pod(raw)
        assert running is not None
        assert running.container.state == "running"
        assert pod("killed", running).deleting_since == at("07:22:12")

    def test_one_that_was_seen_to_end_before_keeps_its_end(self) -> None:
        raw = dump("pod-killed")
        del raw["metadata"]["deletionTimestamp"]
        ended = project_pod(raw)
        assert pod("killed", ended).deleting_since == at("07:22:13")

    def test_long_after_the_end_it_is_no_cause_of_it(self) -> None:
        raw = dump("pod-killed")
        raw["metadata"]["deletionTimestamp"] = "2026-11-23T07:24:13Z"
        state = project_pod(raw)
        assert state is not None
        assert state.deleting_since == at("07:24:13")

    def test_the_mark_of_an_eviction_tells(self) -> None:
        running, ended = pod("evicted"), pod("succeeded")
        assert running.disruption_reason == ended.disruption_reason == "EvictionByEvictionAPI"
        assert running.deleting_since == running.disrupted == at("07:22:12")
        assert ended.container.finished == at("07:22:06")
        assert ended.deleting_since == ended.disrupted == at("07:22:12")


def test_jobs_and_how_they_end() -> None:
    assert (job("running").phase, job("running").finished) == ("active", None)
    done = job("succeeded")
    assert (done.phase, done.reason) == ("complete", "CompletionsReached")
    assert done.finished is not None
    assert done.finished >= done.created
    failed = job("failed")
    assert (failed.phase, failed.reason) == ("failed", "BackoffLimitExceeded")
    assert failed.finished is not None
    assert (failed.deleting, failed.suspended) == (False, False)


def test_a_job_belongs_to_its_owner_and_not_to_its_label() -> None:
    raw = dump("job-running")
    assert raw["metadata"]["labels"]["batchmatrix.dev/matrix-uid"]
    state = project_job(raw)
    assert state is not None
    assert state.matrix_uid == ""
    owner = {"apiVersion": "batchmatrix.dev/v1alpha1", "kind": "BatchMatrix", "name": "hang", "uid": "m1"}
    raw["metadata"]["ownerReferences"] = [owner]
    state = project_job(raw)
    assert state is not None
    assert state.matrix_uid == ""  # not the controller
    owner["controller"] = True  # type: ignore[assignment]
    state = project_job(raw)
    assert state is not None
    assert state.matrix_uid == "m1"


def test_suspended_and_deleted_jobs_are_told() -> None:
    raw = dump("job-running")
    raw["spec"]["suspend"] = True
    raw["metadata"]["deletionTimestamp"] = "2026-11-23T07:30:00Z"
    state = project_job(raw)
    assert state is not None
    assert state.suspended
    assert state.deleting


def test_nodes_tell_what_placement_needs() -> None:
    real, fake = project_node(dump("node-real")), project_node(dump("node-fake"))
    assert real is not None
    assert fake is not None
    assert real.labels["nvidia.com/gpu.product"] == "NVIDIA-H100-80GB-HBM3"
    assert real.allocatable["nvidia.com/gpu"] == "4"
    assert (real.ready, real.unschedulable, real.taints) == (True, False, ())
    assert [taint["key"] for taint in fake.taints] == ["kwok.x-k8s.io/node"]


def test_a_node_that_is_cordoned_or_silent_is_told() -> None:
    raw = dump("node-real")
    raw["spec"]["unschedulable"] = True
    next(each for each in raw["status"]["conditions"] if each["type"] == "Ready")["status"] = "Unknown"
    node = project_node(raw)
    assert node is not None
    assert (node.ready, node.unschedulable) == (False, True)


def test_heartbeats_change_nothing() -> None:
    raw = dump("node-real")
    before = project_node(raw)
    for condition in raw["status"]["conditions"]:
        condition["lastHeartbeatTime"] = "2026-11-23T09:00:00Z"
    raw["metadata"]["resourceVersion"] = "999999"
    assert project_node(raw) == before


def test_an_orphan_with_our_finalizer_is_still_ours_and_one_without_is_not() -> None:
    raw = dump("pod-running")
    del raw["metadata"]["ownerReferences"]
    orphan = project_pod(raw)
    assert orphan is not None
    assert (orphan.job_uid, orphan.job_name) == ("", "hang-dddddddddd-t0-a0")
    raw["metadata"]["finalizers"] = ["someone.else/x"]
    assert project_pod(raw) is None


@pytest.mark.parametrize("label", ["matrix", "matrix-uid", "cell", "cell-hash", "trial", "attempt", "generation"])
def test_a_pod_without_one_of_our_labels_is_not_ours(label: str) -> None:
    raw = dump("pod-running")
    del raw["metadata"]["labels"][f"batchmatrix.dev/{label}"]
    assert project_pod(raw) is None


@pytest.mark.parametrize("label", ["d" * 31 + "0", "", "D" * 32])
def test_a_hash_that_label_and_annotation_tell_differently_is_not_ours(label: str) -> None:
    raw = dump("pod-running")
    raw["metadata"]["labels"][HASH] = label
    assert project_pod(raw) is None


@pytest.mark.parametrize("annotation", ["d" * 63, "d" * 63 + "G", None, 7])
def test_a_hash_that_is_none_is_not_ours(annotation: object) -> None:
    raw = dump("pod-running")
    raw["metadata"]["annotations"][HASH] = annotation
    assert project_pod(raw) is None


@pytest.mark.parametrize(("label", "ours"), [("preflight", True), ("preflights", False), ("d" * 32, False)])
def test_a_preflight_has_its_name_in_place_of_a_hash(label: str, ours: bool) -> None:
    raw = dump("pod-running")
    raw["metadata"]["labels"][HASH], raw["metadata"]["annotations"][HASH] = label, "preflight"
    state = project_pod(raw)
    assert (state is not None) == ours
    assert state is None or state.id.cell_hash == "preflight"


@pytest.mark.parametrize("name", ["pod-killed", "job-succeeded", "node-real"])
def test_nothing_missing_or_misshapen_ever_raises(name: str) -> None:
    projects: dict[str, Callable[[dict[str, Any]], object]] = {"pod": project_pod, "job": project_job}
    project = projects.get(name.split("-")[0], project_node)
    raw = dump(name)

    def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        return [path, *(deeper for key, each in inner for deeper in paths(each, (*path, key)))]

    for path in paths(raw)[1:]:
        for junk in JUNK:
            broken = copy.deepcopy(raw)
            inner = broken
            for key in path[:-1]:
                inner = inner[key]
            inner[path[-1]] = junk
            project(broken)
