"""One picture for each distribution, drawn with the transforms of `protein`.

The curve is the density of the sampled values. The ticks below it are 40 evenly spaced points of the unit coordinate.
The red bar is the range that the search covers around the center.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from itertools import pairwise
from typing import Any

from protein.searchspace.coordinates import Grid
from protein.searchspace.distributions import DISTRIBUTIONS, Table
from protein.searchspace.parameters import Parameter, read_parameter

EXAMPLES: dict[str, Mapping[str, Any]] = {
    "uniform": {"distribution": "uniform", "min": 0.0, "max": 1.0, "mean": 0.3},
    "uniform-step": {"distribution": "uniform", "min": 0.0, "max": 1.0, "mean": 0.3, "step": 0.1},
    "int_uniform": {"distribution": "int_uniform", "min": 2, "max": 16, "mean": 6},
    "uniform_pow2": {"distribution": "uniform_pow2", "min": 16, "max": 1024, "mean": 128},
    "log_normal": {"distribution": "log_normal", "min": 1e-5, "max": 1e-2, "mean": 3e-4},
    "int_log_normal": {"distribution": "int_log_normal", "min": 1, "max": 100, "mean": 10},
    "int_log_normal-time": {"distribution": "int_log_normal", "min": 1e6, "max": 1e9, "mean": 3e7, "scale": "time"},
    "logit_normal": {"distribution": "logit_normal", "min": 0.9, "max": 0.999, "mean": 0.99},
    "logit_normal-symmetric": {
        "distribution": "logit_normal", "min": 0.001, "max": 0.999, "mean": 0.5, "symmetric": True,
    },
    "categorical": {"distribution": "categorical", "values": ["adam", "adamw", "sgd"]},
    "categorical-ordered": {
        "distribution": "categorical", "values": ["small", "base", "large", "huge"], "mean": "base", "ordered": True,
    },
}  # fmt: skip
"""Picture name to parameter. docs/search-spaces.md shows the same parameters."""

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _FLOOR, _TOP = 640, 190, 30.0, 610.0, 130.0, 20.0
_TICKS, _STEPS = 40, 200
_BLUE, _GREY, _RED = "#5a78d6", "#888888", "#d65a5a"


def picture(name: str) -> str:
    """The picture of one example as SVG."""
    parameter = read_parameter("x", EXAMPLES[name])
    choices = _choices(parameter)
    body = _bars(parameter, choices) if choices is not None else _curve(parameter)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        f'font-size="12" role="img" aria-label="{escape(name)}">\n' + "\n".join(body) + "\n</svg>\n"
    )


def docs_rows(rows: Table = DISTRIBUTIONS) -> list[str]:
    """Lines of the table in docs/search-spaces.md: what a distribution is for."""
    return [f"| {row.use} | [{name}](#{name}) |" for name, row in rows.items()]


def _choices(parameter: Parameter) -> list[Any] | None:
    """The values, if they are equally likely; None for an interval."""
    if parameter.coordinate is None:
        return list(parameter.values or ())
    return list(parameter.coordinate.cells) if isinstance(parameter.coordinate, Grid) else None


def _bars(parameter: Parameter, choices: list[Any]) -> list[str]:
    """Bars for values that are equally likely."""
    width = (_RIGHT - _LEFT) / len(choices)
    lines = []
    for i, value in enumerate(choices):
        at = _LEFT + i * width
        center = value == parameter.center and isinstance(value, bool) == isinstance(parameter.center, bool)
        lines.append(_rect(at + width * 0.1, 50, width * 0.8, _FLOOR - 50, _RED if center else _BLUE))
        lines.append(_text(at + width / 2, _FLOOR + 18, _shown(value)))
    lines.append(_line(_LEFT, _FLOOR, _RIGHT, _FLOOR, _GREY))
    if parameter.coordinate is not None:
        low, high = _box(parameter)
        span = _RIGHT - _LEFT
        lines += [_line(_LEFT + low * span, 38, _LEFT + high * span, 38, _RED, 3)]
    return [*lines, *_legend(parameter, parameter.coordinate is not None)]


def _curve(parameter: Parameter) -> list[str]:
    """Density of the values on a linear axis."""
    low, high = float(parameter.at(0.0)), float(parameter.at(1.0))
    values = [low + (high - low) * i / _STEPS for i in range(_STEPS + 1)]
    assert parameter.coordinate is not None
    units = [parameter.coordinate.to_unit(v) for v in values]
    density = [b - a for a, b in pairwise(units)]
    # Capped, since the density of a logarithm at its small end would flatten the rest.
    top = min(max(density), 12 * sorted(density)[len(density) // 2])
    x = [_x((a + b) / 2, low, high) for a, b in pairwise(values)]
    y = [_FLOOR - (_FLOOR - 50) * min(d / top, 1.0) for d in density]
    points = " ".join(f"{px:.1f},{py:.1f}" for px, py in zip(x, y, strict=True))
    area = f"{_LEFT:.1f},{_FLOOR:.1f} {points} {_RIGHT:.1f},{_FLOOR:.1f}"
    first, last = (_x(float(parameter.at(u)), low, high) for u in _box(parameter))
    center = _x(float(parameter.center), low, high)
    lines = [
        f'<polygon points="{area}" fill="{_BLUE}" fill-opacity="0.25"/>',
        f'<polyline points="{points}" fill="none" stroke="{_BLUE}" stroke-width="2"/>',
        _line(_LEFT, _FLOOR, _RIGHT, _FLOOR, _GREY),
        _line(first, 38, last, 38, _RED, 3),
        _line(center, 38, center, _FLOOR, _RED, 1.5),
    ]
    for i in range(_TICKS):
        at = _x(float(parameter.at((i + 0.5) / _TICKS)), low, high)
        lines.append(_line(at, _FLOOR + 4, at, _FLOOR + 12, _BLUE))
    lines += [_text(_LEFT, _FLOOR + 28, _shown(low), "start"), _text(_RIGHT, _FLOOR + 28, _shown(high), "end")]
    middle = parameter.at(0.5)
    lines.append(_text((_LEFT + _RIGHT) / 2, _FLOOR + 28, f"half of the values are below {_shown(middle)}"))
    return [*lines, *_legend(parameter, True)]


def _box(parameter: Parameter) -> tuple[float, float]:
    """Unit coordinates of the range that is searched around the center."""
    at = (parameter.normalize(parameter.center) + 1) / 2
    half = parameter.half_width / 2
    return max(0.0, at - half), min(1.0, at + half)


def _legend(parameter: Parameter, has_box: bool) -> list[str]:
    words = f"center {_shown(parameter.center)}"
    if has_box:
        low, high = (_shown(parameter.at(u)) for u in _box(parameter))
        words += f"; scale {parameter.scale} searches {low} to {high} around it"
    return [_text(_LEFT, 24, words, "start", _RED)]


def _x(value: float, low: float, high: float) -> float:
    return _LEFT + (_RIGHT - _LEFT) * (value - low) / (high - low)


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _line(x1: float, y1: float, x2: float, y2: float, color: str, width: float = 1) -> str:
    place = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {place} stroke="{color}" stroke-width="{width:g}"/>'


def _rect(x: float, y: float, width: float, height: float, color: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect {place} fill="{color}" fill-opacity="0.35" stroke="{color}"/>'


def _text(x: float, y: float, words: str, anchor: str = "middle", color: str = _GREY) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}">{escape(words)}</text>'
