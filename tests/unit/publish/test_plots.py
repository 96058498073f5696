"""Pictures of the plots: which there are, the same bytes each time, well-formed, and harmless."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from functools import cache

import pytest
from PIL import Image

from batchmatrix.publish.plots import ROW_LIMIT, plots
from tests.support.judged import JUDGED, RULES, hostile, many, triage, unfinished

SVG = "{http://www.w3.org/2000/svg}"


@cache
def drawn(name: str) -> dict[str, bytes]:
    """All that is drawn of one summary: once, as to draw takes seconds."""
    return plots(JUDGED[name](), RULES)


def texts(data: bytes) -> list[str]:
    return ["".join(one.itertext()) for one in ET.fromstring(data).iter(f"{SVG}text")]


def test_a_triage_has_one_of_each() -> None:
    made = drawn("triage")
    names = [
        *("failures", "forest-step_time_ms", "forest-loss", "trials-step_time_ms", "trials-loss"),
        *("trend-step_time_ms", "trend-loss", "exit-codes", "grid"),
    ]
    assert list(made) == [f"{name}.{kind}" for name in names for kind in ("svg", "png")]
    for name, data in made.items():
        if name.endswith(".png"):
            with Image.open(io.BytesIO(data)) as image:
                assert image.width > 300
                # not a sheet of one colour
                assert len(image.convert("RGB").getcolors(1 << 20) or [()] * 3) > 2


def test_what_has_nothing_to_show_is_not_drawn() -> None:
    assert set(drawn("unfinished")) == {"grid.svg", "grid.png"}
    assert set(drawn("nothing")) == {"exit-codes.svg", "exit-codes.png", "grid.svg", "grid.png"}
    assert plots(replace(unfinished(), cells=(), trials=()), RULES) == {}


def test_the_same_input_gives_the_same_bytes() -> None:
    first, second = drawn("triage"), plots(triage(), RULES)
    assert {name for name in first if first[name] != second[name]} == set()
    # another process, another order of sets, another time
    code = (
        "import hashlib, sys; sys.path[:0] = ['operator', '.']\n"
        "from batchmatrix.publish.plots import plots; from tests.support.judged import RULES, triage\n"
        "print(hashlib.sha256(b''.join(plots(triage(), RULES).values())).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=200,
        check=True,
        env={"PYTHONHASHSEED": "7"},
    )
    assert done.stdout.strip() == hashlib.sha256(b"".join(first.values())).hexdigest()


def test_no_date_is_in_them() -> None:
    made = drawn("triage")
    assert b"<dc:date>" not in b"".join(data for name, data in made.items() if name.endswith(".svg"))
    with Image.open(io.BytesIO(made["grid.png"])) as image:
        assert set(image.info) <= {"dpi"}


def test_words_and_numbers_are_texts_and_the_title_is_there() -> None:
    data = drawn("triage")["forest-step_time_ms.svg"]
    found = texts(data)
    assert "slow-mi300x" in found
    assert any("▼ slower" in text and "+30.7 %" in text for text in found)
    assert "+10 %" in found
    title = ET.fromstring(data).find(f"{SVG}title")
    assert title is not None
    assert title.text == "step_time_ms"


@pytest.mark.parametrize("name", [name for name in JUDGED if name != "many"])
def test_every_svg_is_well_formed_and_asks_for_nothing(name: str) -> None:
    for file, data in drawn(name).items():
        assert "/" not in file
        if file.endswith(".svg"):
            root = ET.fromstring(data)
            assert {one.tag for one in root.iter()} & {f"{SVG}script", f"{SVG}image", f"{SVG}foreignObject"} == set()
            links = [value for one in root.iter() for key, value in one.attrib.items() if key.endswith("href")]
            assert all(value.startswith("#") for value in links)


def test_hostile_texts_are_drawn_as_they_are() -> None:
    made = plots(hostile(["\ufffe\uffff\U0001f4a9"]), RULES)
    found = " ".join(text for file, data in made.items() if file.endswith(".svg") for text in texts(data))
    assert "<img src=x>" in found
    assert "\x1b" not in found


def test_a_dollar_is_a_dollar() -> None:
    made = triage()
    cells = tuple(
        replace(cell, values={**cell.values, "mitigation": f"$x^{at}$"}) for at, cell in enumerate(made.cells)
    )
    assert "$x^2$" in texts(plots(replace(made, cells=cells), RULES)["grid.svg"])


def test_rows_are_bounded_and_what_is_left_out_is_said() -> None:
    summary = replace(many(70, 2), trials=())
    data = plots(summary, RULES)["failures.svg"]
    assert sum(text.startswith("mitigation-") and "…" in text for text in texts(data)) == ROW_LIMIT - 1
    assert "How often trials fail (10 more cells in matrix.json)" in texts(data)
