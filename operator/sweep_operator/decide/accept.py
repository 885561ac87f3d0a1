"""Validation of a spec beyond its types."""

from __future__ import annotations

import re

import re2

from sweep_operator.api.constraints import check_constraints
from sweep_operator.api.errors import FieldError
from sweep_operator.api.names import PEAK_MEMORY
from sweep_operator.api.sweep import SweepSpec
from sweep_operator.api.template import Reports, Results, StageTemplate, groups_of, with_numbers

MAX_PROGRAM = 2000
"""Instructions of a compiled pattern. The time per character of a log is proportional to it in the worst case."""


_NOT_NUMBERS = ("metrics", "checkpoint", "error")
"""Keys of a JSON result that are not numbers."""


def has_expressions(spec: SweepSpec) -> bool:
    """Whether the spec has constraints or patterns, which take time to check."""
    return bool(spec.constraints or _given_patterns(spec))


def check_spec(spec: SweepSpec) -> list[FieldError]:
    """Errors of invalid constraints and RE2 patterns."""
    return [*check_constraints(spec), *_patterns(spec), *_groups(spec), *_unreported(spec), *_not_compared(spec)]


def _given_patterns(spec: SweepSpec) -> list[tuple[str, str, str]]:
    """(field, pattern, the regular expression that is searched for)"""
    found: list[tuple[str, str, str]] = []
    for name, stage in (("train", spec.train), ("eval", spec.eval)):
        for field, given in _log_patterns(stage):
            if given.pattern is not None:
                found.append((f"spec.{name}.{field}.pattern", given.pattern, with_numbers(given.pattern)))
    for number, rule in enumerate(spec.per_run.failure_rules):
        if rule.log_pattern is not None:
            found.append((f"spec.perRun.failureRules[{number}].logPattern", rule.log_pattern, rule.log_pattern))
    return found


def _log_patterns(stage: StageTemplate | None) -> list[tuple[str, Results | Reports]]:
    """(field, what has a pattern)"""
    if stage is None:
        return []
    return [("results", stage.results), *([("reports", stage.reports)] if stage.reports is not None else [])]


def _patterns(spec: SweepSpec) -> list[FieldError]:
    errors = []
    for path, pattern, expression in _given_patterns(spec):
        try:
            size = compiled(expression).programsize
        except re2.error as error:
            text = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
            errors.append(FieldError(path, f"{pattern!r} is not a valid RE2 pattern: {text}"))
            continue
        if size > MAX_PROGRAM:
            text = f"compiles to {size} instructions; the maximum is {MAX_PROGRAM}; use smaller repetition counts"
            errors.append(FieldError(path, f"{pattern!r} {text}"))
    return errors


def _groups(spec: SweepSpec) -> list[FieldError]:
    """Errors of the names in results.pattern and reports.pattern, of which one is the score."""
    metric, errors = spec.metric or "score", []
    stages = (("train", spec.train), ("eval", spec.eval))
    given = [(f"spec.{name}.{field}.pattern", g.pattern) for name, stage in stages for field, g in _log_patterns(stage)]
    for path, pattern in given:
        names = groups_of(pattern)
        wrong = [name for name in names if name in _NOT_NUMBERS]
        scores = [name for name in names if name in ("value", metric)]
        if wrong:
            text = f"{{{wrong[0]}}} is a reserved name; use another one"
        elif names and not scores:
            text = f"none of {names} is the score; use {{value}} or {{{metric}}} for it"
        elif len(scores) > 1:
            text = f"both {{value}} and {{{metric}}} are the score; use one of them"
        else:
            continue
        errors.append(FieldError(path, text))
    return errors


def _unreported(spec: SweepSpec) -> list[FieldError]:
    """Errors of objectives that no stage can report: results from a log contain the groups of the pattern only."""
    stages = [stage for stage in (spec.train, spec.eval) if stage is not None]
    if any(stage.results.pattern is None for stage in stages):
        return []
    known = {PEAK_MEMORY, *(name for stage in stages for name in groups_of(stage.results.pattern))}
    return [
        FieldError(
            f"spec.objectives[{place}].metric",
            f"{objective.metric!r} is not in results.pattern; add {{{objective.metric}}} to it",
        )
        for place, objective in enumerate(spec.objectives)
        if place and objective.metric not in known
    ]


def _not_compared(spec: SweepSpec) -> list[FieldError]:
    """The error of a metric of early stopping that no report can contain."""
    settings, reports = spec.early_stopping, spec.train.reports
    metric = settings.metric if settings is not None and settings.active is not None else None
    if metric in (None, spec.metric or "score") or reports is None or reports.pattern is None:
        return []
    if metric in groups_of(reports.pattern):
        return []
    return [
        FieldError("spec.earlyStopping.metric", f"{metric!r} is not in train.reports.pattern; add {{{metric}}} to it")
    ]


def misses_nan(pattern: str, metric: str | None) -> bool:
    """Whether the group of the score in a valid log pattern cannot match ``nan``, so that an earlier value counts."""
    score = re.search(rf"\(\?P<(?:value|{re.escape(metric or 'score')})>", pattern)
    if score is None:
        return False
    begin = score.start()
    ends = [end + 1 for end in range(begin, len(pattern)) if pattern[end] == ")"]
    group = next((pattern[begin:end] for end in ends if _closed(pattern[begin:end])), "")
    return compiled(group).fullmatch("nan") is None


def _closed(group: str) -> bool:
    try:
        compiled(group)
    except re2.error:
        return False
    return True


def compiled(pattern: str) -> re2._Regexp:
    """Compile a pattern. Errors are raised, not logged. Raises re2.error."""
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)
