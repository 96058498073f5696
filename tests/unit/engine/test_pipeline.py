"""The engine over a small world: what must hold whatever goes wrong around it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from batchmatrix.base.errors import LeaseLost, NameConflict, Unavailable
from batchmatrix.engine.logstore import read_log
from batchmatrix.model.cell import MatrixRef
from batchmatrix.model.evidence import LogState, Outcome
from batchmatrix.model.launch import AttemptId
from batchmatrix.model.observed import JobState
from tests.support.logs import Killed
from tests.support.process import HOLD, Process
from tests.support.stores import Fault
from tests.support.world import GRACE, REF, Kill, Program, SmallWorld, outcomes, records

Start = Callable[[SmallWorld], Process]


# What ends a pod


async def test_a_pod_on_a_lost_node_whose_log_was_followed_is_recorded_and_retried(start: Start) -> None:
    world = SmallWorld()
    world.submit(retry={"NodeLost": {"limit": 1}})
    process = start(world)
    await process.run(1)
    pod = world.start_pod(world.job("t0-a0"))
    await process.run(60)
    assert len(world.logs[pod.name].opens) == 1  # followed
    world.lost_nodes.add("node-1")
    world.delete_pod(pod)  # as the taint manager does
    assert await process.run(1200, until=lambda: len(world.made) == 2)
    await process.run(5)
    (record,) = await records(world)
    assert (record.id.attempt, record.outcome) == (0, Outcome.NODE_LOST)
    assert (record.log.state, record.log.bytes) == (LogState.TRUNCATED, len(b"one\ntwo\n"))
    assert world.sent("release") == [pod.name]
    assert world.job("t0-a1").phase == "active"


@pytest.mark.parametrize("mode", ["follow", "end"])
async def test_a_log_of_which_nobody_saw_the_end_is_not_called_complete(start: Start, mode: str) -> None:
    """The node comes back just as its pod was given up, and its container writes on."""
    world = SmallWorld()
    world.submit(logs={"mode": mode})
    process = start(world)
    await process.run(1)
    pod = world.start_pod(world.job("t0-a0"))
    await process.run(60)
    world.lost_nodes.add("node-1")
    world.delete_pod(pod)
    given_up = world.clock.time + GRACE + 300.0
    await process.run(given_up - world.clock.time + 5.0)
    world.lost_nodes.clear()
    await process.run(60)
    (record,) = await records(world)
    assert record.outcome is Outcome.NODE_LOST
    assert (record.log.state, record.log.bytes) == (LogState.TRUNCATED, len(b"one\ntwo\n"))
    assert "may have written more" in record.log.message


async def test_a_trial_that_is_preempted_late_is_recorded_once_and_retried(start: Start) -> None:
    world = SmallWorld()
    world.submit(pending={"other": "5m"})
    process = start(world)
    await process.run(1)
    job = world.job("t0-a0")
    pod = world.start_pod(job)
    await process.run(400)
    now = world.clock.time
    pod = world.set_pod(
        pod, deleting_since=now, grace_seconds=30.0, disrupted=now, disruption_reason="PreemptionByScheduler"
    )
    await process.run(1)
    world.end_pod(pod, 143)
    await process.run(5)  # the Job controller takes its time
    world.end_job(job)
    await process.run(5)
    assert await outcomes(world) == [(0, 0, Outcome.PREEMPTED)]
    assert world.job("t0-a1").phase == "active"


async def test_a_job_that_was_suspended_under_its_pod_makes_a_second_one_for_the_same_attempt(start: Start) -> None:
    world = SmallWorld()
    world.submit(pending={"other": "5m"})
    process = start(world)
    await process.run(1)
    job = world.job("t0-a0")
    pod = world.start_pod(job)
    await process.run(400)
    job = world.set_job(job, suspended=True)
    world.delete_pod(pod)
    await process.run(1)
    world.end_pod(pod, 143)
    await process.run(100)
    assert await outcomes(world) == [(0, 0, Outcome.PREEMPTED)]
    job = world.set_job(job, suspended=False)
    await process.run(100)  # long past pending.other of its creation
    second = world.start_pod(job)
    await process.run(10)
    world.end_pod(second)
    world.end_job(job)
    await process.run(HOLD + 10)
    assert await outcomes(world) == [(0, 0, Outcome.PREEMPTED), (0, 0, Outcome.SUCCEEDED)]
    assert len(world.made) == 1
    assert world.condition("Succeeded") == "True"


# Which store


async def run_to_its_end(world: SmallWorld, start: Start) -> Process:
    world.program = lambda _job: Program()
    process = start(world)
    assert await process.run(60, until=lambda: world.condition("Finished") == "True")
    return process


async def test_a_status_that_was_sent_earlier_and_arrives_later_does_not_stay(start: Start) -> None:
    world = SmallWorld()
    world.submit()
    process = await run_to_its_end(world, start)
    last = world.status()
    world.put_matrix({**world.matrices[REF.uid], "status": world.statuses[0]})
    await process.run(5)
    assert world.status() == last
    sent = len(world.sent("status"))
    await process.run(400)
    assert len(world.sent("status")) == sent


async def edited_after_its_end(world: SmallWorld, start: Start, before: Process) -> Process:
    """The process begins anew over a matrix that has results, and finds an edit that asks for more."""
    await before.end()
    world.submit(trials=2)
    world.calls.clear()
    return start(world)


async def test_a_store_that_went_back_stalls_the_matrix_and_starts_nothing(start: Start) -> None:
    world = SmallWorld()
    world.submit()
    before = await run_to_its_end(world, start)
    shard = world.status()["ledger"]["shard"]
    world.stores["default"].objects.clear()
    process = await edited_after_its_end(world, start, before)
    await process.run(60)
    assert world.condition("Stalled") == "True"
    assert f"shard {shard} was written" in world.status()["message"]
    assert world.status()["ledger"]["shard"] == shard  # what was noted stays, or the next look would not see it
    assert not world.sent("create")
    assert not process.engine.runs
    assert not world.stores["default"].objects


async def test_records_that_only_the_status_tells_of_are_missed_at_every_look(start: Start) -> None:
    world = SmallWorld()
    world.submit()
    world.matrices[REF.uid]["status"] = {"observedGeneration": -1, "ledger": {"shard": 5, "records": 9, "sha256": ""}}
    process = start(world)
    for _ in range(3):
        await process.run(60)
        world.changed(REF)
    assert world.condition("Stalled") == "True"
    assert world.status()["ledger"]["shard"] == 5
    assert not world.made


async def test_a_store_with_another_ledger_of_the_same_length_stalls_the_matrix(start: Start) -> None:
    world = SmallWorld()
    world.submit()
    before = await run_to_its_end(world, start)
    process = await edited_after_its_end(world, start, before)
    world.matrices[REF.uid]["status"]["ledger"]["sha256"] = "0" * 64
    await process.run(60)
    assert world.condition("Stalled") == "True"
    assert "is another than the one that was written" in world.status()["message"]
    assert not world.sent("create")


async def test_an_unknown_store_stalls_the_matrix_until_it_is_mended(start: Start) -> None:
    world = SmallWorld(stores=("default", "b"))
    world.submit(store={"name": "typo"})
    process = start(world)
    await process.run(10)
    assert world.condition("Stalled") == "True"
    assert "no store 'typo' is configured; there is: b, default" in world.status()["message"]
    assert not world.made
    world.program = lambda _job: Program()
    world.submit(store={"name": "b"})
    assert await process.run(60, until=lambda: world.condition("Finished") == "True")
    assert world.condition("Stalled") == "False"
    assert not world.stores["default"].objects
    assert await outcomes(world, store="b") == [(0, 0, Outcome.SUCCEEDED)]
    assert world.status()["results"].startswith("memory://b/")


@pytest.mark.parametrize("restart", [False, True])
async def test_another_store_for_a_matrix_with_results_stalls_it(start: Start, *, restart: bool) -> None:
    world = SmallWorld(stores=("default", "b"))
    world.submit()
    process = await run_to_its_end(world, start)
    if restart:
        await process.end()
        process = start(world)
    world.calls.clear()
    world.submit(store={"name": "b"}, trials=2)
    await process.run(60)
    assert world.condition("Stalled") == "True"
    assert not world.sent("create")
    assert not world.stores["b"].objects
    world.submit(trials=2)
    await process.run(60)
    assert await outcomes(world) == [(0, 0, Outcome.SUCCEEDED), (1, 0, Outcome.SUCCEEDED)]


async def test_what_is_left_of_a_matrix_that_is_gone_is_recorded_where_its_plan_lies(start: Start) -> None:
    world = SmallWorld(stores=("default", "b"))
    world.submit(store={"name": "b"})
    process = start(world)
    await process.run(1)
    pod = world.start_pod(world.job())
    await process.run(1)
    await process.end()
    world.remove()
    world.end_pod(pod, 143)
    process = start(world)
    await process.run(60)
    assert await outcomes(world, store="b") == [(0, 0, Outcome.CANCELLED)]
    assert not world.stores["default"].objects
    assert not world.pods
    assert not process.engine.runs


@pytest.mark.parametrize("code", [0, 143])
async def test_a_pod_that_ends_with_its_matrix_is_cancelled_although_no_watch_has_told_of_that(
    start: Start, code: int
) -> None:
    world = SmallWorld()
    world.submit()
    process = start(world)
    await process.run(1)
    pod = world.start_pod(world.job())
    await process.run(1)
    world.remove(told=False)
    world.end_pod(pod, code)
    await process.run(60)
    (record,) = await records(world)
    assert (record.outcome, record.reason) == (Outcome.CANCELLED, "Cancelled")
    assert record.message.startswith("deleted with its matrix")
    assert len(world.made) == 1
    assert not world.pods


@pytest.mark.parametrize("limit", [0, 1])
@pytest.mark.parametrize("told", [True, False])
async def test_a_job_that_goes_with_its_matrix_before_it_has_a_pod_is_cancelled(
    start: Start, told: bool, limit: int
) -> None:
    world = SmallWorld()
    world.submit(retry={"Interrupted": {"limit": limit}})
    process = start(world)
    await process.run(5)
    world.remove(told=told)
    await process.run(120)
    assert await outcomes(world) == [(0, 0, Outcome.CANCELLED)]
    assert len(world.made) == 1
    assert not process.engine.runs


async def test_what_the_server_has_said_of_a_deletion_stays_known(start: Start) -> None:
    """The object waits for somebody's finalizer, and the watch does not tell."""
    world = SmallWorld()
    world.submit(trials=5, parallelism=1)
    process = start(world)
    await process.run(1)
    pod = world.start_pod(world.job())
    await process.run(1)
    shown = world.known[REF.uid]
    world.terminate()
    world.known[REF.uid] = shown
    world.remove_job(world.job())
    world.end_pod(pod, 143)
    await process.run(120)
    # The second began before anything had to be asked.
    assert {outcome for *_, outcome in await outcomes(world)} == {Outcome.CANCELLED}
    assert len(world.made) == 2
    assert world.condition("Finished") == "False"


async def test_a_pod_that_goes_without_a_trace_with_its_matrix_is_cancelled_and_not_tried_again(start: Start) -> None:
    """Somebody takes our finalizer off while nobody is told of anything."""
    world = SmallWorld()
    world.submit(retry={"Interrupted": {"limit": 1}})
    process = start(world)
    await process.run(1)
    pod = world.start_pod(world.job())
    await process.run(1)
    del world.pods[pod.uid]
    world.remove(told=False)
    await process.run(120)
    assert await outcomes(world) == [(0, 0, Outcome.CANCELLED)]
    assert len(world.made) == 1
    assert not process.engine.runs


async def test_a_deleted_pod_is_recorded_once_the_server_tells_whether_its_matrix_is_gone(start: Start) -> None:
    world = SmallWorld()
    world.submit(trials=2, parallelism=2)
    process = start(world)
    await process.run(1)
    pods = [world.start_pod(world.job(end)) for end in ("t0-a0", "t1-a0")]
    await process.run(1)
    world.remove(told=False)
    world.end_pod(pods[0], 143)
    world.refuse = lambda call: Unavailable("no route to the server") if call.startswith("read") else None
    await process.run(60)
    assert await records(world) == []
    world.refuse = lambda _call: None
    world.end_pod(pods[1], 143)
    await process.run(60)
    assert [outcome for *_, outcome in await outcomes(world)] == [Outcome.CANCELLED] * 2


async def test_a_pod_that_is_deleted_while_its_matrix_stays_is_interrupted(start: Start) -> None:
    world = SmallWorld()
    world.submit(retry={"Interrupted": {"limit": 0}})
    process = start(world)
    await process.run(1)
    pod = world.start_pod(world.job())
    await process.run(1)
    world.delete_pod(pod)
    world.end_pod(pod, 143)
    await process.run(60)
    assert await outcomes(world) == [(0, 0, Outcome.INTERRUPTED)]


# Absence


async def test_a_pod_that_only_the_server_knows_is_not_recorded_as_absent(start: Start) -> None:
    world = SmallWorld()
    world.submit(retention={"jobs": "none"})
    process = start(world)
    await process.run(1)
    world.deaf(jobs=False, pods=True)
    pod = world.start_pod(world.job())
    await process.run(2)
    world.end_pod(pod)
    world.end_job(world.job())
    await process.run(300)
    assert await records(world) == []
    assert not world.sent("delete")
    assert "has a pod that was not seen yet" in world.status()["message"]
    world.hear()
    await process.run(10)
    (record,) = await records(world)
    assert (record.outcome, record.log.state) == (Outcome.SUCCEEDED, LogState.COMPLETE)


async def test_a_job_that_only_the_server_knows_is_not_recorded_as_gone(start: Start) -> None:
    world = SmallWorld()
    world.submit(retry={"Interrupted": {"limit": 3}})
    world.deaf(jobs=True, pods=True)
    process = start(world)
    await process.run(1)
    for _ in range(9):
        world.changed(REF)
        await process.run(10)  # no pod of it is made so soon
    assert await records(world) == []
    assert "has a pod that was not seen yet" in world.status()["message"]
    world.hear()
    world.program = lambda _job: Program()
    await process.run(90)
    assert await outcomes(world) == [(0, 0, Outcome.SUCCEEDED)]
    assert len(world.made) == 1


async def test_absence_is_recorded_once_the_server_confirms_it(start: Start) -> None:
    world = SmallWorld()
    world.submit()
    process = start(world)
    await process.run(1)
    world.set_job(world.job(), phase="failed", reason="BackoffLimitExceeded", finished=world.clock.time)
    world.refuse = lambda call: Unavailable("no route to the server") if call.startswith("has_pod") else None
    await process.run(60)
    assert await records(world) == []
    assert "no route to the server" in world.status()["message"]
    world.refuse = lambda _call: None
    await process.run(120)
    assert await outcomes(world) == [(0, 0, Outcome.INTERRUPTED)]


# One log


async def test_a_log_that_cannot_be_kept_holds_up_no_other_and_is_lost_after_its_tries(start: Start) -> None:
    world = SmallWorld()
    world.submit(trials=2)
    world.program = lambda _job: Program()

    def broken(_method: str, key: str) -> None:
        if "/logs/" in key and "-t0-" in key:
            raise NameConflict(f"{key} is a folder")

    world.stores["default"].fault = broken
    process = start(world)
    await process.run(7)
    assert await outcomes(world) == [(1, 0, Outcome.SUCCEEDED)]
    assert len(world.sent("release")) == 1
    assert await process.run(60, until=lambda: world.condition("Finished") == "True")
    _, lost = await records(world)
    assert (lost.id.trial, lost.outcome, lost.log.state) == (0, Outcome.LOG_LOST, LogState.LOST)
    assert "is a folder" in lost.log.message
    assert len([call for call in world.sent("put_new") if "/logs/" in call and "-t0-" in call]) == 3


async def test_a_chunk_that_the_process_before_sent_late_is_taken_up(start: Start) -> None:
    world = SmallWorld()
    world.submit(logs={"mode": "follow"})
    process = start(world)
    await process.run(1)
    pod = world.start_pod(world.job())
    logs = world.logs[pod.name]
    await process.run(10)
    world.kill = Kill(len(world.calls) + 1, "late")
    with pytest.raises(Killed):
        await process.run(60)  # seals the first chunk, which is still on its way
    assert "/logs/" in world.calls[-1]
    await process.end()
    process = start(world)
    await process.run(2)  # has looked for chunks and found none
    logs.write(b"three\n", time=int(world.clock.time * 1e9))
    await process.run(2)
    await world.land()
    world.end_pod(pod)
    world.end_job(world.job())
    await process.run(60)
    (record,) = await records(world)
    assert (record.outcome, record.log.state) == (Outcome.SUCCEEDED, LogState.COMPLETE)
    kept = [part async for part in read_log(world.stores["default"], record.log.key)]
    assert b"".join(kept) == b"one\ntwo\nthree\n"


# Whose objects


@pytest.mark.parametrize("first", ["the matrix", "the stranger"])
async def test_a_pod_of_another_namespace_brings_no_jobs_there_and_is_left_alone(start: Start, first: str) -> None:
    world = SmallWorld()
    world.submit()
    copied = JobState(
        uid="job-elsewhere",
        name="copied",
        namespace="elsewhere",
        matrix_uid=REF.uid,
        matrix_name="other",
        cell="c",
        id=AttemptId("0" * 64, 0, 0),
        created=world.clock.time,
        phase="active",
        reason="",
        message="",
        finished=None,
        deleting=False,
        suspended=False,
    )
    stranger = world.start_pod(copied)
    process = start(world)
    if first == "the stranger":
        await process.engine.reconcile(MatrixRef("elsewhere", "other", REF.uid))
    await process.run(1)
    world.changed(MatrixRef("elsewhere", "other", REF.uid))
    world.program = lambda _job: Program()
    await process.run(60)
    assert [name.split("/")[0] for name in world.made] == [REF.namespace]
    assert await outcomes(world) == [(0, 0, Outcome.SUCCEEDED)]
    assert stranger.name not in world.sent("release") + world.sent("kill")
    assert {key.split("/")[0] for key in world.stores["default"].objects} == {REF.namespace}


async def test_a_matrix_that_went_unsaid_is_forgotten_and_starts_nothing_more(start: Start) -> None:
    world = SmallWorld()
    world.submit(trials=20, parallelism=2)
    world.program = lambda _job: Program()
    process = start(world)
    await process.run(1)
    assert len(world.made) == 2
    world.remove(told=False)
    world.calls.clear()
    await process.run(120)
    verbs = [call.split()[0] for call in world.calls]
    assert "create" not in verbs[verbs.index("status") :]
    assert REF.uid not in world.known
    assert not process.engine.runs
    assert not world.jobs
    assert not world.pods
    assert len(await records(world)) == len(world.made)


@pytest.mark.parametrize("store", ["default", "nowhere"])
async def test_a_matrix_that_went_unsaid_and_cannot_be_opened_is_forgotten_too(start: Start, store: str) -> None:
    world = SmallWorld()
    world.submit(store={"name": store})
    world.stores["default"].fault = lambda _name, _key: Fault.BEFORE
    world.remove(told=False)
    process = start(world)
    await process.run(10)
    assert world.known == {}
    assert world.statuses == []


async def test_a_matrix_that_is_being_deleted_starts_nothing(start: Start) -> None:
    world = SmallWorld()
    world.submit(trials=3, parallelism=1)
    world.program = lambda _job: Program()
    process = start(world)
    await process.run(2)
    assert len(world.made) == 1
    world.terminate()
    await process.run(120)
    assert len(world.made) == 1
    assert len(await records(world)) == 1
    assert not world.pods
    await process.end()
    process = start(world)
    await process.run(120)
    assert len(world.made) == 1


# What is said


async def test_status_is_written_although_the_config_map_is_refused(start: Start) -> None:
    world = SmallWorld()
    world.submit()
    world.program = lambda _job: Program()
    world.refuse = lambda call: Unavailable("exceeded quota") if call.startswith("summary") else None
    process = start(world)
    await process.run(60)
    assert world.condition("Finished") == "False"
    assert world.status()["trials"]["succeeded"] == 1
    assert "results cannot be published: exceeded quota" in world.status()["message"]
    world.refuse = lambda _call: None
    assert await process.run(70, until=lambda: world.condition("Finished") == "True")
    assert world.condition("Succeeded") == "True"


async def test_status_is_written_although_the_results_cannot_be_stored(start: Start) -> None:
    world = SmallWorld()
    world.submit()
    world.program = lambda _job: Program()

    def down(method: str, key: str) -> None:
        if method == "put":
            raise Unavailable(f"no answer to {key}")

    world.stores["default"].fault = down
    process = start(world)
    await process.run(60)
    assert world.condition("Finished") == "False"
    assert "no answer to" in world.status()["message"]
    world.stores["default"].fault = None
    assert await process.run(70, until=lambda: world.condition("Finished") == "True")


# Edits


async def test_a_trial_that_was_cancelled_by_an_edit_runs_when_the_edit_is_undone(start: Start) -> None:
    world = SmallWorld()
    world.submit(trials=2)
    world.program = lambda job: Program(seconds=20.0 if job.id.attempt == 0 else 5.0)
    process = start(world)
    await process.run(2)
    world.submit(trials=1)
    await process.run(60)
    assert (1, 0, Outcome.CANCELLED) in await outcomes(world)
    assert world.condition("Succeeded") == "True"
    world.submit(trials=2)
    await process.run(60)
    assert (await outcomes(world))[-1] == (1, 1, Outcome.SUCCEEDED)
    assert world.condition("Succeeded") == "True"
    assert world.status()["outcomes"] == {"Succeeded": 2}


# Load


async def test_refused_launches_are_not_hammered(start: Start) -> None:
    parallelism = 20
    world = SmallWorld()
    world.submit(trials=50, parallelism=parallelism)
    world.refuse = lambda call: Unavailable("exceeded quota") if call.startswith("create") else None
    process = start(world)
    for _ in range(240):
        world.changed(REF)  # something of it changes all the time
        await process.run(0.25)
    refused = len(world.sent("create"))
    assert parallelism < refused <= parallelism + 8  # all at first, then one alone at 2, 6, 14, 30 seconds
    world.refuse = lambda _call: None
    world.program = lambda _job: Program()
    await process.run(60)
    world.changed(REF)
    await process.run(60)
    assert len(await records(world)) == 50


@pytest.mark.parametrize("asked", [None, 300.0])
async def test_a_timeout_does_not_wait_for_a_launch_that_is_refused(start: Start, asked: float | None) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program(seconds=10_000)
    world.submit(trials=2, workload={"image": "app:1", "command": ["run"], "timeout": "70s"})
    world.refuse = lambda call: (
        Unavailable("exceeded quota", retry_after=asked) if call.startswith("create") and world.made else None
    )
    process = start(world)
    assert await process.run(200, until=lambda: bool(world.sent("kill")))
    (pod,) = world.pods.values()
    assert pod.container.started is not None
    assert world.clock.now() - pod.container.started < 70.0 + 5.0


async def test_a_quota_that_frees_one_place_at_a_time_refuses_little(start: Start) -> None:
    trials, places = 40, 2
    world = SmallWorld()
    world.submit(trials=trials, parallelism=trials, retention={"jobs": "none"})
    refused: list[str] = []

    def quota(call: str) -> Unavailable | None:
        if not call.startswith("create") or len(world.jobs) < places:
            return None
        refused.append(call)
        return Unavailable("exceeded quota")

    world.refuse = quota
    world.program = lambda _job: Program()
    process = start(world)
    assert await process.run(20 * HOLD * trials, until=lambda: world.condition("Finished") == "True")
    assert len(world.made) == trials
    # All at first; then, while a Job outlives its record, some at 2, 4, ... 60 seconds, and one more for each place.
    assert len(refused) < trials + (trials / places) * 10


async def test_a_finished_matrix_without_children_costs_no_memory_and_no_reads(start: Start) -> None:
    world = SmallWorld()
    world.submit()
    process = await run_to_its_end(world, start)
    assert list(process.engine.runs) == [REF.uid]  # its Job is still there
    await process.run(HOLD + 10)
    assert not world.jobs
    assert not process.engine.runs
    store = world.stores["default"]
    store.calls.clear()
    world.changed(REF)
    await process.run(10)
    assert store.calls == []
    world.submit(trials=2)
    await process.run(30)
    assert await outcomes(world) == [(0, 0, Outcome.SUCCEEDED), (1, 0, Outcome.SUCCEEDED)]


async def test_held_launches_go_on_by_themselves_and_say_why_they_wait(start: Start) -> None:
    world = SmallWorld()
    world.submit(trials=4, parallelism=4)
    world.refuse = lambda call: Unavailable("exceeded quota") if call.startswith("create") else None
    process = start(world)
    await process.run(10)
    assert "exceeded quota" in world.status()["message"]
    world.refuse = lambda _call: None
    world.program = lambda _job: Program()
    await process.run(100)
    assert len(world.made) == 4


async def test_a_resumed_job_has_all_its_patience_however_long_it_was_suspended(start: Start) -> None:
    world = SmallWorld()
    world.submit(pending={"other": "5m"})
    process = start(world)
    await process.run(1)
    job = world.set_job(world.job(), suspended=True)
    await process.run(290)
    world.changed(REF)
    await process.run(320)
    world.set_job(job, suspended=False)
    await process.run(1)
    world.start_pod(job)
    await process.run(5)
    assert not (await world.ledger()).intents


async def test_a_restart_between_resumption_and_second_pod_starts_nothing_beside_it(start: Start) -> None:
    world = SmallWorld()
    world.submit()
    first = start(world)
    await first.run(1)
    job = world.job()
    pod = world.start_pod(job)
    await first.run(40)
    job = world.set_job(job, suspended=True)
    world.delete_pod(pod)
    await first.run(1)
    world.end_pod(pod, 143)
    await first.run(30)
    await first.end()
    job = world.set_job(job, suspended=False)
    second = start(world)
    await second.run(2)
    world.start_pod(job)
    await second.run(2)
    assert len(world.made) == 1


async def test_what_runs_is_recorded_where_the_next_generation_cannot_be_taken_in(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program(seconds=30)
    world.submit(trials=4, parallelism=2)
    process = start(world)
    await process.run(20)
    world.stores["default"].objects[f"{REF.prefix()}/runs/2/catalog.json"] = b"{"
    world.submit(trials=4, parallelism=1)
    await process.run(600)
    assert len(await records(world)) == 4
    assert [pod for pod in world.pods.values() if pod.finalized] == []
    assert "runs/2/catalog.json cannot be read: it holds no catalog" in world.status()["message"]
    assert world.status()["observedGeneration"] == 1


async def test_a_defect_of_ours_in_taking_a_generation_in_stops_nothing_that_runs(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program(seconds=30)
    world.submit(trials=4, parallelism=2)
    process = start(world)
    await process.run(20)

    def broken(_method: str, key: str) -> None:
        if "/runs/2" in key:
            raise RuntimeError("not thought of")

    world.stores["default"].fault = broken
    world.submit(trials=4, parallelism=1)
    await process.run(600)
    assert len(await records(world)) == 4
    said = "generation 2 cannot be taken in (RuntimeError: not thought of); the operator's log says more"
    assert said in world.status()["message"]
    assert any(record.exc_info for record in caplog.records)


@pytest.mark.parametrize("end", ["removed", "terminating", "stays"])
async def test_pods_whose_results_nobody_can_add_to_are_let_go_with_their_matrix_and_no_sooner(
    start: Start, caplog: pytest.LogCaptureFixture, end: str
) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program(seconds=30)
    world.submit(trials=4, parallelism=2)
    process = start(world)
    await process.run(45)
    await process.end()
    del world.stores["default"].objects[f"{REF.prefix()}/runs/1/matrix.resolved.yaml"]
    process = start(world)
    await process.run(300)
    assert len(world.pods) > 0
    assert all(pod.finalized for pod in world.pods.values() if pod.job_uid in world.jobs and not pod.finished)
    held = {pod.name for pod in world.pods.values() if pod.finalized}
    assert held
    if end == "removed":
        world.remove()
    elif end == "terminating":
        world.terminate()
    await process.run(600)
    assert {pod.name for pod in world.pods.values() if pod.finalized} == (held if end == "stays" else set())
    lines = [record.getMessage() for record in caplog.records if "is let go without a record" in record.getMessage()]
    assert len(lines) == (0 if end == "stays" else len(held))


async def test_a_lost_lease_ends_the_pass_wherever_it_shows(start: Start) -> None:
    world = SmallWorld()
    world.submit()
    process = start(world)
    await process.run(5)

    def lost(_method: str, key: str) -> None:
        if "/runs/2" in key:
            raise LeaseLost("another process acts")

    world.stores["default"].fault = lost
    world.submit(trials=2)
    with pytest.raises(LeaseLost):
        await process.run(5)


async def test_a_pod_that_only_bears_our_labels_is_neither_read_nor_recorded(start: Start) -> None:
    world = SmallWorld()
    world.submit()
    process = start(world)
    await process.run(1)
    job = world.job("t0-a0")
    foreign = world.start_pod(job, uid="foreign", job_uid="foreign-job", finalized=False)
    world.end_pod(foreign)
    await process.run(30)
    assert await records(world) == []
    assert world.logs[foreign.name].opens == []
    world.end_pod(world.start_pod(job))
    world.end_job(job)
    await process.run(30)
    assert await outcomes(world) == [(0, 0, Outcome.SUCCEEDED)]
