"""A sweep with all that its optimizer has learned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.commands.output import echo
from sweep_operator.decide.plan import NOTHING_EARLIER, EarlierObservations
from sweep_operator.engine.warm_start import stored_observations
from sweep_operator.kube.protocol import Object


@dataclass(frozen=True)
class Recorded:
    """The sweep, its runs, and ConfigMaps."""

    sweep: Sweep
    runs: Sequence[SweepRun]
    config_maps: Sequence[Object] = ()
    """The one with the observations of the warm start among them, if it could be read."""

    def earlier(self) -> EarlierObservations:
        """The observations of the warm start. Raises LookupError if they are not there."""
        return stored_observations(self.sweep, self.config_maps)

    def earlier_if_readable(self) -> EarlierObservations:
        """The observations of the warm start; without them, a note on standard error."""
        try:
            return self.earlier()
        except LookupError:
            echo("note: the observations of the warm start cannot be read, so the model does not know them", err=True)
            return NOTHING_EARLIER
