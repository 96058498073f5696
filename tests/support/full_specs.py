"""Specs that together have every field of the API, each with a value that is not its default."""

from __future__ import annotations

import copy
from typing import Any

__all__ = ["CELLS_SPEC", "FULL_CATALOG", "FULL_SPEC", "LATER_FIELDS", "later_spec"]

Json = dict[str, Any]

FULL_CATALOG: Json = {
    "mitigations": {
        "fast": {"description": "Trades care for speed.", "env": {"FAST": "1", "ALPHA": "7"}},
    },
    "environments": {
        "plain": {
            "description": "The image of every day.",
            "image": "registry.example/app:1",
            "env": {"ZONE": "1", "ALPHA": "2"},
            "venv": "/opt/venv",
            "commandPrefix": ["nice", "-n", "5"],
        },
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
            "description": "One device of kind a.",
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
    "workloads": {
        "app": {
            "description": "Trains a model.",
            "image": "registry.example/app:0",
            "command": ["app"],
            "timeout": "5m",
            "metrics": [
                {"name": "loss", "from": "keyvalue"},
                {"name": "tokens", "from": "json", "direction": "higher"},
            ],
        },
    },
}
"""Every kind of entry, every field of each."""

FULL_SPEC: Json = {
    "ticket": "GPU-151",
    "labels": {"mode": "nightly"},
    "axes": [
        {"name": "environment", "values": ["plain", "by-node"]},
        {"name": "hardware", "values": ["small", "big"]},
        {"name": "mitigation", "values": ["none", ["tf32-off", "fast"]]},
        {"name": "batch_size", "values": [8, 32]},
        {"name": "lr", "values": [0.1, 0.00001]},
        {"name": "amp", "values": [True, False]},
        {"name": "profile", "values": ["a b", "c"]},
    ],
    "exclude": [{"mitigation": [["tf32-off", "fast"]], "batch_size": [32, 64]}],
    "include": [
        {
            "match": {
                "environment": {"image": "registry.example/nightly@sha256:" + "0" * 64},
                "hardware": "small",
                "mitigation": ["tf32-off", "fast"],
                "batch_size": 128,
                "lr": 0.1,
                "amp": True,
                "profile": "c",
            },
            "set": {"trials": 1, "parameters": {"depth": 4}},
        }
    ],
    "overrides": [
        {
            "match": {"batch_size": [32, 64]},
            "set": {
                "trials": 2,
                "steps": 400,
                "extraEnv": {"ZONE": "9", "EXTRA": "1"},
                "resources": {"requests": {"cpu": "2"}, "limits": {"memory": "4Gi"}},
                "image": "registry.example/app:big",
                "timeout": "1h",
                "allowedExitCodes": [0, 1],
                "expect": {"outcome": "fail"},
            },
        }
    ],
    "catalog": {"only": False, **FULL_CATALOG},
    "catalogRefs": [{"name": "team"}],
    "preflight": {"command": ["check"], "image": "registry.example/check:1"},
    "workload": {
        "ref": "app",
        "command": ["sh", "-c", "echo $(batch_size) $(ZONE) $(BATCHMATRIX_SEED) $$(date)"],
        "args": ["$(lr)"],
        "env": [{"name": "MODE", "value": "slow"}, {"name": "EMPTY"}],
        "envFrom": [
            {"configMapRef": {"name": "settings", "optional": True}, "prefix": "S_"},
            {"secretRef": {"name": "token"}},
        ],
        "resources": {"requests": {"cpu": 1, "memory": "1Gi"}, "limits": {"memory": "2Gi"}},
        "workingDir": "/work",
        "endMarker": "TRAINING DONE",
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
        "allowedExitCodes": [0, 3],
    },
    "trials": 3,
    "seed": 42,
    "steps": 200,
    "order": "cells",
    "parallelism": 7,
    "suspend": True,
    "failFast": True,
    "maxFailed": 3,
    "deadline": "12h",
    "retry": {
        "OOMKilled": {"limit": 2, "memory": "x2", "avoidNode": True},
        "NodeLost": {"limit": 1},
        "Evicted": {},
        "Preempted": {"limit": 4},
        "RateLimited": {"limit": 4, "avoidNode": True},
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
        {"name": "step_time_ms", "from": "prefix", "strategy": "mean", "warmup": 10, "required": True, "unit": "ms",
         "direction": "lower", "scale": "linear"},
        {"name": "loss", "from": "json", "key": "train/loss", "strategy": "latest"},
        {"name": "p99", "from": "keyvalue", "strategy": "p99"},
        {"name": "speed", "from": "regex", "pattern": r"speed=(?P<value>[0-9.]+) (x|y)", "strategy": "max"},
        {"name": "samples", "from": "token", "token": "LATENCY_METRICS", "key": "n"},
    ],
    "expect": {"outcome": "any"},
    "checks": [
        {"metric": "p99", "min": 1, "max": 2500.5, "when": {"mode": "nightly", "batch_size": [8, 32]},
         "severity": "warn"},
    ],
    "baseline": {"match": {"mitigation": "none"}},
    "confound": {"metric": "step_time_ms", "threshold": 1.2},
    "compare": {"metrics": ["step_time_ms"], "level": 0.01, "margin": "2.5%", "minTrials": 5, "allowConfounded": True},
    "gates": [
        {"name": "no-slower", "metric": "tokens", "min": "-5%", "max": "1000", "when": {"amp": True},
         "severity": "warn"},
    ],
    "reuse": {"scope": "matrix"},
    "store": {"name": "team"},
    "retention": {"jobs": "all", "jobsTtl": "2h", "onDelete": "delete"},
}  # fmt: skip
"""Axes, and every field that goes with them and does something already."""

CELLS_SPEC: Json = {
    "cells": [
        {"name": "baseline-plain"},
        {
            "name": "Fast_1.0",
            "mitigations": ["tf32-off", "fast"],
            "environment": {"image": "registry.example/app:2"},
            "hardware": "small",
            "parameters": {"batch_size": 8, "lr": 0.1, "amp": True, "profile": "a b"},
            "trials": 2,
            "steps": 10,
            "extraEnv": {"EXTRA": "1"},
            "resources": {"limits": {"memory": "4Gi"}},
            "timeout": "1h",
            "allowedExitCodes": [0, 1],
            "expect": {"outcome": "fail"},
        },
        {"name": "own-image", "image": "registry.example/app:3", "environment": "plain"},
    ],
    "catalog": FULL_CATALOG,
    "workload": {"image": "registry.example/app:1", "command": ["run"]},
    "baseline": {"cell": "baseline-plain"},
}
"""Cells written out, in place of axes."""

LATER_FIELDS: dict[str, Any] = {
    "queue": {"name": "gpu-queue", "priorityClass": "low"},
    "reuse.scope": "namespace",
    "reuse.maxAge": "720h",
    "reuse.key": "team",
    "compare.aaControl": True,
}
"""Path in the spec to a good value of a field that this version refuses."""


def later_spec() -> Json:
    """FULL_SPEC with every field that is refused for now as well."""
    spec = copy.deepcopy(FULL_SPEC)
    for path, value in LATER_FIELDS.items():
        *way, last = path.split(".")
        here = spec
        for step in way:
            here = here[step]
        here[last] = copy.deepcopy(value)
    return spec
