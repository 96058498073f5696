"""From spec and catalog to the work of one cell, but for what only nodes can tell: the image by node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from batchmatrix.base.ids import digest
from batchmatrix.base.quantities import parse_duration
from batchmatrix.base.text import scalar_text
from batchmatrix.model.cell import Scalar, Work
from batchmatrix.model.v1alpha1 import Environment, Hardware, ImageRule, Spec, Workload
from batchmatrix.model.v1alpha1.rules import literal
from batchmatrix.plan.combination import Combination
from batchmatrix.plan.identity import work_json

__all__ = ["DEFAULT_TIMEOUT", "STEPS_VARIABLE", "Resolver", "Unplaced", "plain_work"]

STEPS_VARIABLE = "BATCHMATRIX_STEPS"
DEFAULT_TIMEOUT = "1h"
"""Of an attempt, where neither the workload nor the cell says."""

_BaseKey = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A cell before it has met the nodes."""

    combination: Combination
    steps: int | None
    trials: int
    timeout: float
    """Seconds."""
    allowed_exit_codes: tuple[int, ...]
    expect: str
    work: Work
    """With an empty image, and the hardware's own labels as node selector."""
    image: str | None
    """The image, where it is the same on every node."""
    rules: tuple[ImageRule, ...]
    """Images by node label; empty where `image` is set."""
    inputs: str
    """Digest of everything the spec says about this cell: while it stays, earlier resolutions hold."""

    @property
    def values(self) -> dict[str, Scalar]:
        """Axis to the label of its value."""
        return self.combination.values

    @property
    def parameters(self) -> dict[str, Scalar]:
        """Parameter to its value."""
        return self.combination.parameters

    @property
    def environment(self) -> str | None:
        """Name of the environment."""
        return self.combination.environment

    @property
    def hardware(self) -> str | None:
        """Name of the hardware entry."""
        return self.combination.hardware


class Resolver:
    """Makes cells of one spec that stands by itself; what cells share is made once, as there may be thousands."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._bases: dict[_BaseKey, tuple[Work, str | None, tuple[ImageRule, ...], str]] = {}
        self._timeout = parse_duration(spec.workload.timeout or DEFAULT_TIMEOUT)

    def __call__(self, combination: Combination) -> Unplaced:
        """The cell of this combination; every name in it is in spec.catalog."""
        spec, settings = self._spec, combination.settings
        base, image, rules, base_digest = self._base(combination)
        steps = spec.steps if settings.steps is None else settings.steps
        own = tuple((name, literal(scalar_text(value))) for name, value in combination.parameters.items())
        if steps is not None:
            own = ((STEPS_VARIABLE, str(steps)), *own)
        inputs: dict[str, Any] = {"base": base_digest, "parameters": combination.parameters, "seed": spec.seed}
        if steps is not None:
            inputs["steps"] = steps
        codes = settings.allowed_exit_codes or spec.workload.allowed_exit_codes or (0,)
        return Unplaced(
            combination=combination,
            steps=steps,
            trials=spec.trials if settings.trials is None else settings.trials,
            timeout=self._timeout if settings.timeout is None else settings.timeout,
            allowed_exit_codes=codes,
            expect=settings.expect or spec.expect.outcome,
            work=replace(base, env=(*own, *base.env)) if own else base,
            image=image,
            rules=rules,
            inputs=digest(inputs),
        )

    def _base(self, combination: Combination) -> tuple[Work, str | None, tuple[ImageRule, ...], str]:
        """All that does not differ from parameter to parameter."""
        settings = combination.settings
        key = (
            combination.environment,
            combination.hardware,
            combination.mitigations,
            settings.image,
            tuple(settings.extra_env.items()),
            tuple(settings.requests.items()),
            tuple(settings.limits.items()),
        )
        if key not in self._bases:
            spec, catalog = self._spec, self._spec.catalog
            place = Hardware() if combination.hardware is None else catalog.hardware[combination.hardware]
            environment = _environment(combination, catalog.environments)
            image, rules = _image(combination, environment, spec.workload)
            mitigations = [catalog.mitigations[name].env for name in combination.mitigations]
            work = _work(spec.workload, environment, mitigations, place, combination)
            names = {"environment": combination.environment, "hardware": combination.hardware}
            plain_rules = [rule.model_dump(mode="json", by_alias=True) for rule in rules]
            text = digest({"work": work_json(work), **names, "image": image, "rules": plain_rules})
            self._bases[key] = work, image, rules, text
        return self._bases[key]


def _environment(combination: Combination, known: Mapping[str, Environment]) -> Environment:
    if combination.environment is None:
        return Environment()
    if combination.inline_image is not None:
        return Environment(image=combination.inline_image)
    return known[combination.environment]


def _image(
    combination: Combination, environment: Environment, workload: Workload
) -> tuple[str | None, tuple[ImageRule, ...]]:
    """The cell's own image, else the environment's, else the workload's; or rules by node."""
    if combination.settings.image is not None:
        return combination.settings.image, ()
    for source in (environment, workload):
        if source.image is not None or source.images_by_node is not None:
            return source.image, source.images_by_node or ()
    return None, ()


def _dump(model: Any) -> dict[str, Any]:
    """A part of the spec as Kubernetes JSON, without what is not set and without false, which is its default."""
    plain: dict[str, Any] = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    return _without_false(plain)


def _without_false(plain: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _without_false(value) if isinstance(value, dict) else value
        for key, value in plain.items()
        if value is not False and value != ""
    }


def _resources(workload: Workload, hardware: Hardware, combination: Combination) -> dict[str, dict[str, str]]:
    limits = {**workload.resources.limits, **combination.settings.limits}
    if hardware.resource is not None:
        limits[hardware.resource.name] = str(hardware.resource.count)
    both = {"requests": {**workload.resources.requests, **combination.settings.requests}, "limits": limits}
    return {kind: quantities for kind, quantities in both.items() if quantities}


def _security(workload: Workload) -> dict[str, Any]:
    ids = {
        "runAsUser": workload.run_as_user,
        "runAsGroup": workload.run_as_group,
        "fsGroup": workload.fs_group,
        "supplementalGroups": list(workload.supplemental_groups) or None,
    }
    return {name: value for name, value in ids.items() if value is not None}


def _env(
    workload: Workload, environment: Environment, mitigations: Sequence[Mapping[str, str]], extra: Mapping[str, str]
) -> tuple[tuple[str, str], ...]:
    """Variables in order, each once: environment, mitigations, extraEnv, user's env; extraEnv wins over all of them.

    A mitigation replaces what the environment says, as that is what it is for. Inside a map the order is that of
    the names, because the API server sorts keys and a file must mean the same without it. All but the user's env are
    literals, which the kubelet must leave as they are.
    """
    stacked = {name: value for mitigation in mitigations for name, value in sorted(mitigation.items())}
    user = {variable.name: variable.value for variable in workload.env}
    return (
        *((name, literal(value)) for name, value in sorted(environment.env.items()) if name not in {*stacked, *extra}),
        *((name, literal(value)) for name, value in stacked.items() if name not in extra and name not in user),
        *((name, literal(value)) for name, value in sorted(extra.items())),
        *((name, value) for name, value in user.items() if name not in extra),
    )


def plain_work(workload: Workload) -> Work:
    """What the workload says by itself, of no cell: no image, and nothing of environment, mitigations and hardware."""
    nothing = Combination({}, {}, (), None, None, None)
    return _work(workload, Environment(), (), Hardware(), nothing)


def _work(
    workload: Workload,
    environment: Environment,
    mitigations: Sequence[Mapping[str, str]],
    hardware: Hardware,
    combination: Combination,
) -> Work:
    return Work(
        image="",
        command=workload.command,
        args=workload.args,
        working_dir=workload.working_dir,
        env=_env(workload, environment, mitigations, combination.settings.extra_env),
        env_from=tuple(_dump(source) for source in workload.env_from),
        resources=_resources(workload, hardware, combination),
        volumes=tuple(_dump(volume) for volume in workload.volumes),
        volume_mounts=tuple(_dump(mount) for mount in workload.volume_mounts),
        security=_security(workload),
        service_account=workload.service_account_name,
        node_selector=dict(hardware.node_labels),
        tolerations=tuple(_dump(toleration) for toleration in hardware.tolerations),
        runtime_class=hardware.runtime_class_name,
    )
