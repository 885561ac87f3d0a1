"""Trains the configurations of the benchmark of learning curves: `python -m tests.bench.curves.train`.

Each configuration of a scrambled Sobol sequence is trained completely, with one thread. Its scores and CPU seconds at
epochs on a logarithmic grid are one line of train_dir/bench/curves/TASK.jsonl. What is in the file is not trained
again, so that an interrupted command continues. `--pack` writes the tables to tests/bench/curves/data.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
import zlib
from pathlib import Path

import numpy as np

from tests.bench.curves.trainings import TRAININGS, Training

RAW = Path("train_dir/bench/curves")
DATA = Path(__file__).resolve().parent / "data"
MOST_SECONDS = 8.0
"""CPU seconds after which a training is not continued; its table has no scores beyond."""


def grid_of(epochs: int) -> list[int]:
    """The epochs whose scores are recorded: four per factor of 2, all up to 8."""
    steps = math.ceil(4 * math.log2(epochs))
    return sorted({*range(1, min(8, epochs) + 1), *(round(2 ** (k / 4)) for k in range(steps)), epochs})


def units_of(training: Training, count: int) -> list[list[float]]:
    """The first `count` points of the unit box, the center first; the number of epochs is not a coordinate."""
    from scipy.stats.qmc import Sobol

    space = training.space
    center = space.to_unit(space.center())[:-1]
    drawn = Sobol(len(space) - 1, scramble=True, seed=zlib.crc32(training.name.encode())).random(2**10)
    return [list(row) for row in [center, *drawn][:count]]


def train(training: Training, index: int, unit: list[float]) -> dict[str, object]:
    """One line of the table. A score that is not finite is null, like all after it."""
    params = training.space.from_unit([*unit, 1.0])
    rng = np.random.default_rng([zlib.crc32(training.name.encode()), index])
    kept, scores, seconds = set(grid_of(training.epochs)), [], []
    begin = time.process_time()
    with np.errstate(all="ignore"):
        for epoch, score in enumerate(training.run(params, rng), 1):
            passed = time.process_time() - begin
            if epoch in kept:
                scores.append(round(score, 5) if math.isfinite(score) and abs(score) < 1e6 else None)
                seconds.append(round(passed, 5))
            if epoch == training.epochs or scores[-1:] == [None] or passed > MOST_SECONDS:
                break
    return {"index": index, "unit": [round(u, 6) for u in unit], "scores": scores, "seconds": seconds}


def pack(training: Training, path: Path) -> None:
    """Write the table of a task: unit (n, d - 1), scores and seconds (n, epochs), NaN beyond the end."""
    rows = sorted(map(json.loads, path.read_text().splitlines()), key=lambda row: row["index"])
    grid = grid_of(training.epochs)
    scores, seconds = np.full((2, len(rows), len(grid)), np.nan)
    for i, row in enumerate(rows):
        scores[i, : len(row["scores"])] = [math.nan if s is None else s for s in row["scores"]]
        seconds[i, : len(row["seconds"])] = row["seconds"]
    DATA.mkdir(exist_ok=True)
    unit = np.array([row["unit"] for row in rows], dtype=np.float32)
    tables = {"unit": unit, "scores": scores.astype(np.float32), "seconds": seconds.astype(np.float32)}
    np.savez_compressed(DATA / f"{training.name}.npz", **tables)


def main() -> None:
    """Train, or pack what was trained."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", default=",".join(TRAININGS))
    parser.add_argument("--configurations", type=int, default=300)
    parser.add_argument("--minutes", type=float, default=60.0, help="start no training after this")
    parser.add_argument("--pack", action="store_true")
    a = parser.parse_args()
    chosen = [TRAININGS[name] for name in a.tasks.split(",")]
    RAW.mkdir(parents=True, exist_ok=True)
    paths = {t.name: RAW / f"{t.name}.jsonl" for t in chosen}
    if a.pack:
        for training in chosen:
            pack(training, paths[training.name])
        return
    stop = time.monotonic() + 60 * a.minutes
    lines = {name: path.read_text().splitlines() if path.exists() else [] for name, path in paths.items()}
    done = {name: {json.loads(line)["index"] for line in found} for name, found in lines.items()}
    units = {t.name: units_of(t, a.configurations) for t in chosen}
    for training in chosen:  # the first epoch loads data and libraries, which is no part of a training
        next(training.run(training.space.center(), np.random.default_rng(0)))
    for index in range(a.configurations):
        for training in chosen:
            if index not in done[training.name] and time.monotonic() < stop:
                line = json.dumps(train(training, index, units[training.name][index]), separators=(",", ":"))
                with paths[training.name].open("a") as file:
                    file.write(line + "\n")


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
