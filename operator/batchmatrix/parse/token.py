"""The last line that holds a token, and the pairs on it: for programs that say at their end what they counted."""

from __future__ import annotations

from batchmatrix.base.pairs import key_values, last_with
from batchmatrix.parse.number import number_of

__all__ = ["LastLine"]


class LastLine:
    """Keeps the last line with the token and no other."""

    def __init__(self, token: str) -> None:
        """Raises ValueError for a token that no line can hold."""
        if not token or len(token.splitlines()) != 1 or token.splitlines()[0] != token:
            raise ValueError(f"token {token!r} is not a text within one line")
        self._token = token
        self._needle = token.encode("utf-8", "surrogatepass")
        self._line = b""

    def read(self, lines: bytes) -> None:
        """Take whole lines; searched from their end, so that most of them are not looked at."""
        at = lines.rfind(self._needle)
        if at >= 0:
            begin, end = lines.rfind(b"\n", 0, at) + 1, lines.find(b"\n", at)
            self._line = lines[begin:] if end < 0 else lines[begin:end]

    def values(self) -> dict[str, float | None]:
        """The pairs of the line; None stands for a value that is not a plain finite number.

        What a carriage return has written over is not part of it.
        """
        line = last_with(self._line.decode("utf-8", "replace"), self._token)
        # a numeric text such as 1e5 is no number of this form
        return {key: None if isinstance(value, str) else number_of(value) for key, value in key_values(line).items()}
