"""The result of a matrix, worked out from records alone."""

from __future__ import annotations

from dataclasses import dataclass

from batchmatrix.model.cell import Scalar
from batchmatrix.model.evidence import LogState
from batchmatrix.model.judging import Judgement
from batchmatrix.model.record import Record

__all__ = ["CellSummary", "MetricSummary", "Summary", "TrialResult"]


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """One metric of one cell over its trials; the trial is the unit, never the step inside a trial."""

    name: str
    unit: str
    n: int
    """Trials that gave a value, those that failed among them."""
    mean: float | None
    std: float | None
    """Sample standard deviation (n - 1); None for fewer than two trials."""
    min: float | None
    max: float | None
    p50: float | None = None
    """Median; quantiles lie between two values by linear interpolation."""
    p90: float | None = None
    p99: float | None = None
    outliers: int = 0
    """Trials further than 1.5 interquartile ranges outside of the quartiles; they are shown, never dropped."""
    low: float | None = None
    """Student's 95 % interval of `mean`; None for fewer than two trials, and while the matrix is not complete."""
    high: float | None = None
    interval: str = ""
    """Whose interval: `mean`; empty where there is none. Files of earlier versions have `geometric mean`, too."""


@dataclass(frozen=True, slots=True)
class TrialResult:
    """One trial: its last attempt, and how many there were."""

    cell: str
    trial: int
    state: str
    """Waiting, Queued, Pending, Running or Done."""
    attempts: int
    logs: tuple[LogState, ...]
    """Of each attempt that has ended, whether another followed it or not; of an imported one, of each of its logs."""
    record: Record | None
    """Of the last attempt; None while the trial is not Done."""
    stumbled: bool = False
    """An attempt since the newest rerun ended by the workload's own doing: for failure rates the trial has failed, even
    if a later attempt succeeded."""
    rerun: int = 0
    """Reruns that have selected the trial so far, one that was cancelled before it came to an attempt among them. Of a
    trial with a record it is the record's."""


@dataclass(frozen=True, slots=True)
class CellSummary:
    """One row of the report."""

    name: str
    hash: str
    values: dict[str, Scalar]
    trials: int
    done: int
    succeeded: int
    failed: int
    """Done and not Succeeded."""
    attempts: int
    outcomes: dict[str, int]
    """Outcome of the trials' last attempts, with counts."""
    exit_codes: dict[str, int]
    logs: dict[str, int]
    """Log state of all attempts that have ended, not of the last ones alone, with counts."""
    nodes: tuple[str, ...]
    images: tuple[str, ...]
    metrics: tuple[MetricSummary, ...]
    message: str
    """Of the first trial that failed; empty if none did."""
    expect: str
    """`success`, `fail` or `any`: what its trials have to show."""
    met: bool | None
    """Whether they do; None where that cannot be decided, or not yet."""
    against: str
    """What speaks against it, in a few words; empty if it is met."""
    failure_rate: float | None = None
    """Share of trials that failed by the workload's doing, of those that nobody else ended; None without any."""
    gpu_seconds: float | None = None
    """Of its trials' last attempts together, as far as it is known; None where it is known of none."""
    mean_run_seconds: float | None = None
    """Wall-clock time of its trials' last attempts, from start to end, where it is known, whatever came of them."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The whole matrix."""

    namespace: str
    name: str
    uid: str
    generation: int
    complete: bool
    suspended: bool
    """Not complete, and nothing new starts until somebody resumes it."""
    named: bool
    """The cells' names were given by the user, so that they say what values do not."""
    verdict: str
    """`pass`, `fail`, `inconclusive`; empty while the matrix is not complete."""
    reason: str
    """Why, in one line."""
    cells: tuple[CellSummary, ...]
    trials: tuple[TrialResult, ...]
    started: str
    finished: str
    stopped: str = ""
    """Why a complete matrix lacks results, in one line; empty where it lacks none."""
    judgement: Judgement | None = None
    """None while the matrix is not complete."""
