"""`batchmatrix import batch-results` from result files to a run, its figures worked out without pandas."""

from __future__ import annotations

import csv
import io
import json
import math
import random
import statistics
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

import batchmatrix
from batchmatrix.capture.chunks import open_chunk
from batchmatrix.cli import import_batch
from batchmatrix.formats.batch_results import COLUMNS
from batchmatrix.formats.exit_codes import ALLOWED_EXIT_CODES
from tests.support.cli import Done, run_cli

HEADER = ",".join(COLUMNS)
Row = dict[str, Any]
TABLES = ("scenario_stats", "exit_counts", "batch_summary", "outliers", "unexpected_exits", "breaches")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def drawn() -> None:
    """For tests that look at plots; the others do not wait for them."""


@pytest.fixture(autouse=True)
def without_plots(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "drawn" not in request.fixturenames:
        monkeypatch.setattr(import_batch, "_write_plots", lambda *_: None)


def row(batch: int, test: int, scenario: str, code: int, seconds: float | str, **more: Any) -> Row:
    return {
        "batch_number": batch,
        "test_id": test,
        "scenario_key": scenario,
        "exit_code": code,
        "execution_time_seconds": seconds,
        "unexpected_exit_code": 0,
        "stdout_stderr": "ok",
        **more,
    }


def write(name: str, rows: list[Row], *, columns: tuple[str, ...] = COLUMNS) -> str:
    with Path(name).open("w", newline="") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return name


def imported(*files: str, words: tuple[str, ...] = ()) -> Done:
    return run_cli("import", "batch-results", *files, "--output", "run", *words)


def good(*files: str, words: tuple[str, ...] = ()) -> Done:
    done = imported(*files, words=words)
    assert done.code == 0, done.err
    return done


def refused(done: Done) -> list[str]:
    assert (done.code, done.out) == (1, "")
    assert not Path("run").exists(), "nothing is written"
    said = done.err.splitlines()
    assert said
    assert all(line.startswith("batchmatrix: ") for line in said)
    return [line.removeprefix("batchmatrix: ") for line in said]


def table(name: str) -> list[dict[str, str]]:
    text = Path("run", f"{name}.csv").read_text()
    assert "\r" not in text
    return list(csv.DictReader(io.StringIO(text)))


def quartile(values: list[float], share: float) -> float:
    """Linear between the two nearest ranks, written out anew."""
    ordered = sorted(values)
    at = (len(ordered) - 1) * share
    low = math.floor(at)
    high = math.ceil(at)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


# -- the figures ---------------------------------------------------------------------------------------------------

DYADIC = [  # sums, means and variances of these are exact in binary, so that every way to add gives the same digits
    *[row(1, n, "missing_sdk", 42, t) for n, t in enumerate([0.5, 0.75, 1.0], start=1)],
    *[row(1, n, "recovery_success", 0, t) for n, t in enumerate([1.0, 1.25, 9.0], start=4)],
    row(1, 7, "recovery_failure", 44, 2.0),
    row(2, 1, "missing_sdk", 42, 5.25, unexpected_exit_code=2),
    row(2, 2, "missing_sdk", 41, 0.625, unexpected_exit_code=1, stdout_stderr="a\\nb, c"),
    row(2, 3, "recovery_success", 1, 1.25, unexpected_exit_code=1),
    row(2, 4, "recovery_success", 0, 1.25),
    row(10, 1, "recovery_failure", 44, 3.0),
]


def test_every_table_to_the_last_digit() -> None:
    write("batch_1_results.csv", [one for one in DYADIC if one["batch_number"] == 1])
    write("batch_2_results.csv", [one for one in DYADIC if one["batch_number"] != 1])
    good("batch_2_results.csv", "batch_1_results.csv")
    times: defaultdict[str, list[float]] = defaultdict(list)
    batches: defaultdict[tuple[int, str], list[Row]] = defaultdict(list)
    for one in DYADIC:
        times[one["scenario_key"]].append(one["execution_time_seconds"])
        batches[one["batch_number"], one["scenario_key"]].append(one)

    def std(values: list[float]) -> str:
        return repr(statistics.stdev(values)) if len(values) > 1 else ""

    assert table("scenario_stats") == [
        {
            "scenario_key": key,
            "count": str(len(values)),
            "mean": repr(statistics.mean(values)),
            "min": repr(min(values)),
            "max": repr(max(values)),
            "std": std(values),
        }
        for key, values in sorted(times.items())
    ]
    counts = Counter((one["scenario_key"], one["exit_code"]) for one in DYADIC)
    assert table("exit_counts") == [
        {"scenario_key": key, "exit_code": str(code), "count": str(count)}
        for (key, code), count in sorted(counts.items())
    ]
    assert table("batch_summary") == [
        {
            "batch_number": str(batch),
            "scenario_key": key,
            "tests": str(len(rows)),
            "mean_time_s": repr(statistics.mean(one["execution_time_seconds"] for one in rows)),
            "min_time_s": repr(min(one["execution_time_seconds"] for one in rows)),
            "max_time_s": repr(max(one["execution_time_seconds"] for one in rows)),
            "std_time_s": std([one["execution_time_seconds"] for one in rows]),
            "unexpected_exit_count": str(sum(one["unexpected_exit_code"] for one in rows)),
        }
        for (batch, key), rows in sorted(batches.items())
    ]
    short = ("batch_number", "test_id", "scenario_key", "execution_time_seconds", "exit_code")
    outliers = []
    for key in sorted(times):
        low, high = quartile(times[key], 0.25), quartile(times[key], 0.75)
        fences = low - 1.5 * (high - low), high + 1.5 * (high - low)
        for one in DYADIC:
            if one["scenario_key"] == key and not fences[0] <= one["execution_time_seconds"] <= fences[1]:
                outliers.append({name: str(one[name]) for name in short})
    assert [one["test_id"] for one in outliers] == ["1", "4", "6"]
    assert table("outliers") == outliers
    assert table("breaches") == [
        {name: str(one[name]) for name in short} for one in DYADIC if one["execution_time_seconds"] > 1.0
    ]
    assert [(one["test_id"], one["stdout_stderr"], one["unexpected_exit"]) for one in table("unexpected_exits")] == [
        ("2", "a\nb, c", "True"),
        ("3", "ok", "True"),
    ]
    assert list(table("unexpected_exits")[0]) == [*COLUMNS, "unexpected_exit"]


def test_any_numbers_within_what_a_float_can_hold() -> None:
    chance = random.Random(20261126)
    rows = [
        row(chance.randint(1, 3), n, chance.choice(["a", "b", "B"]), 0, repr(chance.lognormvariate(0, 2)))
        for n in range(300)
    ]
    good(write("b.csv", rows))
    for one in table("scenario_stats"):
        values = [float(each["execution_time_seconds"]) for each in rows if each["scenario_key"] == one["scenario_key"]]
        assert float(one["mean"]) == pytest.approx(statistics.fmean(values), rel=1e-14)
        assert float(one["std"]) == pytest.approx(statistics.stdev(values), rel=1e-13)
        assert (float(one["min"]), float(one["max"])) == (min(values), max(values)), "numbers are read exactly"


def test_files_are_taken_by_their_names_wherever_they_lie() -> None:
    Path("z").mkdir()
    write("z/a.csv", [row(1, 1, "s", 0, 2.0)])
    write("b.csv", [row(1, 2, "s", 0, 3.0)])
    good("b.csv", "z/a.csv")
    assert [one["test_id"] for one in table("breaches")] == ["1", "2"]


# -- the run -------------------------------------------------------------------------------------------------------


def test_every_test_is_a_trial_of_its_scenario_in_the_order_of_the_files() -> None:
    good(
        write("b1.csv", [one for one in DYADIC if one["batch_number"] == 1]),
        write("b2.csv", [one for one in DYADIC if one["batch_number"] != 1]),
    )
    data = json.loads(Path("run/matrix.json").read_text())
    assert [(cell["name"], cell["values"], cell["done"]) for cell in data["cells"]] == [
        ("missing_sdk", {"scenario": "missing_sdk"}, 5),
        ("recovery_failure", {"scenario": "recovery_failure"}, 2),
        ("recovery_success", {"scenario": "recovery_success"}, 5),
    ]
    trials = [one for one in data["trials"] if one["cell"] == "missing_sdk"]
    assert [(one["trial"], one["job"], one["metrics"]["execution_time_seconds"]) for one in trials] == [
        (0, "batch-1-test-1", 0.5),
        (1, "batch-1-test-2", 0.75),
        (2, "batch-1-test-3", 1.0),
        (3, "batch-2-test-1", 5.25),
        (4, "batch-2-test-2", 0.625),
    ]
    bad = trials[4]
    assert (bad["outcome"], bad["exitCode"], bad["blame"]) == ("UnexpectedExit", 41, "workload")
    assert bad["message"] == "exit code 41 is not allowed: expected is 42"
    assert {one["outcome"] for one in trials if one is not bad} == {"Succeeded"}
    assert (data["verdict"], data["complete"]) == ("fail", True)
    assert len(table("cells")) == 3
    assert len(table("trials")) == len(DYADIC)
    assert Path("run/matrix.md").read_text().startswith("# run: fail\n")


def test_all_exits_allowed_is_a_pass_whatever_the_pinned_duration() -> None:
    done = good(write("b.csv", [row(1, 1, "missing_sdk", 42, 8.0)]))
    assert json.loads(Path("run/matrix.json").read_text())["verdict"] == "pass"
    assert len(table("breaches")) == 1
    assert "tests that took longer than 1 s: 1" in done.out


def log(key: str) -> bytes:
    (path,) = Path("run", key).iterdir()
    return b"".join(open_chunk(key, path.read_bytes()).pieces())


def test_the_whole_output_of_each_test_is_kept_with_its_line_ends() -> None:
    texts = ["one\\ntwo", "crlf\r\nline", "ümlaut \x1b[1m\0 z", "\\\\n", "x" * 200_000, "\n"]
    good(write("b.csv", [row(1, n, "s", 0, 1, stdout_stderr=text) for n, text in enumerate(texts)]))
    for one, text in zip(table("trials"), texts, strict=True):
        assert log(one["log_key"]) == text.replace("\\n", "\n").encode()
        assert int(one["log_bytes"]) == len(log(one["log_key"]))
        assert one["log_state"] == "complete"


def test_scenarios_of_any_name_get_cells_of_their_own() -> None:
    keys = ["Build", "build", "../../etc", "a b", "a-b", "=1+1", "\x1b[2J", "x" * 300, "x" * 301, "日本", "_u", "$a$"]
    good(write("b.csv", [row(1, n, key, 0, 1.0) for n, key in enumerate(keys)]))
    cells = table("cells")
    assert len({one["cell"].lower() for one in cells}) == len(keys)
    assert sorted(path.name for path in Path("run/logs").iterdir()) == sorted(one["cell"] for one in cells)
    written = "".join(path.read_text() for path in Path("run").glob("*.csv"))
    assert "\x1b" not in written
    assert "'=1+1" in written
    assert not any(field.startswith("=") for name in TABLES for one in table(name) for field in one.values())


def test_numbers_of_tests_batches_and_signals_may_be_negative_and_stand_twice() -> None:
    rows = [row(0, -1, "s", -9, 2.5), row(-3, 0, "s", 0, 2.5), row(0, -1, "s", -9, 2.5)]
    good(write("b.csv", rows))
    assert [(one["exit_code"], one["count"]) for one in table("exit_counts")] == [("-9", "2"), ("0", "1")]
    assert [(one["batch_number"], one["tests"]) for one in table("batch_summary")] == [("-3", "1"), ("0", "2")]
    assert [(one["trial"], one["job"]) for one in table("trials")] == [
        ("0", "batch-0-test--1"),
        ("1", "batch--3-test-0"),
        ("2", "batch-0-test--1"),
    ]


def test_a_test_that_is_there_again_counts_again_and_a_warning_names_both_places() -> None:
    rows = [row(1, n, "missing_sdk", 42, 0.5) for n in range(8)]
    one, copy = write("batch_1_results.csv", rows), write("batch_1_results_copy.csv", rows)
    done = good(copy, one)
    assert done.out.startswith("16 tests of 1 scenario from 2 files\n")
    assert done.err.splitlines()[0] == (
        "warning: 8 rows of a test that was there before, each counted anew, the first batch 1, test 0 in"
        " batch_1_results_copy.csv:2, after batch_1_results.csv:2; leave out what was given twice"
    )
    assert [each["count"] for each in table("scenario_stats")] == ["16"]


def test_a_test_that_is_there_again_in_one_file_and_ends_otherwise() -> None:
    rows = [row(1, 1, "missing_sdk", 42, 1), row(1, 2, "missing_sdk", 42, 1), row(1, 1, "recovery_success", 0, 2)]
    done = good(write("b.csv", [*rows, row(2, 1, "missing_sdk", 42, 1)]))
    assert done.err.splitlines()[0] == (
        "warning: 1 row of a test that was there before, each counted anew, the first batch 1, test 1 in b.csv:4,"
        " after b.csv:2; leave out what was given twice"
    )


def test_tests_that_are_there_once_take_no_warning() -> None:
    rows = [row(batch, test, "missing_sdk", 42, 1) for batch in (1, 11) for test in (1, 11)]
    assert "warning" not in good(write("b.csv", rows)).err


def test_times_have_a_point_and_scenarios_are_texts_even_where_every_one_is_a_whole_number() -> None:
    good(write("b.csv", [row(1, 1, "10", 0, 2), row(1, 2, "9", 0, 3)]))
    assert [(one["scenario_key"], one["mean"], one["min"], one["max"]) for one in table("scenario_stats")] == [
        ("10", "2.0", "2.0", "2.0"),
        ("9", "3.0", "3.0", "3.0"),
    ]
    assert [one["execution_time_seconds"] for one in table("breaches")] == ["2.0", "3.0"]


def test_only_a_backslash_with_an_n_becomes_a_line_end() -> None:
    texts = [r"a\nb", r"\\n", r"\t\r\x", r"C:\new", "\\", " "]
    good(write("b.csv", [row(1, n, "s", 0, 1, stdout_stderr=text) for n, text in enumerate(texts)]))
    wanted = ["a\nb", "\\\n", r"\t\r\x", "C:\new", "\\", " "]
    assert [one["stdout_stderr"] for one in table("unexpected_exits")] == wanted


def test_further_columns_are_carried_along() -> None:
    columns = ("host", *reversed(COLUMNS), "@note")
    write("b1.csv", [row(1, 1, "s", 0, 1.0, host="h1", **{"@note": "n"})], columns=columns)
    write("b2.csv", [row(2, 1, "s", 0, 1.0)])
    good("b1.csv", "b2.csv")
    assert [(one["host"], one["'@note"]) for one in table("unexpected_exits")] == [("h1", "n"), ("", "")]
    assert list(table("unexpected_exits")[0]) == [*COLUMNS, "host", "'@note", "unexpected_exit"]


# -- plots ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("drawn")
def test_a_histogram_for_each_scenario_and_two_plots_over_all() -> None:
    good(write("b.csv", DYADIC))
    names = {path.name for path in Path("run/plots").iterdir()}
    plots = [*(f"histogram-{n:03d}" for n in (1, 2, 3)), "exit-codes", "time-by-batch"]
    assert names == {f"{plot}.{form}" for plot in plots for form in ("png", "svg")}
    for path in Path("run/plots").glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG\r\n")
    first = {path.name: path.read_bytes() for path in Path("run/plots").iterdir()}
    Path("run").rename("before")
    good("b.csv")
    assert {path.name: path.read_bytes() for path in Path("run/plots").iterdir()} == first, "same input, same bytes"


@pytest.mark.usefixtures("drawn")
def test_without_matplotlib_there_is_a_warning_and_everything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "batchmatrix.formats.batch_plots", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    done = good(write("b.csv", DYADIC))
    assert "warning: no plots, as matplotlib cannot be loaded" in done.err
    assert not Path("run/plots").exists()
    assert {f"{name}.csv" for name in TABLES} <= {path.name for path in Path("run").iterdir()}


def test_the_page_is_that_of_a_matrix_with_the_end_of_a_failed_log() -> None:
    rows = [row(1, 1, "missing_sdk", 42, 1), row(1, 2, "missing_sdk", 1, 2, stdout_stderr="a\\n<b>no SDK</b>")]
    good(write("b.csv", rows))
    page = Path("run/report.html").read_text()
    assert "&lt;b&gt;no SDK&lt;/b&gt;" in page
    assert "<b>no SDK" not in page
    assert run_cli("report", "run", "--output", "out").code == 0
    place, other = (Path(name).resolve().as_uri() for name in ("run", "out"))
    assert Path("out/report.html").read_text() == page.replace(place, other)


# -- nothing to see ------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("drawn")
def test_a_file_with_a_header_alone_gives_tables_with_headers() -> None:
    good(write("b.csv", []))
    for name in TABLES:
        lines = Path("run", f"{name}.csv").read_text().splitlines()
        assert len(lines) == 1, name
        assert "scenario_key" in lines[0]
    assert json.loads(Path("run/matrix.json").read_text())["verdict"] == "inconclusive"


def test_one_test_alone_has_no_deviation_and_is_no_outlier() -> None:
    good(write("b.csv", [row(1, 1, "missing_sdk", 42, 0.5)]))
    assert table("scenario_stats") == [
        {"scenario_key": "missing_sdk", "count": "1", "mean": "0.5", "min": "0.5", "max": "0.5", "std": ""}
    ]
    assert table("outliers") == table("breaches") == table("unexpected_exits") == []


# -- allowed exit codes and the pinned duration --------------------------------------------------------------------


def test_exit_codes_come_from_a_file_and_a_scenario_that_is_not_in_it_has_none() -> None:
    Path("codes.json").write_text(json.dumps({"a": [0, 7], "empty": []}))
    rows = [row(1, n, key, code, 1.0) for n, (key, code) in enumerate([("a", 7), ("a", 1), ("b", 0), ("empty", 0)])]
    done = good(write("b.csv", rows), words=("--allowed-exit-codes", "codes.json"))
    assert [one["test_id"] for one in table("unexpected_exits")] == ["1", "2", "3"]
    assert "warning: no exit code is allowed for b, empty; name them" in done.err
    assert "unexpected exit codes: 3," in done.out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1]", "codes.json: is not an object"),
        ("{", "codes.json: is not JSON"),
        ('{"a": 1}', "codes.json: a: is no list"),
        ('{"a": ["0", 1.0, true]}', "codes.json: a[0]: "),
        ('{"a": [0], "a": [1]}', "codes.json: a: is there twice"),
    ],
)
def test_a_file_of_exit_codes_with_a_mistake(text: str, words: str) -> None:
    Path("codes.json").write_text(text)
    lines = refused(imported(write("b.csv", DYADIC), words=("--allowed-exit-codes", "codes.json")))
    assert lines[0].startswith(words)
    assert len(lines) == (3 if "true" in text else 1)


@pytest.mark.parametrize(("seconds", "breaches"), [("0", 12), ("10", 0), ("1.25", 4), ("9", 0), ("8.9999", 1)])
def test_the_pinned_duration_is_between_0_and_10_and_its_own_value_is_no_breach(seconds: str, breaches: int) -> None:
    good(write("b.csv", DYADIC), words=("--pinned-duration", seconds))
    assert len(table("breaches")) == breaches


@pytest.mark.parametrize("seconds", ["-0.1", "10.001", "nan", "inf"])
def test_another_pinned_duration_is_refused(seconds: str) -> None:
    (line,) = refused(imported(write("b.csv", DYADIC), words=(f"--pinned-duration={seconds}",)))
    assert line.startswith("--pinned-duration: ")
    assert "between 0 and 10" in line


# -- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", COLUMNS)
def test_each_column_is_required(column: str) -> None:
    columns = tuple(name for name in COLUMNS if name != column)
    write("b.csv", [{name: row(1, 1, "s", 0, 1)[name] for name in columns}], columns=columns)
    assert refused(imported("b.csv")) == [f"b.csv: has no column {column}; add what is missing"]


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("text", ["", "NA", "null", "None", "nan"])
def test_no_required_value_is_empty(column: str, text: str) -> None:
    write("b.csv", [row(1, 1, "s", 0, 1), {**row(1, 2, "t", 0, 1), column: text}])
    (line,) = refused(imported("b.csv"))
    assert line.startswith("1 row without a value in a required column: b.csv:3 (batch ")
    assert f"{column} empty" in line


def test_what_counts_as_empty_is_what_counts_so_in_pandas() -> None:
    from pandas._libs.parsers import STR_NA_VALUES

    from batchmatrix.formats.batch_results import EMPTY

    assert EMPTY == STR_NA_VALUES


def test_the_sample_of_bad_rows_has_ten_and_the_count_is_of_all() -> None:
    write("b1.csv", [row(1, n, "s", 0, 1, stdout_stderr="") for n in range(7)])
    write("b2.csv", [row(2, n, "s", 0, 1, stdout_stderr="") for n in range(7)])
    (line,) = refused(imported("b2.csv", "b1.csv"))
    assert line.startswith("14 rows without a value in a required column: b1.csv:2 (batch 1, test 0, s: ")
    assert line.count("stdout_stderr empty") == 10
    assert "b2.csv:4 (batch 2, test 2, s: stdout_stderr empty) and 4 more; " in line


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("batch_number", "one"),
        ("test_id", "1.5"),
        ("exit_code", "0x2A"),
        ("exit_code", "1,000"),
        ("exit_code", "1_000"),
        ("exit_code", "9223372036854775808"),
        ("exit_code", "9" * 5000),
        ("exit_code", "True"),
        ("exit_code", "4.2e1"),
        ("test_id", "True"),
        ("unexpected_exit_code", "yes"),
        ("unexpected_exit_code", "0.5"),
        ("execution_time_seconds", "1_000"),
        ("execution_time_seconds", "1,5"),
        ("execution_time_seconds", "95%"),
        ("execution_time_seconds", "inf"),
        ("execution_time_seconds", "1e999"),
        ("execution_time_seconds", "1.5s"),
        ("execution_time_seconds", "٣"),
    ],
)
def test_numbers_are_strict(column: str, text: str) -> None:
    write("b.csv", [{**row(1, 1, "s", 0, 1), column: text}])
    (line,) = refused(imported("b.csv"))
    assert line.startswith("1 row with a text where a number belongs: b.csv:2 (")
    assert f"{column} '{text[:50]}" in line


@pytest.mark.parametrize("text", [" 42 ", "42.0", "+42", "042"])
def test_whole_numbers_in_other_forms_are_whole_numbers(text: str) -> None:
    good(write("b.csv", [{**row(1, 1, "missing_sdk", 0, " 1.5e0"), "exit_code": text}]))
    assert table("exit_counts")[0]["exit_code"] == "42"


def test_whether_an_exit_was_unexpected_may_be_said_in_words() -> None:
    words = {"True": 1, "TRUE": 1, "true": 1, "False": 0, "FALSE": 0, "false": 0, "2": 2}
    good(write("b.csv", [row(1, n, "s", 0, 1, unexpected_exit_code=word) for n, word in enumerate(words)]))
    assert table("batch_summary")[0]["unexpected_exit_count"] == "5"
    assert [one["unexpected_exit_code"] for one in table("unexpected_exits")] == [str(n) for n in words.values()]


def test_figures_that_no_table_could_hold_are_refused() -> None:
    rows = [
        row(1, 1, "s", 0, "1.0000001e15"),
        row(1, 2, "s", 0, "1.7e308"),
        row(1, 3, "s", 0, 1, unexpected_exit_code=1_000_000_001),
    ]
    lines = refused(imported(write("b.csv", rows)))
    assert [line.partition(":")[0] for line in lines] == [
        "2 rows with an execution_time_seconds above 1e15",
        "1 row with an unexpected_exit_code above 1000000000",
    ]


@pytest.mark.usefixtures("drawn")
def test_the_last_figures_that_a_table_can_hold() -> None:
    good(write("b.csv", [row(1, n, "s", 0, 1e15, unexpected_exit_code=10**9) for n in range(4)]))
    assert table("batch_summary") == [
        {
            "batch_number": "1",
            "scenario_key": "s",
            "tests": "4",
            "mean_time_s": "1000000000000000.0",
            "min_time_s": "1000000000000000.0",
            "max_time_s": "1000000000000000.0",
            "std_time_s": "0.0",
            "unexpected_exit_count": "4000000000",
        }
    ]


def test_signs_are_checked_and_every_kind_of_mistake_is_said_at_once() -> None:
    rows = [
        row(1, 1, "s", 0, 0),
        row(1, 2, "s", 0, -0.5),
        row(1, 3, "s", -9, 1, unexpected_exit_code=-1),
        row(1, 4, "s", 0, "x"),
        row(1, 5, "s", 0, ""),
    ]
    lines = refused(imported(write("b.csv", rows)))
    assert [line.partition(":")[0] for line in lines] == [
        "1 row without a value in a required column",
        "1 row with a text where a number belongs",
        "2 rows with an execution_time_seconds that is not positive",
        "1 row with a negative unexpected_exit_code",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "b.csv: has no column batch_number, test_id,"),
        (f"{HEADER}\n1,1,s,0,1,0\n", "b.csv:2: has 6 fields and the header 7"),
        (f"{HEADER}\n1,1,s,0,1,0,ok,\n", "b.csv:2: has 8 fields and the header 7"),
        (f'{HEADER}\n1,1,s,0,1,0,"open\n', "b.csv:2: cannot be read: unexpected end of data"),
        (f'{HEADER}\n1,1,"s"x,0,1,0,ok\n', "b.csv:2: cannot be read: ',' expected after"),
        (f"{HEADER},exit_code\n", "b.csv: has more than one column exit_code"),
        (f"{HEADER}\n1,1,s,0,1,0,caf\udce9\n", "b.csv: is no text: byte 0xe9 is not UTF-8"),
    ],
)
def test_a_file_of_another_form(text: str, words: str) -> None:
    Path("b.csv").write_bytes(text.encode("utf-8", "surrogateescape"))
    (line,) = refused(imported("b.csv"))
    assert line.startswith(words)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_byte_order_mark_any_line_ends_and_empty_lines_are_fine(end: str) -> None:
    lines = [f"\ufeff{HEADER}", "", "1,1,s,0,2,0,ok", "   ", '1,2,s,0,2,0,a"b']
    Path("b.csv").write_bytes(end.join(lines).encode())
    good("b.csv")
    assert [one["stdout_stderr"] for one in table("unexpected_exits")] == ["ok", 'a"b']


def test_a_column_of_our_own_name_is_ours() -> None:
    columns = ("unexpected_exit", *COLUMNS)
    write("b.csv", [row(1, 1, "missing_sdk", 42, 1, unexpected_exit="yes"), row(1, 2, "s", 0, 1)], columns=columns)
    good("b.csv")
    assert [(one["test_id"], one["unexpected_exit"]) for one in table("unexpected_exits")] == [("2", "True")]


def test_no_file_at_all() -> None:
    (line,) = refused(imported())
    assert line.startswith("Missing argument 'FILES...'")


def test_a_file_that_is_not_there_or_is_given_twice() -> None:
    assert refused(imported("no.csv"))[0].startswith("no.csv: cannot be read: No such file")
    write("b.csv", DYADIC)
    (line,) = refused(imported("b.csv", "./b.csv"))
    assert line.endswith("b.csv: is given twice; name it once")


# -- the folder ----------------------------------------------------------------------------------------------------


def test_a_folder_that_is_not_empty_is_left_alone() -> None:
    write("b.csv", DYADIC)
    Path("run").mkdir()
    Path("run/.hidden").write_text("mine")
    done = imported("b.csv")
    assert (done.code, done.out) == (1, "")
    assert "--output run: is not empty, and nothing is ever overwritten; name another folder" in done.err
    assert [path.name for path in Path("run").iterdir()] == [".hidden"]


def test_an_empty_folder_is_filled_and_missing_ones_are_made() -> None:
    write("b.csv", DYADIC)
    Path("run").mkdir()
    good("b.csv")
    assert run_cli("import", "batch-results", "b.csv", "--output", "new/deep/run").code == 0
    assert Path("new/deep/run/matrix.json").is_file()


def test_a_file_in_the_place_of_the_folder() -> None:
    write("b.csv", DYADIC)
    Path("run").write_text("")
    assert "--output run: is no folder; name another one" in imported("b.csv").err


def test_what_goes_wrong_on_the_way_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(import_batch, "write_reports", broken)
    done = run_cli("import", "batch-results", write("b.csv", DYADIC), "--output", "new/run")
    assert (done.code, done.err) == (1, "batchmatrix: [Errno 28] No space left on device\n")
    assert not Path("new").exists()


def test_the_built_in_exit_codes() -> None:
    wanted = {
        "fail_fast_bootstrap": {42},
        "toolchain_presence_check": {0},
        "compile_only_build_attempt": {0},
        "missing_sdk": {42},
        "missing_staged_archive": {42},
        "invalid_architecture": {42, 43},
        "recovery_success": {0},
        "recovery_failure": {44},
        "unheard_of": set(),
    }
    codes = [-1, 0, 1, 41, 42, 43, 44, 45]
    good(write("b.csv", [row(1, code, key, code, 1) for key in wanted for code in codes]))
    unexpected = {(one["scenario_key"], int(one["exit_code"])) for one in table("unexpected_exits")}
    assert unexpected == {(key, code) for key, allowed in wanted.items() for code in codes if code not in allowed}


def test_the_built_in_exit_codes_are_those_of_the_example() -> None:
    example = Path(__file__).resolve().parents[3] / "examples/03-batch-results/allowed-exit-codes.json"
    assert {key: set(codes) for key, codes in json.loads(example.read_text()).items()} == ALLOWED_EXIT_CODES


def test_the_command_line_loads_neither_pandas_nor_matplotlib() -> None:
    code = "import sys, batchmatrix.cli.main; print({'pandas', 'matplotlib', 'scipy', 'numpy'} & set(sys.modules))"
    env = {"PYTHONPATH": str(Path(batchmatrix.__file__).parents[1]), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env=env, text=True, timeout=100, check=True
    )
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(("last", "out"), [("7", False), ("7.000001", True), ("6.999999", False)])
def test_a_fence_is_one_and_a_half_interquartile_ranges_away_and_its_own_value_is_inside(last: str, out: bool) -> None:
    good(write("b.csv", [row(1, n, "s", 0, seconds) for n, seconds in enumerate(["1", "2", "3", "4", last])]))
    assert len(table("outliers")) == out


def test_a_test_may_be_an_outlier_for_being_fast() -> None:
    good(write("b.csv", [row(1, n, "s", 0, seconds) for n, seconds in enumerate([9, 9.5, 9.75, 9.25, 0.25])]))
    assert [one["execution_time_seconds"] for one in table("outliers")] == ["0.25"]
