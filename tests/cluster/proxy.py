"""A TCP proxy before the API server: delays, cut connections, silence, and requests whose answers are lost.

It does not look into TLS. A lost answer is a request that is let through, and a connection that is cut before the
answer comes back: exactly what a client sees when a load balancer dies.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import Literal

Mode = Literal["pass", "cut", "silent", "lose answers"]


class TcpProxy:
    """Listens on a free loopback port. ``mode`` holds for new and for open connections."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self.mode: Mode = "pass"
        self.delay = 0.0
        """Seconds by which each answer is held back."""
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Cut every open connection now."""
        with self._lock:
            for connection in list(self._open):
                _shut(connection)

    def close(self) -> None:
        """End it."""
        _shut(self._server)
        self._server.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            if self.mode == "cut":
                client.close()
                continue
            try:
                server = socket.create_connection(self._target, timeout=10)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            with self._lock:
                self._open |= {client, server}
            for source, sink, answers in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._pump, args=(source, sink, answers), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        try:
            while data := source.recv(65536):
                if answers and self.delay:
                    time.sleep(self.delay)
                while self.mode == "silent":
                    time.sleep(0.05)
                if self.mode == "cut" or (answers and self.mode == "lose answers"):
                    break
                sink.sendall(data)
        except OSError:
            pass
        finally:
            _shut(source)
            _shut(sink)
            with self._lock:
                self._open -= {source, sink}


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
