"""What is served on the port of the probes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from batchmatrix.adapters.telemetry.metrics import PrometheusMeter
from batchmatrix.controller.probes import Probes


class Served:
    """Probes whose answers the test decides."""

    def __init__(self) -> None:
        self.dead = self.unready = ""
        self.meter = PrometheusMeter()
        self.probes = Probes(alive=lambda: self.dead, ready=lambda: self.unready, metrics=self.meter.render, port=0)
        self.port = 0

    async def get(self, path: str, **headers: str) -> tuple[int, str, str]:
        url = f"http://127.0.0.1:{self.port}{path}"
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
            return answer.status, answer.headers["Content-Type"], await answer.text()


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    served = Served()
    served.port = await served.probes.start()
    yield served
    await served.probes.stop()


async def test_a_probe_says_what_is_wrong(served: Served) -> None:
    assert (await served.get("/healthz"))[::2] == (200, "ok\n")
    served.dead = "the API server has been silent for 200 s"
    assert (await served.get("/healthz"))[::2] == (503, "the API server has been silent for 200 s\n")
    assert (await served.get("/readyz"))[0] == 200
    served.unready = "not yet"
    assert (await served.get("/readyz"))[::2] == (503, "not yet\n")


async def test_metrics_come_in_the_form_that_is_asked_for(served: Served) -> None:
    served.dead = "silent"  # who is ill is to be seen all the same
    served.meter.attempt("Succeeded", retry=False)
    status, kind, text = await served.get("/metrics")
    assert (status, kind.partition(";")[0]) == (200, "text/plain")
    assert 'batchmatrix_attempts_total{outcome="Succeeded"} 1.0\n' in text
    status, kind, text = await served.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert (status, kind.partition(";")[0]) == (200, "application/openmetrics-text")
    assert text.endswith("# EOF\n")
