"""What is wrong with the cells of a matrix wherever they may run: the plan without nodes."""

from __future__ import annotations

from batchmatrix.model.cell import MatrixRef
from batchmatrix.model.v1alpha1 import BatchMatrix
from batchmatrix.plan.build import build_plan
from batchmatrix.plan.expand import Expansion
from batchmatrix.settings import Limits

__all__ = ["check_plan"]


def check_plan(whole: BatchMatrix, expansion: Expansion | None = None) -> None:
    """Plan a matrix that stands by itself; `expansion` is its grid, where the caller has it already.

    Which nodes there are and which service accounts are allowed is the cluster's to say. Raises InvalidSpec.
    """
    account = whole.spec.workload.service_account_name
    build_plan(
        whole,
        MatrixRef(whole.metadata.namespace or "default", whole.metadata.name, ""),
        generation=1,
        nodes=None,
        previous=None,
        order_seed="",
        now="1970-01-01T00:00:00Z",
        max_cells=Limits().cells,
        service_accounts=frozenset() if account is None else frozenset((account,)),
        expansion=expansion,
    )
