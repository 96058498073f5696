"""Laws of what is written and read back."""

from __future__ import annotations

import json
import xml.dom.minidom

from hypothesis import given, settings
from hypothesis import strategies as st

from batchmatrix.base.errors import InvalidSpec
from batchmatrix.formats.matrix_json import load_matrix_json
from batchmatrix.model.evidence import LogState, Outcome
from batchmatrix.model.judging import CheckRule, JudgingRules
from batchmatrix.model.metric import MetricValue
from batchmatrix.model.summary import Summary
from batchmatrix.publish.junit import junit_xml
from batchmatrix.publish.summary_json import summary_json
from batchmatrix.summarise.judging.judge import judge
from batchmatrix.summarise.summary import summarise
from tests.support.judgements import RULES
from tests.support.records import a_cell, a_log, a_plan, a_result

texts = st.text(st.characters(codec="utf-8"), max_size=12)
numbers = st.floats(allow_nan=False, allow_infinity=False)
RESULT = st.tuples(
    st.none() | st.sampled_from(Outcome), st.none() | numbers, st.sampled_from(LogState), st.integers(0, 3), texts
)
scalars = texts | st.integers(-(2**53), 2**53) | numbers | st.booleans()
cells = st.dictionaries(
    texts, st.tuples(st.lists(RESULT, min_size=1, max_size=3), st.dictionaries(texts, scalars, max_size=2)), max_size=3
)
checks = st.builds(CheckRule, st.just("ms"), st.none() | numbers, numbers, st.dictionaries(texts, st.frozensets(texts)))
rules = st.builds(
    lambda some, labels: JudgingRules(checks=tuple(some), labels=labels, gates=RULES.gates),
    st.lists(checks, max_size=2),
    st.dictionaries(texts, scalars, max_size=2),
)


def made_of(found: dict[str, tuple[list[tuple[object, ...]], dict[str, object]]], *, complete: bool) -> Summary:
    made = {
        name: a_cell(name, trials=len(results), values=values)  # type: ignore[arg-type]
        for name, (results, values) in found.items()
    }
    results = [
        a_result(
            made[name],
            trial,
            outcome,  # type: ignore[arg-type]
            metrics=[MetricValue("ms", "mean", value, 1, invalid=invalid)],  # type: ignore[arg-type]
            log=a_log(state),  # type: ignore[arg-type]
            message=message,
            node=message,
        )
        for name, (own, _) in found.items()
        for trial, (outcome, value, state, invalid, message) in enumerate(own)
    ]
    return summarise(a_plan(*made.values()), results, units={"ms": ""}, complete=complete, started="", finished="")


@settings(deadline=None)
@given(cells, rules, st.booleans())
def test_what_is_read_back_is_judged_the_same(
    found: dict[str, tuple[list[tuple[object, ...]], dict[str, object]]], of: JudgingRules, complete: bool
) -> None:
    made = judge(made_of(found, complete=complete), of)
    text = summary_json(made, rules=of)
    read, its_rules = load_matrix_json(text)
    assert its_rules == of
    assert summary_json(read, rules=its_rules) == text
    assert summary_json(judge(read, its_rules), rules=its_rules) == text
    assert [trial.record and trial.record.outcome for trial in read.trials] == [
        trial.record and trial.record.outcome for trial in made.trials
    ]
    xml.dom.minidom.parseString(junit_xml(made).encode())


def refusal(text: str) -> str:
    """What is said of a text that is no matrix.json; empty where it is read, and can be judged."""
    try:
        read, its_rules = load_matrix_json(text)
    except InvalidSpec as error:
        return str(error)
    judge(read, its_rules)
    return ""


@settings(deadline=None)
@given(st.recursive(scalars | st.none(), lambda inner: st.lists(inner) | st.dictionaries(texts, inner)))
def test_anything_else_is_refused_in_one_line(data: object) -> None:
    assert len(refusal(json.dumps(data)).splitlines()) == 1


@settings(deadline=None)
@given(st.data())
def test_one_value_that_is_something_else_is_refused_or_judged(data: st.DataObject) -> None:
    made = judge(made_of({"a": ([(Outcome.SUCCEEDED, 1.0, LogState.COMPLETE, 0, "")], {"x": 1})}, complete=True), RULES)
    whole = json.loads(summary_json(made, rules=RULES))
    place = whole
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not place[key] or not isinstance(place[key], dict | list) or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(st.sampled_from([None, True, -1, 1.5, "", "x", [], {}, [1], {"a": 1}]))
    assert len(refusal(json.dumps(whole)).splitlines()) <= 1
