"""Clients that act with the bearer tokens of others, over one session."""

from __future__ import annotations

from dataclasses import dataclass

from kubernetes.aio.client import Configuration

from sweep_operator.kube.cluster.client import ClientOptions, ClusterKube
from sweep_operator.kube.cluster.connection import Connection
from sweep_operator.kube.cluster.retry import Retry
from sweep_operator.kube.cluster.sources import Source
from sweep_operator.kube.cluster.transport import Transport
from sweep_operator.kube.protocol import Unauthenticated
from sweep_operator.pacing import AdaptiveBucket

_SHARED = ("host", "ssl_ca_cert", "verify_ssl", "tls_server_name", "assert_hostname", "proxy", "proxy_headers")
"""What callers use of the configuration of this process: how to reach the API server, and how to recognize it."""


@dataclass(frozen=True)
class _WithoutCredentials:
    """Another source without its token and its client certificate.

    An API server that gets a client certificate ignores the token, so a request of a caller would have the permissions
    of this process.
    """

    source: Source

    async def load(self) -> Configuration:
        found, configuration = await self.source.load(), Configuration()
        for name in _SHARED:
            setattr(configuration, name, getattr(found, name))
        return configuration

    def namespace(self) -> str | None:
        return self.source.namespace()


class Callers:
    """Makes a client for each caller. Use :meth:`open`."""

    def __init__(self, connection: Connection, options: ClientOptions) -> None:
        self._connection, self._options = connection, options

    @classmethod
    async def open(cls, source: Source, options: ClientOptions | None = None) -> Callers:
        """Find the API server of ``source``; no request is sent. Raises NoCluster."""
        return cls(await Connection.open(_WithoutCredentials(source)), options or ClientOptions())

    async def close(self) -> None:
        """Cancel the requests of all callers."""
        await self._connection.close()

    def client(self, token: str) -> ClusterKube:
        """A client with the permissions of the token. It shares the session, so do not close it."""
        options = self._options
        transport = Transport(
            self._connection,
            AdaptiveBucket(options.qps, options.burst),
            Retry(except_=(*options.raise_at_once, Unauthenticated)),
            timeout=options.request_timeout,
            on_request=options.on_request,
            authorization=f"Bearer {token}",
        )
        return ClusterKube(transport, options)
