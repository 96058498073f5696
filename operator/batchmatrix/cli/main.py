"""`batchmatrix`: entry point, and the rule that no traceback reaches a user."""

from __future__ import annotations

import asyncio
import importlib.metadata
import signal
import sys
from pathlib import Path
from typing import NoReturn

import click

from batchmatrix.base.errors import BatchMatrixError
from batchmatrix.cli.artifacts import DEFAULT_CONFIG, artifacts
from batchmatrix.cli.exits import Exit

__all__ = ["app", "main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def app() -> None:
    """Run one workload under a grid of conditions and say which one fixes, breaks or slows it."""


app.add_command(artifacts)


@app.command()
def version() -> None:
    """Print the version."""
    click.echo(importlib.metadata.version("batchmatrix"))


@app.command()
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=DEFAULT_CONFIG,
    show_default=True,
    help="The operator's settings, a YAML file.",
)
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path),
    help="Serve from outside a pod with this kubeconfig (development).",
)
def operator(config: Path, kubeconfig: Path | None) -> None:
    """Serve BatchMatrix objects of a cluster; what the chart runs."""
    # heavy, and of use to this command alone
    import uvloop

    from batchmatrix.adapters.kube.access import from_cluster, from_kubeconfig
    from batchmatrix.adapters.telemetry.logs import configure_logging
    from batchmatrix.controller.main import Operator
    from batchmatrix.settings import Identity, load_settings

    settings = load_settings(config)
    identity = Identity.from_environment()
    configure_logging(settings.log_level)

    async def serve() -> None:
        access = await from_kubeconfig(str(kubeconfig)) if kubeconfig else from_cluster()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await Operator(settings, identity, access).run(stop)

    uvloop.run(serve())


def main() -> None:
    """Run the command line; every expected failure is one line on standard error and exit status 1."""
    try:
        status = app(standalone_mode=False)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.ClickException as error:
        print(f"batchmatrix: {error.format_message()}", file=sys.stderr)
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
        print(f"batchmatrix: {error}", file=sys.stderr)
    sys.exit(Exit.ERROR)


def _leaves(error: BaseException) -> list[BaseException]:
    """The errors of a group, whatever groups they lie in."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for each in error.exceptions for leaf in _leaves(each)]
    return [error]
