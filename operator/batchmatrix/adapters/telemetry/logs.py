"""The operator's own log: one JSON object a line, so that no text from outside can forge a line."""

from __future__ import annotations

import json
import logging
import sys

from batchmatrix.base.clock import format_rfc3339
from batchmatrix.base.text import one_line

__all__ = ["JsonFormatter", "configure_logging"]

_OWN = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """time, level, logger, message, then what was handed as `extra` (matrix, cell, attempt)."""

    def format(self, record: logging.LogRecord) -> str:
        """One JSON line."""
        entry: dict[str, object] = {
            "time": format_rfc3339(record.created, digits=3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": one_line(record.getMessage(), limit=2048),
        }
        for key, value in record.__dict__.items():
            if key not in _OWN and isinstance(value, str | int | float | bool):
                entry[key] = one_line(value) if isinstance(value, str) else value
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


def configure_logging(level: str) -> None:
    """Send everything at `level` and above to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("kopf").setLevel("WARNING")
    logging.getLogger("aiohttp.access").setLevel("WARNING")
