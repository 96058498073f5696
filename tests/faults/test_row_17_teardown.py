"""Row 17: what is served is taken away in full flight: nothing hangs in Terminating, and what ran is recorded."""

from __future__ import annotations

import os
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import Benches
from tests.support.cluster import ROOT, Json, Kube, kubectl_program
from tests.support.faults.bench import bench
from tests.support.faults.matrices import plain
from tests.support.faults.plays import PodPlay, Trial
from tests.support.namespaces import drop_namespace, make_namespace
from tests.support.wait import Pending, wait_for

HELD = 3
"""Trials that run until they are deleted; as many as may run at once."""


def in_flight(trial: Trial) -> PodPlay:
    """The first trials run on, the others would end at once."""
    return PodPlay(hold=trial.trial > 0 or trial.cell.endswith("-1"))


def the_matrix(name: str = "flight") -> Json:
    return plain(name, cells=2, trials=4, parallelism=HELD, order="cells", retry={"Interrupted": {"limit": 0}})


def flying(kube: Kube) -> Callable[[], bool | Pending]:
    """One trial is done, as many run as may, and others wait."""

    def look() -> bool | Pending:
        status = kube.get("batchmatrices", "flight").get("status", {})
        trials = status.get("trials", {})
        held = trials.get("running") == HELD and trials.get("done", 0) >= 1 and trials.get("waiting", 0) >= 1
        return held or Pending(status)

    return look


@pytest.fixture
def away(cluster: Kube) -> Iterator[str]:
    """A namespace of users, away from the operator's own."""
    name = make_namespace(cluster)
    yield name
    if cluster.find("namespaces", name) is not None:
        drop_namespace(cluster, name, failed=True)


def test_a_namespace_that_is_deleted_in_full_flight_goes_and_leaves_records(
    kube: Kube, cluster: Kube, installed: Kube, away: str, tmp_path: Path
) -> None:
    assert installed
    there = cluster.at(away)
    with bench(kube, tmp_path, play=in_flight, settings={"namespaces": [away, kube.namespace]}) as case:
        case.operator.start()
        there.create("batchmatrices", the_matrix())
        case.wait(flying(there), what="trials to run")
        jobs = {job["metadata"]["name"] for job in there.list("jobs")}
        cluster.delete("namespaces", away)
        case.wait(
            lambda: cluster.find("namespaces", away) is None or Pending(left_in(there)), what="the namespace to be gone"
        )
        outcomes = Counter(record["outcome"] for record in case.records())
        assert {record["job"] for record in case.records()} == jobs
        assert outcomes["Interrupted"] + outcomes["Cancelled"] == HELD
        assert not any(record["log"]["state"] == "none" for record in case.records())
        case.kube.create("batchmatrices", plain("neighbour"))
        case.settled("neighbour")
        assert case.deaths == []


def left_in(there: Kube) -> Json:
    """What still keeps a namespace."""
    return {
        kind: [[item["metadata"]["name"], item["metadata"].get("finalizers")] for item in there.list(kind)]
        for kind in ("pods", "jobs")
    }


def commands(page: str, heading: str) -> str:
    """The shell commands that stand in a how-to after these words."""
    text = (ROOT / "docs" / "how-to" / page).read_text()
    found = re.search(re.escape(heading) + r".*?```sh\n(.*?)```", text, re.DOTALL)
    assert found is not None, f"{page} has no commands after {heading!r}"
    return found[1]


def test_without_an_operator_the_documented_command_lets_the_pods_go(
    stage: Benches, kubeconfig: Path, tmp_path: Path
) -> None:
    with stage(play=in_flight) as case:
        case.operator.start()
        case.kube.create("batchmatrices", the_matrix())
        case.wait(flying(case.kube), what="trials to run")
        case.operator.kill()
        case.kube.delete("batchmatrices", "flight")
        held = wait_for(
            lambda: [
                pod["metadata"]["name"] for pod in case.kube.list("pods") if pod["metadata"].get("deletionTimestamp")
            ],
            timeout=60,
            what="pods to hang without the operator",
        )
        assert held
        # Of other tests' pods the page would take the finalizers too: here it sees this namespace alone.
        script = commands("uninstall.md", "If the operator is gone already").replace(
            "get pods -A ", f"get pods -n {case.kube.namespace} "
        )
        assert f"-n {case.kube.namespace}" in script
        file = tmp_path / "uninstall.sh"
        file.write_text(f"set -euo pipefail\n{script}")
        path = f"{Path(kubectl_program()).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", str(file)],
            env={"HOME": str(tmp_path), "KUBECONFIG": str(kubeconfig), "PATH": path},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        wait_for(
            lambda: not (left := [pod["metadata"]["name"] for pod in case.kube.list("pods")]) or Pending(left),
            timeout=60,
            what="the pods to be gone",
        )
