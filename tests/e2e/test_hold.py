"""A rate limit puts the matrix on hold, a preflight guards its trials: told by real containers."""

from __future__ import annotations

from batchmatrix.base.clock import parse_rfc3339
from tests.support.audit import AuditLog
from tests.support.cluster import Json, Kube
from tests.support.cluster_matrices import apply, children, matrix, raw_log, settled
from tests.support.installation import ACCOUNT, Installation
from tests.support.wait import Pending, wait_for

HOLD = 6
ONE = [{"name": "hardware", "values": ["h100"]}]


def succeeded(kube: Kube, name: str, reason: str, *, timeout: float = 60) -> Json:
    """The condition Succeeded of the matrix, once it has that reason."""

    def look() -> Json | Pending:
        conditions = kube.get("batchmatrices", name).get("status", {}).get("conditions", [])
        found = [one for one in conditions if one["type"] == "Succeeded" and one["reason"] == reason]
        return found[0] if found else Pending(conditions)

    return wait_for(look, timeout=timeout, what=f"matrix {name} to be {reason}")


def test_exit_code_75_holds_everything_until_its_time_and_the_trial_is_tried_again(
    operator: Installation, kube: Kube, audit: AuditLog
) -> None:
    manifest = matrix(
        "limited",
        operator.images,
        axes=ONE,
        # Whichever trial comes first meets the limit.
        probe={"EXIT": "0.0:75,1.0:75,0", "TEXT": f"::hold for={HOLD}s"},
        trials=2,
        parallelism=1,
    )
    apply(kube, manifest)
    held = succeeded(kube, "limited", "Held")
    assert held["status"] == "Unknown"
    assert len(audit.created_jobs(user=ACCOUNT, namespace=kube.namespace)) == 1
    found, after, results = settled(operator, kube, "limited")
    records = sorted(after.records, key=lambda record: str(record["created"]))
    limited = [record for record in records if record["outcome"] == "RateLimited"]
    assert records[0] is limited[0]
    assert records[0]["holdUntil"] in held["message"]
    assert len(limited) == 2
    for record in limited:
        assert (record["exitCode"], record["blame"], record["attempt"]) == (75, "infrastructure", 0)
        until = parse_rfc3339(record["holdUntil"])
        assert until >= parse_rfc3339(record["finished"]) + HOLD
        assert raw_log(results, record).endswith(f"::hold for={HOLD}s\n".encode())
        later = [other for other in records if str(other["created"]) > str(record["created"])]
        # Kubernetes' times have whole seconds, and so has the end of a hold.
        assert all(parse_rfc3339(other["created"]) >= until for other in later)
    assert after.outcomes() == {
        **{("h100", trial, 0): "RateLimited" for trial in range(2)},
        **{("h100", trial, 1): "Succeeded" for trial in range(2)},
    }
    assert (found["status"]["failed"], found["status"]["verdict"]) == (0, "pass")


def checked(name: str, operator: Installation, program: str) -> Json:
    """A matrix of one trial with a program of Python as its preflight."""
    preflight = {"command": ["python3", "-c", f"import os, sys; {program}"]}
    return matrix(
        name, operator.images, axes=ONE, preflight={**preflight, "image": operator.images["sample-workload-cuda"]}
    )


def test_no_trial_starts_before_the_preflight_is_over(operator: Installation, kube: Kube, audit: AuditLog) -> None:
    first = "os.environ['BATCHMATRIX_ATTEMPT'] == '0'"
    program = f"print('::hold for={HOLD}s' if {first} else 'fine'); sys.exit(75 if {first} else 0)"
    apply(kube, checked("flown", operator, program))
    found, after, results = settled(operator, kube, "flown")
    own = [job for job in audit.created_jobs(user=ACCOUNT, namespace=kube.namespace) if job.startswith("flown-")]
    assert own[:2] == ["flown-preflight-0", "flown-preflight-1"]
    assert len(own) == 3
    first_try, second_try, trial = sorted(after.records, key=lambda record: own.index(record["job"]))
    assert [each["outcome"] for each in (first_try, second_try, trial)] == ["RateLimited", "Succeeded", "Succeeded"]
    assert parse_rfc3339(second_try["created"]) >= parse_rfc3339(first_try["holdUntil"])
    assert parse_rfc3339(trial["created"]) >= parse_rfc3339(second_try["finished"])
    assert raw_log(results, second_try) == b"fine\n"
    assert (found["status"]["progress"], found["status"]["verdict"]) == ("1/1", "pass")


def test_where_the_preflight_fails_nothing_starts(operator: Installation, kube: Kube, audit: AuditLog) -> None:
    apply(kube, checked("grounded", operator, "print('no licence'); sys.exit(3)"))

    def look() -> Json | Pending:
        conditions = kube.get("batchmatrices", "grounded").get("status", {}).get("conditions", [])
        found = [one for one in conditions if one["type"] == "Stalled" and one["status"] == "True"]
        return found[0] if found else Pending(conditions)

    stalled = wait_for(look, timeout=60, what="the matrix to be Stalled")
    assert stalled["reason"] == "PreflightFailed"
    assert "exit code 3" in stalled["message"]
    assert [job["metadata"]["name"] for job in children(kube, "jobs", "grounded")] == ["grounded-preflight-0"]
    own = [job for job in audit.created_jobs(user=ACCOUNT, namespace=kube.namespace) if job.startswith("grounded-")]
    assert own == ["grounded-preflight-0"]
