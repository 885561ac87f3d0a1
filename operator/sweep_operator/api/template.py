"""``spec.train`` and ``spec.eval``: the containers of the stages. Kubernetes' own types pass through unchanged."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from sweep_operator.api.model import MAX_SECONDS, OPEN_IF_INVALID, JsonObject, Model, OpenObject

EnvVar = Annotated[
    JsonObject,
    Field(
        json_schema_extra={
            "type": "object",
            "properties": {
                "name": {"type": "string", "minLength": 1, "description": "Name of the variable."},
                "value": {
                    "type": "string",
                    "description": "Value of the variable. It must be a string: quote numbers and booleans.",
                },
            },
            "required": ["name"],
            "x-kubernetes-preserve-unknown-fields": True,
        }
    ),
]


ResultSource = Literal["TerminationMessage", "Log"]


_NUMBER = r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?(?i:nan|inf(?:inity)?)\b"
_PLACE_OF_NUMBER = re.compile(r"(?<!\\)(?<!\\[pPx])\{([A-Za-z_]\w*)\}")  # not \p{Greek}, \x{ff}
_GROUP = re.compile(r"(?<!\\)\(\?P<(\w+)>")


def with_numbers(pattern: str) -> str:
    """A log pattern with ``{value}`` and ``{other}`` replaced by groups that match a number, nan or inf."""
    return _PLACE_OF_NUMBER.sub(lambda name: f"(?P<{name[1]}>{_NUMBER})", pattern)


def groups_of(pattern: str | None) -> list[str]:
    """Names of the groups of a log pattern, in order."""
    return _GROUP.findall(with_numbers(pattern or ""))


def check_once(pattern: str) -> None:
    """Raise ValueError if a group occurs twice."""
    groups = groups_of(pattern)
    if twice := next((name for name in groups if groups.count(name) > 1), None):
        raise ValueError(f"pattern: {pattern!r} has {{{twice}}} more than once; use each name once")


class Results(Model):
    """Where the operator reads the result of a stage."""

    source: Annotated[ResultSource, OPEN_IF_INVALID] = "TerminationMessage"
    """TerminationMessage: JSON of at most 4096 bytes that the program writes to $SWEEP_RESULTS_FILE in place, such as
    {"metrics": {"reward": 0.87}}. Log: matches of `pattern` in the log of the finished container, for programs that you
    cannot change."""
    pattern: str | None = Field(default=None, max_length=1024)
    """With source Log: an RE2 regular expression with {value} in place of the number, such as `reward[=:] *{value}`.
    {value} matches a decimal number, nan and inf; `\\{value\\}` is the text itself. A group (?P<value>...) of your own
    works too. The last match in the last 100,000 lines counts. Groups of other names, such as {accuracy}, become
    metrics. The name of spec.metric can stand for {value}, and {cost} is the cost."""

    @model_validator(mode="after")
    def _pattern_goes_with_log(self) -> Self:
        if self.source == "Log" and not self.pattern:
            raise ValueError("pattern: source Log requires a pattern such as 'loss={value}'")
        if self.source != "Log" and self.pattern:
            raise ValueError("pattern: applies to source Log only; remove it or set source: Log")
        if self.pattern and not groups_of(self.pattern):
            raise ValueError(f"pattern: {self.pattern!r} has no {{value}} in place of the number")
        if self.pattern:
            check_once(self.pattern)
        return self


STEP = "step"
"""Group of a reports pattern that is the step."""
_MAX_STEP = r"^\$\(params\.[^()\s]+\)$"


class Reports(Model):
    """How a program reports its progress: lines in the log of rank 0. `{}` is enough for a program that prints
    SWEEP_REPORT lines."""

    pattern: str | None = Field(default=None, min_length=1, max_length=1024)
    """RE2 regular expression with {step} and {value} in place of the numbers, such as `step={step} reward={value}`. It
    is searched for in each line. The name of spec.metric can stand for {value}. Separate two patterns with | if step
    and value are on different lines. Absent: only lines `SWEEP_REPORT {"step": 1200, "reward": 0.31}` count, which
    sweep_report.py --step writes. They always count."""
    max_step: Annotated[int, Field(ge=1)] | Annotated[str, Field(pattern=_MAX_STEP, max_length=256)] | None = None
    """Step at which a run is complete: a number or a parameter, such as $(params.trainer.total_timesteps). Absent: the
    completed fraction and the remaining time are unknown."""
    every_seconds: int = Field(default=30, ge=1, le=86_400)
    """Seconds between two reads of a run's log in a cluster. On one machine, the log is read every second."""
    comparable: bool | None = None
    """Whether equal steps of different runs can be compared. Set it to false if the schedule depends on maxStep, such
    as a learning rate that decays to 0 at maxStep. Absent: true."""

    @property
    def max_step_parameter(self) -> str | None:
        """The parameter that is the last step, if it is one."""
        return self.max_step[len("$(params.") : -1] if isinstance(self.max_step, str) else None

    @field_validator("max_step", mode="before")
    @classmethod
    def _parameter(cls, value: object) -> object:
        if isinstance(value, str) and not re.fullmatch(_MAX_STEP, value):
            raise ValueError(f"{value!r} must be a whole number of at least 1 or a parameter, written $(params.NAME)")
        return value

    @model_validator(mode="after")
    def _has_groups(self) -> Self:
        if self.pattern is None:
            return self
        if STEP not in groups_of(self.pattern):
            raise ValueError(f"pattern: {self.pattern!r} has no {{step}} in place of the step")
        if len(groups_of(self.pattern)) == 1:
            raise ValueError(f"pattern: {self.pattern!r} has no {{value}} in place of the score")
        check_once(self.pattern)
        return self


class StageTemplate(Model):
    """Container of one stage. Changes apply to new runs only."""

    image: str | None = Field(default=None, min_length=1, max_length=1024)
    """Container image. Default for eval: the image of train."""
    command: list[str] = Field(default=[], max_length=256)
    """Entry point. Absent: the one of the image. The placeholders $(params.<path>), $(run.name), $(run.index),
    $(run.dir) and $(run.seed) are replaced in command, args and the values of env. $$( escapes."""
    args: list[str] = Field(default=[], max_length=256)
    """Arguments. An argument that is exactly $(args) becomes one --key=value argument for each parameter. One that is
    exactly $(overrides) becomes one key=value argument for each (Hydra). $(args_no_hyphens), $(args_no_boolean_flags),
    $(args_json) and $(args_json_file) work as in W&B sweeps. All include spec.fixed."""
    env: list[EnvVar] | None = Field(default=None, max_length=256)
    """Environment variables: core/v1 EnvVar. Default for eval: those of train. Names that begin with SWEEP_ are
    reserved for the operator."""
    env_from: list[OpenObject] | None = Field(default=None, max_length=64)
    """Environment variables from ConfigMaps and Secrets: core/v1 EnvFromSource. Default for eval: those of train."""
    volumes: list[OpenObject] | None = Field(default=None, max_length=64)
    """Additional volumes: core/v1 Volume. Default for eval: those of train."""
    volume_mounts: list[OpenObject] | None = Field(default=None, max_length=64)
    """Mounts of the volumes: core/v1 VolumeMount. Default for eval: those of train."""
    working_dir: str | None = Field(default=None, max_length=1024)
    """Working directory of the program. Absent: the one of the image. Default for eval: the one of train."""
    node_selector: dict[str, str] | None = Field(default=None, max_length=64)
    """Labels that a node must have, in addition to those of the hardware profile."""
    tolerations: list[OpenObject] | None = Field(default=None, max_length=64)
    """core/v1 Tolerations, in addition to those of the hardware profile."""
    service_account_name: str | None = Field(default=None, max_length=253)
    """ServiceAccount of the pods. Absent: the default of the namespace. Default for eval: the one of train."""
    image_pull_secrets: list[OpenObject] | None = Field(default=None, max_length=16)
    """Secrets for the registry of the image: [{name: x}]. Default for eval: those of train."""
    resources: OpenObject | None = None
    """core/v1 ResourceRequirements of the main container. They override those of the hardware profile."""
    hardware: str = Field(default="cpu", min_length=1, max_length=63)
    """Hardware profile: node labels, tolerations, GPUs and resources. The operator's configuration defines the
    profiles. An unknown name is rejected with a list of the known ones (condition Accepted)."""
    deadline_seconds: int | None = Field(default=None, ge=1, le=MAX_SECONDS)
    """End the stage this many seconds after its main container has started (failure class timeout). Absent: no
    limit."""
    nodes: int = Field(default=1, ge=1, le=1024)
    """Number of pods that work together. If more than 1, the stage is an Indexed Job with a headless Service and the
    environment variables of torchrun. Rank 0 reports the result."""
    procs_per_node: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    """Number of processes per pod for torchrun. auto: the number of GPUs in `resources.limits` or of the hardware
    profile, or 1 without GPUs."""
    results: Results = Results()
    """Where the operator reads the result of the stage."""
    reports: Reports | None = None
    """How the program reports its progress. Absent: the operator does not read the log of a running program."""
    pod_template: OpenObject = {}
    """core/v1 PodTemplateSpec that is merged strategically into the generated pod, for everything that the other fields
    do not cover. The main container is called `main`. Fields that the operator owns (restartPolicy, finalizers, its
    variables, labels and annotations, the result path) are rejected by name."""

    @model_validator(mode="after")
    def _runs_something(self) -> Self:
        for index, variable in enumerate(self.env or []):
            if not isinstance(variable.get("name"), str) or not variable["name"]:
                raise ValueError(f"env[{index}]: has no name; use the form {{name: X, value: y}}")
            if "value" in variable and not isinstance(variable["value"], str):
                raise ValueError(f"env[{index}].value: {variable['value']!r} is not a string; put it in quotes")
        return self


INHERITED = (
    "image", "image_pull_secrets", "service_account_name", "env", "env_from", "volumes", "volume_mounts", "working_dir",
)  # fmt: skip
"""Fields that eval inherits from train if it does not set them. Hardware, resources and nodes are not inherited."""


def effective_eval(train: StageTemplate, eval_: StageTemplate) -> StageTemplate:
    """The eval stage with the fields that it inherits from train."""
    return eval_.with_(**{f: getattr(train, f) for f in INHERITED if getattr(eval_, f) is None})
