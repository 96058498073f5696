"""What can be done to a call: acts for rules of a proxy. Each function makes one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from tests.support.faults.proxy import Act, Answer, Call, Exchange
from tests.support.wait import wait_for_async

__all__ = [
    "after",
    "answer",
    "before",
    "close_at_once",
    "cut_after",
    "cut_once",
    "delayed",
    "drop_events",
    "held_back",
    "kept",
    "lose_call",
    "lose_reply",
    "passed",
    "refuse",
    "replay",
    "rewrite",
    "silence",
]

FOREVER = 3600.0
LOOK_SECONDS = 0.1


def passed() -> Act:
    """Nothing; for a rule that only counts, or that keeps those after it from a call."""

    async def passed(exchange: Exchange) -> web.StreamResponse:
        return await exchange.forward()

    return passed


def answer(status: int, body: bytes, *, headers: Mapping[str, str] | None = None) -> Act:
    """Answer in the server's place."""

    async def answered(exchange: Exchange) -> web.StreamResponse:
        return await exchange.reply(Answer(status, headers or {}, body))

    return answered


def refuse(code: int, reason: str = "", message: str = "refused by the test", *, retry_after: int | None = None) -> Act:
    """Refuse as the API server does, before anything is changed; `retry_after` in seconds."""
    status: dict[str, Any] = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
    }
    headers = {"Content-Type": "application/json"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return answer(code, json.dumps(status).encode(), headers=headers)


def delayed(seconds: float) -> Act:
    """Pass the call on only after `seconds`."""

    async def delayed(exchange: Exchange) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return await exchange.forward()

    return delayed


def held_back(until: Callable[[], bool]) -> Act:
    """Pass the call on only once `until` says so: a watch that begins so late tells all of it, and late."""

    async def held_back(exchange: Exchange) -> web.StreamResponse:
        await wait_for_async(until, timeout=FOREVER, what="a call to be let go")
        return await exchange.forward()

    return held_back


def lose_call() -> Act:
    """Cut the connection before the server has heard of the call."""

    async def lost_call(exchange: Exchange) -> web.StreamResponse:
        return exchange.cut()

    return lost_call


def lose_reply() -> Act:
    """The server carries the call out, and the client never hears of it."""

    async def lost_reply(exchange: Exchange) -> web.StreamResponse:
        await exchange.fetch()
        return exchange.cut()

    return lost_reply


def before(hook: Callable[[Call], object]) -> Act:
    """Call `hook`, and let the server never hear of the call."""

    async def before(exchange: Exchange) -> web.StreamResponse:
        hook(exchange.call)
        return exchange.cut()

    return before


def after(hook: Callable[[Call], object]) -> Act:
    """Call `hook` once the server has carried the call out, and before the client hears of it."""

    async def after(exchange: Exchange) -> web.StreamResponse:
        await exchange.fetch()
        hook(exchange.call)
        return exchange.cut()

    return after


def rewrite(change: Callable[[Call], bytes]) -> Act:
    """Pass the call on with another body."""

    async def rewritten(exchange: Exchange) -> web.StreamResponse:
        exchange.call.body = change(exchange.call)
        return await exchange.forward()

    return rewritten


def close_at_once() -> Act:
    """Answer 200 to a watch, and end it with nothing in it."""

    async def closed(exchange: Exchange) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await exchange.begin(response)
        await response.write_eof()
        return response

    return closed


def silence() -> Act:
    """Answer 200 to a watch, and then never say a word; the connection stays."""

    async def silent(exchange: Exchange) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await exchange.begin(response)
        await asyncio.sleep(FOREVER)
        return response

    return silent


def cut_after(lines: int) -> Act:
    """Pass the first lines of an answer on, then cut the connection."""

    async def cut(exchange: Exchange) -> web.StreamResponse:
        left = lines

        def take(line: bytes) -> bytes:
            nonlocal left
            if left == 0:
                raise ConnectionResetError
            left -= 1
            return line

        return await exchange.lines(take)

    return cut


def cut_once(when: Callable[[], bool]) -> Act:
    """Pass the call on, and cut the connection in the middle of its answer once `when` says so."""

    async def cut(exchange: Exchange) -> web.StreamResponse:
        passing = asyncio.ensure_future(exchange.forward())
        try:
            while not when() and not passing.done():
                await asyncio.wait([passing], timeout=LOOK_SECONDS)
        finally:
            passing.cancel()
        return passing.result() if passing.done() else exchange.cut()

    return cut


def drop_events(unwanted: Callable[[str, dict[str, Any]], bool]) -> Act:
    """Leave events out of a watch: those for which `unwanted(type, object)` says so."""

    async def thinned(exchange: Exchange) -> web.StreamResponse:
        def take(line: bytes) -> bytes | None:
            if not line.strip():
                return line
            event = json.loads(line)
            return None if unwanted(event["type"], event["object"]) else line

        return await exchange.lines(take)

    return thinned


def replay(held: Answer) -> Act:
    """Give an earlier answer again."""

    async def replayed(exchange: Exchange) -> web.StreamResponse:
        return await exchange.reply(held)

    return replayed


def kept(answers: list[Answer]) -> Act:
    """Pass the call on, and keep its answer, to be given again later."""

    async def kept(exchange: Exchange) -> web.StreamResponse:
        answers.append(await exchange.fetch())
        return await exchange.reply(answers[-1])

    return kept
