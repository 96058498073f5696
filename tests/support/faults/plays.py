"""What the fake pods of a bench do: told by cell, trial and attempt, so that two runs of a matrix are alike."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from batchmatrix.base.clock import parse_rfc3339
from tests.support.faults.proxy import Act, Answer, Call, Exchange

__all__ = ["PodPlay", "Trial", "play_logs", "play_pods"]

KWOK = "kwok.batchmatrix.dev/"
FIRST_LINE = 1_767_225_600
"""Unix seconds of every log's first line: the same in all runs."""
LINES = 3
FOREVER = 3600.0
_JOB = re.compile(r"-[a-z0-9]{5}$")


@dataclass(frozen=True, slots=True)
class Trial:
    """One attempt, as its Job's labels tell."""

    cell: str
    trial: int
    attempt: int


@dataclass(frozen=True, slots=True)
class PodPlay:
    """How one pod ends. `delay` is how long it runs, such as `2s`; with `hold` it runs until it is deleted."""

    exit_code: int = 0
    reason: str = ""
    delay: str = ""
    hold: bool = False

    def annotations(self) -> dict[str, str]:
        """What kwok understands."""
        wanted = {
            "exit-code": str(self.exit_code),
            "reason": self.reason,
            "delay": self.delay,
            "hold": "true" if self.hold else "",
        }
        return {KWOK + name: value for name, value in wanted.items() if value}


def play_pods(play: Callable[[Trial], PodPlay]) -> Callable[[Call], None]:
    """Puts into every Job that is sent what its pod shall do: in the place of the program that would do it."""

    def prepare(call: Call) -> None:
        if call.what.kind != "create jobs":
            return
        job = json.loads(call.body)
        labels: Mapping[str, str] = job["metadata"].get("labels", {})
        trial = Trial(
            labels["batchmatrix.dev/cell"],
            int(labels["batchmatrix.dev/trial"]),
            int(labels["batchmatrix.dev/attempt"]),
        )
        job["spec"]["template"]["metadata"].setdefault("annotations", {}).update(play(trial).annotations())
        call.body = json.dumps(job).encode()

    return prepare


def play_logs() -> Act:
    """Answers for the kubelet: each attempt has a log of its own, the same however often it is read."""

    async def log(exchange: Exchange) -> web.StreamResponse:
        query = exchange.call.query
        since = parse_rfc3339(query["sinceTime"]) if "sinceTime" in query else 0.0
        body = b"".join(
            f"{_stamp(number)} {line}\n".encode()
            for number, line in enumerate(_lines(_JOB.sub("", exchange.call.what.name)))
            if FIRST_LINE + number >= since
        )
        if query.get("follow") != "true":
            return await exchange.reply(Answer(200, {"Content-Type": "text/plain"}, body))
        response = await exchange.begin(web.StreamResponse(headers={"Content-Type": "text/plain"}))
        await response.write(body)
        await asyncio.sleep(FOREVER)  # the reader leaves when it knows that the container has ended
        return response

    return log


def _stamp(number: int) -> str:
    return f"2026-01-01T00:00:{number:02}.000000000Z"


def _lines(job: str) -> list[str]:
    """The trial's own text: a metric that is another one in each attempt."""
    loss = sum(job.encode())
    return [f"begin {job}", f'{{"loss": {loss}}}', "end"][:LINES]
