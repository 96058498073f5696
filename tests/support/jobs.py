"""Small Jobs for tests about Kubernetes itself, and what is read off them."""

from __future__ import annotations

from tests.support.cluster import Json, Kube
from tests.support.wait import Pending, wait_for

__all__ = [
    "FINALIZER",
    "condition",
    "container",
    "job_manifest",
    "one_pod",
    "pods_of",
    "wait_for_job",
    "wait_for_pod",
]

FINALIZER = "batchmatrix.dev/record"


def job_manifest(
    name: str,
    *,
    image: str = "localhost/none:none",
    command: list[str] | None = None,
    finalizers: tuple[str, ...] = (),
    spec: Json | None = None,
    pod: Json | None = None,
    trial: Json | None = None,
) -> Json:
    """A Job as the operator makes them (no retries, one pod); `spec`, `pod` and `trial` (its container) add fields."""
    container: Json = {"name": "trial", "image": image, "imagePullPolicy": "IfNotPresent", **(trial or {})}
    if command is not None:
        container["command"] = command
    template: Json = {
        "metadata": {"labels": {"test-job": name}, "finalizers": list(finalizers)},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            # PID 1 of a container does not hear SIGTERM unless it asks to; one second is enough for those that do.
            "terminationGracePeriodSeconds": 1,
            "containers": [container],
            **(pod or {}),
        },
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"backoffLimit": 0, "podReplacementPolicy": "Failed", "template": template, **(spec or {})},
    }


def pods_of(kube: Kube, job: str) -> list[Json]:
    """All pods of a Job that still exist."""
    return kube.list("pods", selector=f"test-job={job}")


def one_pod(kube: Kube, job: str) -> Json:
    """The Job's one pod, as soon as it exists; more than one is an AssertionError at the end."""

    def look() -> Json | Pending:
        found = pods_of(kube, job)
        return found[0] if len(found) == 1 else Pending([pod["metadata"]["name"] for pod in found])

    return wait_for(look, timeout=20, what=f"the one pod of Job {job}")


def condition(thing: Json, kind: str) -> Json | None:
    """The condition of that type, where its status is True."""
    for one in thing.get("status", {}).get("conditions", []):
        if one["type"] == kind and one["status"] == "True":
            found: Json = one
            return found
    return None


def wait_for_job(kube: Kube, name: str, kind: str, *, timeout: float = 30) -> Json:
    """The Job, once its condition `kind` (Failed, Complete, Suspended) is True."""

    def look() -> Json | Pending:
        job = kube.get("jobs", name)
        return job if condition(job, kind) else Pending(job.get("status"))

    return wait_for(look, timeout=timeout, what=f"Job {name} to be {kind}")


def wait_for_pod(kube: Kube, name: str, *phases: str, timeout: float = 30) -> Json:
    """The pod, once its phase is one of `phases`."""

    def look() -> Json | Pending:
        pod = kube.get("pods", name)
        return pod if pod["status"].get("phase") in phases else Pending(pod["status"])

    return wait_for(look, timeout=timeout, what=f"pod {name} to be {' or '.join(phases)}")


def container(pod: Json) -> Json:
    """The state of the pod's one container when it has ended."""
    found: Json = pod["status"]["containerStatuses"][0]["state"]["terminated"]
    return found
