"""Container images made without a builder, a base image or a registry.

``scratch_image`` packs some files into one layer, and that layer with its
configuration into a docker-archive: a tar that ``ctr images import``, ``docker
load`` and ``kind load image-archive`` all take. The same input gives the same
bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import IO

from .errors import ClusterError

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64", "amd64": "amd64"}
CREATED = "1970-01-01T00:00:00Z"


def architecture() -> str:
    """Return this machine's architecture as images name it."""
    return ARCHITECTURES.get(platform.machine(), platform.machine())


def scratch_image(
    name: str,
    files: Mapping[str, Path | bytes],
    entrypoint: Sequence[str],
    user: str,
    out: Path,
    *,
    command: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    folders: Mapping[str, int] | None = None,
    workdir: str = "/",
    arch: str | None = None,
) -> Path:
    """Write an image called ``name`` (``repository:tag``) to the tar file ``out`` and return that path.

    ``files`` maps an absolute path in the image to a file of this machine, whose
    permission bits it keeps, or to bytes (0644). ``folders`` maps further
    folders to their permission bits, for instance ``{"/tmp": 0o1777}``.
    ``user`` is ``uid`` or ``uid:gid``; everything in the image belongs to root.
    """
    if ":" not in name.rsplit("/", 1)[-1]:
        raise ClusterError(f"an image name needs a tag: {name!r}")
    with tempfile.TemporaryFile() as layer:
        _write_layer(layer, files, folders or {})
        layer.seek(0)
        digest = hashlib.file_digest(layer, "sha256").hexdigest()
        size = layer.tell()
        config = _config(
            digest, entrypoint, command, user, env or {}, workdir, architecture() if arch is None else arch
        )
        config_name = f"{hashlib.sha256(config).hexdigest()}.json"
        manifest = [{"Config": config_name, "RepoTags": [name], "Layers": [f"{digest}/layer.tar"]}]
        out.parent.mkdir(parents=True, exist_ok=True)
        draft = out.with_name(f".{out.name}.new")
        try:
            with tarfile.open(draft, "w", format=tarfile.USTAR_FORMAT) as archive:
                _add(archive, config_name, io.BytesIO(config), len(config), 0o644)
                layer.seek(0)
                _add(archive, f"{digest}/layer.tar", layer, size, 0o644)
                text = json.dumps(manifest).encode()
                _add(archive, "manifest.json", io.BytesIO(text), len(text), 0o644)
            draft.replace(out)
        finally:
            draft.unlink(missing_ok=True)
    return out


def _config(
    layer: str,
    entrypoint: Sequence[str],
    command: Sequence[str],
    user: str,
    env: Mapping[str, str],
    workdir: str,
    arch: str,
) -> bytes:
    variables = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", **env}
    settings: dict[str, object] = {
        "User": user,
        "Env": [f"{name}={value}" for name, value in variables.items()],
        "Entrypoint": list(entrypoint),
        "WorkingDir": workdir,
    }
    if command:
        settings["Cmd"] = list(command)
    content = {
        "architecture": arch,
        "os": "linux",
        "created": CREATED,
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer}"]},
        "history": [{"created": CREATED, "created_by": "scratch_image"}],
    }
    return json.dumps(content, sort_keys=True).encode()


def _write_layer(target: IO[bytes], files: Mapping[str, Path | bytes], folders: Mapping[str, int]) -> None:
    wanted: dict[str, int] = {}
    for path in [*files, *folders]:
        inside = PurePosixPath(path)
        if not inside.is_absolute() or ".." in inside.parts or path == "/":
            raise ClusterError(f"a path in an image is absolute and without '..': {path!r}")
        for parent in inside.parents:
            wanted.setdefault(str(parent), 0o755)
    wanted.pop("/", None)
    wanted.update({str(PurePosixPath(path)): mode for path, mode in folders.items()})
    clash = sorted(set(wanted) & {str(PurePosixPath(path)) for path in files})
    if clash:
        raise ClusterError(f"{clash[0]} would be both a file and a folder of the image")
    with tarfile.open(fileobj=target, mode="w", format=tarfile.USTAR_FORMAT) as layer:
        for folder in sorted(wanted):
            entry = tarfile.TarInfo(folder.lstrip("/"))
            entry.type = tarfile.DIRTYPE
            entry.mode = wanted[folder]
            layer.addfile(entry)
        for path in sorted(files):
            content = files[path]
            if isinstance(content, bytes):
                _add(layer, path.lstrip("/"), io.BytesIO(content), len(content), 0o644)
                continue
            status = content.stat()
            with content.open("rb") as source:
                _add(layer, path.lstrip("/"), source, status.st_size, status.st_mode & 0o777)


def _add(archive: tarfile.TarFile, name: str, content: IO[bytes], size: int, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = size
    entry.mode = mode
    archive.addfile(entry, content)
