"""``<runs_dir>/<displayName>/config.yaml``: what a sweep directory is, for people and for other tools."""

from __future__ import annotations

import io
import os
from pathlib import Path

from ruamel.yaml import YAML

from sweep_operator.api.sweep import Sweep


def write_config(directory: Path, sweep: Sweep) -> None:
    """Name, uid, metric, goal and the W&B sweep id if there is one; replaced atomically."""
    created = sweep.metadata.creation_timestamp
    tracking = sweep.status.tracking
    content = {
        "sweep": sweep.display_name,
        "name": sweep.name,
        "uid": sweep.metadata.uid,
        "created": created.isoformat() if created else None,
        "metric": sweep.spec.metric or "score",
        "goal": sweep.spec.goal,
        "wandb_sweep_id": tracking.wandb_sweep_id if tracking else None,
    }
    text = io.StringIO()
    YAML(typ="safe", pure=True).dump(content, text)
    temporary = directory / ".config.yaml.tmp"
    temporary.write_text(text.getvalue(), encoding="utf-8")
    os.replace(temporary, directory / "config.yaml")
