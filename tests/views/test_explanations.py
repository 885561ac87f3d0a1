"""Questions about the model, as a page or a command sends them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from sweep_operator.views.page.explanations import ASK, AskOutlook, AskSlices


def test_questions_are_told_apart_by_what() -> None:
    assert ASK.validate_python({"what": "outlook"}) == AskOutlook(runs=10)
    slices = ASK.validate_python({"what": "slices", "at": {"a": 1, "b": True, "c": "x", "d": 1.5}})
    assert isinstance(slices, AskSlices)
    assert [type(value) for value in (slices.at or {}).values()] == [int, bool, str, float]


@pytest.mark.parametrize(
    "body", [{"what": "magic"}, {"what": "contour", "x": "a"}, {"what": "outlook", "runs": 0}, {"what": "why"}, {}]
)
def test_invalid_questions_are_rejected(body: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ASK.validate_python(body)
