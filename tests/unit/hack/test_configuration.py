"""What the cluster's parts are told."""

from __future__ import annotations

import base64
import json
import tomllib
from pathlib import Path

import pytest
from hack.local_kubernetes import addons, cli, controlplane, fakenodes, kind, local, network, node, stages
from hack.local_kubernetes.api import object_path
from hack.local_kubernetes.errors import ClusterError
from hack.local_kubernetes.paths import Layout
from hack.local_kubernetes.pki import render_kubeconfig


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(run=tmp_path / "run", data=tmp_path / "data", cache=tmp_path / "cache")


def test_folders_come_from_the_environment() -> None:
    default = Layout.from_environment({"HOME": "/home/me"})
    assert (default.run, default.cache) == (Path("/run/batchmatrix"), Path("/home/me/.cache/batchmatrix"))
    assert Layout.from_environment({"XDG_CACHE_HOME": "/c"}).cache == Path("/c/batchmatrix")
    own = Layout.from_environment({"BATCHMATRIX_RUN": "/r", "BATCHMATRIX_DATA": "/d", "BATCHMATRIX_CACHE": "/x"})
    assert (own.run, own.data, own.cache) == (Path("/r"), Path("/d"), Path("/x"))


def test_a_run_folder_too_long_for_sockets_is_refused(tmp_path: Path) -> None:
    layout = Layout(run=tmp_path / ("x" * 100), data=tmp_path / "data", cache=tmp_path)
    with pytest.raises(ClusterError, match="too long"):
        layout.create()


def test_nodes_share_nothing(layout: Layout) -> None:
    one, two = layout.node(1), layout.node(2)
    for part in ("name", "address", "health_port", "cgroup", "containerd_socket", "containerd_state", "pod_logs"):
        assert getattr(one, part) != getattr(two, part)
    assert layout.node_by_name("bmx-node-2") == two
    with pytest.raises(ClusterError, match="not a real node"):
        layout.node_by_name("bmx-fake-0")


def test_the_api_server_listens_on_the_bridge_only(layout: Layout) -> None:
    programs = controlplane.programs(layout, Path("/components"))
    arguments = programs["kube-apiserver"].arguments
    assert "--bind-address=10.88.0.1" in arguments
    assert "--authorization-mode=Node,RBAC" in arguments
    assert "--anonymous-auth=false" in arguments
    everything = [word for program in programs.values() for word in program.arguments]
    assert not [word for word in everything if "0.0.0.0" in word]
    assert tuple(programs) == controlplane.NAMES


def test_the_audit_policy_ends_with_everything() -> None:
    policy = controlplane.audit_policy()
    assert policy["omitStages"] == ["RequestReceived"]
    assert policy["rules"][-1] == {"level": "Metadata"}


def test_containerds_configuration_is_its_nodes_own(layout: Layout) -> None:
    one = layout.node(1)
    parsed = tomllib.loads(node.containerd_configuration(one, layout, Path("/opt/cni/bin")))
    assert parsed["grpc"]["address"] == str(one.containerd_socket)
    cri = parsed["plugins"]["io.containerd.grpc.v1.cri"]
    assert cri["restrict_oom_score_adj"] is True
    assert cri["sandbox_image"] == node.PAUSE_IMAGE
    runc = cri["containerd"]["runtimes"]["runc"]["options"]
    assert runc == {"SystemdCgroup": False, "Root": str(one.run / "runc")}


def test_a_kubelet_keeps_to_its_own_folders_and_address(layout: Layout) -> None:
    two = layout.node(2)
    content = node.kubelet_configuration(two, layout)
    assert content["address"] == two.address
    assert content["cgroupRoot"] == "/bmx-node-2"
    assert content["evictionHard"] == {}
    assert content["authentication"]["anonymous"] == {"enabled": False}
    program = node.kubelet_program(two, layout, Path("/components"))
    assert "--node-labels=amd.com/gpu.product-name=AMD_Instinct_MI300X" in program.arguments


def test_gpus_alternate_between_makers() -> None:
    assert node.gpu_capacity(1) == {"nvidia.com/gpu": "4"}
    assert node.gpu_capacity(2) == {"amd.com/gpu": "4"}
    assert node.gpu_labels(1)["nvidia.com/gpu.product"] == "NVIDIA-H100-80GB-HBM3"
    assert fakenodes.fake_node(0)["status"]["capacity"]["nvidia.com/gpu"] == "1000"
    assert "nvidia.com/gpu" not in fakenodes.fake_node(1)["status"]["capacity"]


def test_readiness_asks_for_a_heartbeat_after_the_restart() -> None:
    condition = {"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-01-01T00:00:10Z"}
    found = {"status": {"conditions": [{"type": "DiskPressure", "status": "False"}, condition]}}
    beat = 1767225610
    assert node.is_ready(found)
    assert node.is_ready(found, beat - 1)
    assert not node.is_ready(found, beat)
    assert not node.is_ready({"status": {"conditions": [condition | {"status": "Unknown"}]}})
    assert not node.is_ready(None)


def test_fake_nodes_take_only_pods_that_ask_for_them() -> None:
    found = fakenodes.fake_node(3)
    assert found["spec"]["taints"] == [{"key": "kwok.x-k8s.io/node", "value": "fake", "effect": "NoSchedule"}]
    assert found["metadata"]["annotations"] == {"kwok.x-k8s.io/node": "fake"}
    assert found["metadata"]["labels"]["type"] == "kwok"


def test_kwoks_configuration_is_one_document_per_stage(tmp_path: Path) -> None:
    documents = [json.loads(text) for text in fakenodes.configuration(tmp_path / "log").split("---\n")]
    assert [document["kind"] for document in documents] == ["KwokConfiguration", *["Stage"] * 6, "ClusterLogs"]
    assert documents[-1]["spec"]["logs"] == [{"logsFile": str(tmp_path / "log")}]


def test_stages_read_the_annotations_they_promise_and_leave_finalizers_alone() -> None:
    text = json.dumps(stages.stages())
    for name in ("start-delay", "delay", "exit-code", "reason", "hold", "sigterm-exit-code", "sigterm-delay"):
        assert f"kwok.batchmatrix.dev/{name}" in text
    assert "CODE_NAME" not in text
    assert all("finalizers" not in stage["spec"]["next"] for stage in stages.stages())


def test_fake_logs_are_in_the_runtimes_format() -> None:
    assert fakenodes.log_text(("a b",)) == "2026-01-01T00:00:00.000000000Z stdout F a b\n"


def test_the_pod_network_has_no_way_out(layout: Layout) -> None:
    (bridge,) = network.cni_configuration(layout)["plugins"]
    assert bridge["ipMasq"] is False
    assert bridge["ipam"]["dataDir"] == str(layout.ipam)


def test_every_addon_has_a_place_in_the_api(layout: Layout) -> None:
    manifests = [*addons.dns_manifests("bmx-node-1"), *addons.volume_manifests(layout)]
    paths = [object_path(manifest) for manifest in manifests]
    assert len(set(paths)) == len(paths)
    assert "/apis/apps/v1/namespaces/kube-system/deployments/coredns" in paths
    assert "/api/v1/persistentvolumes/batchmatrix-local-1" in paths


@pytest.mark.parametrize(
    ("phase", "gone"), [("Released", True), ("Failed", True), ("Bound", False), ("Available", False)]
)
def test_only_volumes_without_a_claim_are_recycled(phase: str, gone: bool) -> None:
    assert addons.released({"status": {"phase": phase}}) is gone


def test_wiping_a_volume_keeps_its_folder_and_follows_no_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    volume = tmp_path / "volume"
    (volume / "a" / "b").mkdir(parents=True)
    (volume / "link").symlink_to(outside)
    addons.wipe(volume)
    assert list(volume.iterdir()) == []
    assert (outside / "kept").exists()
    addons.wipe(tmp_path / "missing")


def test_a_kubeconfig_carries_everything_it_needs() -> None:
    text = render_kubeconfig(server="https://h:1", authority=b"ca", certificate=b"c", key=b"k", user="u")
    content = json.loads(text)
    assert content["clusters"][0]["cluster"]["server"] == "https://h:1"
    assert base64.b64decode(content["users"][0]["user"]["client-key-data"]) == b"k"
    assert content["current-context"] == content["contexts"][0]["name"]


def test_names_of_imported_images_are_read_from_ctrs_words() -> None:
    output = "unpacking localhost/a:1 (sha256:00)...done\nsaved\nunpacking docker.io/library/b:2 (sha256:11)...done\n"
    assert local.imported_names(output) == ["localhost/a:1", "docker.io/library/b:2"]


def test_kind_gets_the_same_gpu_labels(tmp_path: Path) -> None:
    nodes = kind.configuration(2, tmp_path / "audit.log")["nodes"]
    assert [one["role"] for one in nodes] == ["control-plane", "worker", "worker"]
    assert nodes[1]["labels"] == node.gpu_labels(1)
    assert [kind.node_name(number) for number in (1, 2)] == ["bmx-worker", "bmx-worker2"]


def test_the_environment_can_ask_for_plain_processes() -> None:
    assert kind.wanted({"BATCHMATRIX_CLUSTER": "local"}) is False


def test_a_pair_is_split_at_its_last_separator() -> None:
    assert cli.pair("/a:b:/c", ":", "--file") == ("/a:b", "/c")
    for word in ("/a", ":/c", "/a:"):
        with pytest.raises(ClusterError, match="two parts"):
            cli.pair(word, ":", "--file")


def test_one_source_may_go_to_several_places(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "busybox"
    source.write_bytes(b"x")
    words = ["scratch-image", "--name", "a:1", "--entrypoint", '["/bin/sh"]', "--out", str(tmp_path / "i.tar")]
    words += ["--file", f"{source}:/bin/busybox", "--file", f"{source}:/bin/sh"]
    assert cli.main(words) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "i.tar")
    assert kind.image_names(tmp_path / "i.tar") == ["a:1"]


def test_a_wrong_use_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["scratch-image", "--name", "a:1", "--entrypoint", "/bin/sh", "--out", str(tmp_path / "i.tar")]
    assert cli.main(words) == 1
    said = capsys.readouterr().err
    assert said.startswith("hack/cluster: --entrypoint takes a JSON list")
    assert said.count("\n") == 1
