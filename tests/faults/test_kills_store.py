"""SIGKILL before and after a write of every kind of key to an S3 store."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from tests.support.faults import acts
from tests.support.faults.bench import Bench
from tests.support.faults.matrices import eventful, eventful_play
from tests.support.seaweedfs import S3Server
from tests.support.wait import Pending

KINDS = (
    "create other",
    "create runs/catalog.json",
    "create runs/matrix.resolved.yaml",
    "create runs/spec.json",
    "create runs/plan.json",
    "create logs",
    "create ledger",
    "update runs/report",
)
"""`other` is what the store is probed with at the start; it is deleted in one request that names no key."""
PROBE = "delete other"


@pytest.mark.parametrize("kind", KINDS)
def test_row_01_killed_before_and_after_a_write_to_the_store(
    kind: str, stage: Callable[..., AbstractContextManager[Bench]], undisturbed: Callable[..., Any], s3: S3Server
) -> None:
    expected = undisturbed(eventful("kills"), eventful_play)
    with stage(play=eventful_play, s3=s3) as case:
        assert case.store is not None
        rules = [
            case.store.add(acts.before(case.strike), kind),
            case.store.add(acts.after(case.strike), kind, where=lambda _call: len(case.deaths) == 1),
        ]
        case.operator.start()
        case.kube.create("batchmatrices", eventful("kills"))
        for rule in rules:
            case.until_done(rule)
        case.settled("kills")
        case.wait(lambda: len(case.deaths) == 2 or Pending(case.deaths), what="the second death to be noticed")
        assert case.deaths == [-signal.SIGKILL] * 2
        case.ends_as("kills", expected)


def test_the_matrix_of_kills_has_every_kind_of_write_in_its_life(
    stage: Callable[..., AbstractContextManager[Bench]], s3: S3Server
) -> None:
    """A new kind of key belongs into KINDS."""
    with stage(play=eventful_play, s3=s3) as case:
        case.operator.start()
        case.kube.create("batchmatrices", eventful("kills"))
        case.settled("kills")
        assert case.store is not None
        made = {call.what.kind for call in case.store.calls if call.what.mutating}
        assert made == {*KINDS, PROBE}
