"""matrix.json as it is published: every key with its type. The JSON Schema is made from this.

A key is never renamed and its meaning never changed without a new number in `schema`; later versions may add keys.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from batchmatrix.formats.judgement_shape import JudgementShape
from batchmatrix.model.evidence import Blame, LogState, Outcome
from batchmatrix.model.rules_json import RulesShape
from batchmatrix.model.shapes import Shape
from batchmatrix.model.v1alpha1.grid import TRIALS_LIMIT

__all__ = [
    "MATRIX_SCHEMA",
    "CellShape",
    "DoneShape",
    "LogShape",
    "MatrixShape",
    "MetricShape",
    "OpenShape",
    "json_schema",
]

MATRIX_SCHEMA = 1
"""The number that this version reads."""

Counts = dict[str, int]
Value = str | bool | int | float


class MetricShape(Shape):
    """One metric of one cell over its trials."""

    name: str
    unit: str
    n: int
    """Trials that gave a value, those that failed among them."""
    mean: float | None
    std: float | None
    """Sample standard deviation (n - 1) over trials."""
    min: float | None
    max: float | None
    p50: float | None
    p90: float | None
    p99: float | None
    outliers: int
    """Trials further than 1.5 interquartile ranges outside of the quartiles."""
    low: float | None
    """Student's 95 % interval of `mean`, which lies in it."""
    high: float | None
    interval: Literal["", "mean", "geometric mean"]
    """Of which mean it is: `mean`; earlier versions also wrote that of the geometric mean."""


class CellShape(Shape):
    """One cell."""

    name: str
    hash: str
    values: dict[str, Value]
    """Axis to value."""
    trials: int = Field(ge=0, le=TRIALS_LIMIT)
    done: int
    succeeded: int
    failed: int
    """Done and not Succeeded."""
    expect: Literal["success", "fail", "any"]
    met: bool | None
    """Whether it shows what is expected; null where that cannot be decided, or not yet."""
    attempts: int
    outcomes: Counts
    exit_codes: Counts
    logs: Counts
    """Log state of all attempts, with counts."""
    nodes: tuple[str, ...]
    images: tuple[str, ...]
    metrics: tuple[MetricShape, ...]
    message: str
    """Of the first trial that failed."""
    against: str
    """What speaks against it; empty if it is as expected."""
    failure_rate: float | None
    """Share of trials that failed by the workload's doing, of those that nobody else ended."""
    gpu_seconds: float | None
    """Of its trials' last attempts, as far as it is known."""
    mean_run_seconds: float | None = None
    """Wall-clock time of its trials' last attempts, where it is known."""


class _Hold(Shape):
    until: float | None
    seconds: float | None


class LogShape(Shape):
    """What became of one log."""

    state: LogState
    bytes: int
    lines: int
    long_lines: int = 0
    malformed: int = 0
    sha256: str
    key: str
    """Prefix in the store."""
    message: str
    parser: str
    """Digest of the rules that it was read by."""
    capped: bool
    limit: str
    hold: _Hold | None


class _Reading(Shape):
    name: str
    strategy: str
    value: float | None
    count: int
    invalid: int
    """Values that were not finite numbers."""
    unit: str
    message: str


class _Trial(Shape):
    cell: str
    trial: int
    attempts: int
    logs: tuple[LogState, ...]
    """Of each attempt that has ended; of an imported one, of each of its logs."""
    stumbled: bool
    """An attempt since the newest rerun failed by the workload's doing."""


class OpenShape(_Trial):
    """A trial without a result."""

    state: Literal["Waiting", "Queued", "Held", "Pending", "Running"]
    rerun: int = 0
    """Reruns that have selected it so far; none of them has come to a result."""


class DoneShape(_Trial):
    """A trial with its last attempt."""

    state: Literal["Done", "Cached"]
    generation: int
    recorded_cell: str
    """Name of the cell when the attempt was recorded."""
    attempt: int
    rerun: int
    seed: int
    outcome: Outcome
    blame: Blame
    reason: str
    """Code of the case in the table of outcomes."""
    message: str
    exit_code: int | None
    signal: int | None
    job: str
    pod: str
    pod_uid: str
    node: str
    image: str
    image_digest: str
    created: str
    started: str
    finished: str
    run_seconds: float | None
    gpu_seconds: float | None
    hold_until: str
    log: LogShape
    more_logs: tuple[LogShape, ...] = ()
    """Of the other programs of an imported run, each with a log of its own."""
    pod_reason: str
    turned: bool
    """Later rules have changed its outcome."""
    recorded: str
    writer: str
    metrics: dict[str, float | None]
    readings: tuple[_Reading, ...]
    """The same values, with all that is known of them."""


class _Counts(Shape):
    cells: int
    trials: int
    done: int
    succeeded: int
    failed: int
    attempts: int


class MatrixShape(Shape):
    """The result of one generation of a matrix."""

    schema_: Literal[1] = Field(alias="schema")
    """Of this file."""
    namespace: str
    name: str
    uid: str
    generation: int
    complete: bool
    suspended: bool
    named: bool
    """The cells' names were given by the user."""
    verdict: Literal["", "pass", "fail", "inconclusive"]
    """Empty while the matrix is not complete."""
    reason: str
    stopped: str
    """Why a complete matrix lacks results."""
    recommended_exit_code: Literal[0, 3, 4, 5] | None
    """0 pass, 3 a check or gate failed, 4 inconclusive, 5 a cell is not as expected; null while it is not complete."""
    started: str
    finished: str
    counts: _Counts
    outcomes: Counts
    logs: Counts
    results: str
    """Where all files lie."""
    truncated: bool
    """Rows are missing, here or in another file beside this one."""
    rules: RulesShape | None = None
    """Those it was judged by; only in the whole file."""
    judgement: JudgementShape | None
    """Null while the matrix is not complete."""
    cells: tuple[CellShape, ...]
    trials: tuple[Annotated[OpenShape | DoneShape, Field(discriminator="state")], ...] | None = None
    """Only in the whole file."""


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of matrix.json and of summary.json, which lacks rules and trials."""
    made = MatrixShape.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "title": "matrix.json of BatchMatrix"}
