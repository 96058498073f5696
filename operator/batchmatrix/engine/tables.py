"""The files of a finished run that are plain text: with a judgement or without, in whatever process."""

from __future__ import annotations

from batchmatrix.model.judging import JudgingRules
from batchmatrix.model.summary import Summary
from batchmatrix.publish.csvs import cells_csv, trials_csv
from batchmatrix.publish.junit import junit_xml
from batchmatrix.publish.matrix_md import matrix_markdown
from batchmatrix.publish.metrics_csv import metrics_csv
from batchmatrix.publish.summary_json import summary_json

__all__ = ["tables_of"]


def tables_of(summary: Summary, rules: JudgingRules, *, location: str) -> dict[str, bytes]:
    """All of them, by their names in the folder of the run; `location` is where they will lie."""
    texts = {
        "matrix.json": summary_json(summary, rules=rules, location=location),
        "matrix.md": matrix_markdown(summary, location=location),
        "cells.csv": cells_csv(summary),
        "trials.csv": trials_csv(summary),
        "metrics.csv": metrics_csv(summary, tags=rules.labels),
        "junit.xml": junit_xml(summary, location=location),
    }
    return {name: text.encode() for name, text in texts.items()}
