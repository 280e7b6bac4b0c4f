"""The configuration files of MCP clients: where they lie, and how a server is put into one without harm."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handrail.errors import InvalidInput

SERVERS = "mcpServers"


def _claude_desktop() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "Claude" / "claude_desktop_config.json"
    if sys.platform == "win32":
        return (
            Path(os.environ.get("APPDATA", Path.home() / "AppData" / "Roaming"))
            / "Claude"
            / "claude_desktop_config.json"
        )
    config = os.environ.get("XDG_CONFIG_HOME")
    return (Path(config) if config else Path.home() / ".config") / "Claude" / "claude_desktop_config.json"


CLIENTS: dict[str, Callable[[], Path]] = {
    "claude-desktop": _claude_desktop,
    # the project's file, which is shared with it; the user's own holds much else and is the client's to write
    "claude-code": lambda: Path.cwd() / ".mcp.json",
    "cursor": lambda: Path.home() / ".cursor" / "mcp.json",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A configuration with the server in it."""

    text: str
    changed: bool


def path_of(client: str) -> Path:
    """Where a client keeps its configuration. Raises `InvalidInput` for one we do not know."""
    if client not in CLIENTS:
        raise InvalidInput(
            f"no client is called {client!r}", remedy=f"There are: {', '.join(CLIENTS)}. Or give its --file."
        )
    return CLIENTS[client]()


def program() -> list[str]:
    """This handrail, by its whole path: clients start servers without the shell's search path."""
    beside = Path(sys.executable).with_name("handrail")
    found = str(beside) if beside.is_file() else shutil.which("handrail")
    return [found] if found else [sys.executable, "-m", "handrail.cli.main"]


def with_server(path: Path, name: str, entry: dict[str, Any], *, replace: bool = False) -> Made:
    """The configuration with this server; all else in it stays. Raises `InvalidInput` for a file we cannot read."""
    found = _read(path)
    servers = found.get(SERVERS, {})
    if not isinstance(servers, dict):
        raise InvalidInput(f"{SERVERS} in {path} is no object", remedy="Put the file right; nothing was written.")
    present = servers.get(name)
    if present is not None and present != entry and not replace:
        raise InvalidInput(
            f"{path} has a server called {name} already", remedy="Choose another --name, or replace it with --replace."
        )
    made = found | {SERVERS: servers | {name: entry}}
    return Made(text=json.dumps(made, indent=2, ensure_ascii=False) + "\n", changed=present != entry)


def write(path: Path, made: Made) -> Path | None:
    """Write it whole, keeping the file as it was beside it. The backup, if there was a file."""
    if not made.changed:
        return None
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    backup = None
    if path.exists():
        backup = path.with_name(f"{path.name}.{time.strftime('%Y%m%dT%H%M%S')}.bak")
        shutil.copy2(path, backup)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(made.text, encoding="utf-8")
    if backup is not None:
        shutil.copymode(backup, beside)
    beside.replace(path)
    return backup


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read: {error}", remedy="Nothing was written.") from None
    if not text.strip():
        return {}
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InvalidInput(
            f"{path} is not JSON: {error}", remedy="Put the file right first; nothing was written."
        ) from None
    if not isinstance(found, dict):
        raise InvalidInput(f"{path} holds no object", remedy="Put the file right first; nothing was written.")
    return found
