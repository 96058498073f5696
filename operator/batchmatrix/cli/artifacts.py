"""`batchmatrix artifacts`: what lies in a store, by the settings of the operator whose pod this runs in."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import click
import zstandard

from batchmatrix.base.errors import NotFound
from batchmatrix.base.text import one_line
from batchmatrix.cli.output import say
from batchmatrix.ports.store import Store
from batchmatrix.settings import DEFAULT_CONFIG, load_settings
from batchmatrix.wiring.stores import open_store

__all__ = ["artifacts"]

T = TypeVar("T")


def _store_options(command: Callable[..., None]) -> Callable[..., None]:
    config = click.option(
        "--config",
        type=click.Path(path_type=Path),
        default=DEFAULT_CONFIG,
        show_default=True,
        help="The operator's settings, a YAML file.",
    )
    store = click.option("--store", default="default", show_default=True, help="Which of its stores.")
    return config(store(command))


@click.group()
def artifacts() -> None:
    """List and read results in a store."""


@artifacts.command("ls")
@click.argument("prefix", default="")
@_store_options
def ls(prefix: str, config: Path, store: str) -> None:
    """List objects by the beginning of their keys.

    Each line is the size in bytes and the key of an object whose key begins with PREFIX.
    """

    async def listed(opened: Store) -> None:
        async for item in opened.list(prefix):
            say(f"{item.size:>12}  {one_line(item.key, limit=4096)}")

    _with_store(config, store, listed)


@artifacts.command("cat")
@click.argument("key")
@click.option("--raw", is_flag=True, help="Do not decompress a .zst object.")
@_store_options
def cat(key: str, raw: bool, config: Path, store: str) -> None:
    """Write an object to standard output.

    What lies under KEY is decompressed where KEY ends in .zst.
    """

    async def written(opened: Store) -> None:
        data = await opened.get(key)
        if key.endswith(".zst") and not raw:
            reader = zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True)
            shutil.copyfileobj(reader, sys.stdout.buffer)
        else:
            sys.stdout.buffer.write(data)

    _with_store(config, store, written)


def _with_store(config: Path, name: str, work: Callable[[Store], Awaitable[T]]) -> T:
    settings = load_settings(config)
    if name not in settings.stores:
        raise NotFound(
            f"--store {name!r} is not configured in {config}; there is: {', '.join(sorted(settings.stores))}"
        )

    async def run() -> T:
        opened = await open_store(settings.stores[name])
        try:
            return await work(opened)
        finally:
            await opened.close()

    return asyncio.run(run())
