"""An example to train a language model on, in one canonical form; `trl` and `openai_rows` write it as others read it.

Messages are chat messages as plain JSON: `role`, `content`, and for a tool call `tool_calls` with arguments as an
object and ids kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from handrail.canonical import JSON, digest, dumps
from handrail.errors import InvalidInput

Lesson = Literal["sft", "preference", "kto", "steps"]
LESSONS: tuple[Lesson, ...] = get_args(Lesson)
Messages = tuple[Mapping[str, Any], ...]
ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One lesson. Which of the optional fields it holds depends on `lesson`:

    sft: `completion`; preference: `completion` (chosen) over `rejected`, perhaps with a `margin` (log-odds or
    difference of ratings); kto: `completion` and `good`; steps: `steps` and which of them were right.
    """

    lesson: Lesson
    case_id: str
    prompt: Messages
    completion: Messages = ()
    rejected: Messages = ()
    good: bool | None = None
    margin: float | None = None
    steps: tuple[str, ...] = ()
    right: tuple[bool, ...] = ()
    # tools the program could call: {"type": "function", "function": {"name", "description", "parameters"}}
    tools: tuple[Mapping[str, Any], ...] = ()
    # reviewers, policy, model, consensus, blind, split, action
    origin: Mapping[str, JSON] = field(default_factory=dict)

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON; what is empty is left out."""
        made: dict[str, JSON] = {"lesson": self.lesson, "case": self.case_id, "prompt": list(self.prompt)}
        for name in ("completion", "rejected", "steps", "right", "tools"):
            if getattr(self, name):
                made[name] = list(getattr(self, name))
        for name in ("good", "margin"):
            if getattr(self, name) is not None:
                made[name] = getattr(self, name)
        return made | ({"origin": dict(self.origin)} if self.origin else {})

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Example:
        """Read what `to_json` wrote. Raises `InvalidInput` for anything else."""
        try:
            made = cls(
                lesson=data["lesson"], case_id=data["case"], prompt=tuple(data["prompt"]),
                completion=tuple(data.get("completion", ())), rejected=tuple(data.get("rejected", ())),
                good=data.get("good"), margin=data.get("margin"), steps=tuple(data.get("steps", ())),
                right=tuple(data.get("right", ())), tools=tuple(data.get("tools", ())),
                origin=dict(data.get("origin", {})),
            )  # fmt: skip
        except (LookupError, TypeError, ValueError) as error:
            raise InvalidInput(f"this is no training example: {type(error).__name__}: {error}") from None
        made.check()
        return made

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, origin left out: equal lessons have equal digests."""
        return digest(dumps({name: value for name, value in self.to_json().items() if name != "origin"}))

    def check(self) -> None:
        """Raises `InvalidInput` for an example that no trainer could use."""
        if self.lesson not in LESSONS:
            raise InvalidInput(f"no lesson is called {self.lesson!r}")
        for message in (*self.prompt, *self.completion, *self.rejected):
            check_message(message)
        if not self.prompt or self.prompt[-1]["role"] not in ("user", "tool", "assistant"):
            raise InvalidInput(
                "a prompt ends with what a user, a tool or the assistant said", remedy="Give the proposal a prompt."
            )
        whole = {
            "sft": bool(self.completion),
            "preference": bool(self.completion) and bool(self.rejected) and self.completion != self.rejected,
            "kto": bool(self.completion) and self.good is not None,
            "steps": 0 < len(self.steps) == len(self.right),
        }
        if not whole[self.lesson]:
            raise InvalidInput(f"a {self.lesson} example lacks what it should teach")


def check_message(message: Any) -> None:
    """Raises `InvalidInput` unless it is a chat message: a known role, and text or tool calls."""
    if not isinstance(message, Mapping) or message.get("role") not in ROLES:
        raise InvalidInput(f"a message is an object with a role of {', '.join(sorted(ROLES))}")
    if not isinstance(message.get("content"), str | list) and not message.get("tool_calls"):
        raise InvalidInput(f"a message of the {message['role']} says nothing")


def messages_from(value: JSON) -> Messages:
    """A prompt as messages: text is what a user said, a list of messages stands, any other JSON is said as JSON text.

    Raises `InvalidInput` for a list that looks like messages and is none.
    """
    if isinstance(value, dict) and set(value) == {"messages"}:
        value = value["messages"]
    if isinstance(value, list) and value and all(isinstance(item, dict) and "role" in item for item in value):
        for message in value:
            check_message(message)
        return tuple(value)
    return ({"role": "user", "content": text_of(value)},)


def answer_from(value: JSON) -> Messages:
    """What an assistant answered, as messages."""
    if isinstance(value, list) and value and all(isinstance(item, dict) and "role" in item for item in value):
        for message in value:
            check_message(message)
        return tuple(value)
    return ({"role": "assistant", "content": text_of(value)},)


def call_of(action: str, arguments: JSON, call_id: str | None = None) -> Messages:
    """A call of a tool, as the assistant's message."""
    call: dict[str, JSON] = {"type": "function", "function": {"name": action, "arguments": arguments}}
    return ({"role": "assistant", "tool_calls": [call | ({} if call_id is None else {"id": call_id})]},)


def text_of(value: JSON) -> str:
    """Text as it is, other JSON as its canonical text."""
    return value if isinstance(value, str) else dumps(value).decode()
