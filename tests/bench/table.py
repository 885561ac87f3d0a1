"""Sweeps by number of runs and of parallel runs, in one table: `python -m tests.bench.table [--sizes 200x4,500x100]`.

The first rows are in virtual time: each request takes 5 ms, and decisions take no time. They show the shape, whatever
the machine. The other rows are the truth on this machine: a real control plane, which shares it, with pods played by
KWOK.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence

COLUMNS = (
    "what", "runs", "parallel", "runs/s", "slots used", "end to next Job p50, s", "p99", "max", "fallbacks",
    "requests/run", "CPU s/run", "MB", "optimizers MB", "report",
)  # fmt: skip
VIRTUAL = "200x4,1000x100,2000x500"
REAL = "200x4,500x100"


def header() -> str:
    """The first two lines."""
    return "| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS)


def row(*cells: object) -> str:
    """A row. Cells that are missing at its end are empty."""
    return "| " + " | ".join(map(str, cells)) + " |" + " |" * (len(COLUMNS) - len(cells))


def sizes(text: str) -> list[tuple[int, int]]:
    """(runs, parallel runs) of ``200x4,500x100``."""
    pairs = (size.partition("x") for size in text.split(","))
    return [(int(runs), int(parallel)) for runs, _, parallel in pairs]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    from tests.bench.cluster import many  # they import the columns from here
    from tests.bench.scale import shape

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--virtual", type=sizes, default=VIRTUAL, help="runs x parallel runs (default: %(default)s)")
    parser.add_argument("--sizes", type=sizes, default=REAL, help="on the control plane (default: %(default)s)")
    args = parser.parse_args(arguments)
    logging.disable(logging.WARNING)
    print(header(), flush=True)
    for size in args.virtual:
        print(shape.row_of(*size), flush=True)
    for runs, parallel in args.sizes:
        many.main(["--runs", str(runs), "--parallel", str(parallel), "--no-header"])


if __name__ == "__main__":
    main()
