"""Debian packages that the cluster needs, installed without starting any system service."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import ClusterError
from .shell import run, say

CNI_FOLDERS = (Path("/opt/cni/bin"), Path("/usr/lib/cni"))
# What must be there, and the package that brings it: a command, cni/ and a plugin, static/ and a command that needs
# no other file, or the full path of a file.
NEEDS = {
    "containerd": "containerd",
    "ctr": "containerd",
    "containerd-shim-runc-v2": "containerd",
    "runc": "runc",
    "cni/bridge": "containernetworking-plugins",
    "cni/host-local": "containernetworking-plugins",
    "iptables-save": "iptables",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "openssl": "openssl",
    "mount": "mount",
    # For the tests: images with nothing but a shell in them, and what people read stored logs with.
    "static/busybox": "busybox-static",
    "zstd": "zstd",
}
IMAGE_TOOLS = {
    "debootstrap": "debootstrap",
    "buildah": "buildah",
    # Without these debootstrap would take packages that nobody signed.
    "gpgv": "gpgv",
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
}
POLICY = Path("/usr/sbin/policy-rc.d")
APT_SECONDS = 900.0


def cni_folder() -> Path | None:
    """Return the folder that holds the CNI plugins."""
    for folder in CNI_FOLDERS:
        if (folder / "bridge").is_file() and (folder / "host-local").is_file():
            return folder
    return None


def present(need: str) -> bool:
    if need.startswith("cni/"):
        return cni_folder() is not None
    if need.startswith("static/"):
        found = shutil.which(need.removeprefix("static/"))
        return found is not None and static(Path(found))
    if need.startswith("/"):
        return Path(need).is_file()
    return shutil.which(need) is not None


def static(program: Path) -> bool:
    """Tell whether a program runs where nothing else is: one that does not names its loader at its beginning."""
    with program.open("rb") as content:
        return b"/ld-" not in content.read(4096)


def missing(needs: dict[str, str], is_present: Callable[[str], bool] = present) -> list[str]:
    """Return the packages, sorted and once each, whose commands are not on this machine."""
    return sorted({package for need, package in needs.items() if not is_present(need)})


@contextmanager
def no_service_starts() -> Iterator[None]:
    """Forbid package scripts to start services; a policy the machine has already stays untouched."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\n# Put here for one package installation.\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)


def install(needs: dict[str, str]) -> None:
    """Install what is missing with apt; nothing happens when everything is there."""
    packages = missing(needs)
    if not packages:
        return
    if shutil.which("apt-get") is None:
        raise ClusterError(f"missing on this machine, and there is no apt to install them: {' '.join(packages)}")
    say(f"installing with apt: {' '.join(packages)}")
    words = ["apt-get", "install", "--yes", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300", *packages]
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    with no_service_starts():
        if run(words, timeout=APT_SECONDS, env=env, check=False).returncode != 0:
            # The usual reason is a package list that is missing or too old.
            run(["apt-get", "update"], timeout=APT_SECONDS, env=env)
            run(words, timeout=APT_SECONDS, env=env)
    still = missing(needs)
    if still:
        raise ClusterError(f"apt ended well, yet these packages did not bring what they should: {' '.join(still)}")


def check_platform() -> None:
    """Raise unless this is Linux and we are root, which namespaces, mounts and iptables need."""
    if os.uname().sysname != "Linux" or os.geteuid() != 0:
        raise ClusterError("the local cluster needs Linux and root (or a Docker engine, for kind)")
    if not os.access(tempfile.gettempdir(), os.W_OK):
        raise ClusterError(f"cannot write to {tempfile.gettempdir()}")


def command(name: str) -> Path:
    """Return the full path of an installed command."""
    found = shutil.which(name)
    if found is None:
        raise ClusterError(f"{name} is not on the PATH")
    return Path(found)
