"""What the API server refuses of a run: its Job, its claim, or the pod that the Job controller cannot make."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

PROBE_AFTER = timedelta(seconds=20)
"""A Job without a pod for so long: ask why, by a dry run of the pod (the Job itself does not say)."""
ASK_AGAIN = timedelta(seconds=30)


@dataclass(frozen=True)
class Refusal:
    """The server's answer."""

    reason: str
    message: str
    since: datetime
    """When it was refused first, for the same reason."""
    again: datetime
    """When to ask anew: quotas are freed, Secrets and accounts are made."""
    final: bool
    """The object itself is wrong: asking again is pointless."""

    @property
    def waits_for_ever(self) -> bool:
        """A full quota is no failure, however long it lasts."""
        return self.reason == "QuotaExceeded"


@dataclass(frozen=True)
class Probe:
    """Ask the server what it has against the pod of a Job."""

    job: str


def refuse(message: str, *, final: bool, now: datetime, before: Refusal | None) -> Refusal:
    """A refusal, with the time of the first of its kind."""
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
