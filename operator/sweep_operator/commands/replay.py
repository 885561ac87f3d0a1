"""What ``sweep replay`` and ``kubectl sweep replay`` print."""

from __future__ import annotations

import asyncio

from sweep_operator.commands.output import echo
from sweep_operator.commands.recorded import Recorded
from sweep_operator.config.errors import ConfigError
from sweep_operator.suggest.provenance import optimizer_version
from sweep_operator.suggest.replay import NotReplayable, replay


def print_replay(recorded: Recorded, name: str) -> None:
    """Compute the suggestion of the run ``name`` again, and compare it with the run. Raises ConfigError."""
    sweep, runs = recorded.sweep, recorded.runs
    run = next((r for r in runs if name in (r.name, r.status.run_name)), None)
    if run is None:
        raise ConfigError(f"no run {name!r} in sweep {sweep.display_name}")
    try:
        earlier = recorded.earlier()
        proposal = asyncio.run(replay(sweep, runs, earlier, run))
    except LookupError as error:
        raise ConfigError(f"{name} cannot be replayed: {error.args[0]} no longer exists") from None
    except NotReplayable as error:
        raise ConfigError(f"{name} cannot be replayed: {error}") from None
    provenance = run.spec.provenance
    assert provenance is not None
    after = f"after run {provenance.through_index}" if provenance.through_index >= 0 else "before the first run"
    echo(f"{name}: {provenance.observations} results, suggested {after}, origin {proposal.origin}")
    for path, value in proposal.parameters.items():
        was = run.spec.parameters.get(path)
        echo(f"  {path}: {value!r}" + ("" if value == was else f"  (the run has {was!r})"))
    if proposal.parameters == run.spec.parameters:
        echo("The parameters are the same, bit for bit.")
        return
    echo(f"computed by {provenance.version}, and now by {optimizer_version()}", err=True)
    raise ConfigError("the parameters differ: another machine, other versions or another device computed them")
