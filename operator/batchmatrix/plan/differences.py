"""In which inputs two cells differ, field by field, in the words of the spec."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from batchmatrix.base.ids import canonical_json
from batchmatrix.base.quantities import format_duration
from batchmatrix.base.text import one_line, scalar_text
from batchmatrix.model.cell import Cell, Work
from batchmatrix.plan.resolve import STEPS_VARIABLE

__all__ = ["Change", "differences"]

_SHOWN = 120
"""Characters of one value."""


@dataclass(frozen=True, slots=True)
class Change:
    """One input that is another now."""

    field: str
    """Such as `image`, `env NCCL_ALGO` or `limits memory`."""
    before: str | None
    """None where it was not set."""
    after: str | None
    """None where it is not set any more."""
    runs: bool = True
    """Whether it is part of what runs; else results hold as they are."""

    def __str__(self) -> str:
        if self.before is None:
            return f"{self.field} added ({self.after})" if self.after else f"{self.field} added"
        if self.after is None:
            return f"{self.field} removed (was {self.before})" if self.before else f"{self.field} removed"
        return f"{self.field} {self.before or chr(34) * 2} -> {self.after or chr(34) * 2}"


def differences(old: Cell, new: Cell) -> tuple[Change, ...]:
    """Everything in which `new` is another than `old`, but for its name; empty where nothing is."""
    found = [*_identity(old, new), *_around(old, new)]
    if not any(change.runs for change in found) and old.hash != new.hash:
        # all the same names and values: what is left is their order, or the copy number
        if old.copy != new.copy:
            found.insert(0, Change("copy", str(old.copy), str(new.copy)))
        else:
            found.insert(0, Change("order of env", ", ".join(_names(old)), ", ".join(_names(new))))
    return tuple(found)


def _identity(old: Cell, new: Cell) -> Iterator[Change]:
    """Inputs that are part of what runs."""
    own = {STEPS_VARIABLE, *old.parameters, *new.parameters}
    yield from _maps("parameter", _texts(old.parameters), _texts(new.parameters))
    yield from _one("steps", old.steps, new.steps)
    yield from _one("seed", old.seed, new.seed)
    yield from _one("hardware", old.hardware, new.hardware)
    before, after = old.work, new.work
    yield from _one("image", before.image or None, after.image or None)
    yield from _words("command", before.command, after.command)
    yield from _words("args", before.args, after.args)
    yield from _one("workingDir", before.working_dir, after.working_dir)
    yield from _maps("env", _env(before, own), _env(after, own))
    yield from _one("envFrom", _json(before.env_from), _json(after.env_from))
    for kind in ("requests", "limits"):
        yield from _maps(kind, before.resources.get(kind, {}), after.resources.get(kind, {}))
    yield from _one("volumes", _json(before.volumes), _json(after.volumes))
    yield from _one("volumeMounts", _json(before.volume_mounts), _json(after.volume_mounts))
    yield from _maps("", _texts(before.security), _texts(after.security))
    yield from _one("serviceAccountName", before.service_account, after.service_account)
    yield from _maps("node label", before.node_selector, after.node_selector)
    yield from _one("tolerations", _json(before.tolerations), _json(after.tolerations))
    yield from _one("runtimeClassName", before.runtime_class, after.runtime_class)


def _around(old: Cell, new: Cell) -> Iterator[Change]:
    """What is said about a cell without being part of what runs."""
    yield from _one("trials", old.trials, new.trials, runs=False)
    yield from _one("timeout", format_duration(old.timeout), format_duration(new.timeout), runs=False)
    codes = (", ".join(map(str, cell.allowed_exit_codes)) for cell in (old, new))
    yield from _one("allowedExitCodes", *codes, runs=False)
    yield from _one("expect", old.expect, new.expect, runs=False)


def _one(field: str, before: object, after: object, *, runs: bool = True) -> Iterator[Change]:
    if before != after:
        yield Change(field, _shown(before), _shown(after), runs)


def _maps(kind: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    for name in dict.fromkeys((*before, *after)):
        yield from _one(f"{kind} {name}".strip(), before.get(name), after.get(name))


def _words(field: str, before: Sequence[str], after: Sequence[str]) -> Iterator[Change]:
    """Word by word where there are as many, else the whole line."""
    if len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _one(f"{field}[{index}]", old, new)
    else:
        yield from _one(field, shlex.join(before) or None, shlex.join(after) or None)


def _shown(value: object) -> str | None:
    return None if value is None else one_line(str(value), limit=_SHOWN)


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: scalar_text(value) if isinstance(value, str | int | float | bool) else _json(value) or ""
        for name, value in values.items()
    }


def _json(value: Any) -> str | None:
    return canonical_json(value).decode() if value else None


def _env(work: Work, own: set[str]) -> dict[str, str]:
    return {name: value for name, value in work.env if name not in own}


def _names(cell: Cell) -> list[str]:
    return [name for name, _ in cell.work.env]
