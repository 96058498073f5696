"""The proxy before the API server, and what is noted there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import yaml
from yarl import URL

from tests.support.cluster import Access
from tests.support.faults.proxy import Proxy, What

__all__ = ["api_proxy", "kubeconfig_of", "what_of"]

VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def what_of(method: str, url: URL, _headers: Mapping[str, str], body: bytes) -> What:
    """What a request to an API server is about; what is created has its name in the body."""
    parts = [part for part in url.path.split("/") if part]
    rest = parts[2:] if parts[:1] == ["api"] else parts[3:]
    namespace = ""
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    resource, name, subresource = [*rest, "", "", ""][:3]
    verb = VERBS.get(method, "get")
    if verb == "get" and not name:
        verb = "watch" if url.query.get("watch") in ("1", "true") else "list"
    if verb == "create" and not name:
        name = str(json.loads(body)["metadata"].get("name", ""))
    return What(verb, resource, subresource, namespace, name)


def api_proxy(access: Access) -> Proxy:
    """A proxy that speaks to the API server as `access` does; whoever speaks to it needs no credentials."""
    headers = {"Authorization": f"Bearer {access.token}"} if access.token else {}
    upstream = f"https://{access.host}:{access.port}"
    return Proxy(upstream, classify=what_of, tls=access.tls, headers=headers)


def kubeconfig_of(proxy: Proxy, folder: Path, *, namespace: str) -> Path:
    """A kubeconfig that leads to the proxy."""
    path = folder / f"kubeconfig-{proxy.url.rpartition(':')[2]}"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "proxy",
        "clusters": [{"name": "proxy", "cluster": {"server": proxy.url}}],
        "users": [{"name": "proxy", "user": {}}],
        "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "proxy", "namespace": namespace}}],
    }
    path.write_text(yaml.safe_dump(content))
    return path
