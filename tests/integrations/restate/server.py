"""The real Restate server, from its npm package, on ports of its own; it can be killed and started again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any

import httpx2

from handrail.testing.conformance.scene import wait_until
from tests.integrations import npm
from tests.integrations.environments import ROOT

PACKAGE = "@restatedev/restate-server@1.7.12"
# where it is installed, unless HANDRAIL_RESTATE_SERVER names a binary
FOLDER = ROOT / ".venvs" / "restate" / "node"


def binary() -> Path:
    """The server itself; its launcher would survive without it. Skips where it cannot be had."""
    if "HANDRAIL_RESTATE_SERVER" in os.environ:
        return Path(os.environ["HANDRAIL_RESTATE_SERVER"])
    pattern = "node_modules/@restatedev/restate-server-*/bin/restate-server"
    found = next(FOLDER.glob(pattern), None)
    if found is None:
        npm.need(PACKAGE, FOLDER)
        found = next(FOLDER.glob(pattern))
    return found


class Server:
    """One node with its data in a folder."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._ports = [free_port() for _ in range(3)]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def ingress(self) -> str:
        return f"http://127.0.0.1:{self._ports[0]}"

    @property
    def admin(self) -> str:
        return f"http://127.0.0.1:{self._ports[1]}"

    def start(self) -> Server:
        """Returns when it answers."""
        ingress, admin, node = (f"127.0.0.1:{port}" for port in self._ports)
        settings = {
            "RESTATE_INGRESS__BIND_ADDRESS": ingress, "RESTATE_ADMIN__BIND_ADDRESS": admin,
            "RESTATE_BIND_ADDRESS": node, "RESTATE_LISTEN_MODE": "tcp", "RESTATE_DISABLE_TELEMETRY": "true",
            "RESTATE_ADMIN__DISABLE_WEB_UI": "true", "RESTATE_DEFAULT_NUM_PARTITIONS": "1",
            "RESTATE_ROCKSDB_TOTAL_MEMORY_SIZE": "64 MB", "RESTATE_LOG_FILTER": "error",
        }  # fmt: skip
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(binary()), "--base-dir", str(self._folder / "data"), "--node-name", "one", "--no-logo"],
                env=os.environ | settings, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        wait_until(lambda: _answers(f"{self.admin}/health") and _answers(f"{self.ingress}/restate/health"), "Restate")
        return self

    def kill(self) -> None:
        """As a power cut would."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


def register(admin: str, uri: str) -> None:
    """Tell the server where services are."""
    body = {"uri": uri, "use_http_11": True, "force": True}
    answer = httpx2.post(f"{admin}/deployments", json=body, timeout=30)
    assert answer.is_success, answer.text


def query(admin: str, sql: str) -> list[dict[str, Any]]:
    """What the server says of itself."""
    answer = httpx2.post(
        f"{admin}/query", json={"query": sql}, headers={"accept": "application/json"}, timeout=30
    ).raise_for_status()
    return list(json.loads(answer.text)["rows"])


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=2).is_success
    except httpx2.HTTPError:
        threading.Event().wait(0.05)
        return False
