"""What a Job of ours looks like, field by field: a changed line here is a changed line in every cluster."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from batchmatrix.launch.job import job_manifest
from tests.support.golden import Golden
from tests.support.kube import launch

HERE = Path(__file__).parent


@pytest.mark.parametrize("case", sorted(path.parent.name for path in HERE.glob("*/input.json")))
def test_manifest(case: str, golden: Golden) -> None:
    manifest = job_manifest(launch(json.loads((HERE / case / "input.json").read_text())))
    text = yaml.safe_dump(manifest, sort_keys=False, width=120)
    assert yaml.safe_load(text) == manifest
    golden(f"jobs/{case}/expected.yaml", text)
