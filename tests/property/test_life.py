"""Whatever happens in whatever order: nothing is lost, nothing runs twice unasked, no success without proof.

The steps are drawn by hypothesis and shrunk to the fewest that still break a promise; they are printed, with the seed.
`BATCHMATRIX_LIFE_STEPS` is how many are taken in all (10,000 if not said), `BATCHMATRIX_LIFE_SEED` begins them
elsewhere; `make life STEPS=1000000 SEED=7` does both, and with `QUEUES=1` a queue interferes, too. Values are sampled
and never drawn as integers: for those hypothesis takes what it finds in the modules that happen to be loaded.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from batchmatrix.model.cell import MatrixRef
from batchmatrix.model.observed import PodState
from tests.support.life import LANDING, LEASE, Fault, Life, Startup, Work
from tests.support.seats import WATCHES, Death, Seat

STEPS = int(os.environ.get("BATCHMATRIX_LIFE_STEPS", "10000"))
SEED = int(os.environ.get("BATCHMATRIX_LIFE_SEED", "1"))
PARTS = 4
"""Tests that the steps are divided among, so that two cores can share them."""
QUEUES = os.environ.get("BATCHMATRIX_LIFE_QUEUES") == "1"
"""Whether a queue suspends Jobs and lets them run again, which nothing asks for as long as spec.queue is refused."""
SHRINKING = float(os.environ.get("BATCHMATRIX_LIFE_SHRINKING", "60"))
"""Seconds that a failure is made smaller."""
LENGTH = 40
"""Steps of one history."""
PATIENCE = 4 * 3600.0
"""Simulated seconds in which everything must come to its end once nothing is wrong any more."""

Json = dict[str, Any]

pauses = st.sampled_from([0.0, 0.0, 0.3, 1.0, 2.0, 7.0, 16.0, 31.0, 50.0, 130.0])
"""Simulated seconds after a step."""
picks = st.sampled_from(range(6))
lateness = st.sampled_from([1.0, 12.0, LANDING - 1.0])

RETRIES: list[Json] = [
    {},
    {"UnexpectedExit": {"limit": 1}, "Timeout": {"limit": 1}, "Interrupted": {"limit": 1}},
    {"UnexpectedExit": {"limit": 2}, "Interrupted": {"limit": 2}, "LogLost": {"limit": 1}, "Incomplete": {"limit": 1}},
    {"NodeLost": {"limit": 0}, "Evicted": {"limit": 1}, "Preempted": {"limit": 0}, "OOMKilled": {"limit": 0}},
]
METRIC: Json = {"name": "loss", "from": "keyvalue", "required": True}
EDITS: dict[str, list[Any]] = {
    "axes": [[{"name": "size", "values": values}] for values in ([8], [8, 32], [32], [64, 8])],
    "trials": [1, 2, 3],
    "parallelism": [1, 2, 5],
    "retry": RETRIES,
    "retention": [{"jobs": "none"}, {"jobs": "failed"}, {"jobs": "all", "jobsTtl": "1m"}],
    "logs": [{"mode": "auto"}, {"mode": "follow"}, {"mode": "end"}, {"mode": "follow", "maxBytes": "8"}],
    "metrics": [[], [METRIC]],
    "order": ["rounds", "cells"],
    "failFast": [False, True],
    "maxFailed": [None, 0, 1],
    "deadline": [None, "3m"],
    "preflight": [None, {"command": ["check"]}],
    "pending": [{}, {"unschedulable": "30s", "imagePull": "20s", "nodeLost": "40s", "other": "20s"}],
}
DISRUPTIONS = ["PreemptionByScheduler", "EvictionByEvictionAPI", "DeletionByPodGC"]
UNSTOPPED: Json = {"failFast": False, "maxFailed": None, "deadline": None, "suspend": False}
SCOPES = ["", ":failed", ":all", ":cells=8", ":cells=nowhere"]
TIMEOUTS = ["20s", "70s", "4m"]
VALID: Json = {"image": "app:1", "command": ["run", "$(size)"]}
INVALID: Json = {"ref": "nowhere"}
LOGS = [b"one\ntwo\n", b"loss=0.5\nno newline at its end", b"", b"loss=nan\n" * 3]

works = st.builds(
    Work,
    seconds=st.sampled_from([2.0, 4.0, 25.0, 45.0, 100.0, 1e9]),
    code=st.sampled_from([0, 0, 0, 1, 75, 137]),
    log=st.sampled_from(LOGS),
    at_stop=st.sampled_from([143, 0, 137]),
    stop_seconds=st.sampled_from([0.2, 5.0, 29.0]),
)
NEIGHBOUR = MatrixRef("triage", "neighbour", "uid-neighbour")
OOM = Work(code=137, reason="OOMKilled")


class Cluster(RuleBasedStateMachine):
    """One namespace with an operator, and everybody who interferes."""

    def __init__(self) -> None:
        super().__init__()
        self.life = Life()
        self.failed = False
        self.spec: Json = {}
        self.number = 0
        self.writers = 0
        self.tokens = 0
        self.frozen: Seat | None = None
        self.last: Seat | None = None
        self.ref = MatrixRef("triage", "demo", "")

    def go(self, seconds: float) -> None:
        """Let time pass."""
        self.failed = True
        self.life.run(seconds)
        self.failed = False

    def seat(self) -> Seat | None:
        """The process that acts."""
        return next((seat for seat in self.life.seats if seat is not self.frozen and not seat.dead), None)

    def pod(self, pick: int) -> PodState | None:
        """One of the pods that run."""
        pods = self.life.live_pods()
        return pods[pick % len(pods)] if pods else None

    def submit(self) -> None:
        self.life.submit(self.ref, **{field: value for field, value in self.spec.items() if value is not None})

    def begin(self, memory: Seat | None = None, *, matrices: bool = True) -> None:
        self.writers += 1
        Seat(self.life, writer=f"writer-{self.writers}", memory=memory, matrices=matrices)

    # The user

    @initialize(work=works, timeout=st.sampled_from(TIMEOUTS), edits=st.fixed_dictionaries({
        field: st.sampled_from(values) for field, values in EDITS.items()
    }))  # fmt: skip
    def create(self, work: Work, timeout: str, edits: Json) -> None:
        self.life.work = work
        self.spec = {**edits, "workload": {**VALID, "timeout": timeout}}
        self.make_anew(told=True, after=0.0)
        self.begin()
        self.go(0.0)

    @rule(after=st.sampled_from([3.0, 20.0, 40.0, 70.0, 350.0]))
    def time_passes(self, after: float) -> None:
        self.go(after)

    @rule(edit=st.sampled_from([(field, value) for field in EDITS for value in EDITS[field]]), after=pauses)
    def edit(self, edit: tuple[str, Any], after: float) -> None:
        self.spec[edit[0]] = edit[1]
        self.submit()
        self.go(after)

    @rule(timeout=st.sampled_from(TIMEOUTS), after=pauses)
    def edit_timeout(self, timeout: str, after: float) -> None:
        self.spec["workload"] = {**VALID, "timeout": timeout}
        self.submit()
        self.go(after)

    @rule(after=pauses)
    def make_invalid(self, after: float) -> None:
        self.spec["workload"] = INVALID
        self.submit()
        self.go(after)

    @rule(suspend=st.booleans(), after=pauses)
    def suspend(self, suspend: bool, after: float) -> None:
        self.spec["suspend"] = suspend
        self.submit()
        self.go(after)

    @rule(told=st.booleans(), after=pauses)
    def make_anew(self, told: bool, after: float) -> None:
        """The matrix is deleted, and another one gets its name."""
        if self.ref.uid in self.life.matrices:
            self.life.remove(self.ref, told=told)
        self.number += 1
        self.ref = MatrixRef("triage", "demo", f"uid-{self.number}")
        self.submit()
        self.go(after)

    @rule(after=pauses)
    def cancel(self, after: float) -> None:
        self.tokens += 1
        self.life.annotate(self.ref, cancel=f"c{self.tokens}")
        self.go(after)

    @rule(scope=st.sampled_from(SCOPES), after=pauses)
    def rerun(self, scope: str, after: float) -> None:
        self.tokens += 1
        self.life.annotate(self.ref, rerun=f"r{self.tokens}{scope}")
        self.go(after)

    @precondition(lambda self: NEIGHBOUR.uid not in self.life.matrices)
    @rule(after=pauses)
    def a_neighbour_comes(self, after: float) -> None:
        """Another matrix, which nobody does anything to."""
        self.life.submit(NEIGHBOUR, workload={**VALID, "timeout": "4m"})
        self.go(after)

    # The operator

    @rule(memory=st.booleans(), matrices=st.booleans(), after=pauses)
    def restart(self, memory: bool, matrices: bool, after: float) -> None:
        """Another process, at once; the API server that it asks may be behind, and tell of Jobs and pods first."""
        seat = self.seat()
        if seat is not None:
            seat.dead = True
            self.last = seat
            self.go(0.0)
        self.begin(self.last if memory else None, matrices=matrices)
        self.go(after)

    @rule(
        calls=st.sampled_from(range(9)),
        when=st.sampled_from(["before", "after", "late"]),
        late=lateness,
        after=pauses,
    )
    def die(self, calls: int, when: str, late: float, after: float) -> None:
        """The process will die at one of its next calls; the kubelet starts it again when it has."""
        seat = self.seat()
        if seat is not None:
            seat.death = Death(calls, when, late)
            self.last = seat
        self.go(after)
        self.go_on()

    def go_on(self) -> None:
        if self.seat() is None:
            self.begin()
            self.go(0.0)

    @precondition(lambda self: self.frozen is None)
    @rule(after=pauses)
    def take_over(self, after: float) -> None:
        """The process stands still for so long that another one gets the lease."""
        self.frozen = self.seat()
        if self.frozen is not None:
            self.frozen.freeze()
            self.go(LEASE)
            self.begin()
        self.go(after)

    @precondition(lambda self: self.frozen is not None)
    @rule(notices=st.sampled_from([0.0, 0.4, 3.0]), after=pauses)
    def thaw(self, notices: float, after: float) -> None:
        """It goes on where it stood, until it notices."""
        assert self.frozen is not None
        self.frozen.thaw(notices)
        self.frozen = None
        self.go(after)
        self.go_on()

    @rule(seconds=st.sampled_from([-3600.0, -90.0, -2.0, 2.0, 90.0, 3600.0]), after=pauses)
    def clock_jumps(self, seconds: float, after: float) -> None:
        seat = self.seat()
        if seat is not None:
            seat.clock.skew += seconds
        self.go(after)

    # Watches

    @rule(watches=st.sets(st.sampled_from(WATCHES), min_size=1), after=pauses)
    def go_deaf(self, watches: set[str], after: float) -> None:
        seat = self.seat()
        if seat is not None:
            seat.deaf |= watches
        self.go(after)

    @rule(after=pauses)
    def hear(self, after: float) -> None:
        """410 Gone: all is listed anew."""
        seat = self.seat()
        if seat is not None:
            seat.hear()
        self.go(after)

    @rule(share=st.sampled_from(range(2, 4)), after=pauses)
    def list_breaks_off(self, share: int, after: float) -> None:
        """410 Gone in the midst of it."""
        seat = self.seat()
        if seat is not None:
            seat.hear_partly(share)
        self.go(after)

    @rule(watch=st.sampled_from(["jobs", "pods"]), events=st.sampled_from(range(1, 4)), after=pauses)
    def drop_events(self, watch: str, events: int, after: float) -> None:
        seat = self.seat()
        if seat is not None:
            seat.drop[watch] += events
        self.go(after)

    # Servers

    @rule(
        verb=st.sampled_from(["create", "delete", "kill", "release", "status", "summary", "put", "put_new", "put_new"]),
        fault=st.sampled_from(Fault),
        late=st.sampled_from([1.0, 12.0, LANDING - 1.0, 40.0]),
        after=pauses,
    )
    def calls_fail(self, verb: str, fault: Fault, late: float, after: float) -> None:
        late = late if verb.startswith("put") else min(late, LANDING - 1.0)
        self.life.faults.setdefault(verb, []).append((fault, late))
        self.go(after)

    @rule(late=lateness, code=st.sampled_from([0, 1]))
    def launch_lands_late(self, late: float, code: int) -> None:
        """The next launch is sent again, and over, before the first request for it arrives."""
        self.life.faults.setdefault("create", []).append((Fault.RESET, late))
        self.life.work = Work(seconds=2.0, code=code)
        self.rerun(":all", LANDING + 10.0)

    @rule(down=st.booleans(), after=pauses)
    def server_down(self, down: bool, after: float) -> None:
        self.life.server_down = down
        self.go(after)

    @rule(full=st.booleans(), after=pauses)
    def quota(self, full: bool, after: float) -> None:
        self.life.quota_full = full
        self.go(after)

    @rule(down=st.booleans(), after=pauses)
    def store_down(self, down: bool, after: float) -> None:
        self.life.store_down = down
        self.go(after)

    # Pods and nodes

    @rule(work=works, after=pauses)
    def next_pods_do(self, work: Work, after: float) -> None:
        self.life.work = work
        self.go(after)

    @rule(startup=st.sampled_from(Startup), after=pauses)
    def next_pods_start(self, startup: Startup, after: float) -> None:
        self.life.startup = startup
        self.go(after)

    @rule(after=pauses)
    def waiting_pods_start(self, after: float) -> None:
        self.life.admit_waiting()
        self.go(after)

    @rule(pick=picks, work=st.one_of(works, st.just(OOM)), after=pauses)
    def pod_ends(self, pick: int, work: Work, after: float) -> None:
        pod = self.pod(pick)
        if pod is not None:
            self.life.end_now(pod, work)
        self.go(after)

    @rule(pick=picks, after=pauses)
    def pod_is_evicted(self, pick: int, after: float) -> None:
        pod = self.pod(pick)
        if pod is not None:
            self.life.evict(pod)
        self.go(after)

    @rule(
        pick=picks,
        why=st.sampled_from(["PreemptionByScheduler", "EvictionByEvictionAPI", "DeletionByPodGC"]),
        after=pauses,
    )
    def pod_is_disrupted(self, pick: int, why: str, after: float) -> None:
        """Also one that has ended, as a drain does it."""
        pods = list(self.life.pods.values())
        if pods:
            self.life.disrupt(pods[pick % len(pods)], why)
        self.go(after)

    @rule(pick=picks, after=pauses)
    def pod_is_deleted(self, pick: int, after: float) -> None:
        pods = list(self.life.pods.values())
        if pods:
            self.life.delete_pod(pods[pick % len(pods)])
        self.go(after)

    @rule(pick=picks, code=st.sampled_from([0, 0, 1]), after=pauses)
    def pod_ends_and_is_deleted_unseen(self, pick: int, code: int, after: float) -> None:
        """Its log goes before anybody has read it."""
        pod, seat = self.pod(pick), self.seat()
        if pod is None or seat is None:
            return
        seat.deaf.add("pods")
        self.life.end_now(pod, Work(code=code))
        self.go(2.0)
        if pod.uid in self.life.pods:
            self.life.delete_pod(self.life.pods[pod.uid])
        self.hear(after)

    @precondition(lambda self: QUEUES)
    @rule(pick=picks, resumed=st.sampled_from([None, 2.0, 16.0, 31.0, 31.0]), after=pauses)
    def job_is_suspended(self, pick: int, resumed: float | None, after: float) -> None:
        """By a queue, which lets it run again after so many seconds, or not."""
        jobs = [job for job in self.life.jobs.values() if job.phase == "active" and not job.suspended]
        if jobs:
            job = jobs[pick % len(jobs)]
            self.life.suspend_job(job, suspended=True)
            if resumed is not None:
                self.go(resumed)
                self.resume([job.uid])
        self.go(after)

    @precondition(lambda self: QUEUES)
    @rule(pick=picks, after=pauses)
    def job_is_suspended_while_others_may_start(self, pick: int, after: float) -> None:
        """It makes its second pod when a retry could have been running for long."""
        self.life.work, self.life.startup = Work(seconds=25.0), Startup.AT_ONCE
        self.spec["parallelism"] = 5
        self.submit()
        self.rerun(":all", 3.0)
        self.job_is_suspended(pick, 7.0, after)

    @precondition(lambda self: QUEUES)
    @rule(after=pauses)
    def jobs_are_resumed(self, after: float) -> None:
        self.resume(list(self.life.jobs))
        self.go(after)

    def resume(self, uids: Iterable[str]) -> None:
        for uid in uids:
            if uid in self.life.jobs:
                self.life.suspend_job(self.life.jobs[uid], suspended=False)

    @rule(pick=picks, hidden=st.sampled_from([0.0, 0.3, 3.0, 40.0, 130.0]), after=pauses)
    def pod_loses_a_label(self, pick: int, hidden: float, after: float) -> None:
        """No watch and no list shows it until the label is back."""
        pod = self.pod(pick)
        if pod is not None:
            self.life.hide(pod)
        self.go(hidden)
        self.life.show_all()
        self.go(after)

    @rule(pick=picks, after=pauses)
    def job_is_deleted(self, pick: int, after: float) -> None:
        jobs = list(self.life.jobs.values())
        if jobs:
            self.life.remove_job(jobs[pick % len(jobs)])
        self.go(after)

    @rule(node=st.sampled_from(["node-1", "node-2"]), after=pauses)
    def node_is_lost(self, node: str, after: float) -> None:
        self.life.lose_node(node)
        self.go(after)

    @precondition(lambda self: self.life.lost_nodes)
    @rule(after=pauses)
    def control_plane_gives_up_nodes(self, after: float) -> None:
        self.life.taint()
        self.go(after)

    @precondition(lambda self: self.life.lost_nodes)
    @rule(rebooted=st.booleans(), after=pauses)
    def nodes_come_back(self, rebooted: bool, after: float) -> None:
        for node in sorted(self.life.lost_nodes):
            self.life.find_node(node, rebooted=rebooted)
        self.go(after)

    # The end

    def heal(self) -> None:
        """Nothing is wrong any more, and nobody interferes."""
        life = self.life
        life.server_down = life.quota_full = life.store_down = False
        life.faults.clear()
        life.work = Work(seconds=3.0, log=b"loss=0.1\n")
        for node in sorted(life.lost_nodes):
            life.find_node(node)
        life.admit_waiting()
        self.resume(list(life.jobs))
        if self.frozen is not None:
            self.frozen.thaw(0.0)
            self.frozen = None
        valid = self.spec["workload"] != INVALID
        mended = {**self.spec, **UNSTOPPED, "workload": self.spec["workload"] if valid else {**VALID, "timeout": "70s"}}
        if mended != {**UNSTOPPED, **self.spec} or self.spec["preflight"]:
            self.spec = mended
            self.submit()
        for seat in life.seats:
            seat.hear()

    def teardown(self) -> None:
        try:
            if not self.failed and self.number:
                self.end()
        finally:
            self.life.close()

    def end(self) -> None:
        life = self.life
        self.heal()
        for _ in range(10):
            if life.run(PATIENCE / 10, until=life.promises.over):
                break
            self.go_on()
        else:
            status = life.matrices[self.ref.uid].get("status")
            raise AssertionError(
                f"it comes to no end: {status}; {list(life.jobs)}; {list(life.pods)}; {life.calls[-20:]}"
            )
        life.loop.run_until_complete(life.promises.final())
        life.run(60.0)
        quiet = len(life.calls)
        life.run(900.0)
        noise = [call for call in life.calls[quiet:] if not call.startswith("delete ")]
        assert not noise, f"at rest, and yet: {noise[:5]}"
        life.loop.run_until_complete(life.promises.final())  # whatever was late has landed


@pytest.fixture(autouse=True)
def _silent() -> Iterator[None]:
    """Hundreds of thousands of lines about faults that were asked for."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.timeout(0)
@pytest.mark.parametrize("part", range(PARTS))
def test_no_history_breaks_a_promise(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    number = SEED * PARTS + part
    monkeypatch.setattr("hypothesis.internal.conjecture.engine.MAX_SHRINKING_SECONDS", SHRINKING)
    laws = settings(
        max_examples=max(1, STEPS // PARTS // LENGTH),
        stateful_step_count=LENGTH,
        deadline=None,
        database=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(seed(number)(Cluster), settings=laws)
    except BaseException as error:
        error.add_note(f"to see it again: BATCHMATRIX_LIFE_SEED={SEED} BATCHMATRIX_LIFE_STEPS={STEPS}, part {part}")
        raise
