"""Which delivery failures are temporary, and the remedy for the others."""

from __future__ import annotations

import re

from sweep_operator.tracking.delivery.messages import Trouble

NOT_FOUND = "ProjectNotFound"
PASSES = frozenset({408, 425, 429})
_LIMIT = 400


class WandbError(Exception):
    """A failed request to W&B. ``status``: the HTTP status; None: no answer."""

    def __init__(self, status: int | None, message: str, *, about_run: bool = False) -> None:
        super().__init__(message)
        self.status, self.about_run = status, about_run


class NoKey(Exception):
    """The SDK has found no key."""


class BadAddress(Exception):
    """The address of the W&B server is invalid. The message quotes it."""


def trouble_of(error: Exception, place: str) -> Trouble:
    """Classify an error. ``place``: entity/project. Unknown errors count as temporary."""
    if isinstance(error, NoKey):
        text = (
            "no W&B API key found; give the operator WANDB_API_KEY (from a Secret, by envFrom), "
            "or on your own machine run `wandb login`"
        )
        return Trouble(reason="NoAPIKey", message=text, permanent=True)
    if isinstance(error, ImportError):
        text = f"the W&B SDK is not installed ({said(error)}); install sweep-operator[wandb]"
        return Trouble(reason="WandbNotInstalled", message=text, permanent=True)
    if isinstance(error, BadAddress):
        text = (
            f"W&B's server: {error}; correct spec.tracking.wandb.baseURL, or what the operator's configuration allows"
        )
        return Trouble(reason="BaseURLInvalid", message=text, permanent=True)
    status = error.status if isinstance(error, WandbError) else None
    answer = said(error)
    if status == 401:
        text = f"W&B rejected the API key ({answer}); give the operator a valid WANDB_API_KEY"
        return Trouble(reason="KeyRefused", message=text, permanent=True)
    if status == 403:
        text = (
            f"spec.tracking.wandb: this API key must not write to {place} ({answer}); grant its account access, "
            "or name another entity and project"
        )
        return Trouble(reason="PermissionDenied", message=text, permanent=True)
    if status == 404:
        text = (
            f"spec.tracking.wandb: {place} does not exist, or this API key has no access to it ({answer}); "
            "correct entity and project, or create it"
        )
        return Trouble(reason=NOT_FOUND, message=text, permanent=True)
    if status is not None and 200 <= status < 500 and status not in PASSES:
        text = f"W&B rejected the request ({answer}); check that this version of the W&B SDK supports the server"
        return Trouble(reason="RequestRefused", message=text, permanent=True)
    text = f"W&B is unavailable: {answer}; retrying"
    return Trouble(reason="Unreachable", message=text, permanent=False)


def said(error: Exception) -> str:
    """Return the error's text on one line, short enough for a condition."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _LIMIT else text[:_LIMIT] + "..."


_STATUS = re.compile(r"\b(?:returned error|HTTP) (\d{3})\b")
_LOST = ("giving up after", "deadline exceeded", "EOF", "timed out", "timeout", "did not respond", "connection re")


def status_in(text: str) -> tuple[int | None, bool]:
    """Return the HTTP status named in the SDK's message, and whether the connection to W&B failed."""
    found = _STATUS.search(text)
    return (int(found.group(1)) if found else None), any(words in text for words in _LOST)
