from __future__ import annotations

import io
import random
import tracemalloc

import pytest
import zstandard

from batchmatrix.base.errors import BatchMatrixError
from batchmatrix.capture import chunks
from batchmatrix.capture.anchor import Anchor
from batchmatrix.capture.chunks import ChunkWriter, chunk_key, open_chunk
from batchmatrix.capture.timestamps import Block
from tests.support.golden import FOLDER

FILE = str(chunks.__file__)
ANCHOR = Anchor(7, 2, 5, 99, closed=False)


def sealed(raw: bytes, stamps: list[int]) -> bytes:
    writer = ChunkWriter(3, 1000)
    writer.add(Block(raw, stamps))
    return writer.seal(ANCHOR, trouble="why", capped=True, manifest={"state": "truncated"})


@pytest.mark.parametrize("raw", [b"", b"a\n", bytes(range(256)) * 5000])
def test_what_is_sealed_comes_back(raw: bytes) -> None:
    stamps = [5, 3, 2**63 - 10**9, 0, 2**63 - 10**9]
    chunk = open_chunk("k", sealed(raw, stamps))
    assert b"".join(chunk.pieces()) == raw
    assert list(chunk.stamps) == stamps
    header = chunk.header
    assert (header.number, header.offset, header.bytes, header.lines) == (3, 1000, len(raw), 5)
    assert (header.anchor, header.trouble, header.capped) == (ANCHOR, "why", True)
    assert header.manifest == {"state": "truncated"}


def test_any_reader_of_zstd_reads_them_one_after_the_other() -> None:
    """The index must not be in the way, not even between two chunks."""
    raw = b"some text\n" * 100_000
    data = b"".join(sealed(each, [1, 2]) for each in (raw, b"", b"end"))
    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True) as reader:
        assert reader.read() == raw + b"end"


@pytest.mark.parametrize("position", [0, 100, -1, -5, -30, -200])
def test_damage_is_noticed(position: int) -> None:
    data = bytearray(sealed(b"some text\n" * 1000 + bytes(range(256)), list(range(300))))
    data[position] ^= 0x55
    with pytest.raises(BatchMatrixError, match="damaged"):
        b"".join(open_chunk("key", bytes(data)).pieces())


@pytest.mark.parametrize("size", [0, 1, 20, 200])
def test_a_cut_object_is_noticed(size: int) -> None:
    data = sealed(b"some text\n" * 1000, list(range(1000)))
    with pytest.raises(BatchMatrixError, match="key is not a log chunk"):
        open_chunk("key", data[:-1][:size] if size else b"")


def test_another_schema_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "SCHEMA", 2)
    data = sealed(b"x", [1])
    monkeypatch.undo()
    with pytest.raises(BatchMatrixError, match="schema 2"):
        open_chunk("key", data)


def test_full_by_bytes_compressed_bytes_or_lines() -> None:
    writer = ChunkWriter(1, 0)
    writer.add(Block(b"x" * (8 << 20 - 1), []))
    assert not writer.fills(Block(b"x"))
    writer.add(Block(b"x" * ((8 << 20) - 1 - writer.bytes), []))
    assert writer.fills(Block(b"x"))
    dense = ChunkWriter(1, 0)
    dense.add(Block(random.Random(1).randbytes(896 << 10)))
    assert not dense.fills(Block(b"x"))
    dense.add(Block(random.Random(2).randbytes(128 << 10)))
    assert dense.fills(Block(b"x"))
    lines = ChunkWriter(1, 0)
    lines.add(Block(b"\n" * 65_535, range(65_535)))
    assert not lines.fills(Block(b"", []))
    assert lines.fills(Block(b"\n", [1]))


def test_it_holds_what_is_compressed_and_not_what_it_was() -> None:
    """As many as are followed wait like this while a store does not answer."""
    chance = random.Random(1)
    stretch = Block(b"".join(b"epoch=1 step=7 loss=%.4f\n" % chance.random() for _ in range(60_000)), range(60_000))
    ChunkWriter(1, 0).add(stretch)  # what is made once for all is there
    tracemalloc.start()
    try:
        writer = ChunkWriter(1, 0)
        writer.add(stretch)
        assert _held() < 8 * 60_000 * 1.2 + len(stretch.raw) / 2
        whole = writer.seal(None)
        assert _held() < 8 * 60_000 * 1.2 + 1.2 * len(whole)
    finally:
        tracemalloc.stop()


def _held() -> int:
    """Bytes that the module under test has got and not given back."""
    here = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(inclusive=True, filename_pattern=FILE)])
    return sum(each.size for each in here.statistics("filename"))


def test_keys_sort_as_numbers() -> None:
    assert chunk_key("a/b", 7) == chunk_key("a/b/", 7) == "a/b/00000007.log.zst"


def test_the_format_is_fixed() -> None:
    """Logs that are stored are read for years: see SCHEMA before changing this file."""
    chunk = open_chunk("golden", (FOLDER / "logs/chunk.log.zst").read_bytes())
    assert b"".join(chunk.pieces()) == b"first\nsecond"
    assert list(chunk.stamps) == [1_800_000_000_000_000_000, 1_800_000_000_000_000_001]
    assert chunk.header.anchor == Anchor(1_800_000_000_000_000_001, 1, 6, 3055489385, closed=False)
    assert chunk.header.manifest == {"state": "complete"}


def test_a_chunk_is_sealed_once() -> None:
    writer = ChunkWriter(7, 0)
    writer.add(Block(b"text\n", [1]))
    writer.seal(None)
    with pytest.raises(BatchMatrixError, match="log chunk 7 has been sealed already"):
        writer.seal(None)
