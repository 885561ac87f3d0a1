"""Values come back from every text form with the very same value and type."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import example, given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from sweep_operator.domain.value_text import float_text, hydra_value, plain_text, yaml_value

floats = st.floats(allow_nan=False, allow_infinity=False)
# Line breaks and control characters are refused at acceptance; ``${`` is OmegaConf's own, and stays an interpolation.
words = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"))).filter(lambda s: "${" not in s)
awkward = st.text(alphabet="ab1.e'\"\\,=: {}[]()$#~!|>@%&*?-+/", max_size=12).filter(lambda s: "${" not in s)
scalars = st.one_of(floats, st.integers(), st.booleans(), words, awkward)
parser = OverridesParser.create()


def same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return struct.pack("d", a) == struct.pack("d", b)
    return type(a) is type(b) and a == b


@given(floats)
@example(-0.0)
@example(5e-324)
@example(1e-05)
@example(1e22)
@example(1.7976931348623157e308)
def test_floats_are_bit_exact(value: float) -> None:
    text = float_text(value)
    assert same(float(text), value)
    assert same(yaml.safe_load(text), value)


@given(scalars)
@example("1e-05")
@example("true")
@example("null")
@example("")
@example(" padded ")
@example("\U0001f600")
@example("it's")
@example("ends\\")
@example("a\\'b\\")
@example(0.00001)
@example("\x85")
def test_yaml_values_round_trip(value: Any) -> None:
    text = f"a: {yaml_value(value)}\n"
    assert same(yaml.safe_load(text)["a"], value)
    assert same(OmegaConf.create(text)["a"], value)


@given(scalars)
@example("1e-05")
@example("null")
@example("")
@example(" padded ")
@example("a,b=[c]")
@example("it's")
@example('"quoted"')
@example("ends\\")
@example("a\\'b\\")
def test_hydra_values_round_trip(value: Any) -> None:
    override = parser.parse_override(f"a.b={hydra_value(value)}")
    assert override.key_or_group == "a.b"
    assert same(override.value(), value)


@pytest.mark.parametrize(
    ("value", "text"), [(1e-5, "1.0e-05"), (1e22, "1.0e+22"), (0.5, "0.5"), (3, "3"), (True, "true"), ("a b", "a b")]
)
def test_plain_text(value: Any, text: str) -> None:
    assert plain_text(value) == text


@given(floats)
def test_json_is_bit_exact(value: float) -> None:
    assert same(json.loads(json.dumps(value)), value)
