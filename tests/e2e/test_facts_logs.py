"""What becomes of real pods' logs: why long runs are followed, and how lines are put together again."""

from __future__ import annotations

import re
import threading

from batchmatrix.base.clock import parse_rfc3339
from tests.support.cluster import Kube
from tests.support.jobs import job_manifest, pods_of, wait_for_job, wait_for_pod
from tests.support.real_pods import LOST_LOG, release, run_job, wait_for_log, when
from tests.support.wait import Pending, wait_for

STAMP = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z "
FOREVER = "echo started; while :; do sleep 1; done"


def test_an_evicted_pods_log_is_gone_though_a_finalizer_holds_its_object(kube: Kube, busybox: str) -> None:
    """And the answer is status 200 with a text that looks like a log."""
    pod = run_job(kube, busybox, FOREVER, keep=True)
    wait_for_log(kube, pod, b"started")
    kube.evict(pod)
    wait_for(
        lambda: kube.logs(pod).startswith(LOST_LOG) or Pending(kube.logs(pod).decode()),
        timeout=20,
        what="the evicted pod's log to be gone",
    )
    assert kube.get("pods", pod)["status"]["phase"] in ("Running", "Failed")
    release(kube, pod)


def test_a_finished_pods_log_is_still_there_after_its_eviction(kube: Kube, busybox: str) -> None:
    pod = run_job(kube, busybox, "echo result", keep=True)
    wait_for_pod(kube, pod, "Succeeded")
    wait_for_job(kube, "one", "Complete")
    kube.evict(pod)
    assert kube.get("pods", pod)["metadata"]["deletionTimestamp"]
    assert kube.logs(pod) == b"result\n"
    release(kube, pod)


def test_a_followed_log_gets_everything_to_the_end_of_a_killed_pod(kube: Kube, busybox: str) -> None:
    """Here by suspending its Job: what is read at the end only would be lost, what is followed is not."""
    script = "trap 'seq 1 1000; echo end; exit 1' TERM; echo started; while :; do sleep 0.1; done"
    pod = run_job(kube, busybox, script, keep=True, pod={"terminationGracePeriodSeconds": 20})
    wait_for_log(kube, pod, b"started")
    followed: list[bytes] = []
    path = kube.path("pods", pod, subresource="log")
    reader = threading.Thread(target=lambda: followed.append(kube.raw("GET", path, query={"follow": "true"})))
    reader.start()
    kube.patch("jobs", "one", {"spec": {"suspend": True}})
    reader.join(60)
    assert not reader.is_alive()
    numbers = "".join(f"{number}\n" for number in range(1, 1001))
    assert followed == [f"started\n{numbers}end\n".encode()]
    release(kube, pod)


def test_a_line_of_100_kb_has_one_time(kube: Kube, busybox: str) -> None:
    """The node keeps it in parts of 16 KiB; the log call puts them together, and its time stands once."""
    pod = run_job(kube, busybox, "echo first; head -c 100000 /dev/zero | tr '\\0' x; echo; echo last", keep=True)
    wait_for_pod(kube, pod, "Succeeded")
    lines = kube.logs(pod, timestamps=True).splitlines(keepends=True)
    assert [len(re.findall(STAMP, line)) for line in lines] == [1, 1, 1]
    assert [re.sub(STAMP, b"", line) for line in lines] == [b"first\n", b"x" * 100_000 + b"\n", b"last\n"]
    release(kube, pod)


def test_a_last_line_without_an_end_comes_without_an_end(kube: Kube, busybox: str) -> None:
    pod = run_job(kube, busybox, "echo first; printf 'no end'", keep=True)
    wait_for_pod(kube, pod, "Succeeded")
    assert kube.logs(pod) == b"first\nno end"
    assert re.sub(STAMP, b"", kube.logs(pod, timestamps=True)) == b"first\nno end"
    release(kube, pod)


def test_bytes_that_are_no_text_come_as_they_were_written(kube: Kube, busybox: str) -> None:
    pod = run_job(kube, busybox, r"printf '10%%\r20%%\n\377\376\000\033[1m\n\n'", keep=True)
    wait_for_pod(kube, pod, "Succeeded")
    assert kube.logs(pod) == b"10%\r20%\n\xff\xfe\x00\x1b[1m\n\n"
    release(kube, pod)


def test_a_carriage_return_before_the_end_of_a_line_is_dropped_by_the_container_runtime(
    kube: Kube, busybox: str
) -> None:
    """So of a log with CRLF the bytes that can be kept are those with LF: nobody after the runtime sees more."""
    pod = run_job(kube, busybox, r"printf 'one\r\ntwo\r\r\nthree\r'", keep=True)
    wait_for_pod(kube, pod, "Succeeded")
    assert kube.logs(pod) == b"one\ntwo\r\nthree\r"
    release(kube, pod)


def test_since_time_is_rounded_down_to_the_second(kube: Kube, busybox: str) -> None:
    """So a reader that goes on after a line is given some lines again, and none is left out."""
    pod = run_job(kube, busybox, "seq 1 50", keep=True)
    wait_for_pod(kube, pod, "Succeeded")
    whole = kube.logs(pod, timestamps=True).splitlines()
    last = whole[-1].split(b" ")[0].decode()
    assert not last.endswith(".000000000Z")
    again = kube.logs(pod, timestamps=True, since=last).splitlines()
    second = int(parse_rfc3339(last))
    assert again == [line for line in whole if parse_rfc3339(line.split(b" ")[0].decode()) >= second]
    assert again[-1] == whole[-1]
    release(kube, pod)


def test_variables_in_command_and_args_are_expanded_once(kube: Kube, busybox: str) -> None:
    """$$(X) stays $(X), and what is not known stays as it is."""
    trial = {
        "args": ["name", "$(SEED)", "$$(SEED)", "$(NOPE)", "a$(SEED)$(TWICE)b"],
        "env": [{"name": "SEED", "value": "42"}, {"name": "TWICE", "value": "$(SEED)-$$(SEED)"}],
    }
    pod = run_job(kube, busybox, 'echo "$(SEED)|$*"', keep=True, trial=trial)
    wait_for_pod(kube, pod, "Succeeded")
    assert kube.logs(pod) == b"42|42 $(SEED) $(NOPE) a4242-$(SEED)b\n"
    release(kube, pod)


def test_an_index_annotation_reaches_variables_and_command_of_an_indexed_job(kube: Kube, busybox: str) -> None:
    field = "metadata.annotations['batch.kubernetes.io/job-completion-index']"
    env = [
        {"name": "TRIAL", "valueFrom": {"fieldRef": {"fieldPath": field}}},
        {"name": "SEED", "value": "42$(TRIAL)"},
    ]
    manifest = job_manifest(
        "many",
        image=busybox,
        command=["/bin/sh", "-c", "echo '$(TRIAL) $(SEED) $$(TRIAL)'"],
        spec={"completionMode": "Indexed", "completions": 2, "parallelism": 2},
        trial={"env": env},
    )
    kube.create("jobs", manifest)
    wait_for_job(kube, "many", "Complete", timeout=60)
    logs = sorted(kube.logs(pod["metadata"]["name"]) for pod in pods_of(kube, "many"))
    assert logs == [b"0 420 $(TRIAL)\n", b"1 421 $(TRIAL)\n"]


def test_the_kubelet_has_had_its_last_word_on_a_pod_that_our_finalizer_holds(kube: Kube, busybox: str) -> None:
    """Its grace is then 0 and its container's end is in the object: nothing more will come."""
    pod = run_job(kube, busybox, FOREVER, keep=True)
    wait_for_log(kube, pod, b"started")
    kube.delete("pods", pod)
    found = when(
        kube,
        pod,
        lambda one: one["metadata"].get("deletionGracePeriodSeconds") == 0,
        what="the kubelet to let the pod go",
    )
    assert found["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 137
    release(kube, pod)
