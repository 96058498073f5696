"""Row 22: specs that ask for too much: refused by the server, or by the operator before anything is expanded."""

from __future__ import annotations

import copy
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from batchmatrix.base.errors import InvalidSpec
from tests.support.cluster import ApiError, Json, Kube
from tests.support.kube import ensure_crds
from tests.support.operators import ended, matrix_on, served
from tests.support.specs import a_matrix, a_plan
from tests.support.wait import Pending, wait_for

A100 = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"}

MEMORY = 2 << 30
"""Bytes of address space that are enough to say no, and to hold neither 64^8 cells nor their names."""
CPU_SECONDS = 60
"""Far more than it takes, and far less than an expansion would."""


def _axes(count: int, values: list[object]) -> list[Json]:
    return [{"name": f"a{number}", "values": list(values)} for number in range(count)]


HOSTILE: dict[str, Json] = {
    "cells-1e9": {"axes": _axes(5, list(range(64)))},
    "cells-2e14": {"axes": _axes(8, list(range(64)))},
    "nine-axes": {"axes": _axes(9, [1])},
    "no-values": {"axes": [{"name": "a", "values": []}]},
    "no-axes": {"axes": []},
    "same-value": {"axes": [{"name": "a", "values": [1, 1]}]},
    "same-text": {"axes": [{"name": "a", "values": [1, "1"]}]},
    "same-axis": {"axes": [{"name": "a", "values": [1]}, {"name": "a", "values": [2]}]},
    "trials-1e9": {"axes": _axes(2, list(range(64))), "trials": 99_999},
    "trials-huge": {"axes": _axes(1, [1]), "trials": 10**18},
    "value-huge": {"axes": _axes(1, [2**63])},
    "value-long": {"axes": _axes(1, ["x" * 100_000])},
    "axis-name-long": {"axes": [{"name": "a" * 300, "values": [1]}]},
    "axis-name-unicode": {"axes": [{"name": "gr\u00f6\u00dfe", "values": [1]}]},
    "value-nul": {"axes": _axes(1, ["a\u0000b"])},
    "cell-name-unicode": {"cells": [{"name": "z\u00e9ro\u200b", "parameters": {"a": 1}}]},
    "cell-name-long": {"cells": [{"name": "c" * 300, "parameters": {"a": 1}}]},
    "include-10000": {
        "axes": _axes(1, [1]),
        "include": [{"match": {"a0": number}, "set": {"trials": 1}} for number in range(2, 10_002)],
    },
    "include-crossed": {
        "axes": _axes(4, list(range(10))),
        "include": [{"match": {"a0": number}, "set": {"trials": 9999}} for number in range(10)],
    },
    "exclude-all": {"axes": _axes(1, [1, 2]), "exclude": [{"a0": [1, 2]}]},
    "metrics-5000": {"axes": _axes(1, [1]), "metrics": [{"name": f"m{n}", "from": "json"} for n in range(5000)]},
    "deep": {"axes": _axes(1, [{"x": {"x": {"x": {"x": {"x": [[[[[[[[[[1]]]]]]]]]]}}}}}])},
}
"""Specs by name; each lacks only its workload and its hardware."""


def spec_of(name: str) -> Json:
    return {"workload": {"image": "fake:1", "command": ["run"]}, **copy.deepcopy(HOSTILE[name])}


def test_each_is_refused_by_the_server_or_by_the_operator_and_a_neighbour_runs(
    kube: Kube, cluster: Kube, kubeconfig: Path, tmp_path: Path
) -> None:
    ensure_crds(cluster)
    taken: list[str] = []
    with served(kube, kubeconfig, tmp_path) as operator:
        for name in HOSTILE:
            metadata = {"name": name}
            manifest = {"apiVersion": "batchmatrix.dev/v1alpha1", "kind": "BatchMatrix", "metadata": metadata}
            try:
                kube.create("batchmatrices", {**manifest, "spec": spec_of(name)})
                taken.append(name)
            except ApiError as refused:
                if refused.code not in (400, 413, 422):
                    raise
        kube.create("batchmatrices", matrix_on("neighbour", {"a100": A100}, trials=3))
        assert ended(kube, "neighbour")["status"]["verdict"] == "pass"
        for name in taken:
            message = wait_for(_stalled(kube, name), timeout=30, what=f"{name} to be refused")
            assert re.match(r"spec[.:\[]", message), message
            assert "\n" not in message
            assert message.isprintable()
        jobs = {job["metadata"]["labels"]["batchmatrix.dev/matrix"] for job in kube.list("jobs")}
        assert jobs == {"neighbour"}
        assert "Traceback" not in operator.log.read_text(errors="replace")
    assert "cells-1e9" in taken  # no schema can multiply
    assert "nine-axes" not in taken


def _stalled(kube: Kube, name: str) -> Callable[[], str | Pending]:
    def look() -> str | Pending:
        status = kube.get("batchmatrices", name).get("status", {})
        conditions = {each["type"]: each for each in status.get("conditions", [])}
        stalled = conditions.get("Stalled", {})
        if stalled.get("status") == "True" and conditions["Succeeded"]["reason"] == "InvalidSpec":
            return str(stalled["message"])
        return Pending(status)

    return look


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_the_operator_alone_refuses_it_too(name: str) -> None:
    """As if the server had let it through: an older CRD may be installed."""
    with pytest.raises(InvalidSpec) as refused:
        a_plan(a_matrix("hostile", **spec_of(name)))
    text = str(refused.value)
    assert text.startswith("spec")
    assert "\n" not in text
    assert len(text) < 100_000


@pytest.mark.parametrize("name", ["cells-1e9", "cells-2e14", "trials-1e9", "include-crossed"])
def test_saying_no_takes_neither_memory_nor_time(tmp_path: Path, name: str) -> None:
    """In a process that may have only a little of both."""
    manifest = {"apiVersion": "batchmatrix.dev/v1alpha1", "kind": "BatchMatrix", "metadata": {"name": "hostile"}}
    file = tmp_path / "matrix.yaml"
    file.write_text(yaml.safe_dump({**manifest, "spec": spec_of(name)}))

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))

    done = subprocess.run(
        [sys.executable, "-m", "batchmatrix", "plan", "--offline", str(file)],
        capture_output=True,
        text=True,
        preexec_fn=limit,
        check=False,
    )
    assert done.returncode == 1, done
    assert "spec." in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
