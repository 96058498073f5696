"""Judging a finished matrix and drawing its reports, apart from the process that controls it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from batchmatrix.model.judging import JudgingRules
from batchmatrix.model.summary import Summary

__all__ = ["Analyst", "Judged"]


@dataclass(frozen=True, slots=True)
class Judged:
    """A summary with its judgement, and the files of its report."""

    summary: Summary
    files: Mapping[str, bytes]
    """By their names in the folder of the run, such as `matrix.json` and `plots/exits.svg`."""


class Analyst(Protocol):
    """Whoever judges: the same summary and rules give the same result, byte for byte."""

    pages: bool
    """Whether the page and plots are made, too, which show excerpts of logs."""

    async def judge(
        self, summary: Summary, rules: JudgingRules, *, location: str, excerpts: Mapping[tuple[str, int], str]
    ) -> Judged:
        """The result; `location` is where its files will lie, `excerpts` are texts of logs by cell and trial.

        Raises Unavailable, with the reason in one line, where judging itself came to no end: it may be asked again.
        """
        ...

    async def close(self) -> None:
        """End what it has started for later calls. It may be asked again all the same."""
        ...
