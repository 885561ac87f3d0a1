"""Where predictions are computed, and on how many observations: a GPU conditions on more of them than a CPU can.

Hyperparameters are fitted on the CPU in any case (256 rows: a GPU would wait for its launches). What grows with the
observations is the Cholesky factor and the kernel rows of the candidates; those live on the device.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

CPU_ROWS = 1024
"""8 MB a matrix of float64, and 0.03 s for its factor on one thread."""
CUDA_ROWS = 8192
"""540 MB a matrix of float64; three or more of them are held."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """A torch device, and the largest number of rows that a model is conditioned on there."""

    device: str = "cpu"
    rows: int = CPU_ROWS


CPU = Capacity()


def capacity_for(device: str, count: int) -> Capacity:
    """The capacity for `count` observations; `device` as in ProteinSettings: auto, cpu or cuda.

    auto takes a GPU where one is present and `count` is more than the CPU conditions on: below that it is no faster.
    Raises ValueError for cuda where there is none.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device: 'cuda' is not available here; use 'auto' or 'cpu', or install torch with CUDA")
    if device == "cuda" or (device == "auto" and count > CPU_ROWS and torch.cuda.is_available()):
        return Capacity("cuda", CUDA_ROWS)
    return CPU
