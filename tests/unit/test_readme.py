"""What the README shows is what is there."""

from __future__ import annotations

import re
from pathlib import Path

from batchmatrix.formats.matrix_file import load_matrix

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def test_the_matrix_in_it_is_the_first_example() -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert shown == (ROOT / "examples/01-matrix-product/matrix.yaml").read_text()
    (matrix,) = load_matrix(shown, source="README.md")
    assert matrix.metadata.name == "matrix-product"


def test_its_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    assert len(targets) > 10
    assert [target for target in targets if not (ROOT / target).exists()] == []
