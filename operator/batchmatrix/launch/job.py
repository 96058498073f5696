"""Launch -> Job manifest. The Job controller only starts the one pod; every retry is the engine's."""

from __future__ import annotations

from typing import Any

from batchmatrix.launch.mutate import scaled_resources
from batchmatrix.launch.names import CONTAINER, FINALIZER, job_annotations, job_labels, job_name
from batchmatrix.model.cell import GROUP, PREFLIGHT, VERSION, MatrixRef
from batchmatrix.model.launch import Launch, Mutation

__all__ = ["job_manifest", "owner_reference", "trial_env"]

JSON = dict[str, Any]


def job_manifest(launch: Launch) -> JSON:
    """The batch/v1 Job that runs this launch. Equal launches give equal manifests."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job_name(launch),
            "namespace": launch.matrix.namespace,
            "labels": job_labels(launch),
            "annotations": job_annotations(launch),
            "ownerReferences": [owner_reference(launch.matrix)],
        },
        "spec": {
            "completions": 1,
            "parallelism": 1,
            # No second pod on the Job controller's own account, and none while the first still ends. Not a
            # podFailurePolicy: its Ignore re-creates pods without limit.
            "backoffLimit": 0,
            "podReplacementPolicy": "Failed",
            "template": {
                "metadata": {
                    "labels": job_labels(launch),
                    "annotations": job_annotations(launch),
                    "finalizers": [FINALIZER],
                },
                "spec": _pod_spec(launch),
            },
        },
    }


def owner_reference(matrix: MatrixRef) -> JSON:
    """Reference by which an object is garbage-collected with its matrix, without ever blocking its deletion."""
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "BatchMatrix",
        "name": matrix.name,
        "uid": matrix.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def trial_env(launch: Launch) -> tuple[tuple[str, str], ...]:
    """The trial's variables in their order: which trial this is, then all that the cell sets.

    A preflight is no trial and has no seed.
    """
    which = (("BATCHMATRIX_TRIAL", str(launch.trial)), ("BATCHMATRIX_SEED", str(launch.seed)))
    return (
        *(which if launch.cell.hash != PREFLIGHT else ()),
        ("BATCHMATRIX_CELL", launch.cell.name),
        ("BATCHMATRIX_ATTEMPT", str(launch.attempt)),
        *launch.cell.work.env,
    )


def _pod_spec(launch: Launch) -> JSON:
    work, tuning = launch.cell.work, launch.tuning
    spec: JSON = {
        "restartPolicy": "Never",
        "enableServiceLinks": False,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}} | work.security,
        "containers": [_container(launch)],
    }
    if work.service_account is None:
        spec["automountServiceAccountToken"] = False
    optional = {
        "serviceAccountName": work.service_account,
        "nodeSelector": work.node_selector,
        "tolerations": list(work.tolerations),
        "runtimeClassName": work.runtime_class,
        "volumes": list(work.volumes),
        "affinity": _avoid(launch.mutation),
        "priorityClassName": tuning.priority_class,
        "imagePullSecrets": [{"name": name} for name in tuning.image_pull_secrets],
    }
    spec |= {key: value for key, value in optional.items() if value}
    if tuning.active_deadline_seconds is not None:
        # Of the pod, not of the Job: a Job's deadline would delete the pod, and its log with it.
        spec["activeDeadlineSeconds"] = tuning.active_deadline_seconds
    if tuning.termination_grace_seconds is not None:
        spec["terminationGracePeriodSeconds"] = tuning.termination_grace_seconds
    return spec


def _container(launch: Launch) -> JSON:
    work = launch.cell.work
    container: JSON = {
        "name": CONTAINER,
        "image": work.image,
        "env": [{"name": name, "value": value} for name, value in trial_env(launch)],
        "securityContext": {"allowPrivilegeEscalation": False},
    }
    optional = {
        "command": list(work.command),
        "args": list(work.args),
        "envFrom": list(work.env_from),
        "workingDir": work.working_dir,
        "imagePullPolicy": launch.tuning.image_pull_policy,
        "resources": scaled_resources(work.resources, launch.mutation),
        "volumeMounts": list(work.volume_mounts),
    }
    return container | {key: value for key, value in optional.items() if value}


def _avoid(mutation: Mutation) -> JSON | None:
    """Keep away from nodes that failed us, if another can be had.

    Preferred with the greatest weight and not required: where every fitting node is to be avoided, a required rule
    would leave the pod pending until it counts as Unschedulable. A lost node is kept out by its own taint anyway.
    """
    if not mutation.avoid_nodes:
        return None
    # By name, not by the label kubernetes.io/hostname, which differs from it on some clouds. A field takes one value.
    elsewhere = [{"key": "metadata.name", "operator": "NotIn", "values": [node]} for node in mutation.avoid_nodes]
    preference = {"weight": 100, "preference": {"matchFields": elsewhere}}
    return {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [preference]}}
