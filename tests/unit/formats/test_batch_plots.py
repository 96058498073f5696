"""Plots of what no program ever names its tests."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from batchmatrix.formats import batch_plots as module
from batchmatrix.formats.batch_plots import batch_plots
from batchmatrix.formats.batch_results import BatchRow


def rows(*scenarios: str) -> list[BatchRow]:
    return [BatchRow(1, at, name, at, 0.5 + at, 0, "", {}) for at, name in enumerate(scenarios)]


def texts(svg: bytes) -> str:
    """What a title or a label was, from the comments that matplotlib writes beside its glyphs."""
    parser = ET.XMLParser(target=ET.TreeBuilder(insert_comments=True))
    tree = ET.fromstring(svg, parser)
    return "\n".join(str(node.text) for node in tree.iter() if callable(node.tag))


def test_formulas_escapes_underscores_and_length_do_not_matter() -> None:
    names = [r"$\frac{1}{$", "_hidden", "\x1b[2J<script>" + "x" * 300]
    plots = dict(batch_plots(rows(*names)))
    assert len(plots) == 10
    legend = texts(plots["time-by-batch.svg"])
    assert r"$\frac{1}{$" in legend
    assert "_hidden" in legend
    assert "\x1b" not in legend
    assert "x" * 61 not in legend
    assert r"Execution times of $\frac{1}{$" in texts(plots["histogram-002.svg"])


def test_there_is_an_end_to_histograms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HISTOGRAMS", 1)
    monkeypatch.setattr(module, "_LEGEND", 2)
    plots = dict(batch_plots(rows("c", "a", "b")))
    assert {name for name in plots if name.startswith("histogram")} == {"histogram-001.png", "histogram-001.svg"}
    assert "Execution times of a" in texts(plots["histogram-001.svg"])
    assert "and 2 more" in texts(plots["time-by-batch.svg"])


def test_nothing_gives_no_plot() -> None:
    assert list(batch_plots([])) == []


def drawn(rows: list[BatchRow], draw: str) -> Axes:
    """The axes of one plot of these rows, in place of its picture."""
    scenarios: dict[str, list[BatchRow]] = {}
    for row in rows:
        scenarios.setdefault(row.scenario, []).append(row)
    ordered = dict(sorted(scenarios.items()))
    if draw == "histogram":
        ((name, own),) = ordered.items()
        return module._histogram(name, own).axes[0]
    return (module._exit_codes if draw == "exit codes" else module._by_batch)(ordered).axes[0]


def row(batch: int, scenario: str, code: int, seconds: float) -> BatchRow:
    return BatchRow(batch, 1, scenario, code, seconds, 0, "", {})


def test_a_histogram_has_15_bins_between_the_shortest_and_the_longest_time() -> None:
    axes = drawn([row(1, "s", 0, float(seconds)) for seconds in range(1, 17)], "histogram")
    bars = [bar for bar in axes.patches if isinstance(bar, Rectangle)]
    assert [(bar.get_x(), bar.get_height()) for bar in bars] == [(float(n), 1 if n < 15 else 2) for n in range(1, 16)]


@pytest.mark.parametrize(
    "seconds",
    [
        *([0.3, 0.30000000000000004], [1e15], [1e15, 1e15 - 1], [5e-324], [1.0, 1.0]),
        *([5e-324, 1e-323], [1e-300, 2e-300], [5e-324, 1e15], [1e-30, 3e-30]),
    ],
)
def test_times_that_are_as_good_as_one_have_a_histogram(seconds: list[float]) -> None:
    rows = [row(1, "s", 0, one) for one in seconds]
    assert sum(bar.get_height() for bar in drawn(rows, "histogram").patches if isinstance(bar, Rectangle)) == len(rows)
    assert len(list(batch_plots(rows))) == 6


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_numbers_at_their_ends_are_drawn_without_a_warning() -> None:
    least, most = -(2**63), 2**63 - 1
    rows = [
        row(most, "a", least, 1e15),
        row(least, "a", most, 5e-324),
        row(0, "b", most, 1e15),
        row(1, "b", most, 1e-9),
    ]
    assert len(list(batch_plots(rows))) == 8


def test_exit_codes_have_a_box_for_each_scenario_with_its_mean() -> None:
    axes = drawn([row(1, "b", 42, 1.0), row(1, "b", 43, 1.0), row(1, "a", 0, 1.0), row(2, "b", 47, 1.0)], "exit codes")
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b"]
    means = [line for line in axes.lines if line.get_marker() == "^"]
    assert [line.get_xydata().tolist() for line in means] == [[[1.0, 0.0]], [[2.0, 44.0]]]


def test_the_mean_time_of_each_batch_is_a_point_on_the_line_of_its_scenario() -> None:
    rows = [row(10, "b", 0, 4.0), row(2, "b", 0, 1.0), row(2, "b", 0, 2.0), row(2, "a", 0, 8.0)]
    axes = drawn(rows, "by batch")
    assert [line.get_xydata().tolist() for line in axes.lines] == [[[2.0, 8.0]], [[2.0, 1.5], [10.0, 4.0]]]
    assert {line.get_marker() for line in axes.lines} == {"o"}
