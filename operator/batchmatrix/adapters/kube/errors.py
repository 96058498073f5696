"""What the API server's refusals mean for the caller."""

from __future__ import annotations

import json
from typing import Any

from batchmatrix.base.errors import AlreadyExists, BatchMatrixError, InvalidSpec, NotFound, Problem, Unavailable
from batchmatrix.base.text import one_line

__all__ = ["Conflict", "Forbidden", "Gone", "refusal"]

MESSAGE_LIMIT = 512
"""Characters of the server's message that are kept."""


class Gone(Unavailable):
    """The resourceVersion or continue token is too old (410): list again from the start."""


class Conflict(Unavailable):
    """The object is not the one, or not in the state, that the request named (409): read it again."""


class Forbidden(Unavailable):
    """RBAC, a quota or an admission rule refuses for now (403); it may be put right without an edit of ours."""


def _retry_after(header: str | None, details: Any) -> float | None:
    seconds: Any = header if header is not None else details.get("retryAfterSeconds")
    try:
        return max(0.0, float(seconds))
    except (TypeError, ValueError):
        return None


def _denied(message: str) -> bool:
    # A webhook or policy may answer with any code, 400 and 422 too, and is changed by others: not the spec's fault.
    return "denied the request" in message or "denied request" in message


def refusal(what: str, status: int, *, body: bytes, retry_after: str | None = None) -> BatchMatrixError:
    """The error for an answer of `status` (400 or more) to the request `what`, such as `create jobs/x`.

    `body` is the answer, normally a Status object; `retry_after` the header of that name.
    """
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        answer = {"message": body[: 4 * MESSAGE_LIMIT].decode("utf-8", "replace")}
    details = answer.get("details")
    wait = _retry_after(retry_after, details if isinstance(details, dict) else {})
    message = one_line(str(answer.get("message") or "no message"), limit=MESSAGE_LIMIT)
    text = f"{what}: {message} (HTTP {status})"
    match status:
        case 404:
            return NotFound(text)
        case 409 if answer.get("reason") == "AlreadyExists":
            return AlreadyExists(text)
        case 409:
            return Conflict(text, retry_after=wait)
        case 410:
            return Gone(text)
        case 400 | 413 | 422 if not _denied(message):
            return InvalidSpec([Problem("", text)])
        case 403:
            return Forbidden(text, retry_after=wait)
        case _:
            return Unavailable(text, retry_after=wait)
