"""ValidatingAdmissionPolicies for rules that CEL in a CRD cannot express: values that have no type in the schema.

A policy sees the whole object, and its messages can name the parameter. The operator checks the same rules again
(Accepted=False), for clusters without the policies.
"""

from __future__ import annotations

from typing import Any

from dev.generate.crd_rules import is_none_of, is_one_of
from protein.searchspace.distributions import DISTRIBUTIONS, Table, names_of_kind
from sweep_operator.api.names import GROUP, VERSION

_P = "object.spec.parameters"
_OLD = "oldObject.spec.parameters"


def _each(bad: str, says: str) -> dict[str, str]:
    """Reject each parameter ``p`` (path ``k``) for which ``bad`` holds. ``says`` follows ``spec.parameters['k']``."""
    condition = bad.replace("p.", f"{_P}[k].")
    return {
        "expression": f"{_P}.all(k, !({condition}))",
        "messageExpression": f'"spec.parameters[\'" + {_P}.filter(k, {condition})[0] + "\']{says}"',
    }


def _edited(field: str) -> dict[str, str]:
    changed = (
        f"k in {_OLD} && (has({_P}[k].{field}) != has({_OLD}[k].{field}) || "
        f"(has({_P}[k].{field}) && {_P}[k].{field} != {_OLD}[k].{field}))"
    )
    return {
        "expression": f"oldObject == null || {_P}.all(k, !({changed}))",
        "messageExpression": f'"spec.parameters[\'" + {_P}.filter(k, {changed})[0] + '
        f'"\'].{field}: is immutable; create a new Sweep (warmStart.from takes over what this one has learned)"',
    }


_NUMBER = "(type(p.mean) == int || type(p.mean) == double)"
_COLLIDES = f"({_P}.exists(p, f == p || f.startsWith(p + '.') || p.startsWith(f + '.')))"


def parameter_rules(rows: Table = DISTRIBUTIONS) -> list[dict[str, str]]:
    """The rules of the parameters, from the table of distributions."""
    choices = names_of_kind("choice", rows=rows)
    choice, numeric = is_one_of("p.distribution", choices), is_none_of("p.distribution", choices)
    discrete = ", ".join(f"'{name}'" for name in sorted(names_of_kind("choice", "integer", rows=rows)))
    return [
        _each(f"{choice} && !has(p.values)", ".values: is missing; a categorical needs values: [a, b]"),
        _each(f"{numeric} && has(p.values)", ".values: is for categorical; remove it"),
        _each(
            f"has(p.mean) && {numeric} && !{_NUMBER}",
            ".mean: is not a number; write it without quotes",
        ),
        _each(
            f"has(p.mean) && {numeric} && {_NUMBER} && has(p.min) && has(p.max) && "
            "(double(p.mean) < double(p.min) || double(p.mean) > double(p.max))",
            ".mean: is outside [min, max]; move it inside",
        ),
        _each(
            f"has(p.mean) && {choice} && has(p.values) && !(p.mean in p.values)",
            ".mean: is not one of the values",
        ),
        _each(
            f"has(p.scale) && p.scale == 'time' && {choice}",
            ".scale: time is for numbers; remove it",
        ),
        _each(
            f"has(p.scale) && p.scale == 'time' && {numeric} && (has(p.min) && double(p.min) < 0.0 || "
            f"has(p.mean) && {_NUMBER} && double(p.mean) <= 0.0)",
            ".scale: time needs a min of at least 0 and a mean above 0; use auto or a number",
        ),
        _each(f"has(p.when) && !(p.when.parameter in {_P})", ".when.parameter: unknown parameter"),
        _each(
            f"has(p.when) && p.when.parameter in {_P} && has({_P}[p.when.parameter].when)",
            ".when.parameter: is conditional itself; chains are not supported",
        ),
        _each(
            f"has(p.when) && p.when.parameter in {_P} && !({_P}[p.when.parameter].distribution in [{discrete}])",
            ".when.parameter: is neither categorical nor an integer",
        ),
    ]


SWEEP_RULES: list[dict[str, str]] = [
    *parameter_rules(),
    {
        "expression": f"!has(object.spec.fixed) || object.spec.fixed.all(f, !{_COLLIDES})",
        "messageExpression": f'"spec.fixed[\'" + object.spec.fixed.filter(f, {_COLLIDES})[0] + '
        '"\']: conflicts with spec.parameters; remove one of the two"',
    },
    _edited("values"),
    _edited("when"),
]
RUN_RULES: list[dict[str, str]] = [
    {
        "expression": "has(object.spec.index) ? "
        "object.metadata.name == object.spec.sweepName + '.r.' + string(object.spec.index) : "
        "!(object.metadata.name.startsWith(object.spec.sweepName + '.r.') && "
        "object.metadata.name.matches('[.]r[.][0-9]+$'))",
        "message": "metadata.name: names of the form <sweep>.r.<n> and spec.index are reserved for the operator; "
        "choose another name and remove spec.index",
    },
    {
        "expression": "oldObject == null || has(object.spec.parameters) == has(oldObject.spec.parameters) && "
        "(!has(object.spec.parameters) || object.spec.parameters == oldObject.spec.parameters)",
        "message": "spec.parameters: is immutable; create a new SweepRun",
    },
]


def policies() -> list[dict[str, Any]]:
    """The policies and their bindings."""
    objects: list[dict[str, Any]] = []
    for plural, rules in (("sweeps", SWEEP_RULES), ("sweepruns", RUN_RULES)):
        name = f"{plural}.{GROUP}"
        objects.append(
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": "ValidatingAdmissionPolicy",
                "metadata": {"name": name},
                "spec": {
                    "failurePolicy": "Fail",
                    "matchConstraints": {
                        "resourceRules": [
                            {
                                "apiGroups": [GROUP],
                                "apiVersions": [VERSION],
                                "operations": ["CREATE", "UPDATE"],
                                "resources": [plural],
                            }
                        ]
                    },
                    "validations": rules,
                },
            }
        )
        objects.append(
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": "ValidatingAdmissionPolicyBinding",
                "metadata": {"name": name},
                "spec": {"policyName": name, "validationActions": ["Deny"]},
            }
        )
    return objects
