"""One test's stage: a scene, a harness on it, and turns of a conversation."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import handrail.errors
from handrail.lifecycle.rows import ExecutionRow
from handrail.testing.conformance.elsewhere import Order, Workshop, bounded
from handrail.testing.conformance.harness import REGULAR, Harness
from handrail.testing.conformance.scene import Scene, Seen, wait_until
from handrail.testing.conformance.script import Script

# longer than anything here lasts; a run that has not ended by then hangs
HANG_SECONDS = 60.0
MOST_WAKES = 8
# between one wake and the next; all of them together end before a case's deadline
PAUSE_SECONDS = 45


class Turn:
    """A conversation that has begun: parked, or waiting on a thread."""

    def __init__(self, stage: Stage, script: Script):
        self.script = script
        self._stage = stage
        self.harness = stage.harness
        self.app = self.harness.build(script)
        self._thread: threading.Thread | None = None
        self._failed: list[BaseException] = []
        # what attempts to wake it raised
        self.refusals: list[Exception] = []

    def start(self) -> None:
        if not self.harness.blocks:
            bounded(lambda: self.harness.run(self.app), HANG_SECONDS, "the run")
            return
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.harness.run(self.app)
        except BaseException as error:
            self._failed.append(error)

    def wake(self, answer: Any = REGULAR) -> None:
        """Wake once. Raises what that raises. A run that waits by itself needs none."""
        if not self.harness.blocks:
            bounded(lambda: self.harness.wake(self.app, answer), HANG_SECONDS, "waking")

    def attempt(self, answer: Any = REGULAR) -> None:
        """Wake, whatever comes of it but hanging."""
        try:
            self.wake(answer)
        except AssertionError:
            raise
        except Exception as error:
            self.refusals.append(error)

    def suffer(self, attack: Callable[[Any], object], what: str) -> None:
        """Let something be done to it, whatever comes of it but hanging. What it makes the model ask anew is rejected.

        A call that waits may not have told the model yet what was decided: then the model asks once more, and waits.
        """
        try:
            bounded(
                lambda: attack(self.app), HANG_SECONDS, what,
                meanwhile=lambda: self._stage.decide_if_open("reject"),
            )  # fmt: skip
        except AssertionError:
            raise
        except Exception as error:
            self.refusals.append(error)

    def end(self) -> None:
        """Let a run that waits come to its end, whatever that is. An assertion fails when it hangs."""
        if self._thread is not None:
            self._thread.join(HANG_SECONDS)
            assert not self._thread.is_alive(), "the run hangs"

    def finish(self) -> None:
        """Go on until the model was told about every call. An assertion fails when that never comes."""
        self.end()
        if self._failed:
            raise self._failed[0]
        for n in range(MOST_WAKES):
            if self.is_over():
                break
            if n:
                # a wake that failed is tried again after a pause
                self._stage.scene.pass_time(PAUSE_SECONDS)
            self.wake()
        missing = {call.id for call in self.script.calls} - {message.call_id for message in self.harness.seen(self.app)}
        assert not missing, f"the model was never told about {sorted(missing)}"

    def is_over(self) -> bool:
        """The model was told about every call."""
        told = [message.call_id for message in self.harness.seen(self.app)]
        return all(
            told.count(call.id) >= [c.id for c in self.script.calls].count(call.id) for call in self.script.calls
        )

    def told(self, call_id: str = "c1") -> str:
        """What the model was told about a call; an assertion fails unless that was said exactly once."""
        found = [message.text for message in self.harness.seen(self.app) if message.call_id == call_id]
        assert len(found) == 1, f"the model was told {len(found)} times about {call_id}: {found}"
        return found[0]

    def was_told(self, call_id: str = "c1") -> bool:
        return any(message.call_id == call_id for message in self.harness.seen(self.app))


class Stage:
    """What a test of the contract works with."""

    def __init__(self, scene: Scene, harness: Harness, workshop: Callable[[], Workshop]):
        self.scene = scene
        self.harness = harness
        self._workshop = workshop
        self._begun: Turn | None = None

    @property
    def workshop(self) -> Workshop:
        """Other processes of this harness."""
        return self._workshop()

    def begin(self, script: Script, *, cases: int | None = None) -> Turn:
        """Start a conversation and wait until `cases` are open (default: all calls of its first turn, or the first)."""
        turn = self._begun = Turn(self, script)
        turn.start()
        wanted = cases if cases is not None else (len(script.turns[0]) if self.harness.at_once else 1)
        wait_until(lambda: len(self.scene.open_cases()) >= wanted, f"{wanted} open cases")
        return turn

    def begin_quietly(self, turn: Turn) -> None:
        """Start a conversation of which nobody knows yet whether it opens a case: wait for a case or its end."""
        turn.start()
        wait_until(lambda: turn.is_over() or bool(self.scene.open_cases()), "a case or the end")

    def go_on(self, turn: Turn, *, until: Callable[[], bool]) -> None:
        """Wake as often as needed until it holds."""
        for _ in range(MOST_WAKES):
            if until():
                return
            if self.harness.blocks:
                wait_until(until, "the run to go on")
                return
            turn.wake()
        assert until(), "the run did not go on"

    def waking(self, script: Script) -> Order | None:
        """Wake in another process, and do not wait for it. None where a run waits by itself and needs no wake."""
        return None if self.harness.blocks else self.workshop.start(self.scene.folder, script, "wake")

    def case(self, **arguments: Any) -> Seen:
        """The one case with these arguments."""
        found = self.scene.cases(**arguments)
        assert len(found) == 1, f"{len(found)} cases with {arguments}"
        return found[0]

    def execution(self, **arguments: Any) -> ExecutionRow:
        """The execution of the one case with these arguments."""
        found = self.scene.execution(self.case(**arguments).id)
        assert found is not None, "handrail was never told that it runs"
        return found

    def decide(self, verdict: str, *, by: str = "Ann", case_id: str | None = None, **given: Any) -> Any:
        """Answer a case, or the one that is open; what a verdict cannot do without is filled in."""
        fillers: dict[str, dict[str, Any]] = {
            "reject": {"reason": "wrong"}, "respond": {"value": "by hand"}, "redirect": {"instruction": "ask first"},
        }  # fmt: skip
        if case_id is None:
            (only,) = self.scene.open_cases()
            case_id = only.id
        return self.scene.desk(by).answer(case_id, verdict, **(fillers.get(verdict, {}) | given))

    def decide_if_open(self, verdict: str) -> None:
        """Answer what is open; a halt may have refused that."""
        for case in self.scene.open_cases():
            with suppress(handrail.errors.HandrailError):
                self.decide(verdict, case_id=case.id)

    def decide_all(self, verdicts: Sequence[tuple[dict[str, Any], str, dict[str, Any]]]) -> None:
        """Answer cases by their arguments, in this order; as they come where they come one by one."""
        left = list(verdicts)
        while left:
            here = [one for one in left if self.scene.open_cases(**one[0])]
            if not here or (self.harness.at_once and here[0] is not left[0]):
                wait_until(lambda: any(self.scene.open_cases(**one[0]) for one in left), "the next case")
                here = [one for one in left if self.scene.open_cases(**one[0])]
            arguments, verdict, given = here[0]
            self.decide(verdict, case_id=self.scene.open_cases(**arguments)[0].id, **given)
            left.remove(here[0])
            if left and self._begun is not None and not self.harness.at_once:
                # the next is asked for when this one has its result
                self._begun.wake()

    def refuses(self, what: Callable[[], object]) -> None:
        """An assertion fails unless it is refused in one of handrail's own errors."""
        try:
            what()
        except handrail.errors.HandrailError:
            return
        raise AssertionError("it was not refused")
