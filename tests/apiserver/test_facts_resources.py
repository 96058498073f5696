"""What the operator takes for granted about custom resources, admission and watches."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.cluster import ApiError, Json, Kube
from tests.support.rights import grant
from tests.support.wait import Pending, wait_for

SCHEMA: Json = {
    "type": "object",
    "required": ["spec"],
    "x-kubernetes-validations": [
        {"rule": "size(self.metadata.name) <= 10", "message": "metadata.name must be at most 10 characters"}
    ],
    "properties": {
        "spec": {"type": "object", "properties": {"trials": {"type": "integer", "minimum": 1, "default": 1}}},
        "status": {
            "type": "object",
            "default": {"observedGeneration": -1},
            "properties": {"observedGeneration": {"type": "integer"}},
        },
    },
}


@pytest.fixture(scope="module")
def group(cluster: Kube) -> Iterator[str]:
    """An API group of this module's own with one kind, Thing; served when this returns."""
    group = f"facts-{secrets.token_hex(4)}.batchmatrix.test"
    name = f"things.{group}"
    version: Json = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": SCHEMA},
        "subresources": {"status": {}},
    }
    names = {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"}
    manifest: Json = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
    }
    cluster.create("customresourcedefinitions", manifest)
    wait_for(lambda: _served(cluster, group), timeout=30, what=f"{name} to be served")
    yield group
    cluster.delete("customresourcedefinitions", name)


def _served(kube: Kube, group: str) -> bool | Pending:
    try:
        kube.list(f"{group}/v1/things")
    except ApiError as problem:
        return Pending(str(problem))
    return True


def thing(group: str, name: str = "one", **spec: Any) -> Json:
    return {"apiVersion": f"{group}/v1", "kind": "Thing", "metadata": {"name": name}, "spec": spec}


def test_a_default_status_is_set_at_creation(kube: Kube, group: str) -> None:
    """observedGeneration -1 tells "never looked at" from "looked at generation 0" to whoever waits."""
    assert kube.create(f"{group}/v1/things", thing(group))["status"] == {"observedGeneration": -1}


def test_a_status_that_is_sent_along_at_creation_is_dropped_for_the_default(kube: Kube, group: str) -> None:
    sent = {**thing(group), "status": {"observedGeneration": 7}}
    assert kube.create(f"{group}/v1/things", sent)["status"] == {"observedGeneration": -1}


def test_an_unknown_field_is_pruned_in_silence_without_strict_validation(kube: Kube, group: str) -> None:
    made = kube.create(f"{group}/v1/things", thing(group, trails=3), validation="Ignore")
    assert made["spec"] == {"trials": 1}


def test_an_unknown_field_is_refused_by_strict_validation(kube: Kube, group: str) -> None:
    with pytest.raises(ApiError, match=r'unknown field "spec\.trails"') as refused:
        kube.create(f"{group}/v1/things", thing(group, trails=3), validation="Strict")
    assert refused.value.code == 400


def test_kubectl_refuses_an_unknown_field_unless_told_otherwise(kube: Kube, group: str) -> None:
    manifest = json.dumps(thing(group, trails=3))
    refused = kube.kubectl("create", "-f", "-", stdin=manifest, check=False)
    assert refused.returncode != 0
    assert "spec.trails" in refused.stderr
    kube.kubectl("create", "--validate=ignore", "-f", "-", stdin=manifest)


def test_a_wrong_type_is_refused_whatever_the_validation(kube: Kube, group: str) -> None:
    with pytest.raises(ApiError, match=r"spec\.trials") as refused:
        kube.create(f"{group}/v1/things", thing(group, trials="three"), validation="Ignore")
    assert refused.value.code == 422


def test_a_rule_at_the_root_sees_the_name(kube: Kube, group: str) -> None:
    with pytest.raises(ApiError, match=r"metadata\.name must be at most 10 characters"):
        kube.create(f"{group}/v1/things", thing(group, "much-too-long"))


def test_a_write_to_the_object_leaves_its_generation_alone_unless_the_spec_changes(kube: Kube, group: str) -> None:
    things = f"{group}/v1/things"
    assert kube.create(things, thing(group))["metadata"]["generation"] == 1
    status = kube.patch(things, "one", {"status": {"observedGeneration": 1}}, subresource="status")
    assert status["metadata"]["generation"] == 1
    assert kube.patch(things, "one", {"metadata": {"annotations": {"a": "b"}}})["metadata"]["generation"] == 1
    assert kube.patch(things, "one", {"spec": {"trials": 2}})["metadata"]["generation"] == 2


def test_an_admission_policy_can_ask_whether_the_user_may_create_jobs(kube: Kube, group: str, policy: str) -> None:
    """On create and on update, in the namespace of the request."""
    things = f"{group}/v1/things"
    rules = [{"apiGroups": [group], "resources": ["things"], "verbs": ["*"]}]
    grant(kube, "writer", rules)
    grant(kube, "runner", [*rules, {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create"]}])
    writer, runner = kube.as_user("writer"), kube.as_user("runner")

    def refused() -> bool | Pending:
        try:
            writer.create(things, thing(group), dry_run=True)
        except ApiError as problem:
            return policy in problem.message or Pending(str(problem))
        return Pending("created")

    # A new policy acts after some seconds only.
    wait_for(refused, timeout=60, what=f"the policy {policy} to act")
    runner.create(things, thing(group))
    with pytest.raises(ApiError, match="may not create Jobs") as denied:
        writer.patch(things, "one", {"spec": {"trials": 2}})
    assert denied.value.code == 403
    assert runner.patch(things, "one", {"spec": {"trials": 2}})["spec"] == {"trials": 2}


@pytest.fixture
def policy(cluster: Kube, group: str, namespace: str) -> Iterator[str]:
    """A policy on Things of the test's namespace: only who may create Jobs there."""
    name = f"facts-{namespace}"
    rule = {
        "apiGroups": [group],
        "apiVersions": ["*"],
        "resources": ["things"],
        "operations": ["CREATE", "UPDATE"],
        "scope": "*",
    }
    allowed = "authorizer.group('batch').resource('jobs').namespace(request.namespace).check('create').allowed()"
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [{"expression": allowed, "message": "you may not create Jobs here", "reason": "Forbidden"}],
        },
    }
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {
            "policyName": name,
            "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}},
        },
    }
    cluster.create("validatingadmissionpolicies", policy)
    cluster.create("validatingadmissionpolicybindings", binding)
    yield name
    cluster.delete("validatingadmissionpolicybindings", name)
    cluster.delete("validatingadmissionpolicies", name)


def test_a_watch_with_bookmarks_ends_by_itself_and_goes_on_without_a_gap(kube: Kube) -> None:
    """What happens between two watches is told by the second, from the last version that the first gave."""
    version = kube.call("GET", kube.path("configmaps"))["metadata"]["resourceVersion"]
    kube.create("configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}})
    query = {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "timeoutSeconds": "1",
        "fieldSelector": "metadata.name!=kube-root-ca.crt",
    }
    first = [json.loads(line) for line in _lines(kube, {**query, "resourceVersion": version})]
    assert [event["object"]["metadata"].get("name") for event in first if event["type"] == "ADDED"] == ["one"]
    kube.create("configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "two"}})
    last = first[-1]["object"]["metadata"]["resourceVersion"]
    second = [json.loads(line) for line in _lines(kube, {**query, "resourceVersion": last})]
    assert [event["object"]["metadata"].get("name") for event in second if event["type"] == "ADDED"] == ["two"]


def _lines(kube: Kube, query: dict[str, str]) -> list[bytes]:
    return kube.raw("GET", kube.path("configmaps"), query=query).splitlines()
