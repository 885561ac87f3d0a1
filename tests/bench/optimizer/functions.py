"""The synthetic functions of the tasks, each to be minimized over a box."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from tests.bench.optimizer.space import Array

Function = Callable[[Array], float]


def branin(x: Array) -> float:
    """Two parameters, three optima."""
    b, c, t = 5.1 / (4 * np.pi**2), 5 / np.pi, 1 / (8 * np.pi)
    return float((x[1] - b * x[0] ** 2 + c * x[0] - 6) ** 2 + 10 * (1 - t) * np.cos(x[0]) + 10)


_H6_A = np.array(
    [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
)
_H6_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def hartmann6(x: Array) -> float:
    """Six parameters, six local optima."""
    return -float(np.array([1.0, 1.2, 3.0, 3.2]) @ np.exp(-(_H6_A * (x[:6] - _H6_P) ** 2).sum(1)))


def hidden_hartmann6(x: Array) -> float:
    """hartmann6 of every sixth parameter; the others do nothing."""
    return hartmann6(x[::6])


def rosenbrock(x: Array) -> float:
    """A curved valley."""
    return float(np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2))


def levy(x: Array) -> float:
    """Many local optima in each direction."""
    w = 1 + (x - 1) / 4
    middle = np.sum((w[:-1] - 1) ** 2 * (1 + 10 * np.sin(np.pi * w[:-1] + 1) ** 2))
    return float(np.sin(np.pi * w[0]) ** 2 + middle + (w[-1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[-1]) ** 2))


def ackley(x: Array) -> float:
    """A narrow funnel on a rippled plain."""
    ripples = np.exp(np.mean(np.cos(2 * np.pi * x)))
    return float(20 - 20 * np.exp(-0.2 * math.sqrt(np.mean(x**2))) + math.e - ripples)


def decaying(x: Array) -> float:
    """Every parameter matters, each less than the one before, and neighbors interact."""
    weights = 0.8 ** np.arange(len(x))
    curved = 1 - np.exp(-2 * (x + 0.5 * np.roll(x, 1)) ** 2)
    return float(weights @ curved / weights.sum())
