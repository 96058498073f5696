"""The structural schema of a CRD as the API server applies it, less CEL: what it refuses, and values made from it.

Written from the rules of Kubernetes for structural schemas and of JSON Schema, not from our types: the two are held
against each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import hypothesis.strategies as st
import re2

__all__ = ["is_known_path", "junk", "mutated", "refusals", "schema_of", "values_of"]

Json = Any
Node = dict[str, Any]

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}
_STEP = re.compile(r'\.?([A-Za-z_][A-Za-z0-9_]*)|\[([0-9]+)\]|\["((?:[^"\\]|\\.)*)"\]')


def schema_of(definition: Node) -> Node:
    """The schema of a CRD's one version."""
    schema: Node = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


# -- what a server refuses ----------------------------------------------------------------------------------------


def refusals(node: Node, value: Json, path: str = "") -> Iterator[str]:
    """Every reason for which the server would refuse `value`, which holds no null."""
    kind = node.get("type")
    if kind is not None and (not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")):
        yield f"{path}: is no {kind}"
        return
    if "enum" in node and value not in node["enum"]:
        yield f"{path}: is not one of {node['enum']}"
    if node.get("x-kubernetes-int-or-string") and (isinstance(value, bool) or not isinstance(value, int | str)):
        yield f"{path}: is neither integer nor string"
    yield from _bounds(node, value, path)
    if isinstance(value, dict):
        yield from _object(node, value, path)
    if isinstance(value, list):
        yield from _list(node, value, path)


def _bounds(node: Node, value: Json, path: str) -> Iterator[str]:
    sizes = {"Length": str, "Items": list, "Properties": dict}
    for suffix, of in sizes.items():
        if isinstance(value, of):
            if len(value) > node.get(f"max{suffix}", len(value)):
                yield f"{path}: more than max{suffix}"
            if len(value) < node.get(f"min{suffix}", 0):
                yield f"{path}: less than min{suffix}"
    if isinstance(value, str) and "pattern" in node and not re2.search(node["pattern"], value):
        yield f"{path}: pattern"
    if isinstance(value, int | float) and not isinstance(value, bool):
        low = node.get("minimum", value)
        if value < low or (value == low and node.get("exclusiveMinimum")):
            yield f"{path}: minimum"
        if value > node.get("maximum", value):
            yield f"{path}: maximum"


def _object(node: Node, value: dict[str, Json], path: str) -> Iterator[str]:
    properties, rest = node.get("properties", {}), node.get("additionalProperties")
    for name in node.get("required", ()):
        if name not in value:
            yield f"{path}.{name}: required"
    for name, item in value.items():
        if name in properties or rest is not None:
            yield from refusals(properties.get(name, rest), item, f"{path}.{name}")
        elif "x-kubernetes-preserve-unknown-fields" not in node and path not in ("", ".metadata"):
            yield f"{path}.{name}: unknown field"


def _list(node: Node, value: list[Json], path: str) -> Iterator[str]:
    for index, item in enumerate(value):
        if "items" in node:
            yield from refusals(node["items"], item, f"{path}[{index}]")
    keys = node.get("x-kubernetes-list-map-keys")
    if keys and all(isinstance(item, dict) for item in value):
        seen = [repr([item.get(key) for key in keys]) for item in value]
        if len(set(seen)) < len(seen):
            yield f"{path}: duplicate key"


def is_known_path(node: Node, path: str) -> bool:
    """Whether `path` leads through the schema; only its last step may be a field that the schema does not have."""
    at = 0
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None:
            return False
        at = step.end()
        name = step[1] if step[1] is not None else step[3]
        if step[2] is not None:
            node = node.get("items", {"open": True} if "type" not in node else {})
        elif name in node.get("properties", {}):
            node = node["properties"][name]
        elif "additionalProperties" in node:
            node = node["additionalProperties"]
        else:
            return at == len(path)
    return True


# -- values from it -----------------------------------------------------------------------------------------------

junk: st.SearchStrategy[Json] = st.recursive(
    st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["", "size", "none", "8", "a:1", "5m", "0s", "1Gi", "$(size)", "$(", "../x", "BATCHMATRIX_X"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_names = st.sampled_from(["size", "a", "A", "mitigation", "environment", "hardware", "e", "x-1"])


def values_of(node: Node, depth: int = 0) -> st.SearchStrategy[Json]:
    """Values that mostly fit the node; lists and maps are short, optional fields are mostly away."""
    if "enum" in node:
        return st.sampled_from(node["enum"])
    match node.get("type"):
        case "object" if "additionalProperties" in node:
            inner = values_of(node["additionalProperties"], depth + 1)
            return st.dictionaries(_names, inner, min_size=node.get("minProperties", 0), max_size=2)
        case "object":
            return _objects(node, depth)
        case "array":
            low = node.get("minItems", 0)
            return st.lists(values_of(node["items"], depth + 1), min_size=low, max_size=max(2, low))
        case "string":
            return _texts(node)
        case "boolean":
            return st.booleans()
        case "integer":
            low, high = node.get("minimum", 0), node.get("maximum", 10)
            return st.integers(low, min(high, low + 3)) | st.sampled_from([low, high])
        case "number":
            return st.floats(0.001, 0.5) | st.integers(1, 3)
    return st.sampled_from([8, "none", "local", "cpu", True, 0.5, ["none"], {"image": "a:1"}, 500, "500m"])


def _objects(node: Node, depth: int) -> st.SearchStrategy[Json]:
    properties = node.get("properties", {})
    needed = {name: values_of(properties[name], depth + 1) for name in node.get("required", ())}
    others = {name: child for name, child in properties.items() if name not in needed}
    if depth > 4 or not others:
        return st.fixed_dictionaries(needed)
    chosen = st.lists(st.sampled_from(sorted(others)), max_size=3, unique=True)
    return chosen.flatmap(
        lambda names: st.fixed_dictionaries({**needed, **{name: values_of(others[name], depth + 1) for name in names}})
    )


def _texts(node: Node) -> st.SearchStrategy[str]:
    longest = node.get("maxLength", 64)
    if "pattern" not in node:
        return st.text(min_size=node.get("minLength", 0), max_size=min(longest, 12))
    return st.from_regex(re.compile(node["pattern"], re.ASCII), fullmatch=True).map(lambda text: text[:longest])


# -- and changes of good ones -------------------------------------------------------------------------------------


def _places(node: Node, value: Json) -> Iterator[tuple[Any, Any, Node]]:
    """Every container, key or index in it, and the node of what lies there."""
    if isinstance(value, dict):
        for key, item in value.items():
            child = node.get("properties", {}).get(key, node.get("additionalProperties", {}))
            yield value, key, child
            yield from _places(child, item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            child = node.get("items", {})
            yield value, index, child
            yield from _places(child, item)


def mutated(draw: st.DrawFn, node: Node, value: dict[str, Json]) -> None:
    """Change `value`, which fits `node`, at one place, in a way that may be right or wrong."""
    places = list(_places(node, value))
    holder, key, child = places[draw(st.integers(0, len(places) - 1))]
    match draw(st.sampled_from(["fit", "junk", "gone", "more", "again", "over"])):
        case "fit":
            holder[key] = draw(values_of(child))
        case "junk":
            holder[key] = draw(junk)
        case "gone":
            del holder[key]
        case "more" if isinstance(holder[key], dict):
            known = sorted(child.get("properties", {}))
            name = draw(st.sampled_from(known) if known and draw(st.booleans()) else _names | st.text(max_size=6))
            inner = child.get("properties", {}).get(name, child.get("additionalProperties", {}))
            holder[key][name] = draw(values_of(inner))
        case "again" if isinstance(holder, list):
            holder.append(holder[key])
        case "over":
            holder[key] = draw(
                st.sampled_from(["x" * 20_000, 2**31, -1, 1e300, ["x"] * 300, {f"k{i}": "v" for i in range(70)}])
            )
