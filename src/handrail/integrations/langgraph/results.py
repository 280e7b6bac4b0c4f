"""Results of tools: kept as JSON for whoever asks again, and told to the model in LangGraph's own types."""

from __future__ import annotations

import json
from typing import Any

from langchain_core.messages import BaseMessage, ToolMessage, message_to_dict, messages_from_dict
from langgraph.types import Command, Send

from handrail.canonical import JSON, dumps
from handrail.client.toolcall import Told

# a larger result goes to its caller whole, and into the record cut
MOST_BYTES = 900_000
MOST_CHARACTERS = 100_000


class Recorded:
    """A result as the record has it, not as the tool just gave it."""

    def __init__(self, value: JSON):
        self.value = value


def dumped(value: Any) -> JSON:
    """A result as JSON. Never raises: what has no JSON form is recorded as having been there."""
    try:
        made = _encoded(value)
        if len(dumps(made)) <= MOST_BYTES:
            return made
    except Exception:
        made = None
    text = value.text if isinstance(value, BaseMessage) else repr(value)
    cut = text.encode("utf-8", "backslashreplace").decode()[:MOST_CHARACTERS]
    return {"$tool": {"content": f"{cut}\n[handrail] Only this much of the result was kept.", "status": "success"}}


def told(said: Told, *, name: str, call_id: str | None) -> Any:
    """What the framework gets for a call: a message for a call with an id, else the bare text or value."""
    if said.kind == "ran":
        value = _loaded(said.value.value, name, call_id) if isinstance(said.value, Recorded) else said.value
        return _noted(value, said.text) if said.text else value
    if said.kind == "answered":
        answer = said.value.value if isinstance(said.value, Recorded) else said.value
        return _message(answer if isinstance(answer, str) else json.dumps(answer), name, call_id)
    return _message(said.text, name, call_id, status="error")


def _message(text: str, name: str, call_id: str | None, *, status: str = "success") -> Any:
    if call_id is None:
        return text
    return ToolMessage(content=text, name=name, tool_call_id=call_id, status=status)


def _noted(value: Any, notice: str) -> Any:
    """The same result with one line more in what the model reads."""
    if isinstance(value, ToolMessage):
        content = value.content
        more = f"{content}\n\n{notice}" if isinstance(content, str) else [*content, {"type": "text", "text": notice}]
        return value.model_copy(update={"content": more})
    if isinstance(value, Command):
        update = value.update
        messages = update.get("messages", []) if isinstance(update, dict) else update
        if isinstance(messages, list):
            noted = [_noted(message, notice) for message in messages]
            return Command(
                graph=value.graph, resume=value.resume, goto=value.goto,
                update={**update, "messages": noted} if isinstance(update, dict) else noted,
            )  # fmt: skip
    if isinstance(value, list) and any(isinstance(part, ToolMessage | Command) for part in value):
        return [_noted(part, notice) for part in value]
    return f"{value}\n\n{notice}" if isinstance(value, str) else value


# --- to JSON and back -----------------------------------------------------------------------------


def _encoded(value: Any) -> JSON:
    if isinstance(value, ToolMessage):
        return {"$tool": {"content": _encoded(value.content), "status": value.status} | _artifact(value)}
    if isinstance(value, BaseMessage):
        return {"$message": _encoded(message_to_dict(value))}
    if isinstance(value, Send):
        return {"$send": [value.node, _encoded(value.arg)]}
    if isinstance(value, Command):
        parts = {"graph": value.graph, "update": value.update, "resume": value.resume, "goto": value.goto}
        return {"$command": {name: _encoded(part) for name, part in parts.items()}}
    if isinstance(value, dict):
        if any(not isinstance(key, str) or key.startswith("$") for key in value):
            raise TypeError("a key that cannot be kept")
        return {key: _encoded(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_encoded(part) for part in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"{type(value).__name__} cannot be kept")


def _artifact(message: ToolMessage) -> dict[str, JSON]:
    try:
        return {} if message.artifact is None else {"artifact": _encoded(message.artifact)}
    except TypeError:
        return {}


def _loaded(value: JSON, name: str, call_id: str | None) -> Any:
    if value is None:
        # a person said that it happened; what it returned nobody knows
        return _message("[handrail] It was carried out; its result was not recorded.", name, call_id)
    found = _decoded(value, name, call_id)
    if call_id is None:
        return found.content if isinstance(found, ToolMessage) else found
    if isinstance(found, ToolMessage | Command | list):
        return found
    return _message(found if isinstance(found, str) else json.dumps(found), name, call_id)


def _decoded(value: JSON, name: str, call_id: str | None) -> Any:
    if isinstance(value, list):
        return [_decoded(part, name, call_id) for part in value]
    if not isinstance(value, dict):
        return value
    ((tag, body), *more) = list(value.items()) or [("", None)]
    if more or not tag.startswith("$"):
        return {key: _decoded(part, name, call_id) for key, part in value.items()}
    if tag == "$tool":
        return ToolMessage(**body, name=name, tool_call_id=call_id or "")
    if tag == "$message":
        return messages_from_dict([body])[0]
    if tag == "$send":
        return Send(body[0], _decoded(body[1], name, call_id))
    return Command(**{key: _decoded(part, name, call_id) for key, part in body.items()})
