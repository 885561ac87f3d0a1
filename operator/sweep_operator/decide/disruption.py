"""Disruptions of a pod: preemption, eviction, a lost node, deletion."""

from __future__ import annotations

from datetime import timedelta

from sweep_operator.decide.observed import PodView

_DISRUPTED_POD_REASONS = (
    "Evicted", "NodeLost", "NodeShutdown", "Shutdown", "Terminated", "NodeAffinity", "UnexpectedAdmissionError",
)  # fmt: skip
_STATUS_LOST = ("Unknown", "ContainerStatusUnknown")
"""Reasons of a container whose exit status was lost with its node. The exit code (255, 137) is not the program's."""
_CLOCK_SKEW = timedelta(seconds=5)
"""Between the clock of a node, which writes finish times, and the clocks of controllers."""
_NODE_IS_FULL = "OutOf"
"""Start of the kubelet's reason for a pod that does not fit, before the resource: OutOfcpu, OutOfnvidia.com/gpu."""


def disruption_of(pod: PodView) -> str | None:
    """Why something other than its program ended the pod. None: the program ended by itself."""
    if pod.terminated_reason in _STATUS_LOST:
        return pod.terminated_reason
    if pod.disrupted is not None:
        return pod.disrupted
    if pod.reason in _DISRUPTED_POD_REASONS or pod.reason.startswith(_NODE_IS_FULL):
        return pod.reason
    if pod.deletion_requested is not None and (pod.finished is None or pod.finished >= pod.deletion_requested):
        return pod.reason or "PodDeleted"
    return None


def finished_before_disruption(pod: PodView) -> bool:
    """Whether the program ended well before the disruption of its pod, as far as the clocks can tell.

    A program that handles SIGTERM also exits with 0, but after the disruption. Times are whole seconds: in the second
    of a deletion, exit 0 counts.
    """
    if pod.exit_code != 0 or pod.finished is None or pod.terminated_reason in _STATUS_LOST:
        return False
    if pod.disrupted_at is not None:
        return pod.finished <= pod.disrupted_at + _CLOCK_SKEW
    return pod.finished == pod.deletion_requested


def was_evicted(pod: PodView) -> bool:
    """Whether a disruption ended the pod."""
    return pod.over and disruption_of(pod) is not None and not finished_before_disruption(pod)
