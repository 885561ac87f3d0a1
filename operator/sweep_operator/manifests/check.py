"""Checks of a Sweep that concern its Jobs. They run when the Sweep is accepted, before the first pod."""

from __future__ import annotations

import re

from sweep_operator.api.errors import FieldError
from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.parameters import env_name
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.template import StageTemplate
from sweep_operator.domain.revisions import RunTemplate
from sweep_operator.manifests.env import is_owned_variable
from sweep_operator.manifests.merge import check_pod_template
from sweep_operator.manifests.overrides import parameter_files
from sweep_operator.manifests.substitution import check_substitution
from sweep_operator.manifests.sweeprun import center_run

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
MAX_FILES_BYTES = 200 * 1024
"""Limit for the parameter files of one pod: Kubernetes allows 256 KiB of annotations."""


def check_manifests(sweep: Sweep, config: OperatorConfig, *, require_image: bool) -> list[FieldError]:
    """Return every error found. ``require_image``: containers need an image, local processes do not."""
    spec = sweep.spec
    errors = list(check_substitution(sweep))
    stages = [("spec.train", spec.train)] + ([("spec.eval", sweep.eval)] if sweep.eval is not None else [])
    for path, stage in stages:
        errors += _check_stage(path, stage, sweep, config, require_image)
    if spec.queue is not None and not config.kueue:
        errors.append(
            FieldError(
                "spec.queue", "requires Kueue, which is not installed in this cluster; install it, or remove the field"
            )
        )
    size = _files_size(sweep)
    if size > MAX_FILES_BYTES:
        errors.append(
            FieldError("spec.fixed", f"produces parameter files of {size} bytes; the limit is {MAX_FILES_BYTES}")
        )
    return errors + _check_text(sweep) + _check_env_names(sweep)


def _files_size(sweep: Sweep) -> int:
    """Size in bytes of the parameter files of a run at the search center."""
    files = parameter_files(sweep, center_run(sweep), RunTemplate.of(sweep))
    return sum(len(text.encode()) for text in files.values())


def _check_text(sweep: Sweep) -> list[FieldError]:
    """Strings that cannot be written as one line of overrides.txt."""
    texts = [(f"spec.fixed['{path}']", value) for path, value in sweep.spec.fixed.items()]
    for path, spec in sweep.spec.parameters.items():
        texts += [(f"spec.parameters['{path}'].values[{n}]", value) for n, value in enumerate(spec.values or [])]
    return [
        FieldError(where, f"{value!r} contains a control character or a line break; remove it")
        for where, value in texts
        if isinstance(value, str) and _CONTROL.search(value)
    ]


def _check_stage(
    path: str, stage: StageTemplate, sweep: Sweep, config: OperatorConfig, require_image: bool
) -> list[FieldError]:
    errors = check_pod_template(f"{path}.podTemplate", stage.pod_template)
    profile = config.profiles.get(stage.hardware)
    if profile is None:
        known = ", ".join(sorted(config.profiles))
        errors.append(
            FieldError(f"{path}.hardware", f"{stage.hardware!r} is not a hardware profile; known profiles: {known}")
        )
    else:
        if profile.namespaces and sweep.metadata.namespace not in profile.namespaces:
            text = f"profile {stage.hardware!r} is only allowed in the namespaces {', '.join(profile.namespaces)}"
            errors.append(FieldError(f"{path}.hardware", text))
        counted = path.removeprefix("spec.") in sweep.spec.cost.include
        if sweep.spec.cost.source == "Price" and profile.price_per_hour is None and counted:
            text = (
                f"cost.source Price requires a price, and profile {stage.hardware!r} has no pricePerHour; use WallClock"
            )
            errors.append(FieldError(f"{path}.hardware", text))
        gpus = profile.gpus_with(stage.resources)
        if sweep.spec.cost.source == "GPUSeconds" and gpus == 0 and counted and path == "spec.train":
            text = f"cost.source GPUSeconds requires GPUs, and profile {stage.hardware!r} has none; set a limit of them"
            text += " in resources or use WallClock"
            errors.append(FieldError(f"{path}.hardware", text))
    if require_image and not stage.image:
        errors.append(FieldError(f"{path}.image", "is required; set the container image"))
    if not stage.command and not (require_image and stage.image):
        errors.append(FieldError(f"{path}.command", "is required; set the program to run"))
    for number, variable in enumerate(stage.env or []):
        name = str(variable.get("name"))
        if is_owned_variable(name):
            errors.append(
                FieldError(f"{path}.env[{number}].name", f"{name} is set by the operator; choose another name")
            )
    return errors


def _check_env_names(sweep: Sweep) -> list[FieldError]:
    names: dict[str, str] = {env_name(p): p for p in sweep.spec.parameters}
    errors = []
    for path in sweep.spec.fixed:
        name = env_name(path)
        if name in names:
            text = f"maps to the environment variable {name}, as {names[name]!r} does; rename one of them"
            errors.append(FieldError(f"spec.fixed['{path}']", text))
        names[name] = path
    return errors
