"""One thread for everything numerical, whatever the machine and the caller have set."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager

import scipy.linalg.blas  # noqa: F401  # so that the controller finds scipy's own BLAS, which L-BFGS uses
import threadpoolctl
import torch


@contextmanager
def pinned_threads(count: int = 1) -> Iterator[None]:
    """Run with `count` threads in torch and in every BLAS, and give the caller's settings back.

    The order of floating point sums depends on the number of threads: only a fixed one gives the same bits on every
    call. One thread is no slower below some 500 observations (a BLAS with more of them mostly waits for itself: three
    times the CPU seconds at 100 observations), and leaves the other cores to the training runs.
    """
    before = torch.get_num_threads()
    with _pools().limit(limits=count):
        if before != count:
            torch.set_num_threads(count)
        try:
            yield
        finally:
            if before != count:
                torch.set_num_threads(before)


@functools.cache
def _pools() -> threadpoolctl.ThreadpoolController:
    """The libraries with threads of their own; looking for them takes some milliseconds."""
    return threadpoolctl.ThreadpoolController()
