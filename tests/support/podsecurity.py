"""The rules of the Pod Security Standard `restricted`, and what we ask beyond it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["beyond_restricted", "violations"]

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


def violations(pod: dict[str, Any]) -> list[str]:
    """Every rule of `restricted` that the pod breaks; field names as in the pod."""
    return list(_violations(pod))


def _violations(pod: dict[str, Any]) -> Iterator[str]:
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(field):
            yield field
    shared = pod.get("securityContext", {})
    for volume in pod.get("volumes", []):
        if not set(volume) - {"name"} <= VOLUMES:
            yield f"volume {volume['name']}"
    for container in [*pod["containers"], *pod.get("initContainers", [])]:
        own = container.get("securityContext", {})
        name = container["name"]
        if own.get("runAsNonRoot", shared.get("runAsNonRoot")) is not True:
            yield f"{name}: runAsNonRoot"
        if own.get("runAsUser", shared.get("runAsUser")) == 0:
            yield f"{name}: runAsUser"
        if own.get("allowPrivilegeEscalation") is not False:
            yield f"{name}: allowPrivilegeEscalation"
        if own.get("privileged"):
            yield f"{name}: privileged"
        if own.get("capabilities", {}).get("drop") != ["ALL"]:
            yield f"{name}: capabilities.drop"
        if set(own.get("capabilities", {}).get("add", [])) - {"NET_BIND_SERVICE"}:
            yield f"{name}: capabilities.add"
        profile = own.get("seccompProfile", shared.get("seccompProfile", {})).get("type")
        if profile not in ("RuntimeDefault", "Localhost"):
            yield f"{name}: seccompProfile"
        if any(port.get("hostPort") for port in container.get("ports", [])):
            yield f"{name}: hostPort"


def beyond_restricted(pod: dict[str, Any]) -> list[str]:
    """What the standard leaves open and we do not."""
    found = []
    for container in pod["containers"]:
        name = container["name"]
        if container.get("securityContext", {}).get("readOnlyRootFilesystem") is not True:
            found.append(f"{name}: readOnlyRootFilesystem")
        for kind in ("requests", "limits"):
            if set(container.get("resources", {}).get(kind, {})) < {"cpu", "memory"}:
                found.append(f"{name}: resources.{kind}")
        if ":" not in container["image"].rpartition("/")[2] or container["image"].endswith(":latest"):
            found.append(f"{name}: image without a fixed tag")
        if any("secretKeyRef" in env.get("valueFrom", {}) for env in container.get("env", [])):
            found.append(f"{name}: secret in a variable")
    if pod.get("securityContext", {}).get("runAsUser", 0) < 10_000:
        found.append("runAsUser below 10000")
    return found
