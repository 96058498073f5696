"""What keeps a container from starting is waited for as long as it may get better, then told by its cause."""

from __future__ import annotations

from batchmatrix.base.clock import parse_rfc3339
from tests.support.cluster import Json, Kube
from tests.support.cluster_matrices import Ledger, apply, matrix, pod_of, raw_log, settled
from tests.support.installation import Installation
from tests.support.real_pods import when

PATIENCE = 4.0
PULL_PATIENCE = 20.0
"""Longer, as it also has to do for a busy node to come as far as the pull."""


def with_images(**images: str) -> Json:
    """Axis and catalog with one environment for each image."""
    return {
        "axes": [{"name": "environment", "values": list(images)}],
        "catalog": {"environments": {name: {"image": image} for name, image in images.items()}},
    }


def waited(ledger: Ledger, record: Json) -> float:
    """Seconds between the attempt's creation and the resolve to give it up."""
    (intent,) = (entry for entry in ledger.intents if entry["job"] == record["job"])
    return parse_rfc3339(intent["time"]) - parse_rfc3339(record["created"])


def test_an_image_that_cannot_be_had_is_tried_as_often_as_its_budget_says(operator: Installation, kube: Kube) -> None:
    absent = "localhost/batchmatrix-tests/absent:none"
    impossible = "localhost/batchmatrix-tests/Upper:none"
    manifest = matrix(
        "images",
        operator.images,
        **with_images(absent=absent, impossible=impossible),
        pending={"imagePull": f"{PULL_PATIENCE:.0f}s"},
        retry={"ImageError": {"limit": 1}},
    )
    apply(kube, manifest)
    found, after, _ = settled(operator, kube, "images")
    assert after.outcomes() == {
        ("absent", 0, 0): "ImageError",
        ("absent", 0, 1): "ImageError",
        ("impossible", 0, 0): "ImageError",
        ("impossible", 0, 1): "ImageError",
    }
    for record in after.records:
        assert (record["blame"], record["exitCode"], record["log"]["state"]) == ("infrastructure", None, "none")
        patience = PULL_PATIENCE if record["cell"] == "absent" else 0.0
        # Kubernetes' times have whole seconds.
        assert patience - 1 <= waited(after, record), record["job"]
        said = absent if record["cell"] == "absent" else "InvalidImageName"
        assert said in record["message"]
    assert found["status"]["verdict"] == "inconclusive"


def test_an_impossible_image_name_is_waited_for_by_its_own_patience(operator: Installation, kube: Kube) -> None:
    """Which is none unless asked for: the hour that a pull may take is not spent on it."""
    manifest = matrix(
        "named",
        operator.images,
        **with_images(impossible="localhost/batchmatrix-tests/Upper:none"),
        pending={"imagePull": "1h"},
        retry={"ImageError": {"limit": 0}},
    )
    apply(kube, manifest)
    _, after, _ = settled(operator, kube, "named")
    assert after.outcomes() == {("impossible", 0, 0): "ImageError"}


def test_a_missing_config_map_is_a_config_error_after_its_patience(operator: Installation, kube: Kube) -> None:
    manifest = matrix(
        "config",
        operator.images,
        axes=[{"name": "hardware", "values": ["h100"]}],
        workload={"envFrom": [{"configMapRef": {"name": "nowhere"}}]},
        pending={"other": f"{PATIENCE:.0f}s"},
    )
    apply(kube, manifest)
    _, after, _ = settled(operator, kube, "config")
    (record,) = after.records
    assert (record["outcome"], record["blame"], record["log"]["state"]) == ("ConfigError", "infrastructure", "none")
    # Its kubelet's own words, which are others where its watch of config maps is slow.
    said = [each["message"].removeprefix("Error: ") for each in kube.list("events") if each["reason"] == "Failed"]
    assert any(f"CreateContainerConfigError: {each}" in record["message"] for each in said), (record["message"], said)
    assert all("configmap" in each for each in said)
    assert waited(after, record) >= PATIENCE - 1


def test_a_config_map_that_comes_in_time_is_no_error(operator: Installation, kube: Kube) -> None:
    manifest = matrix(
        "late",
        operator.images,
        axes=[{"name": "hardware", "values": ["h100"]}],
        workload={"envFrom": [{"configMapRef": {"name": "late"}}]},
    )
    apply(kube, manifest)
    pod = pod_of(kube, "late", "h100")
    when(
        kube,
        pod,
        lambda found: waiting_reason(found) == "CreateContainerConfigError",
        what="the ConfigMap to be missed",
    )
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "late"}, "data": {"PROBE_TEXT": "came"}}
    kube.create("configmaps", config)
    _, after, results = settled(operator, kube, "late")
    assert after.outcomes() == {("h100", 0, 0): "Succeeded"}
    assert b"came\n" in raw_log(results, after.records[0])


def waiting_reason(pod: Json) -> str:
    """Why its one container waits; empty where it does not."""
    (status,) = pod["status"].get("containerStatuses") or [{}]
    return str(status.get("state", {}).get("waiting", {}).get("reason", ""))
