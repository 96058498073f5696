"""How a matrix is doing, as the operator writes it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from batchmatrix.model.v1alpha1._types import StatusModel, list_map

__all__ = ["Condition", "HandledTokens", "LedgerStatus", "LogCounts", "Status", "TrialCounts"]


class Condition(StatusModel):
    """One aspect of the state, as Kubernetes' tools read it."""

    type: str = Field(description="Reconciling, Ready, Stalled, Succeeded or Finished.")
    status: str = Field(description="True, False or Unknown.")
    reason: str = Field(default="", description="One word for the state.")
    message: str = Field(default="", description="The state in plain words.")
    observed_generation: int = Field(default=0, description="Generation of the spec it speaks of.")
    last_transition_time: str = Field(default="", description="When status changed last, RFC 3339.")


class TrialCounts(StatusModel):
    """Trials by state."""

    total: int = Field(default=0, description="All trials of the plan.")
    done: int = Field(default=0, description="Ended for good.")
    succeeded: int = Field(default=0, description="Ended with outcome Succeeded.")
    failed: int = Field(default=0, description="Ended with another outcome.")
    running: int = Field(default=0, description="Container runs.")
    pending: int = Field(default=0, description="Started, container does not run yet.")
    queued: int = Field(default=0, description="Wait for busy devices.")
    waiting: int = Field(default=0, description="Not started yet.")


class LogCounts(StatusModel):
    """Logs of all ended attempts of the plan's trials by state, whether another attempt followed or not."""

    complete: int = Field(default=0, description="Kept whole.")
    truncated: int = Field(default=0, description="Kept in part.")
    lost: int = Field(default=0, description="Could not be kept.")


class LedgerStatus(StatusModel):
    """How far the ledger is."""

    shard: int = Field(default=0, description="Number of the last shard.")
    records: int = Field(default=0, description="Records in all shards.")
    sha256: str = Field(default="", description="Digest of the last shard.")


class HandledTokens(StatusModel):
    """Tokens of annotations that were handled last; the ledger has them all."""

    rerun: str = Field(default="", description="Token of annotation batchmatrix.dev/rerun.")
    cancel: str = Field(default="", description="Token of annotation batchmatrix.dev/cancel.")


class Status(StatusModel):
    """Counters and conditions, never rows."""

    observed_generation: int = Field(default=-1, description="Generation of the spec that this status speaks of.")
    conditions: Annotated[tuple[Condition, ...], Field(max_length=16)] = Field(
        default=(), description="Aspects of the state.", json_schema_extra=list_map("type")
    )
    progress: str = Field(default="", description="Trials done of all, such as 37/48.")
    cells: int = Field(default=0, description="Cells of the plan.")
    trials: TrialCounts = Field(default=TrialCounts(), description="Trials by state.")
    running: int = Field(default=0, description="Trials whose container runs.")
    failed: int = Field(default=0, description="Trials that ended with another outcome than Succeeded.")
    verdict: str = Field(default="", description="pass, fail or inconclusive; empty before the end.")
    outcomes: dict[str, int] = Field(default={}, description="Ended trials by outcome.")
    logs: LogCounts = Field(
        default=LogCounts(),
        description="Logs of all ended attempts by state, those that were tried again among them; an attempt whose "
        "container never ran has none.",
    )
    retries: int = Field(default=0, description="Attempts beyond the first of each trial.")
    results: str = Field(default="", description="URL of the folder in the store.")
    ledger: LedgerStatus = Field(default=LedgerStatus(), description="How far the ledger is.")
    operations: HandledTokens = Field(
        default=HandledTokens(), description="Tokens of annotations that were handled last."
    )
    start_time: str = Field(default="", description="First start of a trial, RFC 3339.")
    completion_time: str = Field(default="", description="When all was done, RFC 3339.")
    message: str = Field(default="", description="The state in one line.")
