"""What a scrape says."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from batchmatrix.adapters.telemetry.metrics import PrometheusMeter

__all__ = ["Scrape", "scrape"]


class Scrape:
    """Samples by name and labels, as the library's own parser reads them."""

    def __init__(self, text: str) -> None:
        self.samples: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
        self.kinds: dict[str, str] = {}
        """Type by family, `_total` being no part of a counter's name here."""
        for family in text_string_to_metric_families(text):
            self.kinds[family.name] = family.type
            for sample in family.samples:
                self.samples[sample.name, frozenset(sample.labels.items())] = sample.value

    def __call__(self, name: str, **labels: str) -> float:
        """One sample. Raises KeyError where it is not there."""
        return self.samples[f"batchmatrix_{name}", frozenset(labels.items())]

    def by(self, name: str, label: str) -> Mapping[str, float]:
        """Those that are not 0, by the value of one label, summed over all others."""
        found: dict[str, float] = {}
        for (sample, labels), value in self.samples.items():
            if sample == f"batchmatrix_{name}" and value:
                key = dict(labels)[label]
                found[key] = found.get(key, 0.0) + value
        return found


def scrape(meter: PrometheusMeter) -> Scrape:
    """What the meter would show now."""
    return Scrape(meter.render("")[0].decode())
