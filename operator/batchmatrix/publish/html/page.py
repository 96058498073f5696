"""report.html, put together."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from batchmatrix.base.numbers import quantity
from batchmatrix.base.text import counted, escaped, one_line
from batchmatrix.model.judging import Finding, Judgement, JudgingRules
from batchmatrix.model.summary import Summary
from batchmatrix.publish.html.failures import failures_of
from batchmatrix.publish.html.forests import forest_plots
from batchmatrix.publish.html.heat import heat_map
from batchmatrix.publish.html.provenance import provenance
from batchmatrix.publish.html.trials import exit_codes, spreads, trends
from batchmatrix.publish.readings import readings_of

__all__ = ["report_html"]

FINDING_LIMIT = 200
WARNING_LIMIT = 50
_STATUS = ("fail", "inconclusive", "pass")
_BADGES = {"pass": ("✓", "good"), "fail": ("✗", "bad"), "inconclusive": ("?", "mixed")}


def report_html(
    summary: Summary,
    rules: JudgingRules,
    *,
    location: str = "",
    excerpts: Mapping[tuple[str, int], str] | None = None,
) -> str:
    """The page: no script, no font, no request, and nothing that came from outside is live in it.

    `rules` are those that `summary` was judged by; `location` is where the other files lie; `excerpts` are texts from
    the logs of failed trials, by cell and trial: as they are, this escapes them. What is too much for a page is left
    out and counted there.
    """
    judgement = summary.judgement or Judgement()
    readings = readings_of(summary)
    findings = sorted(judgement.findings, key=_rank)
    word = summary.verdict or ("suspended" if summary.suspended else "running")
    sign, tone = _BADGES.get(word, ("…", "open"))
    return _environment().get_template("report.html.j2").render(
        summary=summary,
        judgement=judgement,
        word=word,
        sign=sign,
        tone=tone,
        counts=_counts(summary),
        heat=heat_map(summary),
        forests=forest_plots(judgement, rules, readings),
        spreads=spreads(summary, readings),
        trends=trends(summary, rules, readings),
        codes=exit_codes(summary),
        findings=findings[:FINDING_LIMIT],
        findings_left=len(findings) - FINDING_LIMIT,
        warnings=judgement.warnings[:WARNING_LIMIT],
        warnings_left=len(judgement.warnings) - WARNING_LIMIT,
        failures=failures_of(summary, excerpts or {}),
        provenance=provenance(summary, location),
        location=location,
    )  # fmt: skip


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("batchmatrix.publish.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    made.filters["line"] = _line
    made.filters["ratio"] = lambda ratio: quantity(ratio, marks=(1.0,))
    made.filters["counted"] = counted
    return made


def _line(text: str, limit: int = 512) -> str:
    return one_line(text, limit=limit)


def _visible(value: object) -> object:
    """Texts with control characters, and marks that turn the direction of text, as their numbers."""
    return escaped(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _rank(finding: Finding) -> tuple[int, bool]:
    at = _STATUS.index(finding.status) if finding.status in _STATUS else len(_STATUS)
    return at, finding.severity != "fail"


def _counts(summary: Summary) -> list[tuple[str, str]]:
    cells = summary.cells
    done, failed = sum(cell.done for cell in cells), sum(cell.failed for cell in cells)
    lost = {state: sum(cell.logs.get(state, 0) for cell in cells) for state in ("truncated", "lost")}
    logs = ", ".join(f"{count} {state}" for state, count in lost.items() if count)
    return [
        ("cells", str(len(cells))),
        ("trials done", f"{done} of {sum(cell.trials for cell in cells)}"),
        ("succeeded", str(done - failed)),
        ("failed", str(failed)),
        ("attempts", str(sum(cell.attempts for cell in cells))),
        ("logs", logs or "complete"),
    ]
