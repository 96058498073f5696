"""Who asked the API server for what, from its own audit log."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.support.cluster import ROOT, Json

__all__ = ["AuditLog"]

READS = frozenset({"get", "list", "watch"})


class AuditLog:
    """Requests that the API server has answered since this object was made."""

    def __init__(self) -> None:
        command = [str(ROOT / "hack" / "cluster"), "audit-log"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"hack/cluster audit-log: {done.stderr.strip()}"
        self.path = Path(done.stdout.strip())
        self._start = self.path.stat().st_size

    def events(
        self,
        *,
        user: str = "",
        namespace: str = "",
        resource: str = "",
        verb: str = "",
        stage: str = "ResponseComplete",
    ) -> Iterator[Json]:
        """Answered requests, or what stands at another `stage`; an empty argument leaves that open."""
        with self.path.open("rb") as source:
            source.seek(self._start)
            for line in source:
                # Parsing is dear and the log long: what cannot fit is not parsed.
                if not line.endswith(b"\n") or user.encode() not in line or namespace.encode() not in line:
                    continue
                event = json.loads(line)
                target = event.get("objectRef", {})
                if event.get("stage") != stage:
                    continue
                if user and event["user"]["username"] != user:
                    continue
                if namespace and target.get("namespace") != namespace:
                    continue
                if resource and target.get("resource") != resource:
                    continue
                if verb and event["verb"] != verb:
                    continue
                yield event

    def writes(self, *, user: str, namespace: str = "") -> Iterator[Json]:
        """Requests of a user that were meant to change something."""
        return (event for event in self.events(user=user, namespace=namespace) if event["verb"] not in READS)

    def created_jobs(self, *, user: str, namespace: str) -> list[str]:
        """Names of Jobs that a user created, in the order in which the server answered."""
        found = self.events(user=user, namespace=namespace, resource="jobs", verb="create")
        return [str(event["objectRef"]["name"]) for event in found if event["responseStatus"]["code"] == 201]

    def unfollowed(self, pods: Iterable[Json], *, user: str, namespace: str) -> set[str]:
        """Names of those of `pods` that run and whose log `user` has not begun to follow: no stream was open."""
        begun = self.events(user=user, namespace=namespace, resource="pods", stage="ResponseStarted")
        followed = {
            event["objectRef"]["name"]
            for event in begun
            if event["responseStatus"]["code"] == 200
            and event["objectRef"].get("subresource") == "log"
            and "follow=true" in event["requestURI"]
        }
        return {pod["metadata"]["name"] for pod in pods if pod["status"]["phase"] == "Running"} - followed
