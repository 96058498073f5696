"""What the kubelet asks: is it alive (/healthz), is it ready (/readyz); and what Prometheus does (/metrics)."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

__all__ = ["Probes"]

Check = Callable[[], str]
"""Gives an empty text where all is well, else what is wrong in one line."""

Render = Callable[[str], tuple[bytes, str]]
"""Given an Accept header, gives the metrics and their content type."""


class Probes:
    """A small server; that it answers at all shows that the loop turns."""

    def __init__(self, *, alive: Check, ready: Check, metrics: Render, port: int) -> None:
        self._checks = {"/healthz": alive, "/readyz": ready}
        self._metrics = metrics
        self._port = port
        self._runner: web.AppRunner | None = None

    async def start(self) -> int:
        """Listen on all addresses of the pod, as the kubelet asks from outside; gives the port.

        Where the system chooses (0), IPv4 and IPv6 get ports of their own: it is that of IPv4, if there is one.
        """
        app = web.Application()
        for path in self._checks:
            app.router.add_get(path, self._answer)
        app.router.add_get("/metrics", self._scrape)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, None, self._port, reuse_address=True)
        await site.start()
        self._runner = runner
        ports = {":" in str(address[0]): int(address[1]) for address in runner.addresses}
        return ports.get(False) or ports[True]

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        trouble = self._checks[request.path]()
        return web.Response(status=503 if trouble else 200, text=(trouble or "ok") + "\n")

    async def _scrape(self, request: web.Request) -> web.Response:
        body, content_type = self._metrics(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})
