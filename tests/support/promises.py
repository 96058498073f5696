"""What the operator promises, held against what really happened at every step; no process sees any of this."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from batchmatrix.base.clock import parse_rfc3339
from batchmatrix.base.errors import BatchMatrixError
from batchmatrix.engine.attempt import UNWANTED
from batchmatrix.engine.logstore import read_log
from batchmatrix.engine.policy import retry_rules
from batchmatrix.ledger.replay import replay
from batchmatrix.ledger.shard import decode_shard, shard_number
from batchmatrix.model.cell import GROUP, PREFLIGHT, MatrixRef, Plan
from batchmatrix.model.evidence import Blame, LogState, Outcome
from batchmatrix.model.launch import AttemptId, Launch
from batchmatrix.model.observed import JobState, PodState
from batchmatrix.model.operation import OperationEntry
from batchmatrix.model.record import IntentEntry, ReadingEntry, Record
from batchmatrix.model.v1alpha1 import parse_matrix
from batchmatrix.outcome.cases import retry_key
from batchmatrix.plan.pin import load_plan

if TYPE_CHECKING:
    from tests.support.life import Fate, Life
    from tests.support.seats import Seat

__all__ = ["Promises"]

Trial = tuple[str, str, int]
"""Matrix uid, cell hash, trial."""
_OTHERS = frozenset({
    "PodDeleted", "PodVanished", "Preempted", "JobSuspended", "Evicted", "NodeRefused", "NodeGone", "NodeForgot",
})  # fmt: skip
"""Reasons for which somebody else has to have done something."""


class Promises:
    """Told of everything as it happens; `check` says what was broken."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._broken: list[str] = []
        self._cause: BaseException | None = None
        self._jobs: Counter[tuple[str, str]] = Counter()
        self._created: dict[Trial, list[JobState]] = defaultdict(list)
        self.records: dict[str, dict[str, Record]] = defaultdict(dict)
        """Durable records by matrix uid and key."""
        self._attempts: dict[tuple[str, AttemptId], list[Record]] = defaultdict(list)
        self._logs: list[Record] = []
        """Records whose logs are still to be held against what was written."""
        self._limits: dict[str, dict[Outcome, int]] = defaultdict(dict)
        self._holds: dict[str, list[tuple[float, float]]] = defaultdict(list)
        """Until when, and since when that is durable, by matrix uid."""
        self._operations: dict[str, list[tuple[float, OperationEntry]]] = defaultdict(list)
        """What was asked for by hand, and since when that is durable, in its order."""
        self._generations: set[tuple[str, int]] = set()
        self.refs: dict[str, MatrixRef] = {}
        """Every matrix that ever was."""

    def broken(self, what: str, cause: BaseException | None = None) -> None:
        """Note a broken promise; `check` raises it."""
        self._broken.append(what)
        self._cause = self._cause or cause

    async def check(self) -> None:
        """Raises AssertionError for the first promise that was broken."""
        logs, self._logs = self._logs, []
        for record in logs:
            await self._log(record)
        if self._broken:
            raise AssertionError(self._broken[0]) from self._cause

    # What happens

    def specified(self, body: Mapping[str, Any]) -> None:
        """A generation of a spec is there."""
        metadata = body["metadata"]
        uid, generation = metadata["uid"], metadata["generation"]
        self.refs[uid] = MatrixRef(metadata["namespace"], metadata["name"], uid)
        if (uid, generation) in self._generations:
            return
        self._generations.add((uid, generation))
        limits = self._limits[uid]
        for outcome, rule in retry_rules(parse_matrix(dict(body))).items():
            limits[outcome] = max(limits.get(outcome, 0), rule.limit)

    def sending(self, launch: Launch, seat: Seat) -> None:
        """A process resolved to launch; what was known and durable when its pass began must not forbid that."""
        uid, (began, body) = launch.matrix.uid, seat.began[launch.matrix.uid]
        name = _name(launch.id)
        if any(durable <= began and until > seat.clock.now() for until, durable in self._holds[uid]):
            self.broken(f"{name} is launched although the matrix is on hold")
        place = max((at for at, (when, each) in self._asked(uid, "cancel") if when <= began), default=-1)
        if self._last_rerun(uid, launch.id)[0] < place:
            self.broken(f"{name} is launched although it is cancelled")
        if body is None:
            return
        if body["spec"].get("suspend"):
            self.broken(f"{name} is launched although the matrix is known to be suspended")
        if "deletionTimestamp" in body["metadata"]:
            self.broken(f"{name} is launched although the matrix is known to be deleted")
        token = (body["metadata"].get("annotations") or {}).get(f"{GROUP}/cancel")
        if token is not None and not any(each.token == token for _, each in self._operations[uid]):
            self.broken(f"{name} is launched although a cancel is known and not handled")

    def _asked(self, uid: str, action: str) -> Iterator[tuple[int, tuple[float, OperationEntry]]]:
        """Operations of one kind that were not refused: place, and when they became durable."""
        for place, (durable, entry) in enumerate(self._operations[uid]):
            if entry.action == action and not entry.message:
                yield place, (durable, entry)

    def _last_rerun(self, uid: str, attempt: AttemptId) -> tuple[int, int]:
        """Place of the last rerun that selected a trial, and the number of its first attempt."""
        found = (-1, 0)
        for place, (_, entry) in self._asked(uid, "rerun"):
            first = entry.trials.get(attempt.cell_hash, {}).get(attempt.trial)
            if first is not None:
                found = (place, first)
            elif attempt.cell_hash == PREFLIGHT:
                found = (place, attempt.attempt)
        return found

    def created(self, job: JobState) -> None:
        """A Job is made."""
        if job.matrix_uid not in self._life.matrices:
            return  # whoever has not heard of the end of its matrix yet; the garbage collector takes it at once
        self._jobs[job.matrix_uid, job.name] += 1
        if self._jobs[job.matrix_uid, job.name] > 1:
            self.broken(f"Job {job.name} was created twice")
        earlier = self._created[job.matrix_uid, job.id.cell_hash, job.id.trial]
        for other in earlier:
            records = self._attempts.get((job.matrix_uid, other.id), [])
            if other.id.attempt >= job.id.attempt:
                self.broken(f"{job.name} was created after {other.name}")
            if not records:
                self.broken(f"{job.name} was created while {other.name} has no record")
            lost = any(record.outcome is Outcome.NODE_LOST for record in records)
            if not lost and any(fate.runs and fate.pod.job_uid == other.uid for fate in self._life.fates.values()):
                self.broken(f"{job.name} was created while a container of {other.name} runs")
        if earlier:
            self._afford(job)
        earlier.append(job)

    def _afford(self, job: JobState) -> None:
        """Another attempt of a trial: somebody asked for it, or a budget pays for it."""
        first = self._last_rerun(job.matrix_uid, job.id)[1]
        results: dict[int, Record] = {}
        for (uid, attempt), records in self._attempts.items():
            same = (attempt.cell_hash, attempt.trial) == (job.id.cell_hash, job.id.trial)
            if uid == job.matrix_uid and same and attempt.attempt >= first:
                results[attempt.attempt] = records[-1]
        if not results:
            return
        last = results[max(results)]
        if last.outcome is Outcome.CANCELLED:
            return
        key = retry_key(last.outcome, last.blame)
        spent = sum(retry_key(each.outcome, each.blame) is key for each in results.values())
        if last.outcome is Outcome.SUCCEEDED or spent > self._limits[job.matrix_uid].get(key, 0):
            self.broken(f"{job.name} was created after {last.outcome} although retry.{key} is spent ({spent - 1})")

    def started(self, fate: Fate) -> None:
        """A container starts."""
        pod = fate.pod
        for other in self._life.fates.values():
            same = (other.pod.matrix_uid, other.pod.id.cell_hash, other.pod.id.trial)
            if other is fate or not other.runs or same != (pod.matrix_uid, pod.id.cell_hash, pod.id.trial):
                continue
            records = self._attempts.get((pod.matrix_uid, other.pod.id), [])
            if not any(record.outcome is Outcome.NODE_LOST for record in records):
                self.broken(f"a container of {pod.name} starts while one of {other.pod.name} runs")

    def released(self, pod: PodState) -> None:
        """Our finalizer came off."""
        if pod.uid not in self.records[pod.matrix_uid]:
            self.broken(f"pod {pod.name} was released before its record was durable")

    def written(self, key: str, data: bytes) -> None:
        """An object is durable."""
        if "/ledger/" not in key or shard_number(key) is None:
            return
        uid = key.split("/")[2]
        for entry in decode_shard(key, data)[1]:
            if isinstance(entry, Record):
                self._recorded(uid, entry)
            elif isinstance(entry, IntentEntry):
                self._intended(uid, entry)
            elif isinstance(entry, ReadingEntry):
                self._read(uid, entry)
            elif isinstance(entry, OperationEntry):
                self._operations[uid].append((self._life.clock.time, entry))

    def _recorded(self, uid: str, record: Record) -> None:
        if record.key in self.records[uid]:
            self.broken(f"{record.key} was recorded twice")
        self.records[uid][record.key] = record
        self._attempts[uid, record.id].append(record)
        if record.hold_until:
            self._holds[uid].append((parse_rfc3339(record.hold_until), self._life.clock.time))
        fate = self._life.fates.get(record.pod_uid)
        if record.pod_uid and fate is None:
            self.broken(f"a pod {record.pod_uid} is recorded that never was")
        if fate is None and (there := self._pods_of(uid, record)):
            self.broken(f"{record.job} is recorded as {record.outcome} without its pod, which is there: {there}")
        if fate is not None:
            if record.reason in _OTHERS and not fate.disturbed:
                self.broken(f"{fate.pod.name} is recorded as {record.reason}, and nobody else did anything to it")
            reachable = self._life.answers(fate.pod.node)
            if fate.runs and (reachable or record.outcome is not Outcome.NODE_LOST):
                self.broken(f"{fate.pod.name} is recorded as {record.outcome} while its container runs")
            self._logs.append(record)
        if record.outcome is not Outcome.SUCCEEDED:
            return
        if fate is None or not fate.succeeded:
            self.broken(f"{record.job} is recorded as Succeeded, and it did not succeed: {fate}")
        if record.log.state is not LogState.COMPLETE and not record.log.capped:
            self.broken(f"{record.job} is recorded as Succeeded, and its log is {record.log.state}")

    def _pods_of(self, uid: str, record: Record) -> list[str]:
        """Where the matrix is gone, they may be those of a Job that the garbage collector took before."""
        if uid not in self._life.matrices:
            return []
        return [pod.name for pod in self._life.pods.values() if (pod.matrix_uid, pod.id) == (uid, record.id)]

    def _intended(self, uid: str, intent: IntentEntry) -> None:
        """An attempt is to be ended."""
        if intent.action != "cancel" or uid not in self._life.matrices:
            return
        if intent.message.startswith("cancelled by"):
            if not any(self._asked(uid, "cancel")):
                self.broken(f"{intent.job} is to be ended by a cancel that nobody asked for")
        elif intent.message == UNWANTED and intent.id.cell_hash != PREFLIGHT:
            plans = f"{self.refs[uid].prefix()}/runs/"
            keys = [key for key in self._life.objects if key.startswith(plans) and key.endswith("/plan.json")]
            if all(_holds(load_plan(self._life.objects[key]), intent.id) for key in keys):
                self.broken(f"{intent.job} is to be ended as if no plan held its trial, and each one does")

    def _read(self, uid: str, reading: ReadingEntry) -> None:
        """A record is read by other rules."""
        record = self.records[uid].get(reading.key)
        if record is None:
            self.broken(f"{reading.key} is read anew and was never recorded")
            return
        self.records[uid][reading.key] = replace(
            record,
            outcome=reading.outcome,
            blame=reading.blame,
            reason=reading.reason,
            log=replace(record.log, metrics=reading.metrics),
        )

    async def _log(self, record: Record) -> None:
        log = record.log
        if log.state is not LogState.COMPLETE and not log.capped:
            return
        wrote = self._life.fates[record.pod_uid].written
        try:
            kept = b"".join([part async for part in read_log(self._life.stores["default"], log.key)])
        except BatchMatrixError as error:
            self.broken(f"the {log.state} log of {record.pod} cannot be read: {error}", error)
            return
        if kept != (wrote[: len(kept)] if log.capped else wrote):
            self.broken(f"the {log.state} log of {record.pod} is {kept!r}, and it wrote {wrote!r}")

    # The end

    def over(self) -> bool:
        """Nothing is left to do: everything is recorded, let go of, and said."""
        life = self._life
        if any(pod.finalized for pod in life.pods.values()):
            return False
        return all(life.condition("Finished", self.refs[uid]) == "True" and self._told(uid) for uid in life.matrices)

    def _told(self, uid: str) -> bool:
        body = self._life.matrices[uid]
        return bool(body["status"]["observedGeneration"] == body["metadata"]["generation"])

    async def final(self) -> None:
        """Everything that must hold once nothing is wrong any more. Raises AssertionError."""
        await self.check()
        life = self._life
        for fate in life.fates.values():
            if fate.started is not None and fate.pod.uid not in self.records[fate.pod.matrix_uid]:
                raise AssertionError(f"pod {fate.pod.name} had a container and has no record")
        for uid, ref in self.refs.items():
            state = await replay(life.stores["default"], ref.prefix())
            assert state.twins == 0, f"{state.twins} twins in the ledger"
            assert state.records.keys() == self.records[uid].keys()
            if uid in life.matrices:
                self._status(ref, state.sequence)

    def _status(self, ref: MatrixRef, shards: int) -> None:
        status = self._life.status(ref)
        plan = self._plan(ref, status["observedGeneration"])
        results = self._results(ref, plan)
        required = any(metric["required"] for metric in self._life.matrices[ref.uid]["spec"].get("metrics", ()))
        for record in results.values():
            self._metrics(record, required=required)
        outcomes = Counter(record.outcome for record in results.values())
        counts = status["trials"]
        cancelled = any(self._asked(ref.uid, "cancel"))
        if not cancelled:
            assert len(results) == plan.trials, f"{len(results)} of {plan.trials} trials have a result"
        assert status["ledger"]["shard"] == shards
        assert status["ledger"]["records"] == len(self.records[ref.uid])
        assert counts["running"] + counts["pending"] + counts["queued"] == 0
        if cancelled and any(self._asked(ref.uid, "rerun")):
            return  # a trial that was to run again and may not has no result, whatever is recorded of it
        assert counts["done"] == len(results)
        assert counts["succeeded"] == outcomes[Outcome.SUCCEEDED]
        assert status["outcomes"] == {outcome.value: count for outcome, count in outcomes.items()}
        assert status["progress"] == f"{len(results)}/{plan.trials}"
        if not cancelled:
            assert counts["waiting"] == 0
            assert status["verdict"] == _verdict(results)
        told = json.loads(self._life.config_maps[f"{ref.name}-summary"]["summary.json"])
        assert told["verdict"] == status["verdict"], "the ConfigMap says something else than the status"

    def _metrics(self, record: Record, *, required: bool) -> None:
        """A whole log says what the rules in force find in it, whichever were in force when it was written."""
        fate = self._life.fates.get(record.pod_uid)
        if fate is None or record.log.state is not LogState.COMPLETE:
            return
        values = [float(text) for text in re.findall(rb"loss=([0-9.]+)", fate.written)]
        told = {metric.name: metric.value for metric in record.log.metrics}
        expected = {"loss": values[-1] if values else None} if required else {}
        assert told == expected, f"metrics of {record.pod} are {told}, and its log says {expected}"
        if record.reason in ("Succeeded", "NoMetric"):
            reason = "NoMetric" if required and not values else "Succeeded"
            assert record.reason == reason, f"{record.pod} counts as {record.reason} and should as {reason}"

    def _plan(self, ref: MatrixRef, generation: int) -> Plan:
        return load_plan(self._life.objects[f"{ref.prefix()}/runs/{generation}/plan.json"])

    def _results(self, ref: MatrixRef, plan: Plan) -> dict[tuple[str, int], Record]:
        wanted = {(cell.hash, trial) for cell in plan.cells for trial in range(cell.trials)}
        results: dict[tuple[str, int], Record] = {}
        for record in self.records[ref.uid].values():
            key = (record.id.cell_hash, record.id.trial)
            if key in wanted and (key not in results or results[key].id.attempt <= record.id.attempt):
                results[key] = record
        return results


def _verdict(results: Mapping[tuple[str, int], Record]) -> str:
    """Every cell is expected to succeed."""
    if any(record.outcome is not Outcome.SUCCEEDED and record.blame is Blame.WORKLOAD for record in results.values()):
        return "fail"
    return "pass" if all(record.outcome is Outcome.SUCCEEDED for record in results.values()) else "inconclusive"


def _holds(plan: Plan, attempt: AttemptId) -> bool:
    return any(cell.hash == attempt.cell_hash and attempt.trial < cell.trials for cell in plan.cells)


def _name(attempt: AttemptId) -> str:
    return f"{attempt.cell_hash[:10]}-t{attempt.trial}-a{attempt.attempt}"
