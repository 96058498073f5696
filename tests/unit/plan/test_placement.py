from __future__ import annotations

from typing import Any

import pytest

from batchmatrix.model.cell import Cell
from batchmatrix.model.observed import NodeState
from tests.support.specs import a_matrix, a_node, a_plan

KIND = "gpu.example/kind"
RULES = [
    {"nodeLabels": {KIND: "a"}, "image": "app:a"},
    {"nodeLabels": {KIND: "b"}, "image": "app:b"},
]
NODE_A = a_node("node-a", labels={KIND: "a", "zone": "1"}, allocatable={"example.com/a": "4"})
NODE_B = a_node("node-b", labels={KIND: "b", "zone": "1"}, allocatable={"example.com/b": "2"})


def placed(
    nodes: list[NodeState] | None,
    *,
    labels: dict[str, str] | None = None,
    rules: list[dict[str, Any]] | None = None,
    hardware: dict[str, Any] | None = None,
    workload: dict[str, Any] | None = None,
    wait: bool = False,
) -> Cell:
    image = {"imagesByNode": rules} if rules is not None else {"image": "app:1"}
    matrix = a_matrix(
        axes=[{"name": "hardware", "values": ["h"]}],
        catalog={"hardware": {"h": {"nodeLabels": labels or {}, **(hardware or {})}}},
        workload={**image, **(workload or {})},
        placement={"noMatchingNode": "wait" if wait else "fail"},
    )
    return a_plan(matrix, nodes=nodes).cells[0]


def test_the_image_is_that_of_the_matching_node() -> None:
    for node, kind in ((NODE_A, "a"), (NODE_B, "b")):
        cell = placed([NODE_A, NODE_B], labels={KIND: kind}, rules=RULES)
        assert (cell.work.image, cell.problem) == (f"app:{kind}", None)
        assert cell.work.node_selector.items() <= node.labels.items()


def test_the_labels_of_the_image_join_the_selector() -> None:
    cell = placed([NODE_A], labels={"zone": "1"}, rules=RULES)
    assert cell.work.node_selector == {"zone": "1", KIND: "a"}


def test_without_a_hardware_axis_every_node_matches() -> None:
    matrix = a_matrix(workload={"imagesByNode": RULES})
    assert {cell.work.image for cell in a_plan(matrix, nodes=[NODE_A]).cells} == {"app:a"}


def test_a_missing_label_is_named() -> None:
    cell = placed([NODE_A], labels={KIND: "c", "zone": "1"})
    assert cell.problem == (
        "no node has the label gpu.example/kind=c (hardware h); label a node, correct spec.catalog.hardware, "
        "or set spec.placement.noMatchingNode: wait"
    )
    assert cell.work.image == ""


def test_labels_that_no_node_has_together_are_all_named() -> None:
    cell = placed([NODE_A, a_node("c", labels={"disk": "ssd"})], labels={KIND: "a", "disk": "ssd"})
    assert "all of disk=ssd, gpu.example/kind=a" in str(cell.problem)


def test_a_cluster_without_nodes() -> None:
    assert "no node; add one" in str(placed([]).problem)


def test_nodes_that_need_different_images_are_both_named() -> None:
    cell = placed([NODE_A, NODE_B], labels={"zone": "1"}, rules=RULES)
    problem = str(cell.problem)
    assert "app:a for node-a" in problem
    assert "app:b for node-b" in problem


def test_different_rules_with_one_image_are_not_ambiguous() -> None:
    rules = [{**rule, "image": "app:same"} for rule in RULES]
    cell = placed([NODE_A, NODE_B], labels={"zone": "1"}, rules=rules)
    assert (cell.work.image, cell.work.node_selector) == ("app:same", {"zone": "1"})


def test_a_node_without_an_image_where_it_could_land_is_a_problem() -> None:
    rules = [{**rule, "image": "app:same"} for rule in RULES]
    cell = placed([NODE_A, NODE_B, a_node("node-c", labels={"zone": "1"})], labels={"zone": "1"}, rules=rules)
    assert "no image fits node-c" in str(cell.problem)


def test_a_node_without_an_image_where_it_cannot_land_does_not_matter() -> None:
    cell = placed([NODE_A, a_node("node-c", labels={"zone": "1"})], labels={"zone": "1"}, rules=RULES)
    assert (cell.work.image, cell.problem) == ("app:a", None)


def test_no_image_for_any_node() -> None:
    cell = placed([a_node("node-c", labels={"zone": "1"})], labels={"zone": "1"}, rules=RULES)
    assert "no image fits node-c" in str(cell.problem)
    assert "(gpu.example/kind=a) or (gpu.example/kind=b)" in str(cell.problem)


def test_the_first_rule_that_fits_a_node_counts() -> None:
    rules = [{"nodeLabels": {KIND: "a", "zone": "1"}, "image": "app:special"}, *RULES]
    assert placed([NODE_A], labels={KIND: "a"}, rules=rules).work.image == "app:special"


def test_too_few_devices_are_said_with_the_most_there_is() -> None:
    hardware = {"resource": {"name": "example.com/a", "count": 5}}
    cell = placed([NODE_A], labels={KIND: "a"}, hardware=hardware)
    assert cell.problem == (
        "none of the nodes with gpu.example/kind=a has example.com/a: 5 (the most is 4); "
        "ask for less, or choose other hardware"
    )


def test_the_devices_are_a_limit_of_the_container() -> None:
    hardware = {"resource": {"name": "example.com/a", "count": 4}}
    cell = placed([NODE_A], labels={KIND: "a"}, hardware=hardware, workload={"resources": {"limits": {"cpu": 1}}})
    assert cell.problem is None
    assert cell.work.resources == {"limits": {"cpu": "1", "example.com/a": "4"}}


@pytest.mark.parametrize(("memory", "fits"), [("16Gi", True), ("16385Mi", False)])
def test_memory_must_fit_an_empty_node(memory: str, fits: bool) -> None:
    cell = placed([NODE_A], workload={"resources": {"requests": {"memory": memory}}})
    assert (cell.problem is None) == fits


def test_what_is_requested_decides_not_what_is_allowed() -> None:
    resources = {"requests": {"memory": "1Gi"}, "limits": {"memory": "64Gi"}}
    assert placed([NODE_A], workload={"resources": resources}).problem is None


def test_a_quantity_that_is_not_known_here_is_left_to_the_scheduler() -> None:
    node = a_node(allocatable={"memory": "12e6"})
    assert placed([node], workload={"resources": {"requests": {"memory": "1Gi"}}}).problem is None


TAINT = {"key": "example.com/a", "value": "yes", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("tolerations", "fits"),
    [
        ([], False),
        ([{"key": "example.com/a", "operator": "Exists"}], True),
        ([{"operator": "Exists"}], True),
        ([{"key": "example.com/a", "value": "yes"}], True),
        ([{"key": "example.com/a", "value": "no"}], False),
        ([{"key": "example.com/a"}], False),
        ([{"key": "other", "operator": "Exists"}], False),
        ([{"key": "example.com/a", "operator": "Exists", "effect": "NoSchedule"}], True),
        ([{"key": "example.com/a", "operator": "Exists", "effect": "NoExecute"}], False),
    ],
)
def test_taints_must_be_tolerated(tolerations: list[dict[str, str]], fits: bool) -> None:
    cell = placed([a_node(taints=[TAINT])], hardware={"tolerations": tolerations})
    assert (cell.problem is None) == fits
    if not fits:
        assert "taint example.com/a=yes:NoSchedule of node-1 is not tolerated" in str(cell.problem)


@pytest.mark.parametrize(
    "taint",
    [
        {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"},
        {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"},
        {"key": "example.com/a", "effect": "PreferNoSchedule"},
    ],
)
def test_what_passes_is_no_reason_to_give_up(taint: dict[str, str]) -> None:
    assert placed([a_node(taints=[taint])]).problem is None


@pytest.mark.parametrize("wait", [True, False])
def test_without_nodes_the_labels_of_the_hardware_tell_the_image(wait: bool) -> None:
    nodes = [NODE_B] if wait else None
    cell = placed(nodes, labels={KIND: "a", "zone": "1"}, rules=RULES, wait=wait)
    assert (cell.work.image, cell.problem) == ("app:a", None)


def test_without_nodes_the_only_rule_that_can_fit_is_taken_with_its_labels() -> None:
    cell = placed(None, labels={"zone": "1"}, rules=RULES[:1])
    assert (cell.work.image, cell.work.node_selector) == ("app:a", {"zone": "1", KIND: "a"})


def test_without_nodes_labels_that_do_not_tell_are_a_problem() -> None:
    cell = placed(None, labels={"zone": "1"}, rules=RULES)
    assert "zone=1 does not tell the image: app:a (gpu.example/kind=a) or app:b" in str(cell.problem)


def test_without_nodes_a_more_special_rule_before_keeps_it_open() -> None:
    rules = [{"nodeLabels": {KIND: "a", "model": "x"}, "image": "app:special"}, *RULES]
    assert "does not tell the image" in str(placed(None, labels={KIND: "a"}, rules=rules).problem)


def test_without_nodes_rules_after_the_one_that_fits_do_not_matter() -> None:
    rules = [*RULES, {"nodeLabels": {"model": "x"}, "image": "app:later"}]
    cell = placed(None, labels={KIND: "a"}, rules=rules)
    assert (cell.work.image, cell.problem) == ("app:a", None)


MAKERS = [
    {"nodeLabels": {"nvidia.com/gpu.product": "x"}, "image": "app:cuda"},
    {"nodeLabels": {"amd.com/gpu.product-name": "y"}, "image": "app:rocm"},
]


@pytest.mark.parametrize(
    ("labels", "image"),
    [
        ({"amd.com/gpu.product-name": "y"}, "app:rocm"),
        ({"nvidia.com/gpu.product": "x"}, "app:cuda"),
        ({"amd.com/gpu.family": "z"}, "app:rocm"),
    ],
)
def test_without_nodes_a_node_has_gpus_of_one_maker(labels: dict[str, str], image: str) -> None:
    cell = placed(None, labels=labels, rules=MAKERS)
    assert (cell.work.image, cell.problem) == (image, None)


def test_without_nodes_labels_of_both_makers_leave_it_open() -> None:
    both = {"amd.com/gpu.family": "z", "nvidia.com/gpu.count": "1"}
    assert "does not tell the image" in str(placed(None, labels=both, rules=MAKERS).problem)


def test_without_nodes_labels_that_no_rule_fits_are_a_problem() -> None:
    assert "no rule of imagesByNode fits" in str(placed(None, labels={KIND: "c"}, rules=RULES).problem)


def test_waiting_does_not_look_at_nodes() -> None:
    assert placed([], labels={KIND: "c"}, wait=True).problem is None
