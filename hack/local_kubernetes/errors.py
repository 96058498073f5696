"""The one error this package raises on purpose."""

from __future__ import annotations


class ClusterError(Exception):
    """Something a person can act on; its text is the single line shown to them."""
