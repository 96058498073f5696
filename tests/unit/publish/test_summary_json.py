"""The summary for programs."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from batchmatrix.model.summary import Summary
from batchmatrix.publish.summary_json import SUMMARY_SCHEMA, summary_json
from tests.support.golden import Golden
from tests.support.judgements import RULES, judged_summary
from tests.support.summaries import HOSTILE, expecting, hostile_summary, huge_summary, twelve_cells


def test_twelve_cells_with_failures(golden: Golden) -> None:
    golden("summary/matrix.json", summary_json(twelve_cells(), location="s3://bench/triage/demo/6f1c/runs/3"))


def test_hostile_names_and_huge_messages(golden: Golden) -> None:
    golden("summary/hostile.json", summary_json(hostile_summary()))


def test_a_judged_matrix(golden: Golden) -> None:
    golden("summary/judged.json", summary_json(judged_summary(), rules=RULES, location="s3://bench/runs/3"))


def test_it_is_json_with_a_schema_and_one_newline_at_its_end() -> None:
    text = summary_json(twelve_cells(), location="s3://x")
    read = json.loads(text)
    assert text.endswith("}\n")
    assert text.isascii()
    assert (read["schema"], read["verdict"], read["results"], read["truncated"]) == (
        SUMMARY_SCHEMA,
        "fail",
        "s3://x",
        False,
    )
    assert read["counts"] == {
        "cells": 12,
        "trials": 36,
        "done": 36,
        "succeeded": 32,
        "failed": 4,
        "attempts": 40,
    }
    assert len(read["cells"]) == 12
    assert len(read["trials"]) == 36
    assert read["trials"][10]["metrics"] == {}
    assert read["trials"][10]["exitCode"] == 3


def test_hostile_text_stays_text_and_what_is_no_number_is_null() -> None:
    read = json.loads(summary_json(hostile_summary()))
    assert read["cells"][0]["name"] == f"{HOSTILE}-0"
    assert read["trials"][0]["metrics"]["inf"] is None
    assert len(read["trials"][0]["message"]) <= 512
    assert "\x1b" not in read["trials"][0]["message"]


def test_a_cut_is_at_the_end_of_a_cell_and_counts_stay_whole() -> None:
    summary = huge_summary(50)
    whole = summary_json(summary, trials=False)
    assert "trials" not in json.loads(whole)
    for limit in (2_000, 20_000, len(whole) - 100):
        text = summary_json(summary, trials=False, limit=limit)
        read = json.loads(text)
        assert len(text) <= limit
        assert read["truncated"] is True
        assert read["cells"] == json.loads(whole)["cells"][: len(read["cells"])]
        assert read["counts"]["cells"] == 50
        assert limit - len(text) < 4_000
    assert summary_json(summary, trials=False, limit=len(whole)) == whole


def judged_huge() -> Summary:
    """Every list of a judgement with many rows."""
    judged, huge = judged_summary(), huge_summary(3)
    assert judged.judgement is not None
    some = judged.judgement
    many = replace(some, comparisons=some.comparisons * 9, confounds=some.confounds * 9, findings=some.findings * 9)
    return replace(huge, judgement=many)


@pytest.mark.parametrize("limit", range(4_000, 22_000, 1_111))
def test_every_list_has_a_share_of_a_bounded_file(limit: int) -> None:
    summary = judged_huge()
    text = summary_json(summary, trials=False, limit=limit)
    assert len(text) <= limit
    read, whole = json.loads(text), json.loads(summary_json(summary, trials=False))
    rows = {name: (read["judgement"][name], whole["judgement"][name]) for name in ("findings", "comparisons")}
    rows["cells"] = (read["cells"], whole["cells"])
    for kept, all_ in rows.values():
        assert kept == all_[: len(kept)]
    assert read["truncated"] is any(len(kept) < len(all_) for kept, all_ in rows.values())
    assert {"rules", "trials"}.isdisjoint(read)
    if limit > 12_000:
        assert all(kept for kept, _ in rows.values())


@pytest.mark.parametrize("summary", [huge_summary(3), judged_huge()], ids=["plain", "judged"])
def test_no_limit_is_passed_by_a_single_byte(summary: Summary) -> None:
    whole = summary_json(summary, trials=False)
    row = len(json.dumps(json.loads(whole)["cells"][0]))
    for limit in range(len(whole) - row - 10, len(whole)):
        assert len(summary_json(summary, trials=False, limit=limit)) <= limit
    assert summary_json(summary, trials=False, limit=10 * len(whole)) == whole


def test_what_is_expected_of_a_cell_and_whether_it_is_met() -> None:
    read = json.loads(summary_json(expecting()))
    assert [(cell["name"], cell["expect"], cell["met"]) for cell in read["cells"]] == [
        ("hangs", "any", True),
        ("fails", "fail", True),
        ("works", "fail", False),
        ("fixed", "success", True),
    ]
    running = json.loads(summary_json(twelve_cells()))
    assert running["cells"][6]["met"] is None  # a node was lost under one of its trials


def test_what_a_pipeline_acts_on() -> None:
    assert json.loads(summary_json(judged_summary()))["recommendedExitCode"] == 3
    assert json.loads(summary_json(twelve_cells()))["recommendedExitCode"] == 5
    assert json.loads(summary_json(expecting(complete=False)))["recommendedExitCode"] is None
