"""How images are described, told apart and trimmed; what it takes to build them is for the cluster's tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hack.image_build import debian, engines, loading, recipes, wheels
from hack.local_kubernetes.errors import ClusterError

LOCK = """\
# made by a tool
numpy==2.4.6 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via pandas
numpy-extra==1.0 \\
    --hash=sha256:cc
pandas==3.1 \\
    --hash=sha256:dd
    # via batchmatrix
"""
STATUS = """\
Package: python3
Status: install ok installed
Depends: python3.11 (>= 3.11.2-1~), libpython3-stdlib (= 3.11.2-1+b1) | nothing
Pre-Depends: libc6:any

Package: python3.11
Depends: libssl3, awk

Package: libpython3-stdlib
Depends: debconf (>= 0.5) | debconf-2.0

Package: libc6

Package: libssl3
Depends: libc6 (>= 2.34)

Package: mawk
Provides: awk

Package: debconf
Depends: perl-base

Package: perl-base

Package: apt
Depends: libssl3
"""


def test_only_the_wanted_entries_of_a_lock_are_taken(tmp_path: Path) -> None:
    lock = tmp_path / "some.lock"
    lock.write_text(LOCK)
    assert wheels.requirements(lock, ["numpy"]) == ("numpy==2.4.6 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n")
    assert wheels.version(lock, "pandas") == "3.1"
    with pytest.raises(ClusterError, match="no hashed entry for scipy"):
        wheels.requirements(lock, ["numpy", "scipy"])


def test_newer_wheels_come_first_and_the_base_is_new_enough_for_all() -> None:
    tags = wheels.platforms("x86_64")
    assert tags[0] == "manylinux_2_36_x86_64"  # Debian 12 has glibc 2.36
    assert tags[-1] == "manylinux2014_x86_64"


def test_what_python_needs_stays_and_nothing_else() -> None:
    paragraphs = debian.parse_status(STATUS)
    assert debian.closure(["python3"], paragraphs) == {
        "python3",
        "python3.11",
        "libpython3-stdlib",
        "libc6",
        "libssl3",
        "mawk",
    }


def test_trimming_takes_the_files_of_other_packages(tmp_path: Path) -> None:
    info = tmp_path / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    (tmp_path / "var/lib/dpkg/status").write_text(STATUS.replace("Package: apt", "Package: base-files\n\nPackage: apt"))
    owned = {"apt": ["usr/bin/apt", "usr/share/both"], "base-files": ["usr/bin/sh", "usr/share/both"]}
    for package, files in owned.items():
        (info / f"{package}.list").write_text("".join(f"/{line}\n" for line in ["usr", "usr/bin", *files]))
        for file in files:
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_text(package)
    document = tmp_path / "usr/share/doc/base-files"
    document.mkdir(parents=True)
    (document / "copyright").write_text("licence")
    (document / "changelog").write_text("news")
    (tmp_path / "etc/ssl/certs").mkdir(parents=True)
    (tmp_path / "etc/ssl/certs/ca-certificates.crt").write_text("bundle")
    (tmp_path / "etc/ssl/certs/one.pem").symlink_to("/usr/share/ca-certificates/one.crt")
    debian.trim(tmp_path, keep=["base-files"])
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if not path.is_dir()}
    assert left == {
        "usr/bin/sh",
        "usr/share/both",
        "usr/share/doc/base-files/copyright",
        "etc/ssl/certs/ca-certificates.crt",
        "var/lib/dpkg/status",
    }
    assert (tmp_path / "tmp").stat().st_mode & 0o7777 == 0o1777
    # Scanners read from it which packages are in the image.
    assert (tmp_path / "var/lib/dpkg/status").read_text() == "Package: base-files\n\n"


def test_an_image_is_another_when_anything_in_it_is(tmp_path: Path) -> None:
    source = tmp_path / "main.py"
    source.write_text("one")
    recipe = recipes.Recipe("x", "localhost/x", "", {"main.py": source}, packages="a", arguments={"RUNTIME": "cuda"})
    before = recipe.key("base")
    assert recipe.key("base") == before
    assert recipe.reference(before) == f"localhost/x:{before}"
    others = [
        recipe.key("other base"),
        replace(recipe, packages="b").key("base"),
        replace(recipe, tools="b").key("base"),
        replace(recipe, arguments={"RUNTIME": "rocm"}).key("base"),
        replace(recipe, sources={"moved.py": source}).key("base"),
    ]
    source.write_text("two")
    others.append(recipe.key("base"))
    assert len({before, *others}) == 7


def test_the_operators_image_holds_the_package_and_no_leftovers() -> None:
    sources = recipes.recipes()["operator"].sources
    assert "operator/batchmatrix/__main__.py" in sources
    assert not [name for name in sources if "__pycache__" in name or name.endswith(".pyc")]


def test_fixed_tags_stay() -> None:
    known = recipes.recipes()
    assert known["sample-workload-rocm"].reference("abc") == "localhost/batchmatrix/sample-workload:rocm"
    assert known["operator"].reference("abc") == "localhost/batchmatrix/operator:abc"


def test_an_image_is_loaded_only_if_every_node_has_just_this_one() -> None:
    table = "REF TYPE DIGEST SIZE\nlocalhost/x:1 application/vnd sha256:aa 1 MiB linux/amd64 -\n"
    held = loading.listing(table)
    assert held == {"localhost/x:1": "sha256:aa"}
    assert loading.is_loaded([held, held], "localhost/x:1", "sha256:aa")
    assert not loading.is_loaded([held, {}], "localhost/x:1", "sha256:aa")
    assert not loading.is_loaded([held, held], "localhost/x:1", "sha256:bb")
    assert not loading.is_loaded([held], "localhost/x:1", None)
    assert not loading.is_loaded([], "localhost/x:1", "sha256:aa")


def test_digests_are_remembered_and_a_broken_note_is_no_error(tmp_path: Path) -> None:
    digests = loading.Digests(tmp_path / "digests.json")
    assert digests.get("x-1") is None
    digests.note("x-1", "sha256:aa")
    assert loading.Digests(tmp_path / "digests.json").get("x-1") == "sha256:aa"
    (tmp_path / "digests.json").write_text("{")
    assert digests.get("x-1") is None


def test_stages_are_found_in_our_dockerfiles() -> None:
    for image, stages in {"operator": ["dependencies", "package"], "sample-workload": ["dependencies"]}.items():
        lines = (recipes.ROOT / f"images/{image}/Dockerfile").read_text().splitlines()
        assert [line.split()[-1] for line in lines if engines.is_stage(line)] == stages
