"""Where the address and the credentials of the API server come from: the pod's service account, or a kubeconfig."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from kubernetes.aio.client import Configuration
from kubernetes.aio.config import ConfigException, list_kube_config_contexts, load_kube_config
from kubernetes.aio.config.incluster_config import SERVICE_HOST_ENV_NAME, InClusterConfigLoader
from kubernetes.aio.config.kube_config import KubeConfigLoader, KubeConfigMerger

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class NoCluster(Exception):
    """No cluster to connect to, or its configuration cannot be read. The message names the file and the remedy."""


class Source(Protocol):
    """Address and credentials. Loaded again when the API server rejects them."""

    async def load(self) -> Configuration:
        """Current address, authority and credentials. Raises NoCluster."""
        ...

    def namespace(self) -> str | None:
        """The default namespace. Raises NoCluster."""
        ...


@dataclass(frozen=True)
class InCluster:
    """The service account of the pod. The kubelet replaces its token and authority from time to time."""

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

    def namespace(self) -> str | None:
        path = self.directory / "namespace"
        return path.read_text().strip() if path.is_file() else None


@dataclass(frozen=True)
class Kubeconfig:
    """One or more kubeconfig files, joined as kubectl joins them."""

    paths: str
    context: str | None = None

    async def load(self) -> Configuration:
        configuration = Configuration()
        with self._reading():
            await load_kube_config(
                config_file=self.paths,
                context=self._context(),
                client_configuration=configuration,
                persist_config=False,  # never write to the user's file
            )
        return configuration

    def namespace(self) -> str | None:
        with self._reading():
            merged = KubeConfigMerger(self.paths).config
            found = KubeConfigLoader(merged, active_context=self._context(), config_base_path=None).current_context
            namespace = found["context"].get("namespace")
        if namespace is not None and not isinstance(namespace, str):
            raise NoCluster(f"{self.paths}: the namespace {namespace!r} is not a string; put it in quotes")
        return namespace or None

    def _context(self) -> str | None:
        """The first context of several files, as in kubectl. The client would take the last one: another cluster."""
        paths = [Path(p).expanduser() for p in self.paths.split(os.pathsep) if p]
        if self.context is not None or len(paths) < 2:
            return self.context
        each = (KubeConfigMerger(str(p)).config.value for p in paths if p.is_file())
        return next((found for config in each if (found := config.get("current-context"))), None)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        if not any(Path(p).expanduser().is_file() for p in self.paths.split(os.pathsep) if p):
            raise NoCluster(f"no kubeconfig at {self.paths}; set KUBECONFIG or use --kubeconfig")
        try:
            yield
        except ConfigException as error:
            text = str(error).removeprefix("Invalid kube-config file. ")
            if text.startswith("Expected key "):  # then: in <the whole entry with its token>
                text = text.partition(" in ")[0]
            elif text.startswith(f"Expected object with name {self.context} in ") and text.endswith("/contexts list"):
                text = f"has no context {self.context!r}; `kubectl config get-contexts` lists them"
            raise NoCluster(f"{self.paths}: {text}") from None
        except OSError as error:
            raise NoCluster(f"{error.filename or self.paths}: {error.strerror or error}") from None
        except Exception as error:
            # The text of a YAML error quotes the file, including tokens.
            mark = getattr(error, "problem_mark", None)
            where = f", line {mark.line + 1}" if mark is not None else ""
            problem = "is not valid YAML" if mark is not None else "is not a kubeconfig"
            raise NoCluster(f"{self.paths}{where}: {problem}; set KUBECONFIG or use --kubeconfig") from None


def kubeconfig_contexts(kubeconfig: Path | None) -> list[str]:
    """Names of the contexts that ``--context`` may choose. Raises ConfigException, OSError."""
    contexts, _ = list_kube_config_contexts(str(kubeconfig) if kubeconfig is not None else _default_paths())
    return [str(c["name"]) for c in contexts]


def find_source(kubeconfig: Path | None, context: str | None) -> Source:
    """``kubeconfig``, else the pod's service account, else $KUBECONFIG, else ~/.kube/config."""
    if kubeconfig is not None:
        return Kubeconfig(str(kubeconfig), context)
    in_cluster = InCluster()
    if in_cluster.there and context is None:
        return in_cluster
    return Kubeconfig(_default_paths(), context)


def find_persons_source(kubeconfig: Path | None, context: str | None) -> Source:
    """As in kubectl: ``kubeconfig``, else $KUBECONFIG, else ~/.kube/config, else the pod's service account."""
    in_cluster, default = InCluster(), Path.home() / ".kube" / "config"
    given = kubeconfig is not None or context is not None or os.environ.get("KUBECONFIG") or default.is_file()
    if in_cluster.there and not given:
        return in_cluster
    return Kubeconfig(str(kubeconfig) if kubeconfig is not None else _default_paths(), context)


def _default_paths() -> str:
    return os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
