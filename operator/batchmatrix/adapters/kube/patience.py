"""What the API server has asked us to wait for (Retry-After), so that no pass asks again too soon.

Kept by verb and collection of one namespace: a webhook or a quota that puts off the Jobs of one namespace says nothing
about others.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from batchmatrix.base.errors import Unavailable

__all__ = ["LONGEST", "Patience"]

LONGEST = 300.0
"""Seconds that are waited at most, whatever the server says: a header must not stop a matrix for a day."""


class Patience:
    """Remembers until when a kind of request is not to be sent."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._until: dict[tuple[str, str], float] = {}

    def check(self, method: str, path: str) -> None:
        """Raises Unavailable, with how much longer to wait, where the server wants to be left alone."""
        key = (method, _collection(path))
        until = self._until.get(key)
        if until is None:
            return
        left = until - self._monotonic()
        if left > 0:
            text = f"{method.lower()} {path}: not sent, the API server asked to wait {left:.0f} s more"
            raise Unavailable(text, retry_after=left)
        del self._until[key]

    def note(self, method: str, path: str, seconds: float) -> None:
        """The server answered a request with Retry-After."""
        now = self._monotonic()
        self._until = {key: until for key, until in self._until.items() if until > now}
        self._until[method, _collection(path)] = now + min(seconds, LONGEST)


def _collection(path: str) -> str:
    """The path as far as the plural of its resource: `/api/v1/namespaces/x/pods` for any pod of x."""
    parts = path.split("/")
    root = 3 if path.startswith("/api/") else 4
    length = root + 3 if parts[root : root + 1] == ["namespaces"] and len(parts) > root + 2 else root + 1
    return "/".join(parts[:length])
