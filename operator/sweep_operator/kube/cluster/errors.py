"""Converts answers of the API server to the errors of the Kube protocol."""

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
"""Characters that a message quotes of an answer that is not a Status, such as a load balancer's page."""
_REFUSED_BY_WEBHOOK = "failed calling webhook"


class NotSent(Unavailable):
    """No connection could be opened: no request was sent."""


class NoAnswer(Unavailable):
    """A read was sent, and no answer came."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer other than success."""

    status: int
    body: bytes
    retry_after: float | None = None
    """Seconds, from the header."""


def error_of(answer: Answer, *, changes: bool) -> KubeError:
    """The error for an answer. ``changes``: the request was a write, so its effect may be unknown."""
    status = _status_object(answer.body)
    error = from_status(answer.status, status, changes=changes, text=_text(answer))
    error.retry_after = answer.retry_after
    return error


def from_status(code: int, status: Mapping[str, Any] | None, *, changes: bool, text: str = "") -> KubeError:
    """The error for an HTTP code and the Status object of the answer, if there is one."""
    message = str((status or {}).get("message") or text or f"the server answered {code}")
    if code == 401:
        # The request had no effect, and new credentials (a rotated token) may be accepted: like an unavailable server.
        return Unauthenticated(f"the API server rejects the credentials: {message}")
    if code == 429:
        return TooManyRequests(message)
    if code == 404:
        return _not_found(status or {}, message)
    if 400 <= code < 500 and code != 408:
        # An answer that is not a Status comes from a proxy, and says nothing about the object.
        return Unavailable(message) if status is None else _refused(code, status, message)
    if changes and not _without_effect(code, status, message):
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
    # The resource type is missing, not the object: a CRD is not installed or is being replaced. NotFound would mean
    # that the object was deleted.
    return Unavailable(f"the API server does not serve this resource: are the CRDs installed? ({message})")


def _without_effect(code: int, status: Mapping[str, Any] | None, message: str) -> bool:
    """Whether the error came before the write. A 504, or a 500 from a timeout of etcd, may come after it."""
    if status is None:
        return False  # a proxy's answer: it may have forwarded the request
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
