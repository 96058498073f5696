from __future__ import annotations

import re

import pytest

from batchmatrix.launch.names import job_annotations, job_labels, job_name
from tests.support.kube import HASH, launch

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
LONGEST = {"name": "m" * 35, "namespace": "triage"}


def test_a_name_says_matrix_cell_trial_and_attempt() -> None:
    assert job_name(launch(trial=7, attempt=2)) == f"hang-{HASH[:10]}-t7-a2"


@pytest.mark.parametrize(
    ("trial", "attempt", "length"), [(0, 0, 52), (99999, 0, 56), (99999, 99, 57), (99999, 99_999_999, 63)]
)
def test_the_longest_names_fit(trial: int, attempt: int, length: int) -> None:
    name = job_name(launch(matrix=LONGEST, trial=trial, attempt=attempt))
    assert len(name) == length <= 63
    assert DNS_LABEL.fullmatch(name)


def test_a_name_that_does_not_fit_is_refused_and_not_cut() -> None:
    with pytest.raises(ValueError, match="64 characters"):
        job_name(launch(matrix=LONGEST, trial=99999, attempt=100_000_000))


def test_a_preflight_is_counted_over_all_generations() -> None:
    names = [
        job_name(launch(cell={"hash": "preflight", "name": "preflight"}, trial=generation, attempt=attempt))
        for generation, attempt in ((1, 0), (2, 1), (40, 12))
    ]
    assert names == ["hang-preflight-0", "hang-preflight-1", "hang-preflight-12"]


def test_other_trials_and_attempts_have_other_names() -> None:
    names = {job_name(launch(trial=trial, attempt=attempt)) for trial in range(12) for attempt in range(12)}
    assert len(names) == 144


def test_labels_are_valid_values_and_the_hash_is_whole_in_the_annotation() -> None:
    sent = launch(matrix=LONGEST, trial=99999, attempt=12, generation=3)
    labels = job_labels(sent)
    for value in labels.values():
        assert len(value) <= 63
        assert LABEL_VALUE.fullmatch(value)
    assert labels["batchmatrix.dev/cell-hash"] == HASH[:32]
    assert job_annotations(sent) == {"batchmatrix.dev/cell-hash": HASH}
    assert labels["batchmatrix.dev/generation"] == "3"
