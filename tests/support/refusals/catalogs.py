"""Wrong catalogs, inline and as objects, and names and contents that do not go together."""

from __future__ import annotations

from typing import Any

from tests.support.refusals.changes import Change, Refusal, all_, axes, cells, put

__all__ = ["CATALOGS", "PLANNED", "TEAM", "environment", "hardware"]

_C = "spec.catalog"
_E, _H, _M, _N = f"{_C}.environments.e", f"{_C}.hardware.h", f"{_C}.mitigations.m", f"{_C}.workloads.n"
_V0 = "spec.axes[0].values[0]"
_RULES = [{"nodeLabels": {"a": "b"}, "image": "a:1"}]


def environment(**entry: Any) -> Change:
    """An axis of one environment."""
    return all_(axes(("environment", ["e"])), put("catalog.environments", {"e": {"image": "a:1", **entry}}))


def hardware(**entry: Any) -> Change:
    """An axis of one kind of node."""
    return all_(axes(("hardware", ["h"])), put("catalog.hardware", {"h": {"nodeLabels": {"a": "b"}, **entry}}))


def _mitigations(*stack: str, **envs: dict[str, str]) -> Change:
    return all_(
        axes(("mitigation", [list(stack)])),
        put("catalog.mitigations", {name: {"env": env} for name, env in envs.items()}),
    )


def _named(**entry: Any) -> Change:
    return put("catalog.workloads", {"n": {"image": "a:1", **entry}})


CATALOGS: tuple[Refusal, ...] = (
    Refusal("catalog-kind", put("catalog", {"gpus": {}}), f"{_C}.gpus", "unknown field"),
    Refusal("catalog-only", put("catalog", {"only": "yes"}), f"{_C}.only", "true or false"),
    Refusal("mitigation-name", put("catalog.mitigations", {"m m": {}}), f'{_C}.mitigations["m m"]', "wrong form"),
    Refusal("mitigation-list", put("catalog.mitigations", [{"name": "m"}]), f"{_C}.mitigations", "not an object"),
    Refusal("mitigation-flat", put("catalog.mitigations", {"m": {"A": "1"}}), f"{_M}.A", "unknown field"),
    Refusal("mitigation-env", put("catalog.mitigations", {"m": {"env": {"BATCHMATRIX_X": "1"}}}),
            f"{_M}.env.BATCHMATRIX_X", "reserved"),
    Refusal("mitigation-env-number", put("catalog.mitigations", {"m": {"env": {"A": 0}}}), f"{_M}.env.A", "quotes"),
    Refusal("mitigation-env-key", put("catalog.mitigations", {"m": {"env": {"A-B": "0"}}}), f'{_M}.env["A-B"]',
            "wrong form", server=False),
    Refusal("mitigations-many", put("catalog.mitigations", {f"m{i}": {} for i in range(65)}), f"{_C}.mitigations",
            "too many"),
    Refusal("environment-images", environment(imagesByNode=_RULES), _E, "both image and imagesByNode"),
    Refusal("environment-reserved", environment(env={"BATCHMATRIX_X": "1"}), f"{_E}.env.BATCHMATRIX_X", "reserved"),
    Refusal("environment-venv", environment(venv=""), f"{_E}.venv", "at least 1"),
    Refusal("environment-prefix", environment(commandPrefix="nice"), f"{_E}.commandPrefix", "not a list"),
    Refusal("environment-text", environment(description="x" * 257), f"{_E}.description", "at most 256"),
    Refusal("environment-docker", environment(docker="a:1"), f"{_E}.docker", "unknown field"),
    Refusal("environment-name", put("catalog.environments", {"-e": {}}), f'{_C}.environments["-e"]', "wrong form"),
    Refusal("toleration-value", hardware(tolerations=[{"key": "a", "operator": "Exists", "value": "b"}]),
            f"{_H}.tolerations[0].value", "no value"),
    Refusal("toleration-key", hardware(tolerations=[{"value": "b"}]), f"{_H}.tolerations[0]", "no key"),
    Refusal("toleration-effect", hardware(tolerations=[{"key": "a", "effect": "NoRun"}]),
            f"{_H}.tolerations[0].effect", "'NoExecute'"),
    Refusal("hardware-name", put("catalog.hardware", {"h 1": {}}), f'{_C}.hardware["h 1"]', "wrong form"),
    Refusal("resource-cpu", hardware(resource={"name": "cpu"}), f"{_H}.resource.name", "extended resource"),
    Refusal("resource-none", hardware(resource={"name": "a.b/c", "count": 0}), f"{_H}.resource.count", "1 or more"),
    Refusal("runtime-class", hardware(runtimeClassName="GPU"), f"{_H}.runtimeClassName", "lower-case"),
    Refusal("label-key", hardware(nodeLabels={"a b": "c"}), f'{_H}.nodeLabels["a b"]', "wrong form", server=False),
    Refusal("label-value", hardware(nodeLabels={"a": "b c"}), f"{_H}.nodeLabels.a", "label value"),
    Refusal("label-true", hardware(nodeLabels={"gpu": True}), f"{_H}.nodeLabels.gpu", "quotes"),
    Refusal("named-image", _named(imagesByNode=_RULES), _N, "both image and imagesByNode"),
    Refusal("named-ref", _named(ref="n"), f"{_N}.ref", "unknown field"),
    Refusal("named-env", _named(env=[{"name": "BATCHMATRIX_X"}]), f"{_N}.env[0].name", "reserved"),
    Refusal("named-mount", _named(volumeMounts=[{"name": "a", "mountPath": "/a"}]), f"{_N}.volumeMounts[0].name",
            "volumes"),
    Refusal("named-metric", _named(metrics=[{"name": "m", "from": "regex"}]), f"{_N}.metrics[0]", "no pattern"),
    Refusal("named-metric-re2", _named(metrics=[{"name": "m", "from": "regex", "pattern": "("}]),
            f"{_N}.metrics[0].pattern", "RE2", server=False),
    Refusal("named-over", _named(resources={"requests": {"cpu": 2}, "limits": {"cpu": 1}}),
            f"{_N}.resources.requests.cpu", "more", server=False),
    Refusal("named-timeout", _named(timeout="0s"), f"{_N}.timeout", "more than 0s"),
    Refusal("refs-twice", put("catalogRefs", [{"name": "a"}, {"name": "a"}]), "spec.catalogRefs[1].name", "twice"),
    Refusal("refs-form", put("catalogRefs", [{"name": "A"}]), "spec.catalogRefs[0].name", "lower-case"),
    Refusal("refs-text", put("catalogRefs", ["team"]), "spec.catalogRefs[0]", "not an object"),
)  # fmt: skip


def _planned(id_: str, change: Change, path: str, word: str) -> Refusal:
    return Refusal(id_, change, path, word, server=False, planned=True)


def _metric(index: int) -> dict[str, Any]:
    return {"name": f"m{index}", "from": "json"}


_ENV_TWICE = all_(environment(env={"A": "1"}), put("workload.env", [{"name": "A"}]))
_ENV_AXIS = all_(environment(env={"A": "1"}), put("axes", [
    {"name": "environment", "values": ["e"]}, {"name": "A", "values": [1]},
]))  # fmt: skip
_DEVICE_TWICE = all_(hardware(resource={"name": "a.b/c"}), put("workload.resources.limits", {"a.b/c": 1}))

PLANNED: tuple[Refusal, ...] = (
    _planned("unknown-mitigation", axes(("mitigation", ["nothing"])), _V0, "is not in the catalog of mitigations"),
    _planned("unknown-in-stack", axes(("mitigation", [["none", "nothing"]])), _V0, "'nothing' is not in the catalog"),
    _planned("unknown-environment", axes(("environment", ["nothing"])), _V0, "is not in the catalog of environments"),
    _planned("unknown-hardware", axes(("hardware", ["h"])), _V0, "is not in the catalog of hardware"),
    _planned("unknown-workload", put("workload", {"ref": "n"}), "spec.workload.ref", "is not in the catalog"),
    _planned("unknown-in-include", all_(axes(("hardware", ["cpu"])), put("include", [{"match": {"hardware": "h"}}])),
             "spec.include[0].match.hardware", "is not in the catalog"),
    _planned("unknown-in-cell", cells({"name": "a", "hardware": "h"}), "spec.cells[0].hardware",
             "is not in the catalog"),
    _planned("catalog-clash", put("catalog.mitigations", {"none": {"env": {"A": "1"}}}), f"{_C}.mitigations.none",
             "two catalogs"),
    _planned("catalog-only-unknown", all_(axes(("mitigation", ["none"])), put("catalog.only", True)), _V0,
             "is not in the catalog"),
    _planned("no-image", put("workload", {"command": ["x"]}), "spec.workload", "no image"),
    _planned("environment-no-image",
             all_(axes(("environment", ["local"])), put("workload", {"command": ["x"]})),
             f"{_C}.environments.local", "no image"),
    _planned("environment-clash", _ENV_TWICE, f"{_E}.env.A", "workload.env"),
    _planned("environment-parameter", _ENV_AXIS, f"{_E}.env.A", "a parameter"),
    _planned("mitigation-clash", _mitigations("m", "n", m={"A": "1"}, n={"A": "2"}), _V0, "do not stack them"),
    _planned("mitigation-workload", all_(_mitigations("m", m={"A": "1"}), put("workload.env", [{"name": "A"}])),
             f"{_M}.env.A", "workload.env"),
    _planned("mitigation-clash-cell",
             all_(cells({"name": "a", "mitigations": ["nccl-ring", "nccl-tree"]})), "spec.cells[0].mitigations",
             "do not stack them"),
    _planned("extra-parameter", put("overrides", [{"match": {}, "set": {"extraEnv": {"size": "1"}}}]),
             "spec.overrides[0].set.extraEnv.size", "a parameter"),
    _planned("include-parameter-env", all_(put("include", [{"match": {}, "set": {"parameters": {"A": 1}}}]),
             put("workload.env", [{"name": "A"}])), "spec.workload.env[0].name", "the parameter of this name"),
    _planned("reference", put("workload.args", ["$(nothing)"]), "spec.workload.args[0]", "$$(nothing)"),
    _planned("reference-env", put("workload.env", [{"name": "A", "value": "$(nothing)"}]),
             "spec.workload.env[0].value", "$$(nothing)"),
    _planned("reference-steps", put("workload.args", ["$(BATCHMATRIX_STEPS)"]), "spec.workload.args[0]",
             "set spec.steps"),
    _planned("reference-some", all_(axes(("mitigation", ["none", "m"])),
             put("catalog.mitigations", {"m": {"env": {"A": "1"}}}), put("workload.args", ["$(A)"])),
             "spec.workload.args[0]", "not where mitigation=none"),
    _planned("resource-clash", _DEVICE_TWICE, f"{_H}.resource.name", "remove it there"),
    _planned("resource-cell",
             all_(hardware(resource={"name": "a.b/c"}),
                  put("overrides", [{"match": {}, "set": {"resources": {"limits": {"a.b/c": 2}}}}])),
             "spec.overrides[0].set.resources.limits[\"a.b/c\"]", "the hardware sets"),
    _planned("resource-over", all_(put("workload.resources.limits", {"memory": "1Gi"}),
                  put("overrides", [{"match": {}, "set": {"resources": {"requests": {"memory": "2Gi"}}}}])),
             "spec.overrides[0].set.resources.requests.memory", "more than the limit"),
    _planned("named-volumes", all_(
                 put("catalog.workloads", {"n": {"image": "a:1", "volumes": [{"name": "v", "emptyDir": {}}],
                                                 "volumeMounts": [{"name": "v", "mountPath": "/v"}]}}),
                 put("workload", {"ref": "n", "volumes": [{"name": "w", "emptyDir": {}}]})),
             "spec.workload.volumeMounts[0].name", "'v' is not in"),
    _planned("named-metrics", all_(
                 put("catalog.workloads", {"n": {"image": "a:1", "metrics": [_metric(i) for i in range(40)]}}),
                 put("workload", {"ref": "n"}), put("metrics", [_metric(i) for i in range(30, 70)])),
             "spec.metrics", "are 70"),
    _planned("baseline-cell", put("baseline", {"cell": "nothing"}), "spec.baseline.cell", "no cell has this name"),
    _planned("baseline-match", put("baseline", {"match": {"size": 64}}), "spec.baseline.match", "fits no cell"),
)  # fmt: skip


def _team(id_: str, field: str, value: object, path: str, word: str, *, server: bool = True) -> Refusal:
    return Refusal(id_, put(field, value), f"spec.{path}", word, server, plural="matrixcatalogs")


TEAM: tuple[Refusal, ...] = (
    Refusal("team-no-spec", lambda obj: obj.pop("spec"), "spec", "required", plural="matrixcatalogs"),
    _team("team-axes", "axes", [], "axes", "unknown field"),
    _team("team-only", "only", True, "only", "unknown field"),
    _team("team-name", "mitigations", {"-": {}}, 'mitigations["-"]', "wrong form"),
    _team("team-env", "mitigations.fast.env", {"BATCHMATRIX_X": "1"}, "mitigations.fast.env.BATCHMATRIX_X", "reserved"),
    _team("team-images", "environments", {"e": {"image": "a:1", "imagesByNode": _RULES}}, "environments.e", "both"),
    _team("team-resource", "hardware", {"h": {"resource": {"name": "memory"}}}, "hardware.h.resource.name",
          "extended resource"),
    _team("team-toleration", "hardware", {"h": {"tolerations": [{}]}}, "hardware.h.tolerations[0]", "no key"),
    _team("team-volume", "workloads", {"n": {"volumes": [{"name": "a"}]}}, "workloads.n.volumes[0]", "exactly one"),
    _team("team-metric", "workloads", {"n": {"metrics": [{"name": "m", "from": "log"}]}}, "workloads.n.metrics[0].from",
          "'prefix'"),
    _team("team-metric-re2", "workloads", {"n": {"metrics": [{"name": "m", "from": "regex", "pattern": "x"}]}},
          "workloads.n.metrics[0].pattern", "0 groups", server=False),
    _team("team-many", "workloads", {f"n{i}": {} for i in range(17)}, "workloads", "too many"),
    _team("team-null", "mitigations.fast.env", None, "mitigations.fast.env", "null", server=False),
)  # fmt: skip
