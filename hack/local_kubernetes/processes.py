"""Long-running processes: started in the background, remembered by pid *and* start time, ended by both.

A pid alone is not an identity, because the kernel gives it out again. The start
time in /proc tells whether the process behind a pid file is still the one that
was started, so a stale file never costs a stranger its life.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from .errors import ClusterError

PROC = Path("/proc")


COLLECT_SELDOM = {"GOGC": "400"}
"""For Go's garbage collector: memory is there in plenty, while the processors are what everything waits for."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A process of this boot: ``start`` is its start time in clock ticks since the machine came up."""

    pid: int
    start: int


@dataclass(frozen=True, slots=True)
class Program:
    """What to start. ``name`` names its pid file and its log file; ``log`` gets stdout and stderr."""

    name: str
    executable: Path
    arguments: Sequence[str]
    log: Path
    argv0: str | None = None
    env: Mapping[str, str] | None = None


def parse_stat(text: str) -> tuple[str, int]:
    """Return state letter and start time (ticks) from a /proc/PID/stat line.

    The command name in it may hold blanks and brackets, so fields are counted after the last bracket.
    """
    fields = text[text.rindex(")") + 1 :].split()
    return fields[0], int(fields[19])


def identity(pid: int) -> Identity | None:
    """Return the identity of a living process, or None when it is gone or only a zombie."""
    try:
        state, start = parse_stat((PROC / str(pid) / "stat").read_text())
    except (OSError, ValueError, IndexError):
        return None
    return None if state in "ZX" else Identity(pid, start)


def alive(known: Identity) -> bool:
    """Tell whether exactly this process, not another with the same pid, is running."""
    return identity(known.pid) == known


def pid_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def recorded(folder: Path, name: str) -> Identity | None:
    """Read a pid file; None when it is missing or unreadable."""
    try:
        content = json.loads(pid_file(folder, name).read_text())
        return Identity(int(content["pid"]), int(content["start"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def running(folder: Path, name: str) -> bool:
    known = recorded(folder, name)
    return known is not None and alive(known)


def start(folder: Path, program: Program) -> Identity:
    """Start ``program`` in a session of its own and write its pid file."""
    program.log.parent.mkdir(parents=True, exist_ok=True)
    with program.log.open("ab") as log:
        child = subprocess.Popen(
            [program.argv0 or str(program.executable), *program.arguments],
            executable=str(program.executable),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=None if program.env is None else {**os.environ, **program.env},
            cwd="/",
        )
    # The child outlives this command; without this Popen would warn about that.
    child.returncode = 0
    known = identity(child.pid)
    if known is None:
        raise ClusterError(f"{program.name} ended at once; its log: {program.log}")
    target = pid_file(folder, program.name)
    draft = target.with_suffix(".new")
    draft.write_text(json.dumps({"name": program.name, **asdict(known), "log": str(program.log)}))
    draft.replace(target)
    return known


def ensure(folder: Path, program: Program) -> bool:
    """Start ``program`` unless it is running already (a stopped one is woken); tell whether it was started now."""
    known = recorded(folder, program.name)
    if known is not None and alive(known):
        signal_process(known, signal.SIGCONT)
        return False
    start(folder, program)
    return True


def must_be_alive(folder: Path, name: str, log: Path) -> None:
    """Raise when a process this command started has ended while somebody waits for it."""
    if not running(folder, name):
        raise ClusterError(f"{name} ended while starting; its log: {log}")


def signal_process(known: Identity, number: int) -> None:
    if alive(known):
        with contextlib.suppress(ProcessLookupError):
            os.kill(known.pid, number)


def reap(pids: Iterable[int]) -> None:
    """Collect those of ``pids`` that are children of this command and have ended."""
    for pid in pids:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def end(known: Sequence[Identity], *, grace: float) -> None:
    """Ask the processes to end, wait at most ``grace`` seconds for all of them, then kill what is left."""
    for number, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
        if number is signal.SIGTERM and seconds <= 0:
            continue
        for one in known:
            signal_process(one, number)
        deadline = time.monotonic() + seconds
        while any(alive(one) for one in known) and time.monotonic() < deadline:
            time.sleep(0.05)
            reap(one.pid for one in known)
    left = [one.pid for one in known if alive(one)]
    if left:
        raise ClusterError(f"processes {left} do not end, not even when killed")


def every_recorded(folder: Path) -> dict[str, Identity]:
    """Return the living processes that pid files of ``folder`` name."""
    found: dict[str, Identity] = {}
    for file in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        known = recorded(folder, file.stem)
        if known is not None and alive(known):
            found[file.stem] = known
    return found


def command_lines() -> Iterable[tuple[Identity, list[str]]]:
    """Yield every living process of the machine with its command line."""
    for entry in PROC.iterdir():
        if not entry.name.isdigit():
            continue
        known = identity(int(entry.name))
        if known is None:
            continue
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            yield known, [word for word in words if word]
