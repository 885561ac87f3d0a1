"""One request to the API server: rate limit, authentication, errors and retries."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Literal

import aiohttp
from aiohttp import ClientResponse, ClientTimeout

from sweep_operator.kube.cluster.connection import CONNECT_SECONDS, JSON, MAX_CONNECTIONS, Connection
from sweep_operator.kube.cluster.errors import Answer, NoAnswer, NotSent, error_of
from sweep_operator.kube.cluster.retry import Retry, parse_retry_after
from sweep_operator.kube.json_text import parsed
from sweep_operator.kube.protocol import Invalid, KubeError, Object, Unavailable, UnknownOutcome
from sweep_operator.pacing import AdaptiveBucket

Verb = Literal["get", "list", "watch", "create", "patch", "update", "delete", "deletecollection"]
_METHODS: Mapping[Verb, str] = {
    "get": "GET",
    "list": "GET",
    "watch": "GET",
    "create": "POST",
    "patch": "PATCH",
    "update": "PUT",
    "delete": "DELETE",
    "deletecollection": "DELETE",
}


_RESERVED = 8
"""Connections for Leases, which must not wait behind slow writes, and for logs."""
_TOO_MANY = 429


@dataclass(frozen=True)
class Request:
    """One call of the API."""

    verb: Verb
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Object | None = None
    content_type: str = JSON
    changes: bool = False
    """Whether it is a write: without an answer, its effect is unknown."""
    limited: bool = True
    """Whether it counts against the rate limit and waits for a free connection."""
    check: Callable[[], None] = lambda: None
    """Called immediately before it is sent, after any wait. An exception cancels the request."""

    def __str__(self) -> str:
        return f"{self.verb} {self.path}"


class Transport:
    """Sends requests."""

    def __init__(
        self,
        connection: Connection,
        bucket: AdaptiveBucket,
        retry: Retry,
        *,
        timeout: float,
        on_request: Callable[[str, str], None],
        authorization: str | None = None,
    ) -> None:
        """``authorization``: sent instead of the connection's own credentials."""
        self._authorization = authorization
        self._connection, self._bucket, self.retry = connection, bucket, retry
        self._timeout = ClientTimeout(total=timeout, sock_connect=CONNECT_SECONDS)
        self._on_request = on_request
        self._free = asyncio.Semaphore(MAX_CONNECTIONS - _RESERVED)

    async def close(self) -> None:
        """Cancel all requests."""
        await self._connection.close()

    async def send(self, request: Request) -> Object:
        """Send a request; return the JSON of the answer. Raises KubeError."""
        _check_body(request.body)

        async def once() -> Object:
            return object_of(await self._once(request), request)

        return await self.retry.run(once, str(request), changes=request.changes)

    async def read(self, request: Request) -> bytes:
        """Send a request that changes nothing; return the body of the answer, for ``object_of``. Raises KubeError."""

        async def once() -> bytes:
            body = await self._once(request)
            if not body[:64].lstrip().startswith(b"{"):
                raise _not_an_object(request)
            return body

        return await self.retry.run(once, str(request), changes=False)

    @asynccontextmanager
    async def stream(
        self, request: Request, *, silence: float | None, patient: bool = False
    ) -> AsyncIterator[ClientResponse]:
        """Send a request whose answer is read in chunks.

        ``silence``: seconds without data after which the connection counts as broken (None: never). ``patient``:
        failures before the first byte are retried as for other reads.
        """
        timeout = ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=silence)
        async with AsyncExitStack() as stack:

            async def opened() -> ClientResponse:
                return await stack.enter_async_context(self._open(request, timeout))

            yield await (self.retry.run(opened, str(request), changes=False) if patient else opened())

    async def _once(self, request: Request) -> bytes:
        async with self._free if request.limited else nullcontext():
            async with self._open(request, self._timeout) as response:
                return await response.read()

    @asynccontextmanager
    async def _open(self, request: Request, timeout: ClientTimeout) -> AsyncIterator[ClientResponse]:
        """A successful answer. Errors before and during reading are raised as KubeError."""
        try:
            response = await self._authenticated(request, timeout)
            async with response:
                if response.status >= 300:
                    answer = Answer(response.status, await response.read(), _retry_after(response))
                    if response.status == _TOO_MANY:
                        self._bucket.slow_down()
                    raise error_of(answer, changes=request.changes)
                yield response
        except KubeError:
            raise
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError) as error:
            raise NotSent(f"the API server cannot be reached: {_text(error)}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if request.changes:
                raise UnknownOutcome(f"{request}: no answer: {_text(error)}") from error
            raise NoAnswer(f"{request}: no answer: {_text(error)}") from error

    async def _authenticated(self, request: Request, timeout: ClientTimeout) -> ClientResponse:
        """Reload the credentials once if the server rejects them or its authority has changed."""
        epoch = self._connection.epoch
        try:
            response = await self._counted(request, timeout)
        except aiohttp.ClientConnectorCertificateError:
            if not await self._connection.renew(epoch):
                raise
            return await self._counted(request, timeout)
        if response.status == 401 and self._authorization is None and await self._connection.renew(epoch):
            response.release()
            response = await self._counted(request, timeout)
        return response

    async def _counted(self, request: Request, timeout: ClientTimeout) -> ClientResponse:
        if request.limited:
            await self._bucket.acquire()
        request.check()
        try:
            response = await self._connection.send(
                _METHODS[request.verb],
                request.path,
                query=request.query,
                body=request.body,
                content_type=request.content_type,
                timeout=timeout,
                authorization=self._authorization,
            )
        except (aiohttp.ClientError, TimeoutError, OSError):
            self._on_request(request.verb, "error")
            raise
        self._on_request(request.verb, str(response.status))
        return response


def object_of(body: bytes, request: Request) -> Object:
    """The JSON of an answer. Raises KubeError."""
    try:
        answer = parsed(body)
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        return answer
    raise _not_an_object(request)


def _not_an_object(request: Request) -> KubeError:
    message = "the answer is not a JSON object; check that this is the address of an API server"
    return UnknownOutcome(message) if request.changes else Unavailable(message)


def _check_body(body: Object | None) -> None:
    try:
        json.dumps(body, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise Invalid(f"the object cannot be written as JSON: {error}") from None


def _retry_after(response: ClientResponse) -> float | None:
    return parse_retry_after(response.headers.get("Retry-After"))


def _text(error: BaseException) -> str:
    """Return the error's text, or its class: timeouts have no text."""
    if isinstance(error, aiohttp.ClientConnectorError) and "Connect call failed" in str(error):
        return f"{error.host}:{error.port}: {os.strerror(error.os_error.errno or 0)}"
    return str(error) or type(error).__name__
