"""SIGKILL before and after every single call of a small matrix, and at a hundred random calls of a larger one.

Too long for every change: `make kill-points` runs it. A point is a call by its kind and its number among those of its
kind, as the undisturbed run had them; one that a disturbed run never comes to is counted and said.
BATCHMATRIX_KILL_SEED takes the random points of an earlier run again.
"""

from __future__ import annotations

import os
import random
import secrets
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.cluster import Json, Kube
from tests.support.faults import acts
from tests.support.faults.bench import Bench, bench, finished
from tests.support.faults.matrices import A100, METRICS, MI250
from tests.support.faults.plays import PodPlay, Trial
from tests.support.faults.proxy import Proxy, Rule
from tests.support.namespaces import drop_namespace, make_namespace
from tests.support.operators import matrix_on
from tests.support.seaweedfs import S3Server

pytestmark = pytest.mark.timeout(4 * 3600)

PARTS = 8
"""The points of the small matrix are shared out among so many tests, which run side by side."""
ROUNDS, KILLS = 10, 10
"""A hundred random points: so many runs with so many kills each."""
SEED = os.environ.get("BATCHMATRIX_KILL_SEED") or secrets.token_hex(4)

Point = tuple[str, str, int, bool]
"""api or store, kind of call, its number among those of its kind, whether the call is carried out before the kill."""


def small(name: str) -> Json:
    """Three by two cells of two trials."""
    axes = [{"name": "way", "values": ["good", "bad", "again"]}]
    return matrix_on(name, {"a100": A100, "mi250": MI250}, axes=axes, trials=2, metrics=METRICS)


def large(name: str) -> Json:
    """Twenty cells of three trials, six at a time."""
    axes = [{"name": "size", "values": list(range(10))}]
    return matrix_on(name, {"a100": A100, "mi250": MI250}, axes=axes, trials=3, metrics=METRICS, parallelism=6)


def play(trial: Trial) -> PodPlay:
    """One cell fails in one trial, two cells need a retry; of the large matrix some do by their number."""
    if (trial.cell == "a100-bad" and trial.trial == 1) or trial.cell.endswith("-7"):
        return PodPlay(exit_code=3)
    if (trial.cell.endswith("-again") or trial.cell.endswith("-3")) and trial.attempt == 0:
        return PodPlay(exit_code=137, reason="OOMKilled")
    return PodPlay()


def points_of(case: Bench) -> list[Point]:
    """Before and after every call that changed something, in the order in which they were made."""
    found: list[Point] = []
    for where, proxy in proxies(case).items():
        numbers: Counter[str] = Counter()
        for call in proxy.calls:
            if call.what.mutating:
                numbers[call.what.kind] += 1
                found += [(where, call.what.kind, numbers[call.what.kind], done) for done in (False, True)]
    return found


def proxies(case: Bench) -> dict[str, Proxy]:
    assert case.store is not None
    return {"api": case.api, "store": case.store}


def arm(case: Bench, point: Point) -> Rule:
    where, kind, number, done = point
    act = acts.after(case.strike) if done else acts.before(case.strike)
    return proxies(case)[where].add(act, kind, first=number)


def run(kube: Kube, folder: Path, s3: S3Server, matrix: Json, points: list[Point]) -> tuple[Any, list[Point], Any]:
    """One life of a matrix with kills at these points, in the order in which it comes to them.

    Gives its end, the points that it came to, and all points of its calls.
    """
    name = matrix["metadata"]["name"]
    namespace = make_namespace(kube)
    failed = True
    try:
        with bench(kube.at(namespace), folder, play=play, s3=s3) as case:
            rules = [arm(case, point) for point in points]
            case.operator.start()
            case.kube.create("batchmatrices", matrix)
            case.wait(lambda: finished(case.kube.get("batchmatrices", name)), what=f"{name} to finish", timeout=600)
            case.settled(name)
            end = case.end(name)
            reached = [point for point, rule in zip(points, rules, strict=True) if rule.done]
            assert len(case.deaths) <= len(reached)
            result = end, reached, points_of(case)
        failed = False
        return result
    finally:
        drop_namespace(kube, namespace, failed=failed)


@pytest.mark.parametrize("part", range(PARTS))
def test_killed_before_and_after_every_call(
    part: int, cluster: Kube, installed: Kube, s3: S3Server, tmp_path: Path
) -> None:
    assert installed
    expected, _, points = run(cluster, folder(tmp_path, "undisturbed"), s3, small("points"), [])
    wrong, missed = [], []
    mine = points[part::PARTS]
    for index, point in enumerate(mine):
        say(f"kill {index + 1} of {len(mine)}: {point}")
        end, reached, _ = run(cluster, folder(tmp_path, str(index)), s3, small("points"), [point])
        missed += [] if reached else [point]
        wrong += [] if end == expected else [(point, end)]
    say(f"{len(mine) - len(missed)} of {len(mine)} points reached; not: {missed}")
    assert wrong == []


@pytest.mark.parametrize("number", range(ROUNDS))
def test_killed_at_random_calls(number: int, cluster: Kube, installed: Kube, s3: S3Server, tmp_path: Path) -> None:
    assert installed
    say(f"BATCHMATRIX_KILL_SEED={SEED}")
    expected, _, points = run(cluster, folder(tmp_path, "undisturbed"), s3, large("random"), [])
    chosen = random.Random(f"{SEED}-{number}").sample(points, KILLS)
    end, reached, _ = run(cluster, folder(tmp_path, "killed"), s3, large("random"), chosen)
    say(f"{len(reached)} of {len(chosen)} points reached: {reached}")
    assert end == expected


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def folder(parent: Path, name: str) -> Path:
    found = parent / name
    found.mkdir()
    return found
