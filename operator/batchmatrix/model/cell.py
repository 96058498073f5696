"""A cell of the grid with everything resolved that is needed to run it, and the plan that holds all cells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["GROUP", "PREFLIGHT", "VERSION", "Cell", "MatrixRef", "Plan", "RetiredCell", "Scalar", "Work"]

GROUP = "batchmatrix.dev"
VERSION = "v1alpha1"

PREFLIGHT = "preflight"
"""In place of a cell's hash: the check that runs before the first trial of a generation, whose number is its trial."""

Scalar = str | int | float | bool
"""The value of a parameter axis."""


@dataclass(frozen=True, slots=True)
class MatrixRef:
    """Which BatchMatrix; the uid tells a re-created one from its namesake."""

    namespace: str
    name: str
    uid: str

    def prefix(self) -> str:
        """The folder in a store that belongs to this object alone, without a slash at its end."""
        return f"{self.namespace}/{self.name}/{self.uid}"


@dataclass(frozen=True, slots=True)
class Work:
    """What runs in the one container of a trial. Everything here is part of the cell's identity.

    Lists and mappings hold plain Kubernetes JSON (camelCase keys), as they will stand in the pod.
    """

    image: str
    """Empty only in a cell that has a `problem`."""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    working_dir: str | None = None
    env: tuple[tuple[str, str], ...] = ()
    """Variables as a manifest has them, in order, each once: steps, parameters, environment, mitigations, extraEnv,
    user's env. In all but the user's env every `$` is doubled, so that the container sees the very value that the spec
    says; in the user's env `$(X)` is a variable before it. Those that name cell, trial, seed and attempt are added at
    launch and are not here."""
    env_from: tuple[dict[str, Any], ...] = ()
    resources: dict[str, dict[str, str]] = field(default_factory=dict)
    """`requests` and `limits`, the hardware's extended resource included."""
    volumes: tuple[dict[str, Any], ...] = ()
    volume_mounts: tuple[dict[str, Any], ...] = ()
    security: dict[str, Any] = field(default_factory=dict)
    """runAsUser, runAsGroup, fsGroup, supplementalGroups, where the user set them."""
    service_account: str | None = None
    node_selector: dict[str, str] = field(default_factory=dict)
    tolerations: tuple[dict[str, Any], ...] = ()
    runtime_class: str | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination of the axes, resolved."""

    name: str
    """Readable, unique in its plan, a valid label value of at most 63 characters."""
    hash: str
    """SHA-256 (64 hex digits) of `work`, `parameters`, `hardware`, `seed`, `copy`: what runs, not its name."""
    copy: int
    """Tells apart the cells of a plan that run exactly the same: 0, 1 and so on (plan.copies)."""
    values: dict[str, Scalar]
    """Axis name to the value's label, in the order of the axes; what reports show."""
    parameters: dict[str, Scalar]
    environment: str | None
    """A name of the catalog, or `_inline_<8 hex>`."""
    hardware: str | None
    trials: int
    seed: int
    """Trial k runs with seed + k."""
    work: Work
    problem: str | None = None
    """Why this cell cannot be placed on any node (one line); such a cell is Unschedulable and never launched."""
    mitigations: tuple[str, ...] = ()
    """Names of the mitigations that are used together, in their order."""
    steps: int | None = None
    timeout: float = 3600.0
    """Longest run of one attempt, seconds from the container's start."""
    allowed_exit_codes: tuple[int, ...] = (0,)
    """Exit codes that count as success."""
    expect: str = "success"
    """`success`, `fail` or `any`: what its trials have to show."""
    inputs: str = ""
    """Digest of what the spec says about this cell, before nodes were asked: a later generation in which it is the
    same takes over image and node selector."""

    @property
    def hash10(self) -> str:
        """The part of the hash that stands in object names."""
        return self.hash[:10]


@dataclass(frozen=True, slots=True)
class RetiredCell:
    """What stays known of a cell that no plan holds any more: attempts of it may still end, and it may come back."""

    name: str
    hash: str
    first: str
    """The hash that it would have with copy number 0."""
    copy: int
    inputs: str
    image: str
    node_selector: dict[str, str]
    seed: int
    allowed_exit_codes: tuple[int, ...]
    devices: int
    """Extended-resource devices that an attempt holds."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one generation of a matrix runs: pinned in the store before its first Job, then never changed."""

    matrix: MatrixRef
    generation: int
    cells: tuple[Cell, ...]
    order: str
    """`rounds` or `cells`."""
    order_seed: str
    """Token from which the order inside each round follows (plan.order)."""
    created: str
    """RFC 3339."""
    retired: tuple[RetiredCell, ...] = ()
    """Cells of earlier generations, those that were dropped last first (plan.retired)."""

    @property
    def trials(self) -> int:
        """Number of trials over all cells."""
        return sum(cell.trials for cell in self.cells)
