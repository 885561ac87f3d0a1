"""Errors as answers: ``ApiError`` with the status that fits."""

from __future__ import annotations

import logging

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import ValidationError

from sweep_operator.api.errors import InvalidObject
from sweep_operator.commands.failures import failure_lines
from sweep_operator.config.errors import ConfigError
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
)
from sweep_operator.ui.board import to_bytes
from sweep_operator.ui.guard import WrongHost, WrongOrigin
from sweep_operator.views.page.messages import ApiError

log = logging.getLogger(__name__)
_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (Unauthenticated, 401),
    (Forbidden, 403),
    (WrongOrigin, 403),
    (NotFound, 404),
    (AlreadyExists, 409),
    (Conflict, 409),
    (WrongHost, 421),
    (TooManyRequests, 429),
    (Invalid, 400),
    (Gone, 503),
    (KubeError, 503),
    (InvalidObject, 400),
    (ConfigError, 400),
    (ValidationError, 400),
    (OSError, 503),
)
"""The first class that an error belongs to counts."""


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer an exception with its text. A stream that has begun is broken off instead."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return _answer(error.status, f"{request.method} {request.path}: {error.reason}", None)
    except ConnectionError:  # the client is gone
        raise
    except Exception as error:
        status = next((status for type_, status in _STATUS if isinstance(error, type_)), 500)
        if status == 500:
            log.exception("%s %s", request.method, request.path)
        return _answer(status, *_text(error))


def _text(error: Exception) -> tuple[str, str | None]:
    """The message, and the field that it is about."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        return f"{place or 'body'}: {first['msg']}", place or None
    errors = getattr(error, "errors", None)  # of an invalid object, and of one that admission has rejected
    field = errors[0].path if isinstance(errors, list) and errors else None
    return "\n".join(failure_lines(error)), field


def _answer(status: int, text: str, field: str | None) -> web.Response:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    body = to_bytes(ApiError(error=text, field=field))
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)
