"""Exit codes that the scenarios of a set of batches may end with."""

from __future__ import annotations

import json
from collections.abc import Mapping

from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.base.paths import field_path
from batchmatrix.base.text import one_line
from batchmatrix.formats.json_file import read_json

__all__ = ["ALLOWED_EXIT_CODES", "read_allowed_exit_codes"]

_SHOWN = 60
"""Characters of one value in a message."""

ALLOWED_EXIT_CODES: Mapping[str, frozenset[int]] = {
    "fail_fast_bootstrap": frozenset({42}),
    "toolchain_presence_check": frozenset({0}),
    "compile_only_build_attempt": frozenset({0}),
    "missing_sdk": frozenset({42}),
    "missing_staged_archive": frozenset({42}),
    "invalid_architecture": frozenset({42, 43}),
    "recovery_success": frozenset({0}),
    "recovery_failure": frozenset({44}),
}
"""By scenario, where no file says it. examples/03-batch-results/allowed-exit-codes.json says the same."""


def read_allowed_exit_codes(text: str, *, source: str) -> Mapping[str, frozenset[int]]:
    """Exit codes by scenario from a JSON file `{scenario: [codes]}`. Raises InvalidSpec with every problem."""
    data, problems = read_json(text, source=source)
    if not isinstance(data, dict):
        raise InvalidSpec([Problem(source, 'is not an object; write one, such as {"scenario": [0, 42]}')])
    for scenario, codes in data.items():
        where = f"{source}: {field_path((scenario,))}"
        if not isinstance(codes, list):
            problems.append(Problem(where, "is no list; write exit codes in brackets, such as [0, 42]"))
            continue
        for at, code in enumerate(codes):
            if isinstance(code, bool) or not isinstance(code, int):
                shown = one_line(json.dumps(code), limit=_SHOWN)
                problems.append(Problem(f"{where}[{at}]", f"{shown} is no whole number; write an exit code"))
    if problems:
        raise InvalidSpec(problems)
    return {scenario: frozenset(codes) for scenario, codes in data.items()}
