"""How fake pods and nodes live: the stages that kwok takes them through.

A pod's annotations steer it:

``kwok.batchmatrix.dev/start-delay``
    how long it stays Pending (a duration such as ``500ms``; at once by default),
``kwok.batchmatrix.dev/delay``
    how long it runs (at once by default),
``kwok.batchmatrix.dev/exit-code``
    how its containers end (``"0"`` by default); anything else makes the pod Failed,
``kwok.batchmatrix.dev/reason``
    the reason given with that, such as ``OOMKilled``,
``kwok.batchmatrix.dev/hold``
    ``"true"``: it runs until it is deleted,
``kwok.batchmatrix.dev/sigterm-exit-code``
    how its containers end when it is deleted while running (``"143"`` by default),
``kwok.batchmatrix.dev/sigterm-delay``
    how long that takes (at once by default).

Pods that shall always be restarted (those of Deployments) run until deleted.
Finalizers are left alone, so that their owners have to do their work.
"""

from __future__ import annotations

from typing import Any

Stage = dict[str, Any]
PREFIX = "kwok.batchmatrix.dev/"
HEARTBEAT_MS = 300_000


def _annotation(name: str) -> str:
    return f'.metadata.annotations["{PREFIX}{name}"]'


def _is(key: str, *values: str) -> dict[str, Any]:
    return {"key": key, "operator": "In", "values": list(values)}


def _is_not(key: str, *values: str) -> dict[str, Any]:
    return {"key": key, "operator": "NotIn", "values": list(values)}


def _there(key: str, there: bool) -> dict[str, Any]:
    return {"key": key, "operator": "Exists" if there else "DoesNotExist"}


def _delay(name: str) -> dict[str, Any]:
    return {"durationMilliseconds": 0, "durationFrom": {"expressionFrom": _annotation(name)}}


def _stage(name: str, kind: str, selector: list[dict[str, Any]], following: dict[str, Any], **more: Any) -> Stage:
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": name},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": kind},
            "selector": {"matchExpressions": selector},
            **more,
            "next": following,
        },
    }


DELETION = ".metadata.deletionTimestamp"
PHASE = ".status.phase"

RUNNING = """\
{{ $now := Now }}
{{ $uid := .metadata.uid }}
conditions:
{{ range $type := list "PodReadyToStartContainers" "Initialized" "Ready" "ContainersReady" }}
- lastTransitionTime: {{ $now | Quote }}
  status: "True"
  type: {{ $type }}
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: {{ .image | Quote }}
  containerID: {{ printf "kwok://%s-%s" $uid .name | Quote }}
  ready: true
  started: true
  restartCount: 0
  state:
    running:
      startedAt: {{ $now | Quote }}
{{ end }}
{{ with .spec.initContainers }}
initContainerStatuses:
{{ range . }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: {{ .image | Quote }}
  containerID: {{ printf "kwok://%s-%s" $uid .name | Quote }}
  ready: true
  restartCount: 0
  state:
    terminated:
      exitCode: 0
      reason: Completed
      startedAt: {{ $now | Quote }}
      finishedAt: {{ $now | Quote }}
{{ end }}
{{ end }}
hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
{{ $shared := or .spec.hostNetwork false }}
podIP: {{ PodIPWith .spec.nodeName $shared .metadata.uid .metadata.name .metadata.namespace | Quote }}
phase: Running
startTime: {{ $now | Quote }}
"""

# The code comes from the annotation CODE_NAME, else it is CODE_DEFAULT.
ENDED = """\
{{ $now := Now }}
{{ $root := . }}
{{ $annotations := or .metadata.annotations dict }}
{{ $code := index $annotations "CODE_NAME" | default "CODE_DEFAULT" }}
{{ $failed := ne $code "0" }}
{{ $reason := index $annotations "REASON_NAME" | default ( $failed | ternary "Error" "Completed" ) }}
conditions:
{{ range $type := list "Ready" "ContainersReady" }}
- lastTransitionTime: {{ $now | Quote }}
  status: "False"
  reason: {{ $failed | ternary "PodFailed" "PodCompleted" }}
  type: {{ $type }}
{{ end }}
containerStatuses:
{{ range $index, $item := .spec.containers }}
{{ $before := index $root.status.containerStatuses $index }}
- name: {{ $item.name | Quote }}
  image: {{ $item.image | Quote }}
  imageID: {{ $item.image | Quote }}
  containerID: {{ $before.containerID | Quote }}
  ready: false
  started: false
  restartCount: 0
  state:
    terminated:
      exitCode: {{ $code }}
      reason: {{ $reason | Quote }}
      startedAt: {{ $before.state.running.startedAt | Quote }}
      finishedAt: {{ $now | Quote }}
      containerID: {{ $before.containerID | Quote }}
{{ end }}
phase: {{ $failed | ternary "Failed" "Succeeded" }}
"""

NODE_PARTS = """\
{{ $now := Now }}
{{ $since := or .metadata.creationTimestamp $now }}
conditions:
{{ range NodeConditions }}
- type: {{ .type | Quote }}
  status: {{ .status | Quote }}
  reason: {{ .reason | Quote }}
  message: {{ .message | Quote }}
  lastHeartbeatTime: {{ $now | Quote }}
  lastTransitionTime: {{ $since | Quote }}
{{ end }}
addresses:
- type: InternalIP
  address: {{ NodeIP | Quote }}
- type: Hostname
  address: {{ NodeName | Quote }}
daemonEndpoints:
  kubeletEndpoint:
    Port: {{ NodePort }}
"""

NODE_INFO = """\
nodeInfo:
  architecture: amd64
  operatingSystem: linux
  bootID: ""
  machineID: ""
  systemUUID: ""
  osImage: fake
  kernelVersion: fake
  containerRuntimeVersion: {{ printf "kwok://%s" Version }}
  kubeletVersion: {{ printf "kwok-%s" Version }}
  kubeProxyVersion: {{ printf "kwok-%s" Version }}
phase: Running
"""


def _ended(code_name: str, code_default: str) -> str:
    return (
        ENDED.replace("CODE_NAME", PREFIX + code_name)
        .replace("CODE_DEFAULT", code_default)
        .replace("REASON_NAME", PREFIX + "reason")
    )


def stages() -> list[Stage]:
    """Return all stages as documents for kwok's configuration."""
    ready = '.status.conditions.[] | select( .type == "Ready" ) | .status'
    return [
        _stage(
            "pod-start",
            "Pod",
            [_there(DELETION, False), _there(".status.podIP", False)],
            {"statusTemplate": RUNNING},
            delay=_delay("start-delay"),
        ),
        _stage(
            "pod-end",
            "Pod",
            [
                _there(DELETION, False),
                _is(PHASE, "Running"),
                _is_not(".spec.restartPolicy", "Always"),
                _is_not(_annotation("hold"), "true"),
            ],
            {"statusTemplate": _ended("exit-code", "0")},
            delay=_delay("delay"),
        ),
        _stage(
            "pod-terminate",
            "Pod",
            [_there(DELETION, True), _is(PHASE, "Running")],
            {"statusTemplate": _ended("sigterm-exit-code", "143")},
            delay=_delay("sigterm-delay"),
        ),
        _stage(
            "pod-delete",
            "Pod",
            # Without any grace time left the API server deletes by itself, as soon as the finalizers are gone.
            [
                _there(DELETION, True),
                _is_not(PHASE, "Running"),
                _is_not(".metadata.deletionGracePeriodSeconds | tostring", "0"),
            ],
            {"delete": True},
        ),
        _stage("node-start", "Node", [_is_not(ready, "True")], {"statusTemplate": NODE_PARTS + NODE_INFO}),
        _stage(
            "node-heartbeat",
            "Node",
            [_is(PHASE, "Running"), _is(ready, "True")],
            {"statusTemplate": NODE_PARTS},
            delay={"durationMilliseconds": HEARTBEAT_MS, "jitterDurationMilliseconds": HEARTBEAT_MS + 10_000},
        ),
    ]
