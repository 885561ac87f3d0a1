"""``spec.train`` and ``spec.eval``: what a stage's container is. Kubernetes' own types pass through as they are."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sweep_operator.api.model import JsonObject, Model, OpenObject

EnvVar = Annotated[
    JsonObject,
    Field(
        json_schema_extra={
            "type": "object",
            "properties": {
                "name": {"type": "string", "minLength": 1, "description": "Name of the variable."},
                "value": {"type": "string", "description": "Its value, as text: numbers and true need quotes."},
            },
            "required": ["name"],
            "x-kubernetes-preserve-unknown-fields": True,
        }
    ),
]


class Results(Model):
    """Where a stage's result is read."""

    source: Literal["TerminationMessage", "Log"] = Field(
        default="TerminationMessage",
        description="TerminationMessage: JSON of at most 4096 bytes that the program writes in place to "
        '$SWEEP_RESULTS_FILE, such as {"metrics": {"reward": 0.87}}. Log: matches of `pattern` in the log of the '
        "finished container, for programs that know nothing of sweeps.",
    )
    pattern: str | None = Field(
        default=None,
        max_length=1024,
        description="With source Log: an RE2 regular expression with a group (?P<value>...) around the number, such as "
        "`reward[=:] *(?P<value>[-+0-9.eE]+)`. The last match counts.",
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

    image: str | None = Field(
        default=None, min_length=1, max_length=1024, description="Container image. eval without one uses train's."
    )
    command: list[str] = Field(
        default=[],
        max_length=256,
        description="Entry point. Absent: the image's. $(params.<path>), $(run.name), $(run.index), $(run.dir) and "
        "$(run.seed) are replaced here, in args and in the values of env; $$( escapes.",
    )
    args: list[str] = Field(
        default=[],
        max_length=256,
        description="Arguments. One that is exactly $(args) becomes one --key=value argument per parameter, exactly "
        "$(overrides) one key=value each (Hydra); spec.fixed is included.",
    )
    env: list[EnvVar] | None = Field(
        default=None,
        max_length=256,
        description="Environment: core/v1 EnvVar. eval without one uses train's. Names that begin with SWEEP_ are the "
        "operator's.",
    )
    env_from: list[OpenObject] | None = Field(
        default=None,
        max_length=64,
        description="Environment from ConfigMaps and Secrets: core/v1 EnvFromSource. eval without one uses train's.",
    )
    volumes: list[OpenObject] | None = Field(
        default=None, max_length=64, description="Further volumes: core/v1 Volume. eval without one uses train's."
    )
    volume_mounts: list[OpenObject] | None = Field(
        default=None,
        max_length=64,
        description="Where volumes are mounted: core/v1 VolumeMount. eval without one uses train's.",
    )
    working_dir: str | None = Field(
        default=None,
        max_length=1024,
        description="Directory in which the program starts. Absent: the image's. eval without one uses train's.",
    )
    node_selector: dict[str, str] | None = Field(
        default=None, max_length=64, description="Labels that nodes must have, besides the hardware profile's."
    )
    tolerations: list[OpenObject] | None = Field(
        default=None, max_length=64, description="core/v1 Tolerations, besides the hardware profile's."
    )
    service_account_name: str | None = Field(
        default=None,
        max_length=253,
        description="ServiceAccount of the pods. Absent: the namespace's default. eval without one uses train's.",
    )
    image_pull_secrets: list[OpenObject] | None = Field(
        default=None,
        max_length=16,
        description="Secrets for the image's registry: [{name: x}]. eval without one uses train's.",
    )
    resources: OpenObject | None = Field(
        default=None,
        description="core/v1 ResourceRequirements of the main container; what it names overrides the hardware "
        "profile's.",
    )
    hardware: str = Field(
        default="cpu",
        min_length=1,
        max_length=63,
        description="Hardware profile: what kind of node, how many GPUs, which resources. The operator's configuration "
        "lists them; an unknown one is refused with the list (condition Accepted).",
    )
    deadline_seconds: int | None = Field(
        default=None,
        ge=1,
        description="End the stage this many seconds after its main container has started (class timeout). Absent: no "
        "limit.",
    )
    nodes: int = Field(
        default=1,
        ge=1,
        le=1024,
        description="Number of pods that work together. More than 1: an Indexed Job with a headless Service and the "
        "variables of torchrun; rank 0 reports the result.",
    )
    procs_per_node: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        default="auto",
        description="Processes per pod, as torchrun is told: a number, or auto for the hardware profile's GPUs (1 "
        "without any).",
    )
    results: Results = Field(default=Results(), description="Where the stage's result is read.")
    pod_template: OpenObject = Field(
        default={},
        description="core/v1 PodTemplateSpec, merged strategically onto the generated pod: whatever the fields above "
        "do not offer. Its main container is called `main`. What the operator owns (restartPolicy, finalizers, its "
        "variables, labels and annotations, the result path) is refused by name.",
    )

    @model_validator(mode="after")
    def _runs_something(self) -> Self:
        for index, variable in enumerate(self.env or []):
            if not isinstance(variable.get("name"), str) or not variable["name"]:
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
