"""Row 12: a real S3 server, or a volume, that fails in every way: held, bounded, said, and drained afterwards."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import obstore
import pytest
import zstandard
from obstore.store import S3Store

from batchmatrix.engine.decide import SLACK
from tests.faults.conftest import Benches, Undisturbed
from tests.support.cluster import Json, Kube
from tests.support.faults.acts import delayed, lose_call, lose_reply
from tests.support.faults.bench import Bench
from tests.support.faults.matrices import plain
from tests.support.faults.plays import PodPlay
from tests.support.faults.proxy import Act, Call, Rule
from tests.support.faults.uploads import denied, half_sent, replaces
from tests.support.seaweedfs import S3Server
from tests.support.wait import Pending, wait_for

PARALLELISM = 2
TRIALS = 8
TRIES = 12
"""Calls that a store refuses before a test looks at what came of it: each log and the ledger come back many times."""


def the_matrix() -> Json:
    return plain("kept", cells=TRIALS, parallelism=PARALLELISM, retention={"jobs": "none"})


def ledger_of(s3: S3Server, bucket: str) -> list[Json]:
    """Records that lie in the bucket, read past the proxy with another client's code."""
    store = S3Store(
        bucket,
        config={"region": "us-east-1", "endpoint": s3.endpoint},
        client_options={"allow_http": True},
        access_key_id=(s3.credentials / "accessKeyId").read_text().strip(),
        secret_access_key=(s3.credentials / "secretAccessKey").read_text().strip(),
    )
    found: list[Json] = []
    keys = sorted(item["path"] for item in obstore.list(store).collect() if "/ledger/" in item["path"])
    for key in keys:
        data = bytes(obstore.get(store, key).bytes())
        lines = zstandard.ZstdDecompressor().decompressobj().decompress(data).splitlines()
        found += [entry for entry in map(json.loads, lines[1:]) if entry["kind"] == "record"]
    return found


def all_is_held(kube: Kube, made: set[str], recorded: set[str]) -> None:
    """What has no record has its pod with our finalizer, and there is no more of it than may be."""
    unrecorded = made - recorded

    def pods() -> dict[str, Json] | Pending:
        """The last Jobs' pods may be on their way; one that was let go and deleted does not come any more."""
        found = {pod["metadata"]["labels"]["batch.kubernetes.io/job-name"]: pod for pod in kube.list("pods")}
        return found if unrecorded <= found.keys() else Pending(f"no pod: {sorted(unrecorded - found.keys())}")

    found = wait_for(pods, timeout=30, what="every Job without a record to have its pod")
    for job in unrecorded:
        assert "batchmatrix.dev/record" in found[job]["metadata"].get("finalizers", []), f"{job} let go"
    assert len(unrecorded) <= SLACK * PARALLELISM


def made_jobs(case: Bench) -> set[str]:
    """Names of the Jobs that the server has made."""
    return {call.what.name for call in case.api.made("create jobs") if call.committed == 201}


def some_are_done(kube: Kube) -> Callable[[], bool | Pending]:
    def look() -> bool | Pending:
        status = kube.get("batchmatrices", "kept").get("status", {})
        return status.get("trials", {}).get("done", 0) >= PARALLELISM or Pending(status)

    return look


def broken(case: Bench, rule: Rule, words: str) -> None:
    """Wait until the store has refused again and again, something waits for it, and the status says so."""

    def look() -> bool | Pending:
        status = case.kube.get("batchmatrices", "kept")["status"]
        open_now = len(made_jobs(case)) - status["ledger"]["records"]
        enough = rule.done >= TRIES and open_now > 0
        return (enough and words in status["message"]) or Pending([rule.done, open_now, status["message"]])

    case.wait(look, what=f"the status to say {words!r}")


def test_a_bucket_that_refuses_in_turn_loses_nothing(stage: Benches, s3: S3Server, undisturbed: Undisturbed) -> None:
    play: Callable[..., PodPlay] = lambda _trial: PodPlay()  # noqa: E731
    faults: list[tuple[Act, str]] = [
        (lose_call(), "it did not answer"),
        (denied(403, "AccessDenied"), "HTTP 403 AccessDenied; allow these credentials"),
        (denied(507, "InsufficientStorage"), "HTTP 507 InsufficientStorage; free space"),
        (half_sent(s3.endpoint), "it did not answer"),
    ]
    with stage(play=play, s3=s3) as case:
        store = case.store
        assert store is not None
        case.operator.start()
        case.kube.create("batchmatrices", the_matrix())
        case.wait(some_are_done(case.kube), what="the first trials to be done")
        for act, words in faults:
            rule = store.add(act, times=None)
            broken(case, rule, words)
            recorded = {record["job"] for record in ledger_of(s3, case.kube.namespace)}
            all_is_held(case.kube, made_jobs(case), recorded)
            rule.times = 0
        case.settled("kept")
        assert case.deaths == []
        end = case.end("kept", records=ledger_of(s3, case.kube.namespace))
    assert end == undisturbed(the_matrix(), play)


def test_an_operator_that_is_killed_while_the_bucket_is_down_comes_back_when_it_does(
    stage: Benches, s3: S3Server, undisturbed: Undisturbed
) -> None:
    with stage(s3=s3) as case:
        store = case.store
        assert store is not None
        case.operator.start()
        case.kube.create("batchmatrices", the_matrix())
        case.wait(some_are_done(case.kube), what="the first trials to be done")
        rule = store.add(lose_call(), times=None)
        broken(case, rule, "it did not answer")
        case.operator.kill()
        case.operator.start()
        status = case.wait_without(lambda: case.operator.died(), what="a process without a store to end")
        assert status == 1
        log = case.operator.log.read_text()
        assert "store 'default'" in log
        assert "Traceback" not in log
        all_is_held(case.kube, made_jobs(case), {record["job"] for record in ledger_of(s3, case.kube.namespace)})
        rule.times = 0
        case.operator.start()
        case.settled("kept")
        end = case.end("kept", records=ledger_of(s3, case.kube.namespace))
    assert end == undisturbed(the_matrix(), lambda _trial: PodPlay())


def test_a_slow_bucket_that_loses_replies_gets_everything_once(
    stage: Benches, s3: S3Server, undisturbed: Undisturbed
) -> None:
    """Each first write of an object is carried out and its answer lost; everything else takes its time."""
    met: set[str] = set()

    def first(call: Call) -> bool:
        new = call.what.name not in met and not call.what.name.startswith("probe/")
        met.add(call.what.name)
        return new

    with stage(s3=s3) as case:
        store = case.store
        assert store is not None
        store.add(lose_reply(), "create ledger", where=first, times=None)
        store.add(lose_reply(), "create logs", where=first, times=None)
        store.add(delayed(0.3), times=None)
        case.operator.start()
        case.kube.create("batchmatrices", the_matrix())
        case.settled("kept")
        assert case.deaths == []
        end = case.end("kept", records=ledger_of(s3, case.kube.namespace))
    assert end == undisturbed(the_matrix(), lambda _trial: PodPlay())


def test_a_bucket_without_conditional_writes_is_refused_at_the_start(stage: Benches, s3: S3Server) -> None:
    with stage(s3=s3) as case:
        store = case.store
        assert store is not None
        rule = store.add(replaces(), "create other", times=None)
        case.operator.start()
        status = case.wait_without(lambda: case.operator.died(), what="the operator to refuse the store")
        assert status == 1
        rule.times = 0
        log = case.operator.log.read_text()
        assert "lets a second writer create an object that exists" in log
        assert "If-None-Match" in log
        assert "Traceback" not in log
        assert case.kube.list("leases") == []  # it never got as far as to act


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    """A small file system for the store of a bench in the same folder."""
    folder = tmp_path / "store"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m,mode=0755", "batchmatrix-test", str(folder)]
    subprocess.run(mount, check=True, timeout=20)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=20)


def test_a_volume_that_is_full_then_read_only_loses_nothing(
    stage: Benches, volume: Path, undisturbed: Undisturbed
) -> None:
    def remount(how: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{how}", str(volume)], check=True, timeout=20)

    def fill() -> None:
        with (volume / "ballast").open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * 4096)
            except OSError:
                return

    steps: list[tuple[Callable[[], object], str, Callable[[], object]]] = [
        (fill, "No space left on device; free space or enlarge the volume", (volume / "ballast").unlink),
        (lambda: remount("ro"), "Read-only file system; the volume became read-only", lambda: remount("rw")),
    ]
    with stage() as case:
        case.operator.start()
        case.kube.create("batchmatrices", the_matrix())
        case.wait(some_are_done(case.kube), what="the first trials to be done")
        for spoil, words, mend in steps:
            spoil()
            case.wait(_says(case, words), what=f"the status to say {words!r}")
            all_is_held(case.kube, made_jobs(case), {record["job"] for record in case.records()})
            mend()
        case.settled("kept")
        assert case.deaths == []
        end = case.end("kept")
    assert end == undisturbed(the_matrix(), lambda _trial: PodPlay())


def _says(case: Bench, words: str) -> Callable[[], bool | Pending]:
    def look() -> bool | Pending:
        status = case.kube.get("batchmatrices", "kept")["status"]
        waits = len(made_jobs(case)) > cast("int", status["ledger"]["records"])
        return (words in status["message"] and waits) or Pending(status)

    return look
