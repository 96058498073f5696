"""Cache keys of tools, and which of the machine's programs are good enough."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hack.local_kubernetes.errors import ClusterError
from hack.local_kubernetes.packages import missing, static
from hack.local_kubernetes.tools import KUBECTL_LOCK, TOOLS, Tool, cached_folders, new_enough, resolve


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "main.go").write_text("package main")
    (folder / "go.mod").write_text("module m")
    return folder


def test_a_key_follows_the_source(source: Path) -> None:
    tool = Tool("t", "1", source=source)
    before = tool.key()
    assert tool.key() == before
    (source / "README").write_text("does not go into the build")
    assert tool.key() == before
    (source / "main.go").write_text("package main // changed")
    assert tool.key() != before


@pytest.mark.parametrize("change", [{"version": "v2"}, {"flags": "-s"}, {"package": "example.org/q"}, {"name": "u"}])
def test_a_key_follows_everything_else_that_is_built_from(change: dict[str, str]) -> None:
    tool = Tool("t", "v1", package="example.org/p")
    assert replace(tool, **change).key() != tool.key()  # type: ignore[arg-type]


def test_a_binary_lies_in_a_folder_named_after_version_and_key(tmp_path: Path) -> None:
    tool = TOOLS["kwok"]
    assert tool.binary(tmp_path) == tmp_path / "tools" / f"kwok-v0.7.0-{tool.key()}" / "kwok"


def test_only_tools_that_are_built_get_onto_the_path(tmp_path: Path) -> None:
    assert cached_folders(tmp_path) == []
    binary = TOOLS["helm"].binary(tmp_path)
    binary.parent.mkdir(parents=True)
    binary.touch()
    assert cached_folders(tmp_path) == [binary.parent]
    assert resolve(tmp_path, "helm") == binary


def test_an_unknown_tool_is_named_with_those_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=r"no tool called 'helmet'.*helm, kind, kubectl"):
        resolve(tmp_path, "helmet")


@pytest.mark.parametrize(
    ("text", "enough"),
    [
        ("Client Version: v1.32.4-dispatcher\nKustomize Version: v5.5.0", True),
        ("Client Version: v1.30.0", True),
        ("Client Version: v1.29.9", False),
        ("Client Version: v2.0.0", True),
        ("command not found", False),
    ],
)
def test_kubectl_has_to_be_recent(text: str, enough: bool) -> None:
    assert new_enough(text) is enough


def test_each_missing_package_is_asked_for_once() -> None:
    needs = {"ctr": "containerd", "containerd": "containerd", "ip": "iproute2", "runc": "runc"}
    assert missing(needs, lambda need: need == "ip") == ["containerd", "runc"]


@pytest.mark.parametrize(
    ("loader", "alone"), [(b"/lib64/ld-linux-x86-64.so.2", False), (b"/lib/ld-musl-aarch64.so.1", False), (b"", True)]
)
def test_a_program_that_names_a_loader_does_not_run_alone(tmp_path: Path, loader: bytes, alone: bool) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF" + bytes(700) + loader + bytes(8000) + b"text of the C library: /ld-linux.so")
    assert static(program) is alone


def test_kubectl_of_the_index_is_pinned_by_hash() -> None:
    lines = [line for line in KUBECTL_LOCK.read_text().splitlines() if not line.startswith("#")]
    assert "==" in lines[0]
    assert len(lines) > 1
    assert all(line.strip().startswith("--hash=sha256:") for line in lines[1:])
