"""The demonstration itself, step by step."""

from __future__ import annotations

import base64
import importlib.util
import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from .s3 import S3, S3Error
from .screen import DemoError, Screen
from .tools import ROOT, Tools, manifest, until

SYSTEM = "batchmatrix-system"
DEMO = "batchmatrix-demo"
MATRIX = "matrix-product"
BUCKET = "batchmatrix"
EXAMPLE = ROOT / "examples/01-matrix-product"
RUN_SECONDS = 240.0
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
BASELINE = {"pod-security.kubernetes.io/enforce": "baseline"}  # what most vendors' images need, as they run as root
OPERATOR_LOG = f"kubectl --namespace {SYSTEM} logs deployment/batchmatrix"
DESCRIBE = f"kubectl --namespace {DEMO} describe batchmatrix {MATRIX}"
LISTED = 6
Result = TypeVar("Result")


def tell(screen: Screen) -> None:
    """Run everything. Raises DemoError at the first thing that is not as it should be."""
    tools = Tools(screen)
    with screen.step("A real Kubernetes on this machine (hack/cluster up)"):
        tools.hack("cluster", "up")
        tools.use_cluster()
    with screen.step("Container images, built where something changed (hack/images)"):
        images = json.loads(tools.hack("images", "--json"))
        screen.block("\n".join(each["reference"] for each in images.values()))
    with screen.step("An S3 server in the cluster (SeaweedFS)"):
        credentials = s3_server(tools)
    with screen.step("The operator, installed by Helm"):
        install(tools, images["operator"]["reference"])
    with screen.step(f"kubectl apply --filename {(EXAMPLE / 'matrix.yaml').relative_to(ROOT)}"):
        start(tools)
        watch(tools, screen)
    with screen.step("kubectl get batchmatrix"):
        table = tools.kubectl("--namespace", DEMO, "get", "batchmatrix", MATRIX)
        screen.block(table)
    with screen.step("The report, from ConfigMap matrix-product-summary"):
        data = tools.get("configmap", f"{MATRIX}-summary", "--namespace", DEMO).get("data", {})
        if "matrix.md" not in data or "summary.json" not in data:
            raise DemoError(f"ConfigMap {MATRIX}-summary lacks matrix.md or summary.json", OPERATOR_LOG)
        screen.block(data["matrix.md"])
    with screen.step("Objects in S3, listed without the operator"):
        objects, trials = results(tools, credentials)
        screen.block(listing(objects))
    with screen.step("Is all of it true?"):
        verify(screen, table, json.loads(data["summary.json"]), trials, objects)
    screen.line()
    screen.block(next_commands())


def remove(screen: Screen) -> None:
    """Take matrix, operator and S3 server out again, if there are any; the cluster itself stays."""
    tools = Tools(screen)
    tools.use_cluster()
    if not tools.get("namespace", SYSTEM):
        return
    with screen.step("What the demonstration left is removed"):
        # The operator goes last: it has to let the pods of its matrices go.
        tools.kubectl("delete", "namespace", DEMO, "--ignore-not-found", "--timeout=120s", look=DESCRIBE)
        for release in ("batchmatrix", "batchmatrix-crds"):
            tools.helm("uninstall", release, "--namespace", SYSTEM, "--ignore-not-found", "--wait")
        tools.kubectl("delete", "namespace", SYSTEM, "--timeout=120s")


def s3_server(tools: Tools) -> Mapping[str, str]:
    """Start SeaweedFS with credentials of its own, make the bucket, and return the credentials."""
    tools.kubectl("apply", "--filename", "-", stdin=manifest("Namespace", SYSTEM, metadata={"labels": RESTRICTED}))
    found = tools.get("secret", "s3-credentials", "--namespace", SYSTEM).get("data")
    if found:
        pair = {name: base64.b64decode(value).decode() for name, value in found.items()}
    else:
        pair = {"accessKeyId": secrets.token_hex(10), "secretAccessKey": secrets.token_hex(20)}
        tools.kubectl("apply", "--filename", "-", stdin=manifest("Secret", "s3-credentials", SYSTEM, stringData=pair))
    tools.kubectl("--namespace", SYSTEM, "apply", "--filename", str(ROOT / "examples/support/seaweedfs.yaml"))
    look = f"kubectl --namespace {SYSTEM} describe pods --selector app.kubernetes.io/name=seaweedfs"
    tools.kubectl("--namespace", SYSTEM, "rollout", "status", "deployment/seaweedfs", "--timeout=90s", look=look)
    with_bucket(tools, pair, lambda bucket: bucket.ensure_bucket())
    return pair


def with_bucket(tools: Tools, pair: Mapping[str, str], act: Callable[[S3], Result]) -> Result:
    """Call `act` with the bucket, reached through a forwarded port."""
    with tools.forwarded(SYSTEM, "service/seaweedfs", 8333) as port:
        try:
            return act(S3("127.0.0.1", port, BUCKET, pair["accessKeyId"], pair["secretAccessKey"]))
        except S3Error as problem:
            raise DemoError(str(problem), f"kubectl --namespace {SYSTEM} logs deployment/seaweedfs") from problem


def install(tools: Tools, image: str) -> None:
    """Install or upgrade both charts, and wait for the operator to be ready."""
    common = ["--install", "--namespace", SYSTEM, "--wait", "--timeout", "2m"]
    # The definitions may be there already, from `kubectl apply`.
    tools.helm("upgrade", "batchmatrix-crds", str(ROOT / "charts/batchmatrix-crds"), *common, "--take-ownership")
    repository, _, tag = image.rpartition(":")
    values = ["--values", str(ROOT / "examples/support/s3-values.yaml")]
    values += ["--set", f"image.repository={repository}", "--set-string", f"image.tag={tag}"]
    tools.helm("upgrade", "batchmatrix", str(ROOT / "charts/batchmatrix"), *common, *values, look=OPERATOR_LOG)


def start(tools: Tools) -> None:
    """Create the matrix anew in a namespace of its own."""
    tools.kubectl("apply", "--filename", "-", stdin=manifest("Namespace", DEMO, metadata={"labels": BASELINE}))
    words = ["--namespace", DEMO, "delete", "batchmatrix", MATRIX, "--ignore-not-found", "--timeout=60s"]
    tools.kubectl(*words, look=DESCRIBE)
    for _ in until(
        f"the Jobs of the last run in namespace {DEMO} to go", 90, f"kubectl --namespace {DEMO} get jobs,pods"
    ):
        if not tools.get("jobs,pods", "--namespace", DEMO, "--selector", f"batchmatrix.dev/matrix={MATRIX}").get(
            "items"
        ):
            break
    tools.kubectl("--namespace", DEMO, "apply", "--filename", str(EXAMPLE / "matrix.yaml"))


def watch(tools: Tools, screen: Screen) -> None:
    """Show progress until the matrix has finished."""
    shown = ""
    began = screen.seconds()
    for _ in until(f"{MATRIX} to finish", RUN_SECONDS, DESCRIBE):
        status = tools.get("batchmatrix", MATRIX, "--namespace", DEMO).get("status", {})
        conditions = {each["type"]: each for each in status.get("conditions", [])}
        succeeded = conditions.get("Succeeded", {})
        text = f"{succeeded.get('reason', 'not seen yet'):<10} {succeeded.get('message', '')}".rstrip()
        if text != shown:
            shown = text
            screen.progress(f"{screen.seconds() - began:6.1f} s  {text}")
        if conditions.get("Finished", {}).get("status") == "True":
            return
        if conditions.get("Stalled", {}).get("status") == "True":
            raise DemoError(f"{MATRIX} is stalled: {succeeded.get('message', '')}", DESCRIBE)


def results(tools: Tools, pair: Mapping[str, str]) -> tuple[dict[str, int], str]:
    """Return the matrix's objects with their sizes, and the text of trials.csv."""
    meta = tools.get("batchmatrix", MATRIX, "--namespace", DEMO)["metadata"]
    prefix = f"{DEMO}/{MATRIX}/{meta['uid']}/"

    def read(bucket: S3) -> tuple[dict[str, int], str]:
        objects = bucket.list(prefix)
        name = f"{prefix}runs/{meta['generation']}/trials.csv"
        if name not in objects:
            raise DemoError(f"no object {name} in bucket {BUCKET}", OPERATOR_LOG)
        return objects, bucket.get(name).decode()

    return with_bucket(tools, pair, read)


def listing(objects: Mapping[str, int]) -> str:
    """Return all objects but those of which there are many: a few of these stand for all."""
    prefix = "/".join(next(iter(objects)).split("/")[:3])
    lines = [f"s3://{BUCKET}/{prefix}/   {len(objects)} objects, {sum(objects.values()):,} bytes"]
    folders: dict[str, list[str]] = {}
    for key, size in objects.items():
        name = key.removeprefix(f"{prefix}/")
        folders.setdefault(name.split("/")[0], []).append(f"{size:>9,}  {name}")
    for folder, rows in folders.items():
        shown = rows if folder == "runs" else rows[:LISTED]
        lines += shown + (
            [f"           and {len(rows) - len(shown)} more in {folder}/"] if len(rows) > len(shown) else []
        )
    return "\n".join(lines)


def verify(screen: Screen, table: str, summary: Mapping[str, Any], trials: str, objects: Mapping[str, int]) -> None:
    """Hold everything that was shown against what must be true."""
    head, row = (line.split() for line in table.splitlines()[:2])
    shown = dict(zip(head, row, strict=False))
    if (shown.get("STATUS"), shown.get("PROGRESS")) != ("Succeeded", "24/24"):
        raise DemoError(f"STATUS is {shown.get('STATUS')}, PROGRESS {shown.get('PROGRESS')}", DESCRIBE)
    screen.good("STATUS is Succeeded, PROGRESS is 24/24")
    differences = checker().problems(trials, summary)
    if differences:
        more = f" (and {len(differences) - 1} more)" if len(differences) > 1 else ""
        raise DemoError(f"not as expected: {differences[0]}{more}", f"{DESCRIBE}; {OPERATOR_LOG}")
    screen.good("every trial has its seed, its node's image and the checksum that theory gives; no trial ran twice")
    keys = checker().log_keys(trials)
    bare = [key for key in keys if not any(name.startswith(key) and size for name, size in objects.items())]
    if bare or len(set(keys)) != 24:
        raise DemoError(
            f"{len(set(keys))} of 24 trials name a log, and {len(bare)} of these are not in S3", OPERATOR_LOG
        )
    screen.good("all 24 logs are in S3")


def checker() -> Any:
    """Return the example's own check of its results."""
    spec = importlib.util.spec_from_file_location("check", EXAMPLE / "expected/check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def next_commands() -> str:
    return f"""All true. Try next:
  eval "$(hack/cluster env)"
  kubectl --namespace {DEMO} get batchmatrix --watch
  kubectl --namespace {DEMO} describe batchmatrix {MATRIX}
  kubectl --namespace {DEMO} patch batchmatrix {MATRIX} --type merge --patch '{{"spec": {{"trials": 4}}}}'
      (a fourth trial of each cell runs; the 24 that are done do not run again)
  kubectl --namespace {SYSTEM} exec deployment/batchmatrix -- \\
      batchmatrix artifacts ls --config /etc/batchmatrix/config.yaml
  hack/demo --remove && hack/cluster down"""
