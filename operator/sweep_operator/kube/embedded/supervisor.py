"""The supervisor of one local process. It uses only the standard library, so that it starts in milliseconds.

It starts the command in its own process group and waits. When its standard input closes, because `sweep run` has ended
(even by kill -9), it kills the whole group. The exit record is written before the supervisor ends, so a result survives
the death of `sweep run`.

    python -I -S supervisor.py SPEC.json      SPEC: {"uid", "argv", "cwd", "log", "record", "lock", "grace"}

The first line of standard input is the environment as JSON; later bytes are commands: T for SIGTERM, K for SIGKILL.
The lock file is locked while this process is running: a process that gets the lock knows that the supervisor and its
command have ended. The lock is taken before the input is read, so a supervisor whose parent has died starts nothing.
"""

import contextlib
import errno
import fcntl
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
PR_SET_PDEATHSIG = 1
PROBE_BYTES = 64 * 1024


def main(path: str) -> int:
    try:
        with open(path, encoding="utf-8") as file:
            spec = json.load(file)
    except FileNotFoundError:
        return 0  # the next `sweep run` has already recorded this pod as lost
    lock = os.open(spec["lock"], os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    fcntl.flock(lock, fcntl.LOCK_EX)
    env = _read_environment()
    if env is None:
        return 0
    _prctl(PR_SET_CHILD_SUBREAPER, 1)  # grandchildren that leave the group become our children
    started = time.time()
    try:
        with open(spec["log"], "ab", buffering=0) as log:
            child = subprocess.Popen(
                spec["argv"],
                env=env,
                cwd=spec["cwd"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: _prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
            )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        _record(spec, _start_error(spec, error))
        return 0
    _say({"pid": child.pid, "started": started})
    code, orphaned = _wait(child, spec["grace"])
    _kill_group(child.pid, signal.SIGKILL)
    _kill_descendants()
    if not orphaned:
        full = code != 0 and _disk_is_full(spec["record"])
        end: dict[str, object] = {"code": code, "started": started, "finished": time.time(), "diskFull": full}
        end["peakMemory"] = _peak_memory()
        _say(end)  # in case it cannot be written
        _record(spec, end)
    return 0


def _start_error(spec: "dict[str, str]", error: Exception) -> "dict[str, object]":
    why, reason = str(error), "StartError"
    if isinstance(error, OSError):
        why = f"{error.filename or spec['argv'][0]}: {error.strerror}"
        if error.errno in (errno.ENOENT, errno.EACCES, errno.ENOEXEC):
            reason = "ProgramNotFound"
    return {"startError": why, "reason": reason, "finished": time.time()}


def _read_environment() -> "dict[str, str] | None":
    """The environment; None if the sender has died."""
    text = b""
    while not text.endswith(b"\n"):
        part = os.read(0, 1 << 16)
        if not part:
            return None
        text += part
    env: dict[str, str] = json.loads(text)
    return env


def _wait(child: "subprocess.Popen[bytes]", grace: float) -> "tuple[int, bool]":
    """Exit code, and whether the input closed before the command had ended."""
    signal.set_wakeup_fd(_pipe_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    while (code := child.poll()) is None:
        ready, _, _ = select.select([0, _pipe_read], [], [], 5.0)
        if _pipe_read in ready:
            os.read(_pipe_read, 4096)
        if 0 in ready:
            command = os.read(0, 4096)
            if not command:
                # A short grace period for a program that is about to end, then SIGKILL.
                deadline = time.monotonic() + grace
                _kill_group(child.pid, signal.SIGTERM)
                while child.poll() is None and time.monotonic() < deadline:
                    time.sleep(0.02)
                _kill_group(child.pid, signal.SIGKILL)
                return child.wait(), True
            if command.startswith(b"T"):
                _kill_group(child.pid, signal.SIGTERM)
            elif command.startswith(b"K"):
                _kill_group(child.pid, signal.SIGKILL)
    return code, False


def _peak_memory() -> int:
    """Bytes of the largest process that has ended."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit


def _kill_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _prctl(option: int, value: int) -> None:
    """Linux only; other systems have only the process group."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(Exception):
            import ctypes

            ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _kill_descendants() -> None:
    for _ in range(50):
        children = _children()
        if not children:
            return
        for pid in children:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.01)


def _children() -> "list[int]":
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []


def _record(spec: "dict[str, str]", content: "dict[str, object]") -> None:
    """Write the exit record in the place that was reserved for it: the disk may be full."""
    path = spec["record"]
    temporary = path + ".tmp"
    with contextlib.suppress(OSError):
        with open(temporary, "r+" if os.path.exists(temporary) else "w", encoding="utf-8") as file:
            json.dump({"uid": spec["uid"], **content}, file)
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)


def _disk_is_full(beside: str) -> bool:
    """Whether nothing more can be written, which may be why the command has failed."""
    probe = beside + ".probe"
    try:
        with open(probe, "wb") as file:
            file.write(b"\0" * PROBE_BYTES)
    except OSError:
        return True
    finally:
        with contextlib.suppress(OSError):
            os.unlink(probe)
    return False


def _say(content: "dict[str, object]") -> None:
    with contextlib.suppress(OSError):
        os.write(1, json.dumps(content).encode() + b"\n")


if __name__ == "__main__":
    _pipe_read, _pipe_write = os.pipe()
    os.set_blocking(_pipe_write, False)
    sys.exit(main(sys.argv[1]))
