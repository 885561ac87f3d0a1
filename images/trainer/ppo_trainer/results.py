"""The result of a stage: JSON of at most 4096 bytes, written in place to ``$SWEEP_RESULTS_FILE``.

In a container that file is a bind mount which becomes the termination message, so it must not be renamed over.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ppo_trainer.atomic import write_atomically

RESULTS_BYTES = 4096
EVAL_RESULTS = "sweep_eval_results.yaml"


def encode(result: Mapping[str, Any]) -> bytes:
    """``result`` as JSON. Raises ValueError for a non-finite number or more than 4096 bytes."""
    encoded = json.dumps(result, allow_nan=False).encode()
    if len(encoded) > RESULTS_BYTES:
        raise ValueError(f"the result has {len(encoded)} bytes, more than {RESULTS_BYTES}")
    return encoded


def report(environ: Mapping[str, str], result: Mapping[str, Any]) -> None:
    """Write ``result`` to ``$SWEEP_RESULTS_FILE``. Does nothing outside a sweep."""
    path = environ.get("SWEEP_RESULTS_FILE")
    if path:
        Path(path).write_bytes(encode(result))


def report_error(environ: Mapping[str, str], reason: str) -> None:
    """Report why there is no result. An unwritable file must not hide the reason."""
    try:
        report(environ, {"error": reason})
    except OSError as error:
        print(f"cannot write $SWEEP_RESULTS_FILE: {error}")


def write_eval_results(run_dir: Path, results: Mapping[str, Any]) -> None:
    """Write the full results of the evaluation into the run directory."""
    write_atomically(run_dir / EVAL_RESULTS, yaml.safe_dump(dict(results), sort_keys=False).encode())
