"""Specs made from the CRDs' own schemas: each is taken, or refused in our words at a place that there is.

What a schema refuses on the server, the types refuse here; the server's CEL rules are not part of this.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, event, given, settings

from batchmatrix.base.errors import InvalidSpec
from batchmatrix.base.paths import field_path
from batchmatrix.base.text import one_line
from batchmatrix.formats.matrix_file import dump_object, load_objects
from batchmatrix.model.crd import catalog_crd, crd
from batchmatrix.model.v1alpha1 import BatchMatrix, parse_object
from tests.support.full_specs import CELLS_SPEC, FULL_CATALOG, FULL_SPEC
from tests.support.mutants import mutants
from tests.support.refusals import ALLOWED, REFUSED, Refusal
from tests.support.specs import a_plan, catalog_object, matrix_object
from tests.support.structural import is_known_path, mutated, refusals, schema_of, values_of

SCHEMAS = {"BatchMatrix": schema_of(crd()), "MatrixCatalog": schema_of(catalog_crd())}
FEW_CELLS = {**FULL_SPEC, "axes": [{**axis, "values": axis["values"][:2]} for axis in FULL_SPEC["axes"][:4]]}
GOOD = (
    matrix_object(),
    {**matrix_object(), "spec": {**FEW_CELLS, "include": [], "workload": {**FULL_SPEC["workload"], "args": []}}},
    {**matrix_object(), "spec": CELLS_SPEC},
    catalog_object(**FULL_CATALOG),
)
RAW_WORDING = ("pydantic", "Input should", "validation error", "type=", "Traceback", "Extra inputs", "object at 0x")
REMEDY = re.compile(
    r"\b(write|add|remove|rename|give|keep|put|define|set|change|lower|raise|join|narrow|choose|did you mean|known are"
    r"|do not stack)\b"
)
"""What a message that tells what to do has in it."""
STEP = re.compile(r'\.?([A-Za-z_][A-Za-z0-9_]*)|\[([0-9]+)\]|\["((?:[^"\\]|\\.)*)"\]')
thorough = settings(
    max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@st.composite
def changed(draw: st.DrawFn) -> dict[str, Any]:
    """A good object with up to three changes in its spec."""
    obj = copy.deepcopy(draw(st.sampled_from(GOOD)))
    for _ in range(draw(st.integers(1, 3))):
        if isinstance(obj.get("spec"), dict) and obj["spec"]:
            mutated(draw, SCHEMAS[obj["kind"]]["properties"]["spec"], obj["spec"])
    return obj


@st.composite
def made(draw: st.DrawFn) -> dict[str, Any]:
    """An object whose spec is made from the schema alone."""
    obj = matrix_object() if draw(st.booleans()) else catalog_object()
    obj["spec"] = draw(values_of(SCHEMAS[obj["kind"]]["properties"]["spec"]))
    return obj


def planned(obj: dict[str, Any]) -> None:
    """Everything that stands between the object and its first Job; only InvalidSpec may be raised."""
    found = parse_object(obj)
    if isinstance(found, BatchMatrix):
        a_plan(found, service_accounts=["runner"])


def check_words(obj: dict[str, Any], error: InvalidSpec) -> None:
    assert error.problems
    for problem in error.problems:
        assert problem.path == "spec" or problem.path.startswith(("spec.", "spec["))
        assert is_known_path(SCHEMAS[obj["kind"]], problem.path), problem
        assert 0 < len(problem.message) <= 512, problem
        assert "\n" not in str(problem), problem
        assert not any(word in problem.message for word in RAW_WORDING), problem
        assert REMEDY.search(problem.message), problem
        assert leads_somewhere(obj, problem.path), problem


def leads_somewhere(obj: dict[str, Any], path: str) -> bool:
    """Whether `path` is there, or what would hold it; entries of catalogs and named workloads may be from outside."""
    steps: list[Any] = [
        int(index) if index else plain or re.sub(r"\\(.)", r"\1", quoted) for plain, index, quoted in STEP.findall(path)
    ]
    here: Any = obj
    for number, step in enumerate(steps):
        if isinstance(here, dict):
            step = next((key for key in here if step in (key, one_line(key, limit=80) or " ")), None)
        there = step is not None if isinstance(here, dict) else isinstance(here, list) and step in range(len(here))
        if not there:
            workload = obj["spec"].get("workload")
            own = steps[1] != "catalog" and not (isinstance(workload, dict) and "ref" in workload)
            return number == len(steps) - 1 or not own
        here = here[step]
    return True


def test_a_key_of_blanks_alone_can_be_seen() -> None:
    assert field_path(("spec", "mitigations", " ", "env")) == 'spec.mitigations[" "].env'


@thorough
@given(obj=changed() | made() | mutants())
def test_every_spec_is_taken_or_refused_in_our_words_and_what_the_schema_refuses_is_refused(
    obj: dict[str, Any],
) -> None:
    reasons = list(refusals(SCHEMAS[obj["kind"]], obj))
    try:
        planned(obj)
    except InvalidSpec as error:
        event("refused by the schema too" if reasons else "refused by us alone")
        check_words(obj, error)
    else:
        event("taken")
        assert reasons == []


def as_json(value: Any) -> Any:
    """Numbers as they come out of JSON at the API server: what is whole is no fraction."""
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@settings(max_examples=100, deadline=None)
@given(obj=changed())
def test_a_file_means_what_the_object_means(obj: dict[str, Any]) -> None:
    """Written as YAML and read again, an object is taken or refused just the same."""
    obj = as_json(obj)
    text = dump_object(obj)
    assert verdict(lambda: [parse_object(obj)], 0) == verdict(lambda: load_objects(text, source="m.yaml"), 1)


def verdict(read: Callable[[], list[Any]], skip: int) -> list[Any]:
    """What is read, or the problems, less the first `skip` parts before a colon and a space."""
    try:
        return read()
    except InvalidSpec as error:
        return [str(problem).split(": ", skip)[-1] for problem in error.problems]


@pytest.mark.parametrize("refusal", REFUSED, ids=lambda one: one.id)
def test_every_refusal_says_what_to_do(refusal: Refusal) -> None:
    with pytest.raises(InvalidSpec) as caught:
        planned(refusal.object())
    assert [problem for problem in caught.value.problems if not REMEDY.search(problem.message)] == []


@pytest.mark.parametrize("refusal", REFUSED, ids=lambda one: one.id)
def test_what_the_schema_refuses_is_marked_as_refused_by_the_server(refusal: Refusal) -> None:
    obj = refusal.object()
    kind = "BatchMatrix" if refusal.plural == "batchmatrices" else "MatrixCatalog"
    if "null" not in refusal.word and list(refusals(SCHEMAS[kind], obj)):
        assert refusal.server
    assert is_known_path(SCHEMAS[kind], refusal.path)


@pytest.mark.parametrize("name", ALLOWED)
def test_the_schema_takes_what_is_right(name: str) -> None:
    obj = matrix_object()
    ALLOWED[name](obj)
    assert list(refusals(SCHEMAS["BatchMatrix"], obj)) == []
