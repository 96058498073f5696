"""The life of a cell, in bulk: the operator against a bare client that does the same to the same Jobs."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import mean

import yaml

from batchmatrix.launch.job import job_manifest
from batchmatrix.model.cell import MatrixRef
from batchmatrix.model.launch import Launch
from batchmatrix.model.v1alpha1 import parse_matrix
from batchmatrix.plan.build import build_plan
from batchmatrix.plan.order import launch_order
from batchmatrix.plan.tuning import tuning
from tests.perf.rig import Child, Rig, Usage
from tests.perf.table import Table
from tests.support.audit import READS, AuditLog
from tests.support.cluster import Json
from tests.support.jobs import condition
from tests.support.wait import wait_for

__all__ = ["Arm", "cells", "requests_table", "table"]

COLUMNS = 50
"""Values of one of the two axes; an axis holds at most 64."""
FINISH_SECONDS = 900.0
LEASE = "45s"
"""Three times the default: on a machine that others use too, renewals come late."""
GONE_SECONDS = 600.0
"""A finished Job stays for the lease's duration and 30 s after its record, then it is deleted."""
KUBELET = "batchmatrix-fake-nodes"


@dataclass(frozen=True, slots=True)
class Arm:
    """One run of one side over all the Jobs."""

    who: str
    jobs: int
    seconds: float
    """Operator: from the create of the matrix to the status that says Finished. Bare: first create to last log."""
    cpu_seconds: float
    """In that time."""
    cpu_seconds_all: float
    """With the deletions."""
    delete_seconds: float
    """From the first deletion of a Job to the last."""
    peak_bytes: int
    lag_seconds: float
    """From the end of the last pod, as its node wrote it, to the end of `seconds`."""
    requests: dict[str, int]
    """By verb and resource, as the API server's audit log has them."""

    def each(self, *, mutating: bool) -> float:
        """Requests for each Job, without those of the lease."""
        counted = (
            count
            for what, count in self.requests.items()
            if (what.split()[0] not in READS) == mutating and "leases" not in what
        )
        return sum(counted) / self.jobs

    @property
    def log_reads(self) -> float:
        """Reads of a log, for each Job."""
        return self.requests.get("get pods/log", 0) / self.jobs


def cells(rig: Rig, jobs: int, order: Sequence[str], say: Callable[[str], None]) -> list[Arm]:
    """Each of `order` (`bare` or `operator`) in turn over `jobs` cells, rounded up to a multiple of COLUMNS."""
    rows = -(-jobs // COLUMNS)
    bare_user, bare_config = rig.account("bare-client")
    user, config = rig.account("operator")
    arms: list[Arm] = []
    for number, who in enumerate(order, start=1):
        name = f"bench-{number}"
        say(f"cells: {name}, {who}, {rows * COLUMNS} cells")
        if who == "bare":
            arms.append(_bare(rig, name, rows, bare_user, bare_config))
        else:
            arms.append(_operator(rig, name, rows, user, config))
        done = arms[-1]
        say(
            f"cells: {name}, {done.jobs / done.seconds:.1f} cells/s, {1e3 * done.cpu_seconds / done.jobs:.1f} ms of "
            f"CPU a cell, {sum(done.requests.values()) / done.jobs:.2f} requests a cell, "
            f"{done.peak_bytes >> 20} MiB at most"
        )
    return arms


def matrix(name: str, rows: int) -> Json:
    """A matrix of rows x COLUMNS cells of one trial for the fake nodes."""
    fake = {
        "nodeLabels": {"type": "kwok"},
        "resource": {"name": "nvidia.com/gpu", "count": 1},
        "tolerations": [{"key": "kwok.x-k8s.io/node", "operator": "Exists"}],
    }
    return {
        "apiVersion": "batchmatrix.dev/v1alpha1",
        "kind": "BatchMatrix",
        "metadata": {"name": name},
        "spec": {
            "axes": [
                {"name": "batch_size", "values": [8 * (number + 1) for number in range(rows)]},
                {"name": "workers", "values": list(range(1, COLUMNS + 1))},
                {"name": "hardware", "values": ["fake"]},
            ],
            "catalog": {"hardware": {"fake": fake}},
            "parallelism": min(1000, rows * COLUMNS),
            "workload": {"image": "trainer:1", "command": ["train", "--batch-size", "$(batch_size)"]},
            "metrics": [{"name": "step_time_ms", "from": "keyvalue", "strategy": "mean"}],
            "retention": {"jobs": "none"},
        },
    }


def _manifests(rig: Rig, name: str, rows: int) -> list[Json]:
    """The Jobs that the operator would make, without what ties them to an operator: finalizer and owner."""
    body = matrix(name, rows)
    ref = MatrixRef(rig.namespace, name, "00000000-0000-4000-8000-000000000000")
    body["metadata"] |= {"namespace": ref.namespace, "uid": ref.uid, "generation": 1}
    checked = parse_matrix(body)
    plan = build_plan(
        checked,
        ref,
        generation=1,
        nodes=None,
        previous=None,
        order_seed=ref.uid,
        now="2026-01-01T00:00:00Z",
        max_cells=rows * COLUMNS,
        service_accounts=frozenset(),
    )
    found = []
    for index, trial in launch_order(plan):
        cell = plan.cells[index]
        job = job_manifest(Launch(ref, 1, cell, trial, 0, tuning(checked.spec, cell)))
        del job["metadata"]["ownerReferences"]
        del job["spec"]["template"]["metadata"]["finalizers"]
        found.append(job)
    return found


def _bare(rig: Rig, name: str, rows: int, user: str, config: Path) -> Arm:
    manifests, result = rig.folder / f"{name}.manifests.json", rig.folder / f"{name}.result.json"
    manifests.write_text(json.dumps(_manifests(rig, name, rows)))
    audit = AuditLog()
    environ = {"KUBECONFIG": str(config)}
    words = ("-m", "tests.perf.bare_client", str(manifests), str(result))
    with Child("the bare client", rig.folder / f"{name}.log", *words, environ=environ) as child:
        child.finish(FINISH_SECONDS + GONE_SECONDS)
    facts = json.loads(result.read_text())
    rig.empty(timeout=GONE_SECONDS)
    jobs = rows * COLUMNS
    requests = _requests(audit, rig, user, jobs)
    last_log = max(_ended(event) for event in audit.events(user=user, resource="pods", verb="get"))
    return Arm(
        who="bare",
        jobs=jobs,
        seconds=facts["read_seconds"],
        cpu_seconds=facts["read_cpu_seconds"],
        cpu_seconds_all=facts["cpu_seconds"],
        delete_seconds=facts["delete_seconds"],
        peak_bytes=facts["peak_bytes"],
        lag_seconds=last_log - _last_pod(audit, rig, before=last_log),
        requests=requests,
    )


def _operator(rig: Rig, name: str, rows: int, user: str, config: Path) -> Arm:
    folder = rig.folder / name
    folder.mkdir()
    settings = {
        "namespaces": [rig.namespace],
        "stores": {"default": {"folder": {"path": str(folder / "store")}}},
        "lease": {"duration": LEASE},
        "probes": {"port": 0},
        "logLevel": "warning",
    }
    (folder / "settings.yaml").write_text(yaml.safe_dump(settings))
    identity = {"POD_NAME": name, "POD_UID": name, "POD_NAMESPACE": rig.namespace}
    words = ("-m", "batchmatrix", "operator", "--config", str(folder / "settings.yaml"), "--kubeconfig", str(config))
    with Child("the operator", folder / "operator.log", *words, environ=identity) as child:
        _wait_for_lease(rig, name, child)
        audit = AuditLog()
        before = child.usage()
        rig.kube.create("batchmatrices", matrix(name, rows))
        finished = _wait_for_finish(rig, name, child)
        seen = time.time()
        rig.empty(timeout=GONE_SECONDS, check=child.check)
        after = child.usage()
        rig.kube.delete("batchmatrices", name)
        wait_for(lambda: not rig.kube.find("batchmatrices", name), timeout=30, what=f"{name} to be gone")
    jobs = rows * COLUMNS
    requests = _requests(audit, rig, user, jobs)
    begin = min(
        _began(event) for event in audit.events(resource="batchmatrices", verb="create", namespace=rig.namespace)
    )
    statuses = [_ended(event) for event in audit.events(user=user, resource="batchmatrices") if _is_status(event)]
    end = max(each for each in statuses if each <= seen)
    deletes = [_ended(event) for event in audit.events(user=user, resource="jobs", verb="delete")]
    return Arm(
        who="operator",
        jobs=jobs,
        seconds=end - begin,
        cpu_seconds=finished.cpu - before.cpu,
        cpu_seconds_all=after.cpu - before.cpu,
        delete_seconds=max(deletes) - min(deletes),
        peak_bytes=after.peak,
        lag_seconds=end - _last_pod(audit, rig, before=end),
        requests=requests,
    )


def _wait_for_lease(rig: Rig, name: str, child: Child) -> None:
    def look() -> bool:
        child.check()
        lease = rig.kube.find("leases", "batchmatrix")
        return lease is not None and str(lease["spec"].get("holderIdentity", "")).startswith(f"{name}/")

    wait_for(look, timeout=60, what="the operator to take its lease")


def _wait_for_finish(rig: Rig, name: str, child: Child) -> Usage:
    def look() -> Usage | None:
        now = child.usage()
        over = condition(rig.kube.get("batchmatrices", name), "Finished")
        return now if over and over["status"] == "True" else None

    return wait_for(look, timeout=FINISH_SECONDS, what=f"matrix {name} to be finished")


def _requests(audit: AuditLog, rig: Rig, user: str, jobs: int) -> dict[str, int]:
    """Requests of a user. Raises RuntimeError where others made Jobs in the namespace, or the log is not whole."""
    counted: Counter[str] = Counter()
    for event in audit.events(user=user):
        target = event.get("objectRef", {})
        sub = f"/{target['subresource']}" if target.get("subresource") else ""
        counted[f"{event['verb']} {target.get('resource', event['requestURI'].partition('?')[0])}{sub}"] += 1
    everybody = sum(1 for _ in audit.events(namespace=rig.namespace, resource="jobs", verb="create"))
    if not counted["create jobs"] == everybody == jobs:
        raise RuntimeError(
            f"{everybody} Jobs were created in {rig.namespace}, {counted['create jobs']} of them by {user}, "
            f"and not {jobs}: another operator serves this namespace too, or the audit log was rotated"
        )
    return dict(counted.most_common())


def _is_status(event: Json) -> bool:
    return event["verb"] not in READS and event["objectRef"].get("subresource") == "status"


def _last_pod(audit: AuditLog, rig: Rig, *, before: float) -> float:
    """When the node last wrote a pod's status: the end of the last pod."""
    found = audit.events(user=KUBELET, namespace=rig.namespace, resource="pods")
    return max(each for event in found if _is_status(event) and (each := _ended(event)) <= before)


def _began(event: Json) -> float:
    return datetime.fromisoformat(event["requestReceivedTimestamp"]).timestamp()


def _ended(event: Json) -> float:
    return datetime.fromisoformat(event["stageTimestamp"]).timestamp()


def table(arms: Sequence[Arm]) -> Table:
    """The arms, and the ratios between the means of each side."""
    bare = [arm for arm in arms if arm.who == "bare"]
    own = [arm for arm in arms if arm.who == "operator"]
    found = Table(
        f"cells: {arms[0].jobs} cells of one pod each on fake nodes, in the order in which they ran",
        ("", "cells/s", "CPU ms/cell", "and deleted", "peak MiB", "writes/cell", "log reads/cell", "lag s", "delete s"),
    )
    for arm in arms:
        found.add(
            arm.who,
            f"{arm.jobs / arm.seconds:.1f}",
            f"{1e3 * arm.cpu_seconds / arm.jobs:.1f}",
            f"{1e3 * arm.cpu_seconds_all / arm.jobs:.1f}",
            f"{arm.peak_bytes / 2**20:.0f}",
            f"{arm.each(mutating=True):.2f}",
            f"{arm.log_reads:.2f}",
            f"{arm.lag_seconds:.2f}",
            f"{arm.delete_seconds:.1f}",
        )
    found.ratio("rate, operator / bare", mean(a.jobs / a.seconds for a in own) / mean(a.jobs / a.seconds for a in bare))
    found.ratio("CPU, operator / bare", mean(a.cpu_seconds for a in own) / mean(a.cpu_seconds for a in bare))
    found.ratio(
        "CPU with deletions, operator / bare",
        mean(a.cpu_seconds_all for a in own) / mean(a.cpu_seconds_all for a in bare),
    )
    found.ratio("memory, operator / bare", mean(a.peak_bytes for a in own) / mean(a.peak_bytes for a in bare))
    return found


def requests_table(arms: Sequence[Arm]) -> Table:
    """What each side asked the API server for, by verb and resource: the mean of its runs."""
    sides = {who: [arm for arm in arms if arm.who == who] for who in ("bare", "operator")}
    found = Table("requests per cell, from the API server's audit log", ("", *sides))
    what = sorted(
        {name for arm in arms for name in arm.requests},
        key=lambda name: -sum(arm.requests.get(name, 0) for arm in arms),
    )
    for name in what:
        found.add(
            name, *(f"{mean(arm.requests.get(name, 0) / arm.jobs for arm in side):.3f}" for side in sides.values())
        )
    for title, each in (
        ("all", lambda arm: sum(arm.requests.values()) / arm.jobs),
        ("all that write, less the lease", lambda arm: arm.each(mutating=True)),
        ("all, to each log read", lambda arm: sum(arm.requests.values()) / arm.requests["get pods/log"]),
    ):
        found.add(title, *(f"{mean(map(each, side)):.3f}" for side in sides.values()))
    return found
