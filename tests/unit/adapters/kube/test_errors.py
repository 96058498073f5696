from __future__ import annotations

import json

import pytest

from batchmatrix.adapters.kube.errors import Conflict, Forbidden, Gone, refusal
from batchmatrix.base.errors import AlreadyExists, BatchMatrixError, InvalidSpec, NotFound, Unavailable


def body(message: str = "no", reason: str = "", **details: object) -> bytes:
    return json.dumps({"kind": "Status", "message": message, "reason": reason, "details": details}).encode()


@pytest.mark.parametrize(
    ("code", "answer", "kind"),
    [
        (404, body(reason="NotFound"), NotFound),
        (409, body(reason="AlreadyExists"), AlreadyExists),
        (409, body(reason="Conflict"), Conflict),
        (410, body(reason="Expired"), Gone),
        (400, body(reason="BadRequest"), InvalidSpec),
        (413, body(reason="RequestEntityTooLarge"), InvalidSpec),
        (422, body(reason="Invalid"), InvalidSpec),
        (401, body(reason="Unauthorized"), Unavailable),
        (403, body("exceeded quota: gpus", reason="Forbidden"), Forbidden),
        (405, body(), Unavailable),
        (429, body(), Unavailable),
        (500, body("failed calling webhook"), Unavailable),
        (503, b"<html>\nbusy", Unavailable),
        (504, b"", Unavailable),
        (500, b"[1]", Unavailable),
        (500, b'{"message": null, "details": null}', Unavailable),
    ],
)
def test_what_an_answer_means(code: int, answer: bytes, kind: type[BatchMatrixError]) -> None:
    error = refusal("create jobs/x", code, body=answer)
    assert type(error) is kind
    assert str(error).startswith("create jobs/x: ")
    assert f"(HTTP {code})" in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize("code", [400, 403, 422, 500])
@pytest.mark.parametrize(
    "message",
    [
        'admission webhook "quota.example.com" denied the request: full',
        "jobs.batch \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no",
    ],
)
def test_what_admission_denies_may_be_let_in_later(code: int, message: str) -> None:
    assert isinstance(refusal("create jobs/x", code, body=body(message, reason="Invalid")), Unavailable)


@pytest.mark.parametrize(
    ("header", "detail", "expected"),
    [("7", None, 7.0), (None, 3, 3.0), ("2", 9, 2.0), (None, None, None), ("soon", None, None), ("-1", None, 0.0)],
)
def test_how_long_the_server_wants_us_to_wait(header: str | None, detail: int | None, expected: float | None) -> None:
    error = refusal("get x", 429, body=body(retryAfterSeconds=detail), retry_after=header)
    assert isinstance(error, Unavailable)
    assert error.retry_after == expected


def test_a_long_message_becomes_one_short_line() -> None:
    error = refusal("create jobs/x", 422, body=body("spec.a: bad\n\x1b[31mspec.b: " + "x" * 10_000))
    assert len(str(error)) < 600
    assert "\x1b" not in str(error)
