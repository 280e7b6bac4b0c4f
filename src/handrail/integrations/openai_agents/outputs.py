"""What tools return and models read, as JSON and back."""

from __future__ import annotations

import json
from typing import Any

from agents import ToolOutputFileContent, ToolOutputImage, ToolOutputText

from handrail.canonical import JSON

PARTS = (ToolOutputText, ToolOutputImage, ToolOutputFileContent)


def dump_output(value: Any) -> JSON:
    """What a second reader gets: parts as the SDK's own dictionaries, other JSON as it is, and else its text."""
    if isinstance(value, PARTS):
        return value.model_dump(mode="json", exclude_none=True)
    if isinstance(value, list | tuple) and value and all(isinstance(part, PARTS) for part in value):
        return [part.model_dump(mode="json", exclude_none=True) for part in value]
    try:
        same = json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError):
        return str(value)
    # the model reads `str(value)` of anything else, so what JSON would change is kept as that
    return value if same == value and type(same) is type(value) else str(value)


def shown(value: JSON) -> str:
    """A person's answer as the model reads it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def with_notice(value: Any, notice: str) -> Any:
    """A tool's result with one more line for the model."""
    several = list(value) if isinstance(value, list | tuple) else [value]
    if several and all(_is_part(part) for part in several):
        return [*several, ToolOutputText(text=notice)]
    return f"{value}\n{notice}"


def _is_part(value: Any) -> bool:
    return isinstance(value, PARTS) or (
        isinstance(value, dict) and value.get("type") in ("text", "image", "file") and len(value) > 1
    )  # fmt: skip
