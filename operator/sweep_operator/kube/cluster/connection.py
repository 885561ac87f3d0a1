"""The client's session with the API server, and its credentials while they change."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import cast
from urllib.parse import urlencode

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse, ClientTimeout
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import ConfigException

from sweep_operator.kube.cluster.proxy import environment_proxy
from sweep_operator.kube.cluster.sources import NoCluster, Source
from sweep_operator.kube.protocol import Object

log = logging.getLogger(__name__)

__all__ = ["AnswerLost", "Connection", "NoCluster"]

MAX_CONNECTIONS = 128
CONNECT_SECONDS = 10.0
JSON, YAML = "application/json", "application/yaml"
"""Types of request bodies. An API server keeps fields without a schema as they were sent in JSON. It rewrites them from
YAML in its own form, which matters for the immutable data of a ControllerRevision: after any patch, the server compares
its own form with the stored one, and rejects the patch if they differ. The garbage collector sends such patches."""
_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_RENEWAL_PAUSE = 5.0
"""Minimum seconds between two reloads of the credentials, for a server that rejects everything."""


class AnswerLost(aiohttp.ClientError):
    """The connection broke after the request was sent."""


def _yaml(body: Object | None) -> bytes:
    """JSON that is also YAML: no surrogate pairs, and no characters that YAML allows only as escapes."""
    text = json.dumps(body, ensure_ascii=False)
    return _NOT_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()


class Connection:
    """Sends requests with the newest credentials. Use :meth:`open`."""

    def __init__(self, source: Source, configuration: Configuration, *, clock: Callable[[], float]) -> None:
        self._source, self._clock = source, clock
        self._configuration = _set_up(configuration)
        self._identity = _identity(configuration)
        self._client = ApiClient(configuration)
        self._retired: ApiClient | None = None
        self._renewing = asyncio.Lock()
        self._renewed = clock() - _RENEWAL_PAUSE
        self.epoch = 0
        """Number of reloads of the credentials."""

    @classmethod
    async def open(cls, source: Source, *, clock: Callable[[], float] = time.monotonic) -> Connection:
        """Load the credentials; no request is sent. Raises NoCluster."""
        return cls(source, await source.load(), clock=clock)

    async def close(self) -> None:
        """Cancel all requests."""
        for client in (self._client, self._retired):
            if client is not None:
                await client.close()

    async def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str],
        body: Object | None,
        content_type: str,
        timeout: ClientTimeout,
        authorization: str | None = None,
    ) -> ClientResponse:
        """Send a request; the body of the answer is not read yet. Raises aiohttp's errors and AnswerLost.

        ``authorization``: header to send; None: from the credentials.
        """
        headers = {"Accept": "application/json, */*", "Content-Type": content_type, "User-Agent": _USER_AGENT}
        authorization = authorization or await self._authorization()
        if authorization:
            headers["Authorization"] = authorization
        url = self._configuration.host + path + (f"?{urlencode(query)}" if query else "")
        # The session does not check the status; the caller classifies errors.
        sent = _yaml(body) if content_type == YAML else body
        answer = await self._client.call_api(method, url, headers, sent, _request_timeout=timeout)
        return cast(ClientResponse, answer.response)

    async def renew(self, seen: int) -> bool:
        """Reload the credentials. ``seen``: epoch of the rejected ones. True: there are newer ones to try."""
        async with self._renewing:
            if self.epoch != seen:
                return True
            if self._clock() - self._renewed < _RENEWAL_PAUSE:
                return False
            self._renewed = self._clock()
            try:
                configuration = _set_up(await self._source.load())
            except NoCluster as error:
                log.warning("cannot reload the credentials: %s", error)
                return False
            identity = _identity(configuration)
            if identity != self._identity:
                # Certificates belong to the session. Requests of the session before the last one have ended.
                if self._retired is not None:
                    await self._retired.close()
                self._retired, self._client, self._identity = self._client, ApiClient(configuration), identity
            self._configuration = configuration
            self.epoch += 1
            log.info("credentials reloaded")
            return True

    async def _authorization(self) -> str | None:
        """The Authorization header. The client reloads a service account's token every minute."""
        try:
            value = await self._configuration.get_api_key_with_prefix("BearerToken")
        except (ConfigException, OSError) as error:
            log.warning("cannot reload the token: %s", error)
            value = self._configuration.api_key.get("BearerToken")
        return value.strip() if value else None  # token files may end with a newline


async def no_hidden_retries(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Prevent aiohttp from repeating a GET, PUT or DELETE after a broken connection, without limits and counters.

    Only the caller can decide whether to repeat a write. aiohttp repeats nothing after any other error.
    """
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise AnswerLost(str(error)) from error


_USER_AGENT = f"sweep-operator/{version('sweep-operator')}"
_Middleware = Callable[[ClientRequest, ClientHandlerType], Awaitable[ClientResponse]]
_MIDDLEWARES: tuple[_Middleware, ...] = (no_hidden_retries,)


def _set_up(configuration: Configuration) -> Configuration:
    configuration.connection_pool_maxsize = MAX_CONNECTIONS
    # Python 3.13 rejects authorities without a key identifier, which Go (and so every other client) accepts.
    configuration.disable_strict_ssl_verification = True
    configuration.client_session_kwargs = {"trust_env": False, "middlewares": _MIDDLEWARES}
    if configuration.proxy is None:
        configuration.proxy = environment_proxy(configuration.host)
    return configuration


def _identity(configuration: Configuration) -> bytes:
    """Digest of what a session is bound to: the address and the content of the certificates."""
    digest = hashlib.sha256(configuration.host.encode())
    for path in (configuration.ssl_ca_cert, configuration.cert_file, configuration.key_file):
        digest.update(Path(path).read_bytes() if path else b"-")
    return digest.digest()
