"""The rules of judging as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from batchmatrix.base.errors import InvalidSpec
from batchmatrix.model.judging import NO_RULES
from batchmatrix.model.rules_json import RULES_SCHEMA, rules_from_dict, rules_to_dict
from tests.support.judgements import RULES


def test_they_come_back_as_they_were() -> None:
    for rules in (NO_RULES, RULES):
        data = rules_to_dict(rules)
        assert data["schema"] == RULES_SCHEMA
        assert rules_from_dict(data) == rules
        assert rules_from_dict(json.loads(json.dumps(data))) == rules


def test_the_same_rules_are_the_same_text() -> None:
    when = rules_to_dict(RULES)["checks"][0]["when"]
    assert when == {"mode": ["baseline", "other"]}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": 2}, "rules.schema: 2 is not 1, the one this version reads; use a newer version"),
        ({"schema": None}, "rules.schema: None is not 1"),
        ({"order": "random"}, "rules.order: 'random': input should be 'rounds' or 'cells'"),
        ({"pairs": [["a"]]}, "rules.pairs[0][1]: field required"),
        ({"checks": [{"metric": "x"}]}, "rules.checks[0].min: field required (and 3 more)"),
        (
            {"confound": {"metric": "", "threshold": "1.15"}},
            "rules.confound.threshold: '1.15': input should be a valid",
        ),
        ({"confound": {"metric": "", "threshold": 0}}, "rules.confound.threshold: 0: input should be greater than 0"),
        ({"confound": {"metric": "", "threshold": -1.15}}, "rules.confound.threshold: -1.15: input should be greater"),
    ],
)
def test_what_is_wrong_is_one_line(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        rules_from_dict({**rules_to_dict(RULES), **change})
    assert str(caught.value).startswith(words)
