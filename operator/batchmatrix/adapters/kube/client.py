"""About ten raw verbs against the API server: plain dicts in, plain dicts out, our own errors.

Nothing is tried again here, with one exception: a request refused for stale credentials (401) is sent once more
with fresh ones. When to come back is for the caller, who knows what else there is to do; but where the server has
asked for time (429 or 503 with Retry-After), the same kind of request is not sent before that has passed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from importlib import metadata
from typing import Any, Self

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_exceptions import HttpProcessingError

from batchmatrix.adapters.kube.access import Access
from batchmatrix.adapters.kube.clock import ServerClock
from batchmatrix.adapters.kube.errors import refusal
from batchmatrix.adapters.kube.paths import requested
from batchmatrix.adapters.kube.patience import Patience
from batchmatrix.base.errors import LeaseLost, Unavailable
from batchmatrix.base.text import one_line
from batchmatrix.ports.lease import Fence
from batchmatrix.ports.meter import UNMETERED, Meter

__all__ = ["JSON_PATCH", "MERGE_PATCH", "REQUEST_TIMEOUT", "STRATEGIC_PATCH", "Client"]

REQUEST_TIMEOUT = 30.0
"""Seconds after which a request that is not a stream is given up, unless the client is made with another limit; it
may have been carried out all the same."""
CONNECT_TIMEOUT = 5.0
IN_FLIGHT = 32
"""Requests, less streams, that one client has under way at once."""
PAGE = 500
LINE_LIMIT = 8 << 20
"""Bytes of one watch event; etcd holds objects to 1.5 MiB."""

REFUSAL_LIMIT = 64 << 10
"""Bytes that are read of an answer that refuses."""

OWN = "Audit-Id"
"""Header of every answer that the API server gives itself, refusals too; a proxy's 502 has none."""

MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"

JSON = dict[str, Any]

_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


class _FencedBody(aiohttp.BytesPayload):
    """A request body that asks the fence once more in the very step that hands the bytes to the socket.

    Between the start of a request and that step lie waits: for a connection, a TLS handshake, a proxy.
    Headers leave together with the first bytes of the body, so nothing reaches the server when this raises.
    """

    def __init__(self, data: bytes, fence: Fence | None) -> None:
        super().__init__(data)
        self._fence = fence

    async def write(self, writer: AbstractStreamWriter) -> None:
        await self.write_with_length(writer, None)

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        if self._fence is not None:
            self._fence.check()
        await super().write_with_length(writer, content_length)


class Client:
    """A connection pool to one API server. Make it inside a running event loop; close it, or use `async with`.

    Every method raises the errors of adapters.kube.errors and base.errors; what is not an answer (no network, a
    timeout) is Unavailable. With a `fence`, no mutating request leaves after the fence said no (LeaseLost). The
    `meter` gets word of every request that was sent.
    One that is not `patient` may ask again at once, whatever the server said: for who has a deadline of its own.
    """

    def __init__(
        self,
        access: Access,
        *,
        fence: Fence | None,
        in_flight: int = IN_FLIGHT,
        timeout: float = REQUEST_TIMEOUT,
        patient: bool = True,
        meter: Meter = UNMETERED,
    ) -> None:
        self.meter = meter
        self.clock = ServerClock()
        """Set by every answer of the API server itself."""
        self._access = access
        self._timeout = timeout
        self._patience = Patience() if patient else None
        self._fence = fence
        self._slots = asyncio.Semaphore(in_flight)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=access.tls or True, limit=0),
            # Lists are read on the same network: packing them costs both sides more than it saves.
            headers={"User-Agent": f"batchmatrix/{_version()}", "Accept-Encoding": "identity"},
            proxy=access.proxy,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let the connections go."""
        await self._session.close()

    @property
    def server(self) -> str:
        """URL of the API server, without a slash at its end."""
        return self._access.server

    @contextlib.asynccontextmanager
    async def stream(
        self, path: str, params: Mapping[str, str], *, silence: float | None
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        """GET an answer of any length (a watch, a log); its status is below 400.

        `silence` is how many seconds may pass without a byte before reading fails; None for no limit.
        Failures while reading come out of this block as Unavailable. The caller bounds how many streams are open.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT, sock_read=silence)
        what = f"get {path}"
        try:
            response = await self._respond("GET", path, params, None, {}, timeout)
            async with response:
                if response.status >= 400:
                    raise await self._refused(what, response)
                yield response
        except (aiohttp.ClientError, HttpProcessingError, OSError) as error:
            raise _unreachable(what, error) from error

    async def get(self, path: str, *, timeout: float | None = None, **params: str) -> JSON:
        """Read one object; `params` are the query."""
        return _object(await self._call("GET", path, params=params, timeout=timeout))

    async def pages(self, path: str, *, label_selector: str = "", limit: int = PAGE) -> AsyncGenerator[JSON]:
        """List a collection page by page, as it was at one moment. Raises Gone when that took too long."""
        params = {"limit": str(limit)}
        if label_selector:
            params["labelSelector"] = label_selector
        while True:
            page = _object(await self._call("GET", path, params=params))
            yield page
            params["continue"] = (page.get("metadata") or {}).get("continue") or ""
            if not params["continue"]:
                return

    async def watch(
        self, path: str, *, resource_version: str, label_selector: str = "", seconds: int = 240, silence: float = 70.0
    ) -> AsyncGenerator[JSON]:
        """Events after `resource_version`, bookmarks among them, until the server ends the stream.

        `seconds` is asked of the server. Raises Gone when the version is too old, Unavailable after `silence`
        seconds without a byte (servers send a bookmark about every minute).
        """
        params = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(seconds),
        }
        if label_selector:
            params["labelSelector"] = label_selector
        async with self.stream(path, params, silence=silence) as response:
            async for line in _lines(response):
                event = _object(line)
                if event.get("type") == "ERROR":
                    status = event.get("object") or {}
                    raise refusal(f"watch {path}", int(status.get("code") or 500), body=json.dumps(status).encode())
                yield event

    async def create(self, path: str, body: JSON, *, timeout: float | None = None) -> JSON:
        """Make an object in the collection `path`. Raises AlreadyExists."""
        return _object(await self._call("POST", path, body=body, timeout=timeout))

    async def replace(self, path: str, body: JSON, *, timeout: float | None = None) -> JSON:
        """Write an object whole; with a resourceVersion in it only over that version. Raises Conflict."""
        return _object(await self._call("PUT", path, body=body, timeout=timeout))

    async def patch(self, path: str, body: JSON | list[JSON], *, kind: str) -> None:
        """Change parts of an object; `kind` is one of the *_PATCH media types."""
        await self._call("PATCH", path, body=body, content=kind)

    async def delete(self, path: str, *, uid: str, grace_seconds: int | None = None) -> None:
        """Delete the object if it still has this uid, its dependents in the background. Raises NotFound, Conflict."""
        options: JSON = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": {"uid": uid},
        }
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        await self._call("DELETE", path, body=options)

    async def _call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: JSON | list[JSON] | None = None,
        content: str = "application/json",
        timeout: float | None = None,
    ) -> bytes:
        what = f"{method.lower()} {path}"
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        headers = {} if data is None else {"Content-Type": content}
        timeout = self._timeout if timeout is None else timeout
        limits = aiohttp.ClientTimeout(total=timeout, sock_connect=min(CONNECT_TIMEOUT, timeout))
        async with self._slots:
            if self._patience is not None:
                self._patience.check(method, path)
            try:
                async with await self._respond(method, path, params, data, headers, limits) as response:
                    if response.status >= 400:
                        error = await self._refused(what, response)
                        self._be_patient(method, path, response.status, error)
                        raise error
                    return await response.read()
            except (aiohttp.ClientError, OSError) as error:
                raise _unreachable(what, error) from error

    def _be_patient(self, method: str, path: str, status: int, error: Exception) -> None:
        if self._patience is not None and status in (429, 503) and isinstance(error, Unavailable) and error.retry_after:
            self._patience.note(method, path, error.retry_after)

    async def _respond(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        data: bytes | None,
        headers: dict[str, str],
        timeout: aiohttp.ClientTimeout,
    ) -> aiohttp.ClientResponse:
        """Send, with fresh credentials once more if the server does not know us; the caller lets the answer go."""
        response = await self._send(method, path, params, data, headers, timeout)
        if response.status == 401:
            response.release()
            self._access.refused()
            response = await self._send(method, path, params, data, headers, timeout)
        return response

    async def _send(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        data: bytes | None,
        headers: dict[str, str],
        timeout: aiohttp.ClientTimeout,
    ) -> aiohttp.ClientResponse:
        headers = headers | await self._access.headers()
        mutating = method != "GET"
        if mutating and self._fence is not None:
            self._fence.check()
        sent = self.clock.monotonic()
        try:
            response = await self._session.request(
                method,
                self._access.server + path,
                params=params,
                data=_FencedBody(data or b"", self._fence) if mutating else None,
                headers=headers,
                timeout=timeout,
                server_hostname=self._access.server_name,
                allow_redirects=False,
            )
        except (aiohttp.ClientError, OSError) as error:
            if isinstance(error.__cause__, LeaseLost):
                raise error.__cause__ from None
            self._count(method, path, params, "none")
            raise
        self._count(method, path, params, str(response.status))
        if OWN in response.headers:
            self.clock.heard(response.headers.get("Date", ""), sent=sent)
        return response

    def _count(self, method: str, path: str, params: Mapping[str, str] | None, code: str) -> None:
        resource, one = requested(path)
        if method == "GET" and not one:
            verb = "watch" if params is not None and "watch" in params else "list"
        else:
            verb = _VERBS[method]
        self.meter.kube_request(verb, resource, code)

    @staticmethod
    async def _refused(what: str, response: aiohttp.ClientResponse) -> Exception:
        body = b""
        async for block in response.content.iter_any():
            body += block
            if len(body) > REFUSAL_LIMIT:
                break
        return refusal(what, response.status, body=body, retry_after=response.headers.get("Retry-After"))


def _version() -> str:
    try:
        return metadata.version("batchmatrix")
    except metadata.PackageNotFoundError:  # run from a checkout
        return "0"


def _unreachable(what: str, error: Exception) -> Unavailable:
    reason = "no answer in time" if isinstance(error, TimeoutError) else one_line(str(error) or type(error).__name__)
    return Unavailable(f"{what}: {reason}")


def _object(data: bytes) -> JSON:
    try:
        value = json.loads(data)
    except ValueError as error:
        raise Unavailable(f"the API server's answer is not JSON: {one_line(str(error))}") from error
    if not isinstance(value, dict):
        raise Unavailable("the API server's answer is not an object")
    return value


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Whole lines of any length up to LINE_LIMIT; a last one without its end is cut off in mid-flight and dropped."""
    parts: list[bytes] = []
    size = 0
    async for block in response.content.iter_any():
        *whole, rest = block.split(b"\n")
        for piece in whole:
            line = b"".join((*parts, piece))
            parts, size = [], 0
            if line.strip():
                yield line
        parts.append(rest)
        size += len(rest)
        if size > LINE_LIMIT:
            raise Unavailable(f"get {response.url.path}: an event of more than {LINE_LIMIT} bytes")
