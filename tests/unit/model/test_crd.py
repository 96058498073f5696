"""The CRD: structural, bounded, and the same as the generated files."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from batchmatrix.base.quantities import DURATION_PATTERN
from batchmatrix.model.crd import catalog_crd, crd
from batchmatrix.model.v1alpha1._types import DURATION_RULE
from tests.support.golden import Golden

ROOT = Path(__file__).resolve().parents[3]


def _nodes(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from _nodes(child, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if key in node:
            yield from _nodes(node[key], f"{path}.{key}")


BOTH = pytest.mark.parametrize("definition", [crd(), catalog_crd()], ids=lambda one: one["spec"]["names"]["plural"])


def _schema(definition: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


@BOTH
def test_it_is_what_it_was(definition: dict[str, Any], golden: Golden) -> None:
    plural = definition["spec"]["names"]["plural"]
    golden(f"crd/{plural}.yaml", yaml.safe_dump(definition, sort_keys=False, width=110, allow_unicode=True))


@BOTH
def test_every_node_is_structural(definition: dict[str, Any]) -> None:
    for path, node in _nodes(_schema(definition)):
        scalar = "x-kubernetes-int-or-string" in node or "x-kubernetes-preserve-unknown-fields" in node
        assert ("type" in node) != scalar, path
        assert not node.keys() & {"$ref", "title", "allOf", "oneOf", "const", "$defs", "patternProperties"}, path
        assert ("properties" in node) + ("additionalProperties" in node) <= 1, path


def test_only_values_of_axes_and_what_may_be_an_image_are_without_a_type() -> None:
    free = [path for path, node in _nodes(_schema(crd())) if "x-kubernetes-preserve-unknown-fields" in node]
    assert free == [
        ".spec.axes.items.values.items",
        ".spec.exclude.items.additionalProperties",
        ".spec.include.items.match.additionalProperties",
        ".spec.include.items.set.parameters.additionalProperties",
        ".spec.overrides.items.match.additionalProperties",
        ".spec.cells.items.environment",
        ".spec.cells.items.parameters.additionalProperties",
        ".spec.checks.items.when.additionalProperties",
        ".spec.baseline.match.additionalProperties",
        ".spec.gates.items.when.additionalProperties",
    ]
    assert not [path for path, node in _nodes(_schema(catalog_crd())) if "x-kubernetes-preserve-unknown-fields" in node]


@BOTH
def test_every_list_map_and_text_is_bounded(definition: dict[str, Any]) -> None:
    for path, node in _nodes(_schema(definition)):
        if not path.startswith((".spec", ".status")):
            continue
        if node.get("type") == "array":
            assert "maxItems" in node, path
        if "additionalProperties" in node:
            assert "maxProperties" in node, path
        if node.get("type") == "string" and "enum" not in node:
            assert "maxLength" in node, path
        if node.get("type") == "integer" and path.startswith(".spec"):
            assert {"minimum", "maximum"} <= node.keys(), path


@BOTH
def test_a_rule_of_a_type_is_not_lost_where_a_field_has_one_of_its_own(definition: dict[str, Any]) -> None:
    for path, node in _nodes(_schema(definition)):
        if node.get("pattern") == DURATION_PATTERN:
            rules = [rule["rule"] for rule in node.get("x-kubernetes-validations", ())]
            assert DURATION_RULE[0] in rules, path


@BOTH
def test_every_field_says_what_it_is(definition: dict[str, Any]) -> None:
    for path, node in _nodes(_schema(definition)):
        if path and path != ".metadata" and not path.endswith(("items", "additionalProperties")):
            text = node.get("description", "")
            assert text.endswith("."), path
            assert "\n" not in text, path


def test_generated_files_are_fresh() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "hack" / "generate", "--check"], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_stale_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "hack").mkdir()
    for file_name in ("generate", "house.py", "outcomes.py"):
        shutil.copy2(ROOT / "hack" / file_name, tmp_path / "hack" / file_name)
    for folder in ("operator/batchmatrix", "crds", "charts/batchmatrix-crds", "docs/reference", "docs/explanation"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "docs" / "reference" / "v1alpha1.md").open("a") as file:
        file.write("edited by hand\n")
    done = subprocess.run(
        [sys.executable, tmp_path / "hack" / "generate", "--check"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr == "docs/reference/v1alpha1.md is not what the code says; run hack/generate\n"
