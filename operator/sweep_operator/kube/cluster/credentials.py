"""Address and credentials as plain values, for kopf's watches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sweep_operator.kube.cluster.sources import find_source


@dataclass(frozen=True)
class Credentials:
    """How to reach the API server."""

    server: str
    authority: str | None
    insecure: bool
    scheme: str | None
    token: str | None
    certificate: str | None
    key: str | None


async def credentials(kubeconfig: Path | None, context: str | None) -> Credentials:
    """Load the credentials. Raises NoCluster."""
    found = await find_source(kubeconfig, context).load()
    header = await found.get_api_key_with_prefix("BearerToken")
    scheme, _, token = (header or "").strip().partition(" ")
    if header and not token:
        scheme, token = "Bearer", scheme
    return Credentials(
        server=found.host,
        authority=found.ssl_ca_cert or None,
        insecure=not found.verify_ssl,
        scheme=scheme or None,
        token=token or None,
        certificate=found.cert_file or None,
        key=found.key_file or None,
    )
