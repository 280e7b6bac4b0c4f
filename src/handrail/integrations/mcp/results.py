"""Results: what a server answers as JSON that can be kept, and what a call's end looks like to the client."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import mcp_types as types

from handrail.canonical import JSON, digest, dumps
from handrail.client.toolcall import Told
from handrail.errors import MalformedJSON
from handrail.integrations.mcp.pins import write_whole

log = logging.getLogger("handrail.mcp")

# the control plane keeps results up to 1 MiB; what is near that goes to a file beside the pins
MOST_KEPT_BYTES = 900_000
CASE_META = "handrail/case"
_KEPT_APART = "handrail_kept_apart"


class ErrorResult(Exception):
    """The tool ran and answered that it failed."""

    def __init__(self, result: types.CallToolResult):
        self.result = result
        super().__init__(_text_of(result) or "the tool gave no reason")


class Results:
    """Results to JSON and back; large ones, and those without a canonical form, in files named by their hash."""

    def __init__(self, folder: Path):
        self.folder = folder / "results"

    def dump(self, result: types.CallToolResult) -> JSON:
        """What is recorded. Never raises for what a server may answer: the effect has happened."""
        # who the server says it is belongs to its connection with us
        meta = {name: value for name, value in (result.meta or {}).items() if name != types.SERVER_INFO_META_KEY}
        result = result.model_copy(update={"meta": meta or None})
        made: dict[str, Any] = result.model_dump(by_alias=True, mode="json", exclude_none=True)
        try:
            if len(dumps(made)) <= MOST_KEPT_BYTES:
                return made
        except MalformedJSON:
            pass
        data = json.dumps(made).encode()
        name = digest(data)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_whole(self.folder / f"{name}.json", data)
        except OSError as error:
            log.warning("a result of %d bytes could not be kept: %s", len(data), error)
        return {_KEPT_APART: name, "bytes": len(data)}

    def load(self, kept: JSON) -> Any:
        """The result again; what a person answered in its stead stays as it is."""
        if isinstance(kept, dict) and set(kept) == {_KEPT_APART, "bytes"}:
            try:
                data = (self.folder / f"{kept[_KEPT_APART]}.json").read_bytes()
            except OSError:
                data = b""
            if digest(data) != kept[_KEPT_APART]:
                return _plain(f"[handrail] It ran. Its result of {kept['bytes']} bytes is not here any more.")
            kept = json.loads(data)
        if isinstance(kept, dict) and isinstance(kept.get("content"), list):
            try:
                return types.CallToolResult.model_validate(kept, by_name=False)
            except ValueError:
                pass
        return kept


def shown(told: Told) -> types.CallToolResult:
    """What the client gets for a call that is over."""
    if told.kind == "failed" and isinstance(told.error, ErrorResult):
        made = told.error.result
    elif not told.ok:
        made = _plain(told.text, error=True)
    elif isinstance(told.value, types.CallToolResult):
        made = told.value
    elif told.kind == "ran" and told.value is None:
        made = _plain("[handrail] It took effect. Its result was not recorded.")
    else:
        said = told.value if isinstance(told.value, str) else json.dumps(told.value, ensure_ascii=False)
        made = _plain(said)
    if told.ok and told.text:
        made = made.model_copy(update={"content": [*made.content, types.TextContent(text=told.text)]})
    return of_case(made, told.case_id)


def of_case(result: types.CallToolResult, case_id: str | None) -> types.CallToolResult:
    """The result, naming its case."""
    if case_id is None:
        return result
    return result.model_copy(update={"meta": {**(result.meta or {}), CASE_META: case_id}})


def plain(text: str) -> types.CallToolResult:
    """A result that is one text."""
    return _plain(text)


def refusal(text: str) -> types.CallToolResult:
    """An error in words, before anything was proposed or run."""
    return _plain(f"[handrail] Not executed: {text}", error=True)


def _plain(text: str, *, error: bool = False) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(text=text)], is_error=error)


def _text_of(result: types.CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if isinstance(block, types.TextContent))
