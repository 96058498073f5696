"""The command line of `hack/images`."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from ..local_kubernetes.errors import ClusterError
from ..local_kubernetes.paths import Layout
from ..local_kubernetes.shell import say
from ..local_kubernetes.tools import locked
from . import debian, engines, loading
from .recipes import Recipe, make, recipes

OLD_ARCHIVES = 2
"""Archives of earlier content that stay for each image, so that going back to a branch builds nothing."""


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="hack/images",
        description="Build the container images whose sources changed and load them into the local cluster. "
        "Prints one line per image: its short name and the reference to use in a manifest.",
    )
    top.add_argument("image", nargs="*", help="short names (all): operator, sample-workload-cuda, -rocm, seaweedfs")
    top.add_argument("--no-load", action="store_true", help="build only; no cluster is needed")
    top.add_argument("--json", action="store_true", help="print JSON: name to reference and archive")
    return top


class Builder:
    """Builds what is not in the cache; asks for an engine only when there is something to build."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self._engine: engines.Engine | None = None
        self.base = "" if engines.docker_answers() else debian.reference()

    def archive(self, recipe: Recipe) -> Path:
        """Return the image's docker-archive, building it where the cache has none of this content."""
        out = self.cache / f"{recipe.name}-{recipe.key(self.base)}.tar"
        if out.is_file():
            out.touch()
            return out
        if self._engine is None:
            self._engine = engines.engine(self.cache)
            self._engine.base()
        began = time.monotonic()
        say(f"building image {recipe.name}")
        with tempfile.TemporaryDirectory(prefix=".image-", dir=self.cache) as scratch:
            draft = Path(scratch) / "image.tar"
            folder = Path(scratch) / "work"
            folder.mkdir()
            make(recipe, engine=self._engine, base=self.base, cache=self.cache, scratch=folder, out=draft)
            draft.replace(out)
        say(f"built image {recipe.name}: {time.monotonic() - began:.1f} s, {out.stat().st_size / 1e6:.0f} MB")
        self._forget(recipe, out)
        return out

    def _forget(self, recipe: Recipe, newest: Path) -> None:
        older = sorted(
            (file for file in self.cache.glob(f"{recipe.name}-{'[0-9a-f]' * 12}.tar") if file != newest),
            key=lambda file: file.stat().st_mtime,
        )
        for file in older[:-OLD_ARCHIVES]:
            file.unlink()


def perform(options: argparse.Namespace, layout: Layout) -> dict[str, dict[str, str]]:
    known = recipes()
    unknown = [name for name in options.image if name not in known]
    if unknown:
        raise ClusterError(f"no image called {unknown[0]!r} here; known: {', '.join(known)}")
    wanted = [known[name] for name in options.image or known]
    builder = Builder(layout.cache / "images")
    where = None if options.no_load else loading.cluster(layout)
    held = [] if where is None else loading.digests(where)
    digests = loading.Digests(builder.cache / "digests.json")
    found = {}
    for recipe in wanted:
        key = recipe.key(builder.base)
        reference = recipe.reference(key)
        found[recipe.name] = {"reference": reference}
        if where is not None and loading.is_loaded(held, reference, digests.get(f"{recipe.name}-{key}")):
            continue
        archive = builder.archive(recipe)
        found[recipe.name]["archive"] = str(archive)
        if where is not None:
            say(f"loading image {recipe.name}")
            where.load_image(archive, [])
            digests.note(f"{recipe.name}-{key}", loading.digests(where)[0][reference])
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    layout = Layout.from_environment()
    cache = layout.cache / "images"
    cache.mkdir(parents=True, exist_ok=True)
    try:
        with locked(cache / ".lock", "another hack/images is at work; waiting for it"):
            found = perform(options, layout)
    except ClusterError as problem:
        print(f"hack/images: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("hack/images: interrupted", file=sys.stderr)
        return 130
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        for name, each in found.items():
            print(f"{name:<22} {each['reference']}")
    return 0
