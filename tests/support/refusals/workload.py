"""Wrong workloads."""

from __future__ import annotations

from tests.support.refusals.changes import Change, Json, Refusal, all_, put

__all__ = ["WORKLOAD", "mounts"]

_W = "spec.workload"
_MOUNT = {"name": "a", "mountPath": "/a"}
_EMPTY = {"name": "a", "emptyDir": {}}


def mounts(*written: Json) -> Change:
    """Mounts of a volume `a`."""
    return all_(put("workload.volumes", [_EMPTY]), put("workload.volumeMounts", list(written)))


def _r(id_: str, field: str, value: object, path: str, word: str, *, server: bool = True) -> Refusal:
    return Refusal(id_, put(f"workload.{field}", value), f"{_W}.{path}" if path else _W, word, server)


_RULES = [{"nodeLabels": {"a": "b"}, "image": "a:1"}]
_NO_LABELS = put("workload", {"imagesByNode": [{"nodeLabels": {}, "image": "a:1"}]})
_BOTH_REFS = {"configMapRef": {"name": "a"}, "secretRef": {"name": "a"}}
_OVER = {"requests": {"cpu": 2}, "limits": {"cpu": "500m"}}

WORKLOAD: tuple[Refusal, ...] = (
    Refusal("no-workload", lambda obj: obj["spec"].pop("workload"), _W, "required"),
    Refusal("rule-without-labels", _NO_LABELS, f"{_W}.imagesByNode[0].nodeLabels", "too few"),
    _r("image-twice", "imagesByNode", _RULES, "", "both image and imagesByNode"),
    _r("image-space", "image", "a b", "image", "image reference"),
    _r("image-long", "image", "a" * 513, "image", "at most 512"),
    _r("rules-none", "imagesByNode", [], "imagesByNode", "too few"),
    _r("command-text", "command", "run", "command", "not a list"),
    _r("command-number", "command", ["run", 5], "command[1]", "quotes"),
    _r("command-long", "command", ["x" * 16_385], "command[0]", "16384"),
    _r("command-many", "command", ["x"] * 257, "command", "too many"),
    _r("args-true", "args", [True], "args[0]", "true is not a text"),
    _r("env-reserved", "env", [{"name": "BATCHMATRIX_X"}], "env[0].name", "reserved"),
    _r("env-parameter", "env", [{"name": "size"}], "env[0].name", "axis"),
    _r("env-twice", "env", [{"name": "A"}, {"name": "A"}], "env[1].name", "twice"),
    _r("env-number", "env", [{"name": "A", "value": 1}], "env[0].value", "quotes"),
    _r("env-map", "env", {"A": "1"}, "env", "not a list"),
    _r("env-value-from", "env", [{"name": "A", "valueFrom": {}}], "env[0].valueFrom", "unknown field"),
    _r("env-from-none", "envFrom", [{}], "envFrom[0]", "exactly one"),
    _r("env-from-both", "envFrom", [_BOTH_REFS], "envFrom[0]", "exactly one"),
    _r("env-from-name", "envFrom", [{"secretRef": {"name": "A_B"}}], "envFrom[0].secretRef.name", "lower-case"),
    _r("volume-none", "volumes", [{"name": "a"}], "volumes[0]", "exactly one"),
    _r("volume-two", "volumes", [{**_EMPTY, "secret": {"secretName": "s"}}], "volumes[0]", "exactly one"),
    _r("volume-twice", "volumes", [_EMPTY, _EMPTY], "volumes[1].name", "twice"),
    _r("volume-medium", "volumes", [{"name": "a", "emptyDir": {"medium": "Disk"}}], "volumes[0].emptyDir.medium",
       "'Memory'"),
    _r("volume-size", "volumes", [{"name": "a", "emptyDir": {"sizeLimit": "8 GB"}}], "volumes[0].emptyDir.sizeLimit",
       "quantity"),
    _r("mount-unknown", "volumeMounts", [_MOUNT], "volumeMounts[0].name", "volumes"),
    Refusal("mount-twice", mounts(_MOUNT, _MOUNT), f"{_W}.volumeMounts[1].mountPath", "twice"),
    Refusal("mount-up", mounts({**_MOUNT, "subPath": "x/../y"}), f"{_W}.volumeMounts[0].subPath", "'..'"),
    Refusal("mount-sub", mounts({**_MOUNT, "subPath": "/x"}), f"{_W}.volumeMounts[0].subPath", "does not begin"),
    Refusal("mount-relative", mounts({"name": "a", "mountPath": "a"}), f"{_W}.volumeMounts[0].mountPath", "absolute"),
    _r("pull-secret-twice", "imagePullSecrets", [{"name": "a"}, {"name": "a"}], "imagePullSecrets[1].name", "twice"),
    _r("pull-policy", "imagePullPolicy", "always", "imagePullPolicy", "'Always'"),
    _r("over-limit", "resources", _OVER, "resources.requests.cpu", "more", server=False),
    _r("device-request", "resources.requests", {"a.b/c": 1}, 'resources.requests["a.b/c"]', "limits only",
       server=False),
    _r("device-part", "resources.limits", {"a.b/c": "500m"}, 'resources.limits["a.b/c"]', "whole number",
       server=False),
    _r("quantity", "resources.limits", {"cpu": "two"}, "resources.limits.cpu", "quantity"),
    _r("fraction", "resources.limits", {"cpu": 0.5}, "resources.limits.cpu", "quotes"),
    _r("negative", "resources.limits", {"cpu": -1}, "resources.limits.cpu", "negative"),
    _r("resource-name", "resources.limits", {"a b": 1}, 'resources.limits["a b"]', "wrong form", server=False),
    _r("user", "runAsUser", -1, "runAsUser", "0 or more"),
    _r("user-name", "runAsUser", "root", "runAsUser", "whole number"),
    _r("group", "supplementalGroups", [2**31], "supplementalGroups[0]", "or less"),
    _r("grace", "terminationGracePeriodSeconds", 3601, "terminationGracePeriodSeconds", "3600 or less"),
    _r("account", "serviceAccountName", "Runner", "serviceAccountName", "lower-case"),
    _r("folder", "workingDir", "work", "workingDir", "absolute"),
    _r("timeout-none", "timeout", "0s", "timeout", "more than 0s"),
    _r("timeout-long", "timeout", "8785h", "timeout", "8784h"),
    _r("timeout-days", "timeout", "1d", "timeout", "a duration"),
    _r("timeout-number", "timeout", 600, "timeout", "quotes"),
    _r("exit-code", "allowedExitCodes", [-1], "allowedExitCodes[0]", "0 or more"),
    _r("exit-codes-none", "allowedExitCodes", [], "allowedExitCodes", "too few"),
    _r("ref-form", "ref", "a b", "ref", "wrong form"),
    _r("host-path", "volumes", [{**_EMPTY, "hostPath": {"path": "/"}}], "volumes[0].hostPath", "unknown field"),
    _r("privileged", "privileged", True, "privileged", "unknown field"),
    _r("node-name", "nodeName", "n", "nodeName", "unknown field"),
    _r("null", "workingDir", None, "workingDir", "null", server=False),
)  # fmt: skip
