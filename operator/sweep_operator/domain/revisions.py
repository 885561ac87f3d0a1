"""The resolved template of a run, which an edit of the Sweep does not change for runs that have started."""

from __future__ import annotations

import hashlib
import json
from typing import Self

from sweep_operator.api.limits import PerRun
from sweep_operator.api.model import Model, Scalar
from sweep_operator.api.storage import RunVolume
from sweep_operator.api.sweep import Queue, Sweep
from sweep_operator.api.sweeprun import Stage
from sweep_operator.api.template import StageTemplate


class RunTemplate(Model):
    """train, eval (with what it inherits), fixed, the run volume and perRun, as one immutable value.

    It is stored as the ControllerRevision ``<sweep>-<hash>``, owned by the Sweep. All attempts of a run use the
    template that the run started with.
    """

    train: StageTemplate
    eval: StageTemplate | None = None
    fixed: dict[str, Scalar] = {}
    run_volume: RunVolume
    per_run: PerRun = PerRun()
    queue: Queue | None = None

    @classmethod
    def of(cls, sweep: Sweep) -> Self:
        """The template that a run started now would get."""
        return cls(
            train=sweep.spec.train,
            eval=sweep.eval,
            fixed=sweep.spec.fixed,
            run_volume=sweep.run_volume,
            per_run=sweep.spec.per_run,
            queue=sweep.spec.queue,
        )

    def of_stage(self, stage: Stage) -> StageTemplate:
        """The template of ``stage``. Without an eval stage, it is the one of train."""
        return self.train if stage == "train" or self.eval is None else self.eval

    @property
    def hash(self) -> str:
        """Ten hexadecimal digits, the same for the same content (1.0 and 1 are the same, as in JSON)."""
        content = json.dumps(_canonical(self.to_json()), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(content.encode()).hexdigest()[:10]


def _canonical(value: object) -> object:
    """Integral floats as ints: the API server returns 1.0 as 1, and the hash must not notice."""
    if isinstance(value, dict):
        return {k: _canonical(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_canonical(v) for v in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def revision_name(sweep: str, template_hash: str) -> str:
    """Name of the ControllerRevision."""
    return f"{sweep}-{template_hash}"
