"""Child processes that speak JSON lines: answers, deaths, invalid output, and nothing that outlives its parent."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from pydantic import BaseModel

from sweep_operator.child_process import ChildFailed, ChildOnDemand, ChildProcess
from tests.fuzz import clock

WORKER = """
import os, subprocess, sys, time
from pydantic import BaseModel
from sweep_operator.child_process import serve

class Word(BaseModel):
    word: str

def answer(line, send):
    word = Word.model_validate_json(line).word
    print("printed", word)
    if word == "die":
        print("Secret-1 refused", file=sys.stderr, flush=True)
        os._exit(3)
    if word == "garble":
        send(type("Other", (BaseModel,), {"__annotations__": {"x": int}})(x=1))
    elif word == "start":
        helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
        send(Word(word=str(helper.pid)))
        time.sleep(600)
    elif word != "hang":
        send(Word(word=word.upper()))

serve(answer)
"""


class Word(BaseModel):
    word: str


@pytest.fixture
async def child(tmp_path: Path) -> AsyncIterator[ChildProcess]:
    (tmp_path / "echo_worker.py").write_text(WORKER)
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)])}
    made = await ChildProcess.start(
        "echo_worker", title="echo process", environ=environ, line_limit=1000, folder=tmp_path, secret="Secret-1"
    )
    yield made
    await made.kill()
    assert not made.running


async def ask(child: ChildProcess, word: str, seconds: float = 60) -> str:
    child.send(Word(word=word))
    return (await child.receive(Word, seconds)).word


async def test_one_answer_per_line_and_prints_go_to_standard_error(child: ChildProcess, tmp_path: Path) -> None:
    assert [await ask(child, word) for word in ("a", "b")] == ["A", "B"]
    assert child.running
    with pytest.raises(TimeoutError):
        await ask(child, "hang", 0.2)


async def test_a_process_that_dies_leaves_its_exit_code_and_last_words_without_the_secret(child: ChildProcess) -> None:
    with pytest.raises(ChildFailed, match=r"^the echo process ended with exit code 3: \*\*\* refused$"):
        await ask(child, "die")


@pytest.mark.parametrize(("word", "says"), [("garble", 'unexpected message .*\'{"x":1}'), ("a" * 2000, "limit")])
async def test_an_answer_that_is_invalid_or_too_long_is_an_error(child: ChildProcess, word: str, says: str) -> None:
    with pytest.raises(ChildFailed, match=says):
        await ask(child, word)


async def test_killing_it_kills_what_it_has_started(child: ChildProcess) -> None:
    helper = psutil.Process(int(await ask(child, "start")))
    await child.kill()
    psutil.wait_procs([helper], timeout=30)
    assert not child.running
    assert not helper.is_running() or helper.status() == psutil.STATUS_ZOMBIE


async def test_it_ends_with_what_it_has_started_when_its_input_closes(child: ChildProcess) -> None:
    helper = psutil.Process(int(await ask(child, "start")))
    assert child._process.stdin is not None
    child._process.stdin.close()
    await child._process.wait()
    psutil.wait_procs([helper], timeout=30)
    assert not helper.is_running() or helper.status() == psutil.STATUS_ZOMBIE


async def test_a_family_that_was_remembered_is_killed_after_a_death(child: ChildProcess) -> None:
    helper = psutil.Process(int(await ask(child, "start")))
    child.remember_family(refresh=False)
    psutil.Process(child.pid).kill()
    await child._process.wait()
    assert helper.is_running()
    await child.kill()
    psutil.wait_procs([helper], timeout=30)
    assert not helper.is_running() or helper.status() == psutil.STATUS_ZOMBIE


async def test_killing_it_does_not_wait_for_what_else_holds_its_output_open(tmp_path: Path) -> None:
    script = """sleep 600 & echo "{\\"word\\": \\"$!\\"}\""""
    code = f"import subprocess, sys\nsubprocess.run(['sh', '-c', {script!r}])\nsys.stdin.read()\n"
    (tmp_path / "leaving_worker.py").write_text(code)
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    child = await ChildProcess.start("leaving_worker", title="leaving process", environ=environ, line_limit=1000)
    left = psutil.Process(int((await child.receive(Word, 60)).word))
    try:
        async with asyncio.timeout(60):
            await child.kill()
        assert not child.running
    finally:
        left.kill()


def test_allocations_beyond_the_memory_limit_fail() -> None:
    code = (
        "from sweep_operator.child_process import limit_memory\nlimit_memory(300 << 20)\n"
        "try:\n    bytearray(400 << 20)\nexcept MemoryError:\n    print('refused', len(bytearray(1 << 20)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "refused 1048576\n"


def test_a_process_ends_so_long_after_its_last_use_and_never_while_it_is_used() -> None:
    class Played:
        """A process: virtual time does not wait for a real one."""

        running = True

        async def kill(self) -> None:
            self.running = False

    played: list[Any] = []

    async def start() -> Any:
        played.append(Played())
        return played[-1]

    async def use() -> None:
        child = ChildOnDemand(start)
        for pause in (599, 599):
            await child.running()
            child.end_in(600)
            await asyncio.sleep(pause)
        await child.running()
        await asyncio.sleep(86_400)
        assert child.process is played[0]
        child.end_in(600)
        await asyncio.sleep(601)
        assert child.process is None
        await child.running()
        assert [p.running for p in played] == [False, True]
        await child.close()

    clock.run(use())
