"""What tools return, as JSON and back, and what the model is told instead."""

from __future__ import annotations

import json
from typing import Any

from strands.types.session import decode_bytes_values, encode_bytes_values
from strands.types.tools import ToolResult

from handrail.canonical import JSON
from handrail.client.toolcall import Told


def dump_result(result: ToolResult) -> JSON:
    """A result as JSON, images and documents among it. What is no JSON is kept as its text."""
    made: JSON = json.loads(json.dumps(encode_bytes_values(dict(result)), default=str))
    return made


def load_result(kept: JSON) -> Any:
    """The inverse of `dump_result`."""
    return decode_bytes_values(kept)


def result_of(told: Told, tool_use_id: str) -> ToolResult:
    """What became of a call, in the framework's form."""
    if not told.ok:
        return {"toolUseId": tool_use_id, "status": "error", "content": [{"text": told.text}]}
    notice: list[Any] = [{"text": told.text}] if told.text else []
    if told.kind == "ran" and isinstance(told.value, dict):
        # the recorded result may be that of a call with another id and the same key
        made: Any = {**told.value, "toolUseId": tool_use_id, "content": [*told.value["content"], *notice]}
        return made  # type: ignore[no-any-return]
    return {"toolUseId": tool_use_id, "status": "success", "content": [{"text": _shown(told)}, *notice]}


def _shown(told: Told) -> str:
    if told.kind == "ran":
        return "[handrail] It was carried out; its result was not recorded."
    return told.value if isinstance(told.value, str) else json.dumps(told.value, ensure_ascii=False)
