"""What must hold inside a workload, the spec's own or a named one of a catalog."""

from __future__ import annotations

from collections.abc import Iterator

from batchmatrix.base.errors import Problem
from batchmatrix.base.quantities import parse_duration, parse_quantity
from batchmatrix.model.v1alpha1._types import field_path, show
from batchmatrix.model.v1alpha1.rules.texts import RESERVED, reserved
from batchmatrix.model.v1alpha1.workload import Resources, Template

__all__ = ["resources_problems", "template_problems"]

Path = tuple[int | str, ...]


def template_problems(workload: Template, path: Path) -> Iterator[Problem]:
    """Every problem of one workload that lies at `path`."""
    yield from _image(workload, path)
    yield from _env(workload, path)
    yield from _volumes(workload, path)
    yield from _objects(workload, path)
    yield from resources_problems(workload.resources, (*path, "resources"))
    if workload.timeout is not None and parse_duration(workload.timeout) <= 0:
        yield Problem(field_path((*path, "timeout")), f"{show(workload.timeout)} is no time; write more than 0s")


def _image(workload: Template, path: Path) -> Iterator[Problem]:
    if workload.image is not None and workload.images_by_node is not None:
        yield Problem(field_path(path), "has both image and imagesByNode; keep one of them")


def _env(workload: Template, path: Path) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, variable in enumerate(workload.env):
        where = field_path((*path, "env", index, "name"))
        if variable.name.startswith(RESERVED):
            yield Problem(where, reserved(show(variable.name)))
        if variable.name in seen:
            yield Problem(where, f"{show(variable.name)} is set twice; remove one")
        seen.add(variable.name)


def _volumes(workload: Template, path: Path) -> Iterator[Problem]:
    names: set[str] = set()
    for index, volume in enumerate(workload.volumes):
        sources = (volume.config_map, volume.secret, volume.persistent_volume_claim, volume.empty_dir)
        where = field_path((*path, "volumes", index))
        if sum(source is not None for source in sources) != 1:
            text = "needs exactly one of configMap, secret, persistentVolumeClaim and emptyDir; write one of them"
            yield Problem(where, text)
        if volume.name in names:
            yield Problem(f"{where}.name", f"{show(volume.name)} is used twice; rename one")
        names.add(volume.name)
    paths: set[str] = set()
    for index, mount in enumerate(workload.volume_mounts):
        where = field_path((*path, "volumeMounts", index))
        if mount.name not in names:
            yield Problem(
                f"{where}.name", f"{show(mount.name)} is not in {field_path((*path, 'volumes'))}; add it there"
            )
        if mount.mount_path in paths:
            yield Problem(f"{where}.mountPath", f"{show(mount.mount_path)} is mounted twice; change one")
        if mount.sub_path and ".." in mount.sub_path.split("/"):
            yield Problem(f"{where}.subPath", f"{show(mount.sub_path)} contains '..'; write a path without it")
        paths.add(mount.mount_path)


def _objects(workload: Template, path: Path) -> Iterator[Problem]:
    for index, source in enumerate(workload.env_from):
        if (source.config_map_ref is None) == (source.secret_ref is None):
            yield Problem(
                field_path((*path, "envFrom", index)),
                "needs exactly one of configMapRef and secretRef; write one of them",
            )
    seen: set[str] = set()
    for index, secret in enumerate(workload.image_pull_secrets):
        if secret.name in seen:
            yield Problem(
                field_path((*path, "imagePullSecrets", index, "name")),
                f"{show(secret.name)} is there twice; remove one",
            )
        seen.add(secret.name)


def resources_problems(resources: Resources, path: Path) -> Iterator[Problem]:
    """What requests and limits say against each other."""
    for name, amount in resources.limits.items():
        if "/" in name and parse_quantity(amount) % 1:
            yield Problem(field_path((*path, "limits", name)), f"{amount} is a part of a device; write a whole number")
    for name, request in resources.requests.items():
        limit = resources.limits.get(name)
        where = field_path((*path, "requests", name))
        if limit is not None and parse_quantity(request) > parse_quantity(limit):
            yield Problem(where, f"{request} is more than the limit {limit}; raise the limit or lower the request")
        elif "/" in name and (limit is None or parse_quantity(request) != parse_quantity(limit)):
            yield Problem(where, f"{request} must be the limit too, as for every device; write it in limits only")
