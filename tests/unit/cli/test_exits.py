from __future__ import annotations

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


def test_without_a_command_there_is_help_and_1() -> None:
    done = run_cli()
    assert done.code == 1
    assert "lint" in done.out
