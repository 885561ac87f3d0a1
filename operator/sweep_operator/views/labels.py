"""Names of runs and of parameters as people read them."""

from __future__ import annotations

from collections.abc import Sequence

from sweep_operator.api.sweeprun import SweepRun


def label(run: SweepRun) -> str:
    """The run's name as shown to users."""
    return run.status.run_name or run.name


def short_labels(paths: Sequence[str]) -> dict[str, str]:
    """The last part of each path, extended until it is unique."""
    labels = {}
    for path in paths:
        parts = path.split(".")
        for length in range(1, len(parts) + 1):
            tail = ".".join(parts[-length:])
            if sum(p == tail or p.endswith("." + tail) for p in paths) == 1:
                break
        labels[path] = tail
    return labels
