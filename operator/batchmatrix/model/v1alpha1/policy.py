"""How trials are admitted, retried, waited for, placed, read and kept."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from batchmatrix.base.quantities import parse_quantity
from batchmatrix.model.v1alpha1._types import (
    ApiModel,
    DnsLabel,
    DnsSubdomain,
    Duration,
    Image,
    Name,
    Quantity,
    Text,
    cel,
    shape,
)
from batchmatrix.model.v1alpha1.judging import MetricName

__all__ = [
    "Logs",
    "Metric",
    "OOMRetryRule",
    "Pending",
    "Placement",
    "Preflight",
    "Queue",
    "Retention",
    "Retry",
    "RetryRule",
    "Reuse",
    "StoreRef",
]

Limit = Annotated[int, Field(ge=0, le=100)]
_LIMIT = "Further attempts of a trial after this outcome."
_AVOID = "Whether the next attempt prefers other nodes than those of the earlier ones."


class RetryRule(ApiModel):
    """What follows one outcome."""

    limit: Limit = Field(default=0, description=_LIMIT)
    avoid_node: bool = Field(default=False, description=_AVOID)

    @property
    def memory_factor(self) -> str:
        """Decimal text by which each retry multiplies the memory of the one before."""
        return "1"


class OOMRetryRule(RetryRule):
    """What follows an out-of-memory kill."""

    limit: Limit = Field(default=1, description=_LIMIT)
    memory: Annotated[str, shape(r"^x([1-9]|1[0-6])(\.[0-9]{1,3})?$", "a factor from x1 to x16 such as x1.5", 6)] = (
        Field(default="x1.5", description="Factor by which each retry raises memory requests and limits.")
    )

    @property
    def memory_factor(self) -> str:
        """Decimal text by which each retry multiplies the memory of the one before."""
        return self.memory.removeprefix("x")


class _Twice(RetryRule):
    limit: Limit = Field(default=2, description=_LIMIT)


class _Thrice(RetryRule):
    limit: Limit = Field(default=3, description=_LIMIT)


class _ThriceElsewhere(_Thrice):
    avoid_node: bool = Field(default=True, description=_AVOID)


class _TenTimes(RetryRule):
    limit: Limit = Field(default=10, description=_LIMIT)


class Retry(ApiModel):
    """Retries by outcome; each outcome has a budget of its own in every trial."""

    oom_killed: OOMRetryRule = Field(default=OOMRetryRule(), alias="OOMKilled", description="Killed for memory.")
    node_lost: _ThriceElsewhere = Field(
        default=_ThriceElsewhere(), alias="NodeLost", description="The node went away under it."
    )
    evicted: _Thrice = Field(default=_Thrice(), alias="Evicted", description="Evicted or drained.")
    preempted: _TenTimes = Field(
        default=_TenTimes(), alias="Preempted", description="Made room for a pod of higher priority."
    )
    rate_limited: _TenTimes = Field(
        default=_TenTimes(),
        alias="RateLimited",
        description="Ended with exit code 75 or after a `::hold` line; the next attempt waits for the hold's end.",
    )
    image_error: _Twice = Field(default=_Twice(), alias="ImageError", description="The image could not be pulled.")
    unexpected_exit: RetryRule = Field(
        default=RetryRule(), alias="UnexpectedExit", description="Ended with an exit code that is not allowed."
    )
    timeout: RetryRule = Field(default=RetryRule(), alias="Timeout", description="Ran longer than its timeout.")
    incomplete: RetryRule = Field(
        default=RetryRule(),
        alias="Incomplete",
        description="An allowed exit code without the proof that it is complete.",
    )
    log_lost: RetryRule = Field(default=RetryRule(), alias="LogLost", description="Its log could not be kept.")
    interrupted: RetryRule = Field(
        default=RetryRule(), alias="Interrupted", description="Its pod was deleted by hand, or lost without a trace."
    )

    def rule(self, outcome: str) -> RetryRule | None:
        """The rule for an outcome by its public name; None for outcomes that are never retried."""
        for name, field in type(self).model_fields.items():
            if field.alias == outcome:
                found: RetryRule = getattr(self, name)
                return found
        return None


class Pending(ApiModel):
    """How long a trial may wait for its start, by what it waits for."""

    unschedulable: Duration = Field(
        default="5m", description="While no ready node could hold the pod even if empty; without noMatchingNode: wait."
    )
    image_pull: Duration = Field(
        default="15m", description="While the container is being made: volumes, image pull, failed pulls."
    )
    invalid_image: Duration = Field(default="0s", description="After the image was found to be impossible.")
    node_lost: Duration = Field(
        default="5m",
        description="While the node of a pod that is being deleted, and has had its grace period, does not say that it "
        "has ended; of a silent node Kubernetes deletes the pods, after some minutes of its own.",
    )
    other: Duration = Field(
        default="5m", description="For anything else, such as no pod, or a missing ConfigMap of envFrom."
    )


class Placement(ApiModel):
    """What happens to cells that fit no node."""

    no_matching_node: Literal["fail", "wait"] | None = Field(
        default=None,
        description="fail: such cells end at once; wait: they wait for nodes to come. fail if not given, wait where "
        "spec.queue is set.",
    )


class Logs(ApiModel):
    """How logs are read."""

    mode: Literal["auto", "follow", "end"] = Field(
        default="auto",
        description="auto: follow what runs longer than 30 s, as far as the operator has places for it; follow: all, "
        "and no trial starts without a place; end: read at the end, when what the node has rotated away (it keeps "
        "10 MiB by default) is missing without a trace.",
    )
    max_bytes: Quantity = Field(default="1Gi", description="Most bytes kept of one attempt's log.")

    @property
    def limit_bytes(self) -> int:
        """max_bytes as a number."""
        return int(parse_quantity(self.max_bytes))


class Metric(ApiModel):
    """A number that is read from the logs."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            ("has(self.pattern) == (self.from == 'regex')", "pattern is required with from: regex, and only there"),
            ("!has(self.key) || self.from != 'regex'", "key does nothing with from: regex; remove it"),
            ("has(self.token) == (self.from == 'token')", "token is required with from: token, and only there"),
            ("self.from != 'token' || self.warmup == 0", "warmup leaves out the one value of from: token; remove it"),
        )
    )

    name: MetricName = Field(description="Name in reports.")
    source: Literal["prefix", "json", "keyvalue", "regex", "token"] = Field(
        alias="from",
        description="Form in the log: `::metric {json}`, JSON lines, key=value, a pattern, or the key=value pairs of "
        "the last line that holds the token.",
    )
    key: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(
        default=None, description="Name in the log; the metric's name if not given."
    )
    pattern: Annotated[str, Field(min_length=1, max_length=512)] | None = Field(
        default=None, description="RE2 expression with one group, or one called value; for from: regex."
    )
    token: Annotated[str, shape(r"^[^\r\n]+$", "a text within one line", 256)] | None = Field(
        default=None, description="Text that marks the line; for from: token."
    )
    strategy: Literal["latest", "first", "min", "max", "mean", "sum", "count", "p50", "p90", "p95", "p99"] = Field(
        default="latest", description="How the values of one attempt become one."
    )
    warmup: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        default=0, description="Number of values left out at the start."
    )
    direction: Literal["lower", "higher"] | None = Field(
        default=None, description="Which is better; without it the metric is only shown."
    )
    scale: Literal["log", "linear"] = Field(
        default="log", description="log: compared as ratios; linear: as differences, for what may be 0 or negative."
    )
    required: bool = Field(default=False, description="Whether an attempt without a valid value is Incomplete.")
    unit: Annotated[str, Field(max_length=32)] = Field(default="", description="Unit shown in reports.")


class StoreRef(ApiModel):
    """Where results go."""

    name: DnsLabel = Field(default="default", description="Name of a store that the operator knows.")


class Retention(ApiModel):
    """Which finished Jobs stay in the cluster; records and logs in the store stay in any case."""

    jobs: Literal["failed", "all", "none"] = Field(default="failed", description="Finished Jobs that are kept.")
    jobs_ttl: Duration = Field(default="1h", description="How long they are kept after their end.")
    on_delete: Literal["keep", "delete"] = Field(
        default="keep", description="What becomes of records and logs in the store when the matrix is deleted."
    )


class Queue(ApiModel):
    """Who admits the Jobs."""

    name: DnsLabel = Field(description="LocalQueue of Kueue in the matrix's namespace.")
    priority_class: DnsSubdomain | None = Field(default=None, description="WorkloadPriorityClass of Kueue.")


class Preflight(ApiModel):
    """A check that runs before the first trial of each generation, as a Job of its own."""

    command: Annotated[tuple[Text, ...], Field(strict=False, min_length=1, max_length=256)] = Field(
        description="What to run, with the workload's env and volumes, on any node. Exit code 75 or a line "
        "`::hold until=...` puts the matrix on hold, any other failure keeps all trials from starting."
    )
    image: Image | None = Field(
        default=None, description="Image; the workload's own if not given, or else that of the first cell."
    )


class Reuse(ApiModel):
    """Which earlier records count as results."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "self.scope == 'namespace' || !(has(self.maxAge) || has(self.key))",
                "maxAge and key are for scope: namespace; remove them",
            )
        )
    )

    scope: Literal["matrix", "namespace"] = Field(
        default="matrix", description="matrix: those of this object; namespace: those of other matrices too."
    )
    max_age: Duration | None = Field(default=None, description="Oldest record of another matrix that counts.")
    key: Name | None = Field(default=None, description="Only matrices with the same key share records.")
