"""How KWOK plays nodes and pods: its Stages, as data.

A pod's life follows from the environment of its first container:

* ``TEST_FAULT``: what goes wrong (FAULTS below; empty: nothing). ``TEST_FAULT_ATTEMPTS``: how many attempts it spoils
  (empty: all of them).
* ``TEST_SECONDS``: how long main runs, e.g. "2s" (default 0.5 s); with ``TEST_SECONDS_UP_TO``: at random, up to that.
  ``TEST_START_DELAY``: how long it takes to start.
* The result is ``{"score": v, "reward": v}`` with v the last ``SWEEP_PARAM_*`` of the container that is not empty:
  a function of the run's parameters, so that what was recorded can be compared with what was run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

FAULTS = {
    "crash": "exits with 1",
    "parameters": "exits with 65",
    "oom": "is killed by the kernel for its memory",
    "nan": "reports NaN",
    "garbage": "reports what is no JSON",
    "hostile": "reports terminal escape sequences and a bidirectional control",
    "nested": "reports 4 kB of nested JSON lists",
    "silent": "reports nothing",
    "huge": "reports 5 kB (the kubelet keeps 4,096 bytes)",
    "hang": "runs until it is deleted",
    "trap": "runs until it is deleted, and then exits with 0",
    "never": "stays in ContainerCreating",
    "image": "cannot pull its image",
    "secret": "refers to a Secret that does not exist",
}

_ENV = '.spec.containers[0].env | map({(.name): (.value // "")}) | add'
_FAULT = (
    f'{_ENV} | if (.TEST_FAULT_ATTEMPTS // "") != "" and ((.SWEEP_ATTEMPT // "1" | tonumber) > '
    '(.TEST_FAULT_ATTEMPTS | tonumber)) then "" else (.TEST_FAULT // "") end'
)
_PARTS = '.spec.containers[0].env[] | select(.name == "{}") | .value'


def stages() -> list[dict[str, Any]]:
    """All of them."""
    return [
        _node_ready(),
        _waiting("image", "ImagePullBackOff", "Back-off pulling image: not found"),
        _waiting("secret", "CreateContainerConfigError", "secret not found"),
        _waiting("never", "ContainerCreating", ""),
        _start(),
        _end("completes", ["", "nan", "garbage", "hostile", "nested", "silent", "huge"], 0, "Completed"),
        _end("crashes", ["crash"], 1, "Error"),
        _end("exits-65", ["parameters"], 65, "Error"),
        _end("runs-out-of-memory", ["oom"], 137, "OOMKilled"),
        _killed("is-killed", "NotIn", 143, "Error", "Failed"),
        _killed("traps-the-signal", "In", 0, "Completed", "Succeeded"),
        _gone(),
    ]


def logs_of_main(file: Path) -> dict[str, Any]:
    """What every container says: lines of ``file``, each ``<RFC 3339 time> stdout F <text>``."""
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "ClusterLogs",
        "metadata": {"name": "main"},
        "spec": {"logs": [{"containers": ["main"], "logsFile": str(file), "follow": True}]},
    }


def _stage(
    name: str, kind: str, expressions: list[dict[str, Any]], next_: dict[str, Any], **spec: Any
) -> dict[str, Any]:
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": name},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": kind},
            "selector": {"matchExpressions": expressions},
            "next": next_,
            **spec,
        },
    }


def _is(key: str, *values: str) -> dict[str, Any]:
    return {"key": key, "operator": "In", "values": list(values)}


def _absent(key: str) -> dict[str, Any]:
    return {"key": key, "operator": "DoesNotExist"}


def _exists(key: str) -> dict[str, Any]:
    return {"key": key, "operator": "Exists"}


_ALIVE = _absent(".metadata.deletionTimestamp")
_DELETED = _exists(".metadata.deletionTimestamp")


def _delay(variable: str, milliseconds: int) -> dict[str, Any]:
    return {
        "durationMilliseconds": milliseconds,
        "durationFrom": {"expressionFrom": _PARTS.format(variable)},
    }


def _node_ready() -> dict[str, Any]:
    ready = '.status.conditions.[] | select( .type == "Ready" ) | .status'
    template = """
{{ $now := Now }}
conditions:
{{ range NodeConditions }}
- {type: {{ .type | Quote }}, status: {{ .status | Quote }}, reason: {{ .reason | Quote }},
   message: {{ .message | Quote }}, lastHeartbeatTime: {{ $now | Quote }}, lastTransitionTime: {{ $now | Quote }}}
{{ end }}
phase: Running
"""
    return _stage(
        "node-ready", "Node", [{"key": ready, "operator": "NotIn", "values": ["True"]}], {"statusTemplate": template}
    )


def _waiting(fault: str, reason: str, message: str) -> dict[str, Any]:
    template = f"""
{{{{ range .spec.containers }}}}
containerStatuses:
- {{name: {{{{ .name | Quote }}}}, image: {{{{ .image | Quote }}}}, imageID: "", ready: false,
   restartCount: 0, started: false, state: {{waiting: {{reason: {reason}, message: "{message}"}}}}}}
{{{{ end }}}}
phase: Pending
"""
    shown = _absent(".status.containerStatuses")
    return _stage(f"pod-{fault}", "Pod", [_ALIVE, _is(_FAULT, fault), shown], {"statusTemplate": template})


def _start() -> dict[str, Any]:
    template = """
{{ $now := Now }}
conditions:
- {lastTransitionTime: {{ $now | Quote }}, status: "True", type: Initialized}
- {lastTransitionTime: {{ $now | Quote }}, status: "True", type: Ready}
- {lastTransitionTime: {{ $now | Quote }}, status: "True", type: ContainersReady}
containerStatuses:
{{ range .spec.containers }}
- {name: {{ .name | Quote }}, image: {{ .image | Quote }}, imageID: {{ .image | Quote }}, ready: true, restartCount: 0,
   started: true, state: {running: {startedAt: {{ $now | Quote }}}}}
{{ end }}
phase: Running
startTime: {{ $now | Quote }}
"""
    may = {"key": _FAULT, "operator": "NotIn", "values": ["image", "secret", "never"]}
    return _stage(
        "pod-starts",
        "Pod",
        [_ALIVE, _is(".status.phase", "Pending"), may],
        {"statusTemplate": template},
        delay=_delay("TEST_START_DELAY", 100),
    )


_MESSAGE = """
{{ $fault := "" }}{{ $value := "0" }}
{{ range (index .spec.containers 0).env }}
{{ if eq .name "TEST_FAULT" }}{{ $fault = .value }}{{ end }}
{{ if and .value (eq (printf "%.12s" .name) "SWEEP_PARAM_") }}{{ $value = .value }}{{ end }}
{{ end }}
{{ $message := printf "{\\"score\\": %s, \\"reward\\": %s}" $value $value }}
{{ if eq $fault "nan" }}{{ $message = "{\\"score\\": NaN, \\"reward\\": NaN}" }}{{ end }}
{{ if eq $fault "garbage" }}{{ $message = "loss went down" }}{{ end }}
{{ if eq $fault "hostile" }}{{ $message = "\\u001b[31mloss\\u202e went down\\u001b[2J" }}{{ end }}
{{ if eq $fault "silent" }}{{ $message = "" }}{{ end }}
{{ if eq $fault "huge" }}{{ $message = printf "{\\"score\\": 1, \\"note\\": \\"%04000d\\"" 0 }}{{ end }}
{{ if eq $fault "nested" }}{{ $message = "NESTED" }}{{ end }}
""".replace("NESTED", "[" * 4090)


def _terminated(code: int, reason: str, phase: str, message: str) -> str:
    return f"""
{{{{ $now := Now }}}}{{{{ $statuses := .status.containerStatuses }}}}{message}
containerStatuses:
{{{{ range $index, $item := .spec.containers }}}}
- name: {{{{ $item.name | Quote }}}}
  image: {{{{ $item.image | Quote }}}}
  imageID: {{{{ $item.image | Quote }}}}
  ready: false
  restartCount: 0
  started: false
  state:
    terminated:
      exitCode: {code}
      reason: {reason}
      startedAt: {{{{ (index $statuses $index).state.running.startedAt | Quote }}}}
      finishedAt: {{{{ $now | Quote }}}}
      {"message: {{ $message | Quote }}" if message else ""}
{{{{ end }}}}
phase: {phase}
"""


def _end(name: str, faults: list[str], code: int, reason: str) -> dict[str, Any]:
    template = _terminated(code, reason, "Succeeded" if code == 0 else "Failed", _MESSAGE if code == 0 else "")
    return _stage(
        f"pod-{name}",
        "Pod",
        [_ALIVE, _is(".status.phase", "Running"), _is(_FAULT, *faults)],
        {"statusTemplate": template},
        delay={
            **_delay("TEST_SECONDS", 500),
            "jitterDurationFrom": {"expressionFrom": _PARTS.format("TEST_SECONDS_UP_TO")},
        },
    )


def _killed(name: str, operator: str, code: int, reason: str, phase: str) -> dict[str, Any]:
    how = {"key": _FAULT, "operator": operator, "values": ["trap"]}
    return _stage(
        f"pod-{name}",
        "Pod",
        [_DELETED, _is(".status.phase", "Running"), how],
        {"statusTemplate": _terminated(code, reason, phase, "")},
        delay={"durationMilliseconds": 100},
    )


def _gone() -> dict[str, Any]:
    return _stage(
        "pod-is-gone",
        "Pod",
        [_DELETED, _is(".status.phase", "Pending", "Succeeded", "Failed")],
        {"delete": True},
        delay={"durationMilliseconds": 100},
    )
