"""Durable objects by key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

__all__ = ["ObjectInfo", "Store"]


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object of a listing."""

    key: str
    size: int
    """Bytes."""


class Store(Protocol):
    """A bucket or a folder. Keys are relative, `/`-separated, of printable ASCII, at most 1024 bytes.

    Every method raises Unavailable where the store cannot answer now; what a method returned from without an
    error is durable and seen by every later call.
    """

    @property
    def url(self) -> str:
        """Where a person finds it: `s3://bucket/prefix` or `file:///path`; holds no secret."""
        ...

    async def put_new(self, key: str, data: bytes) -> None:
        """Write an object that must not be there yet; of two writers exactly one wins. Raises AlreadyExists."""
        ...

    async def put(self, key: str, data: bytes) -> None:
        """Write an object whole, in place of an older one."""
        ...

    async def get(self, key: str) -> bytes:
        """Read an object whole. Raises NotFound."""
        ...

    def list(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        """Objects whose key begins with `prefix`, in the byte order of their keys."""
        ...

    async def delete(self, key: str) -> None:
        """Remove an object; one that is not there is fine."""
        ...

    async def close(self) -> None:
        """Let connections go."""
        ...
