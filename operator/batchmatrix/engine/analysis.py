"""A finished run made into its judgement and files: for the process that judges, and for commands over stored runs.

The controller does not import this module: what it needs takes a second to load and 60 MB to hold.
"""

from __future__ import annotations

from collections.abc import Mapping

from batchmatrix.engine.tables import tables_of
from batchmatrix.model.judging import JudgingRules
from batchmatrix.model.summary import Summary
from batchmatrix.ports.analyst import Judged
from batchmatrix.summarise.judging.judge import judge

__all__ = ["Inline", "analyse"]


def analyse(
    summary: Summary,
    rules: JudgingRules,
    *,
    location: str,
    pages: bool,
    excerpts: Mapping[tuple[str, int], str] | None = None,
) -> Judged:
    """The judged summary and its files, by their names in the folder of the run.

    `pages`: page and plots, too; `excerpts` are for these, texts of logs by cell and trial.
    """
    judged = judge(summary, rules)
    files = tables_of(judged, rules, location=location)
    if pages:
        from batchmatrix.publish.html.page import report_html  # its template engine and the plots are not always wanted
        from batchmatrix.publish.plots import plots

        files["report.html"] = report_html(judged, rules, location=location, excerpts=excerpts).encode()
        files |= {f"plots/{name}": data for name, data in plots(judged, rules).items()}
    return Judged(judged, files)


class Inline:
    """An Analyst in the caller's own process: for one run at a time, where nothing else has to be looked after."""

    def __init__(self, *, pages: bool = True) -> None:
        self.pages = pages

    async def judge(
        self, summary: Summary, rules: JudgingRules, *, location: str, excerpts: Mapping[tuple[str, int], str]
    ) -> Judged:
        """As in ports.Analyst."""
        return analyse(summary, rules, location=location, excerpts=excerpts, pages=self.pages)

    async def close(self) -> None:
        """As in ports.Analyst."""
