"""What judging has come to, in the report for people."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from batchmatrix.model.judging import ConfoundReading, Finding, Judgement, Word
from batchmatrix.publish.configmap import CONFIGMAP_LIMIT, configmap_data
from batchmatrix.publish.judged_md import comparison_lines, finding_lines, warning_lines
from batchmatrix.publish.matrix_md import bounded_markdown, matrix_markdown
from tests.support.golden import Golden
from tests.support.judged import JUDGED, a_comparison, hostile, many, nothing, triage, unfinished


def test_a_triage(golden: Golden) -> None:
    golden("judged/triage.md", matrix_markdown(triage(), location="s3://bench/triage/demo/6f1c/runs/3"))


def test_hostile_texts(golden: Golden) -> None:
    golden("judged/hostile.md", matrix_markdown(hostile()))


@pytest.mark.parametrize("name", JUDGED)
def test_the_same_summary_gives_the_same_text(name: str) -> None:
    assert matrix_markdown(JUDGED[name]()) == matrix_markdown(JUDGED[name]())


def test_verdict_headline_and_warnings_come_first() -> None:
    lines = matrix_markdown(triage()).splitlines()
    assert lines[0] == "# demo: fail"
    assert lines[2].startswith("✗ **fail**: 1 of 8 cells is not as expected")
    assert lines[3].startswith("**Comparisons**: 2 fixes, ")
    assert lines[4].startswith("**Warning**: the baseline of h100")


def test_a_matrix_that_is_not_judged_has_no_such_section() -> None:
    assert "## Against" not in matrix_markdown(unfinished())
    assert "## Checks" not in matrix_markdown(nothing())


def test_failed_findings_come_first_and_warn_where_they_only_warn() -> None:
    judgement = triage().judgement
    assert judgement is not None
    rows = [line for line in finding_lines(judgement) if line.startswith("- ")]
    assert [re.findall(r"\*\*(\w+)\*\*( \(only warns\))?", row)[0] for row in rows] == [
        ("fail", ""),
        ("fail", " (only warns)"),
        ("inconclusive", ""),
        ("pass", ""),
    ]


def test_each_comparison_is_said_with_its_cell_and_its_baseline() -> None:
    judgement = triage().judgement
    assert judgement is not None
    text = "\n".join(comparison_lines(judgement))
    for one in judgement.comparisons:
        line = next(
            line for line in text.splitlines() if line.startswith("- ") and f"`{one.cell}`" in line and one.text in line
        )
        assert f"against `{one.baseline}`" in line


def test_cells_of_which_the_same_is_said_share_a_line() -> None:
    same = [a_comparison(f"c{at}", Word.NO_EVIDENCE, text="no evidence") for at in range(10)]
    lines = comparison_lines(Judgement(comparisons=(*same, a_comparison("x", Word.SLOWER, text="slower"))))
    assert [line for line in lines if line.startswith("- ")] == [
        "- `c0`, `c1`, `c2`, `c3`, `c4`, `c5`, `c6`, `c7` and 2 more: `no evidence`",
        "- `x`: `slower`",
    ]


def test_the_ratio_rule_speaks_where_it_found_something() -> None:
    readings = (
        ConfoundReading("a", "none", "ms", 1.2, "speed (+20%)", "possible"),
        ConfoundReading("b", "none", "ms", 1.0, "none", "excluded"),
        ConfoundReading("c", "none", "ms", None, "n/a", ""),
    )
    made = Judgement(comparisons=(a_comparison("a", Word.FIXES),), confounds=readings)
    lines = comparison_lines(made)
    assert lines[lines.index("### Slower by the ratio rule") + 2 :] == [
        "- `a`: speed (+20%), ratio of means 1.2, possible",
        "- 1 cell without an answer (n/a)",
        "",
    ]


def test_what_is_cut_is_said_and_what_has_shown_something_stays() -> None:
    comparisons = [a_comparison(f"c{at}", Word.NO_EVIDENCE, text=f"t{at}") for at in range(100)]
    comparisons[97] = a_comparison("c97", Word.SLOWER, text="t97")
    lines = comparison_lines(Judgement(comparisons=tuple(comparisons)), limit=4000)
    assert sum(len(line.encode()) + 1 for line in lines) < 4500
    shown = [line for line in lines if line.startswith("- ")]
    assert 5 < len(shown) < 60
    assert shown[-1] == "- `c97`: `t97`"
    assert f"And {100 - len(shown)} more comparisons: matrix.json has them all." in lines
    assert "And 40 more comparisons: matrix.json has them all." in comparison_lines(
        Judgement(comparisons=tuple(comparisons))
    )


def test_findings_and_warnings_that_are_cut_are_counted() -> None:
    findings = tuple(
        Finding("check", "m", f"c{at}", "m", "pass" if at % 2 else "fail", "fail", "text", "r") for at in range(100)
    )
    assert "And 60 more (10 fail, 50 pass): matrix.json has them all." in finding_lines(Judgement(findings=findings))
    assert warning_lines(Judgement(warnings=("w",) * 12))[-1] == "And 2 more warnings: matrix.json has them all."


@pytest.mark.parametrize("limit", [64 * 1024, CONFIGMAP_LIMIT])
def test_the_config_map_keeps_its_bound_and_a_part_of_each(limit: int) -> None:
    data = configmap_data(many(3000, 1), limit=limit)
    assert sum(len(text.encode()) for text in data.values()) <= limit
    text = data["matrix.md"]
    assert "**Truncated**" in text
    assert sum(line.startswith("| ") for line in text.splitlines()) > 100
    assert "more comparisons: matrix.json has them all" in text


def test_nothing_is_cut_that_fits() -> None:
    assert bounded_markdown(triage(), location="", limit=80_000) == (matrix_markdown(triage()), False)


def test_no_run_of_backticks_ends_the_plot() -> None:
    bad = a_comparison("a ```` b", Word.SLOWER, estimate=0.2, low=0.1, high=0.3)
    lines = comparison_lines(Judgement(comparisons=(bad,)))
    assert lines[4] == "`````text"
    assert lines[7] == "`````"


def test_hostile_texts_stay_on_their_lines_and_dead() -> None:
    text = matrix_markdown(replace(hostile(), cells=()))
    assert "\x1b" not in text
    bare = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", text, flags=re.DOTALL)
    assert "<" not in bare
    assert "](" not in bare.replace("\\](", "")
