"""Verbs by name: how each is run in process, and which request it is over HTTP.

One table, so that both transports offer exactly the same.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from handrail.client.checked import fitted, need_step
from handrail.client.steps import Call
from handrail.client.transport import Sent
from handrail.clock import SECOND, iso
from handrail.learning.rounds import Round
from handrail.lifecycle import (
    calibrators,
    cancel,
    cells,
    claim,
    escalate,
    execute,
    grant,
    guidance,
    halt,
    monitors,
    outcome,
    park,
    promotion,
    review,
    rounds,
    takeover,
    undo,
    wake,
)  # fmt: skip
from handrail.lifecycle.actor import Actor
from handrail.server import bodies
from handrail.wire import claim_to_json, decision_to_json, execution_to_json, parked_to_json, wake_end_to_json

Made = tuple[Callable[..., Any], Any]
# what is said in process only: where an answer was imported from, and that it took days there
UNSENT = ("provenance", "dwell")
_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Named:
    """One verb: the command it makes, what its result looks like as JSON, and its HTTP request."""

    command: Callable[[Actor, dict[str, Any]], Made]
    result: Callable[[Any], Any]
    method: str
    # the path, with {case_id} and the like filled from the arguments
    path: str
    # arguments that the wire names otherwise
    renamed: dict[str, str] = field(default_factory=dict)
    # what it makes has an id that the caller may give, so that a repeated request makes it once
    own_id: bool = False
    # what its request may hold; None: nothing
    body: type[bodies.Body] | None = None

    @property
    def places(self) -> tuple[str, ...]:
        """The arguments that its path names."""
        return tuple(_PLACE.findall(self.path))

    def made(self, actor: Actor, given: dict[str, Any]) -> Made:
        """The verb and its command, the arguments looked at as the server would. Raises `InvalidInput`."""
        if self.body is None:
            return self.command(actor, given)
        unsent = UNSENT if "provenance" in given else ()
        kept = {name: given[name] for name in (*self.places, *unsent) if name in given}
        sent = {self.renamed.get(name, name): value for name, value in given.items() if name not in kept}
        most = bodies.MOST_PARK_BYTES if self.body is bodies.ParkBody else bodies.MOST_BYTES
        read = fitted(self.body, sent, most=most)
        names = {self.renamed.get(name, name): name for name in given}
        return self.command(actor, kept | {names[name]: value for name, value in read.items()})


def _settled(made: Any) -> Any:
    return {"decision": None if made.decision is None else decision_to_json(made.decision)}


def _reviewed(made: review.Reviewed) -> Any:
    return {
        "review": {"id": made.review_id, "effective_at": iso(made.effective_at)},
        "decision": None if made.decision is None else decision_to_json(made.decision),
        "grant": made.grant,
        "heard": None if made.heard is None else made.heard.to_json(),
    }


def _claimed(made: Any) -> Any:
    return None if made is None else {"claim": claim_to_json(made)}


def _answer(actor: Actor, given: dict[str, Any]) -> Made:
    rest = dict(given)
    opened = rest.pop("evidence_opened", None)
    if opened:
        said = {"channel": "api", "scope": rest.get("scope", "action")} | (rest.get("provenance") or {})
        rest["provenance"] = said | {"evidence_opened": sorted(set(opened))}
    return review.review, review.Answer(actor=actor, **rest)


def _grant(actor: Actor, given: dict[str, Any]) -> Made:
    lifts = {"lifts": tuple(given["lifts"])} if "lifts" in given else {}
    return grant.issue, grant.Issue(actor=actor, **given | lifts)


def _park(actor: Actor, given: dict[str, Any]) -> Made:
    # as it travels: plain JSON
    state = given.get("state")
    made = given | {"cases": tuple(given["cases"]), "state": None if state is None else base64.b64decode(state)}
    return park.park, park.Park(actor=actor, **made)


def _renew_wake(actor: Actor, given: dict[str, Any]) -> Made:
    hold = int(given["lasting"] * SECOND)
    return wake.renew_wake, wake.RenewWake(actor=actor, id=given["id"], fence=given["fence"], hold=hold)


CALLS: dict[str, Named] = {
    "park": Named(_park, lambda made: {"id": made}, "POST", "/v1/parks", own_id=True, body=bodies.ParkBody),
    "parks": Named(
        lambda a, g: (park.listed, park.ListParked(actor=a)), lambda made: {"items": list(map(parked_to_json, made))},
        "GET", "/v1/parks",
    ),
    "renew_wake": Named(
        _renew_wake, lambda made: {"expires_at": iso(made)}, "POST", "/v1/parks/{id}/renew",
        body=bodies.HoldBody,
    ),
    "end_wake": Named(
        lambda a, g: (wake.end_wake, wake.EndWake(actor=a, **g)), wake_end_to_json, "POST", "/v1/parks/{id}/end",
        body=bodies.EndBody,
    ),
    "retry_wake": Named(
        lambda a, g: (wake.retry, wake.Retry(actor=a, **g)), lambda made: {}, "POST", "/v1/parks/{id}/retry"
    ),
    "abandon": Named(
        lambda a, g: (park.abandon, park.Abandon(actor=a, **g)),
        lambda made: {"parks": list(made.parks), "cancelled": list(made.cancelled)}, "POST", "/v1/parks/abandon",
        body=bodies.AbandonBody,
    ),
    "cancel": Named(
        lambda a, g: (cancel.cancel, cancel.Cancel(actor=a, **g)), _settled, "POST", "/v1/proposals/{case_id}/cancel",
        body=bodies.CancelBody,
    ),
    "outcome": Named(
        lambda a, g: (outcome.record, outcome.Record(actor=a, **g)), lambda made: {"id": made}, "POST",
        "/v1/proposals/{case_id}/outcome", own_id=True, body=bodies.OutcomeBody,
    ),
    "undo": Named(
        lambda a, g: (undo.undo, undo.Undo(actor=a, **g)),
        lambda made: {"case_id": made.case_id, "voided": made.voided}, "POST", "/v1/proposals/{case_id}/undo",
        body=bodies.UndoBody,
    ),
    "settle": Named(
        lambda a, g: (execute.settle, execute.SettleExecution(actor=a, **g)), execution_to_json, "POST",
        "/v1/executions/{case_id}/settle", body=bodies.SettleBody,
    ),
    "halt": Named(
        lambda a, g: (halt.set_halt, halt.Halt(actor=a, **g)), lambda made: {"id": made}, "POST", "/v1/halts",
        own_id=True, body=bodies.HaltBody,
    ),
    "lift": Named(lambda a, g: (halt.lift_halt, halt.Lift(actor=a, **g)), lambda made: {}, "DELETE", "/v1/halts/{id}"),
    "lift_alarm": Named(
        lambda a, g: (monitors.lift, monitors.Lift(actor=a, **g)), lambda made: made, "POST", "/v1/monitors/{id}/lift",
        body=bodies.ReasonBody,
    ),
    "grant": Named(
        _grant, lambda made: {"id": made}, "POST", "/v1/grants",
        own_id=True, body=bodies.GrantBody,
    ),
    "grants": Named(
        lambda a, g: (grant.listed, grant.ListGrants(actor=a)),
        lambda made: {"items": [each.to_json() for each in made]}, "GET", "/v1/grants",
    ),
    "end_grant": Named(lambda a, g: (grant.end, (a, g["id"])), lambda made: {}, "DELETE", "/v1/grants/{id}"),
    "autonomy": Named(
        lambda a, g: (promotion.listed, promotion.ListGrowth(actor=a)), lambda made: made, "GET", "/v1/autonomy"
    ),
    "promotions": Named(
        lambda a, g: (promotion.listed, promotion.ListGrowth(actor=a, history=200)),
        lambda made: {"items": made["promotions"]}, "GET", "/v1/autonomy/promotions",
    ),
    "lay_cells": Named(
        lambda a, g: (cells.lay, cells.Lay(actor=a, **g)), lambda made: {"cells": made}, "POST", "/v1/autonomy/cells",
        body=bodies.CellsBody,
    ),
    "propose_promotion": Named(
        lambda a, g: (promotion.propose, promotion.Propose(actor=a, **g)), lambda made: {"ids": made}, "POST",
        "/v1/autonomy/promotions", body=bodies.PromotionBody,
    ),
    "accept_promotion": Named(
        lambda a, g: (promotion.accept, promotion.Answer(actor=a, **g)), lambda made: {"grant": made}, "POST",
        "/v1/autonomy/promotions/{id}/accept", body=bodies.PromotionAnswerBody,
    ),
    "decline_promotion": Named(
        lambda a, g: (promotion.decline, promotion.Answer(actor=a, **g)), lambda made: {}, "POST",
        "/v1/autonomy/promotions/{id}/decline", body=bodies.PromotionAnswerBody,
    ),
    "calibrator": Named(
        lambda a, g: (calibrators.install, calibrators.Install(actor=a, **g)), lambda made: {"version": made}, "POST",
        "/v1/calibrators", body=bodies.CalibratorBody,
    ),
    "round": Named(
        lambda a, g: (rounds.record, rounds.Record(
            actor=a, action=g["action"], threshold=g.get("threshold"), figures=Round(**g["figures"])
        )),
        lambda made: {}, "POST", "/v1/rounds", body=bodies.RoundBody,
    ),
    "take_next": Named(
        lambda a, g: (claim.take_next, claim.TakeNext(actor=a, queues=tuple(g.get("queues", ())))), _claimed, "POST",
        "/v1/cases/next/claim", body=bodies.NextBody,
    ),
    "take": Named(lambda a, g: (claim.take, claim.Take(actor=a, **g)), _claimed, "POST", "/v1/cases/{case_id}/claim"),
    "renew": Named(
        lambda a, g: (claim.renew, claim.Hold(actor=a, **g)), _claimed, "POST", "/v1/cases/{case_id}/renew",
        body=bodies.FenceBody,
    ),
    "release": Named(
        lambda a, g: (claim.release, claim.Hold(actor=a, **g)), lambda made: {}, "POST", "/v1/cases/{case_id}/release",
        body=bodies.FenceBody,
    ),
    "guidance": Named(
        lambda a, g: (guidance.offered, guidance.Guidance(actor=a, **g)),
        lambda made: {"items": [each.to_json() for each in made]}, "POST", "/v1/guidance", body=bodies.GuidanceBody,
    ),
    "take_over": Named(
        lambda a, g: (takeover.take_over, takeover.TakeOver(actor=a, **g)), lambda made: made.to_json(), "POST",
        "/v1/cases/{case_id}/take-over", body=bodies.TakeOverBody,
    ),
    "hand_back": Named(
        lambda a, g: (takeover.hand_back, takeover.HandBack(actor=a, **g)), lambda made: {"state": made}, "POST",
        "/v1/cases/{case_id}/hand-back", body=bodies.HandBackBody,
    ),
    "give_back": Named(
        lambda a, g: (takeover.give_back, takeover.GiveBack(actor=a, **g)), lambda made: {"state": made}, "POST",
        "/v1/cases/{case_id}/give-back", body=bodies.FenceBody,
    ),
    "answer": Named(
        _answer, _reviewed, "POST", "/v1/cases/{case_id}/reviews",
        {"dwell": "dwell_seconds"}, body=bodies.ReviewBody,
    ),
    "withdraw": Named(
        lambda a, g: (review.withdraw, review.Withdraw(actor=a, **g)), lambda made: {"case_id": made}, "POST",
        "/v1/reviews/{review_id}/withdraw",
    ),
    "escalate": Named(
        lambda a, g: (escalate.escalate, escalate.Escalate(actor=a, **g)), lambda made: {}, "POST",
        "/v1/cases/{case_id}/escalate", body=bodies.ReasonBody,
    ),
}  # fmt: skip


def refuse_odd(step: Sent) -> None:
    """Raise what both transports raise for a step that is about nothing there can be. See `need_step`."""
    need_step(step, CALLS[step.verb].places if isinstance(step, Call) else ())
