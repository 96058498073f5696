"""The matrices of the bench, with what their trials do."""

from __future__ import annotations

from tests.support.cluster import Json
from tests.support.faults.plays import PodPlay, Trial
from tests.support.operators import matrix_on

__all__ = ["A100", "METRICS", "MI250", "eventful", "eventful_play", "plain"]

A100 = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"}
MI250 = {"amd.com/gpu.product-name": "AMD_Instinct_MI250X"}
METRICS = [{"name": "loss", "from": "json", "required": True}]


def plain(name: str, *, cells: int = 2, **spec: object) -> Json:
    """So many cells on one kind of node; every trial succeeds."""
    axes = [{"name": "size", "values": list(range(cells))}]
    return matrix_on(name, {"a100": A100}, axes=axes, **{"metrics": METRICS, **spec})


def eventful(name: str, **spec: object) -> Json:
    """Two by two cells of one trial: a success, a failure, a retry after an OOM kill, a run into its timeout.

    Every kind of call that the operator makes is in its life.
    """
    axes = [{"name": "way", "values": ["good", "bad"]}]
    short = {"match": {"hardware": "mi250", "way": "bad"}, "set": {"timeout": "4s"}}
    return matrix_on(
        name,
        {"a100": A100, "mi250": MI250},
        axes=axes,
        **{"metrics": METRICS, "retention": {"jobs": "none"}, "overrides": [short], **spec},
    )


def eventful_play(trial: Trial) -> PodPlay:
    """What the trials of `eventful` do."""
    match trial.cell, trial.attempt:
        case "a100-bad", _:
            return PodPlay(exit_code=3)
        case "mi250-good", 0:
            return PodPlay(exit_code=137, reason="OOMKilled")
        case "mi250-bad", _:
            return PodPlay(hold=True)
        case _:
            return PodPlay()
