"""The operator's chart: what it renders, what it refuses, and that the operator can read it."""

from __future__ import annotations

import copy
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from batchmatrix.settings import load_settings
from tests.support.golden import Golden
from tests.support.helm import CHART, ROOT, Refused, kind_of, pod_specs, render, render_text
from tests.support.podsecurity import beyond_restricted, violations

S3: dict[str, Any] = yaml.safe_load((ROOT / "examples/support/s3-values.yaml").read_text())
EVERYTHING: dict[str, Any] = {
    "image": {
        "repository": "registry.example/batchmatrix/operator",
        "digest": f"sha256:{'0123456789abcdef' * 4}",
        "pullPolicy": "Always",
    },
    "imagePullSecrets": [{"name": "pull"}],
    "namespaces": ["team-a", "team-b"],
    "stores": {
        "archive": {"type": "s3", "bucket": "results", "prefix": "bmx", "region": "eu-west-1"},
        "cluster": {"type": "s3", "bucket": "results", "endpoint": "https://s3.example", "credentialsSecret": "keys"},
    },
    "persistence": {"size": "20Gi", "storageClassName": "fast"},
    "serviceAccounts": ["trial-runner"],
    "limits": {
        "cells": 500,
        "followedLogs": 10,
        "logBytesPerMatrix": "2Ti",
        "concurrentReads": 3,
        "concurrentRequests": 8,
    },
    "workers": 2,
    "resync": "90s",
    "lease": {"duration": "30s"},
    "api": {"requestTimeout": "10s", "relist": "2m", "watchSilence": "90s"},
    "logLevel": "debug",
    "rbac": {"readNodes": False, "aggregateToUserRoles": False},
    "admissionPolicy": {"enabled": False},
    "serviceAccount": {"annotations": {"example/role": "store"}},
    "podDisruptionBudget": {"enabled": True},
    "metrics": {"annotations": True, "serviceMonitor": {"enabled": True, "interval": "1m", "labels": {"team": "a"}}},
    "networkPolicy": {"enabled": True, "egress": [{"ports": [{"port": 8333, "protocol": "TCP"}]}]},
    "priorityClassName": "high",
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "infra", "operator": "Exists"}],
}
CASES = {"folder": {}, "s3": S3, "everything": EVERYTHING}


@pytest.mark.parametrize("case", CASES)
def test_rendered_as_fixed(case: str, golden: Golden) -> None:
    golden(f"chart/{case}.yaml", render_text(CASES[case]))


@pytest.mark.parametrize("case", CASES)
def test_pods_are_restricted(case: str) -> None:
    pods = list(pod_specs(render(CASES[case])))
    assert len(pods) == 1
    assert violations(pods[0]) == []
    assert beyond_restricted(pods[0]) == []


def test_the_s3_server_of_the_examples_is_restricted() -> None:
    objects = list(yaml.safe_load_all((ROOT / "examples/support/seaweedfs.yaml").read_text()))
    (pod,) = pod_specs(objects)
    assert violations(pod) == []
    # It takes its credentials from the environment and from nowhere else.
    assert beyond_restricted(pod) == ["seaweedfs: secret in a variable"]


@pytest.mark.parametrize(
    ("path", "value", "broken"),
    [
        (["securityContext", "runAsNonRoot"], False, "operator: runAsNonRoot"),
        (["securityContext", "seccompProfile"], {"type": "Unconfined"}, "operator: seccompProfile"),
        (["containers", 0, "securityContext", "allowPrivilegeEscalation"], True, "operator: allowPrivilegeEscalation"),
        (["containers", 0, "securityContext", "capabilities"], {"drop": ["NET_RAW"]}, "operator: capabilities.drop"),
        (["hostNetwork"], True, "hostNetwork"),
        (["volumes", 0], {"name": "config", "hostPath": {"path": "/"}}, "volume config"),
    ],
)
def test_the_check_sees_what_is_not_restricted(path: list[Any], value: object, broken: str) -> None:
    pod = copy.deepcopy(next(pod_specs(render())))
    place = pod
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert violations(pod) == [broken]


@pytest.mark.parametrize("case", CASES)
def test_the_operator_reads_its_settings(case: str, tmp_path: Path) -> None:
    objects = render(CASES[case])
    (config,) = kind_of(objects, "ConfigMap")
    file = tmp_path / "config.yaml"
    file.write_text(config["data"]["config.yaml"])
    settings = load_settings(file)
    values = {**yaml.safe_load((CHART / "values.yaml").read_text()), **CASES[case]}
    assert list(settings.namespaces) == values["namespaces"]
    assert settings.service_accounts == set(values["serviceAccounts"])
    assert settings.limits.model_dump(by_alias=True) == values["limits"]
    assert (settings.workers, settings.resync) == (values["workers"], values["resync"])
    assert (settings.lease.name, settings.lease.duration) == ("batchmatrix", values["lease"]["duration"])
    assert settings.api.model_dump(by_alias=True) == values["api"]
    assert settings.probes.port == 8080
    assert settings.log_level == values["logLevel"]


def test_a_folder_lies_on_the_claim(tmp_path: Path) -> None:
    objects = render()
    (pod,) = pod_specs(objects)
    (claim,) = kind_of(objects, "PersistentVolumeClaim")
    assert kind_of(objects, "Deployment")[0]["spec"]["strategy"] == {"type": "Recreate"}
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    mounts = {mount["name"]: mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert volumes["store"]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    file = tmp_path / "config.yaml"
    file.write_text(kind_of(objects, "ConfigMap")[0]["data"]["config.yaml"])
    folder = load_settings(file).stores["default"].folder
    assert folder is not None
    assert folder.path.is_relative_to(mounts["store"])


def test_credentials_are_files_where_the_settings_say(tmp_path: Path) -> None:
    objects = render(EVERYTHING)
    (pod,) = pod_specs(objects)
    file = tmp_path / "config.yaml"
    file.write_text(kind_of(objects, "ConfigMap")[0]["data"]["config.yaml"])
    settings = load_settings(file)
    mounts = {mount["mountPath"]: mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    with_keys, without = settings.stores["cluster"].s3, settings.stores["archive"].s3
    assert with_keys is not None
    assert without is not None
    assert without.credentials is None
    secret = volumes[mounts[str(with_keys.credentials)]]["secret"]
    assert secret["secretName"] == "keys"
    assert {item["path"] for item in secret["items"]} == {"accessKeyId", "secretAccessKey"}
    assert (with_keys.endpoint, without.endpoint) == ("https://s3.example", None)
    assert (without.prefix, without.region) == ("bmx", "eu-west-1")


def test_without_a_folder_there_is_no_volume_and_two_pods_may_overlap() -> None:
    objects = render(S3)
    assert not kind_of(objects, "PersistentVolumeClaim")
    assert kind_of(objects, "Deployment")[0]["spec"]["strategy"] == {"type": "RollingUpdate"}


def test_a_change_of_the_settings_replaces_the_pod() -> None:
    def stamp(values: dict[str, Any]) -> str:
        (deployment,) = kind_of(render(values), "Deployment")
        return str(deployment["spec"]["template"]["metadata"]["annotations"]["batchmatrix.dev/config"])

    assert stamp({"workers": 5}) != stamp({})
    assert stamp({"priorityClassName": "high"}) == stamp({})


@pytest.mark.parametrize("case", CASES)
def test_no_right_is_wider_than_named(case: str) -> None:
    objects = render(CASES[case])
    roles = [*kind_of(objects, "Role"), *kind_of(objects, "ClusterRole")]
    rules = [rule for role in roles for rule in role["rules"]]
    assert rules
    for rule in rules:
        assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
        assert not {"escalate", "bind", "impersonate"} & set(rule["verbs"])
        forbidden = {"secrets", "pods/exec", "nodes/proxy", "serviceaccounts", "roles", "rolebindings"}
        assert not forbidden & set(rule["resources"])


def test_with_namespaces_nothing_is_granted_elsewhere() -> None:
    objects = render(EVERYTHING)
    assert not kind_of(objects, "ClusterRole")
    assert not kind_of(objects, "ClusterRoleBinding")
    places = {(role["metadata"]["namespace"], role["metadata"]["name"]) for role in kind_of(objects, "Role")}
    assert places == {
        ("team-a", "batchmatrix"),
        ("team-b", "batchmatrix"),
        ("batchmatrix-system", "batchmatrix-lease"),
    }
    for binding in kind_of(objects, "RoleBinding"):
        assert binding["subjects"] == [
            {"kind": "ServiceAccount", "name": "batchmatrix", "namespace": "batchmatrix-system"}
        ]


def test_catalogs_are_read_and_never_written() -> None:
    (role,) = [role for role in kind_of(render(), "ClusterRole") if role["metadata"]["name"] == "batchmatrix"]
    verbs = {verb for rule in role["rules"] if "matrixcatalogs" in rule["resources"] for verb in rule["verbs"]}
    assert verbs == {"get", "list", "watch"}


def test_who_writes_either_kind_must_be_allowed_to_create_jobs() -> None:
    (policy,) = kind_of(render(), "ValidatingAdmissionPolicy")
    (rule,) = policy["spec"]["matchConstraints"]["resourceRules"]
    assert rule["resources"] == ["batchmatrices", "matrixcatalogs"]
    assert rule["operations"] == ["CREATE", "UPDATE"]


def test_every_kind_of_ours_is_in_the_roles_of_users() -> None:
    kinds = {path.stem.partition("_")[2] for path in (ROOT / "crds").glob("*.yaml")}
    roles = {role["metadata"]["name"]: role for role in kind_of(render(), "ClusterRole")}
    for name in ("batchmatrix-edit", "batchmatrix-view"):
        (rule,) = roles[name]["rules"]
        assert set(rule["resources"]) == kinds


def test_the_lease_is_the_only_one_that_may_be_written() -> None:
    (role,) = [role for role in kind_of(render(), "Role") if role["metadata"]["name"].endswith("-lease")]
    for rule in role["rules"]:
        # A create cannot be bound to a name.
        assert rule["verbs"] == ["create"] or rule["resourceNames"] == ["batchmatrix"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"replicas": 2}, "replicas"),
        ({"replica": 1}, "replica"),
        ({"image": {"tag": "latest"}}, "tag"),
        ({"image": {"digest": "sha256:12"}}, "digest"),
        ({"resync": "5 minutes"}, "resync"),
        ({"metrics": {"serviceMonitor": {"interval": "often"}}}, "interval"),
        ({"metrics": {"scrape": True}}, "scrape"),
        ({"logLevel": "loud"}, "logLevel"),
        ({"limits": {"cells": 200_000}}, "cells"),
        ({"resources": {"limits": None}}, "limits"),
        ({"stores": {"default": {"type": "ftp"}}}, "type"),
        ({"stores": {"default": {"type": "s3"}}}, "bucket"),
        ({"stores": {"default": {"type": "folder", "bucket": "b"}}}, "bucket"),
        ({"stores": {"default": {"type": "s3", "bucket": "b1x", "secretAccessKey": "x"}}}, "secretAccessKey"),
        ({"stores": {"default": {"type": "s3", "bucket": "b1x", "endpoint": "http://in.clear"}}}, "allowHttp"),
        ({"stores": {"default": {"type": "s3", "bucket": "b1x", "endpoint": "https://k:s@host"}}}, "endpoint"),
        ({"stores": {**S3["stores"], "more": {"type": "folder"}}, "replicas": 2}, "replicas"),
        ({"stores": {"Bad_Name": {"type": "folder"}}}, "Bad_Name"),
    ],
)
def test_wrong_values_are_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match="values don't meet the specifications") as caught:
        render_text(values)
    assert said in str(caught.value)


def test_metrics_are_scraped_at_the_port_of_the_probes() -> None:
    objects = render(EVERYTHING)
    (pod,) = pod_specs(objects)
    (port,) = pod["containers"][0]["ports"]
    (service,) = kind_of(objects, "Service")
    (monitor,) = kind_of(objects, "ServiceMonitor")
    (deployment,) = kind_of(objects, "Deployment")
    template = deployment["spec"]["template"]["metadata"]
    assert service["spec"]["ports"][0]["targetPort"] == port["name"]
    assert service["spec"]["selector"].items() <= template["labels"].items()
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    (endpoint,) = monitor["spec"]["endpoints"]
    assert (endpoint["port"], endpoint["interval"]) == (service["spec"]["ports"][0]["name"], "1m")
    assert monitor["metadata"]["labels"]["team"] == "a"
    assert template["annotations"]["prometheus.io/port"] == str(port["containerPort"])


def test_without_being_asked_for_nothing_of_prometheus_is_made() -> None:
    objects = render()
    assert not kind_of(objects, "Service")
    assert not kind_of(objects, "ServiceMonitor")
    (deployment,) = kind_of(objects, "Deployment")
    assert list(deployment["spec"]["template"]["metadata"]["annotations"]) == ["batchmatrix.dev/config"]


def test_more_replicas_are_fine_without_a_folder() -> None:
    (deployment,) = kind_of(render({**S3, "replicas": 2}), "Deployment")
    assert deployment["spec"]["replicas"] == 2


def test_all_values_are_in_the_schema_and_in_the_readme() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = yaml.safe_load((CHART / "values.schema.json").read_text())
    assert set(values) == set(schema["properties"]) - {"global"}
    readme = (CHART / "README.md").read_text()
    assert [name for name in values if f"`{name}" not in readme] == []


def test_the_chart_names_the_operators_own_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert chart["appVersion"] == project["version"]


def test_two_releases_do_not_share_names() -> None:
    def names(release: str) -> set[tuple[str, str]]:
        return {(item["kind"], item["metadata"]["name"]) for item in render(release=release)}

    assert not names("batchmatrix") & names("second")
