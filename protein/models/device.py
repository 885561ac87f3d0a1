"""The device that computes predictions, and the number of observations it conditions on; a GPU can use more.

Hyperparameters are always fitted on the CPU: with 256 rows, a GPU would mostly wait for kernel launches. The Cholesky
factor and the kernel rows of the candidates grow with the observations. They are stored on the device.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

CPU_ROWS = 1024
"""8 MB for one float64 matrix, and 0.03 s for its Cholesky factor on one thread."""
CUDA_ROWS = 8192
"""540 MB for one float64 matrix. At least three of them are in memory."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """A torch device, and the largest number of rows that a model is conditioned on there."""

    device: str = "cpu"
    rows: int = CPU_ROWS


CPU = Capacity()


def capacity_for(device: str, count: int) -> Capacity:
    """The capacity for `count` observations. `device` is auto, cpu or cuda, as in ProteinSettings.

    auto uses a GPU if there is one and `count` exceeds CPU_ROWS; below that a GPU is not faster. Raises ValueError for
    cuda without a GPU.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device: 'cuda' is not available here; use 'auto' or 'cpu', or install torch with CUDA")
    if device == "cuda" or (device == "auto" and count > CPU_ROWS and torch.cuda.is_available()):
        return Capacity("cuda", CUDA_ROWS)
    return CPU
