"""Whatever is written as YAML is read as it was."""

from __future__ import annotations

import hypothesis.strategies as st
import yaml
from hypothesis import given, settings

from batchmatrix.base.composing import PLAIN, CarefulLoader, FastLoader, compose, is_for_libyaml
from batchmatrix.base.documents import read_documents
from batchmatrix.formats.matrix_file import dump_yaml

law = settings(deadline=None, max_examples=300)

ODD = [
    "\x85",
    "\u2028",
    "\u2029",
    "\ufeff",
    "\r",
    "\n",
    "\t",
    " ",
    "#",
    ": ",
    "'",
    '"',
    "\\",
    "-",
    "?",
    "<<",
    "x" * 60,
    "\x7f",
    "\xa0",
]
PIECES = [
    "{",
    "}",
    "[",
    "]",
    ", ",
    "- ",
    "a: ",
    "? ",
    "&a ",
    "*a ",
    "!!str ",
    "|\n",
    ">-2\n",
    "---\n",
    "...\n",
    "\n  ",
    "~",
]
TEXTS = st.lists(st.sampled_from(ODD) | st.characters(exclude_categories=["Cs"]), max_size=12).map("".join)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
DATA = st.recursive(
    TEXTS | NUMBERS | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@law
@given(data=st.dictionaries(TEXTS, DATA, min_size=1, max_size=3))
def test_what_is_dumped_is_read_as_it_was(data: dict[str, object]) -> None:
    documents, problems = read_documents(dump_yaml(data), source="f.yaml")
    assert problems == []
    assert documents[0].data == data


def tree(node: yaml.Node, path: tuple[yaml.Node, ...] = ()) -> object:
    """All that is asked of a node, its place too unless nothing is there; what is a part of itself ends there."""
    kind, place = type(node).__name__, (node.start_mark.line, node.start_mark.column)
    if node in path or (node.tag, node.value) == (PLAIN, ""):
        return kind
    if not isinstance(node.value, list):
        return kind, node.tag, place, node.value
    inner = [item for each in node.value for item in (each if isinstance(each, tuple) else [each])]
    return kind, node.tag, place, [tree(item, (*path, node)) for item in inner]


@given(pieces=st.lists(st.sampled_from([*ODD, *PIECES]) | st.characters(), max_size=24))
@settings(deadline=None, max_examples=1000)
def test_libyaml_reads_nothing_in_another_way(pieces: list[str]) -> None:
    """What only the other reader takes costs time; what the two read differently would depend on who reads."""
    text = "".join(pieces)
    try:
        if not is_for_libyaml(text):
            return
        fast = [tree(node) for node in compose(text, FastLoader)]
    except (yaml.YAMLError, UnicodeError):
        return
    assert fast == [tree(node) for node in compose(text, CarefulLoader)]
