"""Why no node of today could hold a pod: in words that name what is asked for and say what to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from batchmatrix.model.cell import Work
from batchmatrix.plan.fit import why_unfit
from tests.support.specs import a_node

NODE = a_node(labels={"gpu": "h100"}, taints=[{"key": "a", "effect": "NoSchedule"}])
BIG = {"limits": {"cpu": "64"}}
REMEDY = "is big enough and tolerated; ask for less, or add a toleration to the hardware"
LABEL = "no ready node has the label gpu=a100; label one, or correct the hardware"


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (
            {"node_selector": {"gpu": "a100"}},
            "no ready node has the label gpu=a100; label one, or correct the hardware",
        ),
        (
            {"node_selector": {"gpu": "h100"}},
            f"no ready node with gpu=h100 {REMEDY}",
        ),
        ({}, f"no ready node {REMEDY}"),
        ({"tolerations": ({"operator": "Exists"},)}, None),
        (
            {"tolerations": ({"operator": "Exists"},), "resources": BIG},
            f"no ready node {REMEDY}",
        ),
    ],
)
def test_it_is_said_what_no_node_has(work: dict[str, Any], said: str | None) -> None:
    assert why_unfit(Work("a:1", **work), [NODE]) == said


def test_where_no_node_is_ready_no_label_is_spoken_of() -> None:
    for nodes in ([], [replace(NODE, ready=False)]):
        assert why_unfit(Work("a:1"), nodes) == "no node is ready; add one, or wait until one is"
