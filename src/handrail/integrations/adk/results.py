"""What tools return, as JSON, and what the model is told instead."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

from handrail.canonical import JSON
from handrail.client.toolcall import Told


def dump_result(value: Any) -> JSON:
    """A result as JSON. What is no JSON is kept as its text."""
    made: JSON = json.loads(json.dumps(value, default=_dumped))
    return made


def result_of(told: Told) -> Any:
    """What became of a call, in ADK's form."""
    if not told.ok:
        return {"error": told.text}
    if not told.text:
        return {"result": told.value} if told.kind == "answered" else told.value
    shown = told.value if isinstance(told.value, dict) else {"result": told.value}
    return {**shown, "handrail": told.text}


def _dumped(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)
