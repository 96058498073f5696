"""What annotations ask for once: the tokens on an object, read without its ledger. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from batchmatrix.base.text import one_line
from batchmatrix.model.cell import GROUP

__all__ = ["ANNOTATIONS", "TOKEN_LIMIT", "Request", "requests", "tokens_of", "unhandled"]

ANNOTATIONS = {"rerun": f"{GROUP}/rerun", "cancel": f"{GROUP}/cancel"}
"""By action."""

TOKEN_LIMIT = 128
"""Characters of a token."""

_NONE = "(empty)"
"""Stands in status and ledger for a token without a character, which is refused."""


@dataclass(frozen=True, slots=True)
class Request:
    """One annotation, well written or not."""

    action: str
    """`rerun` or `cancel`."""
    token: str
    """As it stands in ledger and status: shortened where it is too long to be taken."""
    scope: str = ""
    """Of a rerun: `failed`, `all` or `cells=` with names."""
    problem: str = ""
    """Why it cannot be done, in one line that names annotation, value and remedy."""

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from others; as OperationEntry.key."""
        return (self.action, self.token)

    @property
    def cells(self) -> Sequence[str]:
        """Names that `cells=` lists, as they are written; empty for another scope."""
        kind, equals, names = self.scope.partition("=")
        return [name.strip() for name in names.split(",")] if kind == "cells" and equals else []


def requests(body: Mapping[str, Any]) -> list[Request]:
    """What the object's annotations ask for, handled or not."""
    annotations = body["metadata"].get("annotations") or {}
    return [_read(action, str(annotations[name])) for action, name in ANNOTATIONS.items() if name in annotations]


def tokens_of(body: Mapping[str, Any]) -> dict[str, str]:
    """By action the tokens that are on the object now."""
    return {request.action: request.token for request in requests(body)}


def unhandled(body: Mapping[str, Any]) -> bool:
    """Whether a token is on the object that its status does not tell of as handled."""
    handled = (body.get("status") or {}).get("operations") or {}
    return any(handled.get(action) != token for action, token in tokens_of(body).items())


def _read(action: str, value: str) -> Request:
    token, colon, scope = value.partition(":") if action == "rerun" else (value, "", "")
    scope = scope if colon else ("failed" if action == "rerun" else "")
    request = Request(action, _shown(token), scope)
    return Request(action, request.token, scope, _problem(request, token))


def _shown(token: str) -> str:
    if len(token) <= TOKEN_LIMIT:
        return token or _NONE
    return f"{token[:100]}~{hashlib.sha256(token.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def _problem(request: Request, token: str) -> str:
    name = f"annotation {ANNOTATIONS[request.action]}"
    if not token:
        return f"{name} has no token; write one that was not used before, such as a date"
    if len(token) > TOKEN_LIMIT:
        return f"{name} has a token of {len(token)} characters; write at most {TOKEN_LIMIT}"
    if not token.isprintable():
        return f"{name}: token {one_line(repr(token), limit=80)} cannot be shown; write letters, digits, '-' and '.'"
    if request.action == "cancel" or request.scope in ("failed", "all"):
        return ""
    shown = repr(one_line(request.scope, limit=80))
    if not request.cells:
        return f"{name}: {shown} is no selection; write nothing, or one of failed, all, cells=NAME,NAME after the ':'"
    return "" if all(request.cells) else f"{name}: {shown} has an empty name; write cells=NAME,NAME"
