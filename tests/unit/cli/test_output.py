from __future__ import annotations

import json

import pytest
import yaml

from batchmatrix.base.documents import read_documents
from batchmatrix.base.text import one_line
from batchmatrix.cli.output import screen_width, table, write_data


def test_what_fits_is_not_wrapped() -> None:
    assert table(["A", "LONG NAME"], [["1", "x"], ["22", ""]], width=80) == "A   LONG NAME\n1   x\n22"


def test_the_widest_column_gives_way_and_every_line_fits() -> None:
    shown = table(["NAME", "TEXT"], [["short-name", "some words that go on and on " * 4]], width=40)
    assert max(map(len, shown.splitlines())) <= 40
    assert shown.splitlines()[1].startswith("short-name  some words")
    assert " ".join(shown.split()) == "NAME TEXT short-name " + " ".join(("some words that go on and on " * 4).split())


def test_a_word_longer_than_its_column_is_broken() -> None:
    shown = table(["NAME", "IMAGE"], [["a", "registry.example/" + "x" * 100]], width=40)
    assert max(map(len, shown.splitlines())) <= 40
    assert "".join(line[6:].strip() for line in shown.splitlines()[1:]) == "registry.example/" + "x" * 100


def test_names_keep_their_hyphens_together() -> None:
    shown = table(["A", "B"], [["a", "tf32-off nccl-ring nccl-tree"]], width=17)
    assert [line[3:] for line in shown.splitlines()[1:]] == ["tf32-off", "nccl-ring", "nccl-tree"]


def test_lines_of_a_cell_stay_lines_and_control_characters_do_not_reach_the_screen() -> None:
    assert table(["A", "B"], [["a\nb", "\x1b[31mred"]], width=80) == "A  B\na  \ufffd[31mred\nb"


def test_the_width_is_80_without_a_terminal_and_columns_says_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert screen_width() == 80
    monkeypatch.setenv("COLUMNS", "132")
    assert screen_width() == 132


def test_json_and_yaml_are_written_with_a_line_end(capsys: pytest.CaptureFixture[str]) -> None:
    write_data([{"b": "é", "a": "no"}], "json")
    assert json.loads(capsys.readouterr().out) == [{"b": "é", "a": "no"}]
    write_data([{"b": "é", "a": "no"}], "yaml")
    assert capsys.readouterr().out == '- b: é\n  a: "no"\n'


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_what_could_harm_a_terminal_is_escaped_and_reads_back_as_it_was(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data = {
        "a\u202e": ["\x1b[31m", "b\x9bc\x7f", "tab\tline\nend", "\u2066 \u200f: #", "😀 é \\u202e", "\x85\u2028"] * 3
    }
    write_data(data, form)
    shown = capsys.readouterr().out
    assert [one for one in shown if one != "\n" and one_line(f".{one}.") != f".{one}."] == []
    assert (json.loads(shown) if form == "json" else yaml.safe_load(shown)) == data
    (document,), problems = read_documents(shown, source="it")
    assert (document.data, problems) == (data, [])
