"""Where the process counts what it does, for whoever watches over it."""

from __future__ import annotations

from typing import Protocol

__all__ = ["UNMETERED", "Meter"]


class Meter(Protocol):
    """Takes word of what has happened. Every method takes constant time, never waits and never raises.

    Texts are from small sets that the code fixes: never a name that a user gave, nor one of a cluster's objects, as
    each text that is new stays in memory and in whatever collects the counts.
    """

    def attempt(self, outcome: str, *, retry: bool) -> None:
        """The record of an attempt is durable, by this process. `retry`: its trial had one before it."""
        ...

    def log(self, state: str, size: int) -> None:
        """That attempt's log, as model.evidence.LogState has it, and the raw bytes of it that are kept."""
        ...

    def commit(self, seconds: float) -> None:
        """A shard of a ledger is durable, so many seconds after it was handed to the store."""
        ...

    def reconciled(self, result: str, seconds: float) -> None:
        """A pass over a matrix is over: `done`, `later` (something has to be tried again) or `failed` (a bug)."""
        ...

    def kube_request(self, verb: str, resource: str, code: str) -> None:
        """The API server answered with this HTTP status, or not at all (`none`)."""
        ...

    def watch_restarted(self, resource: str) -> None:
        """A list or watch of this resource failed, and is begun again."""
        ...

    def launch_refused(self, reason: str) -> None:
        """The API server refused a Job: `forbidden` (quota, policy, rights), `invalid` or `name` (taken)."""
        ...

    def store_request(self, operation: str, result: str) -> None:
        """A store did as told (`ok`), or raised one of its errors."""
        ...


class _Unmetered(Meter):
    """Nobody watches."""

    def attempt(self, outcome: str, *, retry: bool) -> None:
        pass

    def log(self, state: str, size: int) -> None:
        pass

    def commit(self, seconds: float) -> None:
        pass

    def reconciled(self, result: str, seconds: float) -> None:
        pass

    def kube_request(self, verb: str, resource: str, code: str) -> None:
        pass

    def watch_restarted(self, resource: str) -> None:
        pass

    def launch_refused(self, reason: str) -> None:
        pass

    def store_request(self, operation: str, result: str) -> None:
        pass


UNMETERED: Meter = _Unmetered()
"""Counts nothing."""
