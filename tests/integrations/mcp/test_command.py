"""The command line: what it says, what it writes into clients' files, and a gateway before a handrail server."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from typer.testing import CliRunner

from handrail.cli import mcp_clients
from handrail.cli.main import app
from tests.integrations.mcp.place import Place, case_of, run, text

FILES = ("--", "npx", "-y", "@modelcontextprotocol/server-filesystem", "/notes")
OTHER = {"mcpServers": {"weather": {"command": "weather", "env": {"KEY": "k"}}}, "theme": "dark"}


def handrail(*words: str) -> Any:
    return CliRunner().invoke(app, ["mcp", *words])


def install(path: Path, *words: str) -> Any:
    return handrail("install", "claude-desktop", "--file", str(path), "--database", "h.db", *words, *FILES)


def test_help_shows_how_to_begin() -> None:
    shown = handrail("--help").output
    assert "handrail mcp -- npx" in shown
    assert all(name in shown for name in ("install", "pins", "run"))
    assert "--hold" in handrail("run", "--help").output


def test_run_without_a_server_or_with_two_is_refused_in_words() -> None:
    for words in (("run",), ("--url", "http://x/mcp", "--", "npx"), ("--url", "ftp://x"), ("--header", "X", "--", "x")):
        made = handrail(*words)
        assert made.exit_code != 0, words
        assert "Traceback" not in made.output


def test_install_shows_and_writes_nothing_unless_told(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    shown = install(path)
    assert shown.exit_code == 0
    assert "server-filesystem" in shown.output
    assert not path.exists()


def test_install_keeps_everything_else_and_a_backup(tmp_path: Path) -> None:
    path = tmp_path / "Claude" / "config.json"
    path.parent.mkdir()
    before = json.dumps(OTHER)
    path.write_text(before)
    path.chmod(0o600)
    assert install(path, "--write", "--name", "files").exit_code == 0
    made = json.loads(path.read_text())
    assert made["theme"] == "dark"
    assert made["mcpServers"]["weather"] == OTHER["mcpServers"]["weather"]
    entry = made["mcpServers"]["files"]
    assert Path(entry["command"]).is_absolute()
    words = entry["args"]
    assert words[words.index("--") :] == list(FILES)
    assert Path(words[words.index("--database") + 1]).is_absolute()
    (backup,) = path.parent.glob("*.bak")
    assert backup.read_text() == before
    assert path.stat().st_mode & 0o777 == 0o600
    # the same again changes nothing
    assert "has it already" in install(path, "--write", "--name", "files").output
    assert len(list(path.parent.iterdir())) == 2


def test_install_into_a_place_that_is_not_there_makes_it(tmp_path: Path) -> None:
    path = tmp_path / "not" / "there.json"
    assert install(path, "--write").exit_code == 0
    assert list(json.loads(path.read_text())["mcpServers"]) == ["server-filesystem"]


def test_install_over_another_server_of_that_name_is_refused_unless_told(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(OTHER))
    refused = install(path, "--write", "--name", "weather")
    assert refused.exit_code != 0
    assert "already" in refused.output
    assert json.loads(path.read_text()) == OTHER
    assert install(path, "--write", "--name", "weather", "--replace").exit_code == 0


@pytest.mark.parametrize("bad", ["{", "// comment\n{}", "[]", '{"mcpServers": []}', '"x"', "\xff"])
def test_install_into_a_file_that_cannot_be_read_is_refused_and_it_stays(tmp_path: Path, bad: str) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(bad.encode("latin-1"))
    refused = install(path, "--write")
    assert refused.exit_code != 0
    assert "nothing was written" in refused.output.lower()
    assert path.read_bytes() == bad.encode("latin-1")
    assert list(tmp_path.iterdir()) == [path]


def test_install_through_a_link_writes_what_it_points_to(tmp_path: Path) -> None:
    real = tmp_path / "real.json"
    real.write_text("{}")
    link = tmp_path / "link.json"
    link.symlink_to(real)
    assert install(link, "--write").exit_code == 0
    assert link.is_symlink()
    assert "mcpServers" in real.read_text()


def test_find_each_clients_file_on_each_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("APPDATA", str(tmp_path / "Roaming"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    expected = {
        "darwin": "Library/Application Support/Claude", "win32": "Roaming/Claude", "linux": ".config/Claude",
    }  # fmt: skip
    for platform, folder in expected.items():
        monkeypatch.setattr(mcp_clients.sys, "platform", platform)
        assert mcp_clients.path_of("claude-desktop") == tmp_path / folder / "claude_desktop_config.json"
    assert mcp_clients.path_of("cursor") == tmp_path / ".cursor" / "mcp.json"
    monkeypatch.chdir(tmp_path)
    assert mcp_clients.path_of("claude-code") == tmp_path / ".mcp.json"
    refused = handrail("install", "emacs", *FILES)
    assert "claude-desktop" in refused.output


def test_start_what_install_wrote_and_call_through_it(place: Place) -> None:
    path = place.folder / "config.json"
    made = handrail(
        "install", "cursor", "--file", str(path), "--write", "--name", "odd", "--database", str(place.database), "--",
        *place.command,
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    entry = json.loads(path.read_text())["mcpServers"]["odd"]

    async def work() -> None:
        program = place.program()
        async with Client(program.model_copy(update=entry)) as client:
            assert (await client.call_tool("look", {})).structured_content == {"effects": 0}

    run(work)


def test_stand_before_a_server_with_a_handrail_server_behind(place: Place) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "handrail.cli.main", "serve", "--port", "0", "--database", str(place.database)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as server:  # fmt: skip
        try:
            assert server.stdout is not None
            address = ""
            while not address:
                found = re.search(r"http://[0-9.]+:[0-9]+", server.stdout.readline())
                address = found[0] if found else ""
            key = _key(place)

            async def work() -> None:
                program = place.program("--server", address, "--state", str(place.folder / "state"), HANDRAIL_KEY=key)
                async with Client(program) as client:
                    assert (await client.call_tool("look", {})).structured_content == {"effects": 0}
                    case_id = case_of(await client.call_tool("append", {"line": "a"}))
                    await place.approve()
                    await place.until(lambda: place.effects == ["a"])
                    with anyio.fail_after(30):
                        while True:
                            result = await client.call_tool("handrail_result", {"case_id": case_id})
                            if text(result) == "appended a":
                                return

            run(work)
        finally:
            server.kill()


def _key(place: Place) -> str:
    made = CliRunner().invoke(
        app,
        ["keys", "make", "gateway", "--scope", "submit", "--scope", "execute", "--scope", "read", "--agent", "mcp-odd",
         "--database", str(place.database)],
    )  # fmt: skip
    found = re.search(r"hr_live_\S+", made.output)
    assert found is not None, made.output
    return found[0]
