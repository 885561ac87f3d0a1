"""The delivery process: reads parcels from standard input and reports their delivery on standard output.

Started as ``python -m sweep_operator.tracking.delivery.worker``. wandb is imported here, when the first parcel arrives,
so that a missing SDK is reported and does not end the process.
"""

from __future__ import annotations

from pathlib import Path

from sweep_operator.child_process import Send, serve
from sweep_operator.tracking.delivery.messages import Line, Parcel
from sweep_operator.tracking.delivery.process import own_folder
from sweep_operator.tracking.troubles import trouble_of


def main() -> None:
    """Deliver until standard input closes."""
    serve(_answer, folder=own_folder())


def _answer(line: bytes, send: Send) -> None:
    parcel = Parcel.model_validate_json(line)
    try:
        _deliver(parcel, send)
    except Exception as error:
        place = f"{parcel.entity}/{parcel.project}" if parcel.entity else parcel.project
        send(Line(kind="trouble", trouble=trouble_of(error, place)))
    send(Line(kind="done"))


def _deliver(parcel: Parcel, send: Send) -> None:
    from sweep_operator.tracking.delivery.deliver import Delivery, deliver_offline
    from sweep_operator.tracking.sdk import Project

    if parcel.folder is not None:
        deliver_offline(parcel, Path(parcel.folder), send)
    else:
        Delivery(Project(parcel.entity, parcel.project, parcel.patience), parcel, send).work()


if __name__ == "__main__":
    main()
