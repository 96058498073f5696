from __future__ import annotations

import pytest

from batchmatrix.base.documents import read_documents
from batchmatrix.base.errors import Problem
from batchmatrix.base.paths import field_path


@pytest.mark.parametrize(
    ("location", "path"),
    [
        (("spec", "axes", 0, "values"), "spec.axes[0].values"),
        (("a", "h-100", "b"), 'a["h-100"].b'),
        (("a", 'say "x"', "b"), 'a["say \\"x\\""].b'),
        (("a", "x\\"), 'a["x\\\\"]'),
        (("a", '"].b'), 'a["\\"].b"]'),
        (("a", "b", "[key]"), "a.b"),
    ],
)
def test_a_path_reads_as_a_person_writes_it_and_stays_in_its_quotes(location: tuple[str | int, ...], path: str) -> None:
    assert field_path(location) == path


@pytest.mark.parametrize("key", ['"', "\\", '"].b', 'a"b\\', "[0]"])
def test_a_place_under_an_odd_key_is_found(key: str) -> None:
    quoted = "'" + key + "'"
    (document,), _ = read_documents(f"a:\n  {quoted}:\n    b: 1\n", source="f.yaml")
    path = field_path(("a", key, "b"))
    (exact,) = document.located([Problem(path, "x")])
    (inside,) = document.located([Problem(f"{path}.c.d", "x")])
    assert [str(exact), str(inside)] == [f"f.yaml:3:5: {path}: x", f"f.yaml:3:5: {path}.c.d: x"]
