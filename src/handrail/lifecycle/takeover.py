"""Take over: a person does a step himself, while the agent that proposed it cannot, and hands back what came of it.

What is not decided is held by a claim; what is approved and not begun, by the single use of its approval. Either way
there is one row, with an expiry and a fencing token, so person and agent never act at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from handrail.canonical import JSON
from handrail.clock import SECOND, iso
from handrail.errors import AlreadyDecided, ClaimLost, Conflict, Forbidden, InvalidInput
from handrail.lifecycle import claim, execute, review, rows
from handrail.lifecycle.actor import Actor
from handrail.lifecycle.rows import ExecutionRow, ProposalRow
from handrail.store import statements
from handrail.store.tx import Tx

USUAL_SECONDS = 900
GIVEN_BACK: JSON = {"error": "GivenBack", "message": "a person took the step over and gave it back: nothing happened"}
Held = Literal["claim", "execution"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeOver:
    """Do this step oneself."""

    actor: Actor
    case_id: str
    # until then, without word from him, the case is free again, or what he began is unknown
    seconds: int = USUAL_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOver:
    """The hold a person has on a step, and what he is to do."""

    case_id: str
    held: Held
    fence: int
    expires_at: int
    action: str
    arguments: JSON

    def to_json(self) -> dict[str, JSON]:
        """As it goes over the wire."""
        return {
            "case_id": self.case_id, "held": self.held, "fence": self.fence, "expires_at": iso(self.expires_at),
            "action": self.action, "arguments": self.arguments,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class HandBack:
    """The step is done; `value` is what the program gets for it."""

    actor: Actor
    case_id: str
    fence: int
    value: JSON
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveBack:
    """The step was not done."""

    actor: Actor
    case_id: str
    fence: int


def take_over(tx: Tx, command: TakeOver) -> TakenOver:
    """Hold a step that waits for a decision, or one that is approved and not begun.

    Raises `Conflict` while somebody else holds it or an executor has begun, `AlreadyDecided` when there is nothing left
    to do, and `Forbidden` for who may not answer such a case.
    """
    actor = command.actor
    row = rows.proposal(tx, actor.workspace, command.case_id, for_update=True)
    if row.decision in (None, "approved"):
        record = row.record()
        held: Held = "claim" if row.decision is None else "execution"
        fence, expires = _claimed(tx, command) if held == "claim" else _begun(tx, command, row)
        return TakenOver(
            case_id=row.case_id, held=held, fence=fence, expires_at=expires, action=row.action,
            arguments=record.get("arguments", {}),
        )  # fmt: skip
    raise AlreadyDecided(f"case {row.case_id} is {row.decision}: there is nothing to take over")


def hand_back(tx: Tx, command: HandBack) -> str:
    """Give the program the result; recorded as the answer of an open case, else as the result of the execution.

    Returns what it was recorded as. Raises `ClaimLost` when the hold is over; nothing is recorded then.
    """
    row = rows.proposal(tx, command.actor.workspace, command.case_id, for_update=True)
    if row.decision is None:
        made = review.review(tx, review.Answer(
            actor=command.actor, case_id=row.case_id, verdict="respond", fence=command.fence, value=command.value,
            note=command.note, provenance={"channel": "take-over", "scope": "action"},
        ))  # fmt: skip
        return "responded" if made.decision is not None else "respond"
    _need_own(tx, command.actor, row, command.fence)
    finish = execute.Finish(
        actor=_executing(command.actor), case_id=row.case_id, fence=command.fence, ok=True, result=command.value
    )
    return execute.finish(tx, finish).state


def give_back(tx: Tx, command: GiveBack) -> str:
    """Let go of the step without having done anything.

    An open case can be taken by others again. An approval has been used: its execution has failed, and the program
    proposes anew if it still wants the effect.
    """
    row = rows.proposal(tx, command.actor.workspace, command.case_id, for_update=True)
    if row.decision is None:
        claim.release(tx, claim.Hold(actor=command.actor, case_id=row.case_id, fence=command.fence))
        return "open"
    _need_own(tx, command.actor, row, command.fence)
    finish = execute.Finish(
        actor=_executing(command.actor), case_id=row.case_id, fence=command.fence, ok=False, result=GIVEN_BACK
    )
    return execute.finish(tx, finish).state


def _claimed(tx: Tx, command: TakeOver) -> tuple[int, int]:
    case = claim.open_case_of(tx, command.actor, command.case_id)
    route = rows.route_noun(rows.proposal(tx, command.actor.workspace, case.id).route)
    if "respond" not in route.verdicts:
        raise InvalidInput(
            "this case does not allow an answer in the tool's stead", remedy="Let its policy allow the verdict respond."
        )
    made = claim.take(tx, claim.Take(actor=command.actor, case_id=command.case_id, seconds=command.seconds))
    return made.fence, made.expires_at


def _begun(tx: Tx, command: TakeOver, row: ProposalRow) -> tuple[int, int]:
    """The single use of the approval, in the person's hands. If he never comes back its effect is unknown."""
    actor = command.actor
    claim.may_review(tx, actor)
    wanted = rows.route_noun(row.route).may_answer
    if wanted and "admin" not in actor.roles and not actor.roles.intersection(wanted):
        raise Forbidden(f"this case needs the role {' or '.join(wanted)}")
    found = tx.one(statements.execution_get, case_id=row.case_id, workspace=row.workspace)
    if found is not None and ExecutionRow._make(found).nonce != _nonce(actor):
        raise Conflict(
            f"case {row.case_id} is {ExecutionRow._make(found).state}: somebody else has begun it",
            remedy="Wait for its result; never do it beside him.",
        )
    start = execute.Start(
        actor=_executing(actor), case_id=row.case_id, nonce=_nonce(actor), hold=command.seconds * SECOND
    )
    made = execute.start(tx, start, by_hand=True)
    if made.state != "started":
        raise Conflict(f"case {row.case_id} was carried out before: {made.state}")
    return made.fence, made.expires_at


def _need_own(tx: Tx, actor: Actor, row: ProposalRow, fence: int) -> None:
    found = tx.one(statements.execution_get, case_id=row.case_id, workspace=row.workspace)
    held = None if found is None else ExecutionRow._make(found)
    if held is None or held.nonce != _nonce(actor) or held.fence != fence or held.state != "started":
        raise ClaimLost(f"you do not hold case {row.case_id}, or no longer")


def _executing(actor: Actor) -> Actor:
    """The person as the executor of this one step; who may take over was settled before."""
    actor.need_scope("review")
    return replace(actor, scopes=actor.scopes | {"execute"})


def _nonce(actor: Actor) -> str:
    return execute.BY_HAND + actor.pid
