"""The reference of the command line speaks of every command, option and exit status, and of no others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from batchmatrix.cli.exits import Exit
from batchmatrix.cli.main import app
from batchmatrix.controller.command import operator

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/reference/cli.md").read_text()
PAGES = [
    "docs/reference/cli.md",
    "docs/reference/catalog-files.md",
    *(f"docs/how-to/{name}.md" for name in ("write-a-catalog", "import-batch-results", "import-fault-manifest")),
]


def commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for child in command.commands.values():
            yield from commands(child, f"{name} {child.name}")
    else:
        yield name, command


COMMANDS = dict([*commands(app, "batchmatrix"), *commands(operator, "batchmatrix operator")])


def section(command: str) -> str:
    """The part of the page under the heading of a command's first two words."""
    heading = " ".join(command.split()[:2])
    found = re.search(rf"^## {heading}$(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert found, f"docs/reference/cli.md has no section {heading!r}"
    return found[1]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_described(name: str) -> None:
    text = section(name)
    assert name in text or len(name.split()) == 2
    for parameter in COMMANDS[name].params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            missing = [option for option in parameter.opts if not re.search(rf"(?<![\w-]){option}(?![\w-])", text)]
            assert missing == [], f"{name}: {missing}"


def test_nothing_is_described_that_there_is_not() -> None:
    headings = re.findall(r"^## (batchmatrix .*)$", PAGE, re.MULTILINE)
    assert headings
    for heading in headings:
        own = [command for name, command in COMMANDS.items() if " ".join(name.split()[:2]) == heading]
        known = {option for command in own for parameter in command.params for option in parameter.opts}
        assert own, heading
        text = re.sub(r"^```sh$.*?^```$", "", section(heading), flags=re.MULTILINE | re.DOTALL)
        assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)) <= known


def test_every_exit_status_is_described_and_no_other() -> None:
    table = PAGE[PAGE.index("## Exit status") : PAGE.index("Where several are true")]
    assert [int(status) for status in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)] == [int(one) for one in Exit]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", (ROOT / page).read_text()):
        assert ((ROOT / page).parent / target).exists(), target
