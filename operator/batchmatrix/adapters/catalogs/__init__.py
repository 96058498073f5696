"""Catalogs that other Python distributions bring."""

from __future__ import annotations

from batchmatrix.adapters.catalogs.plugins import GROUP, plugin_catalogs

__all__ = ["GROUP", "plugin_catalogs"]
