"""``spec.train`` and ``spec.eval``: what a stage's container is. Kubernetes' own types pass through as they are."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sweep_operator.api.model import JsonObject, Model

OpenObject = Annotated[JsonObject, Field(json_schema_extra={"x-kubernetes-preserve-unknown-fields": True})]


class Results(Model):
    """Where a stage's result is read."""

    source: Literal["TerminationMessage", "Log"] = Field(
        default="TerminationMessage",
        description="TerminationMessage: JSON in $SWEEP_RESULTS_FILE. Log: matches of `pattern`.",
    )
    pattern: str | None = Field(
        default=None,
        max_length=1024,
        description="RE2 with a group `value`; the last match of the finished log counts.",
    )

    @model_validator(mode="after")
    def _pattern_goes_with_log(self) -> Self:
        if self.source == "Log" and not self.pattern:
            raise ValueError("pattern: source Log needs a pattern with a group (?P<value>...)")
        if self.source != "Log" and self.pattern:
            raise ValueError("pattern: is for source Log; remove it or set source: Log")
        if self.pattern and "(?P<value>" not in self.pattern:
            raise ValueError(f"pattern: {self.pattern!r} has no group (?P<value>...) around the number")
        return self


class StageTemplate(Model):
    """One stage's container. Editing it touches next runs only."""

    image: str | None = Field(default=None, max_length=1024, description="Container image. eval inherits train's.")
    command: list[str] = Field(
        default=[], max_length=256, description="Entry point; $(params.x), $(run.dir) are replaced."
    )
    args: list[str] = Field(
        default=[], max_length=256, description="Arguments; exactly $(args) or $(overrides) become many."
    )
    env: list[OpenObject] | None = Field(default=None, max_length=256, description="core/v1 EnvVar.")
    env_from: list[OpenObject] | None = Field(default=None, max_length=64, description="core/v1 EnvFromSource.")
    volumes: list[OpenObject] | None = Field(default=None, max_length=64, description="core/v1 Volume.")
    volume_mounts: list[OpenObject] | None = Field(default=None, max_length=64, description="core/v1 VolumeMount.")
    working_dir: str | None = Field(default=None, max_length=1024, description="Default: the image's.")
    node_selector: dict[str, str] | None = Field(default=None, description="Added to the profile's.")
    tolerations: list[OpenObject] | None = Field(default=None, max_length=64, description="Added to the profile's.")
    service_account_name: str | None = Field(default=None, max_length=253, description="Of the run's pods.")
    image_pull_secrets: list[OpenObject] | None = Field(default=None, max_length=16, description="Names of Secrets.")
    resources: OpenObject | None = Field(default=None, description="core/v1 ResourceRequirements, over the profile's.")
    hardware: str = Field(
        default="cpu", max_length=63, description="A hardware profile of the operator's configuration."
    )
    deadline_seconds: int | None = Field(
        default=None, ge=1, description="From the start of main, enforced by the operator."
    )
    nodes: int = Field(default=1, ge=1, le=1024, description="More than 1: an Indexed Job with torchrun's variables.")
    procs_per_node: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        default="auto", description="auto: the profile's GPUs, else 1."
    )
    results: Results = Field(default=Results(), description="Where the result is read.")
    pod_template: OpenObject = Field(
        default={}, description="Strategic merge onto the generated pod; its container is `main`."
    )

    @model_validator(mode="after")
    def _runs_something(self) -> Self:
        for index, variable in enumerate(self.env or []):
            if not isinstance(variable.get("name"), str):
                raise ValueError(f"env[{index}]: has no name; write {{name: X, value: y}}")
            if "value" in variable and not isinstance(variable["value"], str):
                raise ValueError(f"env[{index}].value: {variable['value']!r} is not text; put it in quotes")
        return self


INHERITED = (
    "image", "image_pull_secrets", "service_account_name", "env", "env_from", "volumes", "volume_mounts", "working_dir",
)  # fmt: skip
"""What eval takes from train where it sets none; never its hardware, resources or nodes."""


def effective_eval(train: StageTemplate, eval_: StageTemplate) -> StageTemplate:
    """The eval stage with what it inherits from train."""
    return eval_.with_(**{f: getattr(train, f) for f in INHERITED if getattr(eval_, f) is None})
