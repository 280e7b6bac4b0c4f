"""What the scripted model of a test does, and what goes wrong around it. Travels to other processes as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from handrail.canonical import JSON

# how a tool misbehaves after its effect: raises, or its process dies (the first time)
Trouble = Literal["", "raises", "dies"]
# what is broken between the adapter and its control plane
Fault = Literal["", "terms raise", "terms are garbage", "server unreachable", "server answers nonsense"]
FAULTS: tuple[Fault, ...] = ("terms raise", "terms are garbage", "server unreachable", "server answers nonsense")


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One tool call as the model makes it."""

    id: str
    tool: str
    arguments: dict[str, JSON]


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """`turns[0]` are the calls the model makes at first, `turns[1]` those after their results; then it says "done"."""

    turns: tuple[tuple[ModelCall, ...], ...]
    # tells one conversation of a scene from another
    thread: str = "thread-1"
    tool_class: str = "unsafe"
    # an explicit key of the proposals
    key: str | None = None
    trouble: Trouble = ""
    fault: Fault = ""
    # tools wait after their effect until the scene lets them go on
    held: bool = False
    # tools take 0 to 50 ms before their effect
    delays: bool = False
    # the framework's own retrying of tools is to be switched on
    retries: bool = False
    # tools that are not there any more
    without: tuple[str, ...] = ()
    # tools that are given to the agent without the adapter
    unwrapped: tuple[str, ...] = ()

    @property
    def calls(self) -> tuple[ModelCall, ...]:
        """All calls of all turns."""
        return tuple(call for turn in self.turns for call in turn)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def script_from_json(found: dict[str, Any]) -> Script:
    """The inverse of `Script.to_json`."""
    turns = tuple(tuple(ModelCall(**call) for call in turn) for turn in found["turns"])
    lists = {name: tuple(found[name]) for name in ("without", "unwrapped")}
    return Script(**(found | {"turns": turns} | lists))


def pay(to: str, amount: int, *, id: str = "c1") -> ModelCall:
    """A call of the tool that people must approve."""
    return ModelCall(id, "pay", {"to": to, "amount": amount})


def one_turn(*calls: ModelCall, **more: Any) -> Script:
    """A model that makes these calls at once."""
    return Script(turns=(tuple(calls),), **more)


def several_turns(*turns: Sequence[ModelCall], **more: Any) -> Script:
    """A model that makes these calls one turn after another."""
    return Script(turns=tuple(map(tuple, turns)), **more)
