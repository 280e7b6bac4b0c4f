"""What an adapter's test supplies: an agent of its framework whose model is scripted and whose tools are gated."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from handrail.canonical import JSON
from handrail.testing.conformance.scene import Scene
from handrail.testing.conformance.script import Script


class Message(NamedTuple):
    """Something the model was told about one of its calls."""

    call_id: str
    text: str


class Regular:
    """The answer with which the adapter itself wakes its framework."""


REGULAR = Regular()
# answers that some framework would take for an approval
APPROVING: tuple[Any, ...] = (
    True, "approve", {"type": "approve"}, {"decisions": [{"type": "approve"}]}, {"approved": True}, {"confirmed": True},
)  # fmt: skip


class Harness(ABC):
    """One agent. Made anew in every process, for the same folder: all that must outlive one lies in `scene.folder`.

    `build` makes the agent of a script: its fake model makes the script's calls, turn by turn, and then says "done";
    its tools are `scene.tools(script)`, wrapped by the adapter with `scene.client(script)` and `scene.terms(script)`
    (those named in `script.unwrapped` are given to it bare). It must work for a thread that another process parked.
    Everything else takes what `build` made.
    """

    # the framework, as the results name it (empty: in no results), and the packages whose versions they quote
    framework: ClassVar[str]
    packages: ClassVar[tuple[str, ...]] = ()
    # `run` returns only when the calls are decided
    blocks: ClassVar[bool] = False
    # the calls of one turn wait at the same time
    at_once: ClassVar[bool] = True
    # what becomes of an execution whose tool raised
    raised: ClassVar[str] = "unknown"

    def __init__(self, scene: Scene):
        self.scene = scene

    @abstractmethod
    def build(self, script: Script) -> Any:
        """The agent."""

    @abstractmethod
    def run(self, app: Any) -> None:
        """Let the model make its calls, until the run parks or ends."""

    @abstractmethod
    def wake(self, app: Any, answer: Any = REGULAR) -> None:
        """Let a parked run go on: as the adapter does it, or with this answer handed straight to the framework.

        May raise what the framework or the adapter raises.
        """

    @abstractmethod
    def seen(self, app: Any) -> Sequence[Message]:
        """What the model was told about its calls, oldest first, from what the framework keeps."""

    # --- where there is such a thing ----------------------------------------------------------

    def added(self, app: Any) -> JSON:
        """What the adapter put into the framework's parked state. Needed for C21."""
        raise NotImplementedError

    def say(self, app: Any, text: str) -> None:
        """New input of the user on a parked thread. Needed for C18."""
        raise NotImplementedError

    def approving(self, app: Any) -> Sequence[Any]:
        """Answers that the framework alone takes for an approval."""
        return APPROVING

    def attacks(self) -> Mapping[str, Callable[[Any], object]]:
        """The framework's own ways to make a rejected call run (C9), by what they do."""
        return {}

    def tamperings(self) -> Mapping[str, Callable[[Any], object]]:
        """The framework's own ways to change a call after it was approved (C11), by what they do."""
        return {}

    def always(self, app: Any) -> None:
        """Press the framework's "always" or "trust", and wake (C15)."""
        self.wake(app)

    def unwrapped(self, app: Any) -> Sequence[str] | None:
        """The bare tools that the adapter's diagnosis names (C19); None where it has none."""
        return None
