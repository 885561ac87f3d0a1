"""Validation of objects before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweep_operator.api.errors import FieldError, InvalidObject, parse
from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide.accept import check_spec, misses_nan
from sweep_operator.domain.immutability import check_run_name
from sweep_operator.engine.acceptance import check_sweep
from sweep_operator.engine.ports import WarmStartUnreadable
from sweep_operator.exchange.fit import Names, fit
from sweep_operator.local.warm_start_sources import read_file
from sweep_operator.manifests.substitution import check_substitution


def checked(manifest: Mapping[str, Any]) -> Sweep:
    """The Sweep. Raises InvalidObject with every problem."""
    sweep = parse(Sweep, manifest)
    problems = check_sweep(sweep, OperatorConfig(), require_image=False)
    if problems:
        raise InvalidObject(problems)
    return sweep


def checked_for_any_cluster(manifest: Mapping[str, Any]) -> Sweep:
    """As ``checked``, without checks that depend on an operator's configuration, such as its hardware profiles."""
    sweep = parse(Sweep, manifest)
    problems = [*check_spec(sweep.spec), *check_substitution(sweep)]
    if problems:
        raise InvalidObject(problems)
    return sweep


def check_sources(sweep: Sweep) -> None:
    """Check that the files of a warm start are readable and contain usable rows. Raises InvalidObject."""
    sources = sweep.spec.warm_start.from_ if sweep.spec.warm_start is not None else []
    errors = []
    for number, source in enumerate(sources):
        if source.file is None:
            continue
        where = f"spec.warmStart.from[{number}].file"
        try:
            rows = read_file(Path(source.file))
        except WarmStartUnreadable as error:
            errors.append(FieldError(where, str(error)))
            continue
        fitted = fit(rows, sweep, Names(source.parameters, source.metric, source.cost))
        if not fitted.rows:
            errors.append(FieldError(where, f"{source.file}: contains no usable rows: {'; '.join(fitted.texts())}"))
    if errors:
        raise InvalidObject(errors)


def problems_of(document: Mapping[str, Any]) -> list[FieldError]:
    """Errors of a Sweep or a SweepRun."""
    try:
        if document.get("kind") == "SweepRun":
            return check_run_name(parse(SweepRun, document))
        check_sources(checked(document))
    except InvalidObject as error:
        return error.errors
    return []


def warnings_of(sweep: Sweep) -> list[FieldError]:
    """Valid settings that are probably mistakes."""
    spec, found = sweep.spec, []
    if spec.train.image is None:
        found.append(FieldError("spec.train.image", "is not set; works on this machine, but a cluster needs an image"))
    if not spec.train.command and not spec.train.args:
        found.append(
            FieldError("spec.train.command", "is not set; on this machine there is no image to provide an entry point")
        )
    for name, stage in (("train", spec.train), ("eval", spec.eval)):
        if stage is not None and stage.results.pattern is not None and misses_nan(stage.results.pattern, spec.metric):
            text = "does not match nan, so a run that diverged gets its last finite score; use {value} for the number"
            found.append(FieldError(f"spec.{name}.results.pattern", text))
        reports = None if stage is None else stage.reports
        path = None if reports is None or reports.comparable is not None else reports.max_step_parameter
        if path in spec.parameters:
            text = f"is not set, and maxStep is the searched parameter {path}; set it to false if a schedule, such as a"
            text += " decaying learning rate, depends on maxStep, and to true otherwise"
            found.append(FieldError(f"spec.{name}.reports.comparable", text))
    limits = spec.limits
    if limits.max_parallel_runs > limits.max_runs > 0:
        text = f"{limits.max_parallel_runs} is more than maxRuns, {limits.max_runs}; the excess is never used"
        found.append(FieldError("spec.limits.maxParallelRuns", text))
    start_up = spec.protein.num_random_samples
    if spec.method == "bayes" and start_up is not None and start_up >= limits.max_runs > 0:
        text = f"{start_up} random samples use up maxRuns, {limits.max_runs}, and leave no runs for the model; lower it"
        found.append(FieldError("spec.protein.numRandomSamples", text))
    return found
