"""The child process: reads parcels from standard input, says on standard output what becomes of them.

Started as ``python -m sweep_operator.tracking.delivery.worker``. When its input ends (the operator is gone,
whatever it was doing), it ends itself and wandb-core, which would go on trying for days.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from sweep_operator.tracking.delivery.messages import Line, Parcel
from sweep_operator.tracking.troubles import trouble_of


def main() -> None:
    """Work until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    parcels: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(parcels,), daemon=True).start()
    talking = threading.Lock()

    def say(line: Line) -> None:
        with talking:
            answers.write(line.model_dump_json(by_alias=True, exclude_none=True) + "\n")
            answers.flush()

    while True:
        parcel = Parcel.model_validate_json(parcels.get())
        try:
            _work(parcel, say)
        except Exception as error:
            place = f"{parcel.entity}/{parcel.project}" if parcel.entity else parcel.project
            trouble = trouble_of(error, place)
            key = os.environ.get("WANDB_API_KEY")
            text = trouble.message.replace(key, "***") if key else trouble.message
            say(Line(kind="trouble", trouble=trouble.with_(message=text)))
        say(Line(kind="done"))


def _work(parcel: Parcel, say: Callable[[Line], None]) -> None:
    from sweep_operator.tracking.delivery.deliver import Delivery, work_offline
    from sweep_operator.tracking.sdk import Project

    if parcel.folder is not None:
        work_offline(parcel, Path(parcel.folder), say)
        return
    project = Project(parcel.entity, parcel.project, parcel.patience)
    Delivery(project, parcel, say).work()


def _read(parcels: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        parcels.put(line)
    _end()


def _end() -> None:
    import psutil

    for child in psutil.Process().children(recursive=True):
        child.kill()
    os._exit(0)


if __name__ == "__main__":
    main()
