"""A fixed number of threads for all numerical code, independent of the machine and of the caller's settings.

torch and scipy take seconds to import, and are imported at the first use.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager

import threadpoolctl


@contextmanager
def pinned_threads(count: int = 1) -> Iterator[None]:
    """Run with `count` threads in torch and in every BLAS, and restore the caller's settings afterwards.

    The order of floating point sums depends on the number of threads, so only a fixed number gives the same bits on
    every call. Below about 500 observations one thread is not slower: several threads mostly wait for each other and
    take three times the CPU seconds at 100 observations. The other cores stay free for the training runs.
    """
    import torch

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
    """The loaded libraries with thread pools. Cached, because the search for them takes some milliseconds."""
    import scipy.linalg.blas  # noqa: F401  # loads scipy's own BLAS, which L-BFGS uses, so that the controller finds it

    return threadpoolctl.ThreadpoolController()
