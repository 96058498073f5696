"""Every field of an entry survives the ledger, one that is added tomorrow too."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from batchmatrix.ledger.codec import decode_line, encode_line
from batchmatrix.model.evidence import Captured
from batchmatrix.model.metric import MetricValue
from batchmatrix.model.operation import OperationEntry
from batchmatrix.model.record import IntentEntry, ReadingEntry, Record

NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False)


def whole(kind: type, **given: Any) -> st.SearchStrategy[Any]:
    """Any object of a data class with every field chosen, those with defaults too."""
    chosen: dict[str, Any] = {each.name: NUMBERS if each.type == "float | None" else ... for each in fields(kind)}
    return st.builds(kind, **(chosen | given))


METRICS = st.lists(whole(MetricValue), max_size=3).map(tuple)


# whether a reading has turned an outcome is no part of the record, and imported runs, which alone have more logs than
# one for an attempt, have no ledger
RECORDS = whole(Record, log=whole(Captured, metrics=METRICS), turned=st.just(False), more_logs=st.just(()))


@given(RECORDS | whole(IntentEntry) | whole(OperationEntry) | whole(ReadingEntry, metrics=METRICS))
def test_any_entry_is_read_back_as_it_was(entry: Record | IntentEntry | OperationEntry | ReadingEntry) -> None:
    line = encode_line(entry)
    assert line.count(b"\n") == 1
    assert decode_line(line) == entry
    assert encode_line(decode_line(line)) == line
