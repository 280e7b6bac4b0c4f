"""What tools return, as JSON and back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter
from pydantic_ai import ToolReturn
from pydantic_core import to_jsonable_python

from handrail.canonical import JSON

MARK = "$tool_return"
_TOOL_RETURN: TypeAdapter[ToolReturn[Any]] = TypeAdapter(ToolReturn)


def dump_output(value: Any) -> JSON:
    """What a second reader gets; of what has no JSON, its text."""
    if isinstance(value, ToolReturn):
        return {MARK: _TOOL_RETURN.dump_python(value, mode="json", fallback=str)}
    return to_jsonable_python(value, fallback=str)


def load_output(stored: JSON) -> Any:
    """The inverse of `dump_output`, for the model."""
    if isinstance(stored, dict) and stored.keys() == {MARK}:
        return _TOOL_RETURN.validate_python(stored[MARK])
    return stored


def with_notice(value: Any, notice: str) -> Any:
    """A tool's result with one more line for the model."""
    if isinstance(value, ToolReturn):
        return replace(value, return_value=with_notice(value.return_value, notice))
    if isinstance(value, str):
        return f"{value}\n{notice}"
    return {"result": value, "notice": notice}


def shown(value: JSON) -> str:
    """A person's answer as a text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
