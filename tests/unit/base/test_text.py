"""Hostile text in the places where it is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchmatrix.base.text import for_csv, for_markdown, for_markdown_code, one_line


@given(st.text(st.characters(), max_size=80))
def test_one_line_is_one_printable_line_that_utf8_can_hold(text: str) -> None:
    line = one_line(text, limit=40)
    assert len(line.splitlines()) <= 1
    assert len(line) <= 40
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in line)
    line.encode()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\nb\r\nc", "a b c"),
        ("  a\tb  ", "a b"),
        ("\x1b[31mred\x1b[0m\x07", "\ufffd[31mred\ufffd[0m\ufffd"),
        ("\u202egpj.exe\u2066\u200f", "\ufffdgpj.exe\ufffd\ufffd"),
        ("half \ud800 pair", "half \ufffd pair"),
        ("Grüße 日本語 👩\u200d🔬", "Grüße 日本語 👩\u200d🔬"),
        ("x" * 600, "x" * 511 + "…"),
    ],
)
def test_one_line(text: str, line: str) -> None:
    assert one_line(text) == line


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a|b", r"a\|b"),
        ("*a* [b](c) ![d](e) `f` ~g~", r"\*a\* \[b\](c) !\[d\](e) \`f\` \~g\~"),
        ("<script>&amp;</script>", "&lt;script&gt;&amp;amp;&lt;/script&gt;"),
        ("step_time_ms", "step_time_ms"),
        ("_a_ a__b _", r"\_a\_ a\_\_b \_"),
        ("back\\", "back\\\\"),
        ("https://evil.example ftp://x", r"https:\//evil.example ftp:\//x"),
        ("WWW.evil.example", r"WWW\.evil.example"),
        ("@team repo/x@sha256:1", "@&#8203;team repo/x@sha256:1"),
        ("a\n| b |", r"a \| b \|"),
    ],
)
def test_nothing_is_live_in_a_markdown_table(text: str, safe: str) -> None:
    assert for_markdown(text) == safe


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("boom | *x* @team", "`boom | *x* @team`"),
        ("a `b` c", "``a `b` c``"),
        ("`` at both ends `", "``` `` at both ends ` ```"),
        ("a\nb", "`a b`"),
        ("", "` `"),
    ],
)
def test_a_code_span_cannot_be_left(text: str, span: str) -> None:
    assert for_markdown_code(text) == span


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd", "-a", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "＠x", "-inf", "+-1"]
)
def test_formulas_are_disarmed_in_csv(text: str) -> None:
    assert for_csv(text) == "'" + text


@pytest.mark.parametrize("text", ["", "a=b", "-1", "+1.5e-3", "-.5", "12.", "none"])
def test_numbers_and_plain_text_stay_as_they_are_in_csv(text: str) -> None:
    assert for_csv(text) == text
