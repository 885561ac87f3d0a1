"""What the models check and a CRD can check too, in CEL. Each rule has the words that the API server answers with.

Keyed by the place in the schema: ``*`` is every value of a map, ``[]`` every item of a list. Messages are static: one
that touches map keys would cost the API server's budget many times over, and the error names the place by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from protein.searchspace.distributions import (
    DISTRIBUTIONS,
    Distribution,
    Table,
    listed,
    names_of_kind,
    names_with,
)

Rule = tuple[str, str]
"""(CEL, message)"""

_IMMUTABLE = "is immutable; create a new Sweep (warmStart.from takes over what this one has learned)"


def _fixed(name: str) -> Rule:
    kept = f"has(self.{name}) == has(oldSelf.{name}) && (!has(self.{name}) || self.{name} == oldSelf.{name})"
    return kept, f"{name} {_IMMUTABLE}"


def parameter_rules(rows: Table = DISTRIBUTIONS) -> Sequence[Rule]:
    """The rules of one parameter, from the table of distributions."""
    choices = names_of_kind("choice", rows=rows)
    return (
        (f"{is_one_of('self.distribution', choices)} || (has(self.min) && has(self.max))",
         "needs min and max; add them"),
        *(_only_for(field, names_with(field, rows)) for field in ("min", "max", "ordered", "step", "symmetric")),
        ("!has(self.min) || !has(self.max) || self.min < self.max",
         "min must be below max; swap them or widen the range"),
        *(rule for row in rows.values() for rule in _requirements(row)),
        ("!has(self.step) || !has(self.min) || !has(self.max) || self.step <= (self.max - self.min) * 1.000000001",
         "step is wider than the range"),
        ("self.distribution == oldSelf.distribution", f"distribution {_IMMUTABLE}"),
        ("has(self.when) == has(oldSelf.when) && (!has(self.when) || self.when.parameter == oldSelf.when.parameter)",
         f"when {_IMMUTABLE}"),
    )  # fmt: skip


def is_one_of(value: str, names: Sequence[str]) -> str:
    """CEL: ``value`` is one of the names."""
    quoted = ", ".join(f"'{name}'" for name in names)
    return f"{value} == {quoted}" if len(names) == 1 else f"{value} in [{quoted}]"


def is_none_of(value: str, names: Sequence[str]) -> str:
    """CEL: ``value`` is not one of the names."""
    return f"{value} != '{names[0]}'" if len(names) == 1 else f"!({is_one_of(value, names)})"


def _only_for(field: str, names: Sequence[str]) -> Rule:
    quoted = ", ".join(f"'{name}'" for name in names)
    return f"!has(self.{field}) || self.distribution in [{quoted}]", f"{field} is for {listed(names)}; remove it"


def _requirements(row: Distribution) -> Iterator[Rule]:
    """``mean`` may be of any type, so that CEL in a schema cannot compare it: the admission policy does."""
    for requirement in row.requirements:
        instead = f"; use {requirement.instead}" if requirement.instead else ""
        for field in requirement.fields:
            if field != "mean":
                holds = requirement.cel.format(f"self.{field}")
                yield (
                    f"self.distribution != '{row.name}' || !has(self.{field}) || {holds}",
                    f"{row.name}: {field} must be {requirement.words}{instead}",
                )


# The server tries a default against the rules before it fills in the defaults within: hence has(self.source).
_RESULTS: Sequence[Rule] = (
    (
        "!has(self.source) || self.source != 'Log' || has(self.pattern)",
        "source Log requires a pattern such as 'loss={value}'",
    ),
    (
        "!has(self.pattern) || (has(self.source) && self.source == 'Log')",
        "pattern applies to source Log only; remove it or set source: Log",
    ),
    (
        "!has(self.pattern) || self.pattern.matches('[(][?]P<[A-Za-z_]|[{][A-Za-z_]')",
        "pattern needs {value} in place of the number",
    ),
)

_REPORTS: Sequence[Rule] = (
    (
        "!has(self.pattern) || self.pattern.matches('[(][?]P<step>|[{]step[}]')",
        "pattern needs {step} in place of the step",
    ),
)

_OBJECTIVES = (
    (
        "!has(self.objectives) || self.objectives.size() == 0 || (!has(self.metric) && self.goal == 'maximize')",
        "the first of objectives has the metric and the goal; remove metric and goal",
    ),
    (
        "(has(self.objectives) ? self.objectives.map(o, [o.metric, o.goal]) : []) == "
        "(has(oldSelf.objectives) ? oldSelf.objectives.map(o, [o.metric, o.goal]) : [])",
        f"of objectives, only the thresholds can be edited; {_IMMUTABLE.partition('; ')[2]}",
    ),
)

SWEEP_ROOT: Sequence[Rule] = (
    ("self.metadata.name.matches('^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$')",
     "metadata.name must consist of at most 40 lower-case letters, digits and '-'; "
     "use spec.displayName for any other name"),
)  # fmt: skip

SWEEP_SPEC: Mapping[str, Sequence[Rule]] = {
    "": (
        *(_fixed(name) for name in ("displayName", "metric", "goal", "seed")),
        *_OBJECTIVES,
        ("!has(self.perRun.deadlineFactor) || self.cost.source == 'WallClock'",
         "perRun.deadlineFactor needs cost.source WallClock; use train.deadlineSeconds"),
        ("self.train.nodes <= 1 || !has(self.storage.runVolume) || !has(self.storage.runVolume.claim) || "
         "'ReadWriteMany' in self.storage.runVolume.claim.accessModes",
         "train.nodes above 1 needs storage.runVolume.claim.accessModes: [ReadWriteMany]"),
        ("!has(self.earlyStopping) || !has(self.earlyStopping.rule) || self.earlyStopping.rule == 'none' || "
         "has(self.train.reports)",
         "earlyStopping.rule compares reports of the training; add train.reports"),
        ("!has(self.stopping) || self.stopping.policy == 'Never' || "
         "(self.method == 'bayes' && (!has(self.objectives) || self.objectives.size() < 2))",
         "stopping.policy WhenNotWorthIt needs method bayes and one objective; use Never"),
        ("has(self.eval) || 'train' in self.cost.include",
         "cost.include: [eval] needs an eval stage; add train or spec.eval"),
    ),
    "displayName": (
        ("self.matches('^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$')",
         "must consist of letters, digits, _ . - and start and end with a letter, digit or _"),
    ),
    "objectives": (
        ("self.all(o, self.exists_one(other, other.metric == o.metric))",
         "two objectives have the same metric; remove one of them"),
    ),
    "cost": (
        ("self == oldSelf", f"cost {_IMMUTABLE}"),
    ),
    "parameters": (
        ("self.all(k, k.matches('^[A-Za-z_][A-Za-z0-9_-]*([.][A-Za-z_][A-Za-z0-9_-]*)*$'))",
         "keys are dotted paths of names such as trainer.optimizer.learning_rate"),
        ("self.all(k, self.all(j, !j.startsWith(k + '.')))",
         "a path is the beginning of another one; one of them cannot be set"),
        ("self.all(k, k in oldSelf) && oldSelf.all(k, k in self)", f"the set of parameters {_IMMUTABLE}"),
    ),
    "parameters.*": parameter_rules(),
    "perRun.failureRules[]": (
        (
            "has(self.logPattern) || has(self.exitCodes)",
            "needs logPattern or exitCodes; if both are set, both must match",
        ),
    ),
    "train.results": _RESULTS,
    "eval.results": _RESULTS,
    "train.reports": _REPORTS,
    "eval.reports": _REPORTS,
    "storage.runVolume": (
        ("[has(self.claim), has(self.existingClaim), has(self.emptyDir)].filter(given, given).size() == 1",
         "must have exactly one of claim, existingClaim, emptyDir"),
    ),
    "warmStart.from[]": (
        ("[has(self.sweep), has(self.wandb), has(self.configMap), has(self.file)].filter(given, given).size() == 1",
         "needs exactly one of sweep, wandb, configMap, file"),
    ),
}  # fmt: skip

RUN_SPEC: Mapping[str, Sequence[Rule]] = {
    "": (
        *(
            (_fixed(name)[0], f"{name} is immutable; create a new SweepRun")
            for name in ("sweepName", "index", "origin", "prediction", "observation")
        ),
        (
            "has(self.observation) == (has(self.origin) && self.origin == 'imported')",
            "observation and origin imported belong together; write both or none",
        ),
    ),
    "observation": (
        (
            "has(self.score) != has(self.failure)",
            "needs exactly one of score and failure",
        ),
    ),
}


def add_rules(schema: dict[str, Any], rules: Mapping[str, Sequence[Rule]]) -> None:
    """Put the rules into a structural schema. Raises KeyError for a place that does not exist."""
    for place, found in rules.items():
        node = schema
        for part in place.replace("[]", ".[]").split(".") if place else ():
            node = _child(node, part)
        node["x-kubernetes-validations"] = validations(found)


def validations(rules: Sequence[Rule]) -> list[dict[str, str]]:
    """In the form of the CRD. A rule that looks at the old object counts for edits only, by Kubernetes' own rule."""
    return [{"rule": rule, "message": message} for rule, message in rules]


def _child(node: dict[str, Any], part: str) -> dict[str, Any]:
    if part == "*":
        return dict.__getitem__(node, "additionalProperties")
    if part == "[]":
        return dict.__getitem__(node, "items")
    return dict.__getitem__(node["properties"], part)
