"""By which of our own rules something is refused that the API server takes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from batchmatrix.base.errors import Problem

__all__ = ["WORDS", "rule_of"]

_OPEN = r"spec\.(axes\[\d+\]\.values|(exclude|include|overrides|checks|gates|baseline|cells)\b)"
_KEY = r"has the wrong form; write (letters, digits and underscores|a key such as|letters, digits, '-', '_' and '\.')"

WORDS: Mapping[str, str] = {
    "text": r"holds a NUL or half of a character; remove it$",
    "named-workload": r"^spec\.workload\.volumeMounts\[\d+\]\.name: .* add it there$|with those of the named workload",
    "axis-values-unique": r"values\[\d+\]: .* (reach the workload as the same text|are the same); remove one$",
    "reserved-variable": r"\.(extraEnv|parameters)\.BATCHMATRIX_\w*: .* is reserved; rename it$",
    "map-keys": rf"(nodeLabels|requests|limits|env|extraEnv|labels|parameters|match|when|exclude\[\d+\])"
    rf"(\.[^ :]+|\[\".*\"\]): .* ({_KEY}|is too long; write at most)",
    "axis-value": rf"^{_OPEN}.*: .*("
    r"in the list is not a name|; only values of the axis \w+ can be|is an object with .*; write \{image|"
    r"does not fit 64 bits|is null; give a value|is no name; write a name|holds .* twice; remove one|"
    r"has the wrong form; write an image reference|is an empty list|has \d+ (characters|alternatives); write at most|"
    r"stacks \d+ mitigations|must be one text, number or boolean|is not a finite number)",
    "baseline": r"^spec\.baseline\.(cell|match): .*(no cell has this name|fits no cell; write values that a cell has)",
    "include-cell": r"^spec\.include\[\d+\]\.match: (fits no cell of the axes|makes a cell that an earlier)",
    "some-cell": r"^spec\.exclude: leaves no cell at all",
    "match": r"^spec\.(exclude|include|overrides|checks|gates|baseline|cells)\b.*: .*("
    r"no axis( or label)? has this name|an include adds one cell|is an axis; put it under match|"
    r"is no parameter; write it as a field)",
    "exclude-with-cells": r"^spec\.exclude: is for axes; write what it says into spec\.cells$",
    "labels": r"^spec\.labels.*: .* is the name of an axis",
    "cell-name": r"^spec\.cells\[\d+\]\.name: .* by case alone",
    "catalog-name": r"is not in the catalog of|is in two catalogs with different contents",
    "image": r": has no image[;,]",
    "mitigation-clash": r": mitigations .* are used together and set \w+ to ",
    "reference": r": \$\(\w+\) is (set|not set)",
    "variable-clash": r"is set by (workload\.env too|the parameter of)|is a parameter of (a|the) cell (too|already)",
    "gate-limits": r"^spec\.(gates|checks)\[\d+\]\.min: .* is more than max",
    "metric-name": r"is not in spec\.metrics; add it there",
    "metric-pattern": r"is not an RE2 expression|has \d+ groups; write one",
    "requests-limits": r"resources\.(requests|limits).*: .*(is more than the limit|must be the limit too|"
    r"is a part of a device)",
    "resource-clash": r"is in spec\.workload\.resources too|is a resource that the hardware sets already",
    "spec-size": r"^spec: has \d+ bytes as JSON",
    "not-yet": r"is not supported by this version yet",
}
"""Rule of PYDANTIC_ONLY to what its problems look like; the first one that fits counts."""


def rule_of(problem: Problem) -> str | None:
    """The rule that this problem is one of; None where the list of rules has no word for it."""
    text = str(problem)
    return next((rule for rule, words in WORDS.items() if re.search(words, text)), None)
