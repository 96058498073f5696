"""Python packages for the images: downloaded by hash once, and our own wheel built from the working tree."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..local_kubernetes.errors import ClusterError
from ..local_kubernetes.shell import run, say

PYTHON = "3.11"
"""Python release of the images; the wheels must fit it, whatever Python runs this."""
GLIBC = (36, 35, 34, 31, 28, 27, 24, 17)
"""Releases 2.x of the C library whose wheels run on the images, newest first."""
PIP_SECONDS = 600.0


def requirements(lock: Path, names: Iterable[str] | None = None) -> str:
    """Return the entries of a hashed lock file, or those of `names` only.

    Raises ClusterError where the lock lacks one of them.
    """
    text = lock.read_text()
    if names is None:
        return text
    entries = []
    for name in names:
        found = re.search(rf"^{re.escape(name)}==[^\n]*\\\n(?:    --hash=\S+(?: \\)?\n?)+", text, flags=re.MULTILINE)
        if found is None:
            raise ClusterError(f"{lock} has no hashed entry for {name}")
        entries.append(found[0].rstrip())
    return "\n".join(entries) + "\n"


def version(lock: Path, name: str) -> str:
    """Return the version of one package in a lock file."""
    return requirements(lock, [name]).partition("==")[2].split()[0]


def platforms(machine: str | None = None) -> list[str]:
    """Return the platform tags of wheels that run on the images, best first."""
    machine = machine or platform.machine()
    return [*(f"manylinux_2_{minor}_{machine}" for minor in GLIBC), f"manylinux2014_{machine}"]


def downloaded(cache: Path, what: str, text: str) -> Path:
    """Return a folder with exactly the wheels that `text` (hashed requirements) asks for, downloading them once."""
    tags = [PYTHON, *platforms()]
    key = hashlib.sha256("\0".join([text, *tags]).encode()).hexdigest()[:12]
    folder = cache / f"wheels-{what}-{key}"
    if folder.is_dir():
        return folder
    say(f"downloading the Python packages of {what} (once; kept in {folder})")
    cache.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".wheels-", dir=cache))
    try:
        wanted = draft / "requirements.txt"
        wanted.write_text(text)
        words = [*pip(), "download", "--quiet", "--require-hashes", "--no-deps", "--only-binary", ":all:"]
        words += ["--implementation", "cp", "--python-version", PYTHON]
        words += [word for abi in (f"cp{PYTHON.replace('.', '')}", "abi3", "none") for word in ("--abi", abi)]
        words += [word for tag in platforms() for word in ("--platform", tag)]
        run([*words, "--requirement", wanted, "--dest", draft], timeout=PIP_SECONDS)
        wanted.unlink()
        draft.chmod(0o755)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def pip() -> list[str]:
    """Return a command that runs pip: the project's virtual environment has one, else this Python's own."""
    root = Path(__file__).resolve().parents[2]
    for python in (root / ".venv/bin/python", Path(sys.executable)):
        if python.is_file() and run([python, "-m", "pip", "--version"], check=False).returncode == 0:
            return [str(python), "-m", "pip", "--disable-pip-version-check"]
    raise ClusterError("no pip: run `make setup`, or install python3-pip")


def own_wheel(sources: Mapping[str, Path], tools: Path, out: Path) -> Path:
    """Build our wheel from `sources` (path in the tree to file) with the build tools in folder `tools`.

    The build sees a copy of just these files, so nothing else can get into the wheel, and has no network. The same
    sources give the same bytes.
    """
    with tempfile.TemporaryDirectory(prefix="wheel-") as scratch:
        for name, file in sources.items():
            target = Path(scratch) / "tree" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
        words: list[str | Path] = [
            *pip(),
            "wheel",
            "--quiet",
            "--no-deps",
            "--no-index",
            "--find-links",
            tools,
            "--wheel-dir",
            out,
        ]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": "1577836800", "PIP_NO_INDEX": "1", "PYTHONHASHSEED": "0"}
        run([*words, Path(scratch) / "tree"], timeout=PIP_SECONDS, env=environment)
    wheels = list(out.glob("batchmatrix-*.whl"))
    if len(wheels) != 1:
        raise ClusterError(f"the build left {len(wheels)} wheels in {out}, not one")
    return wheels[0]
