"""Rejections by the API server of a run's objects: its Job, its claim, or a pod of the Job."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

PROBE_AFTER = timedelta(seconds=20)
"""A Job without a pod does not say why. After this time, a dry run of the pod finds out."""
ASK_AGAIN = timedelta(seconds=30)


@dataclass(frozen=True)
class Refusal:
    """Why the API server rejected an object."""

    reason: str
    message: str
    since: datetime
    """Time of the first rejection for this reason."""
    again: datetime
    """Time of the next request: by then, quota may be free, or a ServiceAccount may exist."""
    final: bool
    """The object itself is invalid; a retry would fail too."""

    @property
    def never_expires(self) -> bool:
        """Whether the run waits without a deadline: waiting for quota is never a failure."""
        return self.reason == "QuotaExceeded"


@dataclass(frozen=True)
class Probe:
    """Find out by a dry run why a Job has no pod."""

    job: str


def refuse(message: str, *, final: bool, now: datetime, before: Refusal | None) -> Refusal:
    """A refusal that keeps the time of the first one with the same reason."""
    reason = _reason(message, final)
    since = before.since if before is not None and before.reason == reason else now
    return Refusal(reason, message, since, now + ASK_AGAIN, final)


def _reason(message: str, final: bool) -> str:
    text = message.lower()
    if "exceeded quota" in text or "insufficient quota" in text:
        return "QuotaExceeded"
    if "violates podsecurity" in text:
        return "PodSecurity"
    if "serviceaccount" in text and "not found" in text:
        return "ServiceAccountMissing"
    if "is being terminated" in text:
        return "NamespaceTerminating"
    return "Invalid" if final else "Forbidden"
