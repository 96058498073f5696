"""One combination of the grid before it is resolved, and what it has of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from batchmatrix.base.quantities import parse_duration
from batchmatrix.model.cell import Scalar
from batchmatrix.model.v1alpha1 import CellSettings

__all__ = ["Combination", "Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What a cell has in place of the spec's own; None or empty where it has nothing."""

    trials: int | None = None
    steps: int | None = None
    extra_env: Mapping[str, str] = field(default_factory=dict)
    requests: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, str] = field(default_factory=dict)
    image: str | None = None
    timeout: float | None = None
    """Seconds."""
    allowed_exit_codes: tuple[int, ...] | None = None
    expect: str | None = None

    def with_(self, other: CellSettings) -> Settings:
        """These settings with those of `other` in their place; maps entry by entry."""
        return Settings(
            trials=self.trials if other.trials is None else other.trials,
            steps=self.steps if other.steps is None else other.steps,
            extra_env={**self.extra_env, **other.extra_env},
            requests={**self.requests, **other.resources.requests},
            limits={**self.limits, **other.resources.limits},
            image=self.image if other.image is None else other.image,
            timeout=self.timeout if other.timeout is None else parse_duration(other.timeout),
            allowed_exit_codes=other.allowed_exit_codes or self.allowed_exit_codes,
            expect=self.expect if other.expect is None else other.expect.outcome,
        )


NO_SETTINGS = Settings()


@dataclass(frozen=True, slots=True)
class Combination:
    """What one cell is made of, in names."""

    values: dict[str, Scalar]
    """Axis, and parameter that an include or the cell adds, to the label of its value, in order."""
    parameters: dict[str, Scalar]
    mitigations: tuple[str, ...]
    environment: str | None
    """A name of the catalog, or the name of the inline image."""
    inline_image: str | None
    """The image, where the environment is nothing else."""
    hardware: str | None
    settings: Settings = NO_SETTINGS
    name: str | None = None
    """Where its author gave it one."""
    origin: str = "axes"
    """`axes`, or the path of the include or cell that made it."""
