"""What turns a Dockerfile and a context into an image archive: a Docker engine where one answers, else buildah."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..local_kubernetes import packages
from ..local_kubernetes.shell import run
from . import debian

BUILD_SECONDS = 1800.0


class Engine(Protocol):
    """Builds images."""

    def base(self) -> str:
        """Return the image for the Dockerfile's argument BASE; empty for the Dockerfile's own default."""
        ...

    def build(self, name: str, context: Path, arguments: Mapping[str, str], out: Path) -> None:
        """Build image `name` from `context` (which holds the Dockerfile) and write it to `out` as a docker-archive."""
        ...


@dataclass(frozen=True, slots=True)
class Docker:
    """A Docker engine, with public base images."""

    def base(self) -> str:
        return ""

    def build(self, name: str, context: Path, arguments: Mapping[str, str], out: Path) -> None:
        run(["docker", "build", "--quiet", "--tag", name, *flags(arguments), context], timeout=BUILD_SECONDS)
        run(["docker", "save", "--output", out, name], timeout=BUILD_SECONDS)


@dataclass(frozen=True, slots=True)
class Buildah:
    """Debian's buildah, with a base image made here; its storage lies in the cache and nowhere else."""

    cache: Path
    driver: str

    @classmethod
    def here(cls, cache: Path) -> Buildah:
        """Return buildah with the storage driver that works in `cache`: overlay, else vfs, which is 3 times slower."""
        packages.install(packages.IMAGE_TOOLS)
        overlay = cls(cache, "overlay")
        return overlay if overlay.works() else cls(cache, "vfs")

    def works(self) -> bool:
        return run([*self._words(), "info"], check=False).returncode == 0

    def _words(self) -> list[str | Path]:
        roots: list[str | Path] = ["--root", self.cache / self.driver, "--runroot", self.cache / f"{self.driver}-run"]
        return ["buildah", *roots, "--storage-driver", self.driver]

    def _run(self, *words: str | Path, check: bool = True) -> str:
        return run([*self._words(), *words], timeout=BUILD_SECONDS, check=check).stdout

    def base(self) -> str:
        reference = debian.reference()
        if not self._run("images", "--quiet", reference, check=False).strip():
            self._run("pull", "--quiet", f"docker-archive:{debian.base_archive(self.cache)}")
        return reference

    def build(self, name: str, context: Path, arguments: Mapping[str, str], out: Path) -> None:
        # A stage that is only copied from leaves an image without a name, which the clean-up below would take for
        # waste; named, its layers are still there for the next build.
        stages = [line.split()[-1] for line in (context / "Dockerfile").read_text().splitlines() if is_stage(line)]
        common = ["--layers", "--isolation", "chroot", "--network", "host", *flags(arguments)]
        repository = name.rpartition(":")[0]
        for stage in stages:
            self._run("bud", *common, "--target", stage, "--tag", f"{repository}/{stage}:latest", context)
        self._run("bud", *common, "--tag", name, context)
        self._run("push", "--quiet", name, f"docker-archive:{out}:{name}")
        for old in self._run("images", "--format", "{{.Name}}:{{.Tag}}").split():
            if old.rpartition(":")[0] == repository and old != name:
                self._run("rmi", old, check=False)
        self._run("rmi", "--prune", check=False)


def is_stage(line: str) -> bool:
    words = line.split()
    return len(words) == 4 and words[0] == "FROM" and words[2] == "AS"


def flags(arguments: Mapping[str, str]) -> list[str]:
    return [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]


def docker_answers() -> bool:
    """Tell whether there is a Docker engine to talk to."""
    return shutil.which("docker") is not None and run(["docker", "info"], check=False, timeout=20).returncode == 0


def engine(cache: Path) -> Engine:
    """Return Docker where its engine answers, else buildah."""
    return Docker() if docker_answers() else Buildah.here(cache)
