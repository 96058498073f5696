"""Identity: canonical JSON, digests, and names that Kubernetes and object stores accept."""

from __future__ import annotations

import hashlib
import json
import re

__all__ = ["canonical_json", "digest", "slug"]

_NOT_SLUG = re.compile(r"[^a-z0-9]+")


def canonical_json(value: object) -> bytes:
    """The one JSON text of `value`: keys sorted, no spaces, UTF-8, no NaN.

    Two values that JSON holds to be equal give the same bytes whatever order their keys were written in.
    Raises ValueError for NaN and infinities, TypeError for what JSON cannot hold.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest(value: object) -> str:
    """SHA-256 of the canonical JSON of `value`, 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def slug(text: str) -> str:
    """`text` as lower-case letters, digits and single hyphens; may be empty and may collide."""
    return _NOT_SLUG.sub("-", text.lower()).strip("-")
