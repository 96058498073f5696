"""The layout of images that are packed without a builder."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hack.local_kubernetes.errors import ClusterError
from hack.local_kubernetes.images import scratch_image


def _read(archive: Path, name: str) -> bytes:
    with tarfile.open(archive) as content:
        member = content.extractfile(name)
        assert member is not None
        return member.read()


def _manifest(archive: Path) -> dict[str, Any]:
    (manifest,) = json.loads(_read(archive, "manifest.json"))
    assert isinstance(manifest, dict)
    return manifest


@pytest.fixture
def program(tmp_path: Path) -> Path:
    file = tmp_path / "program"
    file.write_bytes(b"\x7fELF")
    file.chmod(0o755)
    return file


def test_an_archive_names_its_image_config_and_layer(program: Path, tmp_path: Path) -> None:
    out = scratch_image("localhost/a/b:1", {"/bin/p": program}, ["/bin/p", "-v"], "65532:65532", tmp_path / "i.tar")
    manifest = _manifest(out)
    assert manifest["RepoTags"] == ["localhost/a/b:1"]
    config = _read(out, manifest["Config"])
    assert manifest["Config"] == hashlib.sha256(config).hexdigest() + ".json"
    layer = _read(out, manifest["Layers"][0])
    parsed = json.loads(config)
    assert parsed["rootfs"]["diff_ids"] == ["sha256:" + hashlib.sha256(layer).hexdigest()]
    assert parsed["config"]["Entrypoint"] == ["/bin/p", "-v"]
    assert parsed["config"]["User"] == "65532:65532"
    assert "Cmd" not in parsed["config"]


def test_files_keep_their_permission_bits_and_belong_to_root(program: Path, tmp_path: Path) -> None:
    out = scratch_image(
        "a:1", {"/opt/x/p": program, "/etc/c": b"text"}, ["/p"], "1", tmp_path / "i.tar", folders={"/tmp": 0o1777}
    )
    manifest = _manifest(out)
    with tarfile.open(out) as archive, tarfile.open(fileobj=archive.extractfile(manifest["Layers"][0])) as layer:
        entries = {entry.name: entry for entry in layer}
    assert list(entries) == ["etc", "opt", "opt/x", "tmp", "etc/c", "opt/x/p"]
    assert entries["opt/x/p"].mode == 0o755
    assert entries["etc/c"].mode == 0o644
    assert entries["tmp"].isdir()
    assert entries["tmp"].mode == 0o1777
    assert {(entry.uid, entry.gid, entry.mtime) for entry in entries.values()} == {(0, 0, 0)}


def test_the_same_input_gives_the_same_bytes(program: Path, tmp_path: Path) -> None:
    one = scratch_image("a:1", {"/p": program, "/q": b"q"}, ["/p"], "1", tmp_path / "1.tar")
    two = scratch_image("a:1", {"/q": b"q", "/p": program}, ["/p"], "1", tmp_path / "2.tar")
    assert one.read_bytes() == two.read_bytes()


def test_environment_and_architecture_are_written(program: Path, tmp_path: Path) -> None:
    out = scratch_image("a:1", {"/p": program}, ["/p"], "1", tmp_path / "i.tar", env={"A": "b=c"}, arch="arm64")
    config = json.loads(_read(out, _manifest(out)["Config"]))
    assert "A=b=c" in config["config"]["Env"]
    assert config["architecture"] == "arm64"


@pytest.mark.parametrize("path", ["relative", "/", "/a/../b"])
def test_paths_that_could_leave_the_image_are_refused(path: str, tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="absolute"):
        scratch_image("a:1", {path: b""}, ["/p"], "1", tmp_path / "i.tar")
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_a_folder_has_to_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="both a file and a folder"):
        scratch_image("a:1", {"/a": b"", "/a/b": b""}, ["/p"], "1", tmp_path / "i.tar")


def test_a_name_without_a_tag_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="needs a tag"):
        scratch_image("localhost:5000/a", {"/p": b""}, ["/p"], "1", tmp_path / "i.tar")
