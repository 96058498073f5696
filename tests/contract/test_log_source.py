"""What a log source owes, held against the fake that tests use and against a real API server with real containers."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

from batchmatrix.adapters.kube.access import Access, from_kubeconfig
from batchmatrix.adapters.kube.client import Client
from batchmatrix.adapters.kube.logs import KubeLogs
from batchmatrix.base.errors import NotFound, Unavailable
from batchmatrix.capture.timestamps import Splitter
from batchmatrix.engine.logstore import read_log
from batchmatrix.engine.pump import CaptureRequest, End, Pump
from batchmatrix.model.evidence import LogState
from batchmatrix.ports.logs import LogSource
from tests.support.busybox import load_busybox
from tests.support.cluster import Json, Kube
from tests.support.logs import FakeLogs
from tests.support.namespaces import drop_namespace, make_namespace
from tests.support.stores import MemoryStore
from tests.support.wait import Pending, wait_for_async

OCTAL = "".join(f"\\{byte:03o}" for byte in range(256))


@dataclass(frozen=True, slots=True)
class Case:
    """What a container does, and the bytes that it writes by doing so."""

    shell: str
    raw: bytes


CASES = {
    "nothing": Case("true", b""),
    "five-megabytes": Case(
        "yes 'a line of some length, as programs write them' | head -c 5000000",
        (b"a line of some length, as programs write them\n" * 120_000)[:5_000_000],
    ),
    "long-lines": Case(
        "for i in 1 2 3 4 5; do head -c 102400 /dev/zero | tr '\\0' x; echo $i; done",
        b"".join(b"x" * 102_400 + b"%d\n" % number for number in range(1, 6)),
    ),
    "parts-to-the-byte": Case(
        "for n in 16383 16384 16385 32768; do head -c $n /dev/zero | tr '\\0' y; echo; done",
        b"".join(b"y" * size + b"\n" for size in (16_383, 16_384, 16_385, 32_768)),
    ),
    "empty-lines": Case("printf '\\n\\n\\na\\n\\n'", b"\n\n\na\n\n"),
    "no-newline": Case("printf 'a\\nb'", b"a\nb"),
    "binary": Case(f"printf '{OCTAL}'; printf '{OCTAL}'", bytes(range(256)) * 2),
    # containerd takes a carriage return before a newline away: it is lost before anyone can read it.
    "carriage-returns": Case("printf 'a\\r\\n\\r\\nb\\rc\\r\\n\\r'", b"a\n\nb\rc\n\r"),
    "like-a-time": Case(
        "printf '2026-01-01T00:00:00Z x\\n\\n2026-01-01T00:00:00Z'", b"2026-01-01T00:00:00Z x\n\n2026-01-01T00:00:00Z"
    ),
    "slowly": Case(
        "for i in 1 2 3 4 5 6 7 8 9; do echo line $i; printf 'part of '; sleep 0.4; done",
        b"".join(b"line %d\npart of " % number for number in range(1, 10)),
    ),
}
BREAKS = [(0,), (20,), (31,), (32, 33), (50, 77, 100), (17_000, 50_000, 300_000)]
"""After how many bytes each of the first streams breaks."""


class HastyClock:
    """The time of the machine; waits are cut short."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.2))


class Broken(LogSource):
    """Another source whose first streams break after some bytes each."""

    def __init__(self, source: LogSource, *after: int) -> None:
        self.source = source
        self.after = list(after)

    @contextlib.asynccontextmanager
    async def open(
        self, namespace: str, pod: str, *, follow: bool, since: float | None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        async with self.source.open(namespace, pod, follow=follow, since=since) as blocks:
            yield self._cut(blocks, self.after.pop(0)) if self.after else blocks

    async def _cut(self, blocks: AsyncIterator[bytes], left: int) -> AsyncIterator[bytes]:
        async for block in blocks:
            yield block[:left]
            left -= len(block)
            if left <= 0:
                raise Unavailable("the test cut the stream")


class Site:
    """One pod for each case, named after it, and a pod `waiting` whose container never starts."""

    namespace = "fake"

    @contextlib.asynccontextmanager
    async def source(self, case: str) -> AsyncIterator[LogSource]:
        """The source; for a test about the pod of `case` alone."""
        logs = FakeLogs(sizes=lambda: 60_000)
        logs.write(CASES[case].raw if case in CASES else b"")
        logs.end()
        yield logs

    async def ended(self, case: str) -> None:
        """Wait for the container's end."""


class KubeSite(Site):
    def __init__(self, kube: Kube) -> None:
        self.kube = kube
        self.namespace = kube.namespace

    @contextlib.asynccontextmanager
    async def source(self, case: str) -> AsyncIterator[LogSource]:
        async with Client(await from_kubeconfig(str(self.kube.access.kubeconfig)), fence=None) as client:
            yield KubeLogs(client)

    async def ended(self, case: str) -> None:
        def phase() -> str | Pending:
            pod = self.kube.get("pods", case)
            return "yes" if pod["status"]["phase"] == "Succeeded" else Pending(pod["status"])

        await wait_for_async(phase, timeout=60, what=f"pod {case} to succeed")


def pod(name: str, image: str, shell: str) -> Json:
    container = {
        "name": "trial",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/bin/sh", "-c", shell],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"restartPolicy": "Never", "containers": [container], "nodeName": "bmx-node-1"},
    }


@pytest.fixture(scope="module")
def kubernetes(request: pytest.FixtureRequest, cluster: Kube, dropped_namespaces: list[str]) -> Iterator[Site]:
    image = load_busybox(cluster)
    namespace = make_namespace(cluster)
    kube = cluster.at(namespace)
    failed_before = request.session.testsfailed
    for name, case in CASES.items():
        kube.create("pods", pod(name, image, case.shell))
    kube.create("pods", pod("waiting", "localhost/there-is:none", "true"))
    yield KubeSite(kube)
    dropped_namespaces.append(namespace)
    drop_namespace(cluster, namespace, failed=request.session.testsfailed > failed_before)


@pytest.fixture(params=["fake", "kubernetes"])
def site(request: pytest.FixtureRequest) -> Site:
    if request.param == "fake":
        return Site()
    found: Site = request.getfixturevalue("kubernetes")
    return found


async def keep(source: LogSource, namespace: str, case: str, *, follow: bool, ended: End) -> None:
    """Pump the log of `case` and hold what is stored against what the container wrote."""
    store = MemoryStore()
    request = CaptureRequest(namespace=namespace, pod=case, prefix=f"logs/{case}", follow=follow, max_bytes=1 << 30)
    captured = (await Pump(source=source, store=store, clock=HastyClock()).run(request, ended)).captured
    raw = CASES[case].raw
    assert captured.state is LogState.COMPLETE, captured
    assert b"".join([piece async for piece in read_log(store, captured.key)]) == raw
    assert captured.sha256 == hashlib.sha256(raw).hexdigest()
    assert captured.lines == raw.count(b"\n") + (1 if raw and not raw.endswith(b"\n") else 0)


@pytest.mark.parametrize("case", CASES)
async def test_read_at_the_end(site: Site, case: str) -> None:
    await site.ended(case)
    ended = End()
    ended.set()
    async with site.source(case) as source:
        await keep(source, site.namespace, case, follow=False, ended=ended)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("follow", [True, False])
async def test_streams_that_break(site: Site, case: str, follow: bool) -> None:
    await site.ended(case)
    ended = End()
    ended.set()
    async with site.source(case) as source:
        for after in BREAKS if len(CASES[case].raw) < 1_000_000 else BREAKS[-1:]:
            await keep(Broken(source, *after), site.namespace, case, follow=follow, ended=ended)


async def test_followed_while_it_runs(request: pytest.FixtureRequest, cluster: Kube, kubernetes: Site) -> None:
    """A pod of its own, for the container must run when following begins; its lines are those of `slowly`."""
    kube = cluster.at(kubernetes.namespace)
    kube.delete("pods", "slowly")
    await wait_for_async(lambda: kube.find("pods", "slowly") is None, timeout=60, what="the old pod to go")
    kube.create("pods", pod("slowly", load_busybox(cluster), CASES["slowly"].shell))
    ended = End()
    async with kubernetes.source("slowly") as source:
        task = asyncio.create_task(
            keep(Broken(source, 100, 150), kubernetes.namespace, "slowly", follow=True, ended=ended)
        )
        await kubernetes.ended("slowly")
        ended.set()
        await task


async def test_older_lines_are_left_out(site: Site) -> None:
    await site.ended("slowly")
    async with site.source("slowly") as source:

        async def read(since: float | None) -> tuple[bytes, list[int]]:
            splitter = Splitter(resumed=since is not None)
            raw = b""
            stamps: list[int] = []
            async with source.open(site.namespace, "slowly", follow=False, since=since) as blocks:
                async for data in blocks:
                    block = splitter.feed(data)
                    raw += block.raw
                    stamps.extend(block.stamps)
            return raw, stamps

        whole, stamps = await read(None)
        assert whole == CASES["slowly"].raw
        assert stamps == sorted(stamps)
        second = stamps[-1] // 10**9
        late, late_stamps = await read(second + 0.9)
        assert whole.endswith(late)
        assert late_stamps == [stamp for stamp in stamps if stamp >= second * 10**9], "whole seconds, rounded down"


@pytest.mark.parametrize("follow", [True, False])
async def test_a_pod_that_does_not_exist(kubernetes: Site, follow: bool) -> None:
    async with kubernetes.source("none") as source:
        with pytest.raises(NotFound, match="none"):
            async with source.open(kubernetes.namespace, "none", follow=follow, since=None):
                pass


@pytest.mark.parametrize("follow", [True, False])
async def test_a_container_that_has_not_started(kubernetes: Site, follow: bool) -> None:
    async with kubernetes.source("waiting") as source:
        with pytest.raises(Unavailable, match="waiting"):
            async with source.open(kubernetes.namespace, "waiting", follow=follow, since=None):
                pass


async def test_no_server() -> None:
    access = Access("http://127.0.0.1:1", None, "default", _nobody)
    async with Client(access, fence=None) as client:
        with pytest.raises(Unavailable):
            async with KubeLogs(client).open("ns", "pod", follow=False, since=None):
                pass


async def _nobody() -> str | None:
    return None
