"""Calls through the gateway: at once, held, by ticket; in both protocol eras."""

from __future__ import annotations

import anyio
import mcp_types as types
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from handrail.integrations.mcp import Target
from tests.integrations.mcp.place import MODES, Place, case_of, run, text

both_eras = pytest.mark.parametrize("mode", MODES)


@both_eras
def test_list_through_the_gateway_gives_the_servers_own_words_and_two_tools_more(place: Place, mode: str) -> None:
    async def work() -> None:
        async with Client(place.direct) as direct, place.client(mode=mode) as client:
            theirs, ours = (await direct.list_tools()).tools, (await client.list_tools()).tools
            assert [tool.name for tool in ours] == [*(t.name for t in theirs), "handrail_result", "handrail_pending"]
            for there, here in zip(theirs, ours, strict=False):
                same = ("name", "title", "description", "input_schema", "annotations")
                assert all(getattr(there, part) == getattr(here, part) for part in same)
                # an answer that waits has no structure
                assert here.output_schema is None
            # a client that pins the newest version asks for nothing beforehand
            assert mode != "legacy" or "Be careful" in (client.instructions or "")
            assert (await client.read_resource("note://one")).contents[0].text == "the note"
            assert [r.uri for r in (await client.list_resources()).resources] == ["note://one"]
            assert [p.name for p in (await client.list_prompts()).prompts] == ["greet"]
            greeted = await client.get_prompt("greet", {"name": "Bo"})
            assert greeted.messages[0].content.text == "Say hello to Bo."

    run(work)


@both_eras
def test_call_what_policy_lets_through_gives_the_servers_answer_whole(place: Place, mode: str) -> None:
    async def work() -> None:
        async with Client(place.direct) as direct, place.client(mode=mode) as client:
            theirs, ours = await direct.call_tool("picture", {}), await client.call_tool("picture", {})
            assert ours.content == theirs.content
            assert ours.structured_content == theirs.structured_content
            assert (await client.call_tool("look", {})).structured_content == {"effects": 2}
            assert place.open_cases() == []

    run(work)


@both_eras
def test_call_held_until_approved_runs_once_and_answers(place: Place, mode: str) -> None:
    async def work() -> None:
        async with place.client(mode=mode, hold=30) as client, anyio.create_task_group() as group:
            group.start_soon(place.approve)
            result = await client.call_tool("append", {"line": "a"})
            assert text(result) == "appended a"
            assert place.effects == ["a"]

    run(work)


@both_eras
def test_call_beyond_the_hold_time_gets_a_ticket_and_runs_once_when_approved(place: Place, mode: str) -> None:
    async def work() -> None:
        async with place.client(mode=mode) as client:
            ticket = await client.call_tool("append", {"line": "a"})
            case_id = case_of(ticket)
            assert not ticket.is_error
            assert case_id in text(ticket)
            assert f"{case_id}: append, waits" in text(await client.call_tool("handrail_pending", {}))
            again = await client.call_tool("handrail_result", {"case_id": case_id})
            assert "Not executed yet" in text(again)
            assert place.effects == []
            await place.approve()
            # the gateway runs it, asked or not
            await place.until(lambda: place.effects == ["a"])
            results = [await place.result(client, case_id) for _ in range(3)]
            assert [text(result) for result in results] == ["appended a"] * 3
            assert results[0].content == results[2].content
            assert place.effects == ["a"]
            assert "No call waits" in text(await client.call_tool("handrail_pending", {}))

    run(work)


def test_call_rejected_edited_answered_and_redirected_says_so(place: Place) -> None:
    async def work() -> None:
        async with place.client(hold=30) as client:

            async def decided(verdict: str, **given: object) -> types.CallToolResult:
                async with anyio.create_task_group() as group:
                    group.start_soon(lambda: place.approve(verdict, **given))
                    return await client.call_tool("append", {"line": "a"})

            rejected = await decided("reject", reason="wrong", note="not today")
            assert rejected.is_error
            assert "not today" in text(rejected)
            redirected = await decided("redirect", instruction="write b")
            assert redirected.is_error
            assert "write b" in text(redirected)
            answered = await decided("respond", value="I did it")
            assert (answered.is_error, text(answered)) == (False, "I did it")
            assert place.effects == []
            edited = await decided("edit", arguments={"line": "b"})
            assert "appended b" in text(edited)
            assert '{"line": "b"}' in text(edited)
            assert place.effects == ["b"]

    run(work)


def test_call_twice_at_once_alike_is_two_cases_and_two_effects(place: Place) -> None:
    async def work() -> None:
        async with place.client(hold=30) as client, anyio.create_task_group() as group:
            cases: list[str] = []

            async def one() -> None:
                cases.append(case_of(await client.call_tool("append", {"line": "a"})))

            for _ in range(3):
                group.start_soon(one)
            await place.until(lambda: len(place.open_cases()) == 3)
            assert place.effects == []
            for n in range(3):
                await place.approve()
                await place.until(lambda n=n: len(cases) == n + 1)
        assert len(set(cases)) == 3
        assert place.effects == ["a"] * 3

    run(work)


def test_call_under_the_clients_own_id_twice_is_one_case_and_one_effect(place: Place) -> None:
    async def work() -> None:
        async with place.client(hold=30) as client, anyio.create_task_group() as group:
            results = []

            async def one() -> None:
                meta = {"claudecode/toolUseId": "toolu_1"}
                results.append(await client.call_tool("append", {"line": "a"}, meta=meta))

            for _ in range(2):
                group.start_soon(one)
            await place.approve()
            await place.until(lambda: len(results) == 2)
            other = await client.call_tool("append", {"line": "b"}, meta={"claudecode/toolUseId": "toolu_1"})
        assert [text(result) for result in results] == ["appended a"] * 2
        assert other.is_error
        assert place.effects == ["a"]

    run(work)


def test_call_a_unicode_tool_with_unicode_arguments_works(place: Place) -> None:
    async def work() -> None:
        async with place.client(hold=30) as client, anyio.create_task_group() as group:
            group.start_soon(place.approve)
            assert text(await client.call_tool("größe_✓", {"länge": 3})) == "✓✓✓"

    run(work)


def test_call_with_arguments_that_do_not_fit_is_refused_and_asks_nobody(place: Place) -> None:
    async def work() -> None:
        async with place.client() as client:
            for arguments in ({}, {"line": 7}, {"line": None}):
                result = await client.call_tool("append", arguments)
                assert result.is_error
                assert "do not fit" in text(result)
            unfit = await client.call_tool("append", {"line": "a", "more": 10**30})
            assert unfit.is_error
            with pytest.raises(MCPError, match="Unknown tool"):
                await client.call_tool("nothing", {})
            for bad in ({}, {"case_id": 7}, {"case_id": "../../key"}, {"case_id": "0" * 36}):
                assert (await client.call_tool("handrail_result", bad)).is_error
            assert place.open_cases() == []
            assert place.effects == []

    run(work)


def test_call_a_tool_that_fails_hands_its_own_error_on_and_is_recorded_as_failed(place: Place) -> None:
    async def work() -> None:
        async with place.client() as client:
            result = await client.call_tool("fail", {"line": "a"})
            assert result.is_error
            assert "no good: a" in text(result)
            assert place.effects == ["a"]

    run(work)


@both_eras
def test_call_with_a_huge_result_gives_all_of_it_and_again_from_a_new_gateway(place: Place, mode: str) -> None:
    async def work() -> None:
        async with place.client(mode=mode) as client:
            case_id = case_of(await client.call_tool("big", {"megabytes": 3}))
            await place.approve()
            await place.until(lambda: place.effects == ["big 3"])
            await _result(client, case_id, "x" * 3_000_000)
        async with place.client(mode=mode) as client:
            await _result(client, case_id, "x" * 3_000_000)
        assert place.effects == ["big 3"]

    run(work)


async def _result(client: Client, case_id: str, wanted: str) -> None:
    """The gateway may still be writing it down."""
    with anyio.fail_after(30):
        while text(await client.call_tool("handrail_result", {"case_id": case_id})) != wanted:
            await anyio.sleep(0.05)


@both_eras
def test_call_that_reports_progress_hands_it_on_growing(place: Place, mode: str) -> None:
    async def work() -> None:
        seen: list[tuple[float, str | None]] = []

        async def heard(progress: float, total: float | None, message: str | None) -> None:
            seen.append((progress, message))

        async with place.client(mode=mode) as client:
            slow = {"line": "a", "seconds": 0.4}
            assert text(await client.call_tool("slow", slow, progress_callback=heard)) == "done a"
            assert [message for _, message in seen] == [f"step {n}" for n in range(1, 5)]
            assert [progress for progress, _ in seen] == sorted(progress for progress, _ in seen)

    run(work)


def test_call_says_while_it_waits_that_it_does(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handrail.integrations.mcp.gateway.PROGRESS_SECONDS", 0.05)

    async def work() -> None:
        seen: list[str] = []

        async def heard(progress: float, total: float | None, message: str | None) -> None:
            seen.append(f"{progress:.2f} {message}")

        async with place.client(hold=0.5) as client:
            await client.call_tool("append", {"line": "a"}, progress_callback=heard)
        assert len(seen) >= 3
        assert "waiting for a person's decision" in seen[0]
        assert seen == sorted(seen)

    run(work)


def test_call_whose_annotations_say_harmless_goes_to_a_person_all_the_same(place: Place) -> None:
    async def work() -> None:
        async with place.client() as client:
            listed = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert listed["append"].annotations is not None
            assert listed["append"].annotations.read_only_hint
            await client.call_tool("append", {"line": "a"})
            assert len(place.open_cases()) == 1
            assert place.effects == []

    run(work)


def test_call_through_a_gateway_keeps_handrails_own_keys_from_the_server(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HANDRAIL_KEY", "hr_live_secret")
    monkeypatch.setenv("ODD_TOKEN", "theirs")

    async def work() -> None:
        async with place.client() as client:
            assert (await client.call_tool("secrets", {})).structured_content == {"result": ["ODD_TOKEN"]}

    run(work)


def test_name_a_target_comes_from_the_command_and_never_from_the_server() -> None:
    names = {
        ("npx", "-y", "@modelcontextprotocol/server-filesystem", "/home"): "server-filesystem",
        ("npx", "server-x@1.2"): "server-x",
        ("uvx", "mcp-server-git", "--repository", "x"): "mcp-server-git",
        ("python", "-m", "mcp_server_time"): "mcp_server_time",
        ("/opt/bin/files", "--x"): "files",
        ("node", "/srv/files.js"): "files",
    }
    assert {command: Target(command=command).name for command in names} == names
    assert Target(url="https://mcp.example.org/x").name == "mcp.example.org"
