"""Plots of what no program ever names its tests."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

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
