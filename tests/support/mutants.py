"""Objects that are changed at random along their own schema: some stay right, most are wrong in some way."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from batchmatrix.model.crd import catalog_crd, crd
from tests.support.full_specs import CELLS_SPEC, FULL_CATALOG, FULL_SPEC
from tests.support.specs import catalog_object, matrix_object

__all__ = ["mutants"]

Json = dict[str, Any]
Draw = Callable[[st.SearchStrategy[Any]], Any]

BASES: tuple[Json, ...] = (
    matrix_object(),
    {**matrix_object(), "spec": FULL_SPEC},
    {**matrix_object(), "spec": CELLS_SPEC},
    {**catalog_object(), "spec": FULL_CATALOG},
)
EDITS = 3
"""Most changes of one object."""

_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12)
_SCALARS = st.one_of(
    _TEXT,
    st.sampled_from(["", "0", "-1", "1e3", "a b", "../x", "$(X)", "BATCHMATRIX_X", "0s", "9000h", "1.5", "x" * 20_000]),
    st.sampled_from(["a\n", " a", "1h ", "10S", "\u0663s", "\u00fc" * 64, "x" * 64, "x" * 257, "null", "true"]),
    st.sampled_from([0, -1, 1, 2**31, 2**63 - 1, 0.5, -0.25, 2.0, 1e20, True, False]),
)
_HOSTILE = st.one_of(
    _SCALARS,
    st.lists(_SCALARS, max_size=3),
    st.dictionaries(st.sampled_from(["a", "name", "image", "a b", ""]), _SCALARS, max_size=2),
    st.just([["a"]]),
    st.just({"image": "a:1"}),
)


def _spec_of(definition: Json) -> Json:
    schema: Json = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return schema


SCHEMAS = {"BatchMatrix": _spec_of(crd()), "MatrixCatalog": _spec_of(catalog_crd())}


@st.composite
def mutants(draw: st.DrawFn) -> Json:
    """A BatchMatrix or MatrixCatalog with up to EDITS changes."""
    obj = copy.deepcopy(draw(st.sampled_from(BASES)))
    for _ in range(draw(st.sampled_from([1, 1, 1, EDITS]))):
        _edit(draw, SCHEMAS[obj["kind"]], obj["spec"])
    return obj


def _edit(draw: Draw, node: Json, value: Any) -> None:
    """Change one thing at or under `value`, a list or an object that `node` describes."""
    if isinstance(value, list):
        keys: list[Any] = list(range(len(value)))
        new: list[Any] = [len(value)]
        child = node.get("items", {})
    else:
        fields = node.get("properties", {})
        keys = sorted(value)
        new = sorted(set(fields) - set(value)) or ["unknown"]
        child = {}
    key = draw(st.sampled_from(keys)) if keys and draw(st.integers(0, 3)) else draw(st.sampled_from(new))
    if not isinstance(value, list):
        child = node.get("properties", {}).get(key, node.get("additionalProperties", {}))
        if "additionalProperties" in node and key not in value:
            key = draw(st.sampled_from(["new", "a", "A_B", "example.com/a", "a b", "", "x" * 64]))
    there = value[key] if key in keys else None
    if isinstance(there, dict | list) and draw(st.integers(0, 4)):
        _edit(draw, child, there)
    elif key in keys and not draw(st.integers(0, 4)):
        del value[key]
    else:
        made = copy.deepcopy(draw(_right(child) if draw(st.integers(0, 2)) else _HOSTILE))
        if isinstance(value, list) and key == len(value):
            value.append(made)
        else:
            value[key] = made


def _right(node: Json) -> st.SearchStrategy[Any]:
    """What the schema alone would take, rules between fields aside."""
    if "enum" in node:
        return st.sampled_from(node["enum"])
    if "x-kubernetes-int-or-string" in node:
        return st.sampled_from([0, 1, 4, "1", "500m", "64Gi", "1.5"])
    match node.get("type"):
        case "boolean":
            return st.booleans()
        case "integer":
            least, most = node.get("minimum", 0), node.get("maximum", 100)
            return st.sampled_from([least, least + 1, most, min(most, least + 7)])
        case "number":
            return st.sampled_from([node.get("minimum", 0.5), node.get("maximum", 2.5), 1, 1.5])
        case "string":
            return _string(node)
        case "array":
            return st.lists(_right(node["items"]), min_size=node.get("minItems", 0), max_size=3)
        case "object" if "additionalProperties" in node:
            names = st.sampled_from(["a", "b", "A", "fast", "size", "example.com/a"])
            least = node.get("minProperties", 0)
            return st.dictionaries(names, _right(node["additionalProperties"]), min_size=least, max_size=3)
        case "object":
            required = {name: _right(node["properties"][name]) for name in node.get("required", ())}
            others = {name: _right(child) for name, child in node.get("properties", {}).items() if name not in required}
            few = st.sets(st.sampled_from(sorted(others) or ["-"]), max_size=2)
            return few.flatmap(
                lambda names: st.fixed_dictionaries(
                    {**required, **{name: others[name] for name in sorted(names) if name in others}}
                )
            )
        case _:
            return _HOSTILE


def _string(node: Json) -> st.SearchStrategy[str]:
    longest = node.get("maxLength", 20)
    if "pattern" not in node:
        return st.text("ab c$(X)/%\u00fc", min_size=node.get("minLength", 0), max_size=min(longest, 20))
    examples = (
        "a",
        "size",
        "none",
        "fast",
        "10s",
        "1h30m",
        "0",
        "1.5",
        "x1.5",
        "5%",
        "/a",
        "a/b",
        "example.com/a",
        "A_B",
    )
    return st.one_of(
        st.sampled_from(examples),
        st.from_regex(node["pattern"], fullmatch=True).filter(lambda text: len(text) <= longest),
    )
