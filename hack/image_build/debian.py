"""The Python base image for machines without a registry: a small Debian made on the spot.

debootstrap makes the system; then everything goes that does not belong to Python, a shell or what these two need.
What stays is told by the packages' own dependencies, not by a list of paths.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..local_kubernetes import packages
from ..local_kubernetes.images import architecture
from ..local_kubernetes.shell import run, say

SUITE = "bookworm"
MIRROR = "http://deb.debian.org/debian"
MIRROR_VARIABLE = "BATCHMATRIX_DEBIAN_MIRROR"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
INCLUDE = "python3,ca-certificates,libstdc++6"
KEEP = (
    "base-files",
    "base-passwd",
    "bash",
    "coreutils",
    "dash",
    "libc-bin",
    "libstdc++6",
    "netbase",
    "python3",
    "tzdata",
)
"""Packages that stay, with all that they depend on."""
DROP_FOLDERS = ("boot", "dev", "proc", "run", "sys", "tmp", "usr/share/man", "usr/share/locale", "usr/share/info",
                "usr/share/lintian", "var/cache", "var/log", "var/lib/apt", "var/backups", "var/tmp")  # fmt: skip
EMPTY_FOLDERS = {"dev": 0o755, "proc": 0o755, "run": 0o755, "sys": 0o755, "tmp": 0o1777, "var/tmp": 0o1777}
DEBOOTSTRAP_SECONDS = 900.0
_RECIPE = 1  # count up when the code below makes another image of the same packages


def key() -> str:
    """Return twelve hex digits over everything that determines the image but the state of the mirror."""
    parts = [str(_RECIPE), SUITE, MIRROR, INCLUDE, *KEEP, *DROP_FOLDERS, architecture()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def reference() -> str:
    return f"localhost/batchmatrix/python-base:{key()}"


def base_archive(folder: Path) -> Path:
    """Return a docker-archive of the base image in `folder`, making it first where there is none."""
    archive = folder / f"python-base-{key()}.tar"
    if archive.is_file():
        return archive
    packages.check_platform()
    packages.install(packages.IMAGE_TOOLS)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".debian-", dir=folder) as scratch:
        root = Path(scratch) / "root"
        say(f"making the Python base image from Debian {SUITE} (once; kept in {folder})")
        words: list[str | Path] = ["debootstrap", "--variant=minbase", f"--include={INCLUDE}"]
        # Whatever the mirror, what it gives is Debian's own.
        words += ["--force-check-gpg", f"--keyring={KEYRING}", SUITE, root]
        run([*words, os.environ.get(MIRROR_VARIABLE) or MIRROR], timeout=DEBOOTSTRAP_SECONDS)
        trim(root)
        draft = Path(scratch) / "image.tar"
        write_archive(root, draft, reference())
        draft.replace(archive)
    return archive


def trim(root: Path, keep: Iterable[str] = KEEP) -> None:
    """Take away every file that belongs only to packages that nothing in `keep` needs."""
    status = root / "var/lib/dpkg/status"
    paragraphs = parse_status(status.read_text())
    kept = closure(keep, paragraphs)
    mine, others = owned(root, kept), owned(root, paragraphs.keys() - kept)
    for path in sorted(others - mine, reverse=True):
        remove(root / path.lstrip("/"))
    status.write_text("".join(f"{paragraphs[name]['_text']}\n\n" for name in sorted(kept)))
    for tables in (root / "usr/lib").glob("*/gconv"):
        # Character sets of the C library; Python has its own.
        remove(tables, with_content=True)
    for leftover in (root / "var/lib/dpkg").iterdir():
        if leftover != status:
            remove(leftover, with_content=True)
    for name in DROP_FOLDERS:
        remove(root / name, with_content=True)
    for name, mode in EMPTY_FOLDERS.items():
        (root / name).mkdir(mode=mode, parents=True, exist_ok=True)
        (root / name).chmod(mode)
    for document in (root / "usr/share/doc").rglob("*"):
        # Licences stay: they have to go where the programs go.
        if not document.is_dir() and document.name != "copyright":
            document.unlink()
    for entry in (root / "etc/ssl/certs").iterdir():
        # The bundle is a file of its own; the single certificates are links into a package that is gone.
        if entry.is_symlink():
            entry.unlink()


def parse_status(text: str) -> dict[str, dict[str, str]]:
    """Return the paragraphs of a dpkg status file by package, each with its own text under `_text`."""
    found = {}
    for paragraph in filter(None, (part.strip("\n") for part in text.split("\n\n"))):
        fields = dict(re.findall(r"^([A-Za-z-]+): (.*)$", paragraph, flags=re.MULTILINE))
        found[fields["Package"]] = {**fields, "_text": paragraph}
    return found


def closure(roots: Iterable[str], paragraphs: Mapping[str, Mapping[str, str]]) -> set[str]:
    """Return `roots` and all installed packages that they need, directly or not.

    Of alternatives (`a | b`) those count that are installed. A name may be provided by another package.
    """
    provided: dict[str, str] = {}
    for name, fields in paragraphs.items():
        for other in names(fields.get("Provides", "")):
            provided.setdefault(other, name)
    kept: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        name = name if name in paragraphs else provided.get(name, "")
        if not name or name in kept:
            continue
        kept.add(name)
        fields = paragraphs[name]
        waiting += names(fields.get("Depends", "")) + names(fields.get("Pre-Depends", ""))
    # Only maintainer scripts ask for these, and no such script runs in an image.
    return kept - {"debconf", "perl-base", "dpkg"}


def names(relation: str) -> list[str]:
    """Return the package names of a dependency field, without versions and architectures."""
    return [re.sub(r"[ :(].*", "", part.strip()) for part in re.split(r"[,|]", relation) if part.strip()]


def owned(root: Path, who: Iterable[str]) -> set[str]:
    """Return the paths that these packages brought, folders included."""
    info = root / "var/lib/dpkg/info"
    found: set[str] = set()
    for name in who:
        for file in [info / f"{name}.list", *info.glob(f"{name}:*.list")]:
            if file.is_file():
                found.update(file.read_text().splitlines())
    return found


def remove(path: Path, *, with_content: bool = False) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir() and (with_content or not any(path.iterdir())):
        shutil.rmtree(path)


def write_archive(root: Path, out: Path, name: str) -> None:
    """Write the file tree `root` as a docker-archive with one layer."""
    layer = out.with_name("layer.tar")
    with tarfile.open(layer, "w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(root.rglob("*")):
            tar.add(path, arcname=str(path.relative_to(root)), recursive=False)
    with layer.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    # OpenSSL's own default folder went with the package `openssl`.
    variables = ["PATH=/usr/local/bin:/usr/bin:/bin", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"]
    settings = {"Env": variables, "Cmd": ["python3"], "WorkingDir": "/"}
    config = json.dumps(
        {
            "architecture": architecture(),
            "os": "linux",
            "config": settings,
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
            "history": [{"created_by": f"debootstrap {SUITE}, trimmed"}],
        }
    ).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(out, "w", format=tarfile.USTAR_FORMAT) as archive:
        archive.add(layer, arcname="layer.tar")
        for entry_name, text in (("config.json", config), ("manifest.json", manifest)):
            entry = tarfile.TarInfo(entry_name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
    layer.unlink()
