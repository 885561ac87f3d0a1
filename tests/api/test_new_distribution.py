"""A further distribution is one row of a table: everything else is derived from it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from dev.generate import admission, crd_rules
from dev.generate.distributions import docs_rows
from protein import SearchSpace, SpaceError
from protein.searchspace import conditions
from protein.searchspace.coordinates import Continuous
from protein.searchspace.distributions import DISTRIBUTIONS, Distribution, Requirement, table
from protein.searchspace.parameters import Parameter, read_parameter
from sweep_operator.api.parameters import distribution_description, distribution_schema
from sweep_operator.tracking.delivery.content import wandb_form
from sweep_operator.tracking.history.objects import translated
from sweep_operator.views.page.sweeps import page_parameter

ROOT = Path(__file__).resolve().parents[2]
NAME = "sqrt_uniform"
ROWS = table(
    [
        *DISTRIBUTIONS.values(),
        Distribution(
            NAME,
            spread="evenly in the square root",
            coordinate_words="the square root of x",
            use="an area",
            kind="integer",
            coordinate=lambda r: Continuous(r.low, r.high, math.sqrt, lambda t: t * t),
            requirements=(Requirement(("min", "mean"), lambda v: v >= 0, "{0} >= 0.0", "at least 0", "a min of 0"),),
            takes=("symmetric",),
            axis="log10",
            wandb="sqrt",
        ),
    ]
)
CONFIG = {"distribution": NAME, "min": 1, "max": 100, "mean": 9, "scale": "time", "symmetric": True}


def parameter() -> Parameter:
    return read_parameter("area", CONFIG, ROWS)


def test_validation_and_encoding() -> None:
    space = SearchSpace({"area": parameter()})
    assert space.encode({"area": 100}) == pytest.approx([1.0])
    assert space.decode([(math.sqrt(36) - 1) / 9]) == {"area": pytest.approx(36)}
    assert conditions.center(space.parameters) == {"area": 9}
    assert (parameter().typed(4.0), type(parameter().typed(4.0))) == (4, int)
    with pytest.raises(SpaceError, match=r"area\.min: -1 is not at least 0, as sqrt_uniform needs; use a min of 0"):
        read_parameter("area", {**CONFIG, "min": -1}, ROWS)
    with pytest.raises(SpaceError, match=r"area\.step: is for uniform, int_uniform and int_log_normal, not"):
        read_parameter("area", {**CONFIG, "step": 1}, ROWS)
    with pytest.raises(SpaceError, match=r"'sqrt_uniform' is unknown; use one of uniform,"):
        read_parameter("area", CONFIG)


def test_crd_schema_and_rules() -> None:
    assert distribution_schema(ROWS)["enum"] == [*DISTRIBUTIONS, NAME]
    assert "sqrt_uniform, evenly in the square root" in distribution_description(ROWS)
    rules = dict(crd_rules.parameter_rules(ROWS))
    assert (
        rules["self.distribution != 'sqrt_uniform' || !has(self.min) || self.min >= 0.0"]
        == "sqrt_uniform: min must be at least 0; use a min of 0"
    )
    assert rules["!has(self.symmetric) || self.distribution in ['logit_normal', 'sqrt_uniform']"]
    policy = " ".join(rule["expression"] for rule in admission.parameter_rules(ROWS))
    assert "in ['categorical', 'int_log_normal', 'int_uniform', 'sqrt_uniform', 'uniform_pow2']" in policy, "a parent"


def test_wandb_page_and_docs() -> None:
    shown = wandb_form(parameter())
    assert shown == {"distribution": "sqrt", "min": 1, "max": 100}
    assert translated(shown, ROWS) == {"distribution": NAME, "min": 1.0, "max": 100.0}
    epochs = {"distribution": "int_log_normal", "min": 5.0, "max": 100.0, "step": 5.0}
    assert translated(wandb_form(read_parameter("epochs", epochs))) == epochs
    assert translated({"distribution": "q_log_uniform_values", "min": 0.5, "max": 100, "q": 0.5}) == {
        "distribution": "log_normal", "min": 0.5, "max": 100.0,
    }  # fmt: skip
    assert page_parameter(parameter(), {parameter().path: "x"}).axis == "log10"
    assert docs_rows(ROWS)[-1] == "| an area | [sqrt_uniform](#sqrt_uniform) |"


def test_the_docs_have_the_row_of_each_distribution() -> None:
    page = (ROOT / "docs/search-spaces.md").read_text(encoding="utf-8")
    for row in docs_rows():
        assert row in page
    for name in DISTRIBUTIONS:
        assert f"## {name}\n" in page
