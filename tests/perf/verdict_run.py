"""All simulations of verdicts, their tables and what they miss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from tests.perf.judges import JUDGES
from tests.perf.table import Table
from tests.perf.verdict_targets import failures_table, families_table, missed, power_table, scenarios_table
from tests.perf.verdicts import agree, families, of_failures, scenarios

__all__ = ["run"]


def run(judge: str, repeats: int, say: Callable[[str], None]) -> tuple[list[Table], list[dict[str, Any]]]:
    """Tables and figures of one judge. Raises RuntimeError for an unknown one."""
    if judge not in JUDGES:
        raise RuntimeError(f"--judge: {judge!r} is none of {', '.join(JUDGES)}")
    words = agree()
    one = scenarios(JUDGES[judge], repeats, say)
    many = families(JUDGES[judge], repeats, say)
    failures = of_failures()
    tables = [scenarios_table(one), power_table(one), families_table(many), failures_table(failures)]
    short = missed(one, many, failures)
    tables[-1].miss(short)
    tables[-1].note(f"{words} words of whole matrices agree with the tests; {len(short)} targets missed.")
    return tables, [asdict(each) for each in (*one, *many, *failures)]
