"""What commands check of their arguments before they read or ask for anything."""

from __future__ import annotations

from pathlib import Path

import click

from batchmatrix.adapters.files import STANDARD_INPUT
from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.model.v1alpha1.meta import check_namespace
from batchmatrix.model.v1alpha1.rules import check_name

__all__ = ["check_names", "one_standard_input"]


def one_standard_input(*paths: Path | None) -> None:
    """Standard input has an end: whoever reads it second finds nothing. Raises click.UsageError."""
    if paths.count(STANDARD_INPUT) > 1:
        raise click.UsageError("- is given twice, and standard input can be read once; give a file in its place")


def check_names(*, namespace: str | None = None, name: str | None = None) -> None:
    """Names as objects of a cluster can have them; None is not looked at. Raises InvalidSpec with both."""
    problems: list[Problem] = []
    for text, check, option in ((namespace, check_namespace, "--namespace"), (name, check_name, "--name")):
        try:
            if text is not None:
                check(text, field=option)
        except InvalidSpec as error:
            problems += error.problems
    if problems:
        raise InvalidSpec(problems)
