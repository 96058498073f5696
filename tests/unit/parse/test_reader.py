from __future__ import annotations

import pytest

from batchmatrix.base.errors import InvalidSpec
from batchmatrix.model.evidence import HoldRequest
from batchmatrix.model.metric import MetricDefinition, MetricValue, ReadingRules
from batchmatrix.parse.reader import MAX_LINE, LogReader, ParseReport, parser_digest

ACC = MetricDefinition(name="acc", source="prefix", required=True, unit="%")
LOSS = MetricDefinition(name="loss", source="keyvalue", strategy="mean")
EVAL = MetricDefinition(name="eval", source="json", key="eval.loss", strategy="min")
ERRORS = MetricDefinition(name="errors", source="regex", pattern="ERROR", strategy="count")


def read(log: bytes, *definitions: MetricDefinition) -> ParseReport:
    reader = LogReader(ReadingRules(definitions))
    reader.write(log)
    return reader.result()


def values(report: ParseReport) -> list[float | None]:
    return [metric.value for metric in report.metrics]


def test_all_forms_in_one_log() -> None:
    log = b'::metric {"name":"acc","value":91}\nloss=1 loss=2\n{"eval":{"loss":4}}\nERROR\nERROR loss=3'
    report = read(log, ACC, LOSS, EVAL, ERRORS)
    assert values(report) == [91.0, 2.0, 4.0, 2.0]
    assert report.metrics[0] == MetricValue(name="acc", strategy="latest", value=91.0, count=1, unit="%")
    assert report.missing == ()


def test_two_metrics_of_one_name() -> None:
    first = MetricDefinition(name="first", source="keyvalue", key="loss", strategy="first")
    assert values(read(b"loss=1\nloss=3\n", first, LOSS)) == [1.0, 2.0]


def test_names_that_are_not_declared_are_left_out() -> None:
    assert values(read(b'::metric {"name":"other","value":1}\n', ACC)) == [None]


@pytest.mark.parametrize("log", [b"", b'::metric {"name":"acc","value":"bad"}\n', b"acc=1\n"])
def test_a_required_metric_without_a_valid_value_is_missing(log: bytes) -> None:
    assert read(log, ACC, LOSS).missing == ("acc",)


def test_a_required_count_of_nothing_is_missing() -> None:
    assert read(b"", MetricDefinition(name="n", source="regex", pattern="x", strategy="count", required=True)).missing


def test_a_mark_that_cannot_be_read_is_counted() -> None:
    assert read(b"::metric {\n::metric {}\n::metrics\n", ACC).malformed == 2


@pytest.mark.parametrize("definitions", [(LOSS,), (LOSS, ERRORS), (EVAL,), ()])
@pytest.mark.parametrize("step", [1000, MAX_LINE, 10**9])
def test_long_lines_are_skipped_and_counted(definitions: tuple[MetricDefinition, ...], step: int) -> None:
    fits = b"loss=5 " + b"x" * (MAX_LINE - 7)
    log = b"a\n" + fits + b"\n" + fits + b"y\nloss=7\n" + b"z" * 200_000 + b"\n\n" + b"loss=1 " + b"z" * MAX_LINE
    reader = LogReader(ReadingRules(definitions))
    for begin in range(0, len(log), step):
        reader.write(log[begin : begin + step])
    report = reader.result()
    assert report.long_lines == 3
    if LOSS in definitions:
        assert report.metrics[0].value == 6.0


def test_what_is_held_back_is_bounded() -> None:
    reader = LogReader(ReadingRules((LOSS,)))
    for _ in range(100):
        reader.write(b"x" * 50_000)
        assert len(reader._open) <= MAX_LINE
    reader.write(b"\nloss=1\n")
    assert reader.result().metrics[0].value == 1.0


def test_a_dropped_line_is_not_read() -> None:
    reader = LogReader(ReadingRules((LOSS,)))
    reader.write(b"loss=2\nloss=1")
    reader.drop_line()
    reader.write(b"0\nloss=4\n")
    assert reader.result().metrics[0].value == 3.0


def test_a_carriage_return_is_not_part_of_a_line() -> None:
    definition = MetricDefinition(name="x", source="regex", pattern=r"x (\d+)$")
    assert values(read(b"x 1\r\nx 2\r\n", definition)) == [2.0]


def test_the_digest_is_of_all_rules() -> None:
    assert parser_digest(ReadingRules((LOSS,))) == read(b"", LOSS).parser
    rules = [ReadingRules(metrics) for metrics in ((LOSS,), (EVAL,), (LOSS, EVAL), (EVAL, LOSS), ())]
    rules += [ReadingRules((LOSS,), end_marker="DONE"), ReadingRules((LOSS,), end_marker="END")]
    assert len({parser_digest(each) for each in rules}) == 7


@pytest.mark.parametrize(
    ("log", "missing"),
    [(b"loss=1\nDONE\n", ""), (b"x" * 2 * MAX_LINE + b"DONE", ""), (b"loss=1\nDON", "DONE"), (b"", "DONE")],
)
def test_the_end_marker_is_looked_for_in_lines_of_any_length(log: bytes, missing: str) -> None:
    reader = LogReader(ReadingRules((LOSS,), end_marker="DONE"))
    reader.write(log)
    assert reader.result().missing_marker == missing


def test_the_end_marker_is_not_put_together_over_a_gap() -> None:
    reader = LogReader(ReadingRules(end_marker="DONE"))
    reader.write(b"DO")
    reader.drop_line()
    reader.write(b"NE\n")
    assert reader.result().missing_marker == "DONE"


def test_all_hold_lines_count_together() -> None:
    log = b"::hold for=5m\n  ::hold until=2026-01-01T00:00:00Z\r\n::hold for=90s\n+ echo ::hold for=9h\n::hold for=1m"
    assert read(log, LOSS).hold == HoldRequest(until=1767225600.0, seconds=300.0)
    assert read(b"x::hold for=5m\n", LOSS).hold is None


def test_every_problem_of_the_definitions_is_said() -> None:
    bad = [
        MetricDefinition(name="a", source="regex", pattern="("),
        MetricDefinition(name="b", source="xml"),
        MetricDefinition(name="c", source="json", strategy="median"),
        LOSS,
    ]
    with pytest.raises(InvalidSpec) as caught:
        LogReader(ReadingRules(tuple(bad)))
    assert [problem.path for problem in caught.value.problems] == ["metrics[a]", "metrics[b]", "metrics[c]"]
