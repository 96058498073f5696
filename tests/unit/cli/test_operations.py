"""The verbs: what they send, what they say, and what they refuse before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Done, run_cli
from tests.support.plan_cluster import ReadOnlyCluster, a_kubeconfig, matrix_path, read_only_cluster

Json = dict[str, Any]

TOKEN = r"\d{8}-\d{6}-[0-9a-f]{6}"


def a_matrix(*, suspend: bool = False, **metadata: Any) -> Json:
    base = {"namespace": "default", "name": "demo", "uid": "u-1", "generation": 1}
    return {"metadata": {**base, **metadata}, "spec": {"suspend": suspend}}


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReadOnlyCluster]:
    with read_only_cluster(tmp_path, {matrix_path("default", "demo"): a_matrix()}) as running:
        monkeypatch.setenv("KUBECONFIG", str(running.kubeconfig))
        yield running


def verb(*arguments: str) -> Done:
    done = run_cli(*arguments)
    assert "Traceback" not in done.err
    return done


def sent(cluster: ReadOnlyCluster) -> Json:
    """The one change; each names the uid, so that a namesake is left alone."""
    (body,) = cluster.sent
    assert body["metadata"].pop("uid") == "u-1"
    found: Json = body
    return found


@pytest.mark.parametrize(
    ("options", "scope", "words"),
    [
        ([], "failed", "what has no good result will run again"),
        (["--failed"], "failed", "what has no good result will run again"),
        (["--all"], "all", "every trial will run again"),
        (["--cell", "a.b", "--cell", "c"], "cells=a.b,c", "every trial of a.b, c will run again"),
    ],
)
def test_rerun_asks_with_a_token_of_its_own(
    cluster: ReadOnlyCluster, options: list[str], scope: str, words: str
) -> None:
    done = verb("rerun", "demo", *options)
    value = sent(cluster)["metadata"]["annotations"]["batchmatrix.dev/rerun"]
    assert re.fullmatch(f"{TOKEN}:{re.escape(scope)}", value)
    token = value.partition(":")[0]
    assert (done.code, done.out, done.err) == (0, f"default/demo: {words} (token {token})\n", "")


def test_no_two_tokens_are_the_same(cluster: ReadOnlyCluster) -> None:
    for _ in range(3):
        verb("cancel", "demo")
    values = [body["metadata"]["annotations"]["batchmatrix.dev/cancel"] for body in cluster.sent]
    assert len(set(values)) == 3
    assert all(re.fullmatch(TOKEN, value) for value in values)


def test_a_rerun_of_what_is_suspended_says_that_it_waits(cluster: ReadOnlyCluster) -> None:
    cluster.objects[matrix_path("default", "demo")] = a_matrix(suspend=True)
    assert "nothing starts before: batchmatrix resume demo" in verb("rerun", "demo").out


def test_suspend_and_resume_set_the_field_and_say_where_there_is_nothing_to_do(cluster: ReadOnlyCluster) -> None:
    assert verb("resume", "demo").out == "default/demo: is not suspended; nothing is changed\n"
    assert cluster.sent == []
    assert verb("suspend", "demo").out.startswith("default/demo: nothing new starts; ")
    assert sent(cluster) == {"metadata": {}, "spec": {"suspend": True}}
    cluster.sent.clear()
    cluster.objects[matrix_path("default", "demo")] = a_matrix(suspend=True)
    assert verb("suspend", "demo").out == "default/demo: is suspended already; to go on: batchmatrix resume demo\n"
    assert cluster.sent == []
    assert verb("resume", "demo").out == "default/demo: goes on where it stopped\n"
    assert sent(cluster) == {"metadata": {}, "spec": {"suspend": False}}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rerun", "demo", "--all", "--failed"], "--failed, --all and --cell each say what runs again; give one"),
        (["rerun", "demo", "--all", "--cell", "a"], "give one of them"),
        (["rerun", "demo", "--cell", "a,b"], "--cell: 'a,b' is no cell's name"),
        (["rerun", "demo", "--cell", " "], "--cell: ' ' is no cell's name"),
        (["cancel", "Demo"], "NAME: 'Demo' is not a DNS label"),
        (["cancel", "demo", "-n", "../x"], "--namespace"),
        (["suspend"], "Missing argument 'NAME'"),
        (["resume", "demo", "--all"], "No such option"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_asked(
    cluster: ReadOnlyCluster, arguments: list[str], words: str
) -> None:
    done = verb(*arguments)
    assert (done.code, done.out) == (1, "")
    assert words in done.err
    assert len(done.err.splitlines()) == 1
    assert cluster.asked == []


def test_a_matrix_that_is_not_there_or_going_is_an_error(cluster: ReadOnlyCluster) -> None:
    done = verb("cancel", "other", "-n", "triage")
    assert done.code == 1
    assert f"there is no BatchMatrix triage/other at {cluster.url}; see: kubectl get bmx -A" in done.err
    cluster.objects[matrix_path("default", "demo")] = a_matrix(deletionTimestamp="2026-01-01T00:00:00Z")
    assert "BatchMatrix default/demo is being deleted" in verb("rerun", "demo").err
    assert cluster.sent == []


@pytest.mark.parametrize("code", [403, 409, 500])
def test_a_refusal_of_the_server_is_one_line(cluster: ReadOnlyCluster, code: int) -> None:
    cluster.objects[f"PATCH {matrix_path('default', 'demo')}"] = code
    done = verb("suspend", "demo")
    assert (done.code, done.out) == (1, "")
    assert f"(HTTP {code}); see what default/demo says before you ask again" in done.err
    assert len(done.err.splitlines()) == 1


def test_no_server_and_no_kubeconfig_are_one_line(
    cluster: ReadOnlyCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(a_kubeconfig(tmp_path, "http://127.0.0.1:9")))
    done = verb("cancel", "demo")
    assert (done.code, len(done.err.splitlines())) == (1, 1)
    assert "http://127.0.0.1:9" in done.err
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setenv("HOME", str(tmp_path))
    done = verb("cancel", "demo")
    assert (done.code, done.err) == (
        1,
        "batchmatrix: there is no kubeconfig; set KUBECONFIG, or write one to ~/.kube/config\n",
    )
