"""What the engine does to attempts."""

from __future__ import annotations

from typing import Protocol

from batchmatrix.model.cell import MatrixRef
from batchmatrix.model.launch import Launch
from batchmatrix.model.observed import JobState, PodState

__all__ = ["Launcher"]


class Launcher(Protocol):
    """Starts and ends attempts. Every method is safe to call again after a lost reply."""

    async def create(self, launch: Launch) -> JobState:
        """Start the attempt, or find that it was started already.

        Raises NameConflict where a foreign object has its name, InvalidSpec where the server will never take it
        (for example a field it refuses), Unavailable for quota, webhooks that deny and everything passing.
        """
        ...

    async def has_pod(self, job: JobState, *, or_runs: bool) -> bool:
        """Ask the server itself whether this Job has a pod, or, with `or_runs`, is there at all. Raises Unavailable."""
        ...

    async def can_run(self, matrix: MatrixRef, job: str) -> bool:
        """Ask the server itself whether the matrix's Job of this name may have, or get, a pod that runs.

        Raises Unavailable.
        """
        ...

    async def look_up(self, pod: PodState) -> PodState | None:
        """Ask the server itself for this very pod (uid), whatever its labels say by now; None where it is gone.

        Whose it is stays as it was seen. Raises Unavailable.
        """
        ...

    async def why_no_pod(self, job: JobState) -> str:
        """What the control plane last said about why it makes no pod for this Job, in one line; empty if nothing.

        Raises Unavailable, also where that may not be read.
        """
        ...

    async def delete(self, job: JobState) -> None:
        """Remove the Job with its pods, if it still is this very object (uid)."""
        ...

    async def kill(self, pod: PodState) -> None:
        """End the attempt's pod, if it still is this very object (uid); its finalizer keeps the object."""
        ...

    async def release(self, pod: PodState) -> None:
        """Take our finalizer off the pod; a pod that is gone is fine."""
        ...
