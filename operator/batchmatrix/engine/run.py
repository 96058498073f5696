"""What the process remembers of one matrix between passes. All of it can be had again from store and cluster."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from batchmatrix.engine.attempt import Phase
from batchmatrix.engine.board import Board
from batchmatrix.engine.captures import Captures
from batchmatrix.engine.holds import Holds
from batchmatrix.engine.kept import UsedCatalog
from batchmatrix.engine.logbudget import LogBudget
from batchmatrix.engine.obstacles import Obstacle
from batchmatrix.engine.operations import Operations
from batchmatrix.engine.policy import Policy
from batchmatrix.engine.preflights import Preflights
from batchmatrix.engine.rereading import Rereading
from batchmatrix.engine.vanished import Vanished
from batchmatrix.ledger.writer import Ledger
from batchmatrix.model.cell import Cell, MatrixRef, Plan
from batchmatrix.model.judging import JudgingRules
from batchmatrix.model.launch import AttemptId
from batchmatrix.model.metric import NO_RULES, ReadingRules
from batchmatrix.model.observed import JobState, PodState
from batchmatrix.model.summary import Summary
from batchmatrix.model.v1alpha1 import BatchMatrix
from batchmatrix.ports.analyst import Judged
from batchmatrix.ports.store import Store

__all__ = ["Run"]


@dataclass(slots=True)
class Run:
    """One BatchMatrix object that is being worked on."""

    ref: MatrixRef
    store: Store
    ledger: Ledger
    captures: Captures
    policy: Policy
    rereading: Rereading
    log_budget: LogBudget
    holds: Holds = field(default_factory=Holds)
    """Of the whole ledger."""
    reading: ReadingRules = NO_RULES
    """How logs are read."""
    preflights: Preflights = field(default_factory=Preflights)
    """Of the whole ledger."""
    preflight: Cell | None = None
    """The preflight of the plan in force, where it has one."""
    matrix: BatchMatrix | None = None
    """The spec in force, with everything that it names in it: of the newest generation that is valid."""
    introduced: bool = False
    """The tokens that were on the object before anything was durable of it count as handled."""
    operations: Operations = field(default_factory=Operations)
    """What was asked for by hand, as far as it is durable."""
    tokens: Mapping[str, str] = field(default_factory=dict)
    """By action the token that was handled last, or that is on the object and was handled."""
    refused: str = ""
    """What is wrong with tokens that are on the object, in one line."""
    halted: bool = False
    """A cancel is asked for that is not durable yet: nothing may start meanwhile."""
    deleted: bool = False
    """The server says that the object is deleted, or is being deleted: nothing undoes that, whatever a watch shows."""
    catalog: UsedCatalog | None = None
    """What its names stand for, and where that was written."""
    taken: int = 0
    """Records of the ledger that the board has."""
    plan: Plan | None = None
    board: Board | None = None
    generation: int = -1
    """Newest generation that was looked at, valid or not."""
    problem: str = ""
    """Why that generation is not in force, in one line; empty if it is."""
    looked_up: Mapping[str, str] = field(default_factory=dict)
    """Versions of the MatrixCatalogs, by name, that led to the problem: with another one it is looked at again."""
    compared: Mapping[str, str] | None = None
    """Versions of the MatrixCatalogs that the one in force was held against; None if it never was."""
    drift: str = ""
    """Entries that say something else in their catalogs by now, in one line."""
    first_launch: float | None = None
    """When its first Job was made, Unix seconds, as far as records and Jobs tell."""
    launched: dict[AttemptId, JobState] = field(default_factory=dict)
    """Jobs that this process created and that have no record."""
    sighted: set[str] = field(default_factory=set)
    """uids of those that the watch has shown."""
    seen: dict[str, PodState] = field(default_factory=dict)
    """Pods without a record, by uid, as last seen."""
    vanished: Vanished = field(default_factory=Vanished)
    """What the server says of those that memory does not show any more."""
    unfit: dict[str, float] = field(default_factory=dict)
    """Pod uid to the time since when no node could hold it."""
    resumed: dict[str, float] = field(default_factory=dict)
    """uid of a Job that was suspended, to the time since when a pod of it is awaited; infinite while suspended."""
    obstacles: dict[str, Obstacle] = field(default_factory=dict)
    """By uid of a Job that is late with its pod, why that is so."""
    sent: set[str] = field(default_factory=set)
    """uids of pods released and Jobs deleted that the watch still shows."""
    starts_held_until: float = 0.0
    """Monotonic seconds; after a refused launch no more are tried for a while."""
    refusals: int = 0
    """Passes in a row in which a launch was refused."""
    refusal: str = ""
    """What was said then."""
    starts_at_once: int = 0
    """Most launches of one pass since a launch was refused; 0 for no limit."""
    killed: set[str] = field(default_factory=set)
    """uids of pods whose deletion was sent."""
    phases: Counter[Phase] = field(default_factory=Counter)
    """Attempts without a record by phase, as of the last pass."""
    status: dict[str, Any] | None = None
    """As last written or read."""
    shown: Mapping[str, Any] | None = None
    """The status that the object had when it was last looked at."""
    summary: Summary | None = None
    """As last published."""
    published: tuple[int, int, int, bool, str] | None = None
    """Its generation, how often results had changed, attempts recorded, completeness, and what had stopped it."""
    published_at: float = float("-inf")
    """Monotonic seconds."""
    unjudged: int = 0
    """Times in a row that its results could not be judged."""
    judged: tuple[Summary, JudgingRules, Judged] | None = None
    """What judging made of this summary by these rules, until it is published."""
    notice: str = ""
    """Something that the user should mend and that stops nothing, in one line."""

    def note_launch(self, created: float) -> None:
        """A Job was made at this time, Unix seconds."""
        if self.first_launch is None or created < self.first_launch:
            self.first_launch = created

    def forget_sent(self, present: Iterable[str]) -> None:
        """Drop the memory of objects that are not there any more."""
        there = set(present)
        self.sent &= there
        self.killed &= there
        self.resumed = {uid: when for uid, when in self.resumed.items() if uid in there}
        self.obstacles = {uid: found for uid, found in self.obstacles.items() if uid in there}
        self.unfit = {uid: since for uid, since in self.unfit.items() if uid in there}
