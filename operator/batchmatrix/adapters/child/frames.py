"""How requests and answers lie on the pipes between the two processes: each pickled, behind its length."""

from __future__ import annotations

import pickle
import struct
from typing import IO, Any

__all__ = ["HEAD", "read_frame", "write_frame"]

HEAD = struct.Struct(">Q")
"""Bytes that follow."""


def read_frame(stream: IO[bytes]) -> Any:
    """The next message, or None where the stream is at its end; one that is cut off raises EOFError."""
    head = stream.read(HEAD.size)
    if not head:
        return None
    if len(head) < HEAD.size:
        raise EOFError("a message is cut off in its length")
    return pickle.loads(stream.read(HEAD.unpack(head)[0]))


def write_frame(stream: IO[bytes], message: object) -> None:
    """Write one message, whole."""
    body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(HEAD.pack(len(body)))
    stream.write(body)
    stream.flush()
