"""A plain model of claims, reviews, decisions and executions, and a machine that compares the lifecycle with it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from handrail.clock import SECOND, from_iso
from handrail.errors import HandrailError
from handrail.execution import Execution
from handrail.lifecycle import claim, execute, review
from handrail.maintenance.tables import all_cases
from handrail.testing.factories import person
from handrail.testing.rig import Rig

PEOPLE = {name: person(name) for name in ("Ann", "Bob", "Cy")}
NAMES = st.sampled_from(sorted(PEOPLE))
PICKS = st.integers(0, 1_000)
# action: people needed, seconds until an approval counts
ACTIONS = {"quick": (1, 0), "usual": (1, 10), "pair": (2, 0), "slow_pair": (2, 10)}
DEADLINE = 600 * SECOND
HOLD = claim.CLAIM_SECONDS * SECOND
MOST_CASES = 8


@dataclass(slots=True)
class Seat:
    """One answer of one person."""

    name: str
    verdict: str
    effective: int
    id: str = ""


@dataclass(slots=True)
class Model:
    """One case, as a child would keep it on paper."""

    action: str
    opened: int
    tool_class: str
    seats: list[Seat] = field(default_factory=list)
    holder: str | None = None
    held_until: int = 0
    fence: int = 0
    decision: str | None = None
    decided_at: int = 0
    execution: str | None = None
    started: Execution | None = None
    # halted after it was approved: dead for good
    dead: bool = False

    @property
    def need(self) -> int:
        return ACTIONS[self.action][0]

    def answered(self, name: str) -> bool:
        return any(seat.name == name for seat in self.seats)

    def waits_in_queue(self) -> bool:
        given = sum(seat.verdict != "abstain" for seat in self.seats)
        return self.decision is None and self.holder is None and given < self.need

    def will_settle(self, now: int) -> bool:
        """Whether the answers given decide it when their windows end."""
        approvals = [seat for seat in self.seats if seat.verdict == "approve"]
        return len(approvals) >= self.need and any(seat.effective > now for seat in self.seats)

    def settle(self, now: int) -> None:
        """What is due by now becomes the decision."""
        if self.decision is not None:
            return
        counted = [seat for seat in self.seats if seat.effective <= now]
        if any(seat.verdict == "reject" for seat in counted):
            self.decide("rejected", now)
        elif sum(seat.verdict == "approve" for seat in counted) >= self.need:
            self.decide("approved", now)

    def decide(self, kind: str, now: int) -> None:
        self.decision, self.decided_at, self.holder = kind, now, None

    def sweep(self, now: int) -> None:
        """All that time does."""
        self.settle(now)
        if self.decision is None and now >= self.opened + DEADLINE:
            self.decide("expired", now)
        if self.holder is not None and now >= self.held_until:
            self.holder = None
        if self.execution == "started" and self.started is not None and now >= self.started.expires_at:
            self.execution = "unknown" if self.tool_class == "unsafe" or self.dead else "lapsed"


def _is_open(model: Model) -> bool:
    return model.decision is None


def _is_held(model: Model) -> bool:
    return model.holder is not None


def _is_answered(model: Model) -> bool:
    return _is_open(model) and bool(model.seats)


def _is_approved(model: Model) -> bool:
    return model.decision == "approved"


def _was_started(model: Model) -> bool:
    return model.started is not None


def _is_unknown(model: Model) -> bool:
    return model.execution in ("unknown", "lapsed")


class LifecycleMachine(RuleBasedStateMachine):
    """Subclass it and say in `open_rig` what database it runs on."""

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="hr-")))
        self.rig = self.open_rig(self.folder)
        self.cases: dict[str, Model] = {}
        self.halt: str | None = None

    def open_rig(self, folder: Path) -> Rig:
        """A control plane on an empty database."""
        raise NotImplementedError

    def teardown(self) -> None:
        try:
            problems = self.rig.problems()
            assert not problems, problems
        finally:
            self.rig.close()
            self._stack.close()

    # --- asking both --------------------------------------------------------------------------------

    @property
    def now(self) -> int:
        return self.rig.clock.now()

    def pick(self, number: int, likely: Callable[[Model], bool] = lambda model: True) -> tuple[str, Model]:
        """A case; mostly one with which something can be done, so that not every step is a refusal."""
        every = list(self.cases.items())
        some = [(id, model) for id, model in every if likely(model)]
        chosen = some if some and number % 8 else every
        return chosen[number // 8 % len(chosen)]

    def any_case(self, likely: Callable[[Model], bool]) -> bool:
        return any(map(likely, self.cases.values()))

    @staticmethod
    def ask(allowed: bool, work: Callable[[], Any]) -> Any:
        """The lifecycle must agree with the model about what is allowed."""
        refusal: HandrailError | None = None
        made = None
        try:
            made = work()
        except HandrailError as error:
            refusal = error
        assert (refusal is None) == allowed, f"refused: {refusal}" if allowed else f"allowed: {made}"
        return made

    # --- rules --------------------------------------------------------------------------------------

    @initialize()
    def begin(self) -> None:
        for n, action in enumerate(sorted(ACTIONS)):
            self.submit(action, "idempotent" if n % 2 else "unsafe")

    @precondition(lambda self: len(self.cases) < MOST_CASES and self.halt is None)
    @rule(action=st.sampled_from(sorted(ACTIONS)), tool_class=st.sampled_from(["unsafe", "idempotent"]))
    def submit(self, action: str, tool_class: str) -> None:
        # no two at the same moment: ids and queue order of one moment are left to chance
        self.pass_time(1)
        case = self.rig.gated(action, tool_class=tool_class)
        self.cases[case] = Model(action=action, opened=self.now, tool_class=tool_class)

    @rule(name=NAMES, number=PICKS)
    def take(self, name: str, number: int) -> None:
        case, model = self.pick(number, _is_open)
        allowed = model.decision is None and not model.answered(name) and model.holder in (None, name)
        held = self.ask(allowed, lambda: self.rig.take(PEOPLE[name], case))
        if held is not None:
            if model.holder is None:
                model.fence += 1
            model.holder, model.held_until = name, self.now + HOLD
            assert held.fence == model.fence

    @rule(name=NAMES)
    def take_next(self, name: str) -> None:
        held = self.rig.take_next(PEOPLE[name])
        ready = [id for id, model in self.cases.items() if model.waits_in_queue() and not model.answered(name)]
        if held is None:
            assert ready == []
            return
        assert held.case_id == min(ready, key=lambda case: (self.rig.case(case).sort_key, case))
        model = self.cases[held.case_id]
        model.fence += 1
        model.holder, model.held_until = name, self.now + HOLD
        assert held.fence == model.fence

    @precondition(lambda self: self.any_case(_is_held))
    @rule(name=NAMES, number=PICKS, stale=st.booleans())
    def renew(self, name: str, number: int, stale: bool) -> None:
        case, model = self.pick(number, _is_held)
        fence = model.fence - stale
        command = claim.Hold(actor=PEOPLE[name], case_id=case, fence=fence)
        if self.ask(model.holder == name and not stale, lambda: self.rig.run(claim.renew, command)):
            model.held_until = self.now + HOLD

    @precondition(lambda self: self.any_case(_is_held))
    @rule(name=NAMES, number=PICKS, stale=st.booleans())
    def release(self, name: str, number: int, stale: bool) -> None:
        case, model = self.pick(number, _is_held)
        command = claim.Hold(actor=PEOPLE[name], case_id=case, fence=model.fence - stale)
        allowed = model.holder == name and not stale
        self.ask(allowed, lambda: self.rig.run(claim.release, command))
        if allowed:
            model.holder = None

    @rule(name=NAMES, number=PICKS, verdict=st.sampled_from(["approve", "approve", "reject", "abstain"]))
    def answer(self, name: str, number: int, verdict: str) -> None:
        case, model = self.pick(number, _is_open)
        allowed = model.decision is None and not model.answered(name) and model.holder in (None, name)
        if verdict != "reject":
            allowed = allowed and not model.will_settle(self.now)
        given = self.ask(allowed, lambda: self.rig.answer(PEOPLE[name], case, verdict))
        if given is None:
            return
        model.fence += model.holder is None
        model.holder = None
        window = ACTIONS[model.action][1] * SECOND if verdict == "approve" else 0
        effective = min(self.now + window, model.opened + DEADLINE)
        assert given.effective_at == effective
        model.seats.append(Seat(name, verdict, effective, given.review_id))
        model.settle(self.now)
        assert (given.decision.kind if given.decision else None) == model.decision

    @precondition(lambda self: self.any_case(_is_answered))
    @rule(number=PICKS)
    def withdraw(self, number: int) -> None:
        _, model = self.pick(number, _is_answered)
        if not model.seats:
            return
        seat = model.seats[number % len(model.seats)]
        allowed = model.decision is None and seat.effective > self.now
        command = review.Withdraw(actor=PEOPLE[seat.name], review_id=seat.id)
        self.ask(allowed, lambda: self.rig.run(review.withdraw, command))
        if allowed:
            model.seats.remove(seat)

    @rule(number=PICKS)
    def cancel(self, number: int) -> None:
        if number % 3:
            return
        case, model = self.pick(number, _is_open)
        self.ask(model.decision in (None, "cancelled"), lambda: self.rig.cancel(case))
        if model.decision is None:
            model.decide("cancelled", self.now)

    @rule(seconds=st.sampled_from([1, 5, 10, 11, 11, 60, 301]))
    def pass_time(self, seconds: int) -> None:
        self.rig.pass_time(seconds)
        for model in self.cases.values():
            model.sweep(self.now)

    @precondition(lambda self: self.any_case(_is_approved))
    @rule(number=PICKS, nonce=st.sampled_from(["a", "b"]))
    def start(self, number: int, nonce: str) -> None:
        case, model = self.pick(number, _is_approved)
        fresh = model.execution in (None, "lapsed")
        if fresh:
            allowed = model.decision == "approved" and self.halt is None and not model.dead
        else:
            allowed = model.execution != "started" or (model.started is not None and model.started.nonce == nonce)
        made = self.ask(allowed, lambda: self.rig.start(case, nonce))
        if made is None:
            return
        if fresh:
            assert made.fence == (1 if model.started is None else model.started.fence + 1)
            assert model.started is None or made.idempotency_key == model.started.idempotency_key
            model.execution, model.started = "started", made
        assert made.state == model.execution

    @precondition(lambda self: self.any_case(_was_started))
    @rule(number=PICKS, ok=st.booleans())
    def finish(self, number: int, ok: bool) -> None:
        case, model = self.pick(number, _was_started)
        started = model.started
        if started is None:
            command = execute.Finish(actor=self.rig.agent, case_id=case, fence=1, ok=ok)
            self.ask(False, lambda: self.rig.run(execute.finish, command))
            return
        state = "succeeded" if ok else "failed"
        ended = self.ask(
            model.execution in ("started", "lapsed", "unknown", state), lambda: self.rig.finish(started, ok=ok)
        )
        if ended is not None:
            if model.execution != "unknown":
                model.execution = state
            assert ended.state == model.execution

    @precondition(lambda self: self.any_case(_is_unknown))
    @rule(name=NAMES, number=PICKS, happened=st.booleans())
    def settle(self, name: str, number: int, happened: bool) -> None:
        case, model = self.pick(number, _is_unknown)
        allowed = model.execution in ("unknown", "lapsed")
        self.ask(allowed, lambda: self.rig.settle(PEOPLE[name], case, happened))
        if allowed:
            model.execution = "settled"

    @precondition(lambda self: self.halt is None and self.any_case(_is_approved))
    @rule(number=PICKS)
    def set_halt(self, number: int) -> None:
        if number % 4:
            return
        self.halt = self.rig.halt("workspace")
        for model in self.cases.values():
            model.dead = model.dead or (model.decision == "approved" and model.decided_at <= self.now)

    @precondition(lambda self: self.halt is not None)
    @rule()
    def lift_halt(self) -> None:
        assert self.halt is not None
        self.rig.lift(self.halt)
        self.halt = None
        # an approval of this very moment cannot be told from one before the switch
        for model in self.cases.values():
            model.dead = model.dead or (model.decision == "approved" and model.decided_at == self.halted_at())
        # nor one after the lift, if no time passes
        self.pass_time(1)

    def halted_at(self) -> int:
        return from_iso(self.rig.entries("halt.set")[-1]["at"])

    # --- comparing ----------------------------------------------------------------------------------

    @invariant()
    def agrees(self) -> None:
        tables = all_cases(self.rig.plane.store, self.rig.workspace)
        executions = {id: row.state for id, row in tables.executions.items()}
        for id, model in self.cases.items():
            assert tables.proposals[id].decision == model.decision
            held = None if model.holder is None else (model.fence, PEOPLE[model.holder].pid)
            assert tables.claims.get(id) == held
            assert executions.get(id) == ("started" if model.execution == "lapsed" else model.execution)
