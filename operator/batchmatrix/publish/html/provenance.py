"""Where the results come from: images, nodes, versions and times, each once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from batchmatrix.model.summary import Summary

__all__ = ["provenance"]

_LIMIT = 12
"""Texts of one kind that are listed."""


def provenance(summary: Summary, location: str) -> list[tuple[str, list[str]]]:
    """Names of facts with their texts; what is not known is not there."""
    records = [result.record for result in summary.trials if result.record is not None]
    started = sorted(record.started for record in records if record.started)
    finished = sorted(record.finished for record in records if record.finished)
    seeds = sorted({record.seed for record in records})
    seconds = sum(record.run_seconds or 0.0 for record in records)
    devices = sum(record.gpu_seconds or 0.0 for record in records)
    facts = [
        ("Matrix", [f"{summary.namespace}/{summary.name}"]),
        ("UID", [summary.uid]),
        ("Plan", [f"generation {summary.generation}"]),
        ("Run", [" to ".join(time for time in (summary.started, summary.finished) if time)]),
        ("Trials ran", [f"{started[0]} to {finished[-1]}"] if started and finished else []),
        ("Time used", [f"{seconds / 3600:.2f} hours, {devices / 3600:.2f} device hours"] if records else []),
        ("Images", _counted(record.image_digest or record.image for record in records)),
        ("Nodes", _counted(record.node for record in records)),
        ("Seeds", [f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else str(seeds[0])] if seeds else []),
        ("Parser", _counted(record.log.parser for record in records)),
        ("Recorded by", _counted(record.writer for record in records)),
        ("All files", [location]),
    ]
    return [(name, [text for text in texts if text]) for name, texts in facts if any(texts)]


def _counted(texts: Iterable[str]) -> list[str]:
    counts = Counter(text for text in texts if text)
    shown = [
        f"{text} ({count} {'trial' if count == 1 else 'trials'})" for text, count in sorted(counts.items())[:_LIMIT]
    ]
    return [*shown, f"and {len(counts) - _LIMIT} more"] if len(counts) > _LIMIT else shown
