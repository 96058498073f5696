"""The published JSON Schema: every file that is written keeps it, and what is not one does not."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from batchmatrix.formats.matrix_shape import json_schema
from batchmatrix.publish.configmap import configmap_data
from batchmatrix.publish.summary_json import summary_json
from tests.support.judgements import RULES, judged_summary
from tests.support.summaries import expecting, hostile_summary, huge_summary, twelve_cells

ROOT = Path(__file__).resolve().parents[3]
PUBLISHED = ROOT / "docs" / "reference" / "matrix.schema.json"
GOLDEN = ROOT / "tests" / "golden"
WRITTEN = [*(GOLDEN / "summary").glob("*.json"), GOLDEN / "configmap" / "summary.json"]


@pytest.fixture(scope="module")
def schema() -> Draft202012Validator:
    data = json.loads(PUBLISHED.read_text())
    Draft202012Validator.check_schema(data)
    return Draft202012Validator(data)


def test_it_is_published_as_the_reader_has_it() -> None:
    assert json.loads(PUBLISHED.read_text()) == json_schema()


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_golden_files_keep_it(schema: Draft202012Validator, path: Path) -> None:
    schema.validate(json.loads(path.read_text()))


def test_what_is_written_keeps_it(schema: Draft202012Validator) -> None:
    assert len(WRITTEN) >= 4
    for made in (judged_summary(), twelve_cells(), expecting(complete=False), hostile_summary(), huge_summary(50)):
        schema.validate(json.loads(summary_json(made, rules=RULES)))
        schema.validate(json.loads(configmap_data(made, limit=64 * 1024)["summary.json"]))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["schema"], 2),
        (["verdict"], "ok"),
        (["recommendedExitCode"], 1),
        (["cells", 0, "met"], "yes"),
        (["cells", 0, "metrics", 0, "outliers"], 0.5),
        (["judgement", "comparisons", 0, "word"], "quick"),
        (["judgement", "findings", 0, "severity"], "info"),
        (["rules", "checks", 0, "when"], ["x"]),
        (["trials", 0, "outcome"], "Fine"),
        (["trials", 0, "exitCode"], ...),
        (["cells", 0, "failureRate"], ...),
    ],
)
def test_what_is_not_one_does_not_keep_it(schema: Draft202012Validator, path: list[Any], value: Any) -> None:
    data = copy.deepcopy(json.loads(summary_json(judged_summary(), rules=RULES)))
    place = data
    for step in path[:-1]:
        place = place[step]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    assert not schema.is_valid(data)
