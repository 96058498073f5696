"""What a fault suite checks of each scenario, in the form of its thresholds file and in its own order."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.base.paths import field_path
from batchmatrix.base.text import one_line
from batchmatrix.formats.json_file import read_json

__all__ = ["MODES", "THRESHOLDS", "FaultCheck", "Thresholds", "checks_of", "read_thresholds"]

Thresholds = Mapping[str, Mapping[str, int]]
"""Scenario to name of a threshold to its value, for one mode."""

MODES = ("baseline", "degraded")

THRESHOLDS: Mapping[str, Thresholds] = {
    "baseline": {
        "torn_read": {
            "torn_read_events_min": 1,
            "p50_us_max": 150_000,
            "p99_us_max": 250_000,
            "drop_ratio_ppm_max": 980_000,
            "samples_min": 10,
        },
        "sink_stall": {
            "sink_stall_events_min": 1,
            "p50_us_max": 350_000,
            "p95_us_max": 600_000,
            "drop_ratio_ppm_max": 980_000,
            "samples_min": 10,
        },
        "reset_storm": {
            "reset_events_min": 4,
            "p50_us_max": 800_000,
            "p99_us_max": 1_000_000,
            "drop_ratio_ppm_max": 1_000_000,
            "samples_min": 1,
        },
    },
    "degraded": {
        "torn_read": {
            "torn_read_events_min": 200,
            "p50_us_max": 1_000,
            "p99_us_max": 2_000,
            "drop_ratio_ppm_max": 20_000,
            "samples_min": 100,
        },
        "sink_stall": {
            "sink_stall_events_min": 200,
            "p50_us_max": 1_000,
            "p95_us_max": 2_000,
            "drop_ratio_ppm_max": 20_000,
            "samples_min": 100,
        },
        "reset_storm": {
            "reset_events_min": 20,
            "p50_us_max": 1_000,
            "p99_us_max": 2_000,
            "drop_ratio_ppm_max": 20_000,
            "samples_min": 100,
        },
    },
}
"""By mode. examples/04-fault-manifest/checks.json says the same."""


_HIGHEST = 10**15
"""Up to which our own checks, which are of floats, tell each whole number from the next."""


@dataclass(frozen=True, slots=True)
class FaultCheck:
    """One limit on one metric."""

    metric: str
    line: str
    """Which line of the log has it: `latency` or `fault`."""
    kind: str
    """`min` or `max`."""
    threshold: str
    """Its name in a thresholds file."""
    limit: int
    """Where the file does not name it."""


_ALL = (
    FaultCheck("ingest_to_emit_samples", "latency", "min", "samples_min", 1),
    FaultCheck("p50_us", "latency", "max", "p50_us_max", 500_000),
    FaultCheck("drop_ratio_ppm", "latency", "max", "drop_ratio_ppm_max", 1_000_000),
)
_P95 = FaultCheck("p95_us", "latency", "max", "p95_us_max", 500_000)
_P99 = FaultCheck("p99_us", "latency", "max", "p99_us_max", 500_000)
_OWN = {
    "torn_read": (FaultCheck("torn_read_events", "fault", "min", "torn_read_events_min", 1), _P99),
    "sink_stall": (FaultCheck("sink_stall_events", "fault", "min", "sink_stall_events_min", 1), _P95),
    "reset_storm": (FaultCheck("reset_events", "fault", "min", "reset_events_min", 1), _P99),
}


def checks_of(scenario: str, thresholds: Thresholds) -> tuple[FaultCheck, ...]:
    """The checks of a scenario in their order, with its limits; one that nobody knows has the general ones."""
    own = thresholds.get(scenario, {})
    return tuple(
        FaultCheck(one.metric, one.line, one.kind, one.threshold, own.get(one.threshold, one.limit))
        for one in (*_ALL, *_OWN.get(scenario, ()))
    )


def read_thresholds(text: str, mode: str, *, source: str) -> Thresholds:
    """The thresholds of one mode from a JSON file `{mode: {scenario: {threshold: whole number}}}`.

    Raises InvalidSpec with every problem: a threshold that would do nothing is one.
    """
    data, problems = read_json(text, source=source)
    if not isinstance(data, dict) or not isinstance(data.get(mode), dict):
        raise InvalidSpec([Problem(source, f"has no thresholds for mode {mode}; add an object of that name")])
    found: dict[str, dict[str, int]] = {}
    for scenario, values in data[mode].items():
        known = [one.threshold for one in checks_of(scenario, {})]
        path = field_path((mode, scenario))
        if not isinstance(values, dict):
            problems.append(Problem(f"{source}: {path}", "is not an object; write one with thresholds and numbers"))
            continue
        for name, value in values.items():
            where = f"{source}: {field_path((mode, scenario, name))}"
            if name not in known:
                problems.append(Problem(where, f"does nothing for this scenario; write one of {', '.join(known)}"))
            elif isinstance(value, bool) or not isinstance(value, int):
                shown = one_line(json.dumps(value), limit=60)
                problems.append(Problem(where, f"{shown} is no whole number; write one without quotes"))
            elif abs(value) > _HIGHEST:
                problems.append(Problem(where, f"is beyond {_HIGHEST}; write a limit that a metric can reach"))
        found[scenario] = values
    if problems:
        raise InvalidSpec(problems)
    return found
