"""Server-side dry runs of pods: when a Sweep is accepted, and when a Job gets no pod."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from sweep_operator.api.errors import FieldError
from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.sweep import Sweep
from sweep_operator.decide.plan import Event
from sweep_operator.decide.refusal import Refusal, refuse
from sweep_operator.engine.store import Store
from sweep_operator.kube.protocol import AlreadyExists, Forbidden, Invalid, Kind, Kube, KubeError, Object
from sweep_operator.manifests.dry_run import pod_of_job, sample_pods


class Preflight:
    """Dry runs. Nothing is written."""

    def __init__(self, kube: Kube, store: Store) -> None:
        self._kube, self._store = kube, store

    async def check(self, sweep: Sweep, config: OperatorConfig) -> tuple[list[FieldError], list[Event]]:
        """Permanent errors of a run's pods, and Events for temporary ones.

        An invalid pod is an error of the Sweep: only a change of the spec fixes it. A pod that the namespace forbids
        (quota, PodSecurity, missing service account) can be fixed there: the runs wait and report the reason.

        Raises KubeError.
        """
        errors, events = [], []
        for stage, pod in sample_pods(sweep, config).items():
            try:
                await self._dry_run(pod)
            except Invalid as error:
                errors.append(FieldError(f"spec.{stage}", f"the API server rejects the pod: {error}"))
            except Forbidden as error:
                events.append(Event("PodForbidden", f"{stage}: {error}", None, "Warning"))
        return errors, events

    async def probe(self, namespace: str, job: str, before: Refusal | None, now: datetime) -> Refusal | None:
        """Why a Job has no pod. None: the API server accepts the pod, or the Job is unknown."""
        obj = self._store.get(Kind.JOB, namespace, job)
        if obj is None:
            return None
        try:
            await self._dry_run(pod_of_job(obj))
        except (Forbidden, Invalid) as error:
            # Never final: the Job exists, and what refuses its pod (a policy, a webhook) may be fixed.
            return refuse(str(error), final=False, now=now, before=before)
        except KubeError:
            return before
        return None

    async def _dry_run(self, pod: Object) -> None:
        with suppress(AlreadyExists):  # the pod is valid; only its name is taken
            await self._kube.create(Kind.POD, pod, dry_run=True)
