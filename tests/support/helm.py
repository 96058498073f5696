"""The chart as Helm renders it, without a cluster."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

__all__ = ["CHART", "Refused", "kind_of", "pod_specs", "render", "render_text"]

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts/batchmatrix"
KUBERNETES = "1.34.4"


class Refused(Exception):
    """Helm did not render; the text is what it said."""


@cache
def _helm() -> str:
    done = subprocess.run([ROOT / "hack/cluster", "bin", "helm"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def render_text(values: Mapping[str, Any] | None = None, *, release: str = "batchmatrix") -> str:
    """What `helm template` prints. Raises Refused where the values or the templates are not as they should be."""
    command = [_helm(), "template", release, str(CHART), "--namespace", "batchmatrix-system"]
    command += ["--kube-version", KUBERNETES, "--values", "-"]
    done = subprocess.run(
        command, input=yaml.safe_dump(dict(values or {})), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise Refused(done.stderr)
    return done.stdout


def render(values: Mapping[str, Any] | None = None, *, release: str = "batchmatrix") -> list[dict[str, Any]]:
    """The rendered objects."""
    return [item for item in yaml.safe_load_all(render_text(values, release=release)) if item]


def kind_of(objects: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Those of one kind."""
    return [item for item in objects if item["kind"] == kind]


def pod_specs(objects: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The pod of every workload among them."""
    for item in objects:
        if item["kind"] in ("Deployment", "StatefulSet", "DaemonSet", "Job"):
            yield item["spec"]["template"]["spec"]
        elif item["kind"] == "Pod":
            yield item["spec"]
