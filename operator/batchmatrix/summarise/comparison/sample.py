"""What the trials of one cell say: which of them count, which failed, and their values of one metric."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from batchmatrix.model.evidence import Outcome
from batchmatrix.model.record import Record
from batchmatrix.model.summary import TrialResult
from batchmatrix.summarise.trials import failed_by_itself, number, reading, selected

__all__ = ["Trials", "Values", "gather", "values"]


@dataclass(frozen=True, slots=True)
class Trials:
    """The trials of one cell, sorted by what they mean for its failure rate. Records are in order of their trials."""

    planned: int
    passed: tuple[Record, ...] = ()
    failed: tuple[Record, ...] = ()
    """By the workload's own doing, in the last attempt or one before it since the newest rerun."""
    excluded: tuple[Record, ...] = ()
    """Ended by infrastructure, a queue or a person: that says nothing about the cell."""
    retried: int = 0
    """Of `failed`, how many passed on a retry."""
    unrecorded: tuple[int, ...] = ()
    """Numbers of trials that failed and have no last result, as another attempt was asked for and never made."""
    selected: bool = False
    """Only some of all its trials were asked to run again, those in none of the groups among them."""

    @property
    def counted(self) -> tuple[Record, ...]:
        """Those that go into the failure rate, in order of their trials; `unrecorded` go into it too."""
        return tuple(sorted((*self.passed, *self.failed), key=_trial))

    @property
    def numbers(self) -> tuple[int, ...]:
        """Numbers of all trials that go into the failure rate, in order."""
        return tuple(sorted((*self.unrecorded, *(record.id.trial for record in self.counted))))

    @property
    def failures(self) -> int:
        """How many of these failed."""
        return len(self.failed) + len(self.unrecorded)

    @property
    def causes(self) -> Counter[Outcome]:
        """Outcomes of `excluded`."""
        return Counter(record.outcome for record in self.excluded)


@dataclass(frozen=True, slots=True)
class Values:
    """One metric of one cell: a number per trial that passed, in order of the trials."""

    numbers: tuple[float, ...]
    records: tuple[Record, ...]
    """Where the numbers are from."""
    planned: int
    failed: int
    """Trials that failed; what they measured before is not counted, and never made up."""

    @property
    def missing(self) -> int:
        """Trials without a number, for whatever cause."""
        return self.planned - len(self.numbers)


def gather(results: Iterable[TrialResult], planned: int) -> Trials:
    """The results of one cell of so many trials; what is not done yet and has not failed is in none of the groups."""
    passed, failed, excluded, unrecorded, retried = [], [], [], [], 0
    all_ = tuple(results)
    for result in all_:
        record, bad = result.record, failed_by_itself(result)
        if record is None:
            unrecorded += [result.trial] if bad else []
        elif bad:
            failed.append(record)
            retried += record.outcome is Outcome.SUCCEEDED
        elif bad is None:
            excluded.append(record)
        else:
            passed.append(record)
    good, wrong, others = (tuple(sorted(group, key=_trial)) for group in (passed, failed, excluded))
    return Trials(planned, good, wrong, others, retried, tuple(sorted(unrecorded)), selected(all_))


def values(trials: Trials, metric: str) -> Values:
    """The metric in all trials that passed; nan and infinite values are none."""
    found = [(record, value) for record in trials.passed if (value := number(reading(record, metric))) is not None]
    numbers, records = tuple(value for _, value in found), tuple(record for record, _ in found)
    return Values(numbers, records, trials.planned, trials.failures)


def _trial(record: Record) -> tuple[int, int]:
    return record.id.trial, record.id.attempt
