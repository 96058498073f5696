"""A folder that a command makes and fills: new or empty before, whole or not there afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from batchmatrix.adapters.files import shown_name
from batchmatrix.base.errors import InvalidSpec, NotFound, Problem
from batchmatrix.ports.store import ObjectInfo, Store, check_key

__all__ = ["RunFolder"]


class RunFolder(Store):
    """Use it in a `with`: if that ends by an exception, what was written is removed again.

    It is a Store too, for what writes logs; objects are not fsynced one by one, as the command can be run again.
    """

    def __init__(self, path: Path, *, option: str = "--output") -> None:
        self.path = path
        self._option = option
        self._made: list[str] = []
        """Paths in the order in which they were made, as texts: a Path takes ten times the memory."""

    def check(self) -> None:
        """Raises InvalidSpec where nothing may be written there, so that this is known before any work is done."""
        with self._told():
            if self.path.is_dir():
                if any(self.path.iterdir()):
                    raise self._refused("is not empty, and nothing is ever overwritten; name another folder")
            elif self.path.exists() or self.path.is_symlink():
                raise self._refused("is no folder; name another one")

    def __enter__(self) -> Self:
        self.check()
        self._folder(self.path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            return
        for path in reversed(self._made):
            with contextlib.suppress(OSError):  # what somebody else put there stays
                made = Path(path)
                made.rmdir() if made.is_dir() else made.unlink()

    def write(self, key: str, data: bytes) -> None:
        """Write a file that is not there yet; `key` is its path in the folder. Raises InvalidSpec."""
        with self.opened(key) as stream:
            stream.write(data)

    @contextlib.contextmanager
    def opened(self, key: str) -> Iterator[BinaryIO]:
        """As `write`, for what comes in pieces."""
        check_key(key)
        path = self.path / key
        self._folder(path.parent)
        with self._told(), path.open("xb") as stream:
            self._made.append(str(path))
            yield stream

    def _folder(self, path: Path) -> None:
        with self._told():
            missing = []
            while not path.exists():
                missing.append(path)
                path = path.parent
            for each in reversed(missing):
                each.mkdir()
                self._made.append(str(each))

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise self._refused(f"cannot be written: {reason}; name another folder") from None

    def _refused(self, why: str) -> InvalidSpec:
        return InvalidSpec([Problem(f"{self._option} {shown_name(self.path)}", why)])

    # -- as a store ------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Where it is."""
        return self.path.resolve().as_uri()

    async def put_new(self, key: str, data: bytes) -> None:
        """As `write`."""
        self.write(key, data)

    async def put(self, key: str, data: bytes) -> None:
        """As `write`: nothing here is written twice."""
        self.write(key, data)

    async def get(self, key: str) -> bytes:
        """What was written. Raises NotFound."""
        check_key(key)
        try:
            return (self.path / key).read_bytes()
        except OSError:
            raise NotFound(f"{key} is not in {self.path}") from None

    async def list(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        """What was written, in the order of keys."""
        top = str(self.path / "x")[:-1]
        keys = [path.removeprefix(top) for path in self._made if path.startswith(top + prefix)]
        for key in sorted(keys):
            path = self.path / key
            if path.is_file():
                yield ObjectInfo(key, path.stat().st_size)

    async def delete(self, key: str) -> None:
        """Remove one file."""
        check_key(key)
        (self.path / key).unlink(missing_ok=True)

    async def close(self) -> None:
        """Nothing is open."""
