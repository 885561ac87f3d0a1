"""``<runs_dir>/<displayName>/config.yaml``: identifies the sweep of a directory for people and other tools."""

from __future__ import annotations

from pathlib import Path

from sweep_operator.api.sweep import Sweep
from sweep_operator.config.yaml_files import to_yaml
from sweep_operator.kube.atomic_file import write_atomically


def write_config(directory: Path, sweep: Sweep) -> None:
    """Atomically write the name, uid, metric, goal and W&B sweep id (null if there is none)."""
    created = sweep.metadata.creation_timestamp
    tracking = sweep.status.tracking
    content = {
        "sweep": sweep.display_name,
        "name": sweep.name,
        "uid": sweep.metadata.uid,
        "created": created.isoformat() if created else None,
        "metric": sweep.spec.metric or "score",
        "goal": sweep.spec.goal,
        **({"objectives": [o.to_json() for o in sweep.spec.objectives]} if sweep.spec.objectives else {}),
        "wandb_sweep_id": tracking.wandb_sweep_id if tracking else None,
    }
    write_atomically(directory / "config.yaml", to_yaml(content) + "\n")
