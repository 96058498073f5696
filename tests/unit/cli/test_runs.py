"""What RUN may be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from batchmatrix.model.cell import MatrixRef
from tests.support.cli import Done, run_cli
from tests.support.judging_cells import at_most, rules, summary
from tests.support.plan_cluster import ReadOnlyCluster, matrix_path, read_only_cluster
from tests.support.stored import a_spec, files_of, write_files, write_run

REF = MatrixRef("triage", "demo", "6f1c0e5a-1111-4222-8333-000000000001")
GOOD = summary({"base": [1.0, 2.0], "fast": [1.0, 1.5]})


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in (
        "AWS_ACCESS_KEY_ID",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "KUBECONFIG",
    ):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def gate(*arguments: str) -> Done:
    done = run_cli("gate", *arguments)
    assert "Traceback" not in done.err
    return done


def refused(*arguments: str) -> str:
    """The one line of an error."""
    done = gate(*arguments)
    assert (done.code, done.out) == (1, "")
    (line,) = done.err.splitlines()
    return line.removeprefix("batchmatrix: ")


def generation(run: str) -> int:
    found = json.loads(gate(run, "-o", "json").out)["generation"]
    assert isinstance(found, int)
    return found


# -- folders -------------------------------------------------------------------------------------------------------


def test_a_folder_its_file_and_both_as_a_url() -> None:
    path = Path("a run")
    write_run(path, GOOD, rules(at_most(3)))
    for run in (
        "a run",
        "./a run/",
        "a run/matrix.json",
        path.resolve().as_uri(),
        f"{path.resolve().as_uri()}/matrix.json",
    ):
        assert gate(run).code == 0, run


def test_of_several_generations_the_newest_that_has_ended() -> None:
    for number in (1, 2, 10):
        write_files(Path(f"uid/runs/{number}"), files_of(replace(GOOD, generation=number)))
    write_files(Path("uid/runs/11"), {"plan.json": b"{}"})
    write_files(Path("uid/runs/old"), {"matrix.json": b"{}"})
    assert generation("uid") == 10
    assert generation("uid/runs/2") == 2
    assert "file:///" in refused("uid/runs/11")
    assert refused("uid/runs/11").endswith("/uid/runs/11 holds no matrix.json; name the folder of a run that has ended")
    assert refused("uid/runs").endswith("/uid/runs holds no matrix.json; name the folder of a run that has ended")


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ("nope", "nope: there is no such folder, and no kubeconfig to ask for a matrix of this name"),
        ("/nope", "/nope: there is no such folder; name a folder, an s3:// URL, or a matrix in the cluster"),
        ("../nope", "../nope: there is no such folder; name a folder, "),
        ("a/b/c", "a/b/c: there is no such folder; name a folder, "),
        ("file:///nope", "file:///nope: there is no such folder; name a folder, "),
        ("", "RUN is empty: there is no such folder; name a folder, "),
        ("Upper", "Upper: there is no such folder; name a folder, "),
        ("\x1b[2J", "\ufffd[2J: there is no such folder; name a folder, "),
        ("cells.csv", "cells.csv is no folder; name the folder of a run, or the matrix.json in it"),
        ("x" * 36, f"{'x' * 36}: there is no such folder, and no matrix: "),
        ("s3://", "s3:// has no credentials in the environment; set AWS_ACCESS_KEY_ID and "),
        ("s3://b/p", "s3://b has no credentials in the environment; set AWS_ACCESS_KEY_ID and "),
    ],
)
def test_what_is_no_run(run: str, words: str) -> None:
    Path("cells.csv").write_text("")
    assert words in refused(run)


def test_a_namespace_is_given_once() -> None:
    assert refused("a/b", "-n", "c") == "RUN: a/b names a namespace, and --namespace is c; leave one out"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda found: found[: len(found) // 2], "matrix.json: is not whole JSON (line "),
        (lambda _: "", "matrix.json: is not whole JSON (line 1, column 1"),
        (lambda _: "[]", "matrix.json: is no matrix.json: it is not a JSON object"),
        (lambda found: found.replace('"schema": 1', '"schema": 2', 1), "json: schema: 2 is newer than 1, the one th"),
        (lambda found: found.replace('"verdict": "', '"verdict": "x', 1), "matrix.json: verdict: "),
        (
            lambda found: json.dumps({k: v for k, v in json.loads(found).items() if k not in ("trials", "rules")}),
            "matrix.json: has no trials or rules, as a ConfigMap's copy has none; read the matrix.json at s3://results/",
        ),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_judged(change: Any, words: str) -> None:
    run = write_run("run", GOOD)
    text = Path("run/matrix.json").read_text()
    assert change(text) != text
    Path("run/matrix.json").write_text(change(text))
    assert words in refused(run)
    assert refused(run).startswith("file:///")


# -- the cluster ---------------------------------------------------------------------------------------------------


@pytest.fixture
def cluster(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReadOnlyCluster]:
    with read_only_cluster(folder, {}) as running:
        monkeypatch.setenv("KUBECONFIG", str(running.kubeconfig))
        yield running


def live(results: str, *, finished: bool = True, observed: int = 4) -> dict[str, Any]:
    metadata = {"name": REF.name, "namespace": REF.namespace, "uid": REF.uid, "generation": 4}
    conditions = [{"type": "Finished", "status": "True" if finished else "False"}]
    status = {"observedGeneration": observed, "conditions": conditions, "results": results}
    return {**a_spec(), "metadata": metadata, "status": status}


STORE = "file:///var/lib/batchmatrix"


def test_a_matrix_that_is_not_there(cluster: ReadOnlyCluster) -> None:
    line = refused("triage/demo")
    assert line == f"triage/demo: there is no such folder, and no matrix demo in namespace triage of {cluster.url}"
    assert refused("demo", "-n", "other").endswith(f"no matrix demo in namespace other of {cluster.url}")
    assert refused("demo").endswith(f"no matrix demo in namespace default of {cluster.url}")
    assert {method for method, _ in cluster.asked} == {"GET"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({**a_spec(), "metadata": {"name": "demo", "generation": 1}}, "has no results yet; wait until it has ended"),
        (live(""), "has no results yet; wait until it has ended"),
        (live(f"{STORE}/{REF.prefix()}/runs/4", finished=False), "has not ended; wait for that, or name the folder of"),
        (live(f"{STORE}/{REF.prefix()}/runs/3", observed=3), "has not ended; wait for that, or name the folder of an"),
    ],
)
def test_a_matrix_that_has_not_ended_has_no_verdict(cluster: ReadOnlyCluster, body: dict[str, Any], words: str) -> None:
    cluster.objects[matrix_path("triage", "demo")] = body
    assert refused("triage/demo").startswith(f"matrix triage/demo {words}")


def test_a_folder_of_the_operator_is_seen_in_its_pod_alone(cluster: ReadOnlyCluster) -> None:
    cluster.objects[matrix_path("triage", "demo")] = live(f"{STORE}/{REF.prefix()}/runs/4")
    line = refused("triage/demo")
    assert line.startswith(
        f"{STORE}/{REF.prefix()} is a folder that the operator's pod alone sees; `batchmatrix artifa"
    )


def test_a_matrix_of_a_bucket_needs_credentials(cluster: ReadOnlyCluster) -> None:
    cluster.objects[matrix_path("triage", "demo")] = live(f"s3://bucket/some/{REF.prefix()}/runs/4")
    assert refused("demo", "-n", "triage").startswith("s3://bucket has no credentials in the environment; set AWS_")
