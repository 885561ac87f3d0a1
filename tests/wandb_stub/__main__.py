"""W&B for tests, as a process: prints its address as its first line."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from tests.wandb_stub.records import Account
from tests.wandb_stub.server import KEY, WandbServer


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.wandb_stub", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--state", type=Path, help="a file that keeps what was answered; read again at the next start")
    parser.add_argument("--key", default=KEY, help="the API key")
    parser.add_argument("--entity", action="append", help="an entity that the key may write to (default: acme)")
    parser.add_argument("--latency", type=float, default=0.0, metavar="S", help="seconds that every request takes")
    parser.add_argument("--no-create-projects", action="store_true", help="a missing project is an error")
    parser.add_argument("--with-parent", action="store_true", help="end when standard input closes")
    arguments = parser.parse_args()
    account = Account(arguments.key, entities=dict.fromkeys(arguments.entity or ["acme"], "write"))
    server = WandbServer(
        [account],
        port=arguments.port,
        create_projects=not arguments.no_create_projects,
        journal=arguments.state,
        latency=arguments.latency,
    )
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    if arguments.with_parent:
        threading.Thread(target=_await_end_of_input, args=(ended,), daemon=True).start()
    with server:
        print(server.url, flush=True)
        ended.wait()


def _await_end_of_input(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


if __name__ == "__main__":
    main()
