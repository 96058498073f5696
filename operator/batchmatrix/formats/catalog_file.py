"""Catalogs that are files of their own, and what plug-ins bring: entries, with the place of everything that is wrong.

A file holds `mitigations`, `environments`, `hardware` and `workloads` as spec.catalog does, or it is a MatrixCatalog.
The first two may also be written as side-cars of triage recipes are:

* a mitigation as a plain map of variables to texts. It is taken for one unless it has `description`, or an `env` that
  is an object; a file that says `version: 1` holds plain maps only, so there every key is a variable;
* an environment with `docker` in place of `image`; `venv` and `env` are the same in both forms.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchmatrix.base.documents import read_documents
from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.base.paths import field_path
from batchmatrix.base.text import one_line
from batchmatrix.model.v1alpha1 import Entries, parse_catalog, parse_entries

__all__ = ["load_catalog", "read_entries"]

_VERSION = 1
_OPTIONAL = ("docker", "venv", "buck_target", "emulator", "mirage_profile", "env")
"""Keys of an environment that a side-car may set to null, which means that it has none."""


def load_catalog(text: str, *, source: str) -> Entries:
    """The entries of a catalog file, YAML or JSON; `source` is its name in messages.

    Raises InvalidSpec with every problem, each as `source:line:column: path`.
    """
    documents, problems = read_documents(text, source=source)
    if not problems and len(documents) > 1:
        problems = documents[1].located([Problem("", "is a second document; write one catalog into each file")])
    if problems:
        raise InvalidSpec(problems)
    return documents[0].parse(read_entries)


def read_entries(data: Mapping[str, Any]) -> Entries:
    """The entries that plain data in any of the forms above stands for. Raises InvalidSpec with every problem."""
    if "kind" in data or "apiVersion" in data:
        kind = data.get("kind")
        if kind != "MatrixCatalog":
            other = f"{one_line(str(kind), limit=60)!r} is no catalog; give a MatrixCatalog or a catalog file"
            text = "is required; add kind: MatrixCatalog" if kind is None else other
            raise InvalidSpec([Problem("kind", text)])
        return parse_catalog(data).spec
    form = _Form(data)
    try:
        entries = parse_entries(form.data)
    except InvalidSpec as error:
        raise InvalidSpec([*form.problems, *map(form.as_written, error.problems)]) from None
    if form.problems:
        raise InvalidSpec(form.problems)
    return entries


class _Form:
    """The same data in the form of spec.catalog, and the way back from its paths to those of the file."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.problems: list[Problem] = []
        self._written: dict[str, str] = {}
        whole = dict(data)
        version = whole.pop("version", None)
        self._plain = version is not None
        if "version" in data and (version != _VERSION or isinstance(version, bool)):
            self.problems.append(Problem("version", f"{version!r} is not known; write {_VERSION} or leave it out"))
        for kind, read in (("mitigations", self._mitigation), ("environments", self._environment)):
            entries = whole.get(kind)
            if isinstance(entries, Mapping):
                whole[kind] = {
                    name: read((kind, name), value) if isinstance(name, str) and isinstance(value, Mapping) else value
                    for name, value in entries.items()
                }
        self.data = whole

    def as_written(self, problem: Problem) -> Problem:
        """A problem of `data` at the path that its author knows."""
        for path, written in self._written.items():
            rest = problem.path.removeprefix(path)
            if rest != problem.path and rest[:1] in ("", ".", "["):
                return Problem(written + rest, problem.message)
        return problem

    def _mitigation(self, where: tuple[str, str], value: Mapping[str, Any]) -> Any:
        nested = isinstance(value.get("env"), Mapping)
        if not self._plain and (nested or "description" in value):
            return value
        if nested:
            text = "is an object; with version: 1 a mitigation is a map of variables: remove env: or version: 1"
            self.problems.append(Problem(field_path((*where, "env")), text))
            return {}
        self._written[field_path((*where, "env"))] = field_path(where)
        return {"env": dict(value)}

    def _environment(self, where: tuple[str, str], value: Mapping[str, Any]) -> Any:
        optional = _OPTIONAL if self._plain else ()
        entry = {key: item for key, item in value.items() if item is not None or key not in optional}
        if "docker" not in entry:
            return entry
        docker = field_path((*where, "docker"))
        if "image" in entry or "imagesByNode" in entry:
            self.problems.append(Problem(docker, "is another word for image, which is there too; keep one of them"))
        else:
            self._written[field_path((*where, "image"))] = docker
            entry["image"] = entry["docker"]
        del entry["docker"]
        return entry
