"""Matrices and catalogs from YAML files, with line and column of everything that is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from batchmatrix.base.documents import Document, read_documents
from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.base.plain import resolve_plain
from batchmatrix.base.text import escaped, one_line
from batchmatrix.model.v1alpha1 import BatchMatrix, MatrixCatalog, parse_object

__all__ = ["Contents", "dump_object", "dump_yaml", "load_matrix", "load_objects", "read_objects"]


class _Dumper(yaml.SafeDumper):
    """Writes what kubectl reads back as it was."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write everything out: an alias saves a line and costs the reader one."""
        return True


def _resolved(dumper: _Dumper, text: str) -> str:
    """The tag that YAML 1.1 gives the bare text."""
    return str(dumper.resolve(yaml.ScalarNode, text, (True, False)))  # type: ignore[no-untyped-call]


def _text(dumper: _Dumper, text: str) -> yaml.Node:
    """In quotes wherever kubectl, or YAML 1.1, would take the bare text for something else."""
    try:
        plain = resolve_plain(text) == text
    except ValueError:
        plain = False
    safe = escaped(text) == text and not _FOLDED.search(text)
    bare = plain and bool(text) and safe and _resolved(dumper, text) == _STRING
    return dumper.represent_scalar(_STRING, text, style=None if bare else '"')


_STRING = "tag:yaml.org,2002:str"
_FOLDED = re.compile("[\r\n\x85\u2028\u2029]")
"""Ends of lines, of which YAML makes something else outside of double quotes."""
_Dumper.add_representer(str, _text)


def dump_object(obj: Mapping[str, Any], *, header: str = "") -> str:
    """A matrix or catalog as the YAML of a file: keys in their order, LF; `header` is put before it as comments.

    What is read from it again is the same, by kubectl as by load_objects.
    """
    comments = "".join(f"# {one_line(line, limit=4096)}".rstrip() + "\n" for line in header.splitlines())
    return comments + dump_yaml(dict(obj))


def dump_yaml(data: Any) -> str:
    """Plain data as YAML that kubectl reads as it was: keys in their order, LF, nothing by alias.

    What could do something to a terminal, or to the direction of its text, is escaped.
    """
    text: str = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return escaped(text)


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file holds, each object with the document that it was."""

    matrices: tuple[tuple[Document, BatchMatrix], ...]
    catalogs: tuple[tuple[Document, MatrixCatalog], ...]
    problems: tuple[Problem, ...]
    """What is wrong with all else, each as `source:line:column: path`."""


def read_objects(text: str, *, source: str) -> Contents:
    """Everything in a file with one or more documents; `source` is its name in messages. Never raises."""
    documents, problems = read_documents(text, source=source)
    matrices: list[tuple[Document, BatchMatrix]] = []
    catalogs: list[tuple[Document, MatrixCatalog]] = []
    for document in documents:
        try:
            found = document.parse(parse_object)
        except InvalidSpec as error:
            problems += error.problems
            continue
        if isinstance(found, BatchMatrix):
            matrices.append((document, found))
        else:
            catalogs.append((document, found))
    return Contents(tuple(matrices), tuple(catalogs), tuple(problems))


def load_objects(text: str, *, source: str) -> list[BatchMatrix | MatrixCatalog]:
    """Every matrix of a file, then every MatrixCatalog. Raises InvalidSpec with all problems of all documents."""
    contents = read_objects(text, source=source)
    if contents.problems:
        raise InvalidSpec(list(contents.problems))
    return [*(found for _, found in contents.matrices), *(found for _, found in contents.catalogs)]


def load_matrix(text: str, *, source: str) -> list[BatchMatrix]:
    """Every matrix of a file that holds nothing else. Raises InvalidSpec as load_objects does."""
    objects = load_objects(text, source=source)
    others = [one for one in objects if not isinstance(one, BatchMatrix)]
    if others:
        raise InvalidSpec([Problem(source, f"holds a {others[0].kind}; write it into a file of its own")])
    return [one for one in objects if isinstance(one, BatchMatrix)]
