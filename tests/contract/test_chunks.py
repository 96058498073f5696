"""Stored logs are zstd files: the ordinary program reads them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from batchmatrix.capture.chunks import ChunkWriter
from batchmatrix.capture.timestamps import Block


def test_the_zstd_program_reads_many_chunks_as_one(tmp_path: Path) -> None:
    """The index must not be in its way, not even between two chunks."""
    tool = shutil.which("zstd")
    assert tool is not None, "zstd is missing; hack/cluster up installs the package of that name"
    raw = b"some text\n" * 100_000
    files = []
    for number, data in enumerate((raw, b"", b"end"), 1):
        writer = ChunkWriter(number, 0)
        writer.add(Block(data, [1, 2]))
        files.append(tmp_path / f"{number}.log.zst")
        files[-1].write_bytes(writer.seal(None))
    done = subprocess.run([tool, "-dc", *files], capture_output=True, check=True, timeout=60)
    assert done.stdout == raw + b"end"
    subprocess.run([tool, "--test", *files], capture_output=True, check=True, timeout=60)
