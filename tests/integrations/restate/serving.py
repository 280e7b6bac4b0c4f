"""A service endpoint in this process, for as long as it is needed; several processes may serve one port."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Any

import uvicorn

from handrail.testing.conformance.scene import wait_until

STOP_SECONDS = 20


class Serving:
    """Use as `with Serving(app, port):`."""

    def __init__(self, app: Any, port: int):
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # two workers of one service, as behind a balancer
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._socket.bind(("127.0.0.1", port))
        settings = uvicorn.Config(app, lifespan="off", log_level="critical", timeout_graceful_shutdown=STOP_SECONDS)
        self._server = uvicorn.Server(settings)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    def __enter__(self) -> Serving:
        self._thread.start()
        wait_until(lambda: self._server.started, "the endpoint")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._server.should_exit = True
        self._thread.join(STOP_SECONDS + 5)
        self._socket.close()
