"""`batchmatrix`: entry point, and the rule that no traceback reaches a user."""

from __future__ import annotations

import importlib.metadata
import sys

import click

from batchmatrix.base.errors import BatchMatrixError, InvalidSpec
from batchmatrix.cli.artifacts import artifacts
from batchmatrix.cli.catalog import catalog
from batchmatrix.cli.exits import Exit
from batchmatrix.cli.import_ import import_
from batchmatrix.cli.lint import lint
from batchmatrix.cli.operations import cancel, rerun, resume, suspend
from batchmatrix.cli.output import say
from batchmatrix.cli.plan import plan
from batchmatrix.cli.stored import compare, export, gate, report
from batchmatrix.cli.streams import can_be_written, close_streams, open_streams, tell

__all__ = ["app", "run"]


def _version(context: click.Context, _option: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        context.invoke(version)
        context.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Print the version."
)
def app() -> None:
    """Run one workload under a grid of conditions and say which one fixes, breaks or slows it.

    Begin with `batchmatrix lint FILE`, then `batchmatrix plan FILE`; -h after a command says what it takes.
    """


app.add_command(artifacts)
app.add_command(catalog)
app.add_command(plan)
app.add_command(lint)
app.add_command(import_)
app.add_command(report)
app.add_command(gate)
app.add_command(compare)
app.add_command(export)
app.add_command(rerun)
app.add_command(cancel)
app.add_command(suspend)
app.add_command(resume)


@app.command()
def version() -> None:
    """Print the version."""
    try:
        found = importlib.metadata.version("batchmatrix")
    except importlib.metadata.PackageNotFoundError:
        raise BatchMatrixError("the version is not known, as the package is not installed; install it") from None
    say(found)


def run() -> None:
    """Run the command line; every expected failure is told in lines on standard error, with exit status 1."""
    out = open_streams()
    sys.exit(close_streams(out, _status()))


def _status() -> int:
    try:
        status = _command()
    except click.ClickException as error:
        tell(_usage(error))
        return Exit.ERROR  # not click's 2: one code for everything that is an error and no result
    except (click.Abort, KeyboardInterrupt):
        return Exit.INTERRUPTED
    except SystemExit:  # so click ends where the reader of its output has gone
        return Exit.ERROR
    except BatchMatrixError as error:
        return _told(error)
    except BaseExceptionGroup as group:
        expected, rest = group.split(BatchMatrixError)
        if rest is not None or expected is None:
            raise
        return _told(expected)
    except OSError as error:
        if can_be_written(sys.stdout):  # else close_streams says so
            tell(f"{error.filename}: {error.strerror}" if error.filename is not None else str(error))
        return Exit.ERROR
    return status if isinstance(status, int) else Exit.OK


def _usage(error: click.ClickException) -> str:
    """What is wrong, and the command whose help tells more where the message names no remedy itself."""
    text = error.format_message()
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is None or ";" in text or text.endswith("?"):
        return text
    return f"{text.rstrip('.')}; see: {context.command_path} -h"


def _command() -> object:
    """What the command returns; help, and 1, where none is named."""
    try:
        return app(prog_name="batchmatrix", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        say(error.format_message())
        return Exit.ERROR


def _told(error: BaseException) -> int:
    """Say every problem of an error, or of a group of them, in a line of its own."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            _told(each)
    else:
        for line in error.problems if isinstance(error, InvalidSpec) else (error,):
            tell(str(line))
    return Exit.ERROR
