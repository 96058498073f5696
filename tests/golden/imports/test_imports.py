"""Result files of other programs in their own form, and the tables and summaries that those make of them.

The expected files hold what these programs' own tools make of the inputs, byte for byte, with one difference: a text
that a spreadsheet would take for a formula has an apostrophe before it. Nothing of ours wrote them.
"""

from __future__ import annotations

import csv
import math
import statistics
from collections import defaultdict
from fractions import Fraction
from pathlib import Path

import pytest

from batchmatrix.cli import import_batch
from tests.support.cli import run_cli

HERE = Path(__file__).parent
BATCHES = HERE / "batch-results"
FAULTS = HERE / "fault-manifest"
TABLES = sorted(path.name for path in BATCHES.glob("tables/*.csv"))


@pytest.fixture
def batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a run of all result files, given in another order than that of their names."""
    monkeypatch.setattr(import_batch, "_write_plots", lambda *_: None)
    files = sorted(BATCHES.glob("batch_*_results.csv"), reverse=True)
    done = run_cli("import", "batch-results", *map(str, files), "--output", str(tmp_path / "run"))
    assert done.code == 0, done.err
    assert done.out.splitlines()[:3] == [
        "26 tests of 10 scenarios from 3 files",
        "unexpected exit codes: 5, outliers in time: 1",
        "tests that took longer than 1 s: 6",
    ]
    return tmp_path / "run"


def test_tables_of_batches(batches: Path) -> None:
    assert len(TABLES) == 6
    for name in TABLES:
        assert (batches / name).read_bytes() == (BATCHES / "tables" / name).read_bytes(), name


def test_the_figures_in_these_tables_are_right() -> None:
    """Worked out with fractions from what stands in the result files: nothing is rounded on the way."""
    times: defaultdict[str, list[Fraction]] = defaultdict(list)
    for path in BATCHES.glob("batch_*_results.csv"):
        with path.open(newline="", encoding="utf-8") as stream:
            for one in csv.DictReader(stream):
                times[one["scenario_key"]].append(Fraction(one["execution_time_seconds"]))
    with (BATCHES / "tables/scenario_stats.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [one["scenario_key"] for one in rows] == sorted(times)
    for one in rows:
        own = times[one["scenario_key"]]
        assert int(one["count"]) == len(own)
        assert (float(one["min"]), float(one["max"])) == (float(min(own)), float(max(own)))
        assert float(one["mean"]) == pytest.approx(float(statistics.mean(own)), rel=2e-16)
        if len(own) == 1:
            assert one["std"] == ""
        else:
            assert float(one["std"]) == pytest.approx(math.sqrt(statistics.variance(own)), rel=1e-11)


@pytest.mark.parametrize("mode", ["baseline", "degraded"])
@pytest.mark.parametrize("suite", ["good", "mixed"])
def test_summary_of_a_fault_suite(suite: str, mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FAULTS)
    done = run_cli(
        *("import", "fault-manifest", f"{suite}.tsv", "--mode", mode, "--output", str(tmp_path / "run")),
        *("--run-id", "r-7", "--run-dir", "/runs/r-7", "--started-at", "10:00", "--finished-at", "10:01"),
    )
    assert done.code == 0, "what the suite thinks of its run is in its summary, not in our exit status"
    assert (tmp_path / "run/fault-summary.json").read_bytes() == (FAULTS / f"{suite}-{mode}.json").read_bytes()
