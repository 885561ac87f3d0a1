"""Every command of the documentation is valid for its program."""

from __future__ import annotations

import pytest

from tests.docs.command_checks import problems
from tests.docs.command_lines import Line, lines, simple_commands

LINES = lines()


@pytest.mark.parametrize("line", LINES, ids=str)
def test_the_command_is_valid(line: Line) -> None:
    assert not problems(line)


def test_the_commands_are_found() -> None:
    assert sum(line.whole for line in LINES) > 100
    assert sum(not line.whole for line in LINES) > 20


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sweep rnu configs/examples/cartpole.yaml", "no command"),
        ("sweep run configs/examples/nothing.yaml", "file not found"),
        ("sweep run configs/examples/cartpole.yaml spec.limits.maxRun=3", "maxRun"),
        ("sweep report x --outptu y.html", "--outptu"),
        ("kubectl sweep resume", "Missing argument"),
        ("kubectl wait --for=condition=Done sweep/cartpole", "Done"),
        ("kubectl get sweeprunners", "sweeprunners"),
        ("kubectl explain sweep.spec.parameter", "parameter"),
        ("kubectl apply -f configs/examples/nothing.yaml", "nothing.yaml"),
        ("helm install x charts/sweep-operator --set image.tags=1", "image.tags"),
        ("helm install x charts/sweep", "not a chart"),
        ("helm template x charts/sweep-operator --show-only templates/role.yaml", "not a template"),
        ("make kind-upp", "kind-upp"),
        ("make demo RUNS=3", "RUNS"),
        ("python images/trainer/trian.py", "trian.py"),
        ("sweep-operator --kubeconf x", "--kubeconf"),
        ("frobnicate", "frobnicate"),
    ],
)
def test_mistakes_are_found(text: str, says: str) -> None:
    (arguments,) = simple_commands(text)
    assert says in " ".join(problems(Line("here", arguments, whole=True)))
