"""Figures in columns that read well in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

__all__ = ["Table"]

WIDTH = 110


class Table:
    """A heading, rows under names of columns, then ratios and notes."""

    def __init__(self, heading: str, columns: Sequence[str]) -> None:
        self._heading = heading
        self._rows: list[tuple[str, ...]] = [tuple(columns)]
        self._after: list[str] = []
        self.ratios: dict[str, float] = {}
        """By what they compare."""
        self.missed: list[str] = []
        """Targets that were not reached; speed has none, being right has."""

    def add(self, *row: str) -> None:
        """A row with as many texts as there are columns."""
        if len(row) != len(self._rows[0]):
            raise ValueError(f"a row of {len(row)} under {len(self._rows[0])} columns")
        self._rows.append(row)

    def ratio(self, what: str, value: float) -> None:
        """A figure that means something on another machine too."""
        self.ratios[what] = value
        self._after.append(f"{what}: {value:.2f}")

    def note(self, text: str) -> None:
        """What is to be known besides."""
        self._after += wrap(text, WIDTH - 2, subsequent_indent="  ")

    def miss(self, texts: Sequence[str]) -> None:
        """Targets that were not reached, a line each."""
        self.missed += texts
        self._after += [f"MISSED {text}" for text in texts]

    def __str__(self) -> str:
        widths = [max(len(row[column]) for row in self._rows) for column in range(len(self._rows[0]))]
        lines = [self._heading]
        for row in self._rows:
            first, *rest = (
                text.ljust(width) if column == 0 else text.rjust(width)
                for column, (text, width) in enumerate(zip(row, widths, strict=True))
            )
            lines.append("  ".join(["", first, *rest]).rstrip())
        return "\n".join([*lines, *(f"  {text}" for text in self._after)])
