"""Where the address and the credentials of the API server come from: the pod's service account, or a kubeconfig."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from kubernetes.aio.client import Configuration
from kubernetes.aio.config import ConfigException, load_kube_config
from kubernetes.aio.config.incluster_config import SERVICE_HOST_ENV_NAME, InClusterConfigLoader

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class NoCluster(Exception):
    """No cluster to connect to, or its configuration cannot be read. The message names the file and the remedy."""


class Source(Protocol):
    """Read again whenever the API server no longer accepts what was read."""

    async def load(self) -> Configuration:
        """Address, authority and credentials as they are now. Raises NoCluster."""
        ...


@dataclass(frozen=True)
class InCluster:
    """The service account of the pod; the kubelet replaces its token and its authority while we run."""

    directory: Path = SERVICE_ACCOUNT
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    @property
    def there(self) -> bool:
        """Whether this process runs in a pod with a service account."""
        return bool(self.environ.get(SERVICE_HOST_ENV_NAME)) and (self.directory / "token").is_file()

    async def load(self) -> Configuration:
        configuration = Configuration()
        loader = InClusterConfigLoader(
            token_filename=str(self.directory / "token"),
            cert_filename=str(self.directory / "ca.crt"),
            environ=self.environ,
        )
        try:
            loader.load_and_set(configuration)
        except (ConfigException, OSError) as error:
            raise NoCluster(f"the service account at {self.directory} cannot be used: {error}") from None
        return configuration


@dataclass(frozen=True)
class Kubeconfig:
    """One or more kubeconfig files, joined as kubectl joins them."""

    paths: str
    context: str | None = None

    async def load(self) -> Configuration:
        if not any(Path(p).expanduser().is_file() for p in self.paths.split(os.pathsep) if p):
            raise NoCluster(f"no kubeconfig at {self.paths}; set KUBECONFIG or give --kubeconfig")
        configuration = Configuration()
        try:
            await load_kube_config(
                config_file=self.paths,
                context=self.context,
                client_configuration=configuration,
                persist_config=False,  # what is the user's is not ours to write
            )
        except ConfigException as error:
            # "Expected key user in <the whole entry, its token included>": only what comes before is fit to be shown.
            raise NoCluster(f"{self.paths}: {str(error).partition(' in ')[0]}") from None
        except Exception as error:
            # The text of a YAML error quotes the file, tokens included.
            mark = getattr(error, "problem_mark", None)
            where = f", line {mark.line + 1}" if mark is not None else ""
            raise NoCluster(f"{self.paths}{where}: is no kubeconfig ({type(error).__name__})") from None
        return configuration


def find_source(kubeconfig: Path | None, context: str | None) -> Source:
    """``kubeconfig``, else the pod's service account, else $KUBECONFIG, else ~/.kube/config."""
    if kubeconfig is not None:
        return Kubeconfig(str(kubeconfig), context)
    in_cluster = InCluster()
    if in_cluster.there and context is None:
        return in_cluster
    return Kubeconfig(os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config"), context)
