"""Builders of BatchMatrix objects and plans, and one example for each way to write one wrongly."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from batchmatrix.model.cell import MatrixRef, Plan
from batchmatrix.model.observed import NodeState
from batchmatrix.model.v1alpha1 import BatchMatrix, parse_matrix
from batchmatrix.plan.build import build_plan
from batchmatrix.plan.builtin import BUILT_IN
from batchmatrix.plan.catalogs import catalogs_of, self_contained

__all__ = ["ALLOWED", "FULL_SPEC", "REF", "REFUSED", "Refusal", "a_matrix", "a_node", "a_plan", "matrix_object"]

Json = dict[str, Any]
Change = Callable[[Json], None]

REF = MatrixRef("triage", "demo", "5f0c1d9e-0000-4000-8000-000000000001")


def matrix_object(name: str = "demo", **spec: Any) -> Json:
    """A matrix as plain data: one axis of two values and an image, changed by the fields in `spec`."""
    base: Json = {
        "axes": [{"name": "size", "values": [8, 32]}],
        "workload": {"image": "registry.example/app:1", "command": ["run", "--size", "$(size)"]},
    }
    return {
        "apiVersion": "batchmatrix.dev/v1alpha1",
        "kind": "BatchMatrix",
        "metadata": {"name": name},
        "spec": copy.deepcopy({**base, **spec}),
    }


def a_matrix(name: str = "demo", **spec: Any) -> BatchMatrix:
    """The same, parsed; where the axes are others, give a workload too."""
    return parse_matrix(matrix_object(name, **spec))


def a_node(
    name: str = "node-1",
    *,
    labels: Mapping[str, str] | None = None,
    allocatable: Mapping[str, str] | None = None,
    taints: Sequence[Json] = (),
) -> NodeState:
    """A ready node with four cores."""
    room = {"cpu": "4", "memory": "16Gi", **(allocatable or {})}
    return NodeState(name=name, labels=dict(labels or {}), allocatable=room, taints=tuple(taints))


def a_plan(
    matrix: BatchMatrix,
    *,
    nodes: Sequence[NodeState] | None = None,
    previous: Plan | None = None,
    generation: int = 1,
    order_seed: str = "0",
    max_cells: int = 10_000,
    service_accounts: Sequence[str] = (),
) -> Plan:
    """The plan of a matrix, by default where nodes may not be read, with the built-in catalog."""
    return build_plan(
        self_contained(matrix, catalogs_of(matrix, [("built-in", BUILT_IN)])),
        REF,
        generation=generation,
        nodes=nodes,
        previous=previous,
        order_seed=order_seed,
        now="2026-01-02T03:04:05Z",
        max_cells=max_cells,
        service_accounts=frozenset(service_accounts),
    )


FULL_SPEC: Json = {
    "axes": [
        {"name": "environment", "values": ["plain", "by-node"]},
        {"name": "hardware", "values": ["small", "big"]},
        {"name": "batch_size", "values": [8, 32]},
        {"name": "lr", "values": [0.1, 0.00001]},
        {"name": "amp", "values": [True, False]},
        {"name": "mode", "values": ["a b", "c"]},
    ],
    "catalog": {
        "environments": {
            "plain": {"image": "registry.example/app:1", "env": {"ZONE": "1", "ALPHA": "2"}},
            "by-node": {
                "imagesByNode": [
                    {"nodeLabels": {"gpu.example/kind": "a"}, "image": "registry.example/app:a"},
                    {"nodeLabels": {"gpu.example/kind": "b"}, "image": "registry.example/app:b"},
                ],
                "env": {"ZONE": "3"},
            },
        },
        "hardware": {
            "small": {
                "nodeLabels": {"gpu.example/kind": "a"},
                "resource": {"name": "gpu.example/a", "count": 1},
                "tolerations": [{"key": "gpu.example/a", "operator": "Exists", "effect": "NoSchedule"}],
                "runtimeClassName": "gpu",
            },
            "big": {
                "nodeLabels": {"gpu.example/kind": "b"},
                "tolerations": [{"key": "gpu.example/b", "operator": "Equal", "value": "x"}],
            },
        },
    },
    "workload": {
        "command": ["sh", "-c", "echo $(batch_size) $(ZONE) $(BATCHMATRIX_SEED) $$(date)"],
        "args": ["$(lr)"],
        "env": [{"name": "MODE", "value": "fast"}, {"name": "EMPTY"}],
        "envFrom": [
            {"configMapRef": {"name": "settings", "optional": True}, "prefix": "S_"},
            {"secretRef": {"name": "token"}},
        ],
        "resources": {"requests": {"cpu": 1, "memory": "1Gi"}, "limits": {"memory": "2Gi"}},
        "workingDir": "/work",
        "imagePullPolicy": "IfNotPresent",
        "imagePullSecrets": [{"name": "registry"}],
        "volumes": [
            {"name": "config", "configMap": {"name": "settings"}},
            {"name": "keys", "secret": {"secretName": "token", "optional": True}},
            {"name": "data", "persistentVolumeClaim": {"claimName": "data", "readOnly": True}},
            {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "8Gi"}},
            {"name": "scratch", "emptyDir": {}},
        ],
        "volumeMounts": [
            {"name": "config", "mountPath": "/config", "subPath": "a/b", "readOnly": True},
            {"name": "shm", "mountPath": "/dev/shm"},
        ],
        "runAsUser": 1000,
        "runAsGroup": 1000,
        "fsGroup": 2000,
        "supplementalGroups": [44, 109],
        "terminationGracePeriodSeconds": 5,
        "priorityClassName": "low",
        "serviceAccountName": "runner",
        "timeout": "20m",
    },
    "trials": 3,
    "seed": 42,
    "order": "cells",
    "parallelism": 7,
    "retry": {
        "OOMKilled": {"limit": 2, "memory": "x2", "avoidNode": True},
        "NodeLost": {"limit": 1},
        "Evicted": {},
        "Preempted": {"limit": 4},
        "ImageError": {"limit": 5},
        "UnexpectedExit": {"limit": 6},
        "Timeout": {"limit": 7},
        "Incomplete": {"limit": 8},
        "LogLost": {"limit": 9},
        "Interrupted": {"limit": 10},
    },
    "pending": {"unschedulable": "1m", "imagePull": "2m30s", "invalidImage": "1s", "nodeLost": "3m", "other": "4m"},
    "placement": {"noMatchingNode": "wait"},
    "logs": {"mode": "follow", "maxBytes": "10Mi"},
    "metrics": [
        {"name": "step_time_ms", "from": "prefix", "strategy": "mean", "warmup": 10, "required": True, "unit": "ms"},
        {"name": "loss", "from": "json", "key": "train/loss", "strategy": "latest"},
        {"name": "p99", "from": "keyvalue", "strategy": "p99"},
        {"name": "speed", "from": "regex", "pattern": r"speed=(?P<value>[0-9.]+) (x|y)", "strategy": "max"},
    ],
    "store": {"name": "team"},
    "retention": {"jobs": "all", "jobsTtl": "2h"},
}
"""Every field of the API once."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An object that is wrong in one way."""

    id: str
    change: Change
    """Makes a good object bad."""
    path: str
    """Where the problem is said to be."""
    word: str
    """What its message must hold."""
    server: bool = True
    """Whether the API server refuses it as well; a null it drops, except as a value of an axis."""

    def object(self) -> Json:
        """The bad object."""
        bad = matrix_object()
        self.change(bad)
        return bad


def _set(path: str, value: Any) -> Change:
    """A change of one field of the spec: `workload.env`."""

    def change(obj: Json) -> None:
        *way, last = path.split(".")
        here = obj["spec"]
        for step in way:
            here = here.setdefault(step, {})
        here[last] = copy.deepcopy(value)

    return change


def _all(*changes: Change) -> Change:
    def change(obj: Json) -> None:
        for one in changes:
            one(obj)

    return change


def _name(name: str) -> Change:
    return lambda obj: obj["metadata"].update(name=name)


def _axes(*axes: tuple[str, list[Any]]) -> Change:
    return _all(
        _set("axes", [{"name": name, "values": values} for name, values in axes]), _set("workload.command", ["run"])
    )


def _value(value: Any) -> Change:
    return _axes(("a", [value]))


_ENVIRONMENT = _all(
    _axes(("environment", ["e"])),
    _set("workload", {"command": ["run"]}),
    _set("catalog.environments", {"e": {"image": "a:1"}}),
)
_HARDWARE = _all(_axes(("hardware", ["h"])), _set("catalog.hardware", {"h": {"nodeLabels": {"a": "b"}}}))
_VOLUME = _set("workload.volumes", [{"name": "a", "emptyDir": {}}])
_REGEX = {"name": "m", "from": "regex", "pattern": "(x)"}
_RULES = [{"nodeLabels": {"a": "b"}, "image": "a:1"}]


def _environment(field: str, value: Any) -> Change:
    return _all(_ENVIRONMENT, _set(f"catalog.environments.e.{field}", value))


def _hardware(field: str, value: Any) -> Change:
    return _all(_HARDWARE, _set(f"catalog.hardware.h.{field}", value))


def _mounts(*mounts: Json) -> Change:
    return _all(_VOLUME, _set("workload.volumeMounts", list(mounts)))


ALLOWED: Mapping[str, Change] = {
    "environment axis": _ENVIRONMENT,
    "hardware axis": _HARDWARE,
    "regex": _set("metrics", [_REGEX]),
    "mounts": _mounts({"name": "a", "mountPath": "/a", "subPath": "x..y/z"}),
    "longest name": _name("a" * 35),
    "most trials": _set("trials", 99_999),
    "longest duration": _set("workload.timeout", "8784h"),
    "full": lambda obj: obj.update(spec=copy.deepcopy(FULL_SPEC)),
}
"""Objects that must be taken: each is what some refusals change by one thing."""

_W = "spec.workload"
_E = "spec.catalog.environments.e"
_H = "spec.catalog.hardware.h"
_V0 = "spec.axes[0].values[0]"
_A0 = "spec.axes[0].name"
_M0 = "spec.metrics[0]"
_TWO_SOURCES = {"name": "a", "emptyDir": {}, "secret": {"secretName": "s"}}
_HOST_PATH = {"name": "a", "emptyDir": {}, "hostPath": {"path": "/"}}
_BOTH_REFS = {"configMapRef": {"name": "a"}, "secretRef": {"name": "a"}}
_MOUNT = {"name": "a", "mountPath": "/a"}
_PARAMETER = _all(
    _environment("env", {"A": "1"}),
    _set("axes", [{"name": "environment", "values": ["e"]}, {"name": "A", "values": [1]}]),
)
_ENV_TWICE = _all(_environment("env", {"A": "1"}), _set("workload.env", [{"name": "A"}]))
_DEVICE_TWICE = _all(_hardware("resource", {"name": "a.b/c"}), _set("workload.resources.limits", {"a.b/c": 1}))
_OVER = {"requests": {"cpu": 2}, "limits": {"cpu": "500m"}}
_NO_LABELS = _set("workload", {"imagesByNode": [{"nodeLabels": {}, "image": "a:1"}]})

REFUSED: tuple[Refusal, ...] = (
    Refusal("name-long", _name("a" * 36), "metadata.name", "at most 35"),
    Refusal("name-dots", _name("a.b"), "metadata.name", "not a DNS label"),
    Refusal("axis-twice", _axes(("a", [1]), ("a", [2])), "spec.axes[1].name", "earlier axis"),
    Refusal("axis-mitigation", _axes(("mitigation", ["none"])), _A0, "not supported yet"),
    Refusal("axis-reserved", _axes(("BATCHMATRIX_X", [1])), _A0, "reserved"),
    Refusal("axis-form", _axes(("a-b", [1])), _A0, "wrong form"),
    Refusal("axes-none", _axes(), "spec.axes", "too few"),
    Refusal("axes-nine", _axes(*((f"a{i}", [1]) for i in range(9))), "spec.axes", "too many"),
    Refusal("values-none", _axes(("a", [])), "spec.axes[0].values", "too few"),
    Refusal("values-65", _axes(("a", list(range(65)))), "spec.axes[0].values", "too many"),
    Refusal("value-list", _value([1]), _V0, "not a list"),
    Refusal("value-empty-list", _value([]), _V0, "not a list"),
    Refusal("value-object", _value({"x": 1}), _V0, "not a list"),
    Refusal("value-empty-object", _value({}), _V0, "not a list"),
    Refusal("value-long", _value("x" * 129), _V0, "at most 128"),
    Refusal("value-huge", _value(2**63), _V0, "64 bits", server=False),
    Refusal("value-null", _value(None), _V0, "null", server=False),
    Refusal("value-twice", _axes(("a", [1, "1"])), "spec.axes[0].values[1]", "same text", server=False),
    Refusal("value-true-twice", _axes(("a", [True, "true"])), "spec.axes[0].values[1]", "same text", server=False),
    Refusal("not-in-catalog", _axes(("hardware", ["h"])), _V0, "catalog", server=False),
    Refusal("no-image", _set("workload", {"command": ["x"]}), _W, "no image"),
    Refusal("image-too-many", _all(_ENVIRONMENT, _set("workload.image", "a:1")), _W, "brings its own"),
    Refusal("image-twice", _set("workload.imagesByNode", _RULES), _W, "both image and imagesByNode"),
    Refusal("rule-without-labels", _NO_LABELS, f"{_W}.imagesByNode[0].nodeLabels", "too few"),
    Refusal("environment-no-image", _all(_ENVIRONMENT, _set("catalog.environments.e", {})), _E, "exactly one"),
    Refusal("environment-images", _environment("imagesByNode", _RULES), _E, "exactly one"),
    Refusal("environment-reserved", _environment("env", {"BATCHMATRIX_X": "1"}), f"{_E}.env", "reserved"),
    Refusal(
        "environment-name",
        _set("catalog.environments", {"-e": {"image": "a:1"}}),
        'spec.catalog.environments["-e"]',
        "wrong form",
    ),
    Refusal("environment-clash", _ENV_TWICE, f"{_E}.env", "workload.env", server=False),
    Refusal("environment-parameter", _PARAMETER, f"{_E}.env", "an axis", server=False),
    Refusal("env-reserved", _set("workload.env", [{"name": "BATCHMATRIX_X"}]), f"{_W}.env[0].name", "reserved"),
    Refusal("env-parameter", _set("workload.env", [{"name": "size"}]), f"{_W}.env[0].name", "axis"),
    Refusal("env-twice", _set("workload.env", [{"name": "A"}, {"name": "A"}]), f"{_W}.env[1].name", "twice"),
    Refusal("env-number", _set("workload.env", [{"name": "A", "value": 1}]), f"{_W}.env[0].value", "quotes"),
    Refusal("reference", _set("workload.args", ["$(nothing)"]), f"{_W}.args[0]", "$$(nothing)", server=False),
    Refusal("env-from-none", _set("workload.envFrom", [{}]), f"{_W}.envFrom[0]", "exactly one"),
    Refusal("env-from-both", _set("workload.envFrom", [_BOTH_REFS]), f"{_W}.envFrom[0]", "exactly one"),
    Refusal("volume-none", _set("workload.volumes", [{"name": "a"}]), f"{_W}.volumes[0]", "exactly one"),
    Refusal("volume-two", _set("workload.volumes", [_TWO_SOURCES]), f"{_W}.volumes[0]", "exactly one"),
    Refusal(
        "volume-twice", _set("workload.volumes", [{"name": "a", "emptyDir": {}}] * 2), f"{_W}.volumes[1].name", "twice"
    ),
    Refusal("mount-unknown", _set("workload.volumeMounts", [_MOUNT]), f"{_W}.volumeMounts[0].name", "volumes"),
    Refusal("mount-twice", _mounts(_MOUNT, _MOUNT), f"{_W}.volumeMounts[1].mountPath", "twice"),
    Refusal("mount-up", _mounts({**_MOUNT, "subPath": "x/../y"}), f"{_W}.volumeMounts[0].subPath", "'..'"),
    Refusal("mount-relative", _mounts({"name": "a", "mountPath": "a"}), f"{_W}.volumeMounts[0].mountPath", "absolute"),
    Refusal(
        "pull-secret-twice",
        _set("workload.imagePullSecrets", [{"name": "a"}, {"name": "a"}]),
        f"{_W}.imagePullSecrets[1].name",
        "twice",
    ),
    Refusal(
        "toleration-value",
        _hardware("tolerations", [{"key": "a", "operator": "Exists", "value": "b"}]),
        f"{_H}.tolerations[0].value",
        "no value",
    ),
    Refusal("toleration-key", _hardware("tolerations", [{"value": "b"}]), f"{_H}.tolerations[0]", "no key"),
    Refusal("hardware-name", _set("catalog.hardware", {"h 1": {}}), 'spec.catalog.hardware["h 1"]', "wrong form"),
    Refusal("resource-cpu", _hardware("resource", {"name": "cpu"}), f"{_H}.resource.name", "extended resource"),
    Refusal("resource-clash", _DEVICE_TWICE, f"{_H}.resource.name", "remove it there", server=False),
    Refusal("label-key", _hardware("nodeLabels", {"a b": "c"}), f'{_H}.nodeLabels["a b"]', "wrong form", server=False),
    Refusal("label-value", _hardware("nodeLabels", {"a": "b c"}), f"{_H}.nodeLabels.a", "label value"),
    Refusal("over-limit", _set("workload.resources", _OVER), f"{_W}.resources.requests.cpu", "more", server=False),
    Refusal(
        "device-request",
        _set("workload.resources.requests", {"a.b/c": 1}),
        f'{_W}.resources.requests["a.b/c"]',
        "limits only",
        server=False,
    ),
    Refusal("quantity", _set("workload.resources.limits", {"cpu": "two"}), f"{_W}.resources.limits.cpu", "quantity"),
    Refusal("fraction", _set("workload.resources.limits", {"cpu": 0.5}), f"{_W}.resources.limits.cpu", "quotes"),
    Refusal("negative", _set("workload.resources.limits", {"cpu": -1}), f"{_W}.resources.limits.cpu", "negative"),
    Refusal("timeout-none", _set("workload.timeout", "0s"), f"{_W}.timeout", "more than 0s"),
    Refusal("timeout-long", _set("workload.timeout", "8785h"), f"{_W}.timeout", "8784h"),
    Refusal("timeout-days", _set("workload.timeout", "1d"), f"{_W}.timeout", "a duration"),
    Refusal("pending-long", _set("pending.other", "8785h"), "spec.pending.other", "8784h"),
    Refusal("ttl-long", _set("retention.jobsTtl", "8785h"), "spec.retention.jobsTtl", "8784h"),
    Refusal("metric-no-pattern", _set("metrics", [{"name": "m", "from": "regex"}]), _M0, "no pattern"),
    Refusal("metric-pattern", _set("metrics", [{**_REGEX, "from": "json"}]), f"{_M0}.pattern", "does nothing"),
    Refusal("metric-key", _set("metrics", [{**_REGEX, "key": "k"}]), f"{_M0}.key", "does nothing"),
    Refusal("metric-twice", _set("metrics", [_REGEX, _REGEX]), "spec.metrics[1].name", "earlier metric"),
    Refusal("metric-re2", _set("metrics", [{**_REGEX, "pattern": "(?=x)"}]), f"{_M0}.pattern", "RE2", server=False),
    Refusal(
        "metric-groups", _set("metrics", [{**_REGEX, "pattern": "(x)(y)"}]), f"{_M0}.pattern", "2 groups", server=False
    ),
    Refusal("spec-size", _set("workload.args", ["x" * 16_000] * 9), "spec", "bytes", server=False),
    Refusal("memory-factor", _set("retry.OOMKilled", {"memory": "x17"}), "spec.retry.OOMKilled.memory", "x1.5"),
    Refusal("memory-elsewhere", _set("retry.Evicted", {"memory": "x2"}), "spec.retry.Evicted.memory", "unknown"),
    Refusal("retry-outcome", _set("retry.Succeeded", {}), "spec.retry.Succeeded", "unknown"),
    Refusal("retry-many", _set("retry.Evicted", {"limit": 101}), "spec.retry.Evicted.limit", "100 or less"),
    Refusal("trials-none", _set("trials", 0), "spec.trials", "1 or more"),
    Refusal("trials-many", _set("trials", 100_000), "spec.trials", "99999 or less"),
    Refusal("trials-text", _set("trials", "5"), "spec.trials", "without quotes"),
    Refusal("trials-bool", _set("trials", True), "spec.trials", "whole number"),
    Refusal("seed-negative", _set("seed", -1), "spec.seed", "0 or more"),
    Refusal("parallelism", _set("parallelism", 10_001), "spec.parallelism", "10000 or less"),
    Refusal("order", _set("order", "random"), "spec.order", "'rounds' or 'cells'"),
    Refusal("typo", _set("trails", 5), "spec.trails", "did you mean trials?"),
    Refusal("host-path", _set("workload.volumes", [_HOST_PATH]), f"{_W}.volumes[0].hostPath", "unknown field"),
    Refusal("privileged", _set("workload.privileged", True), f"{_W}.privileged", "unknown field"),
    Refusal("node-name", _set("workload.nodeName", "n"), f"{_W}.nodeName", "unknown field"),
    Refusal("suspend", _set("suspend", True), "spec.suspend", "unknown field"),
    Refusal("command-text", _set("workload.command", "run"), f"{_W}.command", "not a list"),
    Refusal("user", _set("workload.runAsUser", -1), f"{_W}.runAsUser", "0 or more"),
    Refusal("image-space", _set("workload.image", "a b"), f"{_W}.image", "image reference"),
    Refusal("null", _set("workload.workingDir", None), f"{_W}.workingDir", "null", server=False),
)
"""One example for each way to be wrong."""
