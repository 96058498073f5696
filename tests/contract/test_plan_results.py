"""`batchmatrix plan` over what an operator left in a real S3 store."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from batchmatrix.adapters.objectstore import open_s3
from batchmatrix.engine.catalogs import Found, resolve, written_out
from batchmatrix.engine.kept import source_of
from batchmatrix.engine.pinning import Pins
from batchmatrix.ledger.writer import Ledger
from batchmatrix.model.cell import Cell, MatrixRef, Plan
from batchmatrix.model.evidence import Outcome
from batchmatrix.model.launch import AttemptId
from batchmatrix.model.metric import NO_RULES
from batchmatrix.model.v1alpha1 import Entries, Mitigation, parse_matrix
from batchmatrix.outcome.table import exit_words
from batchmatrix.parse.reader import parser_digest
from batchmatrix.plan.build import build_plan
from batchmatrix.plan.builtin import BUILT_IN
from tests.support.cli import run_cli
from tests.support.ledgers import FixedClock
from tests.support.plan_cluster import ReadOnlyCluster, matrix_path, read_only_cluster
from tests.support.records import a_record
from tests.support.seaweedfs import S3Server, seaweedfs

Json = dict[str, Any]

REF = MatrixRef("default", "demo", "6f1c0e5a-1111-4222-8333-000000000001")
MATRIX: Json = {
    "apiVersion": "batchmatrix.dev/v1alpha1",
    "kind": "BatchMatrix",
    "metadata": {"name": "demo", "namespace": "default"},
    "spec": {
        "catalogRefs": [{"name": "team"}],
        "axes": [{"name": "mitigation", "values": ["none", "algo"]}],
        "trials": 3,
        "workload": {"image": "registry.example/app:1", "command": ["run"]},
    },
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as running:
        asyncio.run(_operated(running))
        yield running


@pytest.fixture
def cluster(server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReadOnlyCluster]:
    """The matrix of the file is in the cluster with its results, and its catalog says something else by now."""
    body = copy.deepcopy(MATRIX)
    body["metadata"] |= {"uid": REF.uid, "generation": 2}
    body["status"] = {"observedGeneration": 2, "results": f"s3://bucket/team/{REF.prefix()}/runs/2"}
    catalog = {
        "apiVersion": "batchmatrix.dev/v1alpha1",
        "kind": "MatrixCatalog",
        "metadata": {"name": "team", "namespace": "default", "uid": "u", "generation": 9},
        "spec": {"mitigations": {"algo": {"env": {"NCCL_ALGO": "Tree"}}, "late": {"env": {"A": "1"}}}},
    }
    node = {"metadata": {"name": "n1"}, "status": {"allocatable": {"cpu": "4"}}}
    objects = {
        "/api/v1/nodes": {"kind": "NodeList", "items": [node]},
        matrix_path("default", "demo"): body,
        matrix_path("default", "team", plural="matrixcatalogs"): catalog,
    }
    monkeypatch.chdir(tmp_path)
    (tmp_path / "matrix.yaml").write_text(yaml.safe_dump(MATRIX))
    for name, value in {
        "AWS_ACCESS_KEY_ID": (server.credentials / "accessKeyId").read_text().strip(),
        "AWS_SECRET_ACCESS_KEY": (server.credentials / "secretAccessKey").read_text().strip(),
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_ALLOW_HTTP": "true",
    }.items():
        monkeypatch.setenv(name, value)
    with read_only_cluster(tmp_path, objects) as running:
        monkeypatch.setenv("KUBECONFIG", str(running.kubeconfig))
        yield running


async def _operated(server: S3Server) -> None:
    """What an operator leaves behind: pinned with the catalog of then, and a ledger."""
    store = open_s3("bucket", prefix="team", endpoint=server.endpoint, allow_http=True, credentials=server.credentials)
    pins = Pins(store, REF)
    matrix = parse_matrix(MATRIX)
    then = Entries(mitigations={"algo": Mitigation(env={"NCCL_ALGO": "Ring"})})
    catalog = resolve(matrix, Found([("built-in", BUILT_IN), (source_of("team"), then)]), earlier=None)
    whole = written_out(matrix, catalog)
    plan = _plan(whole)
    await pins.put_catalog(2, catalog)
    await pins.put_matrix(2, whole, {**MATRIX, "metadata": {**MATRIX["metadata"], "uid": REF.uid, "generation": 2}})
    await pins.put_plan(plan)
    ledger = await Ledger.open(store, REF.prefix(), writer="operator", clock=FixedClock())
    none, algo = plan.cells
    ends = [
        *((none, trial, Outcome.SUCCEEDED) for trial in range(3)),
        (algo, 0, Outcome.SUCCEEDED),
        (algo, 1, Outcome.UNEXPECTED_EXIT),  # never retried: this is its result
        (algo, 2, Outcome.OOM_KILLED),  # once more with more memory: no result yet
    ]
    await ledger.commit([_record(cell, trial, outcome) for cell, trial, outcome in ends])
    await store.close()


def _plan(matrix: Any) -> Plan:
    return build_plan(
        matrix,
        REF,
        generation=2,
        nodes=None,
        previous=None,
        order_seed=REF.uid,
        now="2026-01-02T03:04:05Z",
        max_cells=100,
        service_accounts=frozenset(),
    )


def _record(cell: Cell, trial: int, outcome: Outcome) -> Any:
    found = a_record(outcome, pod_uid=f"{cell.name}-{trial}")
    log = replace(found.log, parser=parser_digest(NO_RULES))
    attempt = AttemptId(cell.hash, trial, 0)
    if outcome is Outcome.UNEXPECTED_EXIT:
        found = replace(found, exit_code=3, message=exit_words(3, None, cell.allowed_exit_codes))
    return replace(found, id=attempt, cell=cell.name, matrix=REF.name, matrix_uid=REF.uid, log=log)


def report() -> Json:
    done = run_cli("plan", "matrix.yaml", "-o", "json")
    assert (done.code, done.err) == (0, "")
    found: Json = json.loads(done.out)
    return found


def test_what_is_done_is_what_the_ledger_says_and_names_keep_their_pinned_meaning(cluster: ReadOnlyCluster) -> None:
    found = report()
    assert [(cell["name"], cell["state"], cell["recorded"], cell["toRun"]) for cell in found["cells"]] == [
        ("none", "done", 3, 0),
        ("algo", "more", 2, 1),
    ]
    assert found["cells"][1]["env"] == {"NCCL_ALGO": "Ring"}
    assert len(found["notes"]) == 1  # nothing was left unread


def test_a_new_name_is_looked_up_beside_those_that_are_kept(cluster: ReadOnlyCluster) -> None:
    body = copy.deepcopy(MATRIX)
    body["spec"]["axes"][0]["values"] = ["none", "algo", "late"]
    Path("matrix.yaml").write_text(yaml.safe_dump(body))
    assert [(cell["name"], cell["state"], cell["env"]) for cell in report()["cells"]] == [
        ("none", "done", {}),
        ("algo", "more", {"NCCL_ALGO": "Ring"}),
        ("late", "new", {"A": "1"}),
    ]


def test_a_store_that_does_not_let_us_in_is_said_and_done_without(
    cluster: ReadOnlyCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    found = report()
    assert [cell["state"] for cell in found["cells"]] == ["unchanged", "unchanged"]
    assert "what is done is not known, as the store was not read" in found["notes"][1]
    assert "SignatureDoesNotMatch" in found["notes"][1]
    assert "wrong" not in found["notes"][1]
