"""Real MCP servers behind the gateway: from PyPI, from npm, made with fastmcp, over stdio and streamable HTTP."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from mcp import Client

from handrail.integrations.mcp import Target
from tests.integrations import npm
from tests.integrations.environments import ROOT
from tests.integrations.mcp.place import ODD, SECONDS, Place, case_of, run, text

FILESYSTEM = "@modelcontextprotocol/server-filesystem"
INSTALLED = ROOT / ".venvs" / "mcp-npm"
FAST = """
from fastmcp import FastMCP
server = FastMCP("fast")
@server.tool
def pay(to: str, amount: float) -> dict:
    "Pay somebody."
    open({path!r}, "a").write(f"{{to}} {{amount}}\\n")
    return {{"paid": amount}}
server.run(show_banner=False)
"""


@pytest.fixture(scope="module")
def filesystem() -> Path:
    """The file server from npm, installed once."""
    program = INSTALLED / "node_modules" / ".bin" / "mcp-server-filesystem"
    if not program.exists():
        npm.need(FILESYSTEM, INSTALLED)
    return program


def test_write_a_file_by_the_npm_server_after_approval_and_read_it_at_once(place: Place, filesystem: Path) -> None:
    files = place.folder / "files"
    files.mkdir()
    (files / "old.txt").write_text("old words")
    place.hr.set_policy("""
escalation_policies:
  - {action_type: files.read_text_file, autonomy: full}
  - {action_type: files.write_file, autonomy: confirm, undo_seconds: 0}
""")

    async def work() -> None:
        program = place.program("--name", "files", command=(str(filesystem), str(files)), PATH=os.environ["PATH"])
        async with Client(program, mode="legacy") as client:
            read = await client.call_tool("read_text_file", {"path": str(files / "old.txt")})
            assert "old words" in text(read)
            wrote = await client.call_tool("write_file", {"path": str(files / "new.txt"), "content": "new"})
            assert not (files / "new.txt").exists()
            await place.approve("edit", arguments={"path": str(files / "new.txt"), "content": "newer"})
            await place.until((files / "new.txt").exists)
            result = await client.call_tool("handrail_result", {"case_id": case_of(wrote)})
            assert "A reviewer changed this call" in text(result)
            assert (files / "new.txt").read_text() == "newer"
            missing = await client.call_tool("read_text_file", {"path": str(files / "none.txt")})
            assert missing.is_error
            assert "ENOENT" in text(missing)
            # nobody has to settle what a server says has failed
            assert place.open_cases() == []

    run(work)


def test_commit_by_the_git_server_after_approval(place: Place) -> None:
    repository = place.folder / "repository"
    for words in (
        ["init", "-q", str(repository)], ["-C", str(repository), "config", "user.email", "ann@example.org"],
        ["-C", str(repository), "config", "user.name", "Ann"],
    ):  # fmt: skip
        subprocess.run(["git", *words], check=True)
    (repository / "a.txt").write_text("a")
    place.hr.set_policy("""
escalation_policies:
  - {action_type: odd.git_add, autonomy: full}
  - {action_type: odd.git_log, autonomy: full}
  - {action_type: odd.git_commit, autonomy: confirm, undo_seconds: 0}
""")

    async def work() -> None:
        target = Target(command=(sys.executable, "-m", "mcp_server_git", "--repository", str(repository)))
        async with place.gateway(target=target, hold=30) as connect, connect("legacy") as client:
            at = {"repo_path": str(repository)}
            await client.call_tool("git_add", {**at, "files": ["a.txt"]})
            async with anyio.create_task_group() as group:
                group.start_soon(place.approve)
                committed = await client.call_tool("git_commit", {**at, "message": "First"})
            assert not committed.is_error
            assert "First" in text(await client.call_tool("git_log", at))

    run(work)


def test_ask_the_time_server_at_once_in_both_eras(place: Place) -> None:
    place.hr.set_policy("escalation_policies:\n  - {action_type: odd.get_current_time, autonomy: full}\n")

    async def work() -> None:
        target = Target(command=(sys.executable, "-m", "mcp_server_time", "--local-timezone", "UTC"))
        async with place.gateway(target=target) as connect:
            for mode in ("legacy", "2026-07-28"):
                async with connect(mode) as client:
                    answer = await client.call_tool("get_current_time", {"timezone": "Europe/Vienna"})
                    assert "Europe/Vienna" in text(answer)

    run(work)


def test_call_a_fastmcp_server_after_approval(place: Place) -> None:
    script = place.folder / "fast.py"
    script.write_text(FAST.format(path=str(place.folder / "effects")))

    async def work() -> None:
        target = Target(command=(sys.executable, str(script)))
        async with place.gateway(target=target, hold=30) as connect, connect("legacy") as client:
            async with anyio.create_task_group() as group:
                group.start_soon(place.approve)
                paid = await client.call_tool("pay", {"to": "A1", "amount": 5})
            assert paid.structured_content == {"paid": 5.0}
            assert place.effects == ["A1 5.0"]

    run(work)


def test_stand_before_a_server_over_http_and_live_through_its_restart(place: Place) -> None:
    async def work() -> None:
        port = _free_port()
        program = place.program("--url", f"http://127.0.0.1:{port}/mcp", "--header", "X-Key: ${ODD_KEY}", ODD_KEY="k")
        async with _served(place, port), Client(program) as client:
            assert (await client.call_tool("look", {})).structured_content == {"effects": 0}
            case_id = case_of(await client.call_tool("append", {"line": "a"}))
            await place.approve()
            await place.until(lambda: place.effects == ["a"])
            assert text(await client.call_tool("handrail_result", {"case_id": case_id})) == "appended a"
        async with Client(program) as client:
            refused = await client.call_tool("look", {})
            assert refused.is_error
            async with _served(place, port):
                with anyio.fail_after(SECONDS):
                    while (await client.call_tool("look", {})).is_error:
                        await anyio.sleep(0.2)

    run(work)


@asynccontextmanager
async def _served(place: Place, port: int) -> AsyncIterator[None]:
    """The server `odd` over streamable HTTP."""
    process = subprocess.Popen(
        [sys.executable, str(ODD), str(place.folder), str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        with anyio.fail_after(SECONDS):
            while not _answers(port):
                await anyio.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
