"""The end marker: a text that a log holds once the work is done."""

from __future__ import annotations

__all__ = ["EndMarker"]


class EndMarker:
    """Looks for one text in raw bytes, cut anywhere; it holds back one byte less than the text has."""

    def __init__(self, text: str) -> None:
        """An empty text is found at once."""
        self._needle = text.encode("utf-8", "surrogatepass")
        self._tail = b""
        self.found = not text

    def write(self, block: bytes) -> None:
        """The next bytes of the log."""
        if self.found:
            return
        reach = len(self._needle) - 1
        self.found = self._needle in block or self._needle in self._tail + block[:reach]
        self._tail = (self._tail + block[-reach:])[-reach:] if reach else b""

    def break_off(self) -> None:
        """Bytes are missing here: what comes next does not follow what came before."""
        self._tail = b""
