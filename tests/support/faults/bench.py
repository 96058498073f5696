"""One case: an operator in a namespace of its own, a proxy between it and the API server, pods that do as told."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import zstandard

from batchmatrix.adapters.objectstore import open_s3
from tests.support.cluster import Json, Kube
from tests.support.faults.api import api_proxy, kubeconfig_of
from tests.support.faults.oracle import End, differences, end_of, once_each
from tests.support.faults.plays import PodPlay, Trial, play_logs, play_pods
from tests.support.faults.proxy import Call, Proxy, Rule
from tests.support.faults.store import store_proxy
from tests.support.operators import Operator
from tests.support.seaweedfs import S3Server
from tests.support.trees import files_under
from tests.support.wait import Pending, wait_for

__all__ = ["QUICK", "Bench", "bench", "conditions", "finished"]

QUICK: Mapping[str, Any] = {
    "lease": {"name": "batchmatrix", "duration": "10s"},
    "resync": "5s",
    "api": {"requestTimeout": "5s", "relist": "60s", "watchSilence": "70s"},
}
"""Settings under which a case ends in seconds."""

SETTLE_SECONDS = 180.0


class Bench:
    """Start the operator when the rules are in place; a process that a rule has killed is started again."""

    def __init__(
        self,
        kube: Kube,
        folder: Path,
        api: Proxy,
        *,
        stack: ExitStack,
        settings: Mapping[str, Any],
        play: Callable[[Trial], PodPlay],
        store: Proxy | None = None,
        s3: S3Server | None = None,
    ) -> None:
        self.kube = kube
        self.api = api
        self.store = store
        self.folder = folder
        self._play = play
        self.settings = {**QUICK, **settings}
        self._stack = stack
        self._s3 = s3
        self.operators: list[Operator] = []
        self.operator = self._replica("operator-0", api)
        self.deaths: list[int] = []
        """Exit statuses of processes that ended without being asked by the test itself."""

    def second(self) -> tuple[Operator, Proxy]:
        """One more process over the same store, not started yet, with a proxy of its own."""
        proxy = self._stack.enter_context(_proxy(self.kube, self._play).running())
        return self._replica("operator-1", proxy), proxy

    def _replica(self, pod: str, proxy: Proxy) -> Operator:
        kubeconfig = kubeconfig_of(proxy, self.folder, namespace=self.kube.namespace)
        operator = Operator(
            kubeconfig=kubeconfig,
            namespace=self.kube.namespace,
            folder=self.folder,
            settings=self.settings,
            pod=pod,
        )
        self.operators.append(operator)
        return operator

    def strike(self, _call: Call) -> None:
        """Kill the operator from within a rule; by the time the rule goes on nothing of it runs any more."""
        self.operator.signal(signal.SIGKILL)

    def revive(self) -> None:
        """Start the operator again if it has died."""
        status = self.operator.died()
        if status is not None:
            self.deaths.append(status)
            self.operator.start()

    def wait(self, look: Callable[[], Any], *, what: str, timeout: float = SETTLE_SECONDS) -> Any:
        """wait_for, with the operator started again whenever it has died meanwhile."""

        def alive() -> Any:
            self.revive()
            return look()

        return wait_for(alive, timeout=timeout, what=what)

    def wait_without(self, look: Callable[[], Any], *, what: str) -> Any:
        """wait_for while no operator is meant to run."""
        return wait_for(look, timeout=SETTLE_SECONDS, what=what)

    def until_done(self, rule: Rule, *, times: int = 1) -> None:
        """Wait until a rule has had its way."""
        self.wait(lambda: rule.done >= times or Pending(self.kinds()), what=f"a call for {rule.verb} {rule.resource}")

    def settled(self, name: str, *, generation: int = 1, timeout: float = SETTLE_SECONDS) -> Json:
        """The matrix, once that generation is finished and all pods are let go."""

        def look() -> Json | Pending:
            found = self.kube.get("batchmatrices", name)
            if not finished(found, generation):
                return Pending(found.get("status", {}))
            held = [pod["metadata"]["name"] for pod in self.kube.list("pods") if pod["metadata"].get("finalizers")]
            return Pending(held) if held else found

        found: Json = self.wait(look, what=f"generation {generation} of {name} to finish", timeout=timeout)
        return found

    def records(self) -> list[Json]:
        """All records of the store, read with code of the tests' own, in the order of the ledger."""
        return [entry for entry in self.entries() if entry["kind"] == "record"]

    def entries(self) -> list[Json]:
        """Everything in the ledgers of the store."""
        found: list[Json] = []
        for shard in self._shards():
            lines = zstandard.ZstdDecompressor().decompressobj().decompress(shard).splitlines()
            found += [json.loads(line) for line in lines[1:]]
        return found

    def _shards(self) -> list[bytes]:
        return list(self._objects(lambda key: "/ledger/" in key and key.endswith(".jsonl.zst")).values())

    def _objects(self, wanted: Callable[[str], bool]) -> dict[str, bytes]:
        """What is in the store, by key, in the order of keys; past the proxy, so that no rule has to do with it."""
        if self._s3 is None:
            root = self.operator.store
            files = {str(path.relative_to(root)): path for path in files_under(root)}
            return {key: path.read_bytes() for key, path in files.items() if wanted(key)}
        bucket = open_s3(
            self.kube.namespace, endpoint=self._s3.endpoint, allow_http=True, credentials=self._s3.credentials
        )

        async def read() -> dict[str, bytes]:
            keys = sorted([info.key async for info in bucket.list("") if wanted(info.key)])
            return {key: await bucket.get(key) for key in keys}

        return asyncio.run(read())

    def logs_are_what_their_records_say(self, records: list[Json]) -> None:
        """Every log in the store, read with another program's code, has the bytes and the digest of its record."""
        chunks = self._objects(lambda key: "/logs/" in key)
        for record in records:
            log = record["log"]
            if not log["key"]:
                continue
            parts = [data for key, data in chunks.items() if key.startswith(log["key"].rstrip("/") + "/")]
            raw = b"".join(_decompressed(part) for part in parts)
            found = (len(raw), hashlib.sha256(raw).hexdigest())
            assert found == (log["bytes"], log["sha256"]), f"the log of {record['job']} is {found}, its record: {log}"

    def end(self, name: str, *, records: list[Json] | None = None, calls: list[Call] | None = None) -> End:
        """The oracle's view of a finished matrix, once it has made its own assertions."""
        records = self.records() if records is None else records
        self.logs_are_what_their_records_say(records)
        end = end_of(self.kube, name, records)
        once_each(self.api.calls if calls is None else calls, end, matrix=name)
        return end

    def ends_as(self, name: str, expected: End, *, calls: list[Call] | None = None) -> None:
        """The oracle's verdict; a failure shows the lines that differ."""
        found = differences(self.end(name, calls=calls), expected)
        assert not found, "not as undisturbed:\n" + "\n".join(found)

    def kinds(self) -> dict[str, int]:
        """How many calls of each kind there were."""
        counts: dict[str, int] = {}
        for call in list(self.api.calls):
            counts[call.what.kind] = counts.get(call.what.kind, 0) + 1
        return counts


def _decompressed(data: bytes) -> bytes:
    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True) as reader:
        return reader.read()


def finished(matrix: Json, generation: int = 1) -> bool:
    """Whether the matrix says that this generation has come to its end."""
    done = matrix.get("status", {}).get("observedGeneration") == generation
    return done and conditions(matrix).get("Finished", {}).get("status") == "True"


def conditions(matrix: Json) -> dict[str, Json]:
    """By type."""
    return {each["type"]: each for each in matrix.get("status", {}).get("conditions", ())}


@contextmanager
def bench(
    kube: Kube,
    folder: Path,
    *,
    play: Callable[[Trial], PodPlay] = lambda _trial: PodPlay(),
    settings: Mapping[str, Any] | None = None,
    s3: S3Server | None = None,
) -> Iterator[Bench]:
    """A bench in the namespace of `kube`; at the end its matrices are deleted, and the operator lets their pods go.

    With `s3` results go to a bucket of that server, named like the namespace, through a proxy of its own.
    """
    with ExitStack() as stack:
        api = stack.enter_context(_proxy(kube, play).running())
        more = dict(settings or {})
        store = None
        if s3 is not None:
            store = stack.enter_context(store_proxy(s3.endpoint).running())
            bucket = {
                "bucket": kube.namespace,
                "endpoint": store.url,
                "allowHttp": True,
                "credentials": str(s3.credentials),
            }
            more["stores"] = {"default": {"s3": bucket}}
        case = Bench(kube, folder, api, stack=stack, settings=more, play=play, store=store, s3=s3)
        try:
            yield case
            _leave(case)
        except BaseException:
            sys.stderr.write(f"{case.kinds()}\n")
            for operator in case.operators:
                sys.stderr.write(f"{operator.pod}:\n{operator.tail()}\n")
            raise
        finally:
            for operator in case.operators:
                operator.died()
                if operator.running:
                    operator.signal(signal.SIGCONT)
                    operator.kill()


def _proxy(kube: Kube, play: Callable[[Trial], PodPlay]) -> Proxy:
    proxy = api_proxy(kube.access)
    proxy.prepare.append(play_pods(play))
    proxy.standing.append(Rule(play_logs(), verb="get", resource="pods/log", times=None))
    return proxy


def _leave(case: Bench) -> None:
    """Delete the matrices; the operator, undisturbed now, lets go of what it holds."""
    for rule in case.api.rules + (case.store.rules if case.store else []):
        rule.times = 0
    case.operator.died()
    if not case.operator.running:
        case.operator.start()
    case.kube.delete_all("batchmatrices")
    case.wait(
        lambda: not (left := [pod["metadata"]["name"] for pod in case.kube.list("pods")]) or Pending(left),
        what="the pods of deleted matrices to be recorded and released",
    )
