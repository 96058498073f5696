"""From spec and catalog to the work of one cell, but for what only nodes can tell: the image by node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from batchmatrix.base.ids import digest
from batchmatrix.model.cell import Scalar, Work
from batchmatrix.model.v1alpha1 import Environment, Hardware, ImageRule, Spec, Workload
from batchmatrix.plan.identity import work_json
from batchmatrix.plan.text import scalar_text

__all__ = ["Resolver", "Unplaced"]


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A cell before it has met the nodes."""

    values: dict[str, Scalar]
    parameters: dict[str, Scalar]
    environment: str | None
    hardware: str | None
    work: Work
    """With an empty image, and the hardware's own labels as node selector."""
    image: str | None
    """The image, where it is the same on every node."""
    rules: tuple[ImageRule, ...]
    """Images by node label; empty where `image` is set."""
    inputs: str
    """Digest of everything the spec says about this cell: while it stays, earlier resolutions hold."""


class Resolver:
    """Makes cells of one spec; what cells have in common is made once and shared, as there may be thousands."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._bases: dict[tuple[str | None, str | None], tuple[Work, str]] = {}

    def __call__(self, values: Mapping[str, Scalar]) -> Unplaced:
        """The cell with these values of the axes."""
        workload, catalog = self._spec.workload, self._spec.catalog
        names = {axis.name for axis in self._spec.parameters}
        parameters = {name: value for name, value in values.items() if name in names}
        environment = str(values["environment"]) if "environment" in values else None
        hardware = str(values["hardware"]) if "hardware" in values else None
        source = workload if environment is None else catalog.environments[environment]
        base, base_digest = self._base(environment, hardware)
        env = (*((name, scalar_text(value)) for name, value in parameters.items()), *base.env)
        return Unplaced(
            values=dict(values),
            parameters=parameters,
            environment=environment,
            hardware=hardware,
            work=replace(base, env=env),
            image=source.image,
            rules=source.images_by_node or (),
            inputs=digest({"base": base_digest, "parameters": parameters, "seed": self._spec.seed}),
        )

    def _base(self, environment: str | None, hardware: str | None) -> tuple[Work, str]:
        key = (environment, hardware)
        if key not in self._bases:
            spec = self._spec
            place = Hardware() if hardware is None else spec.catalog.hardware[hardware]
            setting = None if environment is None else spec.catalog.environments[environment]
            source = setting or spec.workload
            work = _work(spec.workload, setting, place)
            rules = [rule.model_dump(mode="json", by_alias=True) for rule in source.images_by_node or ()]
            names = {"environment": environment, "hardware": hardware}
            self._bases[key] = work, digest({"work": work_json(work), **names, "image": source.image, "rules": rules})
        return self._bases[key]


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


def _resources(workload: Workload, hardware: Hardware) -> dict[str, dict[str, str]]:
    limits = dict(workload.resources.limits)
    if hardware.resource is not None:
        limits[hardware.resource.name] = str(hardware.resource.count)
    both = {"requests": dict(workload.resources.requests), "limits": limits}
    return {kind: quantities for kind, quantities in both.items() if quantities}


def _security(workload: Workload) -> dict[str, Any]:
    ids = {
        "runAsUser": workload.run_as_user,
        "runAsGroup": workload.run_as_group,
        "fsGroup": workload.fs_group,
        "supplementalGroups": list(workload.supplemental_groups) or None,
    }
    return {name: value for name, value in ids.items() if value is not None}


def _work(workload: Workload, environment: Environment | None, hardware: Hardware) -> Work:
    # the API server sorts the keys of maps, and a file must mean the same without it
    environment_env = () if environment is None else tuple(sorted(environment.env.items()))
    return Work(
        image="",
        command=workload.command,
        args=workload.args,
        working_dir=workload.working_dir,
        env=(*environment_env, *((variable.name, variable.value) for variable in workload.env)),
        env_from=tuple(_dump(source) for source in workload.env_from),
        resources=_resources(workload, hardware),
        volumes=tuple(_dump(volume) for volume in workload.volumes),
        volume_mounts=tuple(_dump(mount) for mount in workload.volume_mounts),
        security=_security(workload),
        service_account=workload.service_account_name,
        node_selector=dict(hardware.node_labels),
        tolerations=tuple(_dump(toleration) for toleration in hardware.tolerations),
        runtime_class=hardware.runtime_class_name,
    )
