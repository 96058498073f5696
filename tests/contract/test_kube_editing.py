"""The command line's verbs on the real API server: what is written, and what is left alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from batchmatrix.adapters.kube.access import from_kubeconfig
from batchmatrix.adapters.kube.editing import KubeEditor
from batchmatrix.base.errors import BatchMatrixError
from tests.support.cli import Done, run_cli
from tests.support.cluster import Json, Kube
from tests.support.kube import ensure_crds
from tests.support.specs import matrix_object

TOKEN = r"\d{8}-\d{6}-[0-9a-f]{6}"


@pytest.fixture
def matrix(kube: Kube, cluster: Kube, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A matrix that nobody serves."""
    ensure_crds(cluster)
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    body = matrix_object("verbs")
    body["metadata"]["annotations"] = {"example.com/mine": "stays"}
    kube.create("batchmatrices", body)
    return "verbs"


def verb(kube: Kube, *arguments: str) -> Done:
    done = run_cli(*arguments, "-n", kube.namespace)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{kube.namespace}/verbs: ")
    return done


def test_each_verb_writes_its_own_field_and_no_other(kube: Kube, matrix: str) -> None:
    before = kube.get("batchmatrices", matrix)
    verb(kube, "rerun", matrix, "--cell", "s8")
    verb(kube, "cancel", matrix)
    verb(kube, "suspend", matrix)
    after = kube.get("batchmatrices", matrix)
    marks = after["metadata"]["annotations"]
    assert re.fullmatch(f"{TOKEN}:cells=s8", marks.pop("batchmatrix.dev/rerun"))
    assert re.fullmatch(TOKEN, marks.pop("batchmatrix.dev/cancel"))
    assert marks == {"example.com/mine": "stays"}
    assert after["spec"] == {**before["spec"], "suspend": True}
    verb(kube, "resume", matrix)
    assert kube.get("batchmatrices", matrix)["spec"] == before["spec"]


async def test_a_namesake_that_came_meanwhile_is_left_alone(kube: Kube, kubeconfig: Path, matrix: str) -> None:
    editor = KubeEditor(await from_kubeconfig(str(kubeconfig)))
    try:
        seen = await editor.matrix(kube.namespace, matrix)
        assert seen is not None
        other: Json = {**seen, "metadata": {**seen["metadata"], "uid": "6f1c0e5a-1111-4222-8333-000000000001"}}
        with pytest.raises(BatchMatrixError, match="field is immutable"):
            await editor.patch(other, {"spec": {"suspend": True}})
    finally:
        await editor.close()
    assert kube.get("batchmatrices", matrix)["spec"].get("suspend", False) is False
