"""Durable files in a folder, blocking. What a method returned from survives a crash of the machine.

Order of every write: temporary file, its bytes, fsync; parents made and fsynced; link (new) or rename (replace);
fsync of the folder that now names it. Temporary files lie in one folder at the root, not beside their target: so
that cleaning up after a crash reads one folder and not the whole tree.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import itertools
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

from batchmatrix.base.errors import AlreadyExists, InvalidSpec, NameConflict, NotFound
from batchmatrix.ports.store import check_key

__all__ = ["PARTIAL", "Files"]

PARTIAL = ".partial"
"""Folder of temporary files; no key and no listing can name it, for its leading dot."""

_TRIES = 5
"""How often a write makes its parents anew when a concurrent removal took them away as empty."""

_KNOWN_LIMIT = 50_000
"""Folders remembered as durable; forgetting them costs an fsync each, nothing else."""


class Files:
    """Files below one root, named by keys. Safe for use from several threads and processes."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self._token = secrets.token_hex(8)
        self._numbers = itertools.count()
        self._known: set[Path] = set()

    def prepare(self) -> None:
        """Make the root, flush it, and remove temporary files that a crash left behind.

        The flush is for objects that a killed process had linked and not yet fsynced: from here on they may be
        read and relied upon. A living second process loses its temporary files to this, and with them at most one
        write, which it sees fail.
        """
        partial = self.root / PARTIAL
        for folder in (*reversed(self.root.parents), self.root, partial):
            if not folder.is_dir():
                folder.mkdir(exist_ok=True)
                _fsync_folder(folder.parent)
        for entry in os.scandir(partial):
            Path(entry.path).unlink(missing_ok=True)
        _flush_filesystem(self.root)

    def create(self, key: str, data: bytes) -> None:
        """Raises AlreadyExists, NameConflict, OSError."""
        target = self._path(key)
        with self._temporary(data) as temporary:

            def link() -> None:
                try:
                    os.link(temporary, target, follow_symlinks=False)
                except FileExistsError:
                    # NFS may carry a link out, lose the reply, and answer the repeated call with EEXIST.
                    if temporary.stat().st_nlink > 1:
                        return
                    if target.is_dir():
                        raise
                    _fsync_folder(target.parent)  # its writer may not have come to that yet
                    raise AlreadyExists(f"{key} is in {self.root} already") from None

            self._place(key, target, link)

    def replace(self, key: str, data: bytes) -> None:
        """Raises NameConflict, OSError."""
        target = self._path(key)
        with self._temporary(data) as temporary:
            self._place(key, target, lambda: temporary.replace(target))

    def read(self, key: str) -> bytes:
        """Raises NotFound, OSError."""
        try:
            return self._path(key).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise NotFound(f"{key} is not in {self.root}") from None

    def remove(self, key: str) -> None:
        """Remove the file and the parents that became empty. Raises OSError."""
        target = self._path(key)
        try:
            target.unlink()
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError:
            if target.is_dir():
                return
            raise
        parents = list(itertools.takewhile(lambda folder: folder != self.root, target.parents))
        for folder in (*parents, self.root):
            with contextlib.suppress(FileNotFoundError):  # another remover found it empty
                _fsync_folder(folder)
                break
        with contextlib.suppress(OSError):  # not empty, or gone
            for folder in parents:
                folder.rmdir()
                self._known.discard(folder)

    def walk(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Key and size of each file whose key begins with `prefix`, in byte order; holds one folder's names at a time.

        What is no regular file or has a name that no key can have is left out.
        """
        base = prefix.rpartition("/")[0]
        if base:
            try:
                check_key(base)
            except InvalidSpec:
                return
        yield from self._walk(base + "/" if base else "", prefix)

    def _walk(self, base: str, prefix: str) -> Iterator[tuple[str, int]]:
        try:
            with os.scandir(self.root / base) as scan:
                # A folder sorts as its name with the slash: that is where its keys stand among the others.
                entries = sorted((f"{e.name}/" if e.is_dir(follow_symlinks=False) else e.name, e) for e in scan)
        except (FileNotFoundError, NotADirectoryError):
            return
        for name, entry in entries:
            key = base + name
            if not (key.startswith(prefix) or prefix.startswith(key)) or (not base and name == "lost+found/"):
                continue
            try:
                check_key(key.removesuffix("/"))
            except InvalidSpec:
                continue
            if name.endswith("/"):
                yield from self._walk(key, prefix)
            elif key.startswith(prefix) and entry.is_file(follow_symlinks=False):
                with contextlib.suppress(FileNotFoundError):  # removed since the folder was read
                    yield key, entry.stat(follow_symlinks=False).st_size

    def _path(self, key: str) -> Path:
        check_key(key)
        return self.root / key

    @contextlib.contextmanager
    def _temporary(self, data: bytes) -> Iterator[Path]:
        path = self.root / PARTIAL / f"{self._token}-{next(self._numbers)}"
        try:
            with path.open("xb", buffering=0) as file:
                rest = memoryview(data)
                while rest:
                    rest = rest[file.write(rest) :]
                os.fsync(file.fileno())
            yield path
        finally:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def _blocked(self, target: Path) -> bool:
        """Whether a folder stands where the file is to be, or a file where one of its folders is to be."""
        folders = itertools.takewhile(lambda folder: folder != self.root, target.parents)
        return target.is_dir() or any(folder.exists() and not folder.is_dir() for folder in folders)

    def _place(self, key: str, target: Path, name_it: Callable[[], object]) -> None:
        for attempt in range(1, _TRIES + 1):
            try:
                self._make_durable(target.parent)
                name_it()
                break
            except FileNotFoundError:
                self._known.clear()
                if attempt == _TRIES:
                    raise
            except (FileExistsError, IsADirectoryError, NotADirectoryError):
                if attempt < _TRIES and not self._blocked(target):
                    self._known.clear()  # a folder went away while it was being looked at
                    continue
                raise NameConflict(
                    f"{key} cannot be written in {self.root}: one of its names is a folder there where a file is "
                    "needed, or a file where a folder is; move that away"
                ) from None
        with contextlib.suppress(FileNotFoundError):  # the object was removed since, and its folder with it
            _fsync_folder(target.parent)

    def _make_durable(self, folder: Path) -> None:
        """Make `folder` with its parents, and see each one's name fsynced once in the life of this process."""
        unsure = []
        while folder not in self._known and folder != self.root:
            unsure.append(folder)
            folder = folder.parent
        for path in reversed(unsure):
            try:
                path.mkdir()
            except FileExistsError:
                if not path.is_dir():
                    raise
            _fsync_folder(path.parent)
            if len(self._known) >= _KNOWN_LIMIT:
                self._known.clear()
            self._known.add(path)


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush_filesystem(folder: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if libc.syncfs(descriptor) != 0:
            number = ctypes.get_errno() or errno.EIO
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        os.close(descriptor)
