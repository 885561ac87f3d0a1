"""Local mode: the engine on one machine, with the embedded API server."""

from sweep_operator.local.session import LocalSession

__all__ = ["LocalSession"]
