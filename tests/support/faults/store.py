"""The proxy before an S3 server, and what is noted there."""

from __future__ import annotations

from collections.abc import Mapping

from yarl import URL

from tests.support.faults.proxy import Proxy, What

__all__ = ["key_kind", "store_proxy", "what_of"]

PLACES = ("ledger", "logs", "runs")
BEFORE = frozenset({"catalog.json", "matrix.resolved.yaml", "plan.json", "spec.json"})
"""What is written of a run before anything of it starts; all else is its report, written by one loop at its end."""


def key_kind(key: str) -> str:
    """Kind by key: ledger, logs, runs/plan.json, runs/report, ...; `other` for what is of no matrix."""
    parts = key.split("/")
    place = next((index for index, part in enumerate(parts) if part in PLACES), None)
    if place is None:
        return "other"
    if parts[place] != "runs":
        return parts[place]
    return f"runs/{parts[-1]}" if parts[-1] in BEFORE else "runs/report"


def what_of(method: str, url: URL, headers: Mapping[str, str], _body: bytes) -> What:
    """What a request to an S3 server is about; `namespace` is the bucket, `name` the key.

    A write that must not replace anything is `create`, any other one `update`.
    """
    bucket, _, key = url.path.lstrip("/").partition("/")
    if method == "PUT":
        verb = "create" if headers.get("If-None-Match") else "update"
    elif method == "DELETE":
        verb = "delete"
    elif method == "POST":
        verb = "delete" if "delete" in url.query else "update"
    else:
        verb = "get" if key else "list"
    return What(verb, key_kind(key or url.query.get("prefix", "")), namespace=bucket, name=key)


def store_proxy(endpoint: str) -> Proxy:
    """A proxy that hands requests on just as they were signed."""
    return Proxy(endpoint, classify=what_of)
