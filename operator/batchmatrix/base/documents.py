"""Documents of YAML files, read as kubectl reads them, with line and column of everything that is wrong."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import yaml

from batchmatrix.base.composing import PLAIN, STRING, CarefulLoader, FastLoader, compose, is_for_libyaml
from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.base.paths import field_path
from batchmatrix.base.plain import resolve_plain
from batchmatrix.base.text import one_line

__all__ = ["FILE_LIMIT", "Document", "Located", "read_documents"]

FILE_LIMIT = 1_048_576
"""Characters of a file; the API server takes no object larger than about this."""

_NODE_LIMIT = 100_000
_LAST_STEP = re.compile(r'(\.?[A-Za-z_][A-Za-z0-9_]*|\[[0-9]+\]|\["(?:[^"\\]|\\.)*"\])$')
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_MERGE = "<<"
_COLLECTIONS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")

T = TypeVar("T")

Place = tuple[int, int]
"""Line and column, from 1."""


@dataclass(frozen=True, slots=True)
class Located(Problem):
    """A problem whose place in a file is known; its `path` says all of it: `matrix.yaml:6:30: spec.axes[0]`."""

    source: str
    """Name of the file in messages."""
    line: int
    """From 1."""
    column: int
    """From 1."""
    field: str
    """The field path alone; empty where the whole document is meant."""


class _Reader:
    """Turns the nodes of one document into plain data and remembers where each field stood."""

    def __init__(self) -> None:
        self.places: dict[str, Place] = {}
        self.problems: list[tuple[Place, Problem]] = []
        self.unread: set[str] = set()
        self._nodes = 0
        self._open: set[int] = set()

    def read(self, node: yaml.Node, location: tuple[int | str, ...]) -> Any:
        path = field_path(location)
        self.places.setdefault(path, _place(node))
        self._nodes += 1
        if self._nodes > _NODE_LIMIT:
            raise InvalidSpec([Problem("", f"more than {_NODE_LIMIT} values, aliases counted; write a smaller file")])
        if id(node) in self._open:
            return self._unread(node, path, "an alias of something that it is a part of; write it out")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if node.tag not in _COLLECTIONS:
            return self._unread(node, path, f"the tag {one_line(node.tag, limit=60)} is not supported; remove it")
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self.read(item, (*location, index)) for index, item in enumerate(node.value)]
            return self._mapping(node, location)
        finally:
            self._open.discard(id(node))

    def _scalar(self, node: yaml.ScalarNode, path: str) -> Any:
        if node.tag == STRING:
            return _joined(node.value)
        if node.tag != PLAIN:
            return self._unread(node, path, f"the tag {one_line(node.tag, limit=60)} is not supported; remove it")
        try:
            return resolve_plain(node.value)
        except ValueError as error:
            return self._unread(node, path, str(error))

    def _mapping(self, node: yaml.Node, location: tuple[int | str, ...]) -> dict[Hashable, Any]:
        result: dict[Hashable, Any] = {}
        own: set[Hashable] = set()
        for key_node, value_node in node.value:
            if key_node.tag == PLAIN and key_node.value == _MERGE:
                self._merge(value_node, result, own, location)
                continue
            path = field_path(location)
            key = self.read(key_node, location) if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str):
                shown = one_line(str(key_node.value), limit=60) if isinstance(key_node, yaml.ScalarNode) else "a key"
                self._say(key_node, path, f"{shown} is not read as a text here; put the key in quotes")
                continue
            where = field_path((*location, key))
            if key in own:
                line, _ = self.places[where]
                self._say(key_node, where, f"is there twice, first in line {line}; remove one")
                continue
            own.add(key)
            self.places[where] = _place(key_node)
            result[key] = self.read(value_node, (*location, key))
        return result

    def _merge(
        self, node: yaml.Node, result: dict[Hashable, Any], own: set[Hashable], location: tuple[int | str, ...]
    ) -> None:
        """`<<: *base`: allowed as the first key only, where every YAML library agrees on what it means."""
        if result or not isinstance(node, yaml.MappingNode):
            self._say(node, field_path(location), "<< must be the first key, with one object; write it so")
            return
        result.update(self.read(node, location))

    def _unread(self, node: yaml.Node, path: str, message: str) -> None:
        self.unread.add(path)
        self._say(node, path, message)

    def _say(self, node: yaml.Node, path: str, message: str) -> None:
        self.problems.append((_place(node), Problem(path, message)))


def _joined(text: str) -> str:
    """`text` with each pair of surrogates as the one character that JSON means by it; a half stays what it is."""
    return _PAIR.sub(lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)


def _place(node: yaml.Node) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _nearest(places: dict[str, Place], path: str) -> Place:
    """Where `path` stood, or what would hold it."""
    while path not in places and path:
        path = _LAST_STEP.sub("", path) if _LAST_STEP.search(path) else ""
    return places.get(path, (1, 1))


def _located(source: str, place: Place, problem: Problem) -> Located:
    line, column = place
    start = f"{source}:{line}:{column}"
    path = f"{start}: {problem.path}" if problem.path else start
    return Located(path, problem.message, source, line, column, problem.path)


def _without_tabs(text: str) -> str:
    """JSON may be indented by tabs, YAML may not. Where `text` is JSON, a tab stands between tokens only."""
    if "\t" not in text or not text.lstrip().startswith(("{", "[")):
        return text
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    return text.replace("\t", " ")


def _compose(text: str, source: str) -> list[yaml.Node]:
    text = _without_tabs(text)
    with contextlib.suppress(yaml.YAMLError, UnicodeError, RecursionError):
        if is_for_libyaml(text):
            return compose(text, FastLoader)
    try:
        return compose(text, CarefulLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        message = f"is not YAML: {one_line(error.problem or 'it ends too early')}; correct the line"
        raise InvalidSpec([_located(source, place, Problem("", message))]) from None
    except yaml.YAMLError as error:
        message = f"is not YAML: {one_line(str(error), limit=200)}"
        raise InvalidSpec([_located(source, (1, 1), Problem("", message))]) from None
    except RecursionError:
        raise InvalidSpec([Problem(source, "is nested too deeply; write a flatter file")]) from None


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file."""

    source: str
    """Name of the file in messages."""
    data: dict[str, Any]
    places: Mapping[str, Place]
    """Line and column by field path."""
    problems: tuple[Located, ...] = ()
    """What could not be read: of a key that is there twice `data` has the first, and null for an unread value."""
    unread: frozenset[str] = frozenset()
    """Field paths of unread values; nothing else is said of them."""

    def located(self, problems: Iterable[Problem]) -> list[Problem]:
        """Problems of this document with `source:line:column` before their paths, each a Located."""
        return [_located(self.source, _nearest(dict(self.places), problem.path), problem) for problem in problems]

    def parse(self, parse: Callable[[Mapping[str, Any]], T]) -> T:
        """What `parse` makes of it. Raises InvalidSpec with located problems, those of reading it first."""
        found: list[Problem] = list(self.problems)
        try:
            parsed = parse(self.data)
        except InvalidSpec as error:
            found += self.located(problem for problem in error.problems if problem.path not in self.unread)
        except RecursionError:
            found.append(Problem(self.source, "is nested too deeply; write a flatter file"))
        else:
            if not found:
                return parsed
        raise InvalidSpec(found)


def read_documents(text: str, *, source: str) -> tuple[list[Document], list[Problem]]:
    """Every document of a YAML (or JSON) file that is an object, and what is wrong with the others.

    Scalars mean what they mean to kubectl (resolve_plain). Keys that are there twice and keys that are not read as
    texts are problems of their document, each with a path of `source:line:column: path`; Document.parse says them with
    its own. Never raises.
    """
    if len(text) > FILE_LIMIT:
        return [], [Problem(source, f"has {len(text)} characters; at most {FILE_LIMIT} are read")]
    documents: list[Document] = []
    problems: list[Problem] = []
    try:
        nodes = _compose(text, source)
    except InvalidSpec as error:
        return [], list(error.problems)
    for node in nodes:
        reader = _Reader()
        try:
            data = reader.read(node, ())
        except InvalidSpec as error:
            problems += [_located(source, _nearest(reader.places, p.path), p) for p in error.problems]
            continue
        except RecursionError:
            problems.append(Problem(source, "is nested too deeply; write a flatter file"))
            continue
        found = tuple(_located(source, place, problem) for place, problem in reader.problems)
        if isinstance(data, dict):
            documents.append(Document(source, data, reader.places, found, frozenset(reader.unread)))
        else:
            problems += [*found, _located(source, _place(node), Problem("", "is not an object; write one"))]
    if not nodes and not problems:
        problems.append(Problem(source, "holds no document; write one"))
    return documents, problems
