"""Runs a sweep as `sweep run` does, and kills itself (SIGKILL) at the n-th commit of the state file if told to.

python driver.py RUNS_DIR MANIFEST.json [N before|after]
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from sweep_operator.kube.embedded.persistence import Persistence
from sweep_operator.kube.state_file import Body
from sweep_operator.local import LocalSession

_save = Persistence.save
commits = 0


def die_at(n: int, when: str) -> None:
    def save(self: Persistence, *args: Any, **kwargs: Any) -> list[Body]:
        global commits
        commits += 1
        if commits == n and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        bodies = _save(self, *args, **kwargs)
        if commits == n and when == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return bodies

    Persistence.save = save  # type: ignore[method-assign]


async def main(runs_dir: Path, manifest: dict[str, Any]) -> None:
    async with LocalSession(runs_dir, manifest) as session:
        async with asyncio.timeout(600):
            while not session.done():
                await session.changed(0.2)


if __name__ == "__main__":
    die_at(int(sys.argv[3]) if len(sys.argv) > 3 else -1, sys.argv[4] if len(sys.argv) > 4 else "")
    asyncio.run(main(Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())))
    print(commits)
