"""The grid against an oracle: GitHub's documented rules for job matrices, written down here once more, differently.

GitHub Docs, "Running variations of jobs in a workflow": exclude is looked at first and takes away what it fits in part;
each object of include is then added to every combination of the matrix of which it overwrites no original value, where
values that were added before may be overwritten; one that can be added to none becomes a combination of its own.
"""

from __future__ import annotations

import copy
import itertools
from typing import Any

import hypothesis.strategies as st
from hypothesis import given, settings

from batchmatrix.base.errors import InvalidSpec
from batchmatrix.model.v1alpha1 import parse_matrix
from batchmatrix.plan.expand import expand
from batchmatrix.plan.pin import dump_plan
from tests.support.full_specs import CELLS_SPEC, FULL_SPEC
from tests.support.specs import a_matrix, a_plan, matrix_object

law = settings(deadline=None, max_examples=300)

Json = dict[str, Any]

POOLS: dict[str, list[Any]] = {
    "mitigation": ["none", "tf32-off", "nccl-ring", ["tf32-off", "nccl-ring"], ["nccl-ring", "tf32-off"]],
    "environment": ["local", {"image": "b:1"}, {"image": "b:2"}],
    "size": [8, 32, 0.5, "x y"],
    "amp": [True, False],
    "word": ["a", "b", "1"],
}
"""Values of axes that are all different from one another."""


def token(value: Any) -> str:
    """One text for each value, whatever its type; made from JSON-like text, not from labels."""
    if isinstance(value, bool):
        return f"word:{'true' if value else 'false'}"
    if isinstance(value, dict):
        return f"image:{value['image']}"
    return "stack:" + "/".join(value) if isinstance(value, list) and len(value) > 1 else f"word:{value}"


@st.composite
def grids(draw: st.DrawFn) -> Json:
    """Axes, excludes, includes and overrides over small pools."""
    names = draw(st.lists(st.sampled_from(sorted(POOLS)), min_size=1, max_size=4, unique=True))
    pools = {name: st.lists(st.sampled_from(POOLS[name]), min_size=1, max_size=3, unique_by=repr) for name in names}
    chosen = {name: draw(pool) for name, pool in pools.items()}

    def partial(low: int, *, lists: bool) -> Json:
        some = draw(st.lists(st.sampled_from(names), min_size=low, max_size=len(names), unique=True))
        one = {name: st.sampled_from(POOLS[name]) for name in some}
        if not lists:
            return {name: draw(each) for name, each in one.items()}
        # a bare list means alternatives, so a stack alone stands in a list of its own
        many = {name: st.lists(each, min_size=1, max_size=3) for name, each in one.items()}
        drawn = {name: draw(each) for name, each in many.items()}
        return {
            name: items[0] if len(items) == 1 and not isinstance(items[0], list) and draw(st.booleans()) else items
            for name, items in drawn.items()
        }

    def numbered(settings_: str) -> Json:
        return {settings_: draw(st.integers(1, 9))}

    extra = st.dictionaries(st.sampled_from(["depth", "heads"]), st.integers(1, 3), max_size=2)
    return {
        "axes": [{"name": name, "values": values} for name, values in chosen.items()],
        "exclude": [partial(1, lists=True) for _ in range(draw(st.integers(0, 3)))],
        "include": [
            {
                "match": partial(draw(st.integers(0, len(names))), lists=False),
                "set": {"parameters": draw(extra), **numbered("trials")},
            }
            for _ in range(draw(st.integers(0, 4)))
        ],
        "overrides": [
            {"match": partial(0, lists=True), "set": numbered(draw(st.sampled_from(["trials", "steps"])))}
            for _ in range(draw(st.integers(0, 3)))
        ],
    }


class Oracle:
    """Combinations as flat dicts of tokens, in lists that are filtered and searched; None where it must be refused."""

    def __init__(self, grid: Json) -> None:
        self.axes = [axis["name"] for axis in grid["axes"]]
        originals = [
            {axis["name"]: token(value) for axis, value in zip(grid["axes"], values, strict=True)}
            for values in itertools.product(*(axis["values"] for axis in grid["axes"]))
        ]
        self.excluded = [one for one in originals if any(self._agrees(one, rule) for rule in grid["exclude"])]
        kept = [one for one in originals if one not in self.excluded]
        self.cells: list[tuple[Json, Json]] | None = [(one, {}) for one in kept]
        made: list[tuple[Json, Json]] = []
        for include in grid["include"]:
            wanted = {name: token(value) for name, value in include["match"].items()}
            hosts = [settings_ for one, settings_ in self.cells if wanted.items() <= one.items()]
            if not hosts and (set(wanted) != set(self.axes)):
                self.cells = None
                return
            if not hosts:
                hosts = [{}]
                made.append((wanted, hosts[0]))
            for settings_ in hosts:
                settings_.setdefault("parameters", {}).update(include["set"]["parameters"])
                settings_["trials"] = include["set"]["trials"]
        shown = [repr((sorted(one.items()), sorted(own["parameters"].items()))) for one, own in made]
        if len(set(shown)) < len(shown) or not kept + made:
            self.cells = None
            return
        self.cells += made
        for override in grid["overrides"]:
            for one, settings_ in self.cells:
                if self._agrees(one, override["match"]):
                    settings_.update(override["set"])

    @staticmethod
    def _agrees(one: Json, rule: Json) -> bool:
        for name, wanted in rule.items():
            choices = wanted if isinstance(wanted, list) else [wanted]
            if one[name] not in {token(choice) for choice in choices}:
                return False
        return True


def told(values: Json, images: dict[str, str]) -> Json:
    """Labels of a cell as tokens of the oracle."""
    found = {}
    for name, label in values.items():
        if label in images:
            found[name] = f"image:{images[label]}"
        elif isinstance(label, bool):
            found[name] = f"word:{'true' if label else 'false'}"
        else:
            found[name] = "stack:" + label.replace("+", "/") if "+" in str(label) else f"word:{label}"
    return found


@law
@given(grid=grids())
def test_exclude_include_and_overrides_do_what_the_oracle_does(grid: Json) -> None:
    oracle = Oracle(grid)
    spec = a_matrix(**grid, workload={"image": "a:1"}).spec
    try:
        found = expand(spec, max_cells=1000)
    except InvalidSpec:
        assert oracle.cells is None
        return
    assert oracle.cells is not None
    images = {one.environment: one.inline_image for one in found.combinations if one.inline_image is not None}
    seen = []
    for one in found.combinations:
        axes = {name: value for name, value in one.values.items() if name in oracle.axes}
        added = {name: value for name, value in one.parameters.items() if name not in oracle.axes}
        own = {"trials": one.settings.trials, "steps": one.settings.steps, "parameters": added}
        seen.append((told(axes, images), own))
    wanted = [
        (one, {"trials": own.get("trials"), "steps": own.get("steps"), "parameters": own.get("parameters", {})})
        for one, own in oracle.cells
    ]
    assert seen == wanted
    assert len(found.excluded) == len(oracle.excluded)


@law
@given(grid=grids())
def test_every_cell_of_the_product_is_kept_or_left_out_with_the_first_rule_that_fits(grid: Json) -> None:
    grid["include"] = []
    spec = a_matrix(**grid, workload={"image": "a:1"}).spec
    sizes = [len(axis["values"]) for axis in grid["axes"]]
    try:
        found = expand(spec, max_cells=1000)
    except InvalidSpec:
        return
    product = 1
    for size in sizes:
        product *= size
    assert len(found.combinations) + len(found.excluded) == product
    used = {one.rule for one in found.excluded}
    assert {f"spec.exclude[{i}]" for i in range(len(spec.exclude)) if i not in used} <= set(found.unused)
    for one in found.excluded:
        earlier = {**grid, "exclude": grid["exclude"][: one.rule], "overrides": []}
        if one.rule:
            kept = expand(a_matrix(**earlier, workload={"image": "a:1"}).spec, max_cells=1000).combinations
            assert one.values in [cell.values for cell in kept]


def shuffled(draw: st.DrawFn, value: Any) -> Any:
    """The same data with the keys of every map in another order."""
    if isinstance(value, dict):
        keys = draw(st.permutations(sorted(value)))
        return {key: shuffled(draw, value[key]) for key in keys}
    return [shuffled(draw, item) for item in value] if isinstance(value, list) else value


@st.composite
def orders(draw: st.DrawFn) -> tuple[Json, Json]:
    """A spec, and the same with other orders of keys."""
    few = {**FULL_SPEC, "axes": [{**axis, "values": axis["values"][:2]} for axis in FULL_SPEC["axes"]]}
    spec = copy.deepcopy(draw(st.sampled_from([few, CELLS_SPEC])))
    return spec, shuffled(draw, spec)


@settings(deadline=None, max_examples=30)
@given(pair=orders())
def test_the_order_of_keys_in_a_file_changes_nothing(pair: tuple[Json, Json]) -> None:
    one, other = (
        dump_plan(a_plan(parse_matrix({**matrix_object(), "spec": spec}), nodes=[], service_accounts=["runner"]))
        for spec in pair
    )
    assert one == other
