"""How results are judged: checks on cells, the baseline, comparisons against it, and gates over the matrix."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from batchmatrix.model.v1alpha1._types import ApiModel, DnsLabel, Match, Name, cel, shape

__all__ = ["Baseline", "Check", "Compare", "Confound", "Gate", "MetricName"]

MetricName = Annotated[
    str, shape(r"^[A-Za-z_][A-Za-z0-9_.-]*$", "letters, digits, '_', '.' and '-', no digit first", 63)
]
Level = Annotated[float, Field(gt=0, le=0.5)]
Margin = Annotated[str, shape(r"^[0-9]{1,3}(\.[0-9]{1,3})?%$", "a percentage such as 5% or 2.5%", 8)]
Limit = Annotated[
    str, shape(r"^[-+]?[0-9]{1,15}(\.[0-9]{1,15})?%?$", "a number such as 250.5, or a change such as +5% or -10%", 34)
]
Severity = Literal["fail", "warn"]


class Check(ApiModel):
    """A threshold on a metric of each cell."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            ("has(self.min) || has(self.max)", "needs min, max or both"),
            ("!has(self.min) || !has(self.max) || self.min <= self.max", "min is more than max; nothing could pass"),
        )
    )

    metric: MetricName = Field(description="One of spec.metrics.")
    min: float | None = Field(default=None, description="Smallest value that passes.")
    max: float | None = Field(default=None, description="Largest value that passes.")
    when: Match = Field(
        default={}, description="Cells it speaks of: axis or spec.labels key to value, or to a list of alternatives."
    )
    severity: Severity = Field(default="fail", description="Whether a violation fails the matrix or is only shown.")


class Baseline(ApiModel):
    """The cells that others are compared with."""

    # CEL does not see a field whose values have no type, such as match; of two fields, one is exactly one of them.
    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    match: Annotated[Match, Field(min_length=1)] | None = Field(
        default=None, description="Each cell is compared with the one that has these values and agrees on all others."
    )
    cell: Name | None = Field(default=None, description="Name of the one cell that all others are compared with.")


class Confound(ApiModel):
    """When a cell that fixes something may only be slower."""

    metric: MetricName | None = Field(default=None, description="Time to look at; the first of compare.metrics.")
    threshold: Annotated[float, Field(gt=0, le=1000)] = Field(
        default=1.15, description="Ratio to the baseline above which a cell is flagged."
    )


class Compare(ApiModel):
    """How cells are compared with the baseline."""

    metrics: Annotated[tuple[MetricName, ...], Field(strict=False, max_length=16)] = Field(
        default=(), description="Metrics to compare; those of spec.metrics that have a direction if empty."
    )
    level: Level = Field(default=0.05, description="Chance of a false alarm over all cells.")
    margin: Margin = Field(default="5%", description="Difference up to which cells count as equivalent.")
    min_trials: Annotated[int, Field(ge=2, le=1000)] = Field(
        default=3, description="Trials on each side below which nothing is compared."
    )
    allow_confounded: bool = Field(
        default=False, description="Whether cells that ran on other nodes or at another time are compared all the same."
    )
    aa_control: bool = Field(default=False, description="Run the baseline twice, to see what no difference looks like.")


class Gate(ApiModel):
    """A rule over the whole matrix that decides its verdict."""

    model_config = ConfigDict(json_schema_extra=cel(("has(self.min) || has(self.max)", "needs min, max or both")))

    name: DnsLabel = Field(description="Name in reports.")
    metric: MetricName = Field(description="One of spec.metrics.")
    min: Limit | None = Field(default=None, description="Least value, or least change against the baseline (-10%).")
    max: Limit | None = Field(default=None, description="Most value, or most change against the baseline (+5%).")
    when: Match = Field(default={}, description="Cells it speaks of, as in checks.")
    severity: Severity = Field(default="fail", description="Whether a violation fails the matrix or is only shown.")
