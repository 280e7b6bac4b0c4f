"""Training examples as OpenAI's fine-tuning reads them, and back: supervised rows and preference rows (DPO).

Arguments of a call are text and every call has an id; in a supervised row the last answer weighs 1 and earlier ones 0;
a preference holds one text message on either side. Nothing else may stand in a row, so case and origin go to a file of
their own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, get_args

from handrail.canonical import JSON, dumps
from handrail.errors import InvalidInput
from handrail.learning.example import Example, Lesson, Messages

Form = Literal["sft", "dpo"]
FORMS: tuple[Form, ...] = get_args(Form)
LESSON_OF: dict[str, Lesson] = {"sft": "sft", "dpo": "preference"}


def row_of(example: Example, form: Form) -> dict[str, JSON]:
    """One row. Raises `InvalidInput` for an example of another lesson, or one that the form cannot hold."""
    if LESSON_OF.get(form) != example.lesson:
        raise InvalidInput(f"a {example.lesson} example is no row for {form}")
    tools = list(example.tools)
    if form == "sft":
        earlier = [_weighed(message, 0) for message in _written(example.prompt)]
        taught = [_weighed(message, 1) for message in _written(example.completion)]
        made: dict[str, JSON] = {"messages": [*earlier, *taught]}
        return made | ({"tools": tools, "parallel_tool_calls": False} if tools else {})
    for side in (example.completion, example.rejected):
        if len(side) != 1 or not isinstance(side[0].get("content"), str):
            raise InvalidInput("an OpenAI preference compares two text answers; this one compares calls of tools")
    return {
        "input": {"messages": _written(example.prompt), "tools": tools, "parallel_tool_calls": True},
        "preferred_output": list(example.completion), "non_preferred_output": list(example.rejected),
    }  # fmt: skip


def example_from(row: Mapping[str, Any], form: Form, *, case_id: str = "") -> Example:
    """The example that a row holds. Raises `InvalidInput` for a row of another form."""
    try:
        if form == "sft":
            messages = _read(row["messages"])
            cut = max(i for i, m in enumerate(messages) if m["role"] != "assistant") + 1
            made = Example(lesson="sft", case_id=case_id, prompt=messages[:cut], completion=messages[cut:],
                           tools=tuple(row.get("tools") or ()))  # fmt: skip
        else:
            given = row["input"]
            made = Example(
                lesson="preference", case_id=case_id, prompt=_read(given["messages"]),
                completion=_read(row["preferred_output"]), rejected=_read(row["non_preferred_output"]),
                tools=tuple(given.get("tools") or ()),
            )  # fmt: skip
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput(f"this is no OpenAI {form} row: {type(error).__name__}: {error}") from None
    made.check()
    return made


def _weighed(message: dict[str, Any], weight: int) -> dict[str, Any]:
    return message | {"weight": weight} if message["role"] == "assistant" else message


def _written(messages: Messages) -> list[dict[str, Any]]:
    """Messages with calls as text, each with an id of its own."""
    made = []
    for number, message in enumerate(messages):
        written = dict(message)
        if message.get("tool_calls"):
            written["tool_calls"] = [
                call | {"id": call.get("id") or f"call_{number}_{n}",
                        "function": call["function"] | {"arguments": dumps(call["function"]["arguments"]).decode()}}
                for n, call in enumerate(message["tool_calls"])
            ]  # fmt: skip
        made.append(written)
    return made


def _read(messages: Any) -> Messages:
    made = []
    for message in messages:
        read = {name: value for name, value in message.items() if name != "weight"}
        if read.get("tool_calls"):
            read["tool_calls"] = [
                call | {"function": call["function"] | {"arguments": json.loads(call["function"]["arguments"])}}
                for call in read["tool_calls"]
            ]
        made.append(read)
    return tuple(made)
