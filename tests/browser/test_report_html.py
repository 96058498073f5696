"""report.html as a reader meets it: in a browser without network, by keyboard, on a phone, in the dark, printed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route

from batchmatrix.model.summary import Summary
from batchmatrix.publish.html.page import report_html
from tests.support.judged import JUDGED, RULES, hostile, many, triage

BAD = (
    "<script>document.title = 'owned'</script>\x1b[31mred\x1b[0m\r\n"
    '=HYPERLINK("http://evil.example")\n<img src=x onerror="document.title=\'owned\'">\u202eback</pre></html>'
)


@dataclass
class Opened:
    """A page, and what it did that it must not do."""

    page: Page
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


Open = Callable[..., Opened]


@pytest.fixture
def open_report(chromium: Browser, tmp_path: Path) -> Iterator[Open]:
    contexts = []

    def open_it(
        summary: Summary, *, width: int = 1280, scheme: str = "light", script: bool = True, **options: object
    ) -> Opened:
        path = tmp_path / "report.html"
        path.write_text(report_html(summary, RULES, **options), encoding="utf-8")  # type: ignore[arg-type]
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,  # type: ignore[arg-type]
            java_script_enabled=script,
            offline=True,
        )
        contexts.append(context)
        opened = Opened(context.new_page())

        def refuse(route: Route) -> None:
            if route.request.url == path.as_uri():
                route.continue_()
            else:
                opened.asked.append(route.request.url)
                route.abort()

        context.route("**/*", refuse)
        opened.page.on("console", lambda message: opened.said.append(message.text))
        opened.page.on("pageerror", lambda error: opened.said.append(str(error)))
        opened.page.goto(path.as_uri())
        return opened

    yield open_it
    for context in contexts:
        context.close()


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.mark.parametrize("name", JUDGED)
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_said_asked_or_wider_than_the_window(open_report: Open, name: str, width: int) -> None:
    opened = open_report(JUDGED[name](), width=width, location="s3://bench/runs/3")
    opened.page.screenshot(
        path=f"{opened.page.url.removeprefix('file://')}-{name}-{width}.png", full_page=name != "many"
    )
    assert opened.said == []
    assert opened.asked == []
    assert overflow(opened.page) == 0
    assert opened.page.locator("h2").all_inner_texts()[0] == "Grid"


def test_a_request_would_be_noticed(open_report: Open) -> None:
    opened = open_report(triage())
    with opened.page.expect_console_message():
        opened.page.evaluate("new Image().src = 'http://evil.example/x.png'")
    assert any("Content Security Policy" in text for text in opened.said)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["triage", "hostile", "nothing", "unfinished"])
def test_axe_finds_nothing_serious(open_report: Open, name: str, scheme: str) -> None:
    excerpts = {("tree-h100", 3): "step 1\nstep 2"}
    opened = open_report(JUDGED[name](), scheme=scheme, excerpts=excerpts)
    opened.page.locator("details.cell > summary").first.press("Enter")
    found = Axe().run(opened.page).response["violations"]
    grave = [
        (one["id"], one["impact"], one["nodes"][0]["html"][:200])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    assert grave == []


def test_axe_would_notice_text_without_contrast(open_report: Open) -> None:
    opened = open_report(triage())
    opened.page.add_style_tag(content="body { color: #ddd }")
    assert any(one["id"] == "color-contrast" for one in Axe().run(opened.page).response["violations"])


def test_the_heat_map_and_the_failures_are_there(open_report: Open) -> None:
    page = open_report(triage(), excerpts={("tree-h100", 4): "Traceback: hang"}).page
    table = page.get_by_role("table", name="Grid")
    assert [text.strip() for text in table.get_by_role("columnheader").all_inner_texts()] == [
        "mitigation",
        "hardware h100",
        "hardware mi300x",
    ]
    assert table.get_by_role("rowheader").all_inner_texts() == ["none", "ring", "tree", "slow"]
    assert table.locator("details.cell").count() == 8
    assert "slower" in table.locator("details.cell").nth(7).inner_text()
    failures = page.get_by_role("region", name="Failures").get_by_role("article")
    assert failures.count() == 2
    assert "tree-h100: Timeout, 2 trials" in failures.first.inner_text()
    assert "look for a hang at the end of its log" in failures.first.inner_text()
    assert "triage/demo/6f1c/logs/tree-h100/4/pod-tree-h100-4" in failures.first.inner_text()
    assert failures.last.get_by_role("heading").inner_text() == "none-h100: Timeout, 5 trials (as expected)"


@pytest.mark.parametrize("script", [True, False])
def test_cells_are_reached_by_tab_and_opened_by_enter(open_report: Open, script: bool) -> None:
    page = open_report(triage(), script=script).page
    focused = page.locator("details.cell > summary:focus")
    for _ in range(30):
        page.keyboard.press("Tab")
        if focused.count():
            break
    assert "none-h100" in (focused.text_content() or "")
    page.keyboard.press("Tab")
    assert "none-mi300x" in (focused.text_content() or "")
    page.keyboard.press("Enter")
    panel = page.get_by_role("group", name="Cell none-mi300x")
    assert panel.is_visible()
    assert "13.99" in panel.inner_text()
    assert focused.is_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert not panel.is_visible()
    assert page.get_by_role("group", name="Cell ring-h100").is_visible()
    page.keyboard.press("Enter")
    assert page.locator(".panel:visible").count() == 0


def test_hostile_text_shows_as_text(open_report: Open) -> None:
    summary = hostile()
    opened = open_report(summary, excerpts={(summary.cells[0].name, 1): BAD}, location=BAD)
    page = opened.page
    assert page.title() != "owned"
    assert page.locator("script, img, iframe, object, embed, form, input").count() == 0
    assert page.locator("a:not([href^='#'])").count() == 0
    text = page.locator("pre").first.inner_text()
    assert text.splitlines() == [
        "<script>document.title = 'owned'</script>\\u001b[31mred\\u001b[0m",
        '=HYPERLINK("http://evil.example")',
        "<img src=x onerror=\"document.title='owned'\">\\u202eback</pre></html>",
    ]
    assert page.get_by_role("heading", name="Provenance").count() == 1
    assert opened.said == opened.asked == []


def boxes(page: Page, selector: str) -> list[list[float]]:
    found = page.evaluate(
        "selector => [...document.querySelectorAll(selector)].map(one => one.getBoundingClientRect())"
        ".filter(box => box.width || box.height).map(box => [box.left, box.top, box.right, box.bottom])",
        selector,
    )
    return [[float(edge) for edge in box] for box in found]


@pytest.mark.parametrize("width", [1280, 760, 390])
def test_labels_of_axes_do_not_touch_and_texts_do_not_cover_plots(open_report: Open, width: int) -> None:
    page = open_report(many(30, 5), width=width).page
    labels = boxes(page, ".axis text")
    assert len(labels) > 10
    for one, other in pairwise(labels):
        assert other[1] > one[3] or other[0] > one[2] + 2, (one, other)
    for left, _, right, _ in labels:
        assert 0 <= left < right <= width
    names, plots = boxes(page, ".rows .name"), boxes(page, ".rows .plot")
    assert len(names) == len(plots) > 60
    for name, plot in zip(names, plots, strict=True):
        assert name[2] <= plot[0] if width > 700 else name[3] <= plot[1] + 1


def test_all_rows_of_a_plot_share_their_axis(open_report: Open) -> None:
    page = open_report(triage()).page
    lines = boxes(page, "#baseline .g-zero")
    assert len({round(box[0], 1) for box in lines[:6]}) == 1


def test_printed_it_keeps_plots_and_excerpts_and_loses_what_is_for_screens(open_report: Open) -> None:
    page = open_report(triage(), excerpts={("none-h100", 0): "hang in all-reduce"}).page
    assert not page.locator("pre").first.is_visible()
    page.emulate_media(media="print")
    assert not page.get_by_role("navigation").is_visible()
    assert page.locator("pre").first.is_visible()
    assert page.locator(".g-dot").first.is_visible()
    assert len(page.pdf(format="A4")) > 10_000
