"""From what the API server answers, or does not answer, to the errors of the Kube protocol."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sweep_operator.kube.protocol import (
    AlreadyExists,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    KubeError,
    NotFound,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    UnknownOutcome,
)

_TEXT = 300
"""Characters of an answer that is no Status (a load balancer's page) that go into a message."""
_REFUSED_BY_WEBHOOK = "failed calling webhook"


class NotSent(Unavailable):
    """No connection could be made: nothing has left this process."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer other than success."""

    status: int
    body: bytes
    retry_after: float | None = None
    """Seconds, from the header."""


def error_of(answer: Answer, *, changes: bool) -> KubeError:
    """``changes``: the request was to change something, so that it matters whether it was carried out."""
    status = _status_object(answer.body)
    error = from_status(answer.status, status, changes=changes, text=_text(answer))
    error.retry_after = answer.retry_after
    return error


def from_status(code: int, status: Mapping[str, Any] | None, *, changes: bool, text: str = "") -> KubeError:
    """The error for an HTTP code and the Status object that came with it, if one did."""
    message = str((status or {}).get("message") or text or f"the server answered {code}")
    if code == 401:
        # Nothing was carried out, and new credentials (a rotated token) may do: as if the server were not there.
        return Unauthenticated(f"the API server does not accept the credentials: {message}")
    if code == 429:
        return TooManyRequests(message)
    if code == 404:
        return _not_found(status or {}, message)
    if 400 <= code < 500 and code != 408:
        # What is no Status comes from something between us and the API server, and says nothing about the object.
        return Unavailable(message) if status is None else _refused(code, status, message)
    if changes and not _certainly_not_carried_out(code, status, message):
        return UnknownOutcome(message)
    return Unavailable(message)


def _refused(code: int, status: Mapping[str, Any], message: str) -> KubeError:
    if code == 403:
        return Forbidden(message)
    if code == 409:
        return AlreadyExists(message) if status.get("reason") == "AlreadyExists" else Conflict(message)
    if code == 410:
        return Gone(message)
    return Invalid(message)


def _not_found(status: Mapping[str, Any], message: str) -> KubeError:
    if (status.get("details") or {}).get("name"):
        return NotFound(message)
    # Not the object is missing but its kind (a CRD not installed yet, or just being replaced). Taking that for
    # "the object is gone" would forget objects that are still stored.
    return Unavailable(f"the API server does not serve this kind: are the CRDs installed? ({message})")


def _certainly_not_carried_out(code: int, status: Mapping[str, Any] | None, message: str) -> bool:
    """A 504, or a 500 from etcd's time-outs, may come after the write; these come before it."""
    if status is None:
        return False  # a proxy's answer: it may have passed the request on
    return code in (501, 503) or _REFUSED_BY_WEBHOOK in message


def _status_object(body: bytes) -> Mapping[str, Any] | None:
    try:
        parsed = json.loads(body)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) and parsed.get("kind") == "Status" else None


def _text(answer: Answer) -> str:
    text = " ".join(answer.body.decode(errors="replace").split())
    return f"{answer.status}: {text[:_TEXT]}" if text else f"the server answered {answer.status}"
