from __future__ import annotations

import json
from typing import Any

import pytest

from batchmatrix.base.errors import InvalidSpec
from batchmatrix.formats.catalog_file import load_catalog, read_entries
from batchmatrix.model.v1alpha1 import Entries

CATALOG = """\
mitigations:
  ring: {description: One ring., env: {NCCL_ALGO: Ring}}
environments:
  rocm: {image: "registry.example/rocm:6.4", env: {HSA_XNACK: "1"}}
hardware:
  h100: {nodeLabels: {gpu.example/kind: h100}, resource: {name: gpu.example/gpu}}
workloads:
  fsdp: {image: "registry.example/fsdp:1", command: [train], metrics: [{name: step_time_ms, from: prefix}]}
"""


def problems(text: str) -> list[str]:
    with pytest.raises(InvalidSpec) as caught:
        load_catalog(text, source="c.yaml")
    return [str(problem) for problem in caught.value.problems]


def env(entries: Entries, name: str) -> dict[str, str]:
    return dict(entries.mitigations[name].env)


def test_a_file_has_the_same_keys_as_the_catalog_of_a_matrix() -> None:
    entries = load_catalog(CATALOG, source="c.yaml")
    assert env(entries, "ring") == {"NCCL_ALGO": "Ring"}
    assert entries.environments["rocm"].image == "registry.example/rocm:6.4"
    assert entries.hardware["h100"].node_labels == {"gpu.example/kind": "h100"}
    assert entries.workloads["fsdp"].command == ("train",)


def test_json_and_yaml_mean_the_same() -> None:
    data = {"mitigations": {"ring": {"env": {"NCCL_ALGO": "Ring"}}}, "environments": {"e": {"image": "a:1"}}}
    text = "mitigations: {ring: {env: {NCCL_ALGO: Ring}}}\nenvironments: {e: {image: 'a:1'}}\n"
    assert load_catalog(json.dumps(data), source="c.json") == load_catalog(text, source="c.yaml")


def test_a_matrix_catalog_object_is_a_catalog_too() -> None:
    spec = "".join(f"  {line}\n" for line in CATALOG.splitlines())
    text = f"apiVersion: batchmatrix.dev/v1alpha1\nkind: MatrixCatalog\nmetadata: {{name: team}}\nspec:\n{spec}"
    assert load_catalog(text, source="c.yaml") == load_catalog(CATALOG, source="c.yaml")


def test_a_plain_map_of_variables_is_a_mitigation() -> None:
    text = "mitigations: {tf32_off: {DISABLE_TF32: '1', HSA_XNACK: '0'}, none2: {}}\n"
    entries = load_catalog(text, source="c.yaml")
    assert env(entries, "tf32_off") == {"DISABLE_TF32": "1", "HSA_XNACK": "0"}
    assert env(entries, "none2") == {}


@pytest.mark.parametrize(
    ("head", "mitigation", "variables"),
    [
        ("", "{env: {A: b}}", {"A": "b"}),
        ("", "{env: prod}", {"env": "prod"}),
        ("", "{env: prod, A: b}", {"env": "prod", "A": "b"}),
        ("", "{description: d}", {}),
        ("version: 1\n", "{description: d}", {"description": "d"}),
        ("version: 1\n", "{env: prod}", {"env": "prod"}),
    ],
)
def test_forms_are_told_apart_by_description_by_an_env_that_is_an_object_and_by_version(
    head: str, mitigation: str, variables: dict[str, str]
) -> None:
    assert env(load_catalog(f"{head}mitigations: {{m: {mitigation}}}\n", source="c.yaml"), "m") == variables


def test_a_side_car_is_read() -> None:
    side_car = {
        "version": 1,
        "mitigations": {"flag": {"MY_FLAG": "1"}},
        "environments": {
            "image": {"docker": "registry.example/app@sha256:" + "0" * 64, "venv": None, "env": {"T": "1"}},
            "host": {"venv": "/home/me/venv", "docker": None},
            "here": {},
        },
    }
    entries = load_catalog(json.dumps(side_car), source="s.json")
    assert env(entries, "flag") == {"MY_FLAG": "1"}
    assert entries.environments["image"].image == "registry.example/app@sha256:" + "0" * 64
    assert entries.environments["image"].env == {"T": "1"}
    assert entries.environments["host"].venv == "/home/me/venv"
    assert entries.environments["host"].image is None
    assert set(entries.environments) == {"image", "host", "here"}


def test_docker_is_another_word_for_image_in_every_file() -> None:
    text = "environments: {e: {docker: 'a:1', description: d}}\n"
    assert load_catalog(text, source="c.yaml").environments["e"].image == "a:1"


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("mitigation: {}\n", "c.yaml:1:1: mitigation: unknown field; did you mean mitigations?"),
        ("version: 2\n", "c.yaml:1:1: version: 2 is not known; write 1"),
        ("version: true\n", "c.yaml:1:1: version: True is not known"),
        ("version: '1'\n", "c.yaml:1:1: version: '1' is not known"),
        ("mitigations:\n  m:\n    A: 1\n", "c.yaml:3:5: mitigations.m.A: 1 is not a text; put it in quotes"),
        ("mitigations:\n  m:\n    A-B: x\n", 'c.yaml:3:5: mitigations.m["A-B"]: '),
        ("mitigations:\n  m: {env: {}, A: x}\n", "c.yaml:2:16: mitigations.m.A: unknown field"),
        ("mitigations:\n  m: {description: d, A: x}\n", "c.yaml:2:23: mitigations.m.A: unknown field"),
        ("mitigations:\n  m: text\n", "c.yaml:2:3: mitigations.m: 'text' is not an object"),
        ("mitigations: [a]\n", "c.yaml:1:1: mitigations: a list is not an object"),
        ("mitigations:\n  m:\n    A:\n", "c.yaml:3:5: mitigations.m.A: is null"),
        ("mitigations:\n  m:\n    BATCHMATRIX_X: x\n", "c.yaml:3:5: mitigations.m.BATCHMATRIX_X: 'BATCHMATRIX_X' "),
        ("version: 1\nmitigations:\n  m: {env: {A: b}}\n", "c.yaml:3:7: mitigations.m.env: is an object; with version"),
        ("environments:\n  e: {docker: 'a b'}\n", "c.yaml:2:7: environments.e.docker: 'a b' has the wrong form"),
        ("environments:\n  e: {docker: a, image: b}\n", "c.yaml:2:7: environments.e.docker: is another word for image"),
        ("environments:\n  e: {docker: }\n", "c.yaml:2:7: environments.e.docker: is null"),
        ("environments:\n  e: {bucket: x}\n", "c.yaml:2:7: environments.e.bucket: unknown field"),
        ("version: 1\nenvironments:\n  e: {mirage_profile: x}\n", "c.yaml:3:7: environments.e.mirage_profile: unknown"),
        ("a: 1\n---\nb: 1\n", "c.yaml:3:1: is a second document"),
        ("kind: BatchMatrix\n", "c.yaml:1:1: kind: 'BatchMatrix' is no catalog"),
        ("apiVersion: v1\n", "c.yaml:1:1: kind: is required; add kind: MatrixCatalog"),
        ("", "c.yaml: holds no document"),
        ("- a\n", "c.yaml:1:1: is not an object"),
        ("{", "c.yaml:1:2: is not YAML"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_the_place_that_its_author_wrote(text: str, start: str) -> None:
    found = problems(text)
    assert [one for one in found if one.startswith(start)], found


def test_every_problem_is_said_at_once() -> None:
    mitigations, environments = "{m: {A: 1}, k: {env: {}}}", "{e: {docker: a, image: b}, f: {x: z}}"
    assert len(problems(f"version: 1\nmitigations: {mitigations}\nenvironments: {environments}\n")) == 4


@pytest.mark.parametrize(
    "data", [{1: 2}, {"mitigations": {1: {}}}, {"mitigations": {"m": {1: "a"}}}, {"version": None}]
)
def test_data_that_no_file_could_hold_is_refused_in_words(data: Any) -> None:
    with pytest.raises(InvalidSpec):
        read_entries(data)
