"""`sweep limits` with values that no limit can have: one line with field, value and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from sweep_operator.cli.main import cli
from sweep_operator.machine.stored import stored_sweep
from tests.cli.stored_sweeps import finished, manifest, store


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("maxRuns", "'maxRuns' has no value; write limit=value, as in maxRuns=200"),
        ("maxRun=3", "maxRun: unknown limit; did you mean maxRuns?"),
        ("maxRuns=-1", "spec.limits.maxRuns: -1 should be greater than or equal to 0"),
        ("maxRuns=2.5", "spec.limits.maxRuns: 2.5 is not a valid integer"),
        ("maxRuns=many", "spec.limits.maxRuns: 'many' is not a valid integer"),
        ("maxRuns=9999999999999", "spec.limits.maxRuns: 9999999999999 should be less than or equal to 1000000"),
        ("maxParallelRuns=[1]", "spec.limits.maxParallelRuns: [1] is not a valid integer"),
        ("totalCost=nan", "spec.limits.totalCost: 'nan' is not a valid number"),
        ("totalCost=.nan", "spec.limits.totalCost: nan is not a finite number; JSON does not support it"),
    ],
)  # fmt: skip
def test_nonsense_is_refused_and_changes_nothing(tmp_path: Path, argument: str, said: str) -> None:
    store(tmp_path, manifest("done"), [finished(1.0)])
    before = stored_sweep(tmp_path, "done").sweep
    result = CliRunner().invoke(cli, ["limits", "done", argument, "--runs-dir", str(tmp_path)])
    assert result.exit_code in (1, 2)
    assert [line for line in result.stderr.splitlines() if line.startswith("error: ")] == [f"error: {said}"]
    assert "Traceback" not in result.stderr
    assert stored_sweep(tmp_path, "done").sweep == before
