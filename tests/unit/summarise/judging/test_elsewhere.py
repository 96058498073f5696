"""Rules for another mode of the same matrix are counted and named."""

from __future__ import annotations

from batchmatrix.model.judging import CheckRule, JudgingRules
from batchmatrix.summarise.judging.elsewhere import elsewhere
from batchmatrix.summarise.judging.judge import judge
from tests.support.judging_cells import MS, at_most, gate, rules, summary

PROD = {"mode": "prod", "site": 1}


def said(*of: CheckRule) -> str:
    return elsewhere(rules(*of, labels=PROD))


def test_all_rules_that_are_looked_at_take_no_line() -> None:
    assert elsewhere(JudgingRules()) == ""
    assert said(at_most(1), at_most(1, mode="prod"), at_most(1, mode="prod", site="1")) == ""


def test_a_rule_that_fits_no_cell_is_looked_at() -> None:
    assert said(at_most(1, mitigation="nobody")) == ""


def test_each_label_that_is_another_is_named() -> None:
    assert said(at_most(1, mode="prd")) == (
        "0 of 1 rule is looked at: check ms <= 1 asks for mode prd, and this run has prod"
    )
    assert said(at_most(1, mode="prd", site="2", mitigation="base"), at_most(2)) == (
        "1 of 2 rules are looked at: "
        "check ms <= 1 asks for mode prd, and this run has prod, and for site 2, and this run has 1"
    )


def test_all_values_that_a_rule_takes_are_named() -> None:
    either = CheckRule(MS, max=1, when={"mode": frozenset({"b", "a"})})
    assert said(either) == "0 of 1 rule is looked at: check ms <= 1 asks for mode a or b, and this run has prod"


def test_of_many_rules_three_are_named_and_all_are_counted() -> None:
    found = elsewhere(rules(*(at_most(n, mode="x") for n in range(4)), gate("1", mode="x"), at_most(9), labels=PROD))
    assert found.startswith("1 of 6 rules are looked at: check ms <= 0 asks for")
    assert found.endswith("check ms <= 2 asks for mode x, and this run has prod and 2 more")


def test_nothing_in_a_name_goes_beyond_its_line() -> None:
    assert "\n" not in said(at_most(1, mode="a\nb" * 999))
    assert len(said(at_most(1, mode="a" * 9999))) < 300


def test_it_is_the_first_warning_of_the_judgement() -> None:
    made = judge(summary({"base": [1, 1], "fast": [1, 1], "slow": [1, 1]}), rules(gate("9", mode="x"), labels=PROD))
    assert made.verdict == "pass"
    assert made.judgement is not None
    assert made.judgement.warnings[0] == ("0 of 1 rule is looked at: gate it asks for mode x, and this run has prod")
