"""Summaries for the tests of what is published: an ordinary one, a hostile one, a huge one."""

from __future__ import annotations

from itertools import product
from typing import Any

from batchmatrix.model.cell import Cell, Scalar
from batchmatrix.model.evidence import LogState, Outcome
from batchmatrix.model.metric import MetricValue
from batchmatrix.model.summary import Summary, TrialResult
from batchmatrix.summarise.summary import summarise
from tests.support.records import a_cell, a_log, a_plan, a_result

__all__ = ["HOSTILE", "expecting", "hostile_summary", "huge_summary", "twelve_cells"]

HOSTILE = '=HYPERLINK("http://evil.example","x")|<img src=x>\x1b[2J`a`\n# b\u202e@team \'y\' [z](http://e) \ud800'
"""What a log or a spec may try to smuggle into a report."""

_STARTED = "2026-11-22T07:00:05Z"
_FINISHED = "2026-11-22T07:41:09Z"
_IMAGE = {"nvidia": "registry.example/team/trainer:cuda-12", "amd": "registry.example/team/trainer:rocm-6.4"}

_ENDS: dict[tuple[int, int], dict[str, Any]] = {
    (3, 1): {"outcome": Outcome.UNEXPECTED_EXIT, "attempts": 2, "exit_code": 3, "message": "exit code 3: NaN in loss"},
    (3, 2): {"outcome": Outcome.TIMEOUT, "exit_code": 137, "message": "still running 1200 s after its start"},
    (6, 0): {"outcome": Outcome.NODE_LOST, "attempts": 4, "exit_code": None, "message": "lost with its node"},
    (9, 2): {
        "outcome": Outcome.LOG_LOST,
        "exit_code": 0,
        "log": a_log(LogState.LOST, bytes=0, lines=0, sha256=""),
        "message": "exit code 0, but its log is lost",
    },
}


def _result(at: int, cell: Cell, trial: int) -> TrialResult:
    end = dict(_ENDS.get((at, trial), {"outcome": Outcome.SUCCEEDED}))
    metrics = []
    if end["outcome"] is Outcome.SUCCEEDED:
        metrics = [
            MetricValue("step_time_ms", "mean", 12.0 + at * 0.7 + trial * trial * 0.11, 190, unit="ms"),
            MetricValue("loss", "latest", 0.5 + at / 1000, 200),
        ]
    kind = str(cell.values["hardware"])
    return a_result(
        cell,
        trial,
        end.pop("outcome"),
        metrics=metrics,
        node=f"gpu-{1 if kind == 'nvidia' else 2}",
        image=_IMAGE[kind],
        **end,
    )


def twelve_cells() -> Summary:
    """3 x 2 x 2 cells of 3 trials: one cell fails twice, one trial met a lost node and one lost its log."""
    cells: list[Cell] = []
    for mitigation, hardware, batch in product(("none", "tf32-off", "tf32-off+nccl-ring"), ("nvidia", "amd"), (8, 32)):
        values: dict[str, Scalar] = {
            "mitigation": mitigation,
            "hardware": hardware,
            "batch_size": batch,
            "precision": "bf16",
        }
        name = f"{mitigation}-{hardware}-{batch}".replace("+", "-")
        cells.append(a_cell(name, trials=3, values=values))
    return summarise(
        a_plan(*cells, generation=3),
        [_result(at, cell, trial) for at, cell in enumerate(cells) for trial in range(3)],
        units={"step_time_ms": "ms", "loss": ""},
        complete=True,
        started=_STARTED,
        finished=_FINISHED,
    )


def expecting(*, complete: bool = True, **options: Any) -> Summary:
    """Cells of two trials: a baseline that may hang, one that has to fail and fails, one that does not, one fix.

    Two of them have a parameter that the others lack.
    """
    ends = {
        "hangs": ("any", {"mitigation": "none"}, (Outcome.TIMEOUT, Outcome.SUCCEEDED)),
        "fails": ("fail", {"mitigation": "ring"}, (Outcome.UNEXPECTED_EXIT, Outcome.OOM_KILLED)),
        "works": ("fail", {"mitigation": "tree", "lr": 0.1}, (Outcome.UNEXPECTED_EXIT, Outcome.SUCCEEDED)),
        "fixed": ("success", {"mitigation": "tf32-off+ring", "lr": 0.2}, (Outcome.SUCCEEDED, Outcome.SUCCEEDED)),
    }
    cells = [a_cell(name, trials=2, expect=expect, values=dict(values)) for name, (expect, values, _) in ends.items()]
    results = [
        a_result(cell, trial, outcome, message=f"{cell.name} said so" if outcome is not Outcome.SUCCEEDED else "")
        for cell in cells
        for trial, outcome in enumerate(ends[cell.name][2])
    ]
    return summarise(a_plan(*cells), results, units={}, complete=complete, started="", finished="", **options)


def hostile_summary() -> Summary:
    """Twelve cells whose names, values, nodes, images and messages all attack the reader; some messages are huge."""
    cells = [
        a_cell(f"{HOSTILE}-{at}", values={f"axis {HOSTILE}": f"{HOSTILE} {at}", "n": at, "on": at % 2 == 0})
        for at in range(12)
    ]
    results = [
        a_result(
            cell,
            0,
            Outcome.UNEXPECTED_EXIT if at % 3 == 0 else Outcome.SUCCEEDED,
            node=HOSTILE,
            image=HOSTILE,
            pod=HOSTILE,
            message=f"{HOSTILE} {'huge ' * 20_000}" if at % 3 == 0 else "",
            metrics=[MetricValue(HOSTILE, "latest", -1e300 * at, 1), MetricValue("inf", "max", float("inf"), 1)],
        )
        for at, cell in enumerate(cells)
    ]
    return summarise(
        a_plan(*cells),
        results,
        units={HOSTILE: "=ms|", "inf": ""},
        complete=True,
        started=_STARTED,
        finished=_FINISHED,
    )


def huge_summary(cells: int = 5000) -> Summary:
    """Many cells, each with a failed trial and a long message."""
    made = [a_cell(f"cell-{at}", values={"at": at, "label": f"value-{at % 7}"}) for at in range(cells)]
    results = [a_result(cell, 0, Outcome.TIMEOUT, message="ü" * 2000) for cell in made]
    return summarise(a_plan(*made), results, units={"ms": "ms"}, complete=True, started=_STARTED, finished=_FINISHED)
