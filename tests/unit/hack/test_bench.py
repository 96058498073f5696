"""The benchmarks still fit the code that they measure, and their tables say what was counted."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.perf import cells, decide, memory
from tests.perf.cells import Arm
from tests.perf.rig import Rig


def an_arm(who: str, *, jobs: int = 10, seconds: float = 2.0, **requests: int) -> Arm:
    asked = {name.replace("_", " ").replace("podslog", "pods/log"): count for name, count in requests.items()}
    return Arm(
        who=who,
        jobs=jobs,
        seconds=seconds,
        cpu_seconds=0.1,
        cpu_seconds_all=0.2,
        delete_seconds=1.0,
        peak_bytes=2**20,
        lag_seconds=0.0,
        requests=asked,
    )


def test_the_floor_creates_the_operators_jobs_without_what_ties_them_to_it() -> None:
    rig = cast("Rig", SimpleNamespace(namespace="bench"))
    jobs: list[dict[str, Any]] = cells._manifests(rig, "quick", 2)
    assert len({job["metadata"]["name"] for job in jobs}) == len(jobs) == 2 * cells.COLUMNS
    assert {job["metadata"]["labels"]["batchmatrix.dev/trial"] for job in jobs} == {"0"}
    for job in jobs:
        assert "ownerReferences" not in job["metadata"]
        assert "finalizers" not in job["spec"]["template"]["metadata"]


def test_requests_are_the_mean_of_each_sides_runs_for_each_cell() -> None:
    arms = [
        an_arm("bare", create_jobs=10, get_podslog=10),
        an_arm("operator", create_jobs=10, get_podslog=10, update_leases=5, patch_pods=10),
        an_arm("bare", create_jobs=10, get_podslog=20),
    ]
    rows = [line.split() for line in str(cells.requests_table(arms)).splitlines()]
    assert ["get", "pods/log", "1.500", "1.000"] in rows
    assert ["update", "leases", "0.000", "0.500"] in rows
    assert ["all", "2.500", "3.500"] in rows
    assert ["all", "that", "write,", "less", "the", "lease", "1.000", "2.000"] in rows
    assert ["all,", "to", "each", "log", "read", "1.750", "3.500"] in rows


def test_ratios_are_those_of_the_means() -> None:
    arms = [an_arm("bare", seconds=2.0), an_arm("operator", seconds=4.0), an_arm("bare", seconds=1.0)]
    assert cells.table(arms).ratios["rate, operator / bare"] == pytest.approx(2.5 / 7.5)


def test_a_pass_of_the_benchmark_sees_what_is_open() -> None:
    decision = decide.World(trials=400, open_=10, held=20).look()
    assert decision.phases.total() == 10


def test_a_matrix_is_held_in_memory_from_its_plan_to_its_texts() -> None:
    steps = [step for step, _made in memory._steps(1000)]
    assert steps[0] == "nothing yet"
    assert len(steps) == 6
