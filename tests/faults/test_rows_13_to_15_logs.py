"""Rows 13, 14 and 15: what a kubelet says instead of a log, logs that are cut or rotated, logs that are hostile.

All in one matrix, a cell for each, because none may touch another; each row has its own assertions.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import zstandard

from tests.faults.conftest import installed as installed
from tests.support.cluster import Json, Kube
from tests.support.faults.bench import bench
from tests.support.faults.kubelet_logs import LOST, Log, cells_of, served
from tests.support.faults.matrices import A100
from tests.support.namespaces import drop_namespace, make_namespace
from tests.support.operators import matrix_on

CAP = 12 << 20
"""spec.logs.maxBytes of the matrix: above the longest line, below the endless log."""
LOSS = b'{"loss": 2.5}\n'


def text(size: int) -> bytes:
    """So many bytes at least of a usual log, each line another."""
    lines, length, number = [], 0, 0
    while length < size:
        line = b"step=%d some words, as programs write them\n" % number
        lines.append(line)
        length, number = length + len(line), number + 1
    return b"".join(lines)


BIG = text(300 << 10)
"""More than is taken as whole in one go."""

LOGS = {
    # row 13
    "never-there": Log(LOSS, answers=[LOST] * 100),
    "there-later": Log(b"begin\n" + LOSS, answers=[LOST, LOST + b"\n"]),
    "other-words": Log(
        LOSS, answers=[b'failed to try resolving symlinks in path "/var/log/pods/x": no such file or directory'] * 100
    ),
    # row 14
    "cut-hard": Log(BIG + LOSS, cuts=[(1, True), (35, True), (100_000, True), (262_144, True)]),
    "cut-softly": Log(BIG + LOSS, cuts=[(0, False), (20, False), (150_000, False), (290_000, False)]),
    "cut-small": Log(b"begin\n" + LOSS, cuts=[(10, False), (33, False), (50, False)]),
    "rotated": Log(BIG + LOSS, cuts=[(200_000, True)], rotated=5_000),
    # row 15
    "one-line": Log(b"x" * (10 << 20) + b"\n" + LOSS),
    "nul": Log(b"\0" * 5000 + b"\n\0\n" + LOSS),
    "not-utf8": Log(bytes(range(128, 256)) * 40 + b"\n" + LOSS),
    "carriage": Log(b"a\rb\r\r\n\r" + b"\n" + LOSS),
    "escapes": Log(b"\x1b[2J\x1b]0;title\x07\x1b[31mred\x1b[0m\n" + LOSS),
    "endless": Log(LOSS + text(CAP + (4 << 20))),
    "nothing": Log(b""),
    "good": Log(b"begin\n" + LOSS),
}


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of the matrix."""

    status: Json
    summary: dict[str, str]
    records: dict[str, Json]
    logs: dict[str, bytes]
    """What the store holds, by cell."""
    operator: str
    """The operator's own log."""


def kept_of(store: Path, record: Json) -> bytes:
    """The bytes in the store that a record points to, as any zstd decoder gives them."""
    if not record["log"]["key"]:
        return b""
    files = sorted((store / record["log"]["key"]).glob("*.log.zst"))
    read = zstandard.ZstdDecompressor().stream_reader
    return b"".join(read(io.BytesIO(file.read_bytes()), read_across_frames=True).read() for file in files)


@pytest.fixture(scope="module")
def kept(
    cluster: Kube, installed: Kube, dropped_namespaces: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Kept]:
    """The matrix of all logs, run once."""
    assert installed
    namespace = make_namespace(cluster)
    cells: dict[str, str] = {}
    with bench(cluster.at(namespace), tmp_path_factory.mktemp("logs")) as case:
        case.api.prepare.append(cells_of(cells, prefix="a100-"))
        case.api.add(served(LOGS, cells), "get pods/log", times=None)
        case.operator.start()
        spec = {
            "metrics": [{"name": "loss", "from": "json"}],
            "logs": {"maxBytes": str(CAP), "mode": "end"},
            "retry": {"Interrupted": {"limit": 0}},
        }
        axes = [{"name": "log", "values": sorted(LOGS)}]
        case.kube.create("batchmatrices", matrix_on("logs", {"a100": A100}, axes=axes, **spec))
        status = case.settled("logs")["status"]
        records = {record["cell"].removeprefix("a100-"): record for record in case.records()}
        assert case.deaths == []
        yield Kept(
            status=status,
            summary=case.kube.get("configmaps", "logs-summary")["data"],
            records=records,
            logs={cell: kept_of(case.operator.store, record) for cell, record in records.items()},
            operator=case.operator.log.read_text(errors="replace"),
        )
    drop_namespace(cluster, namespace, failed=False)
    dropped_namespaces.append(namespace)


def test_each_log_has_one_record_and_the_counts_agree(kept: Kept) -> None:
    assert set(kept.records) == set(LOGS)
    states = [record["log"]["state"] for record in kept.records.values()]
    counts = {state: states.count(state) for state in ("complete", "truncated", "lost")}
    assert kept.status["logs"] == counts
    shown = json.loads(kept.summary["summary.json"])["logs"]
    assert {state: shown.get(state, 0) for state in counts} == counts
    assert "Traceback" not in kept.operator
    for record in kept.records.values():
        bytes_kept = kept.logs[record["cell"].removeprefix("a100-")]
        assert len(bytes_kept) == record["log"]["bytes"]
        if record["log"]["state"] != "lost":
            assert hashlib.sha256(bytes_kept).hexdigest() == record["log"]["sha256"]


@pytest.mark.parametrize("cell", ["never-there", "other-words"])
def test_row_13_the_kubelets_error_is_no_log(kept: Kept, cell: str) -> None:
    record = kept.records[cell]
    assert (record["outcome"], record["blame"]) == ("LogLost", "infrastructure")
    assert (record["log"]["state"], record["log"]["bytes"]) == ("lost", 0)
    assert kept.logs[cell] == b""
    assert "the kubelet answers" in record["log"]["message"]


def test_row_13_a_log_that_is_there_at_the_third_try_is_whole(kept: Kept) -> None:
    assert kept.records["there-later"]["outcome"] == "Succeeded"
    assert kept.logs["there-later"] == LOGS["there-later"].raw
    assert LOGS["there-later"].streams >= 3


@pytest.mark.parametrize("cell", ["cut-hard", "cut-softly", "cut-small"])
def test_row_14_what_is_cut_is_read_on_until_all_of_it_is_had(kept: Kept, cell: str) -> None:
    record = kept.records[cell]
    assert (record["outcome"], record["log"]["state"]) == ("Succeeded", "complete")
    assert kept.logs[cell] == LOGS[cell].raw
    assert LOGS[cell].streams > len(LOGS[cell].cuts)


def test_row_14_what_was_rotated_away_meanwhile_is_missing_and_said(kept: Kept) -> None:
    record = kept.records["rotated"]
    assert (record["outcome"], record["log"]["state"]) == ("Incomplete", "truncated")
    assert "rotated away" in record["log"]["message"]
    assert not record["log"]["capped"]
    assert 0 < len(kept.logs["rotated"]) < len(LOGS["rotated"].raw)
    assert kept.logs["rotated"].endswith(LOSS)


@pytest.mark.parametrize("cell", ["one-line", "nul", "not-utf8", "carriage", "escapes", "nothing", "good"])
def test_row_15_hostile_bytes_are_kept_as_they_are(kept: Kept, cell: str) -> None:
    record = kept.records[cell]
    assert (record["outcome"], record["log"]["state"]) == ("Succeeded", "complete")
    assert kept.logs[cell] == LOGS[cell].raw
    if cell != "nothing":
        (metric,) = record["log"]["metrics"]
        assert metric["value"] == 2.5


def test_row_15_a_log_without_end_is_cut_at_the_limit_and_says_so(kept: Kept) -> None:
    record = kept.records["endless"]
    assert (record["outcome"], record["log"]["state"], record["log"]["capped"]) == ("Succeeded", "truncated", True)
    assert kept.logs["endless"] == LOGS["endless"].raw[:CAP]
    assert "spec.logs.maxBytes" in record["message"]


def test_row_15_nothing_of_them_reaches_a_reader_raw(kept: Kept) -> None:
    for name, words in kept.summary.items():
        assert all(letter.isprintable() or letter == "\n" for letter in words), name
    for line in kept.operator.splitlines():
        assert line.isprintable()
