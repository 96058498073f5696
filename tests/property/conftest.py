"""Hypothesis takes constants of the modules that are loaded for examples: ours all are, whichever test is first."""

from __future__ import annotations

import importlib
import pkgutil

import batchmatrix

for module in pkgutil.walk_packages(batchmatrix.__path__, "batchmatrix."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
