"""The control group of each node: made before its kubelet starts, emptied and removed after.

Both generations are handled. With version 1 (and the hybrid of the two) a
folder is needed below every controller; with version 2 one folder is, and the
controllers have to be handed down to it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from .shell import wait_until

ROOT = Path("/sys/fs/cgroup")


def version_two(root: Path = ROOT) -> bool:
    return (root / "cgroup.controllers").is_file()


def hierarchies(root: Path = ROOT) -> list[Path]:
    """Return every mounted hierarchy, aliases such as ``cpu -> cpu,cpuacct`` once."""
    if version_two(root):
        return [root]
    return sorted({entry.resolve() for entry in root.iterdir() if (entry / "cgroup.procs").is_file()})


def create(name: str, root: Path = ROOT) -> None:
    """Make the group ``name`` (with a leading slash) in every hierarchy."""
    for hierarchy in hierarchies(root):
        folder = hierarchy / name.lstrip("/")
        folder.mkdir(exist_ok=True)
        if version_two(root):
            for level in (hierarchy, folder):
                for controller in (level / "cgroup.controllers").read_text().split():
                    with contextlib.suppress(OSError):
                        (level / "cgroup.subtree_control").write_text(f"+{controller}")
        elif (folder / "cpuset.cpus").is_file():
            # A new cpuset is empty, and no process may enter an empty one.
            for file in ("cpuset.cpus", "cpuset.mems"):
                if not (folder / file).read_text().strip():
                    (folder / file).write_text((hierarchy / file).read_text().strip())


def groups(name: str, root: Path = ROOT) -> list[Path]:
    """Return the group's folders and all below them, deepest first."""
    found: list[Path] = []
    for hierarchy in hierarchies(root):
        top = hierarchy / name.lstrip("/")
        if top.is_dir():
            found += [Path(folder) for folder, _, _ in os.walk(top, topdown=False)]
    return found


def members(name: str, root: Path = ROOT) -> set[int]:
    """Return the pids of all processes in the group or below it."""
    pids: set[int] = set()
    for folder in groups(name, root):
        with contextlib.suppress(OSError):
            pids.update(int(word) for word in (folder / "cgroup.procs").read_text().split())
    pids.discard(0)
    return pids


def kill(name: str, root: Path = ROOT) -> None:
    """Kill every process of the group; a frozen one is thawed so that it can die."""
    if not members(name, root):
        return
    for folder in groups(name, root):
        with contextlib.suppress(OSError):
            state = folder / "freezer.state"
            if state.is_file() and state.read_text().strip() != "THAWED":
                state.write_text("THAWED")

    def emptied() -> bool:
        left = members(name, root)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not left

    wait_until(f"the processes of {name} to end", emptied, seconds=15, interval=0.05)


def remove(name: str, root: Path = ROOT) -> None:
    """Remove the group from every hierarchy, trying again while the kernel still lets go of it."""
    deadline = time.monotonic() + 5.0
    while True:
        left = groups(name, root)
        for folder in left:
            with contextlib.suppress(OSError):
                folder.rmdir()
        if not groups(name, root) or time.monotonic() > deadline:
            return
        time.sleep(0.1)
