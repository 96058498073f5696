"""Pods that memory does not show any more: each is as it was seen last, until the server says how it is, or gone.

A watch also tells of a deletion where somebody took a label off a pod, and it tells nothing of that pod after that.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from batchmatrix.base.errors import Unavailable
from batchmatrix.model.observed import PodState
from batchmatrix.ports.launcher import Launcher

__all__ = ["AGAIN", "AT_ONCE", "Vanished"]

logger = logging.getLogger(__name__)

AGAIN = 10.0
"""Seconds until a pod that is there all the same is asked for again: no watch tells what becomes of it."""
AT_ONCE = 16
"""Pods of one matrix that are asked for in one pass."""


@dataclass(frozen=True, slots=True)
class _Answer:
    pod: PodState | None
    """None where it is gone, which nothing can undo."""
    time: float
    """Monotonic seconds."""


class Vanished:
    """What the server said, by pod uid."""

    def __init__(self) -> None:
        self._answers: dict[str, _Answer] = {}

    @property
    def there(self) -> Mapping[str, PodState]:
        """Those that are there, as the server has them."""
        return {uid: answer.pod for uid, answer in self._answers.items() if answer.pod is not None}

    def as_known(self, pods: Mapping[str, PodState]) -> dict[str, PodState]:
        """Of these, as they were seen last, those of which the server has not said that they are gone, as it has them.

        One that it was not asked for yet counts as there.
        """
        known: dict[str, PodState] = {}
        for uid, pod in pods.items():
            answer = self._answers.get(uid)
            state = pod if answer is None else answer.pod
            if state is not None:
                known[uid] = state
        return known

    async def ask(self, pods: Mapping[str, PodState], launcher: Launcher, now: float) -> Sequence[str]:
        """Ask for those of these that are due at `now`, monotonic seconds, and forget all others.

        Gives a line for each that could not be asked for.
        """
        self._answers = {uid: answer for uid, answer in self._answers.items() if uid in pods}
        due = [pod for uid, pod in pods.items() if self._due(uid) <= now][:AT_ONCE]
        answers = await asyncio.gather(*(self._ask(pod, launcher, now) for pod in due))
        return [trouble for trouble in answers if trouble]

    def next_due(self, pods: Mapping[str, PodState]) -> float | None:
        """When one of these is to be asked for, monotonic seconds; None where none of them ever is."""
        due = min(map(self._due, pods), default=float("inf"))
        return None if due == float("inf") else due

    def _due(self, uid: str) -> float:
        answer = self._answers.get(uid)
        if answer is None:
            return float("-inf")
        return float("inf") if answer.pod is None else answer.time + AGAIN

    async def _ask(self, pod: PodState, launcher: Launcher, now: float) -> str:
        try:
            found = await launcher.look_up(pod)
        except Unavailable as error:
            return str(error)
        if found is not None and pod.uid not in self._answers:
            logger.warning(
                "pod %s/%s is there though no watch shows it: was one of its labels or annotations changed?",
                pod.namespace,
                pod.name,
                extra={"matrix": pod.matrix_name},
            )
        self._answers[pod.uid] = _Answer(found, now)
        return ""
