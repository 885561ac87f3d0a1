"""The cluster and the namespace that a command uses.

Imports ``kube.cluster`` inside a function: it loads the Kubernetes client, which would slow --help down by a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click

from sweep_operator.cluster.access import Cluster
from sweep_operator.cluster.refusal import NotAllowed
from sweep_operator.kube.protocol import Forbidden, Unauthenticated

T = TypeVar("T")
_ANOTHER = "or choose another context with --context (`kubectl config get-contexts` lists them)"


@dataclass(frozen=True)
class Access:
    """The connection options; None: as in the kubeconfig."""

    kubeconfig: Path | None = None
    context: str | None = None
    namespace: str | None = None

    @asynccontextmanager
    async def cluster(self, *, request_timeout: float = 30.0) -> AsyncIterator[Cluster]:
        """Connect. Raises NoCluster, and NotAllowed for a forbidden request.

        What the user can do about rejected credentials and an unreachable server is added to the error's message.
        """
        from sweep_operator.kube.cluster import ClientOptions, ClusterKube, NoAnswer, NotSent, find_persons_source

        source = find_persons_source(self.kubeconfig, self.context)
        namespace = self.namespace or source.namespace() or "default"
        options = ClientOptions(request_timeout=request_timeout, raise_at_once=(Unauthenticated,))
        kube = await ClusterKube.connect(source=source, options=options)
        try:
            yield Cluster(kube, namespace)
        except Forbidden as error:
            raise NotAllowed(error) from None
        except Unauthenticated as error:
            raise Unauthenticated(f"{error}; log in to the cluster again, {_ANOTHER}") from None
        except (NoAnswer, NotSent) as error:
            raise type(error)(f"{error}; check that the cluster runs and that you can reach it, {_ANOTHER}") from None
        finally:
            await kube.close()


def access_of(ctx: click.Context) -> Access:
    """The options given before and after the command's name; later ones win."""
    return Access(**(ctx.find_object(dict) or {}))


def in_cluster(work: Callable[[Cluster], Awaitable[T]]) -> T:
    """Run ``work`` with the cluster of the current command."""
    access = access_of(click.get_current_context())

    async def connected() -> T:
        async with access.cluster() as cluster:
            return await work(cluster)

    return asyncio.run(connected())
