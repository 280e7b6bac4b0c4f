"""Where in a thread a tool call stands: what names its run, its turn and its pause."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config

from handrail.canonical import JSON
from handrail.client.run import Run, current_run
from handrail.errors import InvalidInput

FRAMEWORK = "langgraph"
# LangGraph's own entry in `configurable`; there is no public way to see whether a graph is saved
CHECKPOINTER = "__pregel_checkpointer"
# how LangGraph names a task that runs one call by itself
_SENT = "__pregel_push"
_THE_FRAMEWORKS_OWN = ("checkpoint_id", "checkpoint_ns", "checkpoint_map")
_SECRET = re.compile(r"key|token|secret|password|auth|credential", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a call is made. All of it is the same when the node is run again after a pause or a kill."""

    # None outside of a graph that keeps threads
    thread: str | None
    # the model's message that makes the call, else the step (in a subgraph with the task that holds it): tells a call
    # id from the same id in a later turn, and stays when the message is replayed
    turn: str
    # one run of a node, the same when it is run again
    node: str
    # ids and tools of the message's calls in this run of the node, as far as they are known
    called: tuple[tuple[str, str], ...]
    # on how many threads they run
    threads: int
    # the checkpoint of the whole graph on which the step rests
    checkpoint: str
    # what the user gave as `configurable`, as far as it is plain and no secret
    configurable: dict[str, JSON]
    saved: bool

    def call_id(self, given: str) -> str:
        """The framework's id of a call, made unique in the thread."""
        return f"{given}@{self.turn}" if self.turn else given

    def need_saved(self) -> None:
        """Raise `InvalidInput` where a pause would be lost."""
        if not self.saved or self.thread is None:
            raise InvalidInput(
                "a tool call cannot be parked: its graph keeps no threads",
                remedy='Compile it with a checkpointer and invoke it with a thread_id, or gate with wait="block".',
            )

    def state(self) -> bytes:
        """What a waker needs. Calls of one pause have the same."""
        made: dict[str, JSON] = {"configurable": self.configurable, "checkpoint": self.checkpoint}
        run = current_run()
        if run is not None:
            made["run"] = {"id": run.id, "agent": run.agent, "user": run.user, "budget": run.budget}
        return json.dumps(made, sort_keys=True).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The same, read back."""

    configurable: dict[str, JSON]
    checkpoint: str
    run: Run | None = None


def place_of(config: RunnableConfig | None, *, state: Any = None, call_id: str | None = None) -> Place:
    """Where the code that has this config runs; without one, where the calling code runs.

    `state` is that of the graph, in which the message with this call is looked for.
    """
    config = ensure_config(config)
    found = config["configurable"]
    thread = found.get("thread_id")
    step = config["metadata"].get("langgraph_step")
    node = str(found.get("checkpoint_ns", ""))
    outer = node.rpartition("|")[0]
    message = _message(state, call_id)
    said = None if message is None else message.id
    sent = next(iter(config["metadata"].get("langgraph_path") or ()), None) == _SENT
    return Place(
        thread=None if thread is None else str(thread),
        turn=said or ("" if step is None else f"{outer}/{step}".lstrip("/")),
        node=f"{thread}|{node}",
        called=()
        if sent or message is None
        else tuple((call["id"] or "", call["name"]) for call in message.tool_calls),
        threads=config.get("max_concurrency") or min(32, (os.cpu_count() or 1) + 4),
        checkpoint=str((found.get("checkpoint_map") or {}).get("", "")),
        configurable={name: value for name, value in found.items() if _is_plain(name, value)},
        saved=bool(found.get(CHECKPOINTER)),
    )


def kept(state: bytes) -> Kept:
    """What `Place.state` wrote."""
    found = json.loads(state)
    run = found.get("run")
    return Kept(
        configurable=found["configurable"], checkpoint=found["checkpoint"], run=None if run is None else Run(**run)
    )


def _message(state: Any, call_id: str | None) -> AIMessage | None:
    """The latest message that makes this call."""
    messages = state.get("messages") if isinstance(state, dict) else getattr(state, "messages", state)
    if call_id is None or not isinstance(messages, list):
        return None
    for message in reversed(messages):
        if isinstance(message, AIMessage) and any(call["id"] == call_id for call in message.tool_calls):
            return message
    return None


def _is_plain(name: str, value: object) -> bool:
    if name == "thread_id":
        return True
    ours = not name.startswith("__") and name not in _THE_FRAMEWORKS_OWN and not _SECRET.search(name)
    return ours and isinstance(value, str | int | float | bool)
