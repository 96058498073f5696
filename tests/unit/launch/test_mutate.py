from __future__ import annotations

import pytest

from batchmatrix.launch.mutate import AVOID_LIMIT, retry_mutation, scaled_resources
from batchmatrix.model.launch import Mutation, RetryRule


def test_factors_multiply_up_and_stay_exact() -> None:
    rule = RetryRule(limit=9, memory_factor="1.1")
    mutation = Mutation()
    for _ in range(3):
        mutation = retry_mutation(mutation, rule, node="n1")
    assert mutation == Mutation(memory_factor="1.331")


@pytest.mark.parametrize(("before", "factor", "after"), [("1", "1", "1"), ("1", "2.0", "2"), ("2", "50", "100")])
def test_factors_are_written_as_plain_decimals(before: str, factor: str, after: str) -> None:
    rule = RetryRule(limit=1, memory_factor=factor)
    assert retry_mutation(Mutation(memory_factor=before), rule, node="").memory_factor == after


def test_nodes_add_up_once_each_whichever_rule_asked() -> None:
    lost, memory = RetryRule(limit=3, avoid_node=True), RetryRule(limit=1, memory_factor="1.5")
    mutation = Mutation()
    for rule, node in ((lost, "n1"), (memory, "n2"), (lost, "n3"), (lost, "n1")):
        mutation = retry_mutation(mutation, rule, node=node)
    assert mutation == Mutation(avoid_nodes=("n3", "n1"), memory_factor="1.5")


def test_an_attempt_that_had_no_node_avoids_none() -> None:
    assert retry_mutation(Mutation(), RetryRule(limit=1, avoid_node=True), node="").avoid_nodes == ()


def test_the_oldest_node_is_forgotten_first() -> None:
    mutation = Mutation()
    for number in range(AVOID_LIMIT + 2):
        mutation = retry_mutation(mutation, RetryRule(limit=99, avoid_node=True), node=f"n{number}")
    assert mutation.avoid_nodes == tuple(f"n{number}" for number in range(2, AVOID_LIMIT + 2))


def test_only_memory_is_scaled() -> None:
    resources = {"requests": {"memory": "1Gi", "cpu": "1"}, "limits": {"memory": "1001", "nvidia.com/gpu": "2"}}
    assert scaled_resources(resources, Mutation(memory_factor="1.5")) == {
        "requests": {"memory": str(3 << 29), "cpu": "1"},
        "limits": {"memory": "1502", "nvidia.com/gpu": "2"},
    }


def test_without_a_factor_the_text_stays_as_it_was_written() -> None:
    resources = {"limits": {"memory": "64Gi"}}
    assert scaled_resources(resources, Mutation()) == resources
