"""Messages for forbidden requests. The server's messages are copied from a real API server."""

from __future__ import annotations

import click
import pytest

from sweep_operator.cluster.refusal import explain
from sweep_operator.commands.failures import failure_lines
from sweep_operator.kubectl.main import cli


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            'pods "a-r-3-train-1-x" is forbidden: User "ann" cannot get resource "pods/log" in API group "" in the '
            'namespace "team"',
            "ann is not allowed to get pods/log in namespace team; request a Role with verb get on pods/log "
            "(check with `kubectl auth can-i get pods --subresource=log -n team`)",
        ),
        (
            'sweeps.metta.ai is forbidden: User "ann" cannot list resource "sweeps" in API group "metta.ai" at the '
            "cluster scope",
            "ann is not allowed to list sweeps.metta.ai cluster-wide; request a Role with verb list on sweeps.metta.ai "
            "(check with `kubectl auth can-i list sweeps.metta.ai -A`)",
        ),
        (
            'sweepruns.metta.ai "a" is forbidden: exceeded quota: runs, requested: 1',
            'sweepruns.metta.ai "a" is forbidden: exceeded quota: runs, requested: 1',
        ),
    ],
)
def test_explain(message: str, shown: str) -> None:
    assert explain(message) == shown


def test_an_unexpected_error_names_the_program_to_debug() -> None:
    with click.Context(cli, info_name="kubectl sweep"):
        assert failure_lines(RuntimeError("boom")) == [
            "RuntimeError: boom; run `kubectl sweep --debug ...` for the traceback"
        ]
