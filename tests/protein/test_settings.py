"""Settings: both spellings, defaults, refusals."""

from __future__ import annotations

from typing import Any

import pytest

from protein import Protein, ProteinSettings


def test_snake_case_and_camel_case_keys() -> None:
    snake = ProteinSettings.from_config({"num_random_samples": 5, "max_suggestion_cost": 3600})
    camel = ProteinSettings.from_config({"numRandomSamples": 5, "maxSuggestionCost": 3600})
    assert snake == camel == ProteinSettings(num_random_samples=5, max_suggestion_cost=3600)


def test_none_means_the_default() -> None:
    assert ProteinSettings.from_config({"acquisition": None}) == ProteinSettings.from_config(None) == ProteinSettings()


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"num_random_sample": 5}, "did you mean num_random_samples"),
        ({"num_random_samples": -1}, "num_random_samples: -1 is not an integer of 0 or more"),
        ({"prior_weight": 1.5}, "prior_weight: 1.5 is above 1; use a number between 0 and 1"),
        ({"prior_weight": -0.5}, "prior_weight: -0.5 is not a finite number of 0 or more"),
        ({"num_random_samples": 1.5}, "num_random_samples: 1.5"),
        ({"max_suggestion_cost": 0}, "max_suggestion_cost: 0 is not a finite number above 0"),
        ({"max_suggestion_cost": float("nan")}, "max_suggestion_cost: nan"),
        ({"acquisition": "magic"}, "acquisition: 'magic' is unknown; use one of auto"),
        ({"seed_with_search_center": "yes"}, "seed_with_search_center: 'yes'"),
        ({"global_search_scale": "wide"}, "global_search_scale: 'wide'"),
    ],
)
def test_invalid_input_is_named(config: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ProteinSettings.from_config(config)


def test_an_optimizer_accepts_a_mapping_of_settings() -> None:
    space = {"x": {"distribution": "uniform", "min": 0.0, "max": 1.0}}
    assert Protein(space, {"numRandomSamples": 5}).settings == ProteinSettings(num_random_samples=5)
    with pytest.raises(ValueError, match="did you mean num_random_samples"):
        Protein(space, {"num_random_sample": 5})
    with pytest.raises(ValueError, match="settings: 5 is neither"):
        Protein(space, 5)  # type: ignore[arg-type]  # what a caller without a type checker may pass
