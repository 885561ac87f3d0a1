"""The files of a run: whole or not there, found again after a crash, and small enough to be a termination message."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ppo_trainer.atomic import replacing, write_atomically
from ppo_trainer.checkpoints import KEPT, Checkpoints, is_whole
from ppo_trainer.coordination import STALE, Leader, Ranks, coordination_file, follow
from ppo_trainer.exits import BadParameters, Exit, one_line, run_program
from ppo_trainer.progress import STATE, Every, TrainState, load_state
from ppo_trainer.results import RESULTS_BYTES, encode, report
from ppo_trainer.seeds import EVALUATION, evaluation_seeds, training_seed


class Broken(Exception):
    """What a test raises in the middle of a write."""


def write_archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights", b"w" * 5000)


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "file"
    write_atomically(target, b"old")

    def write_half() -> None:
        with replacing(target) as partial:
            partial.write_bytes(b"ne")
            raise Broken

    with pytest.raises(Broken):
        write_half()
    assert target.read_bytes() == b"old"
    assert list(target.parent.iterdir()) == [target]


def test_only_the_newest_checkpoints_are_kept_and_damaged_ones_skipped(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    assert list(checkpoints.valid()) == []
    for timesteps in (64, 128, 1024):
        checkpoints.save(timesteps, write_archive)
    assert [c.timesteps for c in checkpoints] == [1024, 128]
    assert KEPT == 2
    newest = next(iter(checkpoints)).path
    content = newest.read_bytes()
    newest.write_bytes(content[: len(content) // 2])
    (checkpoints.directory / ".step_000000002048.zip.7.partial").write_bytes(content)
    assert [c.timesteps for c in checkpoints.valid()] == [128]
    checkpoints.clear()
    assert list(checkpoints) == []


def test_a_flipped_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    write_archive(path)
    assert is_whole(path)
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    assert not is_whole(path)


def test_the_state_accumulates_over_attempts(tmp_path: Path) -> None:
    assert load_state(tmp_path) is None
    first = TrainState(fingerprint="f").another_attempt()
    first.advanced(timesteps=100, seconds=3.5, reward=None).save(tmp_path)
    second = load_state(tmp_path)
    assert second is not None
    second.another_attempt().advanced(timesteps=250, seconds=2.0, reward=9.5, finished=True).save(tmp_path)
    assert load_state(tmp_path) == TrainState(
        fingerprint="f", timesteps=250, seconds=5.5, attempts=2, reward=9.5, finished=True
    )
    (tmp_path / STATE).write_text('{"fingerprint": "f", "times')
    assert load_state(tmp_path) is None


def test_every_is_true_at_once_and_then_at_most_once_in_its_seconds() -> None:
    times = iter([0.0, 0.5, 0.9, 1.0, 1.5, 5.0])
    due = Every(1.0, lambda: next(times))
    assert [due() for _ in range(6)] == [True, False, False, True, False, True]


@given(seed=st.integers(0, 2**63 - 1), timesteps=st.integers(0, 10**9), episodes=st.integers(1, 200))
def test_training_and_evaluation_use_different_seeds(seed: int, timesteps: int, episodes: int) -> None:
    held_out = evaluation_seeds(seed, episodes)
    assert len(set(held_out)) == episodes
    assert all(EVALUATION <= s < 2**32 for s in held_out)
    assert 0 <= training_seed(seed, timesteps) < training_seed(seed, timesteps) + 1024 <= EVALUATION
    assert evaluation_seeds(seed, episodes + 1)[:episodes] == held_out


def test_a_resumed_training_does_not_replay_its_first_episodes() -> None:
    assert training_seed(3) != training_seed(3, 10240) != training_seed(4, 10240)


def test_a_result_is_written_in_place(tmp_path: Path) -> None:
    path = tmp_path / "termination-log"
    path.write_text("x" * 5000)
    inode = path.stat().st_ino
    report({"SWEEP_RESULTS_FILE": str(path)}, {"score": 0.1})
    assert json.loads(path.read_text()) == {"score": 0.1}
    assert path.stat().st_ino == inode
    report({}, {"score": 0.1})


@pytest.mark.parametrize("result", [{"score": float("nan")}, {"score": float("inf")}, {"text": "x" * RESULTS_BYTES}])
def test_an_invalid_result_is_rejected(result: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        encode(result)


def test_a_reason_is_one_line_on_stderr_and_in_the_results_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {"SWEEP_RESULTS_FILE": str(tmp_path / "results.json")}

    def program() -> None:
        raise BadParameters("trainer.gamma: 2.0\n  must be " + "x" * 9000)

    assert run_program("train.py", program, environ) == 65
    printed = capsys.readouterr().err
    assert printed.startswith("train.py: trainer.gamma: 2.0 must be xxx")
    assert printed.count("\n") == 1
    content = (tmp_path / "results.json").read_bytes()
    assert len(content) <= RESULTS_BYTES
    assert json.loads(content)["error"].startswith("trainer.gamma: 2.0 must be xxx")


def test_an_unexpected_exception_is_reported_and_raised(tmp_path: Path) -> None:
    environ = {"SWEEP_RESULTS_FILE": str(tmp_path / "results.json")}

    def program() -> None:
        raise KeyError("oops")

    with pytest.raises(KeyError):
        run_program("train.py", program, environ)
    assert json.loads((tmp_path / "results.json").read_text()) == {"error": "KeyError: 'oops'"}


def test_one_line_truncates() -> None:
    assert one_line("a\n\tb" + "c" * 100, limit=10) == "a bcccc..."


@pytest.mark.parametrize(
    ("environ", "rank", "world"),
    [
        ({}, 0, 1),
        ({"RANK": "3", "WORLD_SIZE": "4", "SWEEP_NODE_RANK": "1", "SWEEP_NUM_NODES": "2"}, 3, 4),
        ({"SWEEP_NODE_RANK": "1", "SWEEP_NUM_NODES": "2"}, 1, 2),
        ({"PET_NODE_RANK": "0", "PET_NNODES": "1:2"}, 0, 2),
    ],
)
def test_ranks_are_read_from_torchrun_or_from_the_nodes(environ: dict[str, str], rank: int, world: int) -> None:
    assert Ranks.from_environ(environ) == Ranks(rank=rank, world=world)


def test_the_coordination_file_is_in_the_sweep_directory_and_unique_per_attempt() -> None:
    run_dir = Path("/t/sweep/s/runs/s.r.1")
    first = coordination_file(run_dir, "s.r.1", "train", {"SWEEP_ATTEMPT": "1"})
    assert first == Path("/t/sweep/s/dist_s.r.1-train-1.yaml")
    assert coordination_file(run_dir, "s.r.1", "train", {"SWEEP_ATTEMPT": "2"}) != first
    assert coordination_file(run_dir, "s.r.1", "eval", {"SWEEP_ATTEMPT": "1"}) != first
    restarted = {"SWEEP_ATTEMPT": "1", "TORCHELASTIC_RESTART_COUNT": "1"}
    assert coordination_file(run_dir, "s.r.1", "train", restarted) != first
    assert coordination_file(Path("/t/one"), "a b", "train", {}).name == "dist_a_b-train.yaml"


def test_the_other_ranks_exit_with_the_code_of_rank_0(tmp_path: Path) -> None:
    path = tmp_path / "dist_s.r.1.yaml"
    leader = Leader(path, Ranks(rank=0, world=2), "s.r.1", "abc-1.r.1")
    # What rank 0 does while the other one sleeps.
    acts = iter([lambda: None, lambda: leader.progress(64), lambda: leader.finish(65)])
    assert follow(path, stale_seconds=60, clock=lambda: 0.0, sleep=lambda seconds: next(acts)()) == 65
    assert yaml.safe_load(path.read_text()) == {
        "run": "s.r.1", "wandb_run_id": "abc-1.r.1", "status": "failed", "exit_code": 65, "progress": None,
    }  # fmt: skip


def test_the_other_ranks_give_up_after_a_timeout(tmp_path: Path) -> None:
    path = tmp_path / "dist.yaml"
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds
        if now[0] < 5:
            Leader(path, Ranks(rank=0, world=2), "s", None).progress(int(now[0]))

    with pytest.raises(Exit, match=r"shows no progress for 10 s; is run_dir on a volume") as gave_up:
        follow(path, stale_seconds=10, clock=lambda: now[0], sleep=sleep)
    assert gave_up.value.code == STALE
    assert 14 <= now[0] <= 16


def test_one_process_alone_writes_no_coordination_file(tmp_path: Path) -> None:
    Leader(tmp_path / "dist.yaml", Ranks(rank=0, world=1), "s", None).finish(0)
    assert list(tmp_path.iterdir()) == []
