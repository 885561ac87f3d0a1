"""``make generate``: what follows from the models. JSON schemas, so that editors complete and check manifests."""

from __future__ import annotations

import json
from pathlib import Path

from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun

TARGET = Path("configs/schema")


def schemas() -> dict[str, str]:
    """File name to content."""
    files = {}
    for name, model in (("sweep.json", Sweep), ("sweeprun.json", SweepRun)):
        schema = model.model_json_schema(by_alias=True, mode="validation")
        schema["properties"].pop("status", None)
        files[name] = json.dumps(schema, indent=1, sort_keys=True) + "\n"
    return files


def main() -> None:
    """Write the files below the working directory."""
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, content in schemas().items():
        (TARGET / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
