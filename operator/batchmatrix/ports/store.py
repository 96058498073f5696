"""Durable objects by key."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from batchmatrix.base.errors import InvalidSpec, Problem

__all__ = ["KEY_LIMIT", "ObjectInfo", "ReadableStore", "Store", "check_key"]

KEY_LIMIT = 1024
"""Bytes of the longest key."""

_SEGMENT = r"[!-\-0-\[\]-~][ -.0-\[\]-~]{0,254}"
_KEY = re.compile(rf"{_SEGMENT}(/{_SEGMENT})*")


def check_key(key: str) -> None:
    """Raises InvalidSpec where `key` is not one that every store can hold.

    Segments between slashes are 1 to 255 printable ASCII characters without a backslash (SeaweedFS takes one for a
    slash) and do not begin with a dot (so `..` is out, and a folder can hide its temporary files) or a space.
    """
    if len(key) > KEY_LIMIT or not _KEY.fullmatch(key):
        raise InvalidSpec(
            [
                Problem(
                    "key",
                    f"{ascii(key)[:200]} cannot name an object; use at most {KEY_LIMIT} characters: segments of "
                    "printable ASCII without a backslash, of at most 255, none empty or beginning with a dot or space",
                )
            ]
        )


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object of a listing."""

    key: str
    size: int
    """Bytes."""


class ReadableStore(Protocol):
    """A bucket or a folder, for those who only read. Keys are relative, `/`-separated, and such as check_key takes.

    Every method raises Unavailable where the store cannot answer now.
    """

    @property
    def url(self) -> str:
        """Where a person finds it: `s3://bucket/prefix` or `file:///path`; holds no secret."""
        ...

    async def get(self, key: str) -> bytes:
        """Read an object whole. Raises NotFound."""
        ...

    def list(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        """Objects whose key begins with `prefix` (any text), in the byte order of their keys."""
        ...

    async def close(self) -> None:
        """Let connections go."""
        ...


class Store(ReadableStore, Protocol):
    """One that is written, too.

    What a method returned from without an error is durable and seen by every later call. After Unavailable, or when a
    call was cancelled, a write may have happened or not, or may still happen. No key may be the folder of another (`a`
    beside `a/b`): a folder refuses the later one with NameConflict.
    """

    async def put_new(self, key: str, data: bytes) -> None:
        """Write an object that must not be there yet; of two writers exactly one wins. Raises AlreadyExists.

        AlreadyExists can also mean an own earlier try whose reply was lost: who cares reads back and compares.
        """
        ...

    async def put(self, key: str, data: bytes) -> None:
        """Write an object whole, in place of an older one."""
        ...

    async def delete(self, key: str) -> None:
        """Remove an object; one that is not there is fine."""
        ...
