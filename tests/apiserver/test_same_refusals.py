"""The API server and our own parser refuse the same objects, but for the rules that are ours alone."""

from __future__ import annotations

import copy
import sys
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, seed, settings

from batchmatrix.base.errors import InvalidSpec, Problem
from batchmatrix.model.v1alpha1 import PYDANTIC_ONLY, parse_object
from tests.support.cluster import ApiError, Json, Kube
from tests.support.kube import ensure_crds
from tests.support.mutants import mutants
from tests.support.only_ours import rule_of

SEED = 20261125
EXAMPLES = 1000
PLURALS = {"BatchMatrix": "batchmatrices", "MatrixCatalog": "matrixcatalogs"}


def _stored(server: Kube, obj: Json) -> Json | ApiError:
    """What the server would store, or why it does not."""
    try:
        return server.create(PLURALS[obj["kind"]], obj, dry_run=True)
    except ApiError as refusal:
        if refusal.code not in (400, 422):
            raise
        return refusal


def _problems(obj: Json) -> tuple[Problem, ...]:
    try:
        parse_object(obj)
    except InvalidSpec as error:
        return error.problems
    return ()


def test_what_the_server_refuses_we_refuse_and_the_other_way_only_by_listed_rules(cluster: Kube) -> None:
    ensure_crds(cluster)
    server = cluster.at("default")
    counts: Counter[str] = Counter()

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(mutants())
    def compare(obj: dict[str, Any]) -> None:
        stored = _stored(server, copy.deepcopy(obj))
        if isinstance(stored, ApiError):
            counts["refused by both"] += 1
            assert _problems(obj), f"only the server refuses: {stored}"
            return
        # the server drops nulls and writes defaults: what it stores is what the operator gets to see
        ours = [str(problem) for problem in _problems(stored)]
        unlisted = [str(problem) for problem in _problems(stored) if rule_of(problem) not in PYDANTIC_ONLY]
        assert unlisted == [], f"only we refuse, by no listed rule: {unlisted}"
        counts["refused by us alone" if ours else "taken by both"] += 1
        if not ours and not _problems(obj):
            assert parse_object(stored).spec == parse_object(obj).spec

    compare()
    sys.stdout.write(f"seed {SEED}: {dict(counts)}\n")
    assert min(counts[each] for each in ("refused by both", "refused by us alone", "taken by both")) >= 20, counts
