"""A cell's hash changes exactly when what runs changes."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import hypothesis.strategies as st
from hypothesis import assume, given, settings

from batchmatrix.plan.pin import dump_plan, load_plan
from tests.support.specs import a_matrix, a_plan

law = settings(deadline=None)

Json = dict[str, Any]

_SET = "overrides.0.set"
BASE: Json = {
    "axes": [
        {"name": "mitigation", "values": [["m", "n"], "n"]},
        {"name": "environment", "values": ["e"]},
        {"name": "hardware", "values": ["h"]},
        {"name": "size", "values": [1, 2]},
    ],
    "include": [{"match": {}, "set": {"parameters": {"depth": 1}}}],
    "overrides": [{"match": {}, "set": {"extraEnv": {"X": "1"}, "resources": {"limits": {"memory": "1Gi"}}}}],
    "catalog": {
        "mitigations": {"m": {"env": {"M": "1"}}, "n": {"env": {"N": "1"}}},
        "environments": {"e": {"env": {"E": "1"}, "image": "e:1"}},
        "hardware": {"h": {"nodeLabels": {"a": "b"}, "resource": {"name": "a.b/c"}}},
    },
    "workload": {
        "image": "a:1", "command": ["x"], "args": ["y"], "workingDir": "/w", "env": [{"name": "A", "value": "1"}],
        "envFrom": [{"configMapRef": {"name": "c"}}], "resources": {"limits": {"cpu": 1}},
        "volumes": [{"name": "v", "emptyDir": {}}], "volumeMounts": [{"name": "v", "mountPath": "/v"}],
        "runAsUser": 1, "runAsGroup": 1, "fsGroup": 1, "supplementalGroups": [1],
    },
    "metrics": [{"name": "m", "from": "json"}],
}  # fmt: skip

RUNS: Json = {
    "workload.command": ["z"], "workload.args": ["z"], "workload.workingDir": "/z",
    "workload.env": [{"name": "A", "value": "2"}], "workload.envFrom": [{"configMapRef": {"name": "d"}}],
    "workload.resources": {"limits": {"cpu": 2}}, "workload.volumes": [{"name": "v", "emptyDir": {"medium": "Memory"}}],
    "workload.volumeMounts": [{"name": "v", "mountPath": "/z"}], "workload.runAsUser": 2, "workload.runAsGroup": 2,
    "workload.fsGroup": 2, "workload.supplementalGroups": [2], "seed": 1, "steps": 5,
    "catalog.mitigations.n.env": {"N": "2"}, "catalog.environments.e.env": {"E": "2"},
    "catalog.environments.e.image": "e:2", "catalog.hardware.h.nodeLabels": {"a": "c"},
    "catalog.hardware.h.resource": {"name": "a.b/c", "count": 2},
    "catalog.hardware.h.tolerations": [{"operator": "Exists"}], "catalog.hardware.h.runtimeClassName": "gpu",
    f"{_SET}.extraEnv": {"X": "2"}, f"{_SET}.resources": {"limits": {"memory": "2Gi"}}, f"{_SET}.image": "o:1",
    "include.0.set.parameters": {"depth": 2},
}  # fmt: skip
"""Fields that say what runs."""

IDLE: Json = {
    "workload.timeout": "5m", "workload.imagePullPolicy": "Always", "workload.imagePullSecrets": [{"name": "s"}],
    "workload.priorityClassName": "p", "workload.terminationGracePeriodSeconds": 1, "workload.image": "a:2",
    "workload.allowedExitCodes": [0, 1], "trials": 2, "order": "cells", "parallelism": 3, "suspend": True,
    "retry": {"Timeout": {"limit": 1}}, "pending": {"other": "1m"}, "logs": {"mode": "end"}, "store": {"name": "s"},
    "metrics": [{"name": "m", "from": "keyvalue"}], "retention": {"jobs": "all"},
    "placement": {"noMatchingNode": "wait"}, "ticket": "T-1", "labels": {"mode": "x"}, "expect": {"outcome": "any"},
    "checks": [{"metric": "m", "max": 1}], "gates": [{"name": "g", "metric": "m", "max": "1"}],
    "baseline": {"match": {"size": 1}}, "confound": {"threshold": 2}, "compare": {"minTrials": 5},
    f"{_SET}.trials": 4, f"{_SET}.timeout": "1m", f"{_SET}.allowedExitCodes": [0, 2],
    f"{_SET}.expect": {"outcome": "fail"}, "catalog.hardware.unused": {"nodeLabels": {"a": "b"}},
    "catalog.mitigations.n.description": "Says more.", "catalog.environments.e.venv": "/v",
    "catalog.environments.e.commandPrefix": ["nice"], "catalogRefs": [{"name": "team"}],
}  # fmt: skip
"""Fields that do not: the workload's image among them, as the environment brings one."""


def changed(fields: Sequence[str]) -> Json:
    result = copy.deepcopy(BASE)
    for field in sorted(fields):
        *way, last = field.split(".")
        here: Any = result
        for step in way:
            here = here[int(step)] if step.isdigit() else here[step]
        here[last] = copy.deepcopy({**RUNS, **IDLE}[field])
    return result


def hashes(fields: Sequence[str], name: str = "demo") -> list[str]:
    return [cell.hash for cell in a_plan(a_matrix(name, **changed(fields))).cells]


def test_the_base_has_cells_of_every_kind() -> None:
    cells = a_plan(a_matrix(**BASE)).cells
    assert [(cell.mitigations, cell.parameters) for cell in cells] == [
        (("m", "n"), {"size": 1, "depth": 1}), (("m", "n"), {"size": 2, "depth": 1}),
        (("n",), {"size": 1, "depth": 1}), (("n",), {"size": 2, "depth": 1}),
    ]  # fmt: skip
    assert len(set(hashes([]))) == 4


@law
@given(idle=st.lists(st.sampled_from(sorted(IDLE)), unique=True), name=st.sampled_from(["demo", "other"]))
def test_a_hash_stays_when_what_runs_stays(idle: list[str], name: str) -> None:
    assert hashes(idle, name) == hashes([])


@law
@given(
    runs=st.sets(st.sampled_from(sorted(RUNS)), min_size=1),
    others=st.sets(st.sampled_from(sorted(RUNS))),
    idle=st.sets(st.sampled_from(sorted(set(IDLE) - {"workload.image"}))),
)
def test_a_hash_changes_when_anything_that_runs_changes(runs: set[str], others: set[str], idle: set[str]) -> None:
    hidden = {"catalog.environments.e.image"} if f"{_SET}.image" in runs & others else set()
    assume(runs - hidden != others - hidden)
    assert not set(hashes([*runs, *idle])) & set(hashes([*others, *idle]))


def test_every_field_that_runs_changes_the_hash_by_itself() -> None:
    seen = [tuple(hashes([field])) for field in sorted(RUNS)]
    assert len({tuple(hashes([])), *seen}) == len(RUNS) + 1


def test_a_mitigation_changes_only_the_cells_that_use_it() -> None:
    before = hashes([])
    spec = changed([])
    spec["catalog"]["mitigations"]["m"]["env"]["M"] = "2"
    after = [cell.hash for cell in a_plan(a_matrix(**spec)).cells]
    assert [one == other for one, other in zip(before, after, strict=True)] == [False, False, True, True]


def test_the_order_of_a_stack_is_not_what_runs_when_its_variables_are_the_same() -> None:
    """Names of mitigations are not in the hash: what they set is."""
    axes = [{"name": "mitigation", "values": ["m", "same"]}]
    catalog = {"mitigations": {"m": {"env": {"M": "1"}}, "same": {"env": {"M": "1"}}}}
    one, other = a_plan(a_matrix(axes=axes, catalog=catalog, workload={"image": "a:1"})).cells
    assert (one.work, one.copy, other.copy) == (other.work, 0, 1)


@law
@given(runs=st.sets(st.sampled_from(sorted(RUNS))), idle=st.sets(st.sampled_from(sorted(IDLE))))
def test_a_plan_comes_back_from_its_bytes(runs: set[str], idle: set[str]) -> None:
    plan = a_plan(a_matrix(**changed([*runs, *idle])))
    data = dump_plan(plan)
    assert load_plan(data) == plan
    assert dump_plan(load_plan(data)) == data
