"""Runs as they lie in a folder or a store, for the commands that read them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from batchmatrix.capture.chunks import ChunkWriter, chunk_key
from batchmatrix.capture.timestamps import Block
from batchmatrix.engine.analysis import analyse
from batchmatrix.model.judging import NO_RULES, JudgingRules
from batchmatrix.model.summary import Summary
from tests.support.records import MATRIX

__all__ = ["a_spec", "files_of", "with_logs", "write_files", "write_run", "write_spec"]


def files_of(summary: Summary, rules: JudgingRules = NO_RULES) -> Mapping[str, bytes]:
    """The files of a run, without page and plots."""
    return analyse(summary, rules, location="s3://results/somewhere", pages=False).files


def write_files(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write them, and give the folder."""
    for key, data in files.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def write_run(folder: Path | str, summary: Summary, rules: JudgingRules = NO_RULES) -> str:
    """A run in a folder of its own, as RUN."""
    return str(write_files(Path(folder), files_of(summary, rules)))


def with_logs(summary: Summary, texts: Mapping[tuple[str, int], Sequence[bytes]]) -> tuple[Summary, dict[str, bytes]]:
    """The summary with records of these logs, and their objects by key from the matrix's own folder on.

    A log is given by its cell and trial, as its chunks.
    """
    objects: dict[str, bytes] = {}
    results = []
    for result in summary.trials:
        chunks = texts.get((result.cell, result.trial))
        if chunks is None or result.record is None:
            results.append(result)
            continue
        prefix = f"logs/{result.record.id.cell_hash[:8]}/{result.trial}/pod-{result.trial}"
        offset = 0
        for number, raw in enumerate(chunks, start=1):
            writer = ChunkWriter(number, offset)
            writer.add(Block(raw, [1] * raw.count(b"\n")))
            objects[chunk_key(prefix, number)] = writer.seal(None)
            offset += len(raw)
        raw = b"".join(chunks)
        log = replace(
            result.record.log,
            key=f"{MATRIX.prefix()}/{prefix}",
            bytes=len(raw),
            lines=raw.count(b"\n"),
            sha256=hashlib.sha256(raw).hexdigest(),
        )
        results.append(replace(result, record=replace(result.record, log=log)))
    return replace(summary, trials=tuple(results)), objects


def a_spec(**fields: Any) -> dict[str, Any]:
    """A matrix file of one cell that has nothing to do with any run, with these fields of its spec."""
    workload = {"image": "registry.example/other:1", "command": ["true"]}
    return {
        "apiVersion": "batchmatrix.dev/v1alpha1",
        "kind": "BatchMatrix",
        "metadata": {"name": "limits"},
        "spec": {"axes": [{"name": "other", "values": [1]}], "workload": workload, **fields},
    }


def write_spec(path: Path | str = "limits.yaml", **fields: Any) -> str:
    """Write it, and give its name."""
    Path(path).write_text(yaml.safe_dump(a_spec(**fields)))
    return str(path)
