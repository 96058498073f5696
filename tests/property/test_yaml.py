"""Whatever is written as YAML is read as it was."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given, settings

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
