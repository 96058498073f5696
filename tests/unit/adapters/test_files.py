from __future__ import annotations

import os
from pathlib import Path

import pytest

from batchmatrix.adapters.files import read_text, shown_name
from batchmatrix.base.errors import InvalidSpec


def refusal(path: Path) -> str:
    with pytest.raises(InvalidSpec) as caught:
        read_text(path)
    return str(caught.value)


def test_a_file_is_read_without_its_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfa: \xc3\xa9\n")
    assert read_text(tmp_path / "a.yaml") == "a: é\n"


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    assert refusal(tmp_path / "a") == f"{tmp_path}/a: cannot be read: No such file or directory"


def test_a_folder_is_said(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"{tmp_path}: cannot be read: Is a directory"


def test_a_name_that_no_file_can_have_is_said() -> None:
    assert "cannot be read: embedded null byte" in refusal(Path("a\0b"))


def test_bytes_that_are_no_text_are_said(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"ab\xff")
    assert "is no text: byte 2 is not UTF-8" in refusal(tmp_path / "a")
    (tmp_path / "b").write_bytes(b"ab\0")
    assert "is no text: it holds zero bytes" in refusal(tmp_path / "b")


def test_a_file_without_end_is_not_read_to_its_end() -> None:
    assert "has more than 4194304 bytes" in refusal(Path(os.devnull).with_name("zero"))


def test_a_name_is_one_line_in_messages_and_standard_input_has_one() -> None:
    assert shown_name(Path("a\n\x1b[31mb\u202e")) == "a \ufffd[31mb\ufffd"
    assert shown_name(Path("-")) == "<stdin>"
