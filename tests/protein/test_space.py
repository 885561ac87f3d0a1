"""The search space: every distribution maps there and back, exactly where exactness can be had."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from protein import SearchSpace, SpaceError

finite = st.floats(-1e9, 1e9, allow_nan=False)
positive = st.floats(1e-12, 1e12)
rates = st.floats(1e-6, 1 - 1e-6)


def interval(numbers: st.SearchStrategy[float]) -> st.SearchStrategy[tuple[float, float]]:
    def wide(pair: tuple[float, float]) -> bool:
        return pair[1] - pair[0] > 1e-9 * max(1.0, abs(pair[0]), abs(pair[1]))

    return st.tuples(numbers, numbers).map(lambda p: (min(p), max(p))).filter(wide)


LOGARITHMIC = ("log_normal", "int_log_normal")
INTEGER = ("int_uniform", "int_log_normal", "uniform_pow2")


@st.composite
def parameters(draw: Any) -> dict[str, Any]:
    kind = draw(st.sampled_from(["uniform", "int_uniform", "uniform_pow2", *LOGARITHMIC, "logit_normal", "step"]))
    if kind in ("int_uniform", "int_log_normal"):
        low = draw(st.integers(1 if kind == "int_log_normal" else -1000, 1000))
        return {"distribution": kind, "min": low, "max": low + draw(st.integers(1, 500)), "step": 1}
    if kind == "uniform_pow2":
        low = draw(st.integers(0, 12))
        return {"distribution": kind, "min": 2**low, "max": 2 ** (low + draw(st.integers(1, 12)))}
    if kind == "step":
        low, step = draw(st.integers(-50, 50)) / 10, draw(st.integers(1, 30)) / 10
        return {
            "distribution": "uniform",
            "min": low,
            "max": round(low + step * draw(st.integers(1, 20)), 6),
            "step": step,
        }
    if kind == "logit_normal":
        low, high = draw(interval(rates))
        return {"distribution": kind, "min": low, "max": high, "symmetric": draw(st.booleans())}
    low, high = draw(interval(positive if kind == "log_normal" else finite))
    return {"distribution": kind, "min": low, "max": high}


def one(config: dict[str, Any]) -> SearchSpace:
    return SearchSpace({"p": config})


@given(parameters(), st.floats(0, 1))
def test_every_coordinate_gives_a_value_in_bounds_of_the_right_type(config: dict[str, Any], unit: float) -> None:
    value = one(config).decode([unit])["p"]
    assert config["min"] <= float(value) <= config["max"]
    assert isinstance(value, int) == (config["distribution"] in INTEGER)


@given(parameters(), st.floats(0, 1), st.floats(0, 1))
def test_coordinates_are_monotone(config: dict[str, Any], a: float, b: float) -> None:
    space = one(config)
    low, high = sorted((a, b))
    assert float(space.decode([low])["p"]) <= float(space.decode([high])["p"])


@given(parameters(), st.floats(0, 1))
def test_decoded_values_encode_to_the_stored_row(config: dict[str, Any], unit: float) -> None:
    """Encoding a suggestion and snapping it again moves nothing; grid values come back bit for bit."""
    space = one(config)
    value = space.decode([unit])["p"]
    row = space.encode({"p": value})
    again = space.decode(row)["p"]
    if space.columns[0].kind == "grid":
        assert again == value
    else:
        assert math.isclose(float(again), float(value), rel_tol=1e-6, abs_tol=1e-9 * (config["max"] - config["min"]))
    assert np.allclose(space.snap(row[None])[0], np.clip(row, 0, 1), atol=1e-9)


@given(parameters(), st.data())
def test_the_center_and_the_ends_come_back_bit_for_bit(config: dict[str, Any], data: Any) -> None:
    plain = one(config)
    value = plain.decode([data.draw(st.floats(0, 1))])["p"]
    space = one({**config, "mean": value})
    assert space.center() == {"p": value}
    assert space.decode(space.center_unit) == {"p": value}
    assert plain.decode([0.0])["p"] == config["min"]
    if config.get("step") is None or config["distribution"] in INTEGER:
        assert plain.decode([1.0])["p"] == config["max"]


@given(parameters(), st.lists(st.floats(-0.5, 1.5), min_size=1, max_size=5))
def test_snap_is_encode_after_decode(config: dict[str, Any], units: list[float]) -> None:
    space = one(config)
    rows = np.array(units)[:, None]
    expected = np.stack([space.encode(space.decode(r)) for r in rows])
    assert np.allclose(space.snap(rows), expected, atol=1e-6)


@given(parameters(), st.floats(-1e12, 1e12))
def test_values_outside_the_bounds_extrapolate_finitely(config: dict[str, Any], value: float) -> None:
    if config["distribution"] in INTEGER:
        value = float(round(value))
    assume(not config["min"] <= value <= config["max"])
    unit = one(config).encode({"p": value})[0]
    assert math.isfinite(unit)
    assert unit <= 0.5 if value < config["min"] else unit >= 0.5


def test_all_cells_of_a_grid_have_the_same_mass() -> None:
    space = one({"distribution": "uniform_pow2", "min": 1, "max": 8})
    values = [space.decode([u])["p"] for u in np.linspace(0, 1, 4000, endpoint=False)]
    assert {v: values.count(v) for v in (1, 2, 4, 8)} == dict.fromkeys((1, 2, 4, 8), 1000)


def test_integers_on_a_log_scale_are_as_likely_as_their_share_of_the_logarithm() -> None:
    """Every cell reaches to the geometric mean with its neighbor; `step` counts from min."""
    space = one({"distribution": "int_log_normal", "min": 1, "max": 100, "mean": 10})
    units = np.linspace(0, 1, 20_000, endpoint=False)
    values = np.array([space.decode([u])["p"] for u in units])
    whole = math.log(100 * math.sqrt(100 / 99)) - math.log(math.sqrt(1 / 2))
    for value in (2, 10, 50):
        share = math.log(math.sqrt(value * (value + 1)) / math.sqrt(value * (value - 1))) / whole
        assert (values == value).mean() == pytest.approx(share, abs=1e-4)
    assert (values == 1).mean() == pytest.approx(math.log(2) / whole, abs=1e-4)
    grid = one({"distribution": "int_log_normal", "min": 5, "max": 100, "step": 5})
    assert {grid.decode([u])["p"] for u in units[::10]} == set(range(5, 101, 5))
    assert space.cells == 100
    assert [c["p"] for c in space.enumerate(3)] == [1, 2, 3]


def test_a_wide_range_of_integers_needs_no_list_of_them() -> None:
    space = one({"distribution": "int_log_normal", "min": 1e6, "max": 1e15, "scale": "time"})
    assert space.cells == 10**15 - 10**6 + 1
    assert space.decode([1.0])["p"] == 10**15
    assert space.decode(space.encode({"p": 123_456_789_012_345}))["p"] == pytest.approx(123_456_789_012_345, abs=50)


def test_steps_are_decimal() -> None:
    space = one({"distribution": "uniform", "min": 0, "max": 0.3, "step": 0.1})
    assert [space.decode([u])["p"] for u in (0.1, 0.3, 0.6, 0.9)] == [0.0, 0.1, 0.2, 0.3]


def test_scales() -> None:
    base = {"distribution": "log_normal", "min": 1e-4, "max": 1e-2}
    assert one(base).parameters["p"].half_width == 0.5
    assert one({**base, "scale": 0.25}).parameters["p"].half_width == 0.25
    assert one({**base, "scale": "time"}).parameters["p"].half_width == pytest.approx(1 / math.log2(100))
    linear = {"distribution": "int_uniform", "min": 0, "max": 100, "mean": 20, "scale": "time"}
    assert one(linear).parameters["p"].half_width == pytest.approx(20 * (2**0.5 - 2**-0.5) / 101), "one doubling"
    low, high = one({**base, "scale": 0.2}).box([0.5])
    assert (low[0], high[0]) == (pytest.approx(0.4), pytest.approx(0.6))
    low, high = one({**base, "scale": 0.5}).box([0.9])
    assert (low[0], high[0]) == (pytest.approx(0.65), 1.0)


def test_normalize_is_the_coordinate_from_minus_one_to_one() -> None:
    parameter = one({"distribution": "log_normal", "min": 1e-4, "max": 1e-2}).parameters["p"]
    assert [parameter.normalize(v) for v in (1e-4, 1e-3, 1e-2)] == pytest.approx([-1, 0, 1])
    assert parameter.unnormalize(-1) == 1e-4
    assert parameter.unnormalize(1) == 1e-2


def test_categoricals_keep_the_types_of_their_values() -> None:
    space = one({"distribution": "categorical", "values": [1, True, "1", 2.5]})
    assert space.dim == 4
    for value in (1, True, "1", 2.5):
        decoded = space.decode(space.encode({"p": value}))["p"]
        assert decoded == value
        assert type(decoded) is type(value)
    ordered = one({"distribution": "categorical", "values": ["s", "m", "l"], "ordered": True})
    assert ordered.dim == 1
    assert [ordered.encode({"p": v})[0] for v in ("s", "m", "l")] == pytest.approx([1 / 6, 1 / 2, 5 / 6])


CONDITIONAL = {
    "opt": {"distribution": "categorical", "values": ["adam", "sgd"]},
    "momentum": {"distribution": "uniform", "min": 0, "max": 1, "when": {"parameter": "opt", "in": ["sgd"]}},
}


def test_an_inactive_parameter_is_absent_and_encoded_at_its_center() -> None:
    space = SearchSpace(CONDITIONAL)
    assert space.decode([1, 0, 0.9]) == {"opt": "adam"}
    assert space.decode([0, 1, 0.25]) == {"opt": "sgd", "momentum": 0.25}
    assert space.snap(np.array([[1, 0, 0.9], [0, 1, 0.9]])).tolist() == [[1, 0, 0.5], [0, 1, 0.9]]
    assert space.encode({"opt": "adam", "momentum": 0.9}).tolist() == [1, 0, 0.5]
    assert space.key({"opt": "adam", "momentum": 0.9}) == space.key({"opt": "adam"})


def test_finite_spaces_are_counted_and_enumerated() -> None:
    grid = {**CONDITIONAL, "n": {"distribution": "int_uniform", "min": 1, "max": 3}}
    grid["momentum"] = {**CONDITIONAL["momentum"], "step": 0.5}
    space = SearchSpace(grid)
    cells = space.enumerate(1000)
    assert space.cells == len(cells) == (1 + 3) * 3
    assert len({space.key(c) for c in cells}) == len(cells)
    assert SearchSpace(CONDITIONAL).cells is None


def test_nested_and_dotted_names_are_the_same() -> None:
    leaf = {"distribution": "uniform", "min": 0, "max": 1}
    assert SearchSpace({"a": {"b": leaf}}).names == SearchSpace({"a.b": leaf}).names == ("a.b",)


U = {"distribution": "uniform", "min": 0, "max": 1}


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"p": {**U, "min": 1}}, r"p\.min: 1 is not below max 1"),
        ({"p": {**U, "mean": 2}}, r"p\.mean: 2 is outside \[0, 1\]"),
        ({"p": {**U, "max": math.inf}}, r"p\.max: inf is not finite"),
        ({"p": {**U, "min": "low"}}, r"p\.min: 'low' is not a number"),
        ({"p": {**U, "minn": 0}}, r"p\.minn: unknown field; did you mean min"),
        ({"p": {**U, "distribution": "normal"}}, r"p\.distribution: 'normal' is unknown; use one of"),
        ({"p": {**U, "scale": "fast"}}, r"p\.scale: 'fast' is not a number; use auto"),
        ({"p": {**U, "min": -1, "scale": "time"}}, r"p\.scale: time needs a min of at least 0 and a mean above 0"),
        ({"p": {**U, "mean": 0, "scale": "time"}}, r"p\.scale: time needs a min of at least 0 and a mean above 0"),
        (
            {"p": {"distribution": "categorical", "values": ["a"], "scale": "time"}},
            r"p\.scale: time is for numbers, not categorical; remove it",
        ),
        ({"p": {"distribution": "int_log_normal", "min": 0, "max": 9}}, r"p\.min: 0 is not at least 1, as int_log"),
        ({"p": {"distribution": "int_log_normal", "min": 0.5, "max": 9}}, r"p\.min: 0\.5 is not at least 1, as"),
        (
            {"p": {"distribution": "int_log_normal", "min": 1, "max": 9.5}},
            r"p\.max: 9\.5 is not an integer; use 10, or log_normal for fractions",
        ),
        ({"p": {**U, "scale": 0}}, r"p\.scale: 0 is not above 0"),
        ({"p": {**U, "prior_weight": 2}}, r"p\.prior_weight: 2 is not between 0 and 1; use 0 to ignore the center"),
        ({"p": {**U, "priorWeight": "much"}}, r"p\.prior_weight: 'much' is not a number; use"),
        ({"p": {**U, "step": 2}}, r"p\.step: 2 is not above 0 and at most"),
        ({"p": {"distribution": "log_normal", "min": 0, "max": 1}}, r"p\.min: 0 is not above 0"),
        (
            {"p": {"distribution": "logit_normal", "min": 0.1, "max": 1}},
            r"p\.max: 1 is not below 1, as",
        ),
        ({"p": {"distribution": "uniform_pow2", "min": 3, "max": 8}}, r"p\.min: 3 is not a power of two; use 4"),
        ({"p": {"distribution": "int_uniform", "min": 0.5, "max": 8}}, r"p\.min: 0\.5 is not an integer"),
        ({"p": {"distribution": "categorical"}}, r"p\.values: None must be a list"),
        ({"p": {"distribution": "categorical", "values": [1, 1]}}, r"p\.values: 1 is listed twice"),
        ({"p": {"distribution": "categorical", "values": ["a"], "mean": "b"}}, r"p\.mean: 'b' is not one of"),
        ({"p": {"distribution": "uniform", "min": 0}}, r"p\.max: is missing"),
        ({"p": 3}, r"p: 3 is not a parameter"),
        ({}, r"parameters: is empty"),
        ({"a b": U}, r"a b: is not a dotted path"),
        ({"a": U, "a.b": U}, r"a: is the beginning of 'a\.b'"),
        ({"p": {**U, "when": {"parameter": "q", "in": [1]}}}, r"p\.when\.parameter: unknown parameter 'q'"),
        ({"q": U, "p": {**U, "when": {"parameter": "q", "in": [1]}}}, r"neither categorical nor an integer"),
    ],
)
def test_errors_name_parameter_field_value_and_remedy(config: dict[str, Any], says: str) -> None:
    with pytest.raises(SpaceError, match=says):
        SearchSpace(config)


def test_numbers_that_yaml_read_as_text_are_numbers() -> None:
    space = one({"distribution": "log_normal", "min": "1e-5", "max": "1e-2", "mean": "3e-4"})
    assert space.center() == {"p": 3e-4}


def test_heavy_packages_are_imported_when_needed() -> None:
    script = (
        "import sys, protein\n"
        "o = protein.Random({'p': {'distribution': 'uniform', 'min': 0, 'max': 1}}); o.suggest(3)\n"
        "protein.ProteinSettings()\n"
        "print(sorted({'torch', 'gpytorch', 'scipy', 'omegaconf', 'wandb'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
