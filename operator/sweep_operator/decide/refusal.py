"""Objects of a run that the API server rejects: its Job, its claim, or a pod of the Job."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

PROBE_AFTER = timedelta(seconds=20)
"""After a Job has had no pod for this long, a dry run of the pod asks why; the Job itself does not say."""
ASK_AGAIN = timedelta(seconds=30)


@dataclass(frozen=True)
class Refusal:
    """The server's answer."""

    reason: str
    message: str
    since: datetime
    """When it was first refused for this reason."""
    again: datetime
    """When to ask again: quota may be freed, a Secret or ServiceAccount created."""
    final: bool
    """The object itself is invalid; a retry would fail too."""

    @property
    def never_expires(self) -> bool:
        """Waiting for quota is not a failure, however long it takes."""
        return self.reason == "QuotaExceeded"


@dataclass(frozen=True)
class Probe:
    """Ask the server, by a dry run, why a Job has no pod."""

    job: str


def refuse(message: str, *, final: bool, now: datetime, before: Refusal | None) -> Refusal:
    """A refusal, with the time of the first one with the same reason."""
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
