"""Names as people write them, and as ``kubectl get -o name`` prints them."""

from __future__ import annotations

import click
import pytest

from sweep_operator.commands.names import RUN_NAME, SWEEP_NAME, ObjectName


@pytest.mark.parametrize(
    ("type_", "said", "name"),
    [
        (SWEEP_NAME, "cartpole", "cartpole"),
        (SWEEP_NAME, "sweep.metta.ai/cartpole", "cartpole"),
        (SWEEP_NAME, "swp/cartpole", "cartpole"),
        (SWEEP_NAME, "sweep_run=cartpole", "sweep_run=cartpole"),
        (RUN_NAME, "cartpole.r.3", "cartpole.r.3"),
        (RUN_NAME, "sweeprun.metta.ai/cartpole.r.3", "cartpole.r.3"),
        (RUN_NAME, "sweepruns/cartpole.r.3", "cartpole.r.3"),
    ],
)
def test_accepted_forms(type_: ObjectName, said: str, name: str) -> None:
    assert type_.convert(said, None, None) == name


@pytest.mark.parametrize(
    ("type_", "said", "remedy"),
    [
        (RUN_NAME, "sweep/cartpole", "'sweep/cartpole' is not a sweeprun; write NAME or sweeprun/NAME"),
        (SWEEP_NAME, "pod/cartpole", "'pod/cartpole' is not a sweep; write NAME or sweep/NAME"),
        (SWEEP_NAME, "sweeprun/cartpole.r.3", "'sweeprun/cartpole.r.3' is not a sweep; write NAME or sweep/NAME"),
    ],
)
def test_another_resource_type_is_rejected(type_: ObjectName, said: str, remedy: str) -> None:
    with pytest.raises(click.BadParameter) as refused:
        type_.convert(said, None, None)
    assert str(refused.value) == remedy
