"""Where cells land; what can land nowhere, or in two ways, is said before any Job of it exists."""

from __future__ import annotations

from tests.support.audit import AuditLog
from tests.support.cluster import Kube
from tests.support.cluster_matrices import CUDA_LABEL, HARDWARE, ROCM_LABEL, apply, children, matrix, settled, summary
from tests.support.installation import ACCOUNT, Installation

DEVICES = {
    "one-h100": {"nodeLabels": CUDA_LABEL, "resource": {"name": "nvidia.com/gpu", "count": 1}},
    "one-mi300x": {"nodeLabels": ROCM_LABEL, "resource": {"name": "amd.com/gpu", "count": 1}},
    "many-h100": {"nodeLabels": CUDA_LABEL, "resource": {"name": "nvidia.com/gpu", "count": 1000}},
    "b200": {"nodeLabels": {"nvidia.com/gpu.product": "NVIDIA-B200"}},
    "any": {"nodeLabels": {"kubernetes.io/os": "linux"}},
}


def test_a_cell_of_each_kind_of_gpu_gets_that_kinds_image(operator: Installation, kube: Kube) -> None:
    manifest = matrix(
        "kinds",
        operator.images,
        axes=[{"name": "hardware", "values": ["one-h100", "one-mi300x"]}, {"name": "mitigation", "values": ["none"]}],
        catalog={"hardware": DEVICES},
    )
    apply(kube, manifest)
    _, found, _ = settled(operator, kube, "kinds")
    assert set(found.outcomes().values()) == {"Succeeded"}
    nodes = {node["metadata"]["name"]: node for node in kube.list("nodes")}
    wanted = {
        "one-h100": (CUDA_LABEL, operator.images["sample-workload-cuda"]),
        "one-mi300x": (ROCM_LABEL, operator.images["sample-workload-rocm"]),
    }
    pods = children(kube, "pods", "kinds")
    assert len(pods) == 2
    for pod in pods:
        kind = pod["metadata"]["labels"]["batchmatrix.dev/cell"].removesuffix("-none")
        labels, image = wanted[kind]
        assert labels.items() <= nodes[pod["spec"]["nodeName"]]["metadata"]["labels"].items()
        assert pod["spec"]["containers"][0]["image"] == image


def test_what_is_ambiguous_or_impossible_is_refused_before_any_job_exists(
    operator: Installation, kube: Kube, audit: AuditLog
) -> None:
    manifest = matrix(
        "nowhere",
        operator.images,
        axes=[{"name": "hardware", "values": ["b200", "many-h100", "any"]}],
        catalog={"hardware": DEVICES},
        trials=2,
    )
    apply(kube, manifest)
    found, records, _ = settled(operator, kube, "nowhere")
    assert set(records.outcomes().values()) == {"Unschedulable"}
    assert len(records.records) == 6
    said = {record["cell"]: record["message"] for record in records.records}
    assert "nvidia.com/gpu.product=NVIDIA-B200" in said["b200"]
    assert "nvidia.com/gpu: 1000 (the most is 4)" in said["many-h100"]
    assert "different images" in said["any"]
    assert audit.created_jobs(user=ACCOUNT, namespace=kube.namespace) == []
    assert found["status"]["verdict"] == "inconclusive"
    assert {cell["name"]: cell["failed"] for cell in summary(kube, "nowhere")["cells"]} == dict.fromkeys(said, 2)


def test_what_an_override_asks_for_is_weighed_against_the_nodes(operator: Installation, kube: Kube) -> None:
    """Only the cell that asks for more than any node has is impossible."""
    manifest = matrix(
        "overs",
        operator.images,
        axes=[{"name": "hardware", "values": ["h100"]}, {"name": "size", "values": [1, 2]}],
        catalog={"hardware": HARDWARE},
        overrides=[{"match": {"size": 2}, "set": {"resources": {"requests": {"memory": "9000Gi"}}}}],
    )
    apply(kube, manifest)
    _, found, _ = settled(operator, kube, "overs")
    assert found.outcomes() == {("h100-s1", 0, 0): "Succeeded", ("h100-s2", 0, 0): "Unschedulable"}
