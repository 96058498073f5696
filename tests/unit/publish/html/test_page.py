"""The page: complete, bounded, the same for the same input, and nothing that came from outside is live in it."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from batchmatrix.model.judging import NO_RULES, Judgement
from batchmatrix.publish.html.failures import EXCERPT_LIMIT, EXCERPTS_LIMIT
from batchmatrix.publish.html.page import report_html
from tests.support.judged import JUDGED, RULES, hostile, many, one_cell, triage, unfinished
from tests.support.summaries import huge_summary

VOID = {"meta", "link", "line", "rect", "circle", "path", "br"}
NAMES = """
html head meta title link style body a header p h1 h2 h3 h4 div strong span b dl dt dd nav ul ol li main section table
thead tbody tr th td details summary svg line rect circle path text article code pre
"""
ALLOWED = set(NAMES.split())


class Elements(HTMLParser):
    """Names and attributes of all elements; what is not closed in order is an error."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def parsed(page: str) -> Elements:
    made = Elements()
    made.feed(page)
    made.close()
    assert made.open == []
    return made


def sections(page: str) -> list[str]:
    return re.findall(r"<section id=\"(\w+)\"", page)


@pytest.mark.parametrize("name", JUDGED)
def test_every_summary_makes_a_whole_page_of_known_elements(name: str) -> None:
    made = parsed(report_html(JUDGED[name](), RULES, location="s3://x"))
    assert made.names <= ALLOWED
    assert not [one for one in made.attributes if one[0].startswith("on") or one[0] in ("src", "action", "style")]
    assert {value for name, value in made.attributes if name == "href" and not value.startswith("#")} == {"data:,"}


def test_a_triage_has_all_its_sections() -> None:
    assert sections(report_html(triage(), RULES)) == [
        "grid",
        "findings",
        "baseline",
        "failures",
        "trials",
        "trend",
        "codes",
        "provenance",
    ]


def test_what_is_not_there_has_no_section() -> None:
    assert sections(report_html(unfinished(), NO_RULES)) == ["grid", "failures", "provenance"]
    assert "baseline" not in sections(report_html(one_cell(), RULES))


@pytest.mark.parametrize("name", JUDGED)
def test_the_same_summary_gives_the_same_bytes(name: str) -> None:
    assert report_html(JUDGED[name](), RULES) == report_html(JUDGED[name](), RULES)


def test_hostile_texts_are_nowhere_live() -> None:
    summary = hostile(['"', "'><svg onload=alert(1)>", "</style></script>-->", "\x00\x07\u2028\ufeff"])
    texts = {(summary.cells[0].name, 1): "</pre><script>x</script>\x1b]0;title\x07"}
    page = report_html(summary, RULES, location=summary.name, excerpts=texts)
    made = parsed(page)
    assert made.names <= ALLOWED
    assert not [name for name, _ in made.attributes if name.startswith("on")]
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", page)
    page.encode()
    assert "</pre><script>x</script>\\u001b]0;title\\u0007" in "".join(made.words)
    assert "49" not in re.findall(r"\$?\{?(\d\d)\}?", summary.name)  # no template was run, neither ours nor another


def test_templates_in_texts_are_not_run() -> None:
    summary = replace(triage(), reason="{{ 7 * 7 }} {% include 'style.css' %} ${7*7}")
    assert "{{ 7 * 7 }} {% include &#39;style.css&#39; %} ${7*7}" in report_html(summary, RULES)


def test_a_page_for_100_cells_of_10_trials_stays_small() -> None:
    page = report_html(many(100, 10), RULES)
    assert 100_000 < len(page.encode()) < 3_000_000


def test_a_page_for_5000_failed_cells_is_bounded_and_says_what_is_left_out() -> None:
    page = report_html(huge_summary(), RULES, excerpts={(f"cell-{at}", 0): "ü" * 20_000 for at in range(5000)})
    assert len(page.encode()) < 5_000_000
    assert "The first 600 of 5000 cells; cells.csv has them all." in page
    assert "And 4900 more groups of failures; 5000 trials failed in all: trials.csv has them." in page
    assert page.count("ü" * EXCERPT_LIMIT) <= EXCERPTS_LIMIT // EXCERPT_LIMIT
    assert "… 11808 characters before this are left out" in page


def test_rows_of_plots_are_bounded_too() -> None:
    page = report_html(many(200, 3), RULES)
    assert "99 more cells in matrix.json." in page


def test_warnings_and_findings_are_shown_up_to_a_bound() -> None:
    made = triage()
    assert made.judgement is not None
    crowded = replace(made.judgement, warnings=("w",) * 60, findings=made.judgement.findings * 60)
    page = report_html(replace(made, judgement=crowded), RULES)
    assert "10 more warnings in matrix.json." in page
    assert "40 more in matrix.json." in page


def test_failed_findings_come_first() -> None:
    page = report_html(triage(), RULES)
    section = page[page.index('<section id="findings"') : page.index('<section id="baseline"')]
    assert re.findall(r"<b class=\"\w+\">. (\w+)</b>", section) == ["fail", "fail", "inconclusive", "pass"]


def test_the_end_of_a_log_is_shown_with_its_lines() -> None:
    page = report_html(triage(), RULES, excerpts={("tree-h100", 3): "one\r\n\ttwo <b>\n"})
    assert '<pre tabindex="0">one\n\ttwo &lt;b&gt;</pre>' in page


def test_a_judgement_without_anything_makes_a_page() -> None:
    assert parsed(report_html(replace(triage(), judgement=Judgement()), NO_RULES)).names
