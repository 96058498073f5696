"""Where the bytes of a container come from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

__all__ = ["LogSource"]


class LogSource(Protocol):
    """Logs of the one container of a pod, each line led by its RFC 3339 nanosecond time and a space."""

    def open(
        self, namespace: str, pod: str, *, follow: bool, since: float | None
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Stream raw blocks of any size from the newest file of the log.

        `since` (Unix seconds) leaves out older lines; servers round it down to whole seconds. With `follow` the
        stream ends when the container has ended. Raises NotFound where pod or container is gone, Unavailable
        where the node or server does not answer or the stream breaks; a stream that just ends was whole.
        """
        ...
