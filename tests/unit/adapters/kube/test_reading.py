from __future__ import annotations

import pytest

from batchmatrix.adapters.kube.reading import KubeReader, node_states
from batchmatrix.base.errors import BatchMatrixError, LeaseLost
from tests.support.kube import Request, scripted, status, web

JSON_LIST = '{"kind": "List", "items": [{"kind": "Node", "metadata": {"name": "a"}}]}'
YAML_LIST = "kind: NodeList\nitems:\n- metadata: {name: a, labels: {x: 'true'}}\n- metadata: {name: b}\n"
YAML_NODES = "kind: Node\nmetadata: {name: a}\n---\nkind: Node\nmetadata: {name: b}\n"


async def _missing(_request: Request, _raw: web.Request) -> web.Response:
    return status(404, "NotFound")


async def test_a_reader_lets_no_write_leave() -> None:
    async with scripted(_missing) as api:
        reader = KubeReader(api.access())
        assert await reader.matrix("a", "b") is None
        with pytest.raises(LeaseLost, match="may only read"):
            await reader._client.create("/api/v1/namespaces/a/configmaps", {})
        await reader.close()
        assert [request.method for request in api.requests] == ["GET"]


@pytest.mark.parametrize(
    ("text", "names"), [(JSON_LIST, ["a"]), (YAML_LIST, ["a", "b"]), (YAML_NODES, ["a", "b"]), ('{"items": []}', [])]
)
def test_nodes_are_read_in_every_form_that_kubectl_prints(text: str, names: list[str]) -> None:
    assert [node.name for node in node_states(text)] == names


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"items": [1]}', "kind: Pod\nmetadata: {name: a}", "a: [b"])
def test_what_is_no_node_is_refused_with_the_way_to_get_some(text: str) -> None:
    with pytest.raises(BatchMatrixError, match="kubectl get nodes -o json"):
        node_states(text)
