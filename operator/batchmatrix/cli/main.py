"""`batchmatrix`: entry point, and the rule that no traceback reaches a user."""

from __future__ import annotations

import importlib.metadata
import sys
from typing import NoReturn

import click

from batchmatrix.base.errors import BatchMatrixError, InvalidSpec
from batchmatrix.base.text import one_line
from batchmatrix.cli.artifacts import artifacts
from batchmatrix.cli.catalog import catalog
from batchmatrix.cli.exits import Exit
from batchmatrix.cli.import_ import import_
from batchmatrix.cli.lint import lint
from batchmatrix.cli.plan import plan

__all__ = ["app", "run"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def app() -> None:
    """Run one workload under a grid of conditions and say which one fixes, breaks or slows it."""


app.add_command(artifacts)
app.add_command(catalog)
app.add_command(plan)
app.add_command(lint)
app.add_command(import_)


@app.command()
def version() -> None:
    """Print the version."""
    click.echo(importlib.metadata.version("batchmatrix"))


def run() -> None:
    """Run the command line; every expected failure is told in lines on standard error, with exit status 1."""
    try:
        status = app(standalone_mode=False)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message())
        sys.exit(Exit.ERROR)
    except click.ClickException as error:
        print(f"batchmatrix: {one_line(error.format_message(), limit=2000)}", file=sys.stderr)
        sys.exit(Exit.ERROR)  # not click's 2: one code for everything that is an error and no result
    except (click.Abort, KeyboardInterrupt):
        sys.exit(Exit.INTERRUPTED)
    except BatchMatrixError as error:
        _tell([error])
    except BaseExceptionGroup as group:
        expected, rest = group.split(BatchMatrixError)
        if rest is not None or expected is None:
            raise
        _tell(_leaves(expected))
    sys.exit(status if isinstance(status, int) else Exit.OK)


def _tell(errors: list[BaseException]) -> NoReturn:
    for error in errors:
        for line in error.problems if isinstance(error, InvalidSpec) else (error,):
            print(f"batchmatrix: {line}", file=sys.stderr)
    sys.exit(Exit.ERROR)


def _leaves(error: BaseException) -> list[BaseException]:
    """The errors of a group, whatever groups they lie in."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for each in error.exceptions for leaf in _leaves(each)]
    return [error]
