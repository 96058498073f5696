"""Row 18: however many trials fail, and however much they say, the status is written and weighs as for a few."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from batchmatrix.model.observed import PodState
from batchmatrix.publish.configmap import CONFIGMAP_LIMIT
from tests.support.process import Process
from tests.support.world import REF, Program, SmallWorld

Start = Callable[[SmallWorld], Process]

SAID = "\U0001f4a9 out of luck " * 400
"""Far more than a record keeps of what a container says at its end."""


class Talkative(SmallWorld):
    """Every container says the same at its end."""

    def end_pod(self, pod: PodState, code: int = 0, **changes: Any) -> PodState:
        return super().end_pod(replace(pod, container=replace(pod.container, message=SAID)), code, **changes)


async def failed(start: Start, cells: int) -> SmallWorld:
    """A matrix of so many cells that all fail with long words, run to its end."""
    world = Talkative()
    world.submit(axes=[{"name": "size", "values": list(range(cells // 8))}, {"name": "b", "values": list(range(8))}])
    world.program = lambda _job: Program(code=3, log=SAID.encode() + b"\n")
    process = start(world)
    assert await process.run(600, until=lambda: world.condition("Finished") == "True"), world.status()
    return world


async def test_the_status_does_not_grow_with_the_trials(start: Start) -> None:
    cells = 400
    few, many = await failed(start, 8), await failed(start, cells)
    assert many.status()["outcomes"] == {"UnexpectedExit": cells}
    weights = [len(json.dumps(world.status()).encode()) for world in (few, many)]
    assert weights[1] < weights[0] + 200  # some more digits
    waves = cells / 100  # of as many as the parallelism
    assert len(many.statuses) < len(few.statuses) * (waves + 1)
    texts = many.config_maps[f"{REF.name}-summary"]
    assert sum(len(text.encode()) for text in texts.values()) <= CONFIGMAP_LIMIT
    assert json.loads(texts["summary.json"])["truncated"] is True
    assert f"of {cells} cells" in texts["matrix.md"]
