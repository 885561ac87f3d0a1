"""Seeds of environments: training draws from [0, 2^31), evaluation from [2^31, 2^32), so that they never overlap."""

from __future__ import annotations

import hashlib

EVALUATION = 2**31
_ROOM = 1024
"""Environment i of a training is seeded with base + i, which must stay below EVALUATION (n_envs is at most 1024)."""


def training_seed(seed: int, timesteps: int = 0) -> int:
    """Base seed of a training that resumes at ``timesteps``. It differs so that the first episodes are not repeated."""
    return _hashed(f"train {seed} {timesteps}") % (EVALUATION - _ROOM)


def evaluation_seeds(seed: int, episodes: int) -> list[int]:
    """``episodes`` different seeds, one per episode. A longer list begins with the shorter one."""
    start = _hashed(f"evaluate {seed}") % EVALUATION
    return [EVALUATION + (start + episode) % EVALUATION for episode in range(episodes)]


def _hashed(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
