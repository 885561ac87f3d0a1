"""Memory and processor time of the operator's processes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import psutil

from tests.cluster.operator_process import Operator

_MB = 2**20


@dataclass(frozen=True)
class Footprint:
    """MB: resident, and with what several processes share counted in proportion (0 where the kernel does not say)."""

    main_rss_mb: float
    main_pss_mb: float
    child_rss_mb: float
    child_pss_mb: float
    main_peak_mb: float
    """Resident, at most since the start of the process (0 where the kernel does not say)."""
    cpu_seconds: float
    """Of the main process, since its start."""

    @classmethod
    def of(cls, operator: Operator) -> Self:
        """The process, and its child, the optimizer, apart."""
        assert operator.process is not None
        main = psutil.Process(operator.process.pid)
        children = main.children(recursive=True)
        cpu = main.cpu_times()
        parts = (_rss(main), _pss(main), sum(map(_rss, children)), sum(map(_pss, children)))
        return cls(*parts, peak_of(main), cpu.user + cpu.system)

    def row(self) -> dict[str, Any]:
        """The memory alone."""
        return {name: value for name, value in asdict(self).items() if name.endswith("_mb")}


def _rss(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / _MB


def _pss(process: psutil.Process) -> float:
    return float(getattr(process.memory_full_info(), "pss", 0)) / _MB


def peak_of(process: psutil.Process) -> float:
    """MB: resident at most since its start (0 where the kernel does not say)."""
    status = Path(f"/proc/{process.pid}/status")
    lines = status.read_text().splitlines() if status.exists() else ()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)
