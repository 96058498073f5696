"""Wrong grids: axes, include, exclude, overrides, explicit cells."""

from __future__ import annotations

from typing import Any

from tests.support.refusals.changes import Change, Json, Refusal, all_, axes, cells, put, value

__all__ = ["GRID"]

_A0, _V0 = "spec.axes[0].name", "spec.axes[0].values[0]"
_I0, _O0, _C0 = "spec.include[0]", "spec.overrides[0].set", "spec.cells[0]"


def _mitigation(*values: Any) -> Change:
    return axes(("mitigation", list(values)))


def _environment(*values: Any) -> Change:
    return axes(("environment", list(values)))


def _exclude(*rules: Any) -> Change:
    return put("exclude", list(rules))


def _include(match: Json, **settings: Any) -> Change:
    return put("include", [{"match": match, "set": settings}])


def _override(**settings: Any) -> Change:
    return put("overrides", [{"match": {}, "set": settings}])


def _cell(**fields: Any) -> Change:
    return cells({"name": "a", **fields})


_AXES = (
    Refusal("axis-twice", axes(("a", [1]), ("a", [2])), "spec.axes[1].name", "earlier axis"),
    Refusal("axis-reserved", axes(("BATCHMATRIX_X", [1])), _A0, "reserved"),
    Refusal("axis-form", axes(("a-b", [1])), _A0, "wrong form"),
    Refusal("axis-long", axes(("a" * 64, [1])), _A0, "at most 63"),
    Refusal("axis-no-name", put("axes", [{"values": [1]}]), _A0, "required"),
    Refusal("axis-no-values", put("axes", [{"name": "size"}]), "spec.axes[0].values", "required"),
    Refusal("axis-unknown", put("axes", [{"name": "size", "value": [1], "values": [1]}]), "spec.axes[0].value",
            "values?"),
    Refusal("axes-none", axes(), "spec", "neither axes nor cells"),
    Refusal("axes-map", put("axes", {"size": [8]}), "spec.axes", "not a list"),
    Refusal("axes-nine", axes(*((f"a{i}", [1]) for i in range(9))), "spec.axes", "too many"),
    Refusal("values-none", axes(("a", [])), "spec.axes[0].values", "too few"),
    Refusal("values-text", put("axes", [{"name": "size", "values": "8"}]), "spec.axes[0].values", "not a list"),
    Refusal("values-65", axes(("a", list(range(65)))), "spec.axes[0].values", "too many"),
    Refusal("value-list", value([1]), _V0, "not a name", server=False),
    Refusal("value-names", value(["x", "y"]), _V0, "only values of the axis mitigation", server=False),
    Refusal("value-empty-list", value([]), _V0, "empty list"),
    Refusal("value-object", value({"x": 1}), _V0, "{image: REFERENCE}", server=False),
    Refusal("value-empty-object", value({}), _V0, "{image: REFERENCE}"),
    Refusal("value-image", value({"image": "a:1"}), _V0, "only values of the axis environment", server=False),
    Refusal("value-long", value("x" * 129), _V0, "at most 128"),
    Refusal("value-huge", value(2**63), _V0, "64 bits", server=False),
    Refusal("value-null", value(None), _V0, "null", server=False),
    Refusal("value-twice", axes(("a", [1, "1"])), "spec.axes[0].values[1]", "same text", server=False),
    Refusal("value-true-twice", axes(("a", [True, "true"])), "spec.axes[0].values[1]", "same text", server=False),
    Refusal("mitigation-number", _mitigation(1), _V0, "is no name", server=False),
    Refusal("mitigation-true", _mitigation(True), _V0, "true is no name", server=False),
    Refusal("mitigation-form", _mitigation("a b"), _V0, "is no name", server=False),
    Refusal("mitigation-image", _mitigation({"image": "a:1"}), _V0, "axis environment", server=False),
    Refusal("mitigation-twice", _mitigation("none", "none"), "spec.axes[0].values[1]", "the same", server=False),
    Refusal("stack-nested", _mitigation([["none"]]), _V0, "not a name", server=False),
    Refusal("stack-nine", _mitigation([f"m{i}" for i in range(9)]), _V0, "at most 8"),
    Refusal("stack-repeats", _mitigation(["tf32-off", "tf32-off"]), _V0, "twice", server=False),
    Refusal(
        "stack-twice", _mitigation(["tf32-off", "nccl-ring"], ["tf32-off", "nccl-ring"]), "spec.axes[0].values[1]",
        "the same", server=False,
    ),
    Refusal("environment-list", _environment(["local"]), _V0, "axis mitigation", server=False),
    Refusal("environment-keys", _environment({"image": "a:1", "env": "x"}), _V0, "{image: REFERENCE}"),
    Refusal("environment-image", _environment({"image": "a b"}), _V0, "image reference", server=False),
    Refusal("environment-image-number", _environment({"image": 5}), _V0, "image reference", server=False),
    Refusal(
        "environment-image-twice", _environment({"image": "a:1"}, {"image": "a:1"}), "spec.axes[0].values[1]",
        "the same", server=False,
    ),
    Refusal("hardware-number", axes(("hardware", [100])), _V0, "is no name", server=False),
)  # fmt: skip

_RULES = (
    Refusal("exclude-axis", _exclude({"sizes": 8}), "spec.exclude[0].sizes", "write one of: size", server=False),
    Refusal("exclude-nothing", _exclude({}), "spec.exclude[0]", "too few"),
    Refusal("exclude-no-object", _exclude(8), "spec.exclude[0]", "not an object"),
    Refusal("exclude-empty-list", _exclude({"size": []}), "spec.exclude[0].size", "matches nothing"),
    Refusal("exclude-many", _exclude({"size": list(range(65))}), "spec.exclude[0].size", "at most 64"),
    Refusal("exclude-null", _exclude({"size": None}), "spec.exclude[0].size", "null"),
    Refusal("exclude-object", _exclude({"size": {"a": 1}}), "spec.exclude[0].size", "image", server=False),
    Refusal("exclude-empty-object", _exclude({"size": {}}), "spec.exclude[0].size", "image"),
    Refusal("exclude-nested", _exclude({"size": [[8]]}), "spec.exclude[0].size", "not a name", server=False),
    Refusal("exclude-stack", _exclude({"size": [["8"]]}), "spec.exclude[0].size", "axis mitigation", server=False),
    Refusal("exclude-key", _exclude({"a-b": 1}), 'spec.exclude[0]["a-b"]', "wrong form", server=False),
    Refusal("exclude-257", _exclude(*[{"size": 8}] * 257), "spec.exclude", "too many"),
    Refusal("exclude-nine", _exclude({f"a{i}": 1 for i in range(9)}), "spec.exclude[0]", "too many"),
    Refusal(
        "exclude-kind", all_(_mitigation("none"), _exclude({"mitigation": 5})), "spec.exclude[0].mitigation",
        "is no name", server=False,
    ),
    Refusal("exclude-all", _exclude({"size": [8, 32]}), "spec.exclude", "no cell at all", server=False, planned=True),
    Refusal("include-axis", _include({"sizes": 8}), f"{_I0}.match.sizes", "write one of: size", server=False),
    Refusal("include-list", _include({"size": [8, 32]}), f"{_I0}.match.size", "one value", server=False),
    Refusal(
        "include-stacks", all_(_mitigation("none"), _include({"mitigation": [["none"]]})),
        f"{_I0}.match.mitigation", "one stack", server=False,
    ),
    Refusal(
        "include-repeats", all_(_mitigation("none"), _include({"mitigation": ["none", "none"]})),
        f"{_I0}.match.mitigation", "twice", server=False,
    ),
    Refusal(
        "include-incomplete", all_(axes(("a", [1]), ("b", [2])), _include({"a": 5})), f"{_I0}.match", "add b",
        server=False, planned=True,
    ),
    Refusal(
        "include-again", put("include", [{"match": {"size": 64}}, {"match": {"size": 64}}]), "spec.include[1].match",
        "join the two", server=False, planned=True,
    ),
    Refusal(
        "include-parameter-axis", _include({}, parameters={"size": 1}), f"{_I0}.set.parameters.size", "under match",
        server=False,
    ),
    Refusal(
        "include-parameter-reserved", _include({}, parameters={"BATCHMATRIX_X": 1}),
        f"{_I0}.set.parameters.BATCHMATRIX_X", "reserved", server=False,
    ),
    Refusal(
        "include-parameter-list", _include({}, parameters={"x": ["a"]}), f"{_I0}.set.parameters.x", "no single value"
    ),
    Refusal("include-trial", _include({}, trails=1), f"{_I0}.set.trails", "did you mean trials?"),
    Refusal("override-axis", put("overrides", [{"match": {"x": 1}, "set": {}}]), "spec.overrides[0].match.x",
            "write one of: size", server=False),
    Refusal("override-no-set", put("overrides", [{"match": {}}]), _O0, "required"),
    Refusal("override-parameters", _override(parameters={"x": 1}), f"{_O0}.parameters", "unknown field"),
    Refusal("override-timeout", _override(timeout="0s"), f"{_O0}.timeout", "more than 0s"),
    Refusal("override-trials", _override(trials=0), f"{_O0}.trials", "1 or more"),
    Refusal("override-steps", _override(steps=0), f"{_O0}.steps", "1 or more"),
    Refusal("override-image", _override(image=""), f"{_O0}.image", "image reference"),
    Refusal("override-codes", _override(allowedExitCodes=[]), f"{_O0}.allowedExitCodes", "too few"),
    Refusal("override-code", _override(allowedExitCodes=[256]), f"{_O0}.allowedExitCodes[0]", "255 or less"),
    Refusal("override-expect", _override(expect={"outcome": "pass"}), f"{_O0}.expect.outcome", "'success'"),
    Refusal("override-env", _override(extraEnv={"BATCHMATRIX_X": "1"}), f"{_O0}.extraEnv.BATCHMATRIX_X", "reserved",
            server=False),
    Refusal("override-env-number", _override(extraEnv={"A": 1}), f"{_O0}.extraEnv.A", "quotes"),
    Refusal("override-env-key", _override(extraEnv={"A-B": "1"}), f'{_O0}.extraEnv["A-B"]', "wrong form", server=False),
    Refusal(
        "override-over", _override(resources={"requests": {"cpu": 2}, "limits": {"cpu": 1}}),
        f"{_O0}.resources.requests.cpu", "more than the limit", server=False,
    ),
)  # fmt: skip

_CELLS = (
    Refusal("cells-and-axes", put("cells", [{"name": "a"}]), "spec.cells", "remove one"),
    Refusal("cells-include", all_(_cell(), _include({})), "spec.include", "is for axes"),
    Refusal("cells-exclude", all_(_cell(), _exclude({"hardware": "h"})), "spec.exclude", "is for axes",
            server=False),
    Refusal("cells-overrides", all_(_cell(), _override(trials=2)), "spec.overrides", "is for axes"),
    Refusal("cells-257", cells(*({"name": f"c{i}"} for i in range(257))), "spec.cells", "too many"),
    Refusal("cell-no-name", cells({"trials": 1}), f"{_C0}.name", "required"),
    Refusal("cell-name-form", cells({"name": "-a"}), f"{_C0}.name", "wrong form"),
    Refusal("cell-name-long", cells({"name": "a" * 64}), f"{_C0}.name", "at most 63"),
    Refusal("cell-name-twice", cells({"name": "a"}, {"name": "a"}), "spec.cells[1].name", "earlier cell"),
    Refusal("cell-name-case", cells({"name": "a"}, {"name": "A"}), "spec.cells[1].name", "case alone", server=False),
    Refusal("cell-axis", _cell(parameters={"hardware": "h"}), f"{_C0}.parameters.hardware", "field of the cell",
            server=False),
    Refusal("cell-reserved", _cell(parameters={"BATCHMATRIX_A": 1}), f"{_C0}.parameters.BATCHMATRIX_A", "reserved",
            server=False),
    Refusal("cell-parameter-list", _cell(parameters={"a": [1]}), f"{_C0}.parameters.a", "no single value"),
    Refusal("cell-parameter-key", _cell(parameters={"a b": 1}), f'{_C0}.parameters["a b"]', "wrong form", server=False),
    Refusal("cell-parameters-nine", _cell(parameters={f"a{i}": 1 for i in range(9)}), f"{_C0}.parameters", "too many"),
    Refusal("cell-mitigations-text", _cell(mitigations="none"), f"{_C0}.mitigations", "not a list"),
    Refusal("cell-mitigations-twice", _cell(mitigations=["a", "a"]), f"{_C0}.mitigations", "twice", server=False),
    Refusal("cell-environment-form", _cell(environment="a b"), f"{_C0}.environment", "is no name", server=False),
    Refusal("cell-environment-number", _cell(environment=5), f"{_C0}.environment", "is no name", server=False),
    Refusal("cell-environment-list", _cell(environment=["a"]), f"{_C0}.environment", "is no name"),
    Refusal("cell-environment-empty", _cell(environment={}), f"{_C0}.environment", "{image: REFERENCE}"),
    Refusal("cell-timeout", _cell(timeout="0s"), f"{_C0}.timeout", "more than 0s"),
    Refusal("cell-env", _cell(extraEnv={"BATCHMATRIX_X": "1"}), f"{_C0}.extraEnv.BATCHMATRIX_X", "reserved",
            server=False),
)  # fmt: skip

GRID: tuple[Refusal, ...] = (*_AXES, *_RULES, *_CELLS)
