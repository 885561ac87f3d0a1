"""Parses stored SweepRuns."""

from __future__ import annotations

import logging
from contextlib import suppress

from pydantic import ValidationError

from sweep_operator.api.errors import field_path, place_in
from sweep_operator.api.model import STORED
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.engine.store import Key, Store
from sweep_operator.kube.protocol import Object

log = logging.getLogger(__name__)


def stored_run(store: Store, key: Key) -> SweepRun | None:
    """The parsed run; None if it does not exist or cannot be read."""
    text = store.text(key)
    if text is not None:  # without a dictionary, because there may be thousands of runs
        with suppress(ValidationError):
            return SweepRun.model_validate_json(text, extra="ignore", context=STORED)
    obj = store.get(*key)
    return None if obj is None else read_run(obj)


def read_run(obj: Object) -> SweepRun | None:
    """None for a run that cannot be read (created before its field had a schema, for example): it is ignored.

    Users may create thousands of them, so nothing is repaired, and the log names one error of each.
    """
    try:
        return SweepRun.model_validate(obj, extra="ignore", context=STORED)
    except ValidationError as error:
        meta, first = obj["metadata"], error.errors(include_url=False, include_context=False)[0]
        where, count = field_path(place_in(first["loc"], obj)), error.error_count()
        text = f"{where}: {first['msg']}" + (f" (and {count - 1} more errors)" if count > 1 else "")
        log.warning("SweepRun %s/%s: %s", meta.get("namespace"), meta["name"], text)
        return None
