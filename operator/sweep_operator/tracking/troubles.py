"""Classifies failed requests to W&B: which ones are temporary, and the remedy for the others."""

from __future__ import annotations

import os
import re

from sweep_operator.tracking.delivery.messages import Trouble

NOT_FOUND = "ProjectNotFound"
_TEMPORARY = frozenset({408, 425, 429})
_LIMIT = 400


class WandbError(Exception):
    """A failed request to W&B. ``status``: the HTTP status; None: no answer."""

    def __init__(self, status: int | None, message: str, *, about_run: bool = False) -> None:
        super().__init__(message)
        self.status, self.about_run = status, about_run


class NoKey(Exception):
    """The SDK has found no API key."""


class BadAddress(Exception):
    """The address of the W&B server is invalid. The message quotes it."""


class NotThere(Exception):
    """The project or sweep does not exist, or this API key has no access to it."""


def trouble_of(error: Exception, place: str, *, reading: bool = False) -> Trouble:
    """Classify an error, without the API key in its text. Unknown errors count as temporary.

    ``place``: entity/project. ``reading``: the request did not write.
    """
    status = error.status if isinstance(error, WandbError) else None
    answer = said(error)
    field = "" if reading else "spec.tracking.wandb: "
    match error:
        case NoKey():
            reason = "NoAPIKey"
            text = "no W&B API key found; set WANDB_API_KEY (for the operator from a Secret, by envFrom), "
            text += "or on your own machine run `wandb login`"
        case ImportError():
            reason = "WandbNotInstalled"
            text = f"the W&B SDK is not installed ({answer}); install sweep-operator[wandb]"
        case BadAddress():
            reason = "BaseURLInvalid"
            text = f"{field}W&B's server: {answer}; correct baseURL, or what the operator's configuration allows"
        case NotThere():
            reason, text = NOT_FOUND, f"{answer}; correct entity, project and sweep, or use another key"
        case _ if status == 401:
            reason, text = "KeyRefused", f"W&B rejected the API key ({answer}); set a valid WANDB_API_KEY"
        case _ if status == 403:
            reason = "PermissionDenied"
            text = f"{field}this API key has no permission to {'read' if reading else 'write to'} W&B project {place} "
            text += f"({answer}); grant its account access, or name another entity and project"
        case _ if status == 404:
            reason = NOT_FOUND
            text = f"{field}W&B project {place} does not exist, or this API key has no access to it ({answer}); "
            text += "correct entity and project" + ("" if reading else ", or create it")
        case _ if status is not None and 200 <= status < 500 and status not in _TEMPORARY:
            reason = "RequestRefused"
            text = f"W&B rejected the request ({answer}); check that this version of the W&B SDK supports the server"
        case _:
            text = f"W&B is unavailable: {answer}" + ("" if reading else "; retrying")
            return Trouble(reason="Unreachable", message=redacted(text), permanent=False)
    return Trouble(reason=reason, message=redacted(text), permanent=True)


def said(error: Exception) -> str:
    """Return the error's text on one line, short enough for a condition."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _LIMIT else text[:_LIMIT] + "..."


def redacted(text: str) -> str:
    """Return the text with the API key masked."""
    key = os.environ.get("WANDB_API_KEY")
    return text.replace(key, "***") if key else text


_STATUS = re.compile(r"\b(?:returned error|HTTP) (\d{3})\b")
_LOST = ("giving up after", "deadline exceeded", "EOF", "timed out", "timeout", "did not respond", "connection re")


def status_in(text: str) -> tuple[int | None, bool]:
    """Return the HTTP status named in the SDK's message, and whether the connection to W&B failed."""
    found = _STATUS.search(text)
    return (int(found.group(1)) if found else None), any(words in text for words in _LOST)
