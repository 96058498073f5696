"""Jobs whose pods really run: started, watched until they speak, and let go at the end."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.cluster import Json, Kube
from tests.support.jobs import FINALIZER, job_manifest, one_pod
from tests.support.wait import Pending, wait_for

__all__ = ["LOST_LOG", "release", "run_job", "wait_for_log", "when"]

LOST_LOG = b"unable to retrieve container logs for containerd://"
"""What the log call answers, with status 200, when the kubelet no longer has the container."""


def run_job(
    kube: Kube,
    image: str,
    script: str,
    *,
    name: str = "one",
    keep: bool = False,
    pod: Json | None = None,
    trial: Json | None = None,
) -> str:
    """Create a Job that runs a shell script; its pod's name. With `keep` our finalizer holds the pod's object."""
    finalizers = (FINALIZER,) if keep else ()
    manifest = job_manifest(
        name, image=image, command=["/bin/sh", "-c", script], finalizers=finalizers, pod=pod, trial=trial
    )
    kube.create("jobs", manifest)
    found: str = one_pod(kube, name)["metadata"]["name"]
    return found


def wait_for_log(kube: Kube, pod: str, text: bytes, *, timeout: float = 60) -> bytes:
    """The pod's log, once it holds `text`; so the container surely runs its script."""

    def look() -> bytes | Pending:
        if kube.get("pods", pod)["status"]["phase"] == "Pending":
            return Pending(kube.get("pods", pod)["status"])
        log = kube.logs(pod)
        return log if text in log else Pending(log[-500:].decode(errors="replace"))

    return wait_for(look, timeout=timeout, what=f"{text!r} in the log of {pod}")


def release(kube: Kube, pod: str) -> None:
    """Take our finalizer off, as the operator does."""
    kube.drop_finalizer(pod, FINALIZER)


def when(kube: Kube, pod: str, holds: Callable[[Json], object], *, what: str, timeout: float = 90) -> Json:
    """The pod's object, once `holds` is true of it."""

    def look() -> Json | Pending:
        found = kube.get("pods", pod)
        return found if holds(found) else Pending({"metadata": found["metadata"], "status": found["status"]})

    return wait_for(look, timeout=timeout, what=what)
