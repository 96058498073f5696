"""Bad input is refused by the API server where it can be, and else Stalled with one clear reason; others go on."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.support.cluster import ApiError, Json, Kube
from tests.support.cluster_matrices import apply, children, matrix, settled, stalled
from tests.support.installation import ALLOWED_SERVICE_ACCOUNT, Installation
from tests.support.jobs import condition

ONE = [{"name": "hardware", "values": ["h100"]}]


def changed(manifest: Json, path: str, value: Any) -> Json:
    """A copy with one field set; `path` as in `spec.workload.env`."""
    result = copy.deepcopy(manifest)
    *parents, last = path.split(".")
    place = result
    for part in parents:
        place = place.setdefault(part, {})
    place[last] = value
    return result


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.trials", "three"),
        ("spec.trials", 0),
        ("spec.axes", {}),
        ("spec.axes", []),
        ("spec.order", "random"),
        ("spec.workload.timeout", "soon"),
        ("spec.workload.command", "python3"),
        ("spec.retention.jobs", "some"),
        ("spec.parallelism", 1.5),
        ("metadata.name", "a" * 36),
    ],
)
def test_wrong_types_and_values_are_refused_by_the_server(
    operator: Installation, kube: Kube, path: str, value: object
) -> None:
    manifest = changed(matrix("wrong", operator.images, axes=ONE), path, value)
    for validation in ("Strict", "Ignore"):
        with pytest.raises(ApiError) as refused:
            kube.create("batchmatrices", manifest, validation=validation)
        assert refused.value.code in (400, 422), refused.value
    assert kube.list("batchmatrices") == []


@pytest.mark.parametrize("field", ["spec.trails", "spec.workload.entrypoint"])
def test_unknown_fields_are_refused_with_strict_validation(operator: Installation, kube: Kube, field: str) -> None:
    manifest = changed(matrix("unknown", operator.images, axes=ONE), field, 3)
    with pytest.raises(ApiError, match="unknown field"):
        kube.create("batchmatrices", manifest)
    assert kube.list("batchmatrices") == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("spec.workload.privileged", True),
        ("spec.workload.securityContext", {"privileged": True}),
        ("spec.workload.nodeName", "bmx-node-1"),
        ("spec.workload.hostNetwork", True),
        ("spec.workload.volumes", [{"name": "host", "hostPath": {"path": "/"}}]),
    ],
)
def test_what_would_reach_the_node_cannot_be_written(
    operator: Installation, kube: Kube, field: str, value: object
) -> None:
    """Refused with strict validation; without it the field is gone or the object refused, and no pod ever has it."""
    manifest = changed(matrix("host", operator.images, axes=ONE), field, value)
    with pytest.raises(ApiError):
        kube.create("batchmatrices", manifest)
    try:
        made = kube.create("batchmatrices", manifest, validation="Ignore")
    except ApiError as refused:
        if refused.code != 422:
            raise
        return
    assert field.rpartition(".")[2] not in made["spec"]["workload"]
    settled(operator, kube, "host")
    for pod in children(kube, "pods", "host"):
        spec = pod["spec"]
        assert not spec.get("hostNetwork")
        assert not any("hostPath" in volume for volume in spec.get("volumes", []))
        security = spec["containers"][0]["securityContext"]
        assert not security.get("privileged")
        assert security["allowPrivilegeEscalation"] is False


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("spec.axes", [{"name": "hardware", "values": ["h200"]}], "h200"),
        ("spec.workload.args", ["$(NOPE)"], "NOPE"),
        ("spec.metrics", [{"name": "loss", "from": "regex", "pattern": "(?=look)(x)"}], "look"),
        ("spec.workload.serviceAccountName", "root", "root"),
        ("spec.store", {"name": "elsewhere"}, "elsewhere"),
    ],
)
def test_what_a_schema_cannot_say_becomes_stalled_with_one_reason(
    operator: Installation, kube: Kube, path: str, value: object, said: str
) -> None:
    apply(kube, changed(matrix("odd", operator.images, axes=ONE), path, value))
    message = stalled(kube, "odd")
    assert said in message
    assert "\n" not in message
    found = kube.get("batchmatrices", "odd")
    assert found["status"]["observedGeneration"] == found["metadata"]["generation"]
    assert condition(found, "Ready") is None
    assert children(kube, "jobs", "odd") == []


def test_others_are_served_while_one_is_stalled_and_a_correction_is_taken(operator: Installation, kube: Kube) -> None:
    bad = changed(matrix("bad", operator.images, axes=ONE), "spec.workload.args", ["$(NOPE)"])
    apply(kube, bad)
    stalled(kube, "bad")
    apply(kube, matrix("good", operator.images, axes=ONE))
    _, ledger, _ = settled(operator, kube, "good")
    assert set(ledger.outcomes().values()) == {"Succeeded"}
    kube.patch("batchmatrices", "bad", {"spec": {"workload": {"args": None}}})
    _, ledger, _ = settled(operator, kube, "bad")
    assert set(ledger.outcomes().values()) == {"Succeeded"}


def test_an_allowed_service_account_is_used(operator: Installation, kube: Kube) -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ALLOWED_SERVICE_ACCOUNT}}
    kube.create("serviceaccounts", account)
    apply(
        kube,
        changed(
            matrix("account", operator.images, axes=ONE), "spec.workload.serviceAccountName", ALLOWED_SERVICE_ACCOUNT
        ),
    )
    settled(operator, kube, "account")
    (pod,) = children(kube, "pods", "account")
    assert pod["spec"]["serviceAccountName"] == ALLOWED_SERVICE_ACCOUNT
