"""What can be done to a write into a store; acts for rules of its proxy."""

from __future__ import annotations

import asyncio

from aiohttp import web
from yarl import URL

from tests.support.faults.proxy import Act, Answer, Exchange

__all__ = ["denied", "half_sent", "replaces", "s3_error"]


def s3_error(status: int, code: str) -> Answer:
    """A refusal as an S3 server writes it."""
    body = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>no</Message></Error>'
    return Answer(status, {"Content-Type": "application/xml"}, body.encode())


def denied(status: int, code: str) -> Act:
    """Refuse a call with this status and S3's code, before the server has heard of it."""

    async def denied(exchange: Exchange) -> web.StreamResponse:
        return await exchange.reply(s3_error(status, code))

    return denied


def half_sent(endpoint: str) -> Act:
    """The server at `endpoint` gets the head of the request and half of its body, then both connections are cut."""

    async def half_sent(exchange: Exchange) -> web.StreamResponse:
        call, url = exchange.call, URL(endpoint)
        head = [f"{call.method} {call.path} HTTP/1.1", *(f"{name}: {value}" for name, value in call.headers.items())]
        _, writer = await asyncio.open_connection(url.host, url.port)
        writer.write("\r\n".join([*head, "", ""]).encode() + call.body[: len(call.body) // 2])
        await writer.drain()
        writer.transport.abort()
        return exchange.cut()

    return half_sent


def replaces() -> Act:
    """A server that does not know of conditional writes: what is there already is written all the same, it says."""

    async def replaces(exchange: Exchange) -> web.StreamResponse:
        answer = await exchange.fetch()
        if answer.status in (409, 412):
            answer = Answer(200, {"ETag": '"0"'}, b"")
        return await exchange.reply(answer)

    return replaces
