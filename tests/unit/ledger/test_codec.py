"""The JSON of an entry: fixed, whole, and strict about what must not be overlooked."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from batchmatrix.ledger.codec import decode_line, encode_line
from batchmatrix.model.evidence import Blame, Captured, HoldRequest, LogState, Outcome
from batchmatrix.model.metric import MetricValue
from tests.support.golden import Golden
from tests.support.ledgers import a_reading, a_record, an_intent, an_operation


def test_the_json_of_a_record_is_fixed(golden: Golden) -> None:
    golden("ledger/record.jsonl", encode_line(a_record(7)))


def test_the_json_of_an_intent_is_fixed(golden: Golden) -> None:
    golden("ledger/intent.jsonl", encode_line(an_intent(7)))


def test_the_json_of_an_operation_is_fixed(golden: Golden) -> None:
    golden("ledger/operation.jsonl", encode_line(an_operation(7)))


def test_the_json_of_a_reading_is_fixed(golden: Golden) -> None:
    golden("ledger/reading.jsonl", encode_line(a_reading(7)))


@pytest.mark.parametrize(
    "entry",
    [
        a_record(),
        an_intent(),
        an_operation(),
        an_operation(action="cancel", scope="", trials={}, message="line\nfeed"),
        a_reading(),
        a_record(
            job="",
            pod="",
            pod_uid="",
            node="",
            exit_code=None,
            signal=9,
            started="",
            run_seconds=None,
            gpu_seconds=None,
            outcome=Outcome.UNSCHEDULABLE,
            blame=Blame.NOBODY,
            log=Captured(LogState.NONE),
        ),
        a_record(hold_until="2025-06-15T15:12:42Z", log=replace(a_record().log, hold=HoldRequest(1.5, None))),
        a_record(log=replace(a_record().log, hold=HoldRequest())),
        a_record(log=replace(a_record().log, long_lines=3, malformed=1)),
        replace(a_reading(), long_lines=3, malformed=1),
        a_record(message='line\nfeed, "quotes" and \u2028, \u0000'),
    ],
)
def test_what_is_written_is_read_back(entry: Any) -> None:
    line = encode_line(entry)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode_line(line) == entry


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_survives(outcome: Outcome) -> None:
    entry = decode_line(encode_line(a_record(outcome=outcome)))
    assert entry == a_record(outcome=outcome)


def test_text_that_is_no_unicode_does_not_keep_a_record_out() -> None:
    metric = MetricValue("\ud800bad", "mean", 1.0, 1)
    record = a_record(message="x\udcffy", log=replace(a_record().log, metrics=(metric,)))
    read = decode_line(encode_line(record))
    assert read == a_record(message="x���y", log=replace(a_record().log, metrics=(replace(metric, name="���bad"),)))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_json_cannot_hold_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        encode_line(a_record(run_seconds=value))


def changed(**fields: Any) -> bytes:
    data = json.loads(encode_line(a_record())) | fields
    return json.dumps({key: value for key, value in data.items() if value is not ...}).encode()


def test_a_record_of_before_there_were_reasons_and_holds_is_read_without_them() -> None:
    assert decode_line(changed(reason=..., holdUntil=..., podReason=...)) == a_record(reason="")


def test_fields_of_a_later_version_are_ignored() -> None:
    log = json.loads(encode_line(a_record()))["log"] | {"later": 1}
    assert decode_line(changed(later={"any": "thing"}, log=log)) == a_record()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (changed(schema=2), "schema 2 is not 1"),
        (changed(schema=...), "schema None is not 1"),
        (changed(kind="token"), "kind 'token', which this version does not know"),
        (changed(podUid=...), "a record has no field 'podUid'"),
        (changed(node=5), "a record has a field of the wrong type"),
        (changed(outcome="Nice"), "'Nice' is not a valid Outcome"),
        (
            re.sub(rb'"trials":.*}},', b'"trials":[],', encode_line(an_operation())),
            "operation has a field of the wrong",
        ),
        (b"[]", "not a JSON object"),
        (b"{", "Expecting"),
    ],
)
def test_what_cannot_be_read_is_said(line: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        decode_line(line)
