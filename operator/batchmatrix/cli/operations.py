"""`batchmatrix rerun`, `cancel`, `suspend`, `resume`: ask the operator for something, by one small edit of the object.

Nothing is done here: an annotation or a field says what is wanted, as it could be said with kubectl, and the operator
sees to it, also if it is not running just now.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from typing import Any

import click

from batchmatrix.base.errors import BatchMatrixError, InvalidSpec, NotFound, Problem, Unavailable
from batchmatrix.cli.inputs import check_names
from batchmatrix.cli.output import say
from batchmatrix.model.cell import GROUP
from batchmatrix.model.v1alpha1.rules import check_name
from batchmatrix.wiring.users import connect_to_edit

__all__ = ["cancel", "rerun", "resume", "suspend"]

Json = dict[str, Any]

_Command = Callable[..., None]


def _of_one_matrix(command: _Command) -> _Command:
    options = (
        click.argument("name"),
        click.option("-n", "--namespace", metavar="NAME", help="Namespace of the matrix; else the context's."),
        click.option("--context", metavar="NAME", help="Context of the kubeconfig."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@_of_one_matrix
@click.option("--failed", is_flag=True, help="What has no good result, or none; so it is without this, too.")
@click.option("--all", "every", is_flag=True, help="Every trial.")
@click.option("--cell", "cells", multiple=True, metavar="NAME", help="Every trial of this cell; as often as wanted.")
def rerun(
    name: str, *, namespace: str | None, context: str | None, failed: bool, every: bool, cells: tuple[str, ...]
) -> None:
    """Run trials of a matrix again.

    NAME is a BatchMatrix. Their earlier records and logs stay. It also brings back what was cancelled.
    """
    if failed + every + bool(cells) > 1:
        raise click.UsageError("--failed, --all and --cell each say what runs again; give one of them")
    for cell in cells:
        if not cell.strip() or "," in cell:
            raise InvalidSpec([Problem("--cell", f"{cell!r} is no cell's name; matrix.md lists them, one --cell each")])
    scope = f"cells={','.join(cells)}" if cells else "all" if every else "failed"
    what = f"every trial of {', '.join(cells)}" if cells else "every trial" if every else "what has no good result"

    def change(matrix: Json) -> tuple[Json, str]:
        token = _token()
        waits = _suspended(matrix)
        later = f"; it is suspended, so nothing starts before: batchmatrix resume {name}" if waits else ""
        return _annotation("rerun", f"{token}:{scope}"), f"{what} will run again (token {token}){later}"

    asyncio.run(_ask(name, namespace, context, change))


@click.command()
@_of_one_matrix
def cancel(name: str, *, namespace: str | None, context: str | None) -> None:
    """End what runs of a matrix, and start nothing more.

    NAME is a BatchMatrix. Logs are kept first and results that are there stay; `rerun` brings back what was ended.
    """

    def change(_matrix: Json) -> tuple[Json, str]:
        token = _token()
        text = f"what runs will be ended, its logs kept, and nothing more starts until: batchmatrix rerun {name}"
        return _annotation("cancel", token), f"{text} (token {token})"

    asyncio.run(_ask(name, namespace, context, change))


@click.command()
@_of_one_matrix
def suspend(name: str, *, namespace: str | None, context: str | None) -> None:
    """Start nothing new of a matrix for now.

    NAME is a BatchMatrix. Trials that were sent to the cluster already still run.
    """

    def change(matrix: Json) -> tuple[Json | None, str]:
        if _suspended(matrix):
            return None, f"is suspended already; to go on: batchmatrix resume {name}"
        return {"spec": {"suspend": True}}, (
            f"nothing new starts; trials sent to the cluster already still run; to go on: batchmatrix resume {name}"
        )

    asyncio.run(_ask(name, namespace, context, change))


@click.command()
@_of_one_matrix
def resume(name: str, *, namespace: str | None, context: str | None) -> None:
    """Go on with a matrix that was suspended.

    NAME is a BatchMatrix. It goes on where it stopped, and nothing runs twice.
    """

    def change(matrix: Json) -> tuple[Json | None, str]:
        if not _suspended(matrix):
            return None, "is not suspended; nothing is changed"
        return {"spec": {"suspend": False}}, "goes on where it stopped"

    asyncio.run(_ask(name, namespace, context, change))


async def _ask(
    name: str, namespace: str | None, context: str | None, change: Callable[[Json], tuple[Json | None, str]]
) -> None:
    """Make the change that `change` gives for the object, None for none, and say what it says."""
    check_names(namespace=namespace)
    check_name(name, field="NAME")
    editor = await connect_to_edit(context)
    if editor is None:
        raise BatchMatrixError("there is no kubeconfig; set KUBECONFIG, or write one to ~/.kube/config")
    where = f"{namespace or editor.namespace}/{name}"
    try:
        matrix = await editor.matrix(namespace or editor.namespace, name)
        if matrix is None:
            raise NotFound(f"there is no BatchMatrix {where} at {editor.server}; see: kubectl get bmx -A")
        if "deletionTimestamp" in matrix["metadata"]:
            raise BatchMatrixError(f"BatchMatrix {where} is being deleted; make it anew to run it again")
        wanted, words = change(matrix)
        if wanted is not None:
            await editor.patch(matrix, wanted)
    except Unavailable as error:
        text = f"{editor.server}: {error}; see what {where} says before you ask again"
        raise Unavailable(text) from error
    finally:
        await editor.close()
    say(f"{where}: {words}")


def _annotation(action: str, value: str) -> Json:
    return {"metadata": {"annotations": {f"{GROUP}/{action}": value}}}


def _token() -> str:
    """One that was never used: the time for people, and some chance."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"


def _suspended(matrix: Json) -> bool:
    return bool((matrix.get("spec") or {}).get("suspend", False))
