"""`sweep ui` on a terminal starts the browser, and passes it the token by a file that does not stay."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.local.sweeps import PATIENCE

BROWSER = f"""#!{sys.executable}
import os, re, sys, time, urllib.request
from pathlib import Path
from urllib.parse import urlsplit

here = Path(__file__).parent
url = re.search(r'href="([^"#]+)#token=', Path(urlsplit(sys.argv[1]).path).read_text())[1]
(here / "started").touch()
if not (here / "hangs").exists():
    urllib.request.urlopen(url).close()
    (here / "loaded").touch()
while not (here / "closed").exists():
    time.sleep(0.05)
"""


class Terminal:
    """A terminal, the browser of its user, and an empty home directory."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "home"
        self.home.mkdir()
        self.browser = folder / "browser"
        self.browser.write_text(BROWSER)
        self.browser.chmod(0o700)
        self._terminal, self._of_processes = pty.openpty()
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        """Start `sweep ui`."""
        env = {**os.environ, "HOME": str(self.home), "DISPLAY": ":0", "BROWSER": str(self.browser)}
        command = [sys.executable, "-m", "sweep_operator.cli.main", "ui", "--runs-dir", str(self.folder / "runs")]
        process = subprocess.Popen(command, cwd=self.folder, stdout=self._of_processes, env=env)
        self._processes.append(process)
        return process

    def files(self) -> list[Path]:
        """What is in the home directory."""
        return sorted(self.home.iterdir())

    def close(self) -> None:
        """Close the browser and the terminal."""
        (self.folder / "closed").touch()
        for process in self._processes:
            process.kill()
            process.wait()
        os.close(self._terminal)
        os.close(self._of_processes)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    found = Terminal(tmp_path)
    yield found
    found.close()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.05)


async def test_a_browser_that_stays_in_the_foreground_gets_the_page_and_the_file_is_removed(terminal: Terminal) -> None:
    process = terminal.start()
    await until((terminal.folder / "loaded").exists)
    assert terminal.files() == []
    process.send_signal(signal.SIGINT)
    assert await asyncio.to_thread(process.wait) == 0, "although the browser is open"


async def test_the_file_of_a_killed_process_is_removed_at_the_next_start(terminal: Terminal) -> None:
    (terminal.folder / "hangs").touch()
    process = terminal.start()
    await until((terminal.folder / "started").exists)
    process.kill()
    process.wait()
    (left,) = terminal.files()
    assert stat.S_IMODE(left.stat().st_mode) == 0o600
    (terminal.folder / "hangs").unlink()
    (terminal.home / "sweep-page-notes.html").touch()
    terminal.start()
    await until((terminal.folder / "loaded").exists)
    assert terminal.files() == [terminal.home / "sweep-page-notes.html"]
