"""Who may go away when: the client, the gateway, the server. Real processes, and kill -9."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from mcp import Client
from sqlalchemy import select

from handrail.integrations.mcp import Target
from handrail.store import schema
from tests.integrations.mcp.place import MODES, SECONDS, Place, case_of, run, text

both_eras = pytest.mark.parametrize("mode", MODES)


@both_eras
def test_cancel_a_held_call_takes_its_case_back(place: Place, mode: str) -> None:
    async def work() -> None:
        async with place.client(mode=mode, hold=30) as client:
            case_id = await _open(place, client, leave_by="cancel")
            await place.until(lambda: place.decision(case_id) == "cancelled")
            # the gateway hears of it a moment later
            while "No call waits" not in text(await client.call_tool("handrail_pending", {})):
                await anyio.sleep(0.02)
        assert place.effects == []

    run(work)


@both_eras
def test_cancel_asking_for_a_result_leaves_the_ticket(place: Place, mode: str) -> None:
    async def work() -> None:
        async with place.client(mode=mode) as client:
            case_id = case_of(await client.call_tool("append", {"line": "a"}))
            with anyio.move_on_after(0.05):
                await client.call_tool("handrail_result", {"case_id": case_id})
            assert place.open_cases() == [case_id]
            await place.approve()
            await place.until(lambda: place.effects == ["a"])

    run(work)


def test_leave_with_a_held_call_takes_its_case_back_and_leaves_a_ticket(place: Place) -> None:
    async def work() -> None:
        async with place.client() as client:
            ticket = case_of(await client.call_tool("append", {"line": "ticket"}))
        assert place.open_cases() == [ticket]
        async with _started(place, "--hold", "60") as process:
            _say(process, "append", {"line": "held"})
            await place.until(lambda: len(place.open_cases()) == 2)
            (held,) = set(place.open_cases()) - {ticket}
            process.stdin.close()
            assert await anyio.to_thread.run_sync(lambda: process.wait(SECONDS)) == 0
            assert place.decision(held) == "cancelled"
            assert place.open_cases() == [ticket]

    run(work)


def test_terminate_the_gateway_takes_a_held_case_back(place: Place) -> None:
    async def work() -> None:
        async with _started(place, "--hold", "60") as process:
            _say(process, "append", {"line": "held"})
            await place.until(lambda: len(place.open_cases()) == 1)
            (held,) = place.open_cases()
            process.terminate()
            await anyio.to_thread.run_sync(lambda: process.wait(SECONDS))
            assert place.decision(held) == "cancelled"

    run(work)


def test_kill_the_gateway_between_proposal_and_effect_and_the_next_one_runs_it_once(place: Place) -> None:
    async def work() -> None:
        async with _started(place, "--hold", "60") as process:
            _say(process, "append", {"line": "a"})
            # its ticket is kept, so that another gateway can go on with it
            await place.until(lambda: any(place.folder.rglob("tickets/*/*.json")))
            process.send_signal(signal.SIGKILL)
            process.wait()
            case_id = await place.approve()
            assert place.effects == []
            # nothing runs by itself: a client asks
            async with Client(place.program()) as client:
                assert f"{case_id}: append, approved" in text(await client.call_tool("handrail_pending", {}))
                assert place.effects == []
                for _ in range(2):
                    result = await client.call_tool("handrail_result", {"case_id": case_id})
                    assert text(result) == "appended a"
            assert place.effects == ["a"]

    run(work)


def test_ask_two_gateways_for_one_approved_call_runs_it_once(place: Place) -> None:
    async def work() -> None:
        async with place.client(elicits=False) as first:
            case_id = case_of(await first.call_tool("append", {"line": "a"}))
        await place.approve()
        async with place.client(hold=30) as one, place.client(hold=30) as two, anyio.create_task_group() as group:
            results: list[str] = []

            async def ask(client: Client) -> None:
                results.append(text(await client.call_tool("handrail_result", {"case_id": case_id})))

            for client in (one, two, one, two):
                group.start_soon(ask, client)
        assert results == ["appended a"] * 4
        assert place.effects == ["a"]

    run(work)


def test_crash_of_the_server_in_a_call_is_unknown_and_the_next_call_finds_it_again(place: Place) -> None:
    async def work() -> None:
        async with place.client() as client:
            result = await client.call_tool("die", {"line": "a"})
            assert result.is_error
            assert "whether it took effect is not known" in text(result)
            assert (await client.call_tool("look", {})).structured_content == {"effects": 1}
            assert place.effects == ["a"]
            assert _states(place) == {"odd.die": "unknown", "odd.look": "succeeded"}

    run(work)


def test_server_that_does_not_start_is_told_and_asked_again(place: Place) -> None:
    async def work() -> None:
        (place.folder / "broken").touch()
        async with place.client() as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == ["handrail_result", "handrail_pending"]
            refused = await client.call_tool("append", {"line": "a"})
            assert refused.is_error
            assert "is not running" in text(refused)
            assert place.open_cases() == []
            (place.folder / "broken").unlink()
            assert "append" in [tool.name for tool in (await client.list_tools()).tools]
            assert "Not executed yet" in text(await client.call_tool("append", {"line": "a"}))

    run(work)


def test_approve_while_the_server_is_down_keeps_the_approval_for_later(place: Place) -> None:
    async def work() -> None:
        async with place.client() as client:
            case_id = case_of(await client.call_tool("append", {"line": "a"}))
            (place.folder / "broken").touch()
            assert (await client.call_tool("die", {"line": "x"})).is_error
            await place.approve()
            later = await client.call_tool("handrail_result", {"case_id": case_id})
            assert "appended" not in text(later)
            assert place.effects == ["x"]
            (place.folder / "broken").unlink()
            with anyio.fail_after(SECONDS):
                while "appended a" not in text(await client.call_tool("handrail_result", {"case_id": case_id})):
                    await anyio.sleep(0.1)
        assert place.effects == ["x", "a"]

    run(work)


def test_a_program_that_is_not_there_is_said_on_stderr_and_in_the_call(place: Place) -> None:
    async def work() -> None:
        async with place.gateway(target=Target(command=("no-such-program-here",))) as connect, connect() as client:
            result = await client.call_tool("append", {"line": "a"})
            assert "there is no program no-such-program-here" in text(result)

    run(work)


def test_speak_on_stdout_only_protocol_whatever_happens(place: Place) -> None:
    async def work() -> None:
        async with _started(place, "--verbose", "--hold", "1") as process:
            _say(process, "look", {})
            process.stdin.write(b"this is no JSON\n\n{}\n[1]\n")
            _say(process, "die", {"line": "a"}, id=8)
            _say(process, "fail", {"line": "b"}, id=9)
            lines = []
            with anyio.fail_after(SECONDS):
                while not any(line.get("id") == 9 for line in lines):
                    lines.append(json.loads(await anyio.to_thread.run_sync(process.stdout.readline)))
            process.stdin.close()
            rest = (await anyio.to_thread.run_sync(process.stdout.read)).splitlines()
            assert all(json.loads(line)["jsonrpc"] == "2.0" for line in rest)
            assert all(line["jsonrpc"] == "2.0" for line in lines)
            assert process.wait(SECONDS) == 0

    run(work)


# --- helpers --------------------------------------------------------------------------------------


async def _open(place: Place, client: Client, *, leave_by: str) -> str:
    """Make a call, wait for its case, and cancel the request."""
    async with anyio.create_task_group() as group:
        group.start_soon(client.call_tool, "append", {"line": "a"})
        await place.until(lambda: len(place.open_cases()) == 1)
        (case_id,) = place.open_cases()
        group.cancel_scope.cancel()
    return case_id


@asynccontextmanager
async def _started(place: Place, *options: str) -> AsyncIterator[subprocess.Popen[bytes]]:
    """The command line as a client starts it, past its handshake."""
    with (place.folder / "stderr").open("ab") as stderr, _process(place, options, stderr) as process:
        try:
            await _greeted(process)
            yield process
        finally:
            process.kill()


def _process(place: Place, options: tuple[str, ...], stderr: Any) -> subprocess.Popen[bytes]:
    program = place.program(*options)
    return subprocess.Popen(
        [program.command, *program.args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr,
        env=dict(os.environ),
    )  # fmt: skip


async def _greeted(process: subprocess.Popen[bytes]) -> None:
    hello = {
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"},
        },
    }  # fmt: skip
    _send(process, hello)
    answer = json.loads(await anyio.to_thread.run_sync(process.stdout.readline))
    assert answer["result"]["serverInfo"]["name"] == "odd"
    _send(process, {"jsonrpc": "2.0", "method": "notifications/initialized"})


def _say(process: subprocess.Popen[bytes], tool: str, arguments: dict[str, Any], *, id: int = 2) -> None:
    _send(
        process,
        {"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": tool, "arguments": arguments}},
    )


def _send(process: subprocess.Popen[bytes], message: dict[str, Any]) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(message).encode() + b"\n")
    process.stdin.flush()


def _states(place: Place) -> dict[str, str]:
    """How the executions of each action ended."""
    columns = schema.execution.c
    return {row[0]: row[1] for row in place.hr.plane.store.read(select(columns.action, columns.state))}
