"""`report`, `gate`, `compare` and `export` over stored runs, as a user meets them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from batchmatrix.model.evidence import LogState, Outcome
from batchmatrix.model.judging import JudgingRules
from batchmatrix.model.summary import Summary
from tests.support import judged
from tests.support.cli import Done, run_cli
from tests.support.judging_cells import MS, at_most, gate, rules, summary
from tests.support.stored import files_of, with_logs, write_files, write_run, write_spec

METRIC = [{"name": MS, "from": "keyvalue"}]
"""As a file of limits has it, without unit and direction."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    return tmp_path


def cells(slow: float = 10.0) -> Summary:
    return summary({"base": [10, 10.1, 9.9], "fast": [9, 9.1, 8.9], "slow": [slow, slow + 0.1, slow - 0.1]})


def cli(*arguments: str) -> Done:
    done = run_cli(*arguments)
    assert "Traceback" not in done.err
    return done


def data(*arguments: str, code: int = 0) -> Any:
    done = cli(*arguments, "-o", "json")
    assert (done.code, done.err) == (code, "")
    found = json.loads(done.out)
    assert yaml.safe_load(cli(*arguments, "-o", "yaml").out) == found
    return found


def refused(*arguments: str) -> str:
    """The one line of an error."""
    done = cli(*arguments)
    assert (done.code, done.out) == (1, "")
    (line,) = done.err.splitlines()
    return line.removeprefix("batchmatrix: ")


# -- gate ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "of", "code", "verdict"),
    [
        (cells(), rules(at_most(20)), 0, "pass"),
        (cells(), rules(at_most(10.05)), 3, "fail"),
        (cells(), rules(gate("+2%")), 4, "inconclusive"),
        (summary({"base": [1, 1], "fast": [1, Outcome.UNEXPECTED_EXIT], "slow": [1, 1]}), rules(), 5, "fail"),
        (summary({"base": [1, 1], "fast": [1, None], "slow": [1, 1]}), rules(), 4, "inconclusive"),
        (summary({"base": [1], "fast": [None]}, complete=False), rules(at_most(20)), 4, ""),
    ],
)
def test_the_exit_code_is_that_of_the_verdict(made: Summary, of: JudgingRules, code: int, verdict: str) -> None:
    run = write_run("run", made, of)
    found = data("gate", run, code=code)
    assert (found["verdict"], found["exitCode"]) == (verdict, code)
    done = cli("gate", run)
    assert done.code == code
    assert done.out.splitlines()[-1] == f"{verdict or 'not finished'}: {found['reason']}"


def test_the_table_shows_the_worst_first() -> None:
    run = write_run("run", cells(20), rules(at_most(15), gate("+2%", severity="warn")))
    lines = [line.split()[:2] for line in cli("gate", run).out.splitlines() if line[:4] in ("STAT", "fail", "pass")]
    assert lines[:4] == [["STATUS", "SEVERITY"], ["fail", "fail"], ["fail", "warn"], ["pass", "fail"]]


def test_other_limits_change_the_verdict_and_nothing_runs() -> None:
    run = write_run("run", cells(), rules(at_most(20)))
    before = {path: path.read_bytes() for path in Path(run).rglob("*") if path.is_file()}
    assert cli("gate", run).code == 0
    tight = write_spec("tight.yaml", metrics=METRIC, checks=[{"metric": MS, "max": 10.05}])
    found = data("gate", run, "--spec", tight, code=3)
    assert [(each["cell"], each["status"]) for each in found["findings"]] == [
        ("base", "fail"), ("fast", "pass"), ("slow", "fail"),
    ]  # fmt: skip
    wide = write_spec("wide.yaml", metrics=METRIC, checks=[{"metric": MS, "max": 11}])
    assert data("gate", run, "--spec", wide)["verdict"] == "pass"
    none = write_spec("none.yaml")
    found = data("gate", run, "--spec", none)
    assert found["findings"] == []
    assert found["warnings"] == ["none.yaml has no checks and no gates: expectations alone decide"]
    assert "warning: none.yaml has no checks and no gates" in cli("gate", run, "--spec", none).out
    done = cli("report", run, "--spec", none)
    assert done.err == "warning: none.yaml has no checks and no gates: expectations alone decide\n"
    assert {path: path.read_bytes() for path in Path(run).rglob("*") if path.is_file()} == before
    assert cli("gate", write_run("failed", cells(), rules(at_most(5)))).code == 3
    assert cli("gate", "failed", "--spec", wide).code == 0


def test_a_file_without_a_baseline_keeps_that_of_the_run() -> None:
    run = write_run("run", cells(20), rules())
    spec = write_spec(metrics=METRIC, gates=[{"name": "no-slower", "metric": MS, "max": "+5%"}])
    found = data("gate", run, "--spec", spec, code=3)
    assert [(each["cell"], each["status"]) for each in found["findings"]] == [("fast", "pass"), ("slow", "fail")]
    other = write_spec(
        "other.yaml",
        metrics=METRIC,
        axes=[{"name": "mitigation", "values": ["none", "slow"]}],
        catalog={"mitigations": {"slow": {"env": {"A": "1"}}}},
        baseline={"match": {"mitigation": "slow"}},
        gates=[{"name": "no-slower", "metric": MS, "max": "+5%"}],
    )
    found = data("gate", run, "--spec", other)
    assert [(each["cell"], each["status"]) for each in found["findings"]] == [("base", "pass"), ("fast", "pass")]


def test_labels_are_those_of_the_run_whatever_the_file_says() -> None:
    run = write_run("run", cells(), rules(labels={"mode": "baseline"}))
    checks = [
        {"metric": MS, "max": 5, "when": {"mode": "baseline"}},
        {"metric": MS, "max": 50, "when": {"mode": "bad"}},
    ]
    spec = write_spec(metrics=METRIC, checks=checks, axes=[{"name": "mode", "values": ["baseline", "bad"]}])
    found = data("gate", run, "--spec", spec, code=3)
    assert {each["name"] for each in found["findings"]} == {f"{MS} <= 5"}
    spec = write_spec(metrics=METRIC, checks=checks[1:], labels={"mode": "bad"})
    assert data("gate", run, "--spec", spec)["findings"] == []


def test_rules_that_ask_for_another_label_are_named_wherever_one_reads_the_verdict() -> None:
    run = write_run("run", cells(), rules(labels={"mode": "prod"}))
    gates = [{"name": "x", "metric": MS, "max": "+5%", "when": {"mode": "prd"}}]
    spec = write_spec(metrics=METRIC, gates=gates, labels={"mode": "prd"})
    line = "0 of 1 rule is looked at: gate x asks for mode prd, and this run has prod"
    found = data("gate", run, "--spec", spec)
    assert (found["verdict"], found["exitCode"], found["findings"]) == ("pass", 0, [])
    assert found["warnings"] == [line]
    done = cli("gate", run, "--spec", spec)
    assert (done.code, done.out.splitlines()[0]) == (0, f"warning: {line}")
    assert f"**Warning**: {line}" in cli("report", run, "--spec", spec).out
    assert cli("report", run, "--spec", spec, "--output", "out").err == ""
    (suite,) = ET.parse("out/junit.xml").getroot()
    assert line in [each.get("value") for each in suite.iter("property") if each.get("name") == "warning"]
    assert line in Path("out/report.html").read_text()
    assert data("gate", "out")["warnings"] == [line], "it is said anew of the stored rules"


def test_a_run_without_rules_says_so() -> None:
    run = write_run("run", cells())
    assert cli("gate", run).out.splitlines() == [
        "warning: the run has no checks and no gates: expectations alone decide",
        "pass: all 9 trials succeeded",
    ]
    assert cli("report", run).err == ""


def test_limits_in_another_unit_are_refused() -> None:
    run = write_run("run", cells(), rules(at_most(20)))
    spec = write_spec(metrics=[{**METRIC[0], "unit": "s"}], checks=[{"metric": MS, "max": 20}])
    line = refused("gate", run, "--spec", spec)
    assert line == (
        "limits.yaml: spec.metrics[0].unit: 's' is not 'ms', the unit of ms in the run; write limits in that unit"
    )


def test_the_order_in_which_the_run_ran_is_no_rule_of_the_file() -> None:
    run = write_run("run", cells(), rules(order="cells"))
    spec = write_spec(metrics=METRIC, order="rounds")
    assert cli("report", run, "--spec", spec, "--output", "out", "--no-pages").code == 0
    assert json.loads(Path("out/matrix.json").read_text())["rules"]["order"] == "cells"


def test_a_check_of_a_metric_that_the_run_has_not_is_not_kept() -> None:
    run = write_run("run", cells(), rules())
    metric = {"name": "other", "from": "keyvalue"}
    spec = write_spec(metrics=[metric], checks=[{"metric": "other", "max": 1}])
    found = data("gate", run, "--spec", spec, code=4)
    assert {each["reason"] for each in found["findings"]} == {"no-value"}


def test_a_file_that_is_no_single_matrix() -> None:
    run = write_run("run", cells(), rules())
    assert refused("gate", run, "--spec", "no.yaml").startswith("no.yaml: cannot be read: No such file")
    Path("broken.yaml").write_text("spec: [")
    assert refused("gate", run, "--spec", "broken.yaml").startswith("broken.yaml")
    write_spec("one.yaml")
    Path("two.yaml").write_text(Path("one.yaml").read_text() + "---\n" + Path("one.yaml").read_text())
    assert refused("gate", run, "--spec", "two.yaml") == "two.yaml: holds 2 matrices; --spec takes a file with one"
    wrong = write_spec("wrong.yaml", checks=[{"metric": "nobody", "max": 1}], trials=0)
    done = cli("gate", run, "--spec", wrong)
    assert done.code == 1
    assert all("wrong.yaml" in line for line in done.err.splitlines())


def test_what_a_run_says_cannot_steer_the_terminal() -> None:
    run = write_run("run", judged.hostile())
    for command in (["gate"], ["report"], ["gate", "-o", "json"], ["gate", "-o", "yaml"], ["compare", run]):
        done = cli(command[0], run, *command[1:])
        assert not {"\x1b", "\u202e"} & set(done.out + done.err), command


# -- report --------------------------------------------------------------------------------------------------------


def test_a_report_is_that_of_the_run() -> None:
    files = files_of(judged.triage(), judged.RULES)
    run = str(write_files(Path("run"), files))
    done = cli("report", run)
    assert (done.code, done.err) == (0, "")
    assert f"{Path('run').resolve().as_uri()}" in done.out
    there = done.out.replace(Path("run").resolve().as_uri(), "s3://results/somewhere")
    assert there == files["matrix.md"].decode()


@pytest.mark.parametrize("name", ["unfinished", "nothing", "one_cell"])
def test_a_report_of_little(name: str) -> None:
    assert cli("report", write_run("run", judged.JUDGED[name]())).code == 0


def test_every_file_of_the_report_is_written_and_read_again() -> None:
    run = write_run("run", judged.one_cell(), judged.RULES)
    done = cli("report", run, "--output", "out")
    assert (done.code, done.err) == (0, "")
    names = {path.relative_to("out").as_posix() for path in Path("out").rglob("*") if path.is_file()}
    assert {*files_of(judged.one_cell()), "report.html"} <= names
    assert done.out == f"{len(names)} files written; look at out/report.html\n"
    assert cli("gate", "out").out == cli("gate", "run").out


def test_nothing_is_overwritten() -> None:
    run = write_run("run", cells())
    for command in ("report", "export"):
        assert refused(command, run, "--output", "run").startswith("--output run: is not empty")
    assert "--no-pages is for --output" in refused("report", run, "--no-pages")


def test_a_page_holds_the_end_of_a_log_that_failed_and_nothing_of_it_is_live() -> None:
    made = summary({"base": [10, 10], "fast": [9, Outcome.UNEXPECTED_EXIT], "slow": [10, 10]})
    found, objects = with_logs(made, {("fast", 1): [b"begin\n", b"<script>alert(1)</script> no room left\n"]})
    write_files(Path("store"), objects)
    run = write_run("store/runs/1", found)
    assert cli("report", run, "--output", "out").code == 0
    page = Path("out/report.html").read_text()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; no room left" in page
    assert "<script" not in page


# -- export --------------------------------------------------------------------------------------------------------

LOGS = {("base", 0): [b"one\ntwo\n", b"three \xff\x00"], ("fast", 2): [b"fast\r\n"], ("slow", 1): [b""]}


def operator_folder(root: Path, made: Summary | None = None, *, generation: int = 3) -> Path:
    """A matrix as the operator keeps it; gives the folder of its uid."""
    found, objects = with_logs(made or cells(), LOGS)
    trials = [
        each
        if (each.cell, each.trial) in LOGS or each.record is None
        else replace(each, record=replace(each.record, log=replace(each.record.log, state=LogState.LOST)))
        for each in found.trials
    ]
    found = replace(found, trials=tuple(trials), generation=generation)
    where = root / "team-logs" / "demo" / "uid"
    write_files(where, objects)
    write_files(where, {"ledger/00000001.jsonl.zst": b"x", f"runs/{generation}/plots/a.svg": b"<svg/>"})
    write_files(where / f"runs/{generation}", files_of(found, rules(at_most(20))))
    return where


def exported_logs(folder: str) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in Path(folder, "logs").rglob("*") if p.is_file()}


WANTED = {
    "logs/base/0-0.log": b"one\ntwo\nthree \xff\x00",
    "logs/fast/2-0.log": b"fast\r\n",
    "logs/slow/1-0.log": b"",
}


@pytest.mark.parametrize("part", ["", "runs/3", "runs/3/matrix.json"])
def test_an_export_has_the_very_bytes_of_the_logs(part: str) -> None:
    where = operator_folder(Path("store"))
    done = cli("export", str(where / part), "--output", "out", "--logs")
    assert (done.code, done.err) == (0, "")
    assert done.out == "7 files and 3 logs copied to out; 6 logs lost before, as the run says\n"
    assert exported_logs("out") == WANTED
    assert Path("out/plots/a.svg").read_bytes() == b"<svg/>"
    assert not list(Path("out").rglob("*.zst"))
    assert cli("gate", "out").out == cli("gate", str(where)).out
    assert cli("export", "out", "--output", "again", "--logs").code == 0
    assert exported_logs("again") == WANTED


def test_the_folder_of_a_run_can_be_where_one_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(operator_folder(Path("store")) / "runs/3")
    assert cli("export", ".", "--output", "../../../out", "--logs").code == 0
    assert exported_logs("../../../out") == WANTED


def test_logs_that_lie_elsewhere() -> None:
    where = operator_folder(Path("store"))
    (where / "runs/3").rename("alone")
    line = refused("export", "alone", "--output", "out", "--logs")
    assert line == f"no log of the run is in {Path('alone').resolve().as_uri()}; leave out --logs, or name its store"
    assert not Path("out").exists()
    assert cli("export", "alone", "--output", "out").code == 0


def test_one_log_that_is_gone_or_changed_keeps_no_other_back() -> None:
    where = operator_folder(Path("store"))
    (gone,) = (path for path in (where / "logs").rglob("*.zst") if "/2/" in path.as_posix())
    gone.unlink()
    done = cli("export", str(where), "--output", "out", "--logs")
    assert done.code == 1
    assert done.err == f"batchmatrix: the log of trial 2 of fast is not in {where.resolve().as_uri()}\n"
    assert exported_logs("out") == {name: text for name, text in WANTED.items() if "fast" not in name}
    text = (where / "runs/3/matrix.json").read_text()
    (where / "runs/3/matrix.json").write_text(text.replace('"sha256": "', '"sha256": "0'))
    done = cli("export", str(where), "--output", "other", "--logs")
    assert done.code == 1
    assert "the log of trial 0 of base is not as it was recorded" in done.err


def test_a_damaged_log_leaves_nothing_behind() -> None:
    where = operator_folder(Path("store"))
    (bad,) = (path for path in (where / "logs").rglob("*.zst") if "/2/" in path.as_posix())
    bad.write_bytes(bad.read_bytes()[:-1])
    assert "is not a log chunk or is damaged" in refused("export", str(where), "--output", "out", "--logs")
    assert not Path("out").exists()


def test_no_name_of_a_cell_leads_out_of_the_folder(folder: Path) -> None:
    evil = ("../../evil", "/tmp/evil-of-a-test", ".hidden", "a/b\\c")
    made, objects = with_logs(summary({name: [1] for name in evil}), {(name, 0): [name.encode()] for name in evil})
    write_files(Path("run"), {**objects, **files_of(made)})
    done = cli("export", "run", "--output", "deep/er/out", "--logs")
    assert (done.code, done.err) == (0, "")
    assert sorted(exported_logs("deep/er/out").values()) == sorted(name.encode() for name in evil)
    assert all(len(Path(name).parts) == 3 for name in exported_logs("deep/er/out"))
    assert not [path for path in folder.rglob("*evil*") if folder / "deep/er/out" not in path.parents]
    assert not Path("/tmp/evil-of-a-test").exists()


def test_a_key_of_a_log_leads_nowhere_else() -> None:
    Path("secret").mkdir()
    made, objects = with_logs(cells(), {("base", 0): [b"mine"]})
    write_files(Path("secret"), {key.rsplit("/", 1)[1]: data for key, data in objects.items()})
    text = files_of(made)["matrix.json"].decode().replace(f"/{next(iter(objects)).rsplit('/', 1)[0]}", "/../secret")
    assert "/../secret" in text
    write_files(
        Path("run"), {"matrix.json": text.replace("triage/demo/6f1c0e5a-1111-4222-8333-000000000001/..", "..").encode()}
    )
    done = cli("export", "run", "--output", "out", "--logs")
    assert done.code == 1
    assert not Path("out").exists()


def test_only_files_of_results_are_copied() -> None:
    write_run("run", cells())
    Path("run/.hidden").write_text("mine")
    Path("outside.txt").write_text("mine")
    Path("run/link.txt").symlink_to(Path("outside.txt").resolve())
    assert cli("export", "run", "--output", "out").code == 0
    assert {path.name for path in Path("out").rglob("*")} == set(files_of(cells()))


# -- compare -------------------------------------------------------------------------------------------------------


def test_the_later_run_is_held_against_the_earlier() -> None:
    before, after = write_run("before", cells(10), rules()), write_run("after", cells(20), rules())
    for old, new, word in ((before, after, "slower"), (after, before, "faster"), (before, before, "equivalent")):
        found = data("compare", old, new)
        words = {(each["cell"], each["metric"]): each["word"] for each in found["comparisons"]}
        assert words["slow", MS] == word
        assert words["slow", ""] == "no evidence"
        assert words["base", MS] in ("equivalent", "no evidence")
    done = cli("compare", before, after)
    assert (done.code, done.err) == (0, "")
    assert "· slower ·" in " ".join(done.out.split())
    assert "were made at different times" in done.out


def test_the_rules_of_a_file_compare() -> None:
    before, after = write_run("before", cells(10), rules()), write_run("after", cells(20), rules())
    spec = write_spec(metrics=[{**METRIC[0], "direction": "higher"}], compare={"minTrials": 4})
    few = {each["word"] for each in data("compare", before, after, "--spec", spec)["comparisons"] if each["metric"]}
    assert few == {"not comparable"}
    spec = write_spec(metrics=[{**METRIC[0], "direction": "higher"}])
    words = {each["cell"]: each["word"] for each in data("compare", before, after, "--spec", spec)["comparisons"]}
    assert words["slow"] == "better"


def test_runs_without_a_cell_in_common() -> None:
    done = cli("compare", write_run("run", cells()), write_run("other", summary({"new": [1, 2]})))
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "3 cells only before: not compared",
        "1 cell only after: not compared",
        "the two runs have no cell in common: no values of all axes are the same",
    ]
