"""Container logs through the API server."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from batchmatrix.adapters.kube.client import Client
from batchmatrix.adapters.kube.paths import PODS
from batchmatrix.base.clock import format_rfc3339
from batchmatrix.base.errors import InvalidSpec, Unavailable
from batchmatrix.ports.logs import LogSource

__all__ = ["KubeLogs"]

SILENCE = 60.0
"""Seconds without a byte after which a read that does not follow is given up."""


class KubeLogs(LogSource):
    """Logs of the container `container` of pods, as the port wants them."""

    def __init__(self, client: Client, *, container: str = "trial") -> None:
        self._client = client
        self._container = container

    @contextlib.asynccontextmanager
    async def open(
        self, namespace: str, pod: str, *, follow: bool, since: float | None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """See the port. A container that has not started yet is Unavailable."""
        params = {"container": self._container, "timestamps": "true"}
        if follow:
            params["follow"] = "true"
        if since is not None:
            params["sinceTime"] = format_rfc3339(since)
        silence = None if follow else SILENCE
        path = PODS.one(namespace, pod, "log")
        try:
            async with self._client.stream(path, params, silence=silence) as response:
                yield response.content.iter_any()
        except InvalidSpec as error:  # 400: the container is still being created, or waits for its image
            raise Unavailable(str(error)) from error
