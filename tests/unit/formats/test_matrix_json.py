"""matrix.json read back: the same summary and rules, or one line that says why not."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest

from batchmatrix.base.errors import InvalidSpec
from batchmatrix.formats.judgement_shape import ComparisonShape, ConfoundShape, FindingShape, JudgementShape
from batchmatrix.formats.matrix_json import load_matrix_json
from batchmatrix.formats.matrix_shape import MATRIX_SCHEMA, TRIALS_LIMIT, CellShape, MetricShape
from batchmatrix.model.evidence import Outcome
from batchmatrix.model.judging import NO_RULES, Comparison, ConfoundReading, Finding, Judgement
from batchmatrix.model.summary import CellSummary, MetricSummary, Summary
from batchmatrix.model.v1alpha1.grid import Trials
from batchmatrix.publish.configmap import configmap_data
from batchmatrix.publish.summary_json import SUMMARY_SCHEMA, summary_json
from batchmatrix.summarise.judging.judge import judge
from tests.support.judgements import RULES, judged_summary
from tests.support.judging_cells import at_most, rules, summary
from tests.support.summaries import expecting, hostile_summary, huge_summary, twelve_cells


def problem(text: str) -> str:
    with pytest.raises(InvalidSpec) as caught:
        load_matrix_json(text)
    said = str(caught.value)
    assert "\n" not in said
    assert len(said) < 420
    return said


def changed(path: list[Any], value: Any) -> str:
    """The text of a judged summary with one value changed, or taken out where it is ..."""
    data = json.loads(summary_json(judged_summary(), rules=RULES))
    place = data
    for step in path[:-1]:
        place = place[step]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return json.dumps(data)


def test_what_was_written_is_read_with_every_field() -> None:
    assert load_matrix_json(summary_json(judged_summary(), rules=RULES)) == (judged_summary(), RULES)


@pytest.mark.parametrize("made", [twelve_cells(), expecting(), expecting(complete=False, suspended=True)])
def test_ordinary_summaries_come_back(made: Summary) -> None:
    assert load_matrix_json(summary_json(made)) == (made, NO_RULES)


@pytest.mark.parametrize("made", [hostile_summary(), huge_summary(20)])
def test_what_was_made_safe_stays_as_it_is(made: Summary) -> None:
    once, _ = load_matrix_json(summary_json(made))
    again, _ = load_matrix_json(summary_json(once))
    assert again == once
    assert len(once.cells) == len(made.cells)


def test_a_stored_run_is_judged_anew_by_other_limits() -> None:
    stored = summary_json(judge(summary({"a": [10.0], "b": [12.0]}), rules(at_most(11))), rules=rules(at_most(11)))
    read, its_rules = load_matrix_json(stored)
    assert read.verdict == "fail"
    assert its_rules == rules(at_most(11))
    assert judge(read, its_rules) == read
    assert judge(read, rules(at_most(13))).verdict == "pass"
    assert judge(read, rules(at_most(13), at_most(9))).verdict == "fail"


def test_keys_that_came_later_are_left_alone() -> None:
    data = json.loads(summary_json(judged_summary(), rules=RULES))
    data["later"] = data["cells"][0]["later"] = data["trials"][0]["later"] = {"x": 1}
    assert load_matrix_json(json.dumps(data)) == (judged_summary(), RULES)


def test_one_number_says_what_is_written_and_read() -> None:
    assert SUMMARY_SCHEMA == MATRIX_SCHEMA == json.loads(summary_json(twelve_cells()))["schema"]


@pytest.mark.parametrize(
    ("shape", "kept"),
    [
        (ComparisonShape, Comparison),
        (ConfoundShape, ConfoundReading),
        (FindingShape, Finding),
        (JudgementShape, Judgement),
        (MetricShape, MetricSummary),
        (CellShape, CellSummary),
    ],
)
def test_no_field_is_forgotten(shape: Any, kept: Any) -> None:
    assert set(shape.model_fields) == {field.name for field in fields(kept)}


# What is refused


def test_a_text_that_was_cut_off_anywhere_is_refused() -> None:
    text = summary_json(twelve_cells())
    for size in [0, 1, 2, *range(7, len(text) - 2, 977), len(text) - 2]:
        assert "is not whole JSON (line " in problem(text[:size])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "is no matrix.json: it is not a JSON object"),
        ("{}", "is no matrix.json: it has no 'schema' and 'cells'; name the matrix.json of a run"),
        ('{"schema": 1}', "is no matrix.json"),
        ('{"schema": true, "cells": []}', "is no matrix.json"),
        ('{"schema": 2, "cells": []}', "schema: 2 is newer than 1, the one this version reads; use a newer version"),
        ("[" * 100_000, "is JSON that is nested too deeply"),
    ],
)
def test_what_is_no_matrix_json_is_refused(text: str, words: str) -> None:
    assert words in problem(text)


def test_the_copy_of_a_configmap_is_refused_with_the_place_of_the_whole() -> None:
    copy = configmap_data(judged_summary(), location="s3://bench/runs/3")["summary.json"]
    assert problem(copy) == (
        "has no trials or rules, as a ConfigMap's copy has none; read the matrix.json at s3://bench/runs/3"
    )


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (["verdict"], "passed", "verdict: 'passed': input should be '', 'pass', 'fail' or 'inconclusive'"),
        (["verdict"], ..., "verdict: field required"),
        (["cells", 1, "metrics", 0, "n"], "3", "cells[1].metrics[0].n: '3': input should be a valid integer"),
        (["cells", 0, "name"], None, "cells[0].name: None: input should be a valid string"),
        (["trials", 0, "outcome"], "Fine", "trials[0].Done.outcome: 'Fine': input should be"),
        (["trials", 3, "runSeconds"], float("nan"), "is not whole JSON"),
        (["rules", "gates", 0, "severity"], "none", "rules.gates[0].severity: 'none'"),
        (["judgement", "comparisons", 0, "word"], "quick", "judgement.comparisons[0].word: 'quick'"),
        (["judgement", "findings", 0, "status"], "", "judgement.findings[0].status: ''"),
        (["cells"], [], "cells: has 0 of 2 cells; read the whole file of the store"),
        (["trials"], [], "trials: has 0 results and not 4; fetch the file again"),
        (["trials", 0, "cell"], "gone", "trials[0]: trial 0 of 'gone' belongs to no cell of the file"),
        (["trials", 0, "trial"], 3, "trials[0]: trial 3 of 'none' belongs to no cell of the file"),
        (["trials", 0, "trial"], 1, "trials[1]: trial 1 of 'none' is there twice"),
        (["cells", 1, "name"], "none", "cells: has a cell twice"),
        (["rules"], None, "has no trials or rules"),
        (["trials"], ..., "has no trials or rules"),
        (["truncated"], True, "cells: has 2 of 2 cells"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(path: list[Any], value: Any, words: str) -> None:
    assert words in problem(changed(path, value))


def test_how_much_else_is_wrong_is_counted() -> None:
    data = json.loads(summary_json(judged_summary(), rules=RULES))
    for cell in data["cells"]:
        cell["done"] = "many"
    assert problem(json.dumps(data)) == "cells[0].done: 'many': input should be a valid integer (and 1 more)"


def test_infinity_is_no_number() -> None:
    made = judged_summary()
    text = summary_json(made, rules=RULES).replace('"generation": 3', '"generation": Infinity')
    assert "is not whole JSON" in problem(text)
    judgement = made.judgement
    assert judgement is not None
    wild = replace(judgement.comparisons[1], p=float("nan"), high=float("inf"))
    text = summary_json(replace(made, judgement=replace(judgement, comparisons=(wild,))), rules=RULES)
    row = json.loads(text)["judgement"]["comparisons"][0]
    assert (row["p"], row["high"], row["low"]) == (None, None, 0.04)


# A summary that its own trials do not bear out


def failing() -> dict[str, Any]:
    """Cell `a` passes twice; of cell `b` one trial of two failed by itself."""
    made = judge(summary({"a": [10.0, 10.0], "b": [Outcome.UNEXPECTED_EXIT, 9.0]}), NO_RULES)
    found: dict[str, Any] = json.loads(summary_json(made))
    return found


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"met": True, "against": ""},
            "cells[1].met: cell b says true, and its trials say false (UnexpectedExit 1); fetch the file again",
        ),
        ({"met": None}, "cells[1].met: cell b says null, and its trials say false (UnexpectedExit 1)"),
        ({"succeeded": 2}, "cells[1].succeeded: cell b says 2, and its trials say 1; fetch the file again"),
        ({"failed": 0}, "cells[1].failed: cell b says 0, and its trials say 1"),
        ({"done": 1}, "cells[1].done: cell b says 1, and its trials say 2"),
        ({"outcomes": {"Succeeded": 2}}, 'cells[1].outcomes: cell b says {"Succeeded": 2}, and its trials say {'),
        ({"trials": 1}, "trials[3]: trial 1 of 'b' belongs to no cell of the file"),
        ({"expect": "any"}, "cells[1].met: cell b says false, and its trials say true"),
        ({"trials": 100_000}, "cells[1].trials: 100000: input should be less than or equal to 99999"),
        ({"trials": 10**30}, "cells[1].trials: 1000000000000000000000000000000: input should be less"),
        ({"trials": -1}, "cells[1].trials: -1: input should be greater than or equal to 0"),
    ],
)
def test_a_cell_that_says_something_else_than_its_trials_is_refused(changes: dict[str, Any], words: str) -> None:
    data = failing()
    data["cells"][1].update(changes)
    assert words in problem(json.dumps(data))


def test_a_trial_may_be_missing_where_its_cell_says_so() -> None:
    whole = failing()
    data = json.loads(json.dumps(whole))
    del data["trials"][1]
    data["counts"]["done"] -= 1
    assert "cells[0].done: cell a says 2, and its trials say 1" in problem(json.dumps(data))
    data["cells"][0].update(done=1, succeeded=1, outcomes={"Succeeded": 1})
    said = "cells[0].met: cell a says true, and its trials say null (1 trial without a result)"
    assert said in problem(json.dumps(data))
    data["cells"][0].update(met=None, against="1 trial without a result")
    read, its_rules = load_matrix_json(json.dumps(data))
    assert judge(read, its_rules).reason == (
        "1 of 2 cells is not as expected: b (UnexpectedExit 1); 1 of 2 cells could not be decided: "
        "a (1 trial without a result)"
    )


def test_a_number_without_end_is_refused_in_one_line() -> None:
    text = json.dumps(failing()).replace('"generation": 1', f'"generation": {"1" * 5000}')
    assert "has a number of more digits than any that was written" in problem(text)


def test_a_cell_may_have_as_many_trials_as_a_spec_may_ask_for() -> None:
    (bounds,) = Trials.__metadata__  # type: ignore[attr-defined]
    assert {"le": TRIALS_LIMIT} in [{"le": each.le} for each in bounds.metadata if hasattr(each, "le")]
