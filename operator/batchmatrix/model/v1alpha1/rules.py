"""What must hold between fields. Each rule yields every problem it finds; a rule looks at one thing only.

The API server holds most of them too, as CEL (see the models); `PYDANTIC_ONLY` names those that it cannot.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import re2

from batchmatrix.base.errors import Problem
from batchmatrix.base.ids import canonical_json
from batchmatrix.base.quantities import parse_duration, parse_quantity
from batchmatrix.base.text import one_line
from batchmatrix.model.v1alpha1._types import field_path, show
from batchmatrix.model.v1alpha1.spec import NAME_LIMIT, RESERVED_AXES, BatchMatrix

__all__ = ["LAUNCH_VARIABLES", "PYDANTIC_ONLY", "RULES", "SPEC_BYTES_LIMIT", "check", "references"]

LAUNCH_VARIABLES = ("BATCHMATRIX_TRIAL", "BATCHMATRIX_SEED", "BATCHMATRIX_CELL", "BATCHMATRIX_ATTEMPT")
"""Variables that each attempt gets besides those in the spec, in this order."""

SPEC_BYTES_LIMIT = 131_072
"""Bytes of the spec as JSON; every cell's Job carries a part of it."""

PYDANTIC_ONLY = {
    "axis-value": "A value of an axis is a finite number that fits 64 bits, a boolean or a text, never null",
    "axis-values-unique": "No two values of an axis reach the workload as the same text",
    "catalog-name": "Values of the axes environment and hardware are names in the catalog",
    "environment-clash": "No environment sets a variable that an axis or workload.env sets too",
    "map-keys": "Keys of nodeLabels, resources and environment variables have the form that Kubernetes asks for",
    "metric-pattern": "A pattern is an RE2 expression with one group, or with one called value",
    "reference": "Every $(X) in command and args names a variable that is set, unless envFrom is used",
    "requests-limits": "No request is more than its limit, and devices are asked for in limits",
    "resource-clash": "The resource of a hardware entry is not in workload.resources too",
    "spec-size": f"The spec has at most {SPEC_BYTES_LIMIT} bytes as JSON",
}
"""Rules that the API server does not hold, by id: they show as condition Stalled after the object was stored."""

_RESERVED = "BATCHMATRIX_"
_REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")
_C_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def references(text: str) -> list[str]:
    """Names X in the `$(X)` of `text` that the kubelet would look up; `$$(X)` is a literal `$(X)`.

    Only C identifiers count: nothing else can be a variable here, and the kubelet leaves it as it is.
    """
    return [name for name in _REFERENCE.findall(text) if _C_NAME.fullmatch(name)]


def _name(matrix: BatchMatrix) -> Iterator[Problem]:
    name = matrix.metadata.name
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name):
        remedy = "write lower-case letters, digits and '-', a letter or digit at both ends"
        yield Problem("metadata.name", f"{show(name)} is not a DNS label; {remedy}")
    elif len(name) > NAME_LIMIT:
        yield Problem("metadata.name", f"{show(name)} has {len(name)} characters; write at most {NAME_LIMIT}")


def _axis_names(matrix: BatchMatrix) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, axis in enumerate(matrix.spec.axes):
        path = f"spec.axes[{index}].name"
        if axis.name == "mitigation":
            yield Problem(path, "the axis mitigation is reserved and not supported yet; use another name")
        if axis.name.startswith(_RESERVED):
            yield Problem(path, f"{show(axis.name)} begins with {_RESERVED}, which is reserved; use another name")
        if axis.name in seen:
            yield Problem(path, f"{show(axis.name)} is the name of an earlier axis; rename one of them")
        seen.add(axis.name)


def _axis_values(matrix: BatchMatrix) -> Iterator[Problem]:
    for index, axis in enumerate(matrix.spec.axes):
        seen: dict[str, object] = {}
        for position, value in enumerate(axis.values):
            text = str(value).lower() if isinstance(value, bool) else str(value)
            if text in seen:
                same = f"{show(value)} and {show(seen[text])} reach the workload as the same text; remove one"
                yield Problem(f"spec.axes[{index}].values[{position}]", same)
            seen.setdefault(text, value)


def _catalog_names(matrix: BatchMatrix) -> Iterator[Problem]:
    catalog = matrix.spec.catalog
    known = {"environment": set(catalog.environments), "hardware": set(catalog.hardware)}
    for index, axis in enumerate(matrix.spec.axes):
        if axis.name not in RESERVED_AXES:
            continue
        field = "environments" if axis.name == "environment" else "hardware"
        names = ", ".join(sorted(known[axis.name])) or "none"
        for position, value in enumerate(axis.values):
            if value not in known[axis.name]:
                text = f"{show(value)} is not in spec.catalog.{field}; add it there or use one of: {names}"
                yield Problem(f"spec.axes[{index}].values[{position}]", one_line(text))


def _one_image(matrix: BatchMatrix) -> Iterator[Problem]:
    spec = matrix.spec
    count = (spec.workload.image is not None) + (spec.workload.images_by_node is not None)
    if count == 2:
        yield Problem("spec.workload", "has both image and imagesByNode; keep one of them")
    if count and spec.axis("environment"):
        text = "has an image although every value of the axis environment brings its own; remove one of the two"
        yield Problem("spec.workload", text)
    if not count and not spec.axis("environment"):
        yield Problem("spec.workload", "has no image; add image or imagesByNode, or an axis environment")
    for name, environment in spec.catalog.environments.items():
        if (environment.image is None) == (environment.images_by_node is None):
            said = "has neither image nor imagesByNode" if environment.image is None else "has both of them"
            text = f"{said}; exactly one of image and imagesByNode is needed"
            yield Problem(field_path(("spec", "catalog", "environments", name)), text)


def _reserved_variables(matrix: BatchMatrix) -> Iterator[Problem]:
    for index, variable in enumerate(matrix.spec.workload.env):
        if variable.name.startswith(_RESERVED):
            text = f"{show(variable.name)} begins with {_RESERVED}, which is reserved; rename it"
            yield Problem(f"spec.workload.env[{index}].name", text)
    for name, environment in matrix.spec.catalog.environments.items():
        for key in environment.env:
            if key.startswith(_RESERVED):
                text = f"{show(key)} begins with {_RESERVED}, which is reserved; rename it"
                yield Problem(field_path(("spec", "catalog", "environments", name, "env")), text)


def _env_clash(matrix: BatchMatrix) -> Iterator[Problem]:
    parameters = {axis.name for axis in matrix.spec.axes}
    seen: set[str] = set()
    for index, variable in enumerate(matrix.spec.workload.env):
        path = f"spec.workload.env[{index}].name"
        if variable.name in parameters:
            yield Problem(path, f"{show(variable.name)} is set by the axis of this name already; rename one of them")
        if variable.name in seen:
            yield Problem(path, f"{show(variable.name)} is set twice; remove one")
        seen.add(variable.name)


def _environment_clash(matrix: BatchMatrix) -> Iterator[Problem]:
    parameters = {axis.name for axis in matrix.spec.axes}
    user = {variable.name for variable in matrix.spec.workload.env}
    for name, environment in matrix.spec.catalog.environments.items():
        for key in sorted(environment.env.keys() & (parameters | user)):
            source = "an axis" if key in parameters else "workload.env"
            text = f"{show(key)} is set by {source} too; remove one of them"
            yield Problem(field_path(("spec", "catalog", "environments", name, "env")), text)


def _references(matrix: BatchMatrix) -> Iterator[Problem]:
    spec = matrix.spec
    if spec.workload.env_from:
        return  # keys of a ConfigMap or Secret are not known here
    common = {*LAUNCH_VARIABLES, *(axis.name for axis in spec.parameters), *(v.name for v in spec.workload.env)}
    axis = spec.axis("environment")
    used = [spec.catalog.environments[str(v)] for v in axis.values if v in spec.catalog.environments] if axis else []
    common |= set.intersection(*(set(environment.env) for environment in used)) if used else set()
    for field, texts in (("command", spec.workload.command), ("args", spec.workload.args)):
        for index, text in enumerate(texts):
            for name in dict.fromkeys(references(text)):
                if name not in common:
                    some = any(name in environment.env for environment in used)
                    said = "is not set by every environment of the axis" if some else "is set by nothing"
                    remedy = f"define {name}, or write $$({name}) for a literal $({name})"
                    yield Problem(f"spec.workload.{field}[{index}]", one_line(f"$({name}) {said}; {remedy}"))


def _metric_fields(matrix: BatchMatrix) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, metric in enumerate(matrix.spec.metrics):
        path = f"spec.metrics[{index}]"
        if metric.source == "regex" and metric.pattern is None:
            yield Problem(path, "has no pattern; from: regex needs one")
        if metric.source != "regex" and metric.pattern is not None:
            text = f"does nothing with from: {metric.source}; remove it or write from: regex"
            yield Problem(f"{path}.pattern", text)
        if metric.source == "regex" and metric.key is not None:
            yield Problem(f"{path}.key", "does nothing with from: regex; remove it")
        if metric.name in seen:
            yield Problem(f"{path}.name", f"{show(metric.name)} is the name of an earlier metric; rename one of them")
        seen.add(metric.name)


def _metric_patterns(matrix: BatchMatrix) -> Iterator[Problem]:
    options = re2.Options()
    options.log_errors = False
    for index, metric in enumerate(matrix.spec.metrics):
        if metric.pattern is None:
            continue
        path = f"spec.metrics[{index}].pattern"
        try:
            compiled = re2.compile(metric.pattern, options)
        except re2.error as error:
            reason = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error)
            text = f"{show(metric.pattern)} is not an RE2 expression: {reason}; look-around and back-references are not"
            yield Problem(path, one_line(f"{text} supported"))
            continue
        if compiled.groups != 1 and "value" not in compiled.groupindex:
            text = f"{show(metric.pattern)} has {compiled.groups} groups; write one, or call one (?P<value>...)"
            yield Problem(path, text)


def _volumes(matrix: BatchMatrix) -> Iterator[Problem]:
    workload = matrix.spec.workload
    names: set[str] = set()
    for index, volume in enumerate(workload.volumes):
        sources = (volume.config_map, volume.secret, volume.persistent_volume_claim, volume.empty_dir)
        if sum(source is not None for source in sources) != 1:
            text = "needs exactly one of configMap, secret, persistentVolumeClaim and emptyDir"
            yield Problem(f"spec.workload.volumes[{index}]", text)
        if volume.name in names:
            yield Problem(f"spec.workload.volumes[{index}].name", f"{show(volume.name)} is used twice; rename one")
        names.add(volume.name)
    paths: set[str] = set()
    for index, mount in enumerate(workload.volume_mounts):
        path = f"spec.workload.volumeMounts[{index}]"
        if mount.name not in names:
            yield Problem(f"{path}.name", f"{show(mount.name)} is not in spec.workload.volumes; add it there")
        if mount.mount_path in paths:
            yield Problem(f"{path}.mountPath", f"{show(mount.mount_path)} is mounted twice; change one")
        if mount.sub_path and ".." in mount.sub_path.split("/"):
            yield Problem(f"{path}.subPath", f"{show(mount.sub_path)} contains '..'; write a path without it")
        paths.add(mount.mount_path)


def _references_to_objects(matrix: BatchMatrix) -> Iterator[Problem]:
    workload = matrix.spec.workload
    for index, source in enumerate(workload.env_from):
        if (source.config_map_ref is None) == (source.secret_ref is None):
            yield Problem(f"spec.workload.envFrom[{index}]", "needs exactly one of configMapRef and secretRef")
    seen: set[str] = set()
    for index, secret in enumerate(workload.image_pull_secrets):
        if secret.name in seen:
            yield Problem(f"spec.workload.imagePullSecrets[{index}].name", f"{show(secret.name)} is there twice")
        seen.add(secret.name)


def _tolerations(matrix: BatchMatrix) -> Iterator[Problem]:
    for name, hardware in matrix.spec.catalog.hardware.items():
        for index, toleration in enumerate(hardware.tolerations):
            path = field_path(("spec", "catalog", "hardware", name, "tolerations", index))
            if toleration.operator == "Exists" and toleration.value is not None:
                yield Problem(f"{path}.value", "operator Exists takes no value; remove it")
            if toleration.operator == "Equal" and toleration.key is None:
                yield Problem(path, "has no key; add one, or write operator: Exists for every taint")


def _resource_clash(matrix: BatchMatrix) -> Iterator[Problem]:
    resources = matrix.spec.workload.resources
    for name, hardware in matrix.spec.catalog.hardware.items():
        device = hardware.resource
        if device is not None and (device.name in resources.limits or device.name in resources.requests):
            text = f"{show(device.name)} is in spec.workload.resources too; remove it there"
            yield Problem(field_path(("spec", "catalog", "hardware", name, "resource", "name")), text)


def _requests_limits(matrix: BatchMatrix) -> Iterator[Problem]:
    resources = matrix.spec.workload.resources
    for name, request in resources.requests.items():
        limit = resources.limits.get(name)
        path = field_path(("spec", "workload", "resources", "requests", name))
        if limit is not None and parse_quantity(request) > parse_quantity(limit):
            yield Problem(path, f"{request} is more than the limit {limit}; raise the limit or lower the request")
        elif "/" in name and (limit is None or parse_quantity(request) != parse_quantity(limit)):
            yield Problem(path, f"{request} must be the limit too, as for every device; write it in limits only")


def _timeout(matrix: BatchMatrix) -> Iterator[Problem]:
    if parse_duration(matrix.spec.workload.timeout) <= 0:
        yield Problem("spec.workload.timeout", f"{show(matrix.spec.workload.timeout)} is no time; write more than 0s")


def _size(matrix: BatchMatrix) -> Iterator[Problem]:
    size = len(canonical_json(matrix.spec.model_dump(mode="json", by_alias=True, exclude_unset=True)))
    if size > SPEC_BYTES_LIMIT:
        text = (
            f"has {size} bytes as JSON; at most {SPEC_BYTES_LIMIT} are taken: put scripts into the image or a ConfigMap"
        )
        yield Problem("spec", text)


RULES: dict[str, Callable[[BatchMatrix], Iterator[Problem]]] = {
    "name": _name,
    "axis-names": _axis_names,
    "axis-values-unique": _axis_values,
    "catalog-name": _catalog_names,
    "one-image": _one_image,
    "reserved-variable": _reserved_variables,
    "env-clash": _env_clash,
    "environment-clash": _environment_clash,
    "reference": _references,
    "metric-fields": _metric_fields,
    "metric-pattern": _metric_patterns,
    "volumes": _volumes,
    "object-references": _references_to_objects,
    "tolerations": _tolerations,
    "resource-clash": _resource_clash,
    "requests-limits": _requests_limits,
    "timeout": _timeout,
    "spec-size": _size,
}
"""Every rule between fields by its id."""


def check(matrix: BatchMatrix) -> list[Problem]:
    """All problems of a matrix whose fields are right one by one."""
    return [problem for rule in RULES.values() for problem in rule(matrix)]
