"""One object of the ledger: a header line, then one line per entry, as a zstd frame with a checksum."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

import zstandard

from batchmatrix.base.ids import canonical_json
from batchmatrix.ledger.codec import Entry, check_schema, decode_line, encode_line
from batchmatrix.ledger.errors import BrokenLedger
from batchmatrix.model.record import RECORD_SCHEMA

__all__ = ["MAX_ENTRIES", "Header", "decode_shard", "digest_of", "encode_shard", "shard_key", "shard_number"]

MAX_ENTRIES = 1000
"""Entries of one shard at most; a writer makes several shards of more."""

_MAX_BYTES = 256 * 1024 * 1024
"""Decompressed bytes of a shard at most, so that a damaged or hostile object cannot fill the memory."""

_NAME = re.compile(r"(?P<number>[0-9]{8})\.jsonl\.zst")


@dataclass(frozen=True, slots=True)
class Header:
    """First line of a shard."""

    writer: str
    sequence: int
    """Number of the shard, from 1."""
    previous: str
    """SHA-256 of the object before this one, as it lies in the store; empty for the first."""
    time: str
    """RFC 3339."""


def shard_key(prefix: str, number: int) -> str:
    """Key of shard `number` of the ledger below `prefix`."""
    return f"{prefix}/ledger/{number:08}.jsonl.zst"


def shard_number(key: str) -> int | None:
    """The number in a key of shard_key's; None for a key of something else."""
    match = _NAME.fullmatch(key.rpartition("/")[2])
    return int(match["number"]) if match else None


def digest_of(data: bytes) -> str:
    """SHA-256 of a shard as it lies in the store, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def encode_shard(header: Header, entries: Sequence[Entry]) -> bytes:
    """The object; equal inputs give equal bytes. Raises ValueError for a number that is not finite."""
    head = {
        "schema": RECORD_SCHEMA,
        "kind": "shard",
        "writer": header.writer,
        "sequence": header.sequence,
        "previous": header.previous,
        "time": header.time,
    }
    lines = b"".join([canonical_json(head), b"\n", *map(encode_line, entries)])
    return zstandard.ZstdCompressor(level=3, write_checksum=True).compress(lines)


def decode_shard(name: str, data: bytes) -> tuple[Header, list[Entry]]:
    """What object `name` holds. Raises BrokenLedger."""
    try:
        head, *lines = _decompress(data).removesuffix(b"\n").split(b"\n")
        return _header(head), [decode_line(line) for line in lines]
    except zstandard.ZstdError as error:
        raise BrokenLedger(f"ledger shard {name} is damaged: {error}; restore it from a copy") from None
    except ValueError as error:
        raise BrokenLedger(f"ledger shard {name} cannot be read: {error}") from None


def _decompress(data: bytes) -> bytes:
    if zstandard.get_frame_parameters(data).content_size > _MAX_BYTES:
        raise ValueError(f"it does not say that it is of at most {_MAX_BYTES} bytes")
    return zstandard.ZstdDecompressor().decompress(data, allow_extra_data=False)


def _header(line: bytes) -> Header:
    data = json.loads(line)
    if not isinstance(data, dict):
        raise ValueError("the header is not a JSON object")  # noqa: TRY004 - one kind of error for what is read
    check_schema(data.get("schema"))
    try:
        return Header(
            writer=str(data["writer"]),
            sequence=int(data["sequence"]),
            previous=str(data["previous"]),
            time=str(data["time"]),
        )
    except KeyError as error:
        raise ValueError(f"the header has no field {error}") from None
