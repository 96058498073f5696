"""Logs as a kubelet serves them, with everything that can go wrong on their way; for rules on `get pods/log`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from aiohttp import web

from batchmatrix.base.clock import parse_rfc3339
from tests.support.faults.proxy import Act, Call, Exchange

__all__ = ["LOST", "Log", "cells_of", "served"]

LOST = b"unable to retrieve container logs for containerd://0123456789abcdef"
"""What a kubelet says, with status 200, of a container that it does not have any more."""
FIRST = 1_767_225_600
"""Unix seconds of every log's first line; 1000 lines share a second."""
BLOCK = 256 << 10


@dataclass(slots=True)
class Log:
    """One container's log and what becomes of each of its streams."""

    raw: bytes
    """What the container wrote."""
    answers: Sequence[bytes] = ()
    """What the first streams say in the place of the log, one each."""
    cuts: Sequence[tuple[int, bool]] = ()
    """After how many bytes each of the first streams (after `answers`) ends; True for a broken connection, False for
    an answer that ends as if it were whole, which is what an API server makes of a lost kubelet."""
    rotated: int = 0
    """Lines at its begin that are not served any more once a stream has been cut."""
    streams: int = field(default=0)
    """How many there were."""

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Nanoseconds and bytes of each line; the last one may lack its end."""
        for number, line in enumerate(_lines(self.raw)):
            yield FIRST * 10**9 + number * 1_000_000, line


def _lines(raw: bytes) -> list[bytes]:
    """Lines end with a line feed and nothing else."""
    parts = raw.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def cells_of(cells: dict[str, str], *, prefix: str) -> Callable[[Call], None]:
    """Notes for each Job that is sent which cell it is of, without the `prefix` of that cell's name."""

    def prepare(call: Call) -> None:
        if call.what.kind == "create jobs":
            job = json.loads(call.body)
            cells[job["metadata"]["name"]] = job["metadata"]["labels"]["batchmatrix.dev/cell"].removeprefix(prefix)

    return prepare


def served(logs: dict[str, Log], cells: dict[str, str]) -> Act:
    """Answers for the kubelet: `logs` by cell, `cells` by Job."""

    async def served(exchange: Exchange) -> web.StreamResponse:
        log = logs[cells[exchange.call.what.name.rpartition("-")[0]]]
        number = log.streams
        log.streams += 1
        response = await exchange.begin(web.StreamResponse(headers={"Content-Type": "text/plain"}))
        if number < len(log.answers):
            await response.write(log.answers[number])
            await response.write_eof()
            return response
        number -= len(log.answers)
        left, broken = log.cuts[number] if number < len(log.cuts) else (1 << 62, False)
        query = exchange.call.query
        since = int(parse_rfc3339(query["sinceTime"])) if "sinceTime" in query else 0
        for block in _blocks(log, since, skipped=log.rotated if number else 0):
            await response.write(block[:left])
            left -= len(block)
            if left <= 0:
                if broken:
                    return exchange.cut()
                break
            await asyncio.sleep(0)
        await response.write_eof()
        return response

    return served


def _blocks(log: Log, since: int, *, skipped: int) -> Iterator[bytes]:
    block = bytearray()
    for number, (time, line) in enumerate(log.lines()):
        if number < skipped or time < since * 10**9:
            continue
        seconds, nanos = divmod(time - FIRST * 10**9, 10**9)
        minutes, seconds = divmod(seconds, 60)
        block += f"2026-01-01T00:{minutes:02}:{seconds:02}.{nanos:09}Z ".encode() + line
        while len(block) >= BLOCK:
            yield bytes(block[:BLOCK])
            del block[:BLOCK]
    if block:
        yield bytes(block)
