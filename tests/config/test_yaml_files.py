"""YAML 1.2 in, and out in a form that every reader takes for the same value."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import yaml as pyyaml
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from sweep_operator.config.errors import ConfigError
from sweep_operator.config.yaml_files import SMALL_FLOAT, parse_documents, parse_value, to_yaml
from sweep_operator.domain.value_text import float_text
from tests.hostile_text import alias_bomb


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-5", 1e-5), ("1E5", 1e5), (".5", 0.5), ("010", 10), ("0o17", 15), ("-3", -3), ("yes", "yes"), ("on", "on"),
     ("true", True), ("null", None), ("~", None), ("", ""), ("2026-01-01", "2026-01-01"), ("12:30:45", "12:30:45"),
     ("[1, 2e-3]", [1, 2e-3]), ("{a: 1}", {"a": 1}), ("'1e-5'", "1e-5")],
)  # fmt: skip
def test_values_are_read_as_yaml_1_2(text: str, value: Any) -> None:
    read = parse_value(text, "argument")
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("text", "said"),
    [("a: 1\nb: 2\na: 3", "f.yaml, line 3: duplicate key 'a'; remove one"),
     ("a: [1", "f.yaml, line 1: is not valid YAML"), ("{1: 2}", "the key 1, which is not a string; put it in quotes"),
     ("a: *b", "undefined alias 'b'"), ("a: !!binary aGk=", "bytes is not a JSON value"),
     ("{a: " * 3000, "f.yaml, line 1: is nested more than 64 levels deep"),
     ("- " * 3000 + "a", "f.yaml, line 1: is nested more than 64 levels deep"),
     ("[" * 64 + "a" + "]" * 64, "f.yaml, line 1: is nested more than 64 levels deep"),
     ("a: &a [[[x]]]\nb: " + "[" * 60 + "*a" + "]" * 60, "line 1: is nested more than 64 levels deep by an alias"),
     ("a: &a [*a]", "f.yaml, line 1: aliases of this value repeat more than 1000 values"),
     (alias_bomb(9), "f.yaml, line 3: aliases of this value repeat more than 1000 values"),
     (f"a: &a [{'x, ' * 100}]\nb: [{'*a, ' * 10}]", "line 1: aliases of this value repeat more than 1000 values")],
)  # fmt: skip
def test_errors_name_the_file_the_line_and_the_remedy(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_documents(text, "f.yaml")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_documents_within_the_limits_are_read() -> None:
    assert parse_documents("[" * 63 + "a" + "]" * 63, "f.yaml") == [json.loads("[" * 63 + '"a"' + "]" * 63)]
    deep = "[" * 59 + "*a" + "]" * 59
    assert parse_documents(f"a: &a [[[x]]]\nb: {deep}", "f.yaml")
    (repeated,) = parse_documents(f"a: &a [{'x, ' * 99}]\nb: [{'*a, ' * 10}]", "f.yaml")
    assert repeated["b"] == [["x"] * 99] * 10


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e-5, "1.0e-05"), (7.31e-4, "7.31e-04"), (0.01, "0.01"), (0.009, "9.0e-03"), (3.0, "3.0"), (0.0, "0.0"),
     (-0.0, "-0.0"), (-2.5e-7, "-2.5e-07"), (1e16, "1.0e+16"), (123456.789, "123456.789")],
)  # fmt: skip
def test_small_floats_are_in_scientific_notation(value: float, text: str) -> None:
    assert float_text(value, SMALL_FLOAT) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_keeps_every_bit_in_every_reader(value: float) -> None:
    text = float_text(value, SMALL_FLOAT)
    for read in (pyyaml.safe_load(text), OmegaConf.create(f"x: {text}").x, float(text)):
        assert isinstance(read, float)
        assert (read, math.copysign(1, read)) == (value, math.copysign(1, value))


def test_our_reader_reads_our_floats() -> None:
    for value in (5e-324, 1.7976931348623157e308, 0.1 + 0.2, 1 / 3e7):
        assert parse_value(float_text(value, SMALL_FLOAT), "x") == value


_KEYS = st.text("abyn_-.1 é", min_size=1, max_size=5)
_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12),
    st.sampled_from(["yes", "1e5", ".5e+3", "12:30", "null", "a: b", "#x", "- a", "$(overrides)", "o'k", "+a=b", "="]),
)  # fmt: skip
_TREES = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3))


@given(st.dictionaries(_KEYS, _TREES, min_size=1, max_size=4))
def test_yaml_1_1_and_1_2_readers_read_our_output(document: dict[str, Any]) -> None:
    text = to_yaml(document)
    assert pyyaml.safe_load(text) == document
    assert parse_documents(text, "x") == [document]
