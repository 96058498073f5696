"""Lists and watches that are old, thinned, too old, silent or of no use: rows 2 to 6."""

from __future__ import annotations

import itertools
import socket
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from batchmatrix.base.quantities import parse_duration
from batchmatrix.settings import ApiSettings
from tests.support.cluster import Json
from tests.support.faults import acts
from tests.support.faults.bench import QUICK, Bench
from tests.support.faults.matrices import eventful, eventful_play, plain
from tests.support.faults.plays import PodPlay, Trial
from tests.support.faults.proxy import Answer, Call
from tests.support.wait import Pending

Stage = Callable[..., AbstractContextManager[Bench]]
Undisturbed = Callable[..., Any]

CHILDREN = ("jobs", "pods")
WATCHED = ("jobs", "pods", "nodes", "batchmatrices", "matrixcatalogs")
IMPATIENT = {"api": {**QUICK["api"], "relist": "3s", "watchSilence": "4s"}}
"""Full lists and the end of a silence come soon."""


def half_quick(trial: Trial) -> PodPlay:
    """Trial 0 ends at once, trial 1 after some seconds."""
    return PodPlay(delay="8s") if trial.trial else PodPlay()


def full(call: Call) -> bool:
    """A list of all that is ours, not of one Job's pods."""
    return call.query.get("labelSelector") == "batchmatrix.dev/matrix-uid"


def recorded(case: Bench, count: int) -> None:
    case.wait(
        lambda: len(case.records()) >= count or Pending(len(case.records())), what=f"{count} trials to be recorded"
    )


@pytest.mark.parametrize("moment", ["before", "midway"])
def test_row_02_a_restart_against_an_old_list_repeats_nothing(
    moment: str, stage: Stage, undisturbed: Undisturbed
) -> None:
    matrix = plain("old", trials=2, retention={"jobs": "none"})
    expected = undisturbed(matrix, half_quick)
    with stage(play=half_quick, settings=IMPATIENT) as case:
        old: dict[str, list[Answer]] = {kind: [] for kind in CHILDREN}
        keeping = [case.api.add(acts.kept(old[kind]), f"list {kind}", where=full, times=None) for kind in CHILDREN]
        case.operator.start()
        case.kube.create("batchmatrices", matrix)
        recorded(case, 2)
        # the first lists held nothing; the last ones hold pods that ran, some of which are recorded by now
        shown = {kind: answers[0 if moment == "before" else -1] for kind, answers in old.items()}
        case.operator.kill()
        for rule in keeping:
            rule.times = 0
        stale = [case.api.add(acts.replay(shown[kind]), f"list {kind}", where=full, times=None) for kind in CHILDREN]
        mute = [case.api.add(acts.silence(), f"watch {kind}", times=None) for kind in CHILDREN]
        made = len(case.api.made("create jobs"))
        case.operator.start()
        if moment == "before":  # it knows of no Job, so it sends those of the trials without a record again

            def told() -> list[int | None] | Pending:
                answers = [call.told for call in case.api.made("create jobs")[made:]]
                return answers if len(answers) == 2 and None not in answers else Pending(answers)

            assert case.wait(told, what="Jobs to be sent") == [409, 409]
        else:
            case.wait(lambda: case.api.made("get leases")[1:] or Pending(case.kinds()), what="the operator to be back")
            for rule in stale:
                case.until_done(rule, times=2)
        for rule in (*stale, *mute):
            rule.times = 0
        case.settled("old")
        case.ends_as("old", expected)


def test_row_02_an_old_list_of_matrices_brings_no_old_generation_back(stage: Stage) -> None:
    with stage(play=half_quick, settings=IMPATIENT) as case:
        case.kube.create("batchmatrices", plain("edited", trials=1))
        old: list[Answer] = []
        keeping = case.api.add(acts.kept(old), "list batchmatrices")
        case.operator.start()
        case.until_done(keeping)
        case.kube.patch("batchmatrices", "edited", {"spec": {"trials": 2}})
        case.wait(
            lambda: len(case.kube.list("jobs")) == 4 or Pending(case.kinds()), what="the trials of the edit to be sent"
        )
        case.operator.kill()
        stale = case.api.add(acts.replay(old[0]), "list batchmatrices", times=None)
        mute = case.api.add(acts.silence(), "watch batchmatrices", times=None)
        case.operator.start()
        case.until_done(stale, times=2)  # at the start, and at a resync
        recorded(case, 4)
        stale.times = mute.times = 0
        case.settled("edited", generation=2)
        assert {record["outcome"] for record in case.records()} == {"Succeeded"}
        assert len(case.records()) == len(case.api.made("create jobs")) == 4


def test_what_a_watch_does_not_tell_is_found_within_a_minute() -> None:
    assert parse_duration(ApiSettings().relist) <= 60


@pytest.mark.parametrize("kinds", [("ADDED", "MODIFIED"), ("MODIFIED",)])
def test_row_03_events_of_jobs_and_pods_that_never_come_are_found_by_lists(
    kinds: tuple[str, ...], stage: Stage, undisturbed: Undisturbed
) -> None:
    expected = undisturbed(eventful("kills"), eventful_play)
    with stage(play=eventful_play, settings=IMPATIENT) as case:
        dropped: list[str] = []

        def unwanted(event: str, raw: dict[str, Any]) -> bool:
            if event in kinds:
                dropped.append(raw["metadata"]["name"])
            return event in kinds

        for child in CHILDREN:
            case.api.add(acts.drop_events(unwanted), f"watch {child}", times=None)
        case.operator.start()
        case.kube.create("batchmatrices", eventful("kills"))
        case.settled("kills")
        case.ends_as("kills", expected)
        case.wait(lambda: dropped or Pending(case.kinds()), what="an event to be kept back")


def test_row_03_a_pod_whose_deletion_is_never_told_is_missed_at_the_next_list(stage: Stage) -> None:
    """Taken away by force, so that no event but the one that is kept back would tell."""
    with stage(play=lambda _trial: PodPlay(hold=True), settings=IMPATIENT) as case:
        for child in CHILDREN:
            case.api.add(
                acts.drop_events(lambda kind, raw: kind == "DELETED" or "deletionTimestamp" in raw["metadata"]),
                f"watch {child}",
                times=None,
            )
        case.operator.start()
        case.kube.create("batchmatrices", plain("forced", cells=1))

        def running() -> Json | Pending:
            status = case.kube.get("batchmatrices", "forced").get("status", {})
            return status if status.get("running") == 1 else Pending(status)

        case.wait(running, what="the trial to run")
        (pod,) = case.kube.list("pods")
        name = pod["metadata"]["name"]
        others = [each for each in pod["metadata"]["finalizers"] if not each.startswith("batchmatrix.dev/")]
        case.kube.patch("pods", name, {"metadata": {"finalizers": others}})
        case.kube.delete("pods", name, grace=0, missing_ok=True)
        found = case.settled("forced")
        assert found["status"]["trials"]["succeeded"] == 0
        assert [record["podUid"] for record in case.records()] == [pod["metadata"]["uid"]]


def test_row_03_events_of_matrices_that_never_come_are_found_by_lists(stage: Stage) -> None:
    with stage(settings=IMPATIENT) as case:
        mute = case.api.add(acts.drop_events(lambda kind, _raw: kind != "BOOKMARK"), "watch batchmatrices", times=None)
        case.operator.start()
        case.until_done(mute)
        case.kube.create("batchmatrices", plain("unseen", cells=1, trials=1))
        case.settled("unseen")
        case.kube.patch("batchmatrices", "unseen", {"spec": {"trials": 2}})
        case.settled("unseen", generation=2)
        assert len(case.records()) == len(case.api.made("create jobs")) == 2


def short_pages(call: Call) -> None:
    """Lists of more than two objects come in several pages."""
    call.path = call.path.replace("limit=500", "limit=2")


def test_row_04_lists_and_watches_that_are_too_old_begin_anew(stage: Stage, undisturbed: Undisturbed) -> None:
    matrix = plain("old", trials=2, retention={"jobs": "none"})
    expected = undisturbed(matrix, half_quick)
    expired = acts.refuse(410, "Expired", "The provided continue parameter is too old")
    gone = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}}
    with stage(play=half_quick, settings=IMPATIENT) as case:
        case.api.prepare.append(short_pages)
        for kind in CHILDREN:
            case.api.add(expired, f"watch {kind}", first=2)
            case.api.add(acts.answer(200, str(gone).replace("'", '"').encode() + b"\n"), f"watch {kind}", first=2)
        midway = [
            case.api.add(expired, f"list {kind}", where=lambda call: "continue" in call.query, times=2)
            for kind in CHILDREN
        ]
        case.operator.start()
        case.kube.create("batchmatrices", matrix)
        for rule in midway:
            case.until_done(rule, times=2)
        case.settled("old")
        assert case.deaths == []
        case.ends_as("old", expected)


def test_row_04_matrices_whose_list_or_watch_is_too_old_are_listed_anew(stage: Stage) -> None:
    expired = acts.refuse(410, "Expired", "The provided continue parameter is too old")
    gone = b'{"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}}\n'
    names = ("a", "b", "c")
    with stage(settings=IMPATIENT) as case:
        case.api.prepare.append(short_pages)
        rules = [
            case.api.add(expired, "list batchmatrices", where=lambda call: "continue" in call.query),
            case.api.add(acts.answer(200, gone), "watch batchmatrices"),
            case.api.add(expired, "watch batchmatrices"),
        ]
        for name in names:
            case.kube.create("batchmatrices", plain(name, cells=1))
        case.operator.start()
        for rule in rules:
            case.until_done(rule)
        for name in names:
            case.settled(name)
        case.kube.create("batchmatrices", plain("d", cells=1))
        case.settled("d")
        assert case.deaths == []
        assert len(case.records()) == len(case.api.made("create jobs")) == 4


def test_row_05_watches_that_fall_silent_are_opened_anew(stage: Stage, undisturbed: Undisturbed) -> None:
    expected = undisturbed(eventful("kills"), eventful_play)
    # a full list must not be what finds it
    with stage(play=eventful_play, settings={"api": {**IMPATIENT["api"], "relist": "10m"}, "resync": "10m"}) as case:
        mute = [case.api.add(acts.silence(), f"watch {kind}") for kind in WATCHED]
        case.operator.start()
        for rule in mute:
            case.until_done(rule)
        case.kube.create("batchmatrices", eventful("kills"))
        case.settled("kills")
        assert case.deaths == []
        case.ends_as("kills", expected)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def readiness(port: int) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def test_row_06_watches_that_are_closed_at_once_are_not_asked_in_a_hurry_and_show_in_readiness(stage: Stage) -> None:
    port = free_port()
    settings: Json = {"probes": {"port": port}, "api": {**QUICK["api"], "relist": "10m"}}
    with stage(settings=settings) as case:
        shut = [case.api.add(acts.close_at_once(), f"watch {kind}", times=None) for kind in WATCHED]
        case.operator.start()
        for rule in shut:
            case.until_done(rule, times=4)
        status, said = case.wait(
            lambda: told if (told := readiness(port))[0] == 503 else Pending(told), what="it to be unready"
        )
        assert status == 503
        assert "closed at once" in said or "brought nothing" in said
        for kind in WATCHED:
            times = [call.time for call in case.api.made(f"watch {kind}")]
            assert all(after - before >= 1 for before, after in itertools.pairwise(times)), (kind, times)
        for rule in shut:
            rule.times = 0
        case.kube.create("batchmatrices", plain("late", cells=1))
        case.settled("late")
        case.wait(lambda: told if (told := readiness(port))[0] == 200 else Pending(told), what="it to be ready")
        assert case.deaths == []


def test_a_watch_of_matrices_that_has_failed_for_good_ends_the_process_and_the_next_one_goes_on(stage: Stage) -> None:
    """As where the CRD is deleted, after which the library that watches does not try again, and may not end either."""
    with stage(play=half_quick) as case:
        lost = case.api.add(acts.refuse(404, "NotFound"), "watch batchmatrices", first=2)
        case.api.add(acts.cut_once(lambda: bool(case.records())), "watch batchmatrices")
        case.operator.start()
        case.kube.create("batchmatrices", plain("next", trials=2))
        case.until_done(lost)
        case.wait(lambda: case.deaths or Pending(case.operator.tail()), what="the process to end")
        case.settled("next")
        assert len(case.records()) == len(case.api.made("create jobs")) == 4
