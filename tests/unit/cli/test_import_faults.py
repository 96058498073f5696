"""`batchmatrix import fault-manifest`: the suite's own summary byte for byte, and our verdict beside it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from batchmatrix.capture.chunks import open_chunk
from tests.support.cli import Done, run_cli

EXAMPLE = Path(__file__).resolve().parents[3] / "examples/04-fault-manifest"
COLUMNS = (
    *("order", "scenario_id", "name", "status", "reason", "duration_ms", "sim_rc", "streamer_rc", "tester_rc"),
    *("sim_log", "streamer_log", "tester_log", "sdp_path"),
)
TORN = (
    "FAULT_COUNTERS torn_read_events=1\n"
    "LATENCY_METRICS ingest_to_emit_samples=10 p50_us=150000 p99_us=250000 drop_ratio_ppm=980000\n"
)
STALL = (
    "FAULT_COUNTERS sink_stall_events=1\n"
    "LATENCY_METRICS ingest_to_emit_samples=10 p50_us=350000 p95_us=600000 drop_ratio_ppm=980000\n"
)
RESET = (
    "FAULT_COUNTERS reset_events=4\n"
    "LATENCY_METRICS ingest_to_emit_samples=1 p50_us=800000 p99_us=1000000 drop_ratio_ppm=1000000\n"
)
"""Logs that keep every limit of mode baseline, just so."""

Row = dict[str, str]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def row(order: int | str, scenario: str, log: str | bytes | None, **more: str) -> Row:
    """A row of the manifest; its log is written, or is missing for None."""
    path = f"{scenario}-{order}.log"
    if log is not None:
        Path(path).write_bytes(log if isinstance(log, bytes) else log.encode())
    Path("other.log").write_text("fine\n")
    made = {"order": str(order), "scenario_id": scenario, "name": f"Scenario {scenario}", "duration_ms": "1500"}
    made |= {f"{name}_rc": "0" for name in ("sim", "streamer", "tester")}
    made |= {"sim_log": "other.log", "streamer_log": path, "tester_log": "other.log", "sdp_path": "s.sdp"}
    return made | more


def others() -> list[Row]:
    return [row(2, "sink_stall", STALL), row(3, "reset_storm", RESET)]


def suite() -> list[Row]:
    return [row(1, "torn_read", TORN), *others()]


def write(rows: list[Row], columns: tuple[str, ...] = COLUMNS) -> None:
    with Path("manifest.tsv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, columns, delimiter="\t", lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def run(*words: str, mode: str = "baseline") -> Done:
    return run_cli("import", "fault-manifest", "manifest.tsv", "--mode", mode, "--output", "run", *words)


def imported(rows: list[Row], *words: str, mode: str = "baseline") -> tuple[dict[str, Any], dict[str, Any]]:
    """The suite's own summary, and ours."""
    write(rows)
    done = run(*words, mode=mode)
    assert done.code == 0, done.err
    own: dict[str, Any] = json.loads(Path("run/fault-summary.json").read_text())
    ours: dict[str, Any] = json.loads(Path("run/matrix.json").read_text())
    return own, ours


def refused(*words: str) -> list[str]:
    done = run(*words)
    assert (done.code, done.out) == (1, "")
    assert not Path("run").exists()
    return [line.removeprefix("batchmatrix: ") for line in done.err.splitlines()]


# -- the suite's own summary ---------------------------------------------------------------------------------------


def check(metric: str, kind: str, actual: int, expected: int) -> dict[str, Any]:
    """One check, worked out anew."""
    kept = actual >= expected if kind == "min" else actual <= expected
    violation = "" if kept else f"{metric}={actual} {'<' if kind == 'min' else '>'} {expected}"
    return {
        "metric": metric,
        "type": kind,
        "actual": actual,
        "expected": expected,
        "passed": kept,
        "violation": violation,
    }


def test_the_example_byte_for_byte(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(EXAMPLE)
    words = ["--run-id", "r-7", "--run-dir", "/runs/r-7", "--started-at", "10:00", "--finished-at", "10:01"]
    done = run_cli(
        *("import", "fault-manifest", "manifest.tsv", "--mode", "baseline", "--checks", "checks.json"),
        *("--output", str(tmp_path / "run"), *words),
    )
    assert done.code == 0, done.err
    logs = {"sim_log": "logs/sim.log", "tester_log": "logs/tester.log"}
    wanted = {
        "task": 15,
        "mode": "baseline",
        "run_id": "r-7",
        "run_dir": "/runs/r-7",
        "started_at": "10:00",
        "finished_at": "10:01",
        "thresholds": {
            "torn_read": {
                "torn_read_events_min": 1,
                "p50_us_max": 150000,
                "p99_us_max": 250000,
                "drop_ratio_ppm_max": 980000,
                "samples_min": 10,
            },
            "sink_stall": {
                "sink_stall_events_min": 1,
                "p50_us_max": 350000,
                "p95_us_max": 600000,
                "drop_ratio_ppm_max": 980000,
                "samples_min": 10,
            },
            "reset_storm": {
                "reset_events_min": 4,
                "p50_us_max": 800000,
                "p99_us_max": 1000000,
                "drop_ratio_ppm_max": 1000000,
                "samples_min": 1,
            },
        },
        "counts": {"total": 3, "pass": 2, "fail": 1},
        "all_pass": False,
        "recommended_exit_code": 1,
        "scenarios": [
            {
                "order": 1,
                "id": "torn_read",
                "name": "Reads while the writer is at work",
                "status": "PASS",
                "reason": "all checks passed",
                "duration_ms": 12040,
                "process_exit": {"sim": 0, "streamer": 0, "tester": 0},
                "metrics": {
                    "pipeline": {"frames_in": 1200, "frames_out": 1187, "state": "running"},
                    "latency": {
                        "ingest_to_emit_samples": 1187,
                        "p50_us": 21350,
                        "p95_us": 88000,
                        "p99_us": 120411,
                        "drop_ratio_ppm": 10833,
                    },
                    "fault": {"torn_read_events": 12, "sink_stall_events": 0, "reset_events": 0},
                    "rtp": {"packets": 48211, "jitter_ms": 0.42},
                },
                "checks": [
                    check("ingest_to_emit_samples", "min", 1187, 10),
                    check("p50_us", "max", 21350, 150000),
                    check("drop_ratio_ppm", "max", 10833, 980000),
                    check("torn_read_events", "min", 12, 1),
                    check("p99_us", "max", 120411, 250000),
                ],
                "violations": [],
                "evidence": {
                    "sim_log": "logs/sim.log",
                    "streamer_log": "logs/torn.log",
                    "tester_log": "logs/tester.log",
                    "sdp": "logs/stream.sdp",
                },
            },
            {
                "order": 2,
                "id": "sink_stall",
                "name": "Sink stalls for two seconds",
                "status": "PASS",
                "reason": "all checks passed",
                "duration_ms": 15230,
                "process_exit": {"sim": 0, "streamer": 0, "tester": 0},
                "metrics": {
                    "pipeline": {"frames_in": 900, "frames_out": 600, "state": "running"},
                    "latency": {"ingest_to_emit_samples": 600, "p50_us": 310000, "drop_ratio_ppm": 333333},
                    "fault": {"torn_read_events": 0, "sink_stall_events": 4, "reset_events": 0},
                    "rtp": {},
                },
                "checks": [
                    check("ingest_to_emit_samples", "min", 600, 10),
                    check("p50_us", "max", 310000, 350000),
                    check("drop_ratio_ppm", "max", 333333, 980000),
                    check("sink_stall_events", "min", 4, 1),
                    check("p95_us", "max", 0, 600000),
                ],
                "violations": [],
                "evidence": {
                    "sim_log": logs["sim_log"],
                    "streamer_log": "logs/stall.log",
                    "tester_log": logs["tester_log"],
                    "sdp": "logs/stream.sdp",
                },
            },
            {
                "order": 3,
                "id": "reset_storm",
                "name": "Resets in quick succession",
                "status": "FAIL",
                "reason": "process_rc(sim=0,streamer=0,tester=1)",
                "duration_ms": 20500,
                "process_exit": {"sim": 0, "streamer": 0, "tester": 1},
                "metrics": {
                    "pipeline": {},
                    "latency": {
                        "ingest_to_emit_samples": 40,
                        "p50_us": 650000,
                        "p95_us": 820000,
                        "p99_us": 1200000,
                        "drop_ratio_ppm": 410000,
                    },
                    "fault": {"torn_read_events": 0, "sink_stall_events": 0, "reset_events": 3},
                    "rtp": {},
                },
                "checks": [
                    check("ingest_to_emit_samples", "min", 40, 1),
                    check("p50_us", "max", 650000, 800000),
                    check("drop_ratio_ppm", "max", 410000, 1000000),
                    check("reset_events", "min", 3, 4),
                    check("p99_us", "max", 1200000, 1000000),
                ],
                "violations": ["reset_events=3 < 4", "p99_us=1200000 > 1000000"],
                "evidence": {
                    "sim_log": logs["sim_log"],
                    "streamer_log": "logs/reset.log",
                    "tester_log": logs["tester_log"],
                    "sdp": "logs/stream.sdp",
                },
            },
        ],
    }
    assert (tmp_path / "run/fault-summary.json").read_bytes() == json.dumps(wanted, indent=2).encode() + b"\n"


def test_limits_may_be_met_exactly() -> None:
    own, ours = imported(suite())
    assert (own["all_pass"], own["recommended_exit_code"]) == (True, 0)
    assert ours["verdict"] == "pass"
    assert ours["reason"] == "all 3 trials succeeded; 15 checks passed"


@pytest.mark.parametrize(
    ("scenario", "old", "new", "violation"),
    [
        ("torn_read", "torn_read_events=1", "torn_read_events=0", "torn_read_events=0 < 1"),
        ("torn_read", "samples=10", "samples=9", "ingest_to_emit_samples=9 < 10"),
        ("torn_read", "p50_us=150000", "p50_us=150001", "p50_us=150001 > 150000"),
        ("torn_read", "p99_us=250000", "p99_us=250001", "p99_us=250001 > 250000"),
        ("torn_read", "ppm=980000", "ppm=980001", "drop_ratio_ppm=980001 > 980000"),
        ("sink_stall", "sink_stall_events=1", "sink_stall_events=-1", "sink_stall_events=-1 < 1"),
        ("sink_stall", "p95_us=600000", "p95_us=600001", "p95_us=600001 > 600000"),
        ("reset_storm", "reset_events=4", "reset_events=3", "reset_events=3 < 4"),
        ("reset_storm", "p99_us=1000000", "p99_us=1000001", "p99_us=1000001 > 1000000"),
        ("reset_storm", "samples=1", "samples=0", "ingest_to_emit_samples=0 < 1"),
    ],
)
def test_each_limit_of_mode_baseline(scenario: str, old: str, new: str, violation: str) -> None:
    logs = {"torn_read": TORN, "sink_stall": STALL, "reset_storm": RESET}
    assert old in logs[scenario]
    logs[scenario] = logs[scenario].replace(old, new)
    own, ours = imported([row(n, name, log) for n, (name, log) in enumerate(logs.items(), start=1)])
    (failed,) = [one for one in own["scenarios"] if one["status"] == "FAIL"]
    assert (failed["id"], failed["reason"], failed["violations"]) == (scenario, violation, [violation])
    assert (own["counts"], own["all_pass"]) == ({"total": 3, "pass": 2, "fail": 1}, False)
    assert ours["verdict"] == "fail"


def test_mode_degraded_has_its_own_limits() -> None:
    own, ours = imported(suite(), mode="degraded")
    assert [one["violations"] for one in own["scenarios"]] == [
        [
            *("ingest_to_emit_samples=10 < 100", "p50_us=150000 > 1000", "drop_ratio_ppm=980000 > 20000"),
            *("torn_read_events=1 < 200", "p99_us=250000 > 2000"),
        ],
        [
            *("ingest_to_emit_samples=10 < 100", "p50_us=350000 > 1000", "drop_ratio_ppm=980000 > 20000"),
            *("sink_stall_events=1 < 200", "p95_us=600000 > 2000"),
        ],
        [
            *("ingest_to_emit_samples=1 < 100", "p50_us=800000 > 1000", "drop_ratio_ppm=1000000 > 20000"),
            *("reset_events=4 < 20", "p99_us=1000000 > 2000"),
        ],
    ]
    assert own["scenarios"][0]["reason"] == "; ".join(own["scenarios"][0]["violations"])
    assert ours["verdict"] == "fail"
    assert ours["cells"][0]["values"] == {"scenario": "torn_read", "mode": "degraded"}


def test_a_scenario_that_nobody_knows_has_the_general_checks_and_three_have_to_pass() -> None:
    log = "LATENCY_METRICS ingest_to_emit_samples=1 p50_us=500000 drop_ratio_ppm=1000000\n"
    own, _ = imported([*suite(), row(4, "other", log)])
    assert own["scenarios"][3]["status"] == "PASS"
    assert [(one["metric"], one["type"], one["expected"]) for one in own["scenarios"][3]["checks"]] == [
        ("ingest_to_emit_samples", "min", 1),
        ("p50_us", "max", 500000),
        ("drop_ratio_ppm", "max", 1000000),
    ]
    assert (own["counts"], own["all_pass"], own["recommended_exit_code"]) == (
        {"total": 4, "pass": 4, "fail": 0},
        False,
        1,
    )


def test_three_passes_are_a_pass_whatever_the_scenarios() -> None:
    own, ours = imported([row(n, "torn_read", TORN) for n in (1, 2, 3)])
    assert (own["counts"], own["all_pass"], own["recommended_exit_code"]) == (
        {"total": 3, "pass": 3, "fail": 0},
        True,
        0,
    )
    assert ours["verdict"] == "inconclusive", "two scenarios were not run"


def test_every_check_has_a_general_limit_where_no_threshold_is_given() -> None:
    Path("checks.json").write_text('{"baseline": {}}')
    own, _ = imported(suite(), "--checks", "checks.json")
    general = [("ingest_to_emit_samples", "min", 1), ("p50_us", "max", 500000), ("drop_ratio_ppm", "max", 1000000)]
    p95, p99 = ("p95_us", "max", 500000), ("p99_us", "max", 500000)
    assert [[(one["metric"], one["type"], one["expected"]) for one in each["checks"]] for each in own["scenarios"]] == [
        [*general, ("torn_read_events", "min", 1), p99],
        [*general, ("sink_stall_events", "min", 1), p95],
        [*general, ("reset_events", "min", 1), p99],
    ]
    assert own["thresholds"] == {}


def test_what_the_suite_itself_says_of_status_and_reason_is_not_looked_at() -> None:
    own, _ = imported([row(1, "torn_read", TORN, status="FAIL", reason="was bad"), *others()])
    assert (own["scenarios"][0]["status"], own["scenarios"][0]["reason"]) == ("PASS", "all checks passed")


@pytest.mark.parametrize("text", ["0", " 0 ", "+0", "-0", "00", "0_0"])
def test_a_return_code_of_0_may_be_written_as_python_reads_it(text: str) -> None:
    own, ours = imported([row(1, "torn_read", TORN, sim_rc=text), *others()])
    assert (own["all_pass"], ours["verdict"]) == (True, "pass")


def test_a_return_code_decides_before_any_check() -> None:
    log = TORN.replace("torn_read_events=1", "torn_read_events=0")
    own, _ = imported([row(1, "torn_read", log, sim_rc="2", streamer_rc="-11", tester_rc="3"), *others()])
    assert own["scenarios"][0]["reason"] == "process_rc(sim=2,streamer=-11,tester=3)"
    assert own["scenarios"][0]["violations"] == ["torn_read_events=0 < 1"]


def test_rows_go_by_their_order_and_equal_ones_stay_as_they_stand() -> None:
    rows = [row(10, "torn_read", TORN), row(" 2 ", "sink_stall", STALL), row(2, "reset_storm", RESET)]
    own, _ = imported(rows)
    assert [(one["order"], one["id"]) for one in own["scenarios"]] == [
        (2, "sink_stall"),
        (2, "reset_storm"),
        (10, "torn_read"),
    ]


@pytest.mark.parametrize(
    ("text", "code", "milliseconds"), [("", -1, 0), ("x", -1, 0), ("1.0", -1, 0), (" 3 ", 3, 3), ("-9", -9, -9)]
)
def test_return_codes_and_durations_that_are_no_numbers(text: str, code: int, milliseconds: int) -> None:
    own, ours = imported([row(1, "torn_read", TORN, tester_rc=text, duration_ms=text), *others()])
    first = own["scenarios"][0]
    assert first["process_exit"] == {"sim": 0, "streamer": 0, "tester": code}
    assert (first["status"], first["duration_ms"]) == ("FAIL", milliseconds)
    assert first["reason"] == f"process_rc(sim=0,streamer=0,tester={code})"
    trial = ours["trials"][0]
    known = code != -1
    assert (trial["outcome"], trial["exitCode"]) == (("UnexpectedExit", code) if known else ("Interrupted", None))
    assert ours["verdict"] == ("fail" if known else "inconclusive")
    assert trial["message"] == (
        f"tester ended with {code}" if known else "the manifest has no return code of tester"
    ), "nobody knows is not the same as -1"


def test_numbers_of_any_size_are_in_the_summary_and_do_no_harm() -> None:
    huge = "9" * 400
    first = row(1, "torn_read", TORN, duration_ms=huge, sim_rc=f"-{huge}") | {"order": huge}
    own, ours = imported([first, *others()])
    last = own["scenarios"][2]
    assert (last["order"], last["duration_ms"], last["process_exit"]["sim"]) == (int(huge), int(huge), -int(huge))
    with Path("run/trials.csv").open(newline="") as stream:
        assert [one["run_seconds"] for one in csv.DictReader(stream)] == ["1.5", "1.5", ""]
    assert ours["verdict"] == "fail"


def test_values_are_whole_numbers_fractions_and_texts() -> None:
    log = TORN + "RTP_METRICS a=1 b=-2 c=0.50 d=1e3 e=5% f=x=y a=7 g=007 é=1 h_1=" + "9" * 30 + "\n"
    own, _ = imported([row(1, "torn_read", log), *others()])
    rtp = own["scenarios"][0]["metrics"]["rtp"]
    assert rtp == {"a": 7, "b": -2, "c": 0.5, "d": "1e3", "e": "5%", "f": "x=y", "g": 7, "h_1": int("9" * 30)}
    assert list(rtp) == ["a", "b", "c", "d", "e", "f", "g", "h_1"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\u2028", "\x0b", "\x85"])
def test_the_last_line_with_the_token_counts_however_lines_end(end: str) -> None:
    log = end.join([TORN.replace("p50_us=150000", "p50_us=1"), *TORN.splitlines(), "LATENCY p50_us=7", ""])
    own, _ = imported([row(1, "torn_read", log.replace("\n", end)), *others()])
    assert own["scenarios"][0]["metrics"]["latency"]["p50_us"] == 150000


def test_a_token_counts_wherever_it_stands_and_two_may_share_a_line() -> None:
    log = "ingest_to_emit_samples=10 p50_us=1 xLATENCY_METRICSx torn_read_events=2 FAULT_COUNTERS=3\n"
    own, _ = imported([row(1, "torn_read", log), *others()])
    pairs = {"ingest_to_emit_samples": 10, "p50_us": 1, "torn_read_events": 2, "FAULT_COUNTERS": 3}
    assert own["scenarios"][0]["metrics"] == {"pipeline": {}, "latency": pairs, "fault": pairs, "rtp": {}}
    assert own["scenarios"][0]["status"] == "PASS"


def test_nothing_is_taken_from_a_line_before_the_last() -> None:
    own, _ = imported([row(1, "torn_read", TORN + "FAULT_COUNTERS reset_events=9\n"), *others()])
    assert own["scenarios"][0]["metrics"]["fault"] == {"reset_events": 9}
    assert own["scenarios"][0]["reason"] == "torn_read_events=0 < 1"


def test_bytes_that_are_no_text_do_no_harm() -> None:
    own, ours = imported([row(1, "torn_read", b"\xff\0\xfe\n" + TORN.encode() + b"\xe9"), *others()])
    assert own["all_pass"]
    assert ours["verdict"] == "pass"


# -- where the two differ ------------------------------------------------------------------------------------------


def test_a_missing_metric_is_0_there_and_cannot_be_decided_here() -> None:
    own, ours = imported([row(1, "torn_read", TORN.replace(" p99_us=250000", "")), *others()])
    assert own["all_pass"]
    assert own["scenarios"][0]["checks"][4]["actual"] == 0
    assert ours["verdict"] == "inconclusive"
    assert ours["reason"] == "1 check could not be decided: cell torn_read: trial 0 without a value of p99_us"


def test_a_missing_metric_with_a_lower_limit_fails_there_and_cannot_be_decided_here() -> None:
    own, ours = imported([row(1, "torn_read", TORN.replace("torn_read_events=1", "")), *others()])
    assert own["scenarios"][0]["reason"] == "torn_read_events=0 < 1"
    assert ours["verdict"] == "inconclusive"


def test_a_failure_counts_whatever_else_is_missing() -> None:
    log = TORN.replace(" p99_us=250000", "").replace("p50_us=150000", "p50_us=150001")
    _, ours = imported([row(1, "torn_read", log), *others()])
    assert ours["verdict"] == "fail"
    assert "1 check failed: cell torn_read, trial 0: p50_us 150001 > 150000" in ours["reason"]
    assert "1 check could not be decided: cell torn_read: trial 0 without a value of p99_us" in ours["reason"]


@pytest.mark.parametrize("path", ["", ".", "no/such/folder.log", "a\0b", "x" * 5000])
def test_whatever_path_no_log_is_at(path: str) -> None:
    own, ours = imported([row(1, "torn_read", TORN, streamer_log=path), *others()])
    assert own["scenarios"][0]["reason"] == "ingest_to_emit_samples=0 < 10; torn_read_events=0 < 1"
    assert own["scenarios"][0]["evidence"]["streamer_log"] == path
    assert (ours["verdict"], ours["trials"][0]["outcome"]) == ("inconclusive", "LogLost")


def test_a_log_that_is_not_there_is_empty_there_and_lost_here() -> None:
    own, ours = imported([row(1, "torn_read", None), *others()])
    assert own["scenarios"][0]["metrics"] == {"pipeline": {}, "latency": {}, "fault": {}, "rtp": {}}
    assert own["scenarios"][0]["violations"] == ["ingest_to_emit_samples=0 < 10", "torn_read_events=0 < 1"]
    assert (ours["verdict"], ours["trials"][0]["outcome"]) == ("inconclusive", "LogLost")
    assert "torn_read-1.log cannot be read: No such file" in ours["trials"][0]["message"]
    assert ours["logs"] == {"complete": 8, "lost": 1}


def test_the_log_of_each_program_is_proof_and_what_is_missing_is_said() -> None:
    write([one | {"sim_log": "fx/none", "tester_log": ""} for one in suite()])
    done = run()
    sim = "the log of sim is missing: fx/none cannot be read: No such file or directory"
    tester = "the log of tester is missing: the manifest names none"
    assert done.code == 0
    assert done.err.splitlines()[:-1] == [
        f"warning: {cell}, trial 0: {text}"
        for cell in ("torn_read", "sink_stall", "reset_storm")
        for text in (sim, tester)
    ]
    own, ours = (json.loads(Path("run", name).read_text()) for name in ("fault-summary.json", "matrix.json"))
    assert own["all_pass"], "the suite looks at no log but the streamer's"
    assert [(one["outcome"], one["message"]) for one in ours["trials"]] == [("LogLost", f"{sim}; {tester}")] * 3
    assert (ours["verdict"], ours["logs"]) == ("inconclusive", {"complete": 3, "lost": 6})
    report = Path("run/matrix.md").read_text()
    assert "**Logs not complete**: 0 truncated, 6 lost" in report
    assert "fx/none cannot be read" in report
    assert "6 lost" in run_cli("report", "run").out
    assert run_cli("gate", "run").code == 4


def test_of_many_missing_logs_ten_are_named_and_all_are_counted() -> None:
    write([row(n, "torn_read", TORN, sim_log=f"no\x1b{n}") for n in range(12)])
    warnings = [line for line in run().err.splitlines() if line.startswith("warning:")]
    assert len(warnings) == 11
    assert warnings[9].startswith("warning: torn_read, trial 9: the log of sim is missing: no\ufffd9 cannot be read")
    assert warnings[10] == "warning: 2 more logs cannot be read; trials.csv names each"
    with Path("run/trials.csv").open(newline="") as stream:
        said = [one["message"] for one in csv.DictReader(stream)]
    assert all(f"no\ufffd{n} cannot be read" in said[n] for n in range(12))


def test_what_breaks_a_limit_fails_whichever_other_log_is_missing() -> None:
    own, ours = imported(
        [row(1, "torn_read", TORN.replace("p50_us=150000", "p50_us=150001"), tester_log="none"), *others()]
    )
    assert own["scenarios"][0]["violations"] == ["p50_us=150001 > 150000"]
    assert (ours["verdict"], ours["recommendedExitCode"]) == ("fail", 3)
    assert "1 check failed: cell torn_read, trial 0: p50_us 150001 > 150000" in ours["reason"]
    assert "1 of 3 cells could not be decided: torn_read (LogLost 1)" in ours["reason"]


def test_a_return_code_says_how_it_ended_and_the_missing_log_is_named_too() -> None:
    _, ours = imported([row(1, "torn_read", TORN, sim_rc="9", sim_log="none"), *others()])
    assert (ours["trials"][0]["outcome"], ours["trials"][0]["message"]) == (
        "UnexpectedExit",
        "sim ended with 9; the log of sim is missing: none cannot be read: No such file or directory",
    )


def test_every_log_is_named_in_the_run_and_exported() -> None:
    Path("sim.log").write_bytes(b"sim \xff\r\n")
    Path("tester.log").write_bytes(b"")
    imported([one | {"sim_log": "sim.log", "tester_log": "tester.log"} for one in suite()])
    stored = {"-".join(path.parts[2:5]) for path in Path("run").glob("logs/*/*/*/*.zst")}
    assert len(stored) == 9
    done = run_cli("export", "run", "--output", "out", "--logs")
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith(" and 9 logs copied to out\n")
    streamers = {"torn_read": TORN, "sink_stall": STALL, "reset_storm": RESET}
    wanted = {
        f"{cell}/0-0{end}": text
        for cell, log in streamers.items()
        for end, text in ((".log", log.encode()), (".sim.log", b"sim \xff\r\n"), (".tester.log", b""))
    }

    def exported(folder: str) -> dict[str, bytes]:
        return {"/".join(path.parts[-2:]): path.read_bytes() for path in Path(folder).rglob("*.log")}

    assert exported("out") == wanted
    assert run_cli("export", "out", "--output", "again", "--logs").code == 0, "an export is a run like any other"
    assert exported("again") == wanted
    Path("again/logs/sink_stall/0-0.sim.log").write_text("changed")
    Path("again/logs/torn_read/0-0.tester.log").unlink()
    done = run_cli("export", "again", "--output", "bad", "--logs")
    assert done.code == 1
    assert done.err.splitlines() == [
        f"batchmatrix: the log of tester in trial 0 of torn_read is not in {Path('again').resolve().as_uri()}",
        "batchmatrix: the log of sim in trial 0 of sink_stall is not as it was recorded: its SHA-256 is another",
    ]


def test_a_run_with_several_logs_is_read_back_to_the_byte() -> None:
    imported([row(1, "torn_read", TORN, sim_log="none"), *others()])
    run_cli("report", "run", "--output", "out", "--no-pages")
    before, after = (Path(name, "matrix.json").read_text() for name in ("run", "out"))
    assert '"moreLogs"' in before
    assert after == before.replace(Path("run").resolve().as_uri(), Path("out").resolve().as_uri())


def test_a_scenario_that_was_not_run_is_missing_here() -> None:
    own, ours = imported(suite()[:2])
    assert (own["counts"]["total"], own["all_pass"]) == (2, False)
    assert ours["verdict"] == "inconclusive"
    assert "reset_storm (1 trial without a result)" in ours["reason"]


def test_a_manifest_without_rows_shows_nothing() -> None:
    own, ours = imported([])
    assert own["counts"] == {"total": 0, "pass": 0, "fail": 0}
    assert (own["all_pass"], ours["verdict"]) == (False, "inconclusive")


def test_repeated_scenarios_are_trials_of_one_cell() -> None:
    own, ours = imported([*suite(), row(4, "torn_read", TORN.replace("p50_us=150000", "p50_us=9"))])
    assert own["counts"]["total"] == 4
    cell = ours["cells"][0]
    assert (cell["name"], cell["trials"]) == ("torn_read", 2)
    assert [one["metrics"]["p50_us"] for one in ours["trials"][:2]] == [150000.0, 9.0]


# -- our run -------------------------------------------------------------------------------------------------------


def test_all_logs_are_kept_and_read() -> None:
    imported(suite())
    with Path("run/trials.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(one["cell"], one["run_seconds"], one["metric_p50_us"], one["metric_p95_us"]) for one in rows] == [
        ("torn_read", "1.5", "150000.0", ""),
        ("sink_stall", "1.5", "350000.0", "600000.0"),
        ("reset_storm", "1.5", "800000.0", ""),
    ]
    for process, text in (("streamer", TORN), ("sim", "fine\n"), ("tester", "fine\n")):
        path = Path(f"run/logs/torn_read/0/{process}/00000001.log.zst")
        assert b"".join(open_chunk(str(path), path.read_bytes()).pieces()).decode() == text
    assert rows[0]["log_key"] == "logs/torn_read/0/streamer"


def test_the_page_shows_checks_and_the_end_of_a_failed_log() -> None:
    imported([row(1, "torn_read", TORN + "the <b>last</b> words\n", tester_rc="1"), *others()])
    page = Path("run/report.html").read_text()
    assert "the &lt;b&gt;last&lt;/b&gt; words" in page
    assert "tester ended with 1" in page
    assert "p95_us" in page


def test_a_log_of_many_megabytes_is_kept_in_parts() -> None:
    log = b"x" * 99 + b"\n"
    imported([row(1, "torn_read", log * 300_000 + TORN.encode()), *others()])
    paths = sorted(Path("run/logs/torn_read/0/streamer").iterdir())
    assert len(paths) > 1
    kept = b"".join(piece for path in paths for piece in open_chunk(path.name, path.read_bytes()).pieces())
    assert kept == log * 300_000 + TORN.encode()
    (first, *_) = csv.DictReader(io.StringIO(Path("run/trials.csv").read_text()))
    assert (first["log_lines"], first["metric_p50_us"]) == ("300002", "150000.0")


def test_what_is_not_said_has_defaults(folder: Path) -> None:
    own, ours = imported(suite())
    assert (own["run_id"], own["run_dir"], own["started_at"], own["finished_at"]) == (folder.name, ".", "", "")
    assert (ours["started"], ours["complete"]) == ("", True)


def test_texts_of_the_command_line_are_taken_as_they_are() -> None:
    own, ours = imported(suite(), "--run-id", "", "--run-dir", "ä", "--started-at", "t\x1b[1m")
    assert (own["run_id"], own["run_dir"], own["started_at"]) == ("", "ä", "t\x1b[1m")
    assert "\\u00e4" in Path("run/fault-summary.json").read_text()
    assert (ours["name"], "\x1b" in Path("run/matrix.md").read_text()) == ("fault-suite", False)


# -- thresholds from a file ----------------------------------------------------------------------------------------


def test_a_file_of_thresholds_takes_the_place_of_the_built_in_ones() -> None:
    Path("checks.json").write_text(json.dumps({"baseline": {"torn_read": {"p50_us_max": 7}}, "degraded": {}}))
    own, ours = imported(suite(), "--checks", "checks.json")
    assert own["thresholds"] == {"torn_read": {"p50_us_max": 7}}
    assert own["scenarios"][0]["reason"] == "p50_us=150000 > 7"
    assert own["scenarios"][1]["reason"] == "p95_us=600000 > 500000", "what the file does not say has its general limit"
    assert ours["verdict"] == "fail"


def test_the_example_has_the_built_in_thresholds() -> None:
    before, _ = imported(suite())
    Path("run").rename("before")
    after, _ = imported(suite(), "--checks", str(EXAMPLE / "checks.json"))
    assert after == before
    Path("run").rename("after")
    assert (
        imported(suite(), mode="degraded")[0]["thresholds"]
        == json.loads((EXAMPLE / "checks.json").read_text())["degraded"]
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[", "checks.json: is not JSON"),
        ("[]", "checks.json: has no thresholds for mode baseline"),
        ('{"degraded": {}}', "checks.json: has no thresholds for mode baseline"),
        ('{"baseline": {"torn_read": 1}}', "checks.json: baseline.torn_read: is not an object"),
        ('{"baseline": {"torn_read": {"p95_us_max": 1}}}', "checks.json: baseline.torn_read.p95_us_max: does nothing"),
        ('{"baseline": {"other": {"p50_max": 1}}}', "checks.json: baseline.other.p50_max: does nothing"),
        ('{"baseline": {"other": {"p50_us_max": 1.5}}}', "checks.json: baseline.other.p50_us_max: 1.5 is no whole"),
        ('{"baseline": {"other": {"p50_us_max": 1, "p50_us_max": 2}}}', "checks.json: p50_us_max: is there twice"),
        ('{"baseline": {"other": {}}, "baseline": {}}', "checks.json: baseline: is there twice"),
        (
            '{"baseline": {"other": {"samples_min": -1000000000000001}}}',
            "checks.json: baseline.other.samples_min: is beyo",
        ),
        (
            f'{{"baseline": {{"other": {{"p50_us_max": {"9" * 400}}}}}}}',
            "checks.json: baseline.other.p50_us_max: is beyond",
        ),
        ('{"baseline": {"other": {"p50_us_max": true}}}', "checks.json: baseline.other.p50_us_max: true is no whole"),
    ],
)
def test_a_file_of_thresholds_with_a_mistake(text: str, words: str) -> None:
    Path("checks.json").write_text(text)
    write(suite())
    (line,) = refused("--checks", "checks.json")
    assert line.startswith(words)


# -- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["", "x", "1.0", "9" * 5000])
def test_an_order_that_is_no_whole_number(order: str) -> None:
    write([row("1", "torn_read", TORN) | {"order": order}, *others()])
    (line,) = refused()
    assert line.startswith("manifest.tsv:2: order '")


@pytest.mark.parametrize("text", ["95%", "nan", "1,5", "1e3", ".5", "5.", "9" * 400 + ".0", "9" * 5000])
def test_a_checked_metric_of_which_no_number_can_be_made(text: str) -> None:
    write([row(1, "torn_read", TORN.replace("p99_us=250000", f"p99_us={text}")), *others()])
    (line,) = refused()
    assert line.startswith("manifest.tsv: scenario 'torn_read': p99_us is '")
    assert line.endswith("correct its log torn_read-1.log")


@pytest.mark.parametrize(
    ("scenario", "token", "metric"),
    [
        ("torn_read", "LATENCY_METRICS", "p95_us"),
        ("sink_stall", "FAULT_COUNTERS", "reset_events"),
        ("unheard_of", "FAULT_COUNTERS", "torn_read_events"),
    ],
)
def test_a_text_in_a_metric_that_only_other_scenarios_check_is_refused_too(
    scenario: str, token: str, metric: str
) -> None:
    write([row(1, scenario, f"{token} {metric}=n/a\n")])
    (line,) = refused()
    assert line.startswith(f"manifest.tsv: scenario '{scenario}': {metric} is 'n/a', which is no number")


@pytest.mark.parametrize(("text", "number"), [("+150000", 150000), ("150_000", 150000), ("-1.9", -1), ("0.9", 0)])
def test_what_is_made_of_other_forms_of_numbers(text: str, number: int) -> None:
    own, _ = imported([row(1, "torn_read", TORN.replace("p50_us=150000", f"p50_us={text}")), *others()])
    assert own["scenarios"][0]["checks"][1]["actual"] == number
    assert own["all_pass"]


def test_a_number_without_end_is_written_as_python_writes_it() -> None:
    log = TORN + "RTP_METRICS big=" + "9" * 400 + ".0\n"
    imported([row(1, "torn_read", log), *others()])
    assert '"big": Infinity\n' in Path("run/fault-summary.json").read_text()


def test_a_fraction_is_cut_to_a_whole_number_there_and_is_what_it_is_here() -> None:
    own, ours = imported([row(1, "torn_read", TORN.replace("p50_us=150000", "p50_us=150000.9")), *others()])
    assert (own["scenarios"][0]["checks"][1]["actual"], own["all_pass"]) == (150000, True)
    assert ours["verdict"] == "fail"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_manifest_may_have_empty_lines_quotes_and_other_columns(end: str, mark: str) -> None:
    suite()
    lines = [
        "order\tnote\tscenario_id\tname\tsim_rc\tstreamer_rc\ttester_rc\tstreamer_log",
        "",
        '1\tx\ttorn_read\t"a ""b""\tc"\t0\t0\t0\ttorn_read-1.log\tone field more',
        "2\tx\tsink_stall\tn",
    ]
    Path("manifest.tsv").write_bytes((mark + end.join(lines)).encode())
    assert run().code == 0
    first, second = json.loads(Path("run/fault-summary.json").read_text())["scenarios"]
    assert (first["name"], first["status"]) == ('a "b"\tc', "PASS")
    assert second["process_exit"] == {"sim": -1, "streamer": -1, "tester": -1}


def test_of_a_column_that_is_there_twice_the_last_counts() -> None:
    suite()
    Path("manifest.tsv").write_text("order\tscenario_id\torder\n9\ttorn_read\t4\n")
    assert run().code == 0
    assert json.loads(Path("run/fault-summary.json").read_text())["scenarios"][0]["order"] == 4


def test_an_empty_manifest_shows_nothing() -> None:
    Path("manifest.tsv").write_text("")
    assert run().code == 0
    own = json.loads(Path("run/fault-summary.json").read_text())
    assert (own["counts"]["total"], own["all_pass"], own["recommended_exit_code"], own["scenarios"]) == (
        0,
        False,
        1,
        [],
    )


def test_a_manifest_without_its_columns_or_with_a_field_of_any_length_is_refused() -> None:
    Path("manifest.tsv").write_text("order,scenario_id\n1,torn_read\n")
    assert refused() == ["manifest.tsv:2: order '' is no whole number; write one"]
    write([row(1, "torn_read", TORN, name="x" * 200_000)])
    (line,) = refused()
    assert "cannot be read: field larger than field limit (131072); correct it" in line


def test_columns_that_are_missing_are_empty() -> None:
    write(suite(), columns=("order", "scenario_id", "streamer_log"))
    assert run().code == 0
    own = json.loads(Path("run/fault-summary.json").read_text())
    ours = json.loads(Path("run/matrix.json").read_text())
    assert own["scenarios"][0]["process_exit"] == {"sim": -1, "streamer": -1, "tester": -1}
    assert own["scenarios"][0]["evidence"]["sdp"] == ""
    assert ours["verdict"] == "inconclusive"


def test_a_manifest_that_cannot_be_read() -> None:
    assert refused()[0].startswith("manifest.tsv: cannot be read: No such file")
    Path("manifest.tsv").write_bytes(b"order\n\xff\n")
    assert refused()[0].startswith("manifest.tsv: is no text: byte 0xff")


def test_a_mode_is_needed_and_is_one_of_two() -> None:
    write(suite())
    done = run_cli("import", "fault-manifest", "manifest.tsv", "--output", "run")
    assert (done.code, "--mode" in done.err) == (1, True)
    assert "'baseline', 'degraded'" in run(mode="other").err


def test_a_folder_that_is_not_empty_is_left_alone() -> None:
    imported(suite())
    before = Path("run/matrix.json").read_bytes()
    done = run()
    assert (done.code, Path("run/matrix.json").read_bytes()) == (1, before)
    assert "is not empty, and nothing is ever overwritten" in done.err
