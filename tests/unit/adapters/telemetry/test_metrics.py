"""What Prometheus is shown: every series from the start, in fixed sets, and read anew where it is a gauge."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from batchmatrix.adapters.telemetry.metrics import PrometheusMeter
from batchmatrix.model.evidence import LogState, Outcome
from tests.support.metrics import scrape

ROOT = Path(__file__).resolve().parents[4]


def test_each_word_is_one_more_of_its_kind() -> None:
    meter = PrometheusMeter()
    meter.attempt("Succeeded", retry=False)
    meter.attempt("Succeeded", retry=True)
    meter.attempt("Timeout", retry=True)
    meter.log("complete", 100)
    meter.log("truncated", 20)
    meter.log("lost", 0)
    meter.log("none", 0)
    meter.commit(0.3)
    meter.reconciled("later", 7.0)
    meter.kube_request("create", "jobs", "201")
    meter.kube_request("create", "jobs", "201")
    meter.watch_restarted("pods")
    meter.launch_refused("forbidden")
    meter.store_request("put_new", "exists")
    seen = scrape(meter)
    assert seen.by("attempts_total", "outcome") == {"Succeeded": 2, "Timeout": 1}
    assert seen("retries_total") == 2
    assert seen.by("logs_total", "state") == {"complete": 1, "truncated": 1, "lost": 1}
    assert seen("log_bytes_total") == 120
    assert (seen("ledger_commit_seconds_count"), seen("ledger_commit_seconds_sum")) == (1, 0.3)
    assert (seen("ledger_commit_seconds_bucket", le="0.25"), seen("ledger_commit_seconds_bucket", le="0.5")) == (0, 1)
    assert seen("pass_seconds_sum", result="later") == 7.0
    assert seen("kube_requests_total", verb="create", resource="jobs", code="201") == 2
    assert seen.by("watch_restarts_total", "resource") == {"pods": 1}
    assert seen.by("launch_refusals_total", "reason") == {"forbidden": 1}
    assert seen("store_requests_total", operation="put_new", result="exists") == 1


def test_a_series_is_there_at_0_before_its_first_event() -> None:
    seen = scrape(PrometheusMeter())
    for outcome in Outcome:
        assert seen("attempts_total", outcome=outcome.value) == 0
    for state in (LogState.COMPLETE, LogState.TRUNCATED, LogState.LOST):
        assert seen("logs_total", state=state.value) == 0
    assert seen("store_requests_total", operation="get", result="unavailable") == 0
    assert seen("open_attempts", phase="running") == 0
    assert (seen("lease_held"), seen("queue_depth")) == (0, 0)


def test_a_gauge_is_read_at_each_scrape() -> None:
    meter = PrometheusMeter()
    depth = [3]
    meter.show("queue_depth", lambda: depth[0])
    meter.show("open_attempts", lambda: 2, "queued")
    assert scrape(meter)("queue_depth") == 3
    depth[0] = 5
    seen = scrape(meter)
    assert seen("queue_depth") == 5
    assert seen.by("open_attempts", "phase") == {"queued": 2}
    with pytest.raises(KeyError):
        meter.show("nothing", lambda: 0)


def test_two_meters_do_not_share_their_counts() -> None:
    first, second = PrometheusMeter(), PrometheusMeter()
    first.attempt("Timeout", retry=False)
    assert scrape(second)("attempts_total", outcome="Timeout") == 0


def test_the_reference_names_what_is_shown_and_nothing_else() -> None:
    meter = PrometheusMeter()
    meter.kube_request("get", "pods", "200")
    shown = {name for name in scrape(meter).kinds if name.startswith("batchmatrix_")}
    described = {each.name.removesuffix("_total") for each in meter.described}
    assert described == shown
    text = (ROOT / "docs/reference/metrics.md").read_text()
    rows = re.findall(r"^\| `(batchmatrix_\w+)` \| (\w+) \|", text, re.M)
    assert rows == [(each.name, each.kind) for each in meter.described]
    for each in meter.described:
        kind = scrape(meter).kinds[each.name.removesuffix("_total")]
        assert (each.kind, each.name.endswith("_total")) == (kind, kind == "counter")


def test_no_label_can_hold_a_users_name() -> None:
    labels = {label for each in PrometheusMeter().described for label in each.labels}
    assert labels == {"outcome", "state", "result", "verb", "resource", "code", "reason", "operation", "phase"}
