"""What the SDK wrote offline can be read, by either version."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.wandb_stub import offline, sdk

SCRIPT = """
import wandb

run = wandb.init(
    entity="acme", project="demo", id="demo-1.r.0", name="demo.r.0", group="demo", tags=["trial"], job_type="trial",
    config={"lr": 1e-05, "nested": {"a": [1, 2]}},
)
for step in range(100):
    run.log({"score": step, "losses": {"train": step / 2}, "text": "x" * 1000})
run.summary.update({"protein.state": "failure", "protein.suggestion": {"lr": 1e-05}})
run.config.update({"late": 3})
run.finish(exit_code=3)
wandb.init(id="second").finish()
"""


@pytest.fixture
def written(wandb_sdk: Path | None, tmp_path: Path) -> Path:
    sdk.run_script(SCRIPT, sdk.environment("http://127.0.0.1:9", tmp_path, sdk=wandb_sdk, WANDB_MODE="offline"))
    return tmp_path


def test_what_was_written_offline(written: Path) -> None:
    run, second = offline.read_all(written)
    assert run.path.stat().st_size > 3 * offline.BLOCK
    assert (run.id, run.entity, run.project) == ("demo-1.r.0", "acme", "demo")
    assert (run.display_name, run.group, run.job_type, run.tags) == ("demo.r.0", "demo", "trial", ["trial"])
    assert run.config == {"lr": 1e-05, "nested": {"a": [1, 2]}, "late": 3}
    assert [(row["score"], row["losses"], len(row["text"])) for row in run.history] == [
        (step, {"train": step / 2}, 1000) for step in range(100)
    ]
    wanted = {"score": 99, "protein.state": "failure", "protein.suggestion": {"lr": 1e-05}}
    assert {key: run.summary[key] for key in wanted} == wanted
    assert (run.exit_code, second.id, second.exit_code) == (3, "second", 0)
    assert offline.read(run.path.parent) == run

    content = run.path.read_bytes()
    run.path.write_bytes(content[: len(content) // 2])  # as after a kill
    half = offline.read(run.path)
    assert half.exit_code is None
    assert 0 < len(half.history) < 100
    damaged = bytearray(content)
    damaged[len(content) // 2] ^= 1
    run.path.write_bytes(damaged)
    with pytest.raises(ValueError, match="checksum"):
        offline.read(run.path)


def test_what_is_no_offline_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds 0 \.wandb files"):
        offline.read(tmp_path)
    (tmp_path / "run-x.wandb").write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"no \.wandb file"):
        offline.read(tmp_path)
