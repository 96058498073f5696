from __future__ import annotations

from batchmatrix.launch.mutate import scaled_resources
from batchmatrix.model.launch import Mutation


def test_only_memory_is_scaled() -> None:
    resources = {"requests": {"memory": "1Gi", "cpu": "1"}, "limits": {"memory": "1001", "nvidia.com/gpu": "2"}}
    assert scaled_resources(resources, Mutation(memory_factor="1.5")) == {
        "requests": {"memory": str(3 << 29), "cpu": "1"},
        "limits": {"memory": "1502", "nvidia.com/gpu": "2"},
    }


def test_without_a_factor_the_text_stays_as_it_was_written() -> None:
    resources = {"limits": {"memory": "64Gi"}}
    assert scaled_resources(resources, Mutation()) == resources
