from __future__ import annotations

import pytest

from batchmatrix.cli.exits import Exit
from tests.support.cli import run_cli


def test_exit_codes_are_a_public_contract() -> None:
    assert {one.name: one.value for one in Exit} == {
        "OK": 0,
        "ERROR": 1,
        "TIMEOUT": 2,
        "GATE_FAILED": 3,
        "INCONCLUSIVE": 4,
        "CELLS_FAILED": 5,
        "HELD": 6,
        "SOMETHING_TO_RUN": 10,
        "INTERRUPTED": 130,
    }


def test_a_usage_error_is_one_line_and_1() -> None:
    for arguments in (["nothing"], ["lint"], ["lint", "--nothing"], ["catalog", "list-hardware", "-o", "xml"]):
        done = run_cli(*arguments)
        assert (done.code, done.out, done.err.count("\n")) == (1, "", 1), done
        assert done.err.startswith("batchmatrix: ")


def test_help_is_no_error() -> None:
    assert run_cli("lint", "--help").code == 0


@pytest.mark.parametrize("word", ["version", "--version"])
def test_the_version_is_that_of_the_package(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", {"batchmatrix": "1.2.3"}.__getitem__)
    done = run_cli(word)
    assert (done.code, done.out) == (0, "1.2.3\n")


def test_without_a_command_there_is_help_and_1() -> None:
    done = run_cli()
    assert done.code == 1
    assert "lint" in done.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("plann",), "No such command 'plann'. Did you mean 'plan'?"),
        (("frobnicate",), "No such command 'frobnicate'; see: batchmatrix -h"),
        (("catalog", "nothing"), "No such command 'nothing'; see: batchmatrix catalog -h"),
        (("plan",), "Missing argument 'FILE'; see: batchmatrix plan -h"),
        (("plan", "a", "b"), "Got unexpected extra argument (b); see: batchmatrix plan -h"),
        (("lint", "--strct"), "No such option '--strct'. Did you mean '--strict'?"),
        (("plan", "a", "--force"), "--force is for --out; leave it out, or say --out FILE"),
    ],
)
def test_a_usage_error_says_what_to_do(arguments: tuple[str, ...], said: str) -> None:
    assert run_cli(*arguments).err == f"batchmatrix: {said}\n"


@pytest.mark.parametrize("group", [(), ("catalog",), ("import",), ("artifacts",)])
def test_what_help_lists_is_whole_at_80_columns(group: tuple[str, ...]) -> None:
    lines = run_cli(*group, "--help").out.splitlines()
    commands = lines[lines.index("Commands:") + 1 :]
    assert commands
    assert [line for line in commands if not line.endswith(".") or line.endswith("..")] == []
    assert max(map(len, lines)) <= 80
