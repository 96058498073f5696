"""Canonical JSON, digests and slugs."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchmatrix.base.ids import canonical_json, digest, slug

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=10,
)


@given(VALUES)
def test_canonical_json_is_json_and_reads_back_the_same(value: object) -> None:
    assert json.loads(canonical_json(value)) == value


@given(st.dictionaries(st.text(max_size=4), VALUES, max_size=5))
def test_the_order_of_keys_does_not_matter(value: dict[str, object]) -> None:
    assert digest(dict(reversed(value.items()))) == digest(value)


def test_canonical_json_is_fixed() -> None:
    assert canonical_json({"b": [1, 2.5, True, None], "a": "ü"}) == '{"a":"ü","b":[1,2.5,true,null]}'.encode()
    assert digest({}) == hashlib.sha256(b"{}").hexdigest()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_what_json_cannot_say_is_a_value_error(value: object) -> None:
    with pytest.raises(ValueError):
        canonical_json([value])


def test_what_json_cannot_hold_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        canonical_json({1, 2})


@pytest.mark.parametrize(
    ("text", "made"), [("TF32 off", "tf32-off"), ("rocm-6.4", "rocm-6-4"), ("--a__b--", "a-b"), ("ü", "")]
)
def test_slugs(text: str, made: str) -> None:
    assert slug(text) == made
