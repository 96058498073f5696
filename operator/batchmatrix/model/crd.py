"""The CustomResourceDefinitions, made from the API types. Nothing here is written by hand twice."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from batchmatrix.model.cell import GROUP, VERSION
from batchmatrix.model.v1alpha1.catalog import MatrixCatalog
from batchmatrix.model.v1alpha1.spec import BatchMatrix

__all__ = ["CATALOG_PLURAL", "PLURAL", "catalog_crd", "crd"]

PLURAL = "batchmatrices"
CATALOG_PLURAL = "matrixcatalogs"

_KEPT = (
    "type",
    "enum",
    "pattern",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
)

_COLUMNS: tuple[tuple[str, str, str, int], ...] = (
    ("Status", "string", '.status.conditions[?(@.type=="Succeeded")].reason', 0),
    ("Progress", "string", ".status.progress", 0),
    ("Running", "integer", ".status.running", 0),
    ("Failed", "integer", ".status.failed", 0),
    ("Verdict", "string", ".status.verdict", 0),
    ("Age", "date", ".metadata.creationTimestamp", 0),
    ("Cells", "integer", ".status.cells", 1),
    ("Retries", "integer", ".status.retries", 1),
    ("Message", "string", ".status.message", 1),
)


_RULES = "x-kubernetes-validations"


def _merged(kind: dict[str, Any], field: dict[str, Any]) -> dict[str, Any]:
    """A field of some type: what the field says itself goes before its type's, but rules of both hold."""
    rules = [*kind.get(_RULES, ()), *field.get(_RULES, ())]
    return {**kind, **field, **({_RULES: rules} if rules else {})}


def _structural(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """One node of pydantic's JSON schema as a structural schema: no reference, no union, no null, no title."""
    own = {key: value for key, value in node.items() if key != "$ref"}
    if "$ref" in node:
        target = definitions[node["$ref"].rsplit("/", 1)[-1]]
        return _structural(_merged(target, own), definitions)
    if "x-kubernetes-int-or-string" not in node and "anyOf" in node:
        (inner,) = [branch for branch in own.pop("anyOf") if branch != {"type": "null"}]
        return _structural(_merged(inner, own), definitions)
    result: dict[str, Any] = {key: node[key] for key in ("description", *_KEPT) if key in node}
    if "exclusiveMinimum" in node:  # a structural schema speaks of it as of draft 4
        result.update(minimum=node["exclusiveMinimum"], exclusiveMinimum=True)
    if "const" in node:
        result = {**result, "type": "string", "enum": [node["const"]]}
    if node.get("anyOf"):
        result["anyOf"] = node["anyOf"]
    default = node.get("default")
    if isinstance(default, dict):
        # the defaults inside apply to an empty object; a map stays away unless it was written
        if "properties" in node:
            result["default"] = {}
    elif default is not None and default != []:
        result["default"] = default
    if node.get("required"):
        result["required"] = list(node["required"])
    if "properties" in node:
        result["properties"] = {name: _structural(child, definitions) for name, child in node["properties"].items()}
    for values in (node.get("additionalProperties"), *node.get("patternProperties", {}).values()):
        if isinstance(values, dict):  # a structural schema cannot bound the keys of a map
            result["additionalProperties"] = _structural(values, definitions)
    if "items" in node:
        result["items"] = _structural(node["items"], definitions)
    result.update({key: value for key, value in node.items() if key.startswith("x-kubernetes-")})
    return result


def _bound_status(node: dict[str, Any]) -> None:
    """Sizes for what the operator writes, so that no rule or client meets an unbounded status."""
    if node.get("type") == "string":
        node.setdefault("maxLength", 4096)
    if "additionalProperties" in node:
        node.setdefault("maxProperties", 64)
    for child in (
        *node.get("properties", {}).values(),
        *(node[k] for k in ("items", "additionalProperties") if k in node),
    ):
        _bound_status(child)


def _without_defaults(node: dict[str, Any]) -> dict[str, Any]:
    """Status fields appear when the operator writes them, not before."""
    if "properties" in node:
        node = {**node, "properties": {name: _without_defaults(child) for name, child in node["properties"].items()}}
    if "items" in node:
        node = {**node, "items": _without_defaults(node["items"])}
    return {key: value for key, value in node.items() if key != "default"}


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    raw = model.model_json_schema(by_alias=True)
    definitions = raw.pop("$defs")
    root = _structural(raw, definitions)
    root["required"] = ["spec"]
    properties = root["properties"]
    properties["apiVersion"] = {"type": "string", "description": f"{GROUP}/{VERSION}."}
    properties["kind"] = {"type": "string", "description": f"{model.__name__}."}
    properties["metadata"] = {"type": "object"}
    if "status" in properties:
        status = _without_defaults(properties["status"])
        _bound_status(status)
        status["properties"]["observedGeneration"]["default"] = -1
        status["default"] = {"observedGeneration": -1}
        properties["status"] = status
    return root


def crd() -> dict[str, Any]:
    """The CustomResourceDefinition of BatchMatrix as plain data, the same on every call."""
    columns = [
        {"name": name, "type": kind, "jsonPath": path, **({"priority": priority} if priority else {})}
        for name, kind, path, priority in _COLUMNS
    ]
    names = {
        "kind": "BatchMatrix",
        "listKind": "BatchMatrixList",
        "plural": PLURAL,
        "singular": "batchmatrix",
        "shortNames": ["bmx"],
        "categories": ["batchmatrix"],
    }
    return _definition(names, {"subresources": {"status": {}}, "additionalPrinterColumns": columns}, BatchMatrix)


def catalog_crd() -> dict[str, Any]:
    """The CustomResourceDefinition of MatrixCatalog as plain data, the same on every call."""
    names = {
        "kind": "MatrixCatalog",
        "listKind": "MatrixCatalogList",
        "plural": CATALOG_PLURAL,
        "singular": "matrixcatalog",
        # No category: kubectl takes `batchmatrix` for the category before it takes it for the kind, and with two
        # kinds in it `kubectl get batchmatrix NAME` would be ambiguous.
        "shortNames": ["bmc"],
    }
    return _definition(names, {}, MatrixCatalog)


def _definition(names: dict[str, Any], more: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": _schema(model)},
        **more,
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names['plural']}.{GROUP}"},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
    }
