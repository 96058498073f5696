"""A reverse proxy whose script says which calls fail, and how; every call is noted.

It runs in a thread of its own, so that tests may wait and look as they like. What it does to a call is an `Act` (see
acts.py): a function that gets the exchange and may forward it, change it, answer it, or cut the connection. Which
calls an act is for says a `Rule`.
"""

from __future__ import annotations

import asyncio
import fnmatch
import itertools
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from yarl import URL

__all__ = ["Act", "Answer", "Call", "Classify", "Exchange", "Proxy", "Rule", "What"]

START_SECONDS = 10.0
HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "content-length",
    }
)
BODY_LIMIT = 64 << 20


@dataclass(frozen=True, slots=True)
class What:
    """What a call is about, in the words of the server behind the proxy."""

    verb: str
    """get, list, watch, create, update, patch or delete."""
    resource: str
    """A plural of the API server; the kind of an object's key in a store."""
    subresource: str = ""
    namespace: str = ""
    name: str = ""

    @property
    def mutating(self) -> bool:
        """Whether it changes anything."""
        return self.verb not in ("get", "list", "watch")

    @property
    def kind(self) -> str:
        """`create jobs`, `patch batchmatrices/status`."""
        return f"{self.verb} {self.resource}" + (f"/{self.subresource}" if self.subresource else "")


@dataclass(slots=True)
class Call:
    """One request, as it came in and as it was answered."""

    number: int
    """From 1, in the order in which requests came in."""
    method: str
    path: str
    """With its query, as it was sent."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    what: What
    time: float
    """Monotonic seconds at which it came in."""
    committed: int | None = None
    """Status that the server gave; None where it never got the call, or has not answered yet."""
    told: int | None = None
    """Status that the client got; None where it got none, or not yet."""
    answered: float | None = None
    """Monotonic seconds at which the client was told that status."""
    fault: str = ""
    """Name of the act, if one had its way with it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer of the server."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Act = Callable[["Exchange"], Awaitable[web.StreamResponse]]

Classify = Callable[[str, URL, Mapping[str, str], bytes], What]
"""Tells from method, URL, headers and body what a call is about."""


@dataclass(slots=True)
class Rule:
    """Lets `act` have the calls that match, from the `first`-th on, `times` of them (None for all that follow).

    Empty fields match everything; `resource` may be `pods/log`, `name` a pattern such as `*-t0-a1`. Without a
    subresource in `resource`, only calls without one match.
    """

    act: Act
    verb: str = ""
    resource: str = ""
    name: str = ""
    where: Callable[[Call], bool] | None = None
    first: int = 1
    times: int | None = 1
    seen: int = 0
    """Calls that matched so far."""
    done: int = 0
    """Those of them that `act` had."""

    def takes(self, call: Call) -> bool:
        """Whether this call is one for `act`; counts it."""
        what = call.what
        resource = what.resource + (f"/{what.subresource}" if what.subresource else "")
        if (
            (self.verb and self.verb != what.verb)
            or (self.resource and self.resource != resource)
            or (self.name and not fnmatch.fnmatchcase(what.name, self.name))
            or (self.where is not None and not self.where(call))
        ):
            return False
        self.seen += 1
        if self.seen < self.first or (self.times is not None and self.seen >= self.first + self.times):
            return False
        self.done += 1
        return True


@dataclass(slots=True)
class Exchange:
    """One call in the hands of an act."""

    call: Call
    request: web.Request
    _proxy: Proxy
    stage: Act | None = None
    """Answers in the server's place, for calls of a kind that no server is there for."""
    response: web.StreamResponse | None = field(default=None)

    async def forward(self) -> web.StreamResponse:
        """Pass the call on and its answer back, as it comes."""
        if self.stage is not None:
            return await self.stage(self)
        async with self._send() as upstream:
            self.call.committed = upstream.status
            response = web.StreamResponse(status=upstream.status, headers=_kept(upstream.headers))
            if self.request.method == "HEAD" or "Content-Length" in upstream.headers:
                response.headers["Content-Length"] = upstream.headers.get("Content-Length", "0")
            await self.begin(response)
            async for block in upstream.content.iter_any():
                await response.write(block)
            await response.write_eof()
            return response

    async def fetch(self) -> Answer:
        """Pass the call on and keep the whole answer."""
        async with self._send() as upstream:
            self.call.committed = upstream.status
            return Answer(upstream.status, _kept(upstream.headers), await upstream.read())

    async def lines(self, take: Callable[[bytes], bytes | None]) -> web.StreamResponse:
        """Pass the call on, and of its answer each line as `take` gives it back; None leaves it out."""
        async with self._send() as upstream:
            self.call.committed = upstream.status
            response = web.StreamResponse(status=upstream.status, headers=_kept(upstream.headers))
            await self.begin(response)
            rest = b""
            async for block in upstream.content.iter_any():
                *whole, rest = (rest + block).split(b"\n")
                for line in whole:
                    kept = take(line)
                    if kept is not None:
                        await response.write(kept + b"\n")
            await response.write(rest)
            await response.write_eof()
            return response

    async def begin(self, response: web.StreamResponse) -> web.StreamResponse:
        """Send the head of an answer; from then on the client has been told its status."""
        self.call.told, self.call.answered = response.status, time.monotonic()
        self.response = response
        await response.prepare(self.request)
        return response

    async def reply(self, answer: Answer) -> web.StreamResponse:
        """Give a whole answer."""
        self.call.told, self.call.answered = answer.status, time.monotonic()
        return web.Response(status=answer.status, headers=dict(answer.headers), body=answer.body)

    def cut(self) -> web.StreamResponse:
        """Cut the connection: the client gets no answer, or no more of it."""
        if self.request.transport is not None:
            self.request.transport.abort()
        return self.response or web.Response()

    def _send(self) -> aiohttp.client._RequestContextManager:
        return self._proxy.send(self.call)


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in HOP_BY_HOP}


class Proxy:
    """Stands before one server at `upstream` (`http(s)://host:port`); speaks plain http on 127.0.0.1.

    `headers` are added to each request that is passed on. Give it `classify` to make it understand what a request is
    about. Everything but `rules` and `calls` belongs to its own thread.
    """

    def __init__(
        self,
        upstream: str,
        *,
        classify: Classify,
        tls: ssl.SSLContext | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.url = ""
        """Where it listens."""
        self.rules: list[Rule] = []
        """Of those that take a call, the first one has it."""
        self.standing: list[Rule] = []
        """What belongs to the stage and not to the play: their acts answer what would go to the server."""
        self.prepare: list[Callable[[Call], None]] = []
        """Each may change a call before any rule sees it."""
        self.calls: list[Call] = []
        """All so far, in the order in which they came in."""
        self._upstream = upstream.rstrip("/")
        self._classify = classify
        self._tls = tls
        self._headers = dict(headers or {})
        self._numbers = itertools.count(1)
        self._session: aiohttp.ClientSession | None = None
        self._under_way: set[asyncio.Future[web.StreamResponse]] = set()

    def add(self, act: Act, what: str = "", **more: object) -> Rule:
        """A new rule; `what` is `VERB RESOURCE`, and the rest as in Rule."""
        verb, _, resource = what.partition(" ")
        rule = Rule(act, verb=verb, resource=resource, **more)  # type: ignore[arg-type]
        self.rules.append(rule)
        return rule

    def made(self, kind: str, *, name: str = "*") -> list[Call]:
        """The calls of one kind, such as `create jobs`."""
        calls = [call for call in list(self.calls) if call.what.kind == kind]
        return [call for call in calls if fnmatch.fnmatchcase(call.what.name, name)]

    @contextmanager
    def running(self) -> Iterator[Proxy]:
        """Serve, until the block ends."""
        started = threading.Event()
        stop: list[Callable[[], None]] = []
        failure: list[BaseException] = []

        async def serve() -> None:
            ended = asyncio.Event()
            loop = asyncio.get_running_loop()
            stop.append(lambda: loop.call_soon_threadsafe(ended.set))
            async with aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._tls or False, limit=0),
                timeout=aiohttp.ClientTimeout(total=None),
                auto_decompress=False,
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            ) as self._session:
                app = web.Application(client_max_size=BODY_LIMIT)
                app.router.add_route("*", "/{path:.*}", self._handle)
                runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
                await runner.setup()
                site = web.TCPSite(runner, "127.0.0.1", 0, backlog=512)
                await site.start()
                host, port = runner.addresses[0][:2]
                self.url = f"http://{host}:{port}"
                started.set()
                await ended.wait()
                await runner.cleanup()

        def run() -> None:
            try:
                asyncio.run(serve())
            except BaseException as error:
                failure.append(error)
                raise
            finally:
                started.set()

        thread = threading.Thread(target=run, name="proxy", daemon=True)
        thread.start()
        assert started.wait(START_SECONDS)
        assert self.url, f"the proxy did not start: {failure}"
        try:
            yield self
        finally:
            stop[0]()
            thread.join(START_SECONDS)

    def send(self, call: Call) -> aiohttp.client._RequestContextManager:
        """The request to the server behind, for Exchange."""
        assert self._session is not None
        kept = {name: value for name, value in call.headers.items() if name.lower() not in HOP_BY_HOP}
        return self._session.request(
            call.method,
            URL(self._upstream + call.path, encoded=True),
            data=call.body or None,
            headers={**kept, **self._headers},
            allow_redirects=False,
        )

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        call = Call(
            number=next(self._numbers),
            method=request.method,
            path=request.raw_path,
            query=dict(request.query),
            headers=dict(request.headers),
            body=body,
            what=self._classify(request.method, request.rel_url, request.headers, body),
            time=time.monotonic(),
        )
        for prepare in self.prepare:
            prepare(call)
        self.calls.append(call)
        stage = next((rule.act for rule in self.standing if rule.takes(call)), None)
        exchange = Exchange(call, request, self, stage)
        rule = next((rule for rule in list(self.rules) if rule.takes(call)), None)
        if rule is not None:
            call.fault = getattr(rule.act, "__name__", "act")
        answering = asyncio.ensure_future(self._answer(exchange, rule))
        if not call.what.mutating:
            return await answering
        # What is on its way to the server arrives, and is noted, also when its sender has died meanwhile.
        self._under_way.add(answering)
        answering.add_done_callback(self._under_way.discard)
        return await asyncio.shield(answering)

    @staticmethod
    async def _answer(exchange: Exchange, rule: Rule | None) -> web.StreamResponse:
        try:
            return await (exchange.forward() if rule is None else rule.act(exchange))
        except (aiohttp.ClientError, ConnectionError):  # either side went away in the middle
            return exchange.cut()
