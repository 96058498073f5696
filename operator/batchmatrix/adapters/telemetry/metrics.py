"""What the process tells Prometheus of itself.

Counters begin at 0 with the process, as Prometheus expects. Sets of labels are small and fixed: no name of a matrix,
a namespace, a node or an image is in them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeVar

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics import MetricWrapperBase

from batchmatrix.adapters.telemetry.stores import OPERATIONS, RESULTS
from batchmatrix.engine.attempt import Phase
from batchmatrix.model.evidence import LogState, Outcome
from batchmatrix.ports.meter import Meter

__all__ = ["Described", "PrometheusMeter"]

M = TypeVar("M", bound=MetricWrapperBase)

PREFIX = "batchmatrix_"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of the histograms' buckets."""
LOG_STATES = (LogState.COMPLETE, LogState.TRUNCATED, LogState.LOST)
"""The fourth says that there was no log."""

Labels = Mapping[str, Sequence[str]]
"""Names of labels, each with the values it can have; none for those that come as they come."""


@dataclass(frozen=True, slots=True)
class Described:
    """One metric, for the reference."""

    name: str
    """As it is queried."""
    kind: str
    """counter, gauge or histogram."""
    labels: Labels
    help: str


class PrometheusMeter(Meter):
    """Fills ports.meter.Meter with a registry of its own; `render` is what a scrape gets."""

    def __init__(self) -> None:
        # When a series was made says nothing here, and would be one series more for each.
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self.described: list[Described] = []
        """Every metric of ours, in the order of the reference."""
        ProcessCollector(registry=self._registry)
        self._attempts = self._counter(
            "attempts_total",
            "Attempts whose record became durable in the ledger, by outcome.",
            {"outcome": [each.value for each in Outcome]},
        )
        self._retries = self._counter(
            "retries_total",
            "Those of them whose trial had one before: tried again by the operator, not rerun by hand.",
        )
        self._logs = self._counter(
            "logs_total",
            "Logs of those attempts, by how much of each is kept; an attempt whose container never ran has none.",
            {"state": [each.value for each in LOG_STATES]},
        )
        self._log_bytes = self._counter("log_bytes_total", "Raw bytes of those logs that are kept.")
        self._commit_seconds = self._histogram(
            "ledger_commit_seconds", "Seconds from handing a shard of a ledger to the store until it was durable."
        )
        self._pass_seconds = self._histogram(
            "pass_seconds",
            "Seconds of one pass over one matrix: done, later (something must be tried again) or failed (a bug).",
            {"result": ["done", "later", "failed"]},
        )
        self._kube_requests = self._counter(
            "kube_requests_total",
            "Requests to the API server as they were answered, by HTTP status; none for no answer. "
            "A log is `get` of `pods/log`. Those of the watch of matrices and catalogs are not in it.",
            {"verb": [], "resource": [], "code": []},
        )
        self._watch_restarts = self._counter(
            "watch_restarts_total",
            "Lists and watches of these that failed and were begun again. One that ends in its time is none.",
            {"resource": ["jobs", "pods", "nodes"]},
        )
        self._refusals = self._counter(
            "launch_refusals_total",
            "Jobs that the API server refused: forbidden (quota, policy, rights; tried again later), invalid, or name "
            "(a foreign Job has it).",
            {"reason": ["forbidden", "invalid", "name"]},
        )
        self._store_requests = self._counter(
            "store_requests_total",
            "Calls of a store. One that finds its object (exists) or does not (not_found) has often been meant to.",
            {"operation": OPERATIONS, "result": RESULTS},
        )
        self._gauges = {
            name: self._gauge(name, text, labels)
            for name, text, labels in (
                ("matrices", "BatchMatrix objects that there are.", {}),
                (
                    "matrices_in_work",
                    "Those of them that are in memory because something of them is still to come.",
                    {},
                ),
                (
                    "open_attempts",
                    "Attempts that were launched and have no record yet, as their matrix's last pass saw them.",
                    {"phase": [each.value for each in Phase]},
                ),
                ("queue_depth", "Matrices that wait for a pass and could have it now.", {}),
                ("followed_logs", "Logs that are followed at this moment; limits.followedLogs bounds them.", {}),
                ("lease_held", "1 while this process may act, else 0. Of all replicas at most one shows 1.", {}),
                ("watch_silence_seconds", "Seconds since the quietest watch of Jobs or pods last heard anything.", {}),
            )
        }

    def render(self, accept: str) -> tuple[bytes, str]:
        """What a scrape gets, in the form that its Accept header asks for, and the content type of that."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def show(self, name: str, value: Callable[[], float], *labels: str) -> None:
        """Have a gauge read `value` at each scrape, which must be quick and must not raise; before, it is 0."""
        gauge = self._gauges[name]
        (gauge.labels(*labels) if labels else gauge).set_function(value)

    def attempt(self, outcome: str, *, retry: bool) -> None:
        """See the port."""
        self._attempts.labels(outcome).inc()
        if retry:
            self._retries.inc()

    def log(self, state: str, size: int) -> None:
        """See the port."""
        if state in LOG_STATES:
            self._logs.labels(state).inc()
            self._log_bytes.inc(size)

    def commit(self, seconds: float) -> None:
        """See the port."""
        self._commit_seconds.observe(seconds)

    def reconciled(self, result: str, seconds: float) -> None:
        """See the port."""
        self._pass_seconds.labels(result).observe(seconds)

    def kube_request(self, verb: str, resource: str, code: str) -> None:
        """See the port."""
        self._kube_requests.labels(verb, resource, code).inc()

    def watch_restarted(self, resource: str) -> None:
        """See the port."""
        self._watch_restarts.labels(resource).inc()

    def launch_refused(self, reason: str) -> None:
        """See the port."""
        self._refusals.labels(reason).inc()

    def store_request(self, operation: str, result: str) -> None:
        """See the port."""
        self._store_requests.labels(operation, result).inc()

    def _counter(self, name: str, text: str, labels: Labels | None = None) -> Counter:
        self._describe("counter", name, text, labels or {})
        made = Counter(PREFIX + name, text, list(labels or ()), registry=self._registry)
        return _with_all(made, labels or {})

    def _gauge(self, name: str, text: str, labels: Labels) -> Gauge:
        self._describe("gauge", name, text, labels)
        return _with_all(Gauge(PREFIX + name, text, list(labels), registry=self._registry), labels)

    def _histogram(self, name: str, text: str, labels: Labels | None = None) -> Histogram:
        self._describe("histogram", name, text, labels or {})
        made = Histogram(PREFIX + name, text, list(labels or ()), registry=self._registry, buckets=SECONDS)
        return _with_all(made, labels or {})

    def _describe(self, kind: str, name: str, text: str, labels: Labels) -> None:
        self.described.append(Described(PREFIX + name, kind, labels, text))


def _with_all(metric: M, labels: Labels) -> M:
    """Have every series there from the start, at 0: what appears with its first event has no rise to be seen."""
    if labels and all(labels.values()):
        for values in product(*labels.values()):
            metric.labels(*values)
    return metric
