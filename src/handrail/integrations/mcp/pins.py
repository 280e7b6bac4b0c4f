"""Pins: what each tool of a server said when a person last accepted it. A tool that says something else is flagged.

A server may change a tool's description or schema at any time; what was harmless when it was looked at can become an
instruction to the model, or take other arguments. The first listing of a server is pinned as it is.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import mcp_types as types

from handrail.canonical import JSON, digest
from handrail.errors import InvalidInput

State = Literal["pinned", "added", "changed", "gone"]
# what of a tool is pinned; its annotations too, since clients act on them
SAID = ("title", "description", "inputSchema", "outputSchema", "annotations")
_UNFIT = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One tool of a server: as it was accepted, and as it is offered now."""

    tool: str
    # None: it appeared after the first listing, and nobody has looked at it
    accepted: JSON
    # None: the server does not offer it any more
    offered: JSON

    @property
    def state(self) -> State:
        if self.offered is None:
            return "gone"
        if self.accepted is None:
            return "added"
        return "pinned" if digest_of(self.accepted) == digest_of(self.offered) else "changed"

    @property
    def differs(self) -> tuple[str, ...]:
        """Which parts were changed."""
        accepted, offered = self.accepted or {}, self.offered or {}
        return tuple(part for part in SAID if accepted.get(part) != offered.get(part))


class Pins:
    """The pins of one server, in a file of their own. Safe to lose: then the next listing is the first."""

    def __init__(self, folder: Path, server: str):
        self.path = folder / "pins" / f"{file_name(server)}.json"
        self.server = server
        self._tools = _read(self.path)

    def __iter__(self) -> Iterator[Pin]:
        for tool, kept in sorted(self._tools.items()):
            yield Pin(tool=tool, accepted=kept.get("accepted"), offered=kept.get("offered"))

    def of(self, tool: str) -> Pin | None:
        """The pin of a tool; None for one that was never listed."""
        kept = self._tools.get(tool)
        return None if kept is None else Pin(tool=tool, accepted=kept.get("accepted"), offered=kept.get("offered"))

    def listed(self, tools: Iterable[types.Tool]) -> list[Pin]:
        """Compare a whole listing, and keep what is new. Returns the pins that are not as accepted."""
        first = not self._tools
        self._tools = _read(self.path) or self._tools
        before = _text(self._tools)
        offered = {tool.name: said(tool) for tool in tools}
        for name, kept in self._tools.items():
            kept["offered"] = offered.get(name)
        for name, now in offered.items():
            if name not in self._tools:
                self._tools[name] = {"accepted": now if first else None, "offered": now}
        if _text(self._tools) != before:
            self._write()
        return [pin for pin in self if pin.state in ("added", "changed")]

    def accept(self, tools: Iterable[str] | None = None) -> list[str]:
        """Take what is offered as accepted: of these tools, or of all. The names that were changed.

        Raises `InvalidInput` for a tool that was never listed.
        """
        wanted = list(self._tools) if tools is None else list(tools)
        unknown = [name for name in wanted if name not in self._tools]
        if unknown:
            raise InvalidInput(
                f"{self.server} has no tool {', '.join(unknown)}", remedy="`handrail mcp pins` shows what there is."
            )
        accepted = []
        for name in wanted:
            kept = self._tools[name]
            if kept["offered"] is None:
                del self._tools[name]
            elif kept["offered"] != kept["accepted"]:
                kept["accepted"] = kept["offered"]
                accepted.append(name)
        self._write()
        return accepted

    def _write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self.path, _text({"server": self.server, "tools": self._tools}))


def said(tool: types.Tool) -> dict[str, JSON]:
    """What a tool says of itself, as it is pinned."""
    shown: dict[str, Any] = tool.model_dump(by_alias=True, mode="json", exclude_none=True)
    return {part: shown[part] for part in SAID if part in shown}


def digest_of(shown: JSON) -> str:
    """The hash that is compared."""
    return digest(_text(shown))


def as_accepted(tool: types.Tool, pin: Pin) -> types.Tool:
    """The tool as a person accepted it: the model does not read changed words before a person did."""
    shown = tool.model_dump(by_alias=True, mode="json", exclude_none=True)
    kept = {name: value for name, value in shown.items() if name not in SAID}
    return types.Tool.model_validate(kept | pin.accepted, by_name=False)


def all_pins(folder: Path) -> list[Pins]:
    """Of every server that was ever listed here."""
    found = []
    for path in sorted((folder / "pins").glob("*.json")):
        found.append(Pins(folder, _server(path)))
    return found


def file_name(server: str) -> str:
    """A name that any file system takes, and no two servers share."""
    plain = _UNFIT.sub("-", server).strip(".-")[:80]
    return plain if plain == server else f"{plain or 'server'}-{digest(server.encode())[:8]}"


def write_whole(path: Path, data: bytes) -> None:
    """The file has all of the new bytes, or still the old ones."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    beside.write_bytes(data)
    beside.replace(path)


def _read(path: Path) -> dict[str, dict[str, JSON]]:
    if not path.exists():
        return {}
    try:
        tools = json.loads(path.read_bytes())["tools"]
        return {name: {"accepted": kept["accepted"], "offered": kept["offered"]} for name, kept in tools.items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        raise InvalidInput(
            f"{path} does not hold pins", remedy="Put it right, or remove it: the next listing is then taken as it is."
        ) from None


def _server(path: Path) -> str:
    try:
        return str(json.loads(path.read_bytes())["server"])
    except (ValueError, TypeError, KeyError):
        raise InvalidInput(f"{path} does not hold pins", remedy="Put it right, or remove it.") from None


def _text(value: JSON) -> bytes:
    """One spelling of each value. A schema may hold numbers that have no canonical form with us, so this is plainer."""
    return json.dumps(value, sort_keys=True).encode()
