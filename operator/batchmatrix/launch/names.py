"""Names, labels and annotations by which Jobs and pods are known to be ours."""

from __future__ import annotations

from batchmatrix.model.cell import GROUP, PREFLIGHT
from batchmatrix.model.launch import Launch

__all__ = [
    "ATTEMPT",
    "CELL",
    "CELL_HASH",
    "CONTAINER",
    "FINALIZER",
    "GENERATION",
    "MATRIX",
    "MATRIX_UID",
    "TRIAL",
    "job_annotations",
    "job_labels",
    "job_name",
]

MATRIX = f"{GROUP}/matrix"
MATRIX_UID = f"{GROUP}/matrix-uid"
CELL = f"{GROUP}/cell"
CELL_HASH = f"{GROUP}/cell-hash"
"""As a label the first 32 hex digits of the hash, as an annotation all 64."""
TRIAL = f"{GROUP}/trial"
ATTEMPT = f"{GROUP}/attempt"
GENERATION = f"{GROUP}/generation"

FINALIZER = f"{GROUP}/record"
"""On each pod until its record is durable."""
CONTAINER = "trial"

NAME_LIMIT = 63
"""Job names become label values of their pods and, with six characters more that are cut to fit, host names."""
LABEL_HASH_DIGITS = 32


def job_name(launch: Launch) -> str:
    """`<matrix>-<hash10>-t<trial>-a<attempt>`: the same launch has the same name, whoever sends it.

    A preflight is `<matrix>-preflight-<attempt>`, as its attempts are counted over all generations.

    With 35 characters of matrix name and trial 99999 there is room for attempts of eight digits. Raises ValueError
    beyond that.
    """
    own = f"{launch.cell.hash10}-t{launch.trial}-a{launch.attempt}"
    if launch.cell.hash == PREFLIGHT:
        own = f"{PREFLIGHT}-{launch.attempt}"
    name = f"{launch.matrix.name}-{own}"
    if len(name) > NAME_LIMIT:
        raise ValueError(f"Job name {name} has {len(name)} characters, over {NAME_LIMIT}: shorten the matrix's name")
    return name


def job_labels(launch: Launch) -> dict[str, str]:
    """Labels of the Job and of its pod."""
    return {
        MATRIX: launch.matrix.name,
        MATRIX_UID: launch.matrix.uid,
        CELL: launch.cell.name,
        CELL_HASH: launch.cell.hash[:LABEL_HASH_DIGITS],
        TRIAL: str(launch.trial),
        ATTEMPT: str(launch.attempt),
        GENERATION: str(launch.generation),
    }


def job_annotations(launch: Launch) -> dict[str, str]:
    """Annotations of the Job and of its pod."""
    return {CELL_HASH: launch.cell.hash}
