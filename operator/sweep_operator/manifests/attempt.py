"""One attempt of one stage of a run: what its Job, its Service and its environment are built from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from sweep_operator.api.hardware import WANDB_BASE_URLS, Profile
from sweep_operator.api.model import Scalar
from sweep_operator.api.names import ATTEMPT_LABEL, RUN_LABEL, STAGE_LABEL, job_name
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import Stage, SweepRun
from sweep_operator.api.template import StageTemplate
from sweep_operator.domain.identity import run_display_name, run_seed
from sweep_operator.domain.revisions import RunTemplate
from sweep_operator.manifests.overrides import run_parameters
from sweep_operator.manifests.ownership import run_labels
from sweep_operator.manifests.substitution import Values


@dataclass(frozen=True)
class StageAttempt:
    """One attempt is one Job. ``deadline_seconds`` limits the main container; None means no limit."""

    sweep: Sweep
    run: SweepRun
    template: RunTemplate
    stage: Stage
    number: int
    profile: Profile = field(default_factory=Profile)
    deadline_seconds: int | None = None
    wandb_base_urls: Sequence[str] = WANDB_BASE_URLS
    name_of_run: str | None = None
    """What the program is told as the name of its run. None: the run's own name."""

    @property
    def spec(self) -> StageTemplate:
        """The template of the stage."""
        return self.template.of_stage(self.stage)

    @property
    def name(self) -> str:
        """Name of the Job and of the Service."""
        return job_name(self.run.name, self.stage, self.number)

    @property
    def selector(self) -> dict[str, str]:
        """Labels that only the pods of this attempt have."""
        return {RUN_LABEL: self.run.name, STAGE_LABEL: self.stage, ATTEMPT_LABEL: str(self.number)}

    @property
    def labels(self) -> dict[str, str]:
        """Labels of the Job, its pods and the Service."""
        return {**run_labels(self.sweep, self.run), **self.selector}

    @cached_property
    def parameters(self) -> dict[str, Scalar]:
        """The suggestion merged over ``fixed``, by dotted path."""
        return run_parameters(self.run, self.template)

    @cached_property
    def values(self) -> Values:
        """What ``$(params.x)`` and ``$(run.name)`` stand for."""
        return Values(
            params=self.parameters,
            declared=frozenset(self.sweep.spec.parameters),
            name=self.name_of_run or run_display_name(self.sweep, self.run),
            index=self.run.spec.index,
            seed=run_seed(self.sweep, self.run),
        )
