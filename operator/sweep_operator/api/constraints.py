"""``spec.constraints``: CEL rules over ``params``. Each is compiled once and evaluated before a run is created.

The cost of a rule is bounded. The CEL package exposes neither a syntax tree nor a cost, so macros and literals are
counted by their tokens, and the CPU time of each rule is measured on sample points.

``cel`` is imported where a rule is compiled: it takes most of a second to load, and few Sweeps have constraints.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sweep_operator.api.errors import FieldError
from sweep_operator.api.model import Scalar
from sweep_operator.api.parameters import ParameterSpec, search_center, typed_value
from sweep_operator.api.sweep import Constraint, SweepSpec

if TYPE_CHECKING:
    import cel


MAX_NESTED = 2
"""Macros inside each other."""
MAX_BUILDERS = 2
"""Macros that build lists, which can double the size of a value."""
MAX_ELEMENTS = 100
"""Elements of one list or map."""
MAX_SECONDS = 0.01
"""CPU time of one evaluation. Most rules need 20 microseconds; one suggestion evaluates a rule thousands of times."""
_TESTS = ("all", "exists", "exists_one", "existsOne")
_BUILDERS = ("map", "filter", "transformList", "transformMap", "transformMapEntry", "optMap", "optFlatMap", "bind")
_COMMENT_OR_STRING = re.compile(
    r"""//[^\n]*"""
    r"""|[rR][bB]?(?:\"\"\".*?\"\"\"|\'\'\'.*?\'\'\'|"[^"]*"|'[^']*')"""
    r"""|\"\"\"(?:\\.|.)*?\"\"\"|\'\'\'(?:\\.|.)*?\'\'\'|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*\'""",
    re.DOTALL,
)
_TOKEN = re.compile(r"\.\s*(?P<call>\w+)\s*\(|(?P<open>[\[({])|(?P<close>[\])}])|(?P<comma>,)")


class CompiledConstraints:
    """The compiled constraints of one Sweep. Raises ValueError if a rule does not compile."""

    def __init__(self, constraints: Sequence[Constraint], fixed: Mapping[str, Scalar]) -> None:
        self._fixed = dict(fixed)
        self._programs = [(c, _compile(c.rule)) for c in constraints]

    def passes(self, parameters: Mapping[str, Scalar]) -> bool:
        """Whether every rule holds; a rule that cannot be evaluated (it names an inactive parameter, say) fails."""
        params = {**self._fixed, **parameters}
        return all(_holds(program, params) for _, program in self._programs)

    def broken(self, parameters: Mapping[str, Scalar]) -> list[str]:
        """Messages of the rules that fail."""
        params = {**self._fixed, **parameters}
        return [c.message or c.rule for c, program in self._programs if not _holds(program, params)]


def check_constraints(spec: SweepSpec) -> list[FieldError]:
    """Errors of rules that do not compile, or fail on a sample point: wrong types, unknown keys, not a boolean."""
    errors = []
    points = list(sample_points(spec.parameters))
    conditional = {path for path, p in spec.parameters.items() if p.when is not None}
    known = {*spec.parameters, *spec.fixed}
    for number, constraint in enumerate(spec.constraints):
        path = f"spec.constraints[{number}].rule"
        if (costly := cost_problem(constraint.rule)) is not None:
            errors.append(FieldError(path, f"{constraint.rule!r} {costly}"))
            continue
        try:
            program = _compile(constraint.rule)
        except Exception as error:  # the binding has no common base class
            errors.append(FieldError(path, f"{constraint.rule!r} is not a valid CEL expression: {_first_line(error)}"))
            continue
        for point in points:
            problem = _problem(program, {**spec.fixed, **point}, known, conditional)
            if problem is not None:
                errors.append(FieldError(path, f"{constraint.rule!r} {problem}"))
                break
    return errors


def cost_problem(rule: str) -> str | None:
    """Why the cost of a rule is not bounded, or None."""
    stack: list[tuple[bool, int]] = []
    """For each open bracket: whether it belongs to a macro, and its elements so far."""
    builders = 0
    for token in _TOKEN.finditer(_COMMENT_OR_STRING.sub(lambda m: " " if m[0].startswith("//") else '""', rule)):
        if token["call"] or token["open"]:
            stack.append((token["call"] in _TESTS + _BUILDERS, 1))
            builders += token["call"] in _BUILDERS
            if sum(is_macro for is_macro, _ in stack) > MAX_NESTED:
                return f"nests more than {MAX_NESTED} macros ({token[0]}...); use fewer levels"
            if builders > MAX_BUILDERS:
                return f"has more than {MAX_BUILDERS} macros that build lists ({token[0]}...); use all or exists"
        elif token["close"] and stack:
            stack.pop()
        elif token["comma"] and stack:
            is_macro, elements = stack.pop()
            stack.append((is_macro, elements + 1))
            if elements >= MAX_ELEMENTS:
                return f"has a list of more than {MAX_ELEMENTS} elements; use a comparison or a shorter list"
    return None


def sample_points(parameters: Mapping[str, ParameterSpec]) -> Iterator[dict[str, Scalar]]:
    """The center, the corners of all minima and all maxima, and every categorical value."""
    center = search_center(parameters)
    yield center
    for end in ("min", "max"):
        numbers = {p: typed_value(s, getattr(s, end)) for p, s in parameters.items() if s.row.kind != "choice"}
        yield {path: numbers.get(path, value) for path, value in center.items()}
    for path, spec in parameters.items():
        for value in spec.values or []:
            chosen = {**{p: _any(s) for p, s in parameters.items()}, **center, path: value}
            yield {
                p: v
                for p, v in chosen.items()
                if (when := parameters[p].when) is None or chosen[when.parameter] in when.in_
            }


def _any(spec: ParameterSpec) -> Scalar:
    return (spec.values or [""])[0] if spec.row.kind == "choice" else typed_value(spec, spec.min or 0.0)


def _compile(rule: str) -> cel.Program:
    import cel

    return cel.compile(rule)


def _holds(program: cel.Program, params: Mapping[str, Scalar]) -> bool:
    try:
        return program.execute({"params": dict(params)}) is True
    except Exception:  # any error counts as "does not pass"
        return False


def _slow(program: cel.Program, params: Mapping[str, Scalar]) -> str | None:
    """Why the rule takes too long on this point: the fastest of up to three evaluations counts."""
    seconds = MAX_SECONDS
    for _ in range(3):
        began = time.thread_time()
        _holds(program, params)
        seconds = time.thread_time() - began
        if seconds <= MAX_SECONDS:
            return None
        if seconds > 100 * MAX_SECONDS:  # noise does not explain that
            break
    point = {name: params[name] for name in list(params)[:5]}
    return f"takes {1000 * seconds:.0f} ms for {point}; the maximum is {1000 * MAX_SECONDS:g} ms; simplify the rule"


def _problem(program: cel.Program, params: Mapping[str, Scalar], known: set[str], conditional: set[str]) -> str | None:
    if (slow := _slow(program, params)) is not None:
        return slow
    try:
        value = program.execute({"params": dict(params)})
    except KeyError as error:
        key = str(error.args[0]) if error.args else ""
        if key in conditional:
            return None
        return f"names {key!r}, which is neither in spec.parameters nor in spec.fixed; known are {sorted(known)}"
    except Exception as error:
        hint = "; convert with double(...)" if isinstance(error, TypeError) else ""
        return f"cannot be evaluated: {_first_line(error)}{hint}"
    return None if isinstance(value, bool) else f"evaluates to {value!r}, not true or false"


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
