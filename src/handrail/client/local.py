"""In process: steps become verbs of the writer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from handrail.client.calls import CALLS, refuse_odd
from handrail.client.steps import Answered, Await, AwaitEnd, Call, Finish, Start, Submit, TakeWake
from handrail.client.transport import Sent
from handrail.client.watch import Watch
from handrail.clock import SECOND, random_unit
from handrail.decision import Receipt
from handrail.execution import Execution, need_hold
from handrail.intake import proposal_checked
from handrail.lifecycle import execute, submit, wake
from handrail.lifecycle.actor import Actor
from handrail.lifecycle.rows import ProposalRow
from handrail.maintenance import waking
from handrail.maintenance.plane import Plane
from handrail.store import statements

# the agent of a program that does not say who it is
UNNAMED = "local"
# outcomes an execution cannot leave
ENDED = ("succeeded", "failed", "unknown", "settled", "voided")


class LocalTransport:
    """Speaks to a plane of this process as one actor."""

    def __init__(self, plane: Plane, actor: Actor, *, owns_plane: bool = True, draw: Callable[[], float] = random_unit):
        self.plane = plane
        self.actor = actor
        self._owns_plane = owns_plane
        # uniform numbers in [0, 1), which decide spot checks; a simulation brings its own
        self._draw = draw

    def send(self, step: Sent) -> Any:
        refuse_odd(step)
        if isinstance(step, Await):
            look = _Look(self.plane, self.actor.workspace, step.case_id)
            self.plane.feed.wait(step.case_id, look, step.timeout)
            return self.plane.decision_of(look.row)
        if isinstance(step, AwaitEnd):
            self.plane.feed.wait(step.case_id, lambda: self._is_over(step), self._left(step))
            return None
        if isinstance(step, TakeWake):
            return waking.take(self.plane, self._taking(step), step.timeout)
        verb, command = self._made(step)
        if isinstance(command, submit.Submit) and self.plane.supervisors.needed(command):
            command = self.plane.supervisors.read(command)
        return self._answer(step, self.plane.run(verb, command))

    async def asend(self, step: Sent) -> Any:
        refuse_odd(step)
        if isinstance(step, Await):
            look = _Look(self.plane, self.actor.workspace, step.case_id)
            await self.plane.feed.await_(step.case_id, look, step.timeout)
            return self.plane.decision_of(look.row)
        if isinstance(step, AwaitEnd):
            await self.plane.feed.await_(step.case_id, lambda: self._is_over(step), self._left(step))
            return None
        if isinstance(step, TakeWake):
            return await waking.atake(self.plane, self._taking(step), step.timeout)
        verb, command = self._made(step)
        if isinstance(command, submit.Submit):
            command = await self.plane.supervisors.aread(command)
        return self._answer(step, await self.plane.arun(verb, command))

    def watch(self, actions: tuple[str, ...]) -> Watch:
        """Polls the hand-over table on each new entry of the log."""
        end = self.plane.feed.subscribe(self.plane.log_of(self.actor.workspace), lambda events: watch.hint())
        watch = Watch(lambda after: self._handed_over(actions, after), interval=1.0, ended=end)
        return watch

    def close(self) -> None:
        if self._owns_plane:
            self.plane.close()

    async def aclose(self) -> None:
        self.close()

    # --- steps to verbs -----------------------------------------------------------------------

    def _made(self, step: Sent) -> tuple[Any, Any]:
        if isinstance(step, Submit):
            proposal = proposal_checked(step.proposal)
            if proposal.agent is None and self.actor.name not in ("", UNNAMED):
                # as the server does for the agent of a key
                proposal = replace(proposal, agent=self.actor.name)
            return submit.submit, submit.prepare(
                self.actor, proposal, draw=self._draw(), nonce=step.nonce, hold=int(step.lasting * SECOND)
            )
        if isinstance(step, Start):
            return execute.start, execute.Start(
                actor=self.actor, case_id=step.case_id, nonce=step.nonce, action_digest=step.action_digest,
                action=step.action, hold=int(step.lasting * SECOND),
            )  # fmt: skip
        if isinstance(step, Finish):
            return execute.finish, execute.Finish(
                actor=self.actor, case_id=step.case_id, fence=step.fence, ok=step.ok, result=step.result,
                uncertain=step.uncertain,
            )  # fmt: skip
        assert isinstance(step, Call)
        return CALLS[step.verb].made(self.actor, step.arguments)

    def _answer(self, step: Sent, result: Any) -> Any:
        if isinstance(step, Submit):
            return _answered(result)
        if isinstance(step, Call):
            return CALLS[step.verb].result(result)
        return result

    def _taking(self, step: TakeWake) -> wake.TakeWake:
        # while nothing is due, no verb looks at it
        need_hold("lasting", step.lasting)
        return wake.TakeWake(
            actor=self.actor, nonce=step.nonce, frameworks=step.frameworks, run=step.run, id=step.id,
            hold=int(step.lasting * SECOND),
        )  # fmt: skip

    # --- looks --------------------------------------------------------------------------------

    def _is_over(self, step: AwaitEnd) -> bool:
        found = self.plane.store.read_hot(
            statements.execution_get, case_id=step.case_id, workspace=self.actor.workspace
        )
        return bool(found) and found[0][4] in ENDED

    def _left(self, step: AwaitEnd) -> float:
        return max(0.0, (step.until - self.plane.clock.now()) / SECOND) + 0.2

    def _handed_over(self, actions: tuple[str, ...], after: str) -> list[str]:
        now = self.plane.clock.now()
        found = execute.handed_over(self.plane.store, self.actor, actions, now=now, after=after)
        return [waiting.case_id for waiting in found]


class _Look:
    """Whether a case is decided; `row` is what was seen last."""

    __slots__ = ("_case_id", "_plane", "_workspace", "row")

    row: ProposalRow

    def __init__(self, plane: Plane, workspace: str, case_id: str):
        self._plane = plane
        self._workspace = workspace
        self._case_id = case_id

    def __call__(self) -> bool:
        self.row = self._plane.proposal(self._workspace, self._case_id)
        return self.row.decision is not None


def _answered(made: submit.Submitted) -> Answered:
    decision = made.decision
    if decision is not None and made.receipt is not None:
        receipt = Receipt(log=made.receipt.log, index=made.receipt.index, entry=made.receipt.data)
        decision = replace(decision, proof=receipt)
    execution: Execution | None = made.execution
    return Answered(
        case_id=made.case_id, tier=made.tier, reasons=made.reasons, decision=decision, execution=execution,
        action_digest=made.action_digest, replayed=made.replayed,
    )  # fmt: skip
