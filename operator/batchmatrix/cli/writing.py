"""Files that commands write: whole or not at all, and never over what they read."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from batchmatrix.adapters.files import STANDARD_INPUT, shown_name
from batchmatrix.base.errors import InvalidSpec, Problem

__all__ = ["Target"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A file to be written, and what must not happen to others by that."""

    option: str
    """Option that names it, for messages: `--out`."""
    path: Path
    force: bool
    """Whether a file that is there is replaced."""
    inputs: Sequence[Path | None] = ()
    """Files that the same command reads; `-` is what standard input comes from."""

    def check(self) -> None:
        """Raises InvalidSpec where it may not be written, so that this is known before any work is done."""
        if self.path == STANDARD_INPUT:
            raise self._refused("is no file; name one")
        with self._told():
            there = self.path.stat() if self.path.exists() else None
            if there is None and self.path.is_symlink():
                raise self._refused("is a link to nothing; name the file itself")
            for one in self.inputs:
                if there is not None and one is not None and _is(one, there):
                    raise self._refused(f"is {shown_name(one)}, which this command reads; name another file")
        if there is None:
            return
        if not self.force:
            raise self._refused("is there already; name another file, or add --force")
        if not stat.S_ISREG(there.st_mode):
            raise self._refused("is no file that can be replaced; name another file")

    def write(self, data: bytes) -> None:
        """Put `data` there by way of a file beside it, which takes its place when all of it is on the disk.

        Raises InvalidSpec where that cannot be done, and leaves what was there as it was.
        """
        self.check()
        with self._told():
            path = self.path.resolve()  # a link stays one
            beside = path.with_name(f".batchmatrix-{secrets.token_hex(8)}")
            try:
                _write(beside, data, mode=stat.S_IMODE(path.stat().st_mode) if path.exists() else None)
                if not self.force:
                    path.open("xb").close()  # from here on the name is ours, whoever else wanted it
                beside.replace(path)
            finally:
                beside.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except FileExistsError:
            raise self._refused("is there already; name another file, or add --force") from None
        except (OSError, ValueError, RuntimeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise self._refused(f"cannot be written: {reason}; name another file") from None

    def _refused(self, why: str) -> InvalidSpec:
        return InvalidSpec([Problem(f"{self.option} {shown_name(self.path)}", why)])


def _write(path: Path, data: bytes, *, mode: int | None) -> None:
    with path.open("xb") as stream:
        if mode is not None:
            os.fchmod(stream.fileno(), mode)
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _is(path: Path, there: os.stat_result) -> bool:
    """Whether an input is the same file, by whatever name."""
    try:
        own = os.fstat(sys.stdin.fileno()) if path == STANDARD_INPUT else path.stat()
    except (OSError, ValueError):  # it is said where the file is read
        return False
    return os.path.samestat(own, there)
