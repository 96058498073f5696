"""Durations and quantities as Kubernetes writes them."""

from __future__ import annotations

import re
from decimal import Decimal

__all__ = [
    "DURATION_PATTERN",
    "QUANTITY_PATTERN",
    "format_duration",
    "format_quantity",
    "parse_duration",
    "parse_quantity",
    "scale_quantity",
]

DURATION_PATTERN = r"^(0|([0-9]+(\.[0-9]+)?(ms|s|m|h))+)$"
"""What Go's time.ParseDuration takes, less signs and units under a millisecond."""

QUANTITY_PATTERN = r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$"
"""Kubernetes' resource quantities without signs and exponents."""

_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_SECONDS = {"ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600)}
_SUFFIX: dict[str, Decimal] = {
    "m": Decimal("0.001"),
    "": Decimal(1),
    **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", start=1)},
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", start=1)},
}


def parse_duration(text: str) -> float:
    """Seconds of a duration such as `20m`, `1h30m` or `250ms`. Raises ValueError for anything else."""
    if not re.fullmatch(DURATION_PATTERN, text):
        raise ValueError(f"{text!r} is not a duration; write for example 90s, 20m or 1h30m")
    return float(sum(Decimal(amount) * _SECONDS[unit] for amount, unit in _DURATION_PART.findall(text)))


def format_duration(seconds: float) -> str:
    """The shortest duration that parse_duration reads as `seconds`, to the millisecond: `1h30m`, `90ms`, `0s`."""
    left = round(seconds * 1000)
    parts = []
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        amount, left = divmod(left, size)
        if amount:
            parts.append(f"{amount}{unit}")
    return "".join(parts) or "0s"


def parse_quantity(text: str) -> Decimal:
    """The number a resource quantity stands for: `64Gi` in bytes, `500m` in cores. Raises ValueError."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([a-zA-Z]{0,2})", text)
    if match is None or match[2] not in _SUFFIX:
        raise ValueError(f"{text!r} is not a quantity; write for example 2, 500m or 64Gi")
    return Decimal(match[1]) * _SUFFIX[match[2]]


def format_quantity(number: Decimal) -> str:
    """A quantity for `number`: in thousandths where it is broken and under 1000, else in whole units; rounded up."""
    if number != number.to_integral_value() and number < 1000:
        return f"{(number * 1000).to_integral_value(rounding='ROUND_CEILING'):f}m"
    return f"{number.to_integral_value(rounding='ROUND_CEILING'):f}"


def scale_quantity(text: str, factor: Decimal) -> str:
    """`text` times `factor`, as format_quantity writes it. Raises ValueError where `text` is no quantity."""
    return format_quantity(parse_quantity(text) * factor)
