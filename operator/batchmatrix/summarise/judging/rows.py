"""Statistics of cells from a table of very many trials, such as trials.csv, without an object for each of them.

A million trials are a few hundred megabytes as columns, and gigabytes as records. The columns of the result have the
names of those in cells.csv. Sums are pandas' own here, so the last digits of a mean may differ from those there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from batchmatrix.model.evidence import Blame, LogState, Outcome
from batchmatrix.summarise.judging.intervals import CONFIDENCE
from batchmatrix.summarise.stats import REACH

__all__ = ["cell_statistics", "reading_options"]

_QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


def reading_options(metrics: Sequence[str]) -> dict[str, Any]:
    """What pandas.read_csv has to be told to read from trials.csv just what cell_statistics takes, tightly."""
    kinds: dict[str, Any] = {
        "cell": "category",
        "outcome": "category",
        "blame": "category",
        "log_state": "category",
        "gpu_seconds": "float64",
        "stumbled": "bool",
        **{f"metric_{name}": "float64" for name in metrics},
    }
    return {"usecols": list(kinds), "dtype": kinds, "keep_default_na": False, "na_values": [""]}


def cell_statistics(rows: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """One row per cell, in the order in which cells first appear in `rows`; the index is the cell's name.

    `rows` has a row per trial with the columns of reading_options; outcome is missing where a trial has no result.
    """
    keys, names = pd.factorize(rows["cell"])
    done, good = rows["outcome"].notna(), rows["outcome"] == Outcome.SUCCEEDED.value
    bad = rows["stumbled"] | (done & (rows["blame"] == Blame.WORKLOAD.value))
    counts = pd.DataFrame({"trials": 1, "done": done, "succeeded": good, "failed": done & ~good})
    found = counts.groupby(keys).sum()
    shown = pd.DataFrame({"bad": bad, "shown": bad | good}).groupby(keys).sum()
    found["failure_rate"] = shown["bad"] / shown["shown"].replace(0, np.nan)
    found["gpu_seconds"] = rows["gpu_seconds"].groupby(keys).sum(min_count=1)
    for column, values in (("outcome", Outcome), ("log_state", LogState)):
        table = pd.crosstab(keys, rows[column]).reindex(found.index, fill_value=0)
        for value in values:
            found[f"{column}_{value.value}"] = table.get(value.value, 0)
    for name in metrics:
        values = rows[f"metric_{name}"].where(np.isfinite(rows[f"metric_{name}"]))
        found = found.join(_metric(values, keys).add_prefix(f"metric_{name}_"))
    return found.set_axis(pd.Index(np.asarray(names, dtype=object), name="cell"))


def _metric(values: pd.Series, keys: NDArray[np.intp]) -> pd.DataFrame:
    """Of one metric, by the number of the cell in `keys`."""
    grouped = values.groupby(keys)
    found = pd.DataFrame(
        {
            "n": grouped.count(),
            "mean": grouped.mean(),
            "std": grouped.std(),
            "min": grouped.min(),
            "max": grouped.max(),
            **{name: grouped.quantile(share) for name, share in _QUANTILES.items()},
        }
    )
    first, third = grouped.quantile(0.25), grouped.quantile(0.75)
    reach = REACH * (third - first)
    low, high = (first - reach).to_numpy()[keys], (third + reach).to_numpy()[keys]
    found["outliers"] = ((values < low) | (values > high)).groupby(keys).sum()
    half = stdtrit(found["n"] - 1, (1 + CONFIDENCE) / 2) * found["std"] / np.sqrt(found["n"])
    found["low"], found["high"] = found["mean"] - half, found["mean"] + half
    return found
