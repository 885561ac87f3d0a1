"""Server-side dry runs of pods: when a Sweep is accepted, and when a Job gets no pod."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime

from sweep_operator.api.errors import FieldError
from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.sweep import Sweep
from sweep_operator.decide.plan import Event
from sweep_operator.decide.refusal import ASK_AGAIN, Refusal, refuse
from sweep_operator.engine.objects import Objects
from sweep_operator.kube.protocol import AlreadyExists, Forbidden, Invalid, Kind, KubeError, Object
from sweep_operator.manifests.dry_run import pod_of_job, sample_jobs


class Preflight:
    """Dry runs for one Sweep (nothing is written), and what the API server has refused."""

    def __init__(self, objects: Objects, now: Callable[[], datetime]) -> None:
        self._objects, self._now = objects, now
        self.refusals: dict[str, Refusal] = {}
        """By Job name: why the API server rejected the Job, its claim, its Service or its pod."""
        self._asked: dict[str, datetime] = {}
        """By Job name: time of the last dry run for its missing pod."""

    async def check(self, sweep: Sweep, config: OperatorConfig) -> tuple[list[FieldError], list[Event]]:
        """Permanent errors of a run's Jobs and pods, and Events for temporary ones.

        An invalid Job or pod is an error of the Sweep: only a change of the spec fixes it. One that is forbidden (by a
        quota, PodSecurity, an admission policy, a missing service account) can be allowed: the runs wait and report the
        reason. A policy may limit the Jobs of the operator's account, and none of the pods.

        Raises KubeError.
        """
        errors, events = [], []
        for stage, job in sample_jobs(sweep, config).items():
            for kind, reason, obj in ((Kind.POD, "PodForbidden", pod_of_job(job)), (Kind.JOB, "JobForbidden", job)):
                try:
                    await self._dry_run(kind, obj)
                except Invalid as error:
                    errors.append(FieldError(f"spec.{stage}", f"the API server rejects the {kind}: {error}"))
                    break  # the Job contains the pod
                except Forbidden as error:
                    events.append(Event(reason, f"{stage}: {error}", None, "Warning"))
                except KubeError:
                    if kind == Kind.POD:  # a Job is tried again when a run starts, which says why it waits
                        raise
        return errors, events

    def refused(self, job: str, error: Forbidden | Invalid) -> Refusal | None:
        """Record that a Job, its claim or its Service was rejected. Return the refusal if its reason is new."""
        before = self.refusals.get(job)
        refusal = refuse(str(error), final=isinstance(error, Invalid), now=self._now(), before=before)
        self.refusals[job] = refusal
        return refusal if before is None or before.reason != refusal.reason else None

    async def probe(self, namespace: str, jobs: Iterable[str]) -> bool:
        """Find out why Jobs have no pods, at most once per interval for each. Return whether the Sweep needs a pass."""
        now, changed = self._now(), False
        for job in jobs:
            if now - self._asked.get(job, now - ASK_AGAIN) < ASK_AGAIN:
                continue
            self._asked[job] = now
            before = self.refusals.pop(job, None)
            found = await self._why_no_pod(namespace, job, before)
            if found is not None:
                self.refusals[job] = found
            changed |= found is not None or before is not None
        return changed

    async def _why_no_pod(self, namespace: str, job: str, before: Refusal | None) -> Refusal | None:
        """None: the API server accepts the pod, or the Job is unknown."""
        obj = self._objects.store.get(Kind.JOB, namespace, job)
        if obj is None:
            return None
        try:
            await self._dry_run(Kind.POD, pod_of_job(obj))
        except (Forbidden, Invalid) as error:
            # Never final: the Job exists, and what refuses its pod (a policy, a webhook) may be fixed.
            return refuse(str(error), final=False, now=self._now(), before=before)
        except KubeError:
            return before
        return None

    async def _dry_run(self, kind: Kind, obj: Object) -> None:
        with suppress(AlreadyExists):  # it is valid; only its name is taken
            await self._objects.kube.create(kind, obj, dry_run=True)
