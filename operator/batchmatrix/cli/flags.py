"""Flags that say what a recipe file says, and the rule that it is one or the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from batchmatrix.formats.recipe_flags import FLAGS, Axes

__all__ = ["flag_options", "given_flags", "refuse_files", "refuse_flags"]

_HELP = {
    "workload": "Name of a workload in a catalog.",
    "mitigation_axis": "Mitigations with commas between them; a plus sign stacks: none,tf32-off,tf32-off+nccl-ring.",
    "environment_axis": "Environments with commas between them; image:REF is an image in place of a name.",
    "trials": "Repetitions of each cell.",
    "steps": "Steps of each trial.",
    "ticket": "Groups the runs of one investigation.",
    "baseline_cell": "Cell that others are compared with, such as none-local.",
    "confound_threshold": "Ratio of step times above which a cell is flagged; 1.15 by default.",
}
_METAVARS = {
    "workload": "NAME",
    "mitigation_axis": "LIST",
    "environment_axis": "LIST",
    "trials": "N",
    "steps": "N",
    "ticket": "TEXT",
    "baseline_cell": "CELL",
    "confound_threshold": "RATIO",
}
_TYPES: dict[str, Any] = {"trials": int, "steps": int, "confound_threshold": float}


def flag_options(*, hidden: bool) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """All flags; hidden where they are only there to be refused by name."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        for name, flag in reversed(FLAGS.items()):
            kind = str if hidden else _TYPES.get(name, str)
            command = click.option(
                flag, name, type=kind, default=None, hidden=hidden, metavar=_METAVARS[name], help=_HELP[name]
            )(command)
        return command

    return decorate


def given_flags(options: Mapping[str, Any]) -> Axes:
    """The flags among the options of a command."""
    return Axes(**{name: options[name] for name in FLAGS})


def refuse_flags(file: Path, axes: Axes) -> None:
    """A file says all that flags say. Raises click.UsageError with every flag that is there too."""
    if axes.given:
        text = f"{', '.join(axes.given)}: the recipe {file} says that; remove the flag, or use `import flags`"
        raise click.UsageError(text)


def refuse_files(files: Sequence[str], axes: Axes) -> None:
    """The same where a file is given to the command that takes flags."""
    if files:
        beside = f" with {', '.join(axes.given)}" if axes.given else ""
        text = f"{files[0]} cannot be used{beside}: flags say all that a recipe says; use `import recipe {files[0]}`"
        raise click.UsageError(text)
