"""Local mode: the same engine over the embedded Kube, on one machine."""

from sweep_operator.local.session import LocalSession

__all__ = ["LocalSession"]
