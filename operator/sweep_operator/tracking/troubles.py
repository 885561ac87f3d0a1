"""Which failures of a delivery pass by themselves, and what a person can do about the others."""

from __future__ import annotations

import re

from sweep_operator.tracking.delivery.messages import Trouble

NOT_FOUND = "ProjectNotFound"
PASSES = frozenset({408, 425, 429})
_LIMIT = 400


class WandbError(Exception):
    """An answer of W&B, or none. ``status``: of HTTP; None: there was no answer."""

    def __init__(self, status: int | None, message: str, *, about_run: bool = False) -> None:
        super().__init__(message)
        self.status, self.about_run = status, about_run


class NoKey(Exception):
    """The SDK has found no key."""


class BadAddress(Exception):
    """What shall be W&B's server is no address. Says what was given."""


def trouble_of(error: Exception, place: str) -> Trouble:
    """``place``: entity/project. What is not known to need a person passes by itself."""
    if isinstance(error, NoKey):
        text = (
            "there is no W&B API key here; give the operator WANDB_API_KEY (from a Secret, by envFrom), "
            "or on your own machine run `wandb login`"
        )
        return Trouble(reason="NoAPIKey", message=text, permanent=True)
    if isinstance(error, ImportError):
        text = f"the W&B SDK is not installed here ({said(error)}); install sweep-operator[wandb]"
        return Trouble(reason="WandbNotInstalled", message=text, permanent=True)
    if isinstance(error, BadAddress):
        text = (
            f"W&B's server: {error}; correct spec.tracking.wandb.baseURL, or what the operator's configuration allows"
        )
        return Trouble(reason="BaseURLInvalid", message=text, permanent=True)
    status = error.status if isinstance(error, WandbError) else None
    answer = said(error)
    if status == 401:
        text = f"W&B refuses the key ({answer}); give the operator a valid WANDB_API_KEY"
        return Trouble(reason="KeyRefused", message=text, permanent=True)
    if status == 403:
        text = (
            f"spec.tracking.wandb: the key may not write to {place} ({answer}); give its account the right to, or name "
            "another entity and project"
        )
        return Trouble(reason="PermissionDenied", message=text, permanent=True)
    if status == 404:
        text = (
            f"spec.tracking.wandb: {place} does not exist, or the key must not see it ({answer}); correct entity and "
            "project, or create it"
        )
        return Trouble(reason=NOT_FOUND, message=text, permanent=True)
    if status is not None and 200 <= status < 500 and status not in PASSES:
        text = f"W&B does not take what it is sent ({answer}); does this version of the W&B SDK fit the server?"
        return Trouble(reason="RequestRefused", message=text, permanent=True)
    text = f"W&B does not answer as it should: {answer}; tried again"
    return Trouble(reason="Unreachable", message=text, permanent=False)


def said(error: Exception) -> str:
    """The first line of the error's own words; never more than fits into a condition."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _LIMIT else text[:_LIMIT] + "..."


_STATUS = re.compile(r"\b(?:returned error|HTTP) (\d{3})\b")
_LOST = ("giving up after", "deadline exceeded", "EOF", "timed out", "timeout", "did not respond", "connection re")


def status_in(text: str) -> tuple[int | None, bool]:
    """(HTTP status that the SDK's words name, whether they say that the way to W&B failed)."""
    found = _STATUS.search(text)
    return (int(found.group(1)) if found else None), any(words in text for words in _LOST)
