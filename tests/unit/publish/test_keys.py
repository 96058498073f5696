"""Object keys hold no part that could leave its folder."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchmatrix.ports.store import check_key
from batchmatrix.publish import keys


def test_the_tree_of_a_run() -> None:
    assert keys.plan_key(3) == "runs/3/plan.json"
    assert keys.spec_key(3) == "runs/3/spec.json"
    assert keys.catalog_key(3) == "runs/3/catalog.json"
    assert keys.resolved_key(3) == "runs/3/matrix.resolved.yaml"
    assert keys.run_prefix(3) == "runs/3"
    assert keys.runs_prefix() == "runs/"
    assert keys.log_prefix("tf32-off_8.b", 2, "6f1c-1") == "logs/tf32-off_8.b/2/6f1c-1"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("..", "%2E."),
        (".hidden", "%2Ehidden"),
        ("a/b\\c", "a%2Fb%5Cc"),
        ("100%", "100%25"),
        ("ü ", "%C3%BC%20"),
        ("\x00\ud800", "%00%ED%A0%80"),
        ("", "%"),
    ],
)
def test_what_is_not_plain_is_encoded(text: str, part: str) -> None:
    assert keys.safe_part(text) == part


@given(st.text(st.characters(exclude_categories=()), max_size=300), st.text(max_size=300))
def test_every_text_gives_a_key_that_every_store_takes_and_no_two_the_same(one: str, other: str) -> None:
    check_key("namespace/matrix/uid/" + keys.log_prefix(one, 0, other))
    assert (keys.safe_part(one) == keys.safe_part(other)) == (one == other)


def test_what_is_too_long_is_told_apart_by_its_digest() -> None:
    one, other = keys.safe_part("a" * 500), keys.safe_part("a" * 501)
    assert one != other
    assert len(one) == len(other) == 160
