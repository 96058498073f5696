from __future__ import annotations

from typing import Any

from batchmatrix.plan.estimate import device_hours, devices, rooms
from batchmatrix.plan.explain import NOTHING, Recorded, explain
from tests.support.specs import a_matrix, a_node, a_plan

GPU = "nvidia.com/gpu"
CATALOG = {
    "hardware": {
        "big": {"nodeLabels": {"gpu": "big"}, "resource": {"name": GPU, "count": 4}},
        "small": {"nodeLabels": {"gpu": "small"}, "resource": {"name": GPU}},
    }
}
NODES = [
    a_node("b1", labels={"gpu": "big"}, allocatable={GPU: "8"}),
    a_node("b2", labels={"gpu": "big"}, allocatable={GPU: "2"}),
    a_node("s1", labels={"gpu": "small"}, allocatable={GPU: "3"}),
    a_node("s2", labels={"gpu": "small"}, allocatable={GPU: "3"}, taints=[{"key": "x", "effect": "NoSchedule"}]),
    a_node("c1"),
]


def plan_of(*hardware: str, **spec: Any) -> Any:
    axes = [{"name": "hardware", "values": list(hardware)}, {"name": "size", "values": [1, 2]}]
    workload = {"image": "a:1", "command": ["run"], "timeout": "30m", "resources": {"limits": {"memory": "1Gi"}}}
    return a_plan(a_matrix(axes=axes, catalog=CATALOG, trials=3, workload=workload, **spec), nodes=NODES)


def test_devices_are_extended_resources_only() -> None:
    assert devices(plan_of("big").cells[0].work) == {GPU: 4}
    assert devices(plan_of("cpu").cells[0].work) == {}


def test_device_hours_are_devices_times_timeout_times_trials() -> None:
    found = device_hours(explain(plan_of("big", "small", "cpu"), previous=None, recorded=NOTHING).cells)
    assert [(one.hardware, one.resource, one.trials, one.hours) for one in found] == [
        ("big", GPU, 6, 12.0),
        ("small", GPU, 6, 3.0),
    ]


def test_trials_that_are_recorded_cost_nothing_and_those_not_known_count_in_full() -> None:
    plan = plan_of("small")
    some = {(plan.cells[0].hash, trial): "Succeeded" for trial in range(2)}
    (known,) = device_hours(explain(plan, previous=plan, recorded=Recorded(some)).cells)
    assert (known.trials, known.hours) == (4, 2.0)
    (unknown,) = device_hours(explain(plan, previous=plan, recorded=Recorded(some, whole=False)).cells)
    assert (unknown.trials, unknown.hours) == (6, 3.0)


def test_rooms_count_nodes_that_are_big_enough_and_tolerated() -> None:
    found = rooms(plan_of("big", "small", "cpu").cells, NODES)
    assert [(one.hardware, one.labels, one.cells, one.nodes, one.at_once) for one in found] == [
        ("big", {"gpu": "big"}, 2, 1, 2),
        ("small", {"gpu": "small"}, 2, 1, 3),
        ("cpu", {}, 2, 4, None),
    ]


def test_where_nodes_were_not_read_nothing_is_said_of_them() -> None:
    (found,) = rooms(plan_of("big").cells, None)
    assert (found.nodes, found.at_once) == (None, None)
