"""Whatever stands in names, values and messages: the forms stay well-formed and within their bounds."""

from __future__ import annotations

import csv
import io
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from batchmatrix.model.evidence import Outcome
from batchmatrix.model.metric import MetricValue
from batchmatrix.model.summary import Summary
from batchmatrix.publish.configmap import configmap_data
from batchmatrix.publish.csvs import cells_csv, trials_csv
from batchmatrix.publish.matrix_md import matrix_markdown
from batchmatrix.publish.summary_json import summary_json
from batchmatrix.summarise.summary import summarise
from tests.support.records import a_cell, a_plan, a_result

texts = st.text(st.sampled_from("a|`*_[]()<>&\\=+-@#\n\r\t\x1b\u202e,;\"'ü±:/."), max_size=30)
values = texts | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def summaries(draw: st.DrawFn) -> Summary:
    axes = draw(st.lists(texts, max_size=2, unique=True))
    cells, results = [], []
    for at in range(draw(st.integers(0, 3))):
        cell = a_cell(f"{draw(texts)}{at}", values={axis: draw(values) for axis in axes})
        metric = MetricValue("ms", "mean", draw(st.floats()), 1)
        cells.append(cell)
        results.append(
            a_result(cell, 0, draw(st.none() | st.sampled_from(Outcome)), message=draw(texts), metrics=[metric])
        )
    return summarise(a_plan(*cells), results, units={"ms": draw(texts)}, complete=True, started="", finished="")


@settings(max_examples=150, deadline=None)
@given(summaries())
def test_every_form_stays_well_formed(summary: Summary) -> None:
    cells = len(summary.cells)
    read = json.loads(summary_json(summary))
    assert [cell["name"] for cell in read["cells"]] == [cell.name for cell in summary.cells]
    for text, rows in ((cells_csv(summary), cells), (trials_csv(summary), len(summary.trials))):
        table = list(csv.reader(io.StringIO(text)))
        assert len(table) == rows + 1
        assert len({len(row) for row in table}) == 1
    markdown = matrix_markdown(summary)
    lines = [line for line in markdown.splitlines() if line.startswith("| ")]
    assert len(lines) == cells + 2
    for line in lines:
        bare = line.replace("\\\\", "").replace("\\|", "")
        assert bare.count("|") == lines[1].count("|")
    assert "<" not in "".join(lines)
    assert "\x1b" not in markdown
    assert sum(len(text.encode()) for text in configmap_data(summary).values()) <= 240 * 1024
