"""Cases over HTTP: the queue, cards, claims, answers, batches, proofs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from handrail.canonical import JSON
from handrail.clock import iso, uuid7
from handrail.errors import HandrailError, InvalidInput, NotFound
from handrail.lifecycle import claim, escalate, review, takeover
from handrail.lifecycle.actor import Actor
from handrail.lifecycle.card import card_of
from handrail.maintenance import indexing
from handrail.maintenance.plane import Plane
from handrail.server import views
from handrail.server.bodies import (
    BatchBody,
    BatchItem,
    FenceBody,
    HandBackBody,
    NextBody,
    ReasonBody,
    ReviewBody,
    TakeOverBody,
)
from handrail.server.callers import Caller, need_reviewer
from handrail.server.desk import Desk, desk_of
from handrail.server.problems import printable
from handrail.server.proofs import case_proof
from handrail.server.reading import StrictRoute
from handrail.store import reads
from handrail.wire import claim_to_json

router = APIRouter(prefix="/v1", tags=["cases"], route_class=StrictRoute)

SIMILAR = 8
Word = Annotated[str | None, Query(max_length=256)]


@router.get("/cases")
def list_cases(
    request: Request,
    actor: Caller,
    *,
    state: Literal["open", "decided"] = "open",
    queue: Word = None,
    tier: Word = None,
    action: Word = None,
    q: Word = None,
    mine: bool = False,
    cursor: Word = None,
    limit: Annotated[int, Query(ge=1, le=reads.MOST_ROWS)] = 100,
) -> dict[str, JSON]:
    """Open cases in queue order, or settled ones newest first. `total` is counted up to 10,000."""
    actor.need_scope("read")
    plane = desk_of(request).plane
    wanted = reads.CaseFilter(
        state=state, queue=queue or None, tier=tier or None, action=action or None, words=(q or "").strip() or None,
        mine=actor.pid if mine else None,
    )  # fmt: skip
    page = reads.case_page(plane.store, actor.workspace, wanted, cursor=cursor, limit=limit)
    return {"items": views.case_rows(plane, actor, page.rows), "next": page.next, "total": page.total}


@router.get("/cases/{case_id}")
def show_case(request: Request, case_id: str, actor: Caller) -> dict[str, JSON]:
    """A case with its card, answers, claim, history and execution."""
    actor.need_scope("read")
    desk = desk_of(request)
    detail = views.case_detail(desk.plane, actor, case_id)
    _note_shown(desk, actor, detail["card"])
    return detail


@router.post("/cases/next/claim", responses={204: {"description": "Nothing to take"}})
async def take_next(request: Request, actor: Caller, body: NextBody | None = None) -> Any:
    """Claim the next case that this person may answer."""
    desk = desk_of(request)
    plane = desk.plane
    queues = tuple(body.queues) if body is not None else ()
    taken = await plane.arun(claim.take_next, claim.TakeNext(actor=actor, queues=queues))
    if taken is None:
        return Response(status_code=204)
    return await asyncio.to_thread(_taken, desk, actor, taken)


@router.post("/cases/{case_id}/claim")
async def take(request: Request, case_id: str, actor: Caller) -> dict[str, JSON]:
    """Claim this case."""
    desk = desk_of(request)
    taken = await desk.plane.arun(claim.take, claim.Take(actor=actor, case_id=case_id))
    return await asyncio.to_thread(_taken, desk, actor, taken)


def _taken(desk: Desk, actor: Actor, taken: Any) -> dict[str, JSON]:
    plane = desk.plane
    case = views.seen(plane, actor.workspace, taken.case_id)
    card = views.card(plane, actor, case)
    _note_shown(desk, actor, card)
    return {
        "claim": claim_to_json(taken),
        "case": views.case_row(plane, actor, taken.case_id),
        "card": card,
    }


def _note_shown(desk: Desk, actor: Actor, card: Any) -> None:
    if card["high_stakes"]:
        desk.shown.note(actor.pid, card["digest"])


@router.post("/cases/{case_id}/renew")
async def renew(request: Request, case_id: str, body: FenceBody, actor: Caller) -> dict[str, JSON]:
    """Keep a claim alive."""
    need_reviewer(actor)
    desk = desk_of(request)
    await desk.look(desk.plane.proposal, actor.workspace, case_id)
    hold = claim.Hold(actor=actor, case_id=case_id, fence=body.fence)
    return {"claim": claim_to_json(await desk.plane.arun(claim.renew, hold))}


@router.post("/cases/{case_id}/release")
async def release(request: Request, case_id: str, body: FenceBody, actor: Caller) -> dict[str, JSON]:
    """Give a case back to the queue."""
    need_reviewer(actor)
    desk = desk_of(request)
    await desk.look(desk.plane.proposal, actor.workspace, case_id)
    await desk.plane.arun(claim.release, claim.Hold(actor=actor, case_id=case_id, fence=body.fence))
    return {}


@router.post("/cases/{case_id}/take-over")
async def take_over(request: Request, case_id: str, body: TakeOverBody, actor: Caller) -> dict[str, JSON]:
    """Do this step oneself: nobody answers it, and no program carries it out, until it is handed or given back."""
    need_reviewer(actor)
    command = takeover.TakeOver(actor=actor, case_id=case_id, seconds=body.seconds)
    return (await desk_of(request).plane.arun(takeover.take_over, command)).to_json()


@router.post("/cases/{case_id}/hand-back")
async def hand_back(request: Request, case_id: str, body: HandBackBody, actor: Caller) -> dict[str, JSON]:
    """The step is done: `value` is what the program gets."""
    need_reviewer(actor)
    command = takeover.HandBack(actor=actor, case_id=case_id, fence=body.fence, value=body.value, note=body.note)
    return {"state": await desk_of(request).plane.arun(takeover.hand_back, command)}


@router.post("/cases/{case_id}/give-back")
async def give_back(request: Request, case_id: str, body: FenceBody, actor: Caller) -> dict[str, JSON]:
    """The step was not done."""
    need_reviewer(actor)
    command = takeover.GiveBack(actor=actor, case_id=case_id, fence=body.fence)
    return {"state": await desk_of(request).plane.arun(takeover.give_back, command)}


@router.post("/cases/{case_id}/reviews", status_code=201)
async def answer(request: Request, case_id: str, body: ReviewBody, actor: Caller) -> dict[str, JSON]:
    """Give a finished answer. It counts from `effective_at`; until then it can be taken back."""
    desk = desk_of(request)
    command = answer_of(actor, case_id, body, channel="api" if actor.auth == "key" else "console")
    command = replace(command, shown=desk.shown.seconds(actor.pid, body.card or ""))
    made = await desk.plane.arun(review.review, command)
    return await asyncio.to_thread(_answered, desk.plane, actor, made)


def answer_of(actor: Actor, case_id: str, body: ReviewBody, *, channel: str) -> review.Answer:
    """The command behind a body."""
    provenance: dict[str, JSON] = {"channel": channel, "scope": body.scope}
    if body.evidence_opened:
        provenance["evidence_opened"] = sorted(set(body.evidence_opened))
    return review.Answer(
        actor=actor, case_id=case_id, verdict=body.verdict, fence=body.fence, revision=body.revision, card=body.card,
        arguments=body.arguments, value=body.value, instruction=body.instruction, reason=body.reason, note=body.note,
        blind=body.blind, dwell=body.dwell_seconds, provenance=provenance, batch=body.batch, scope=body.scope,
        uses=body.uses, seconds=body.seconds,
    )  # fmt: skip


def _answered(plane: Plane, actor: Actor, made: review.Reviewed) -> dict[str, JSON]:
    return {
        "review": views.review_by_id(plane, actor.workspace, made.review_id),
        "case": views.case_row(plane, actor, made.case_id),
        "decision": None if made.decision is None
        else views.decided_to_json(made.decision, made.receipt),
        "grant": made.grant,
        "heard": None if made.heard is None else made.heard.to_json(),
    }  # fmt: skip


@router.post("/reviews/{review_id}/withdraw")
async def withdraw(request: Request, review_id: str, actor: Caller) -> dict[str, JSON]:
    """Take an answer back within its undo window."""
    need_reviewer(actor)
    plane = desk_of(request).plane
    case_id = await plane.arun(review.withdraw, review.Withdraw(actor=actor, review_id=review_id))
    return {
        "review": await asyncio.to_thread(views.review_by_id, plane, actor.workspace, review_id),
        "case": await asyncio.to_thread(views.case_row, plane, actor, case_id),
    }


@router.post("/cases/{case_id}/escalate")
async def send_up(request: Request, case_id: str, body: ReasonBody, actor: Caller) -> dict[str, JSON]:
    """Send a case up: a lead must judge it."""
    plane = desk_of(request).plane
    await plane.arun(escalate.escalate, escalate.Escalate(actor=actor, case_id=case_id, reason=body.reason))
    return {"case": await asyncio.to_thread(views.case_row, plane, actor, case_id)}


@router.post("/cases/batch")
async def batch(request: Request, body: BatchBody, actor: Caller) -> dict[str, JSON]:
    """One verdict for up to 20 cases of one action and shape; each is answered, and can be taken back, by itself."""
    need_reviewer(actor)
    plane = desk_of(request).plane
    await asyncio.to_thread(_refuse_mixed, plane, actor, body)
    id = uuid7(plane.clock.now())
    results = await asyncio.gather(
        *(plane.arun(review.review, _batch_answer(actor, body, item, id)) for item in body.items),
        return_exceptions=True,
    )
    return {
        "batch": id,
        "items": [
            await asyncio.to_thread(_batch_item, plane, actor, item.case_id, result)
            for item, result in zip(body.items, results, strict=True)
        ],
    }


def _refuse_mixed(plane: Plane, actor: Actor, body: BatchBody) -> None:
    ids = [item.case_id for item in body.items]
    if len(set(ids)) != len(ids):
        raise InvalidInput("a case stands in the batch twice")
    cards = [card_of(plane.proposal(actor.workspace, id), None) for id in ids]
    if any(card["high_stakes"] for card in cards):
        raise InvalidInput("a high-stakes case is judged by itself", remedy="Leave it out of the batch.")
    if len({card["shape"] for card in cards}) > 1:
        raise InvalidInput("a batch holds cases of one action and one shape only")


def _batch_answer(actor: Actor, body: BatchBody, item: BatchItem, batch_id: str) -> review.Answer:
    return review.Answer(
        actor=actor, case_id=item.case_id, verdict=body.verdict, fence=item.fence, revision=item.revision,
        card=item.card, reason=body.reason, note=body.note, batch=batch_id,
        provenance={"channel": "batch", "scope": "action"},
    )  # fmt: skip


def _batch_item(plane: Plane, actor: Actor, case_id: str, result: Any) -> dict[str, JSON]:
    if isinstance(result, HandrailError):
        error = {"code": result.code, "status": result.status, "detail": printable(str(result)), "title": result.code,
                 "remedy": result.remedy}  # fmt: skip
        return {"case_id": case_id, "ok": False, "error": error}
    if isinstance(result, BaseException):
        raise result
    return {"case_id": case_id, "ok": True, "review": views.review_by_id(plane, actor.workspace, result.review_id)}


@router.get("/cases/{case_id}/similar")
def similar(request: Request, case_id: str, actor: Caller) -> dict[str, JSON]:
    """Cases that people decided and that share words with this one, best first."""
    actor.need_scope("read")
    plane = desk_of(request).plane
    words = indexing.words(plane.proposal(actor.workspace, case_id).record())
    hits = reads.similar(plane.store, actor.workspace, words, but=case_id, limit=SIMILAR)
    found = reads.cases_by_id(plane.store, actor.workspace, [id for id, _ in hits])
    return {
        "items": [
            {"case_id": id, "summary": found[id].summary, "decision": found[id].decision, "score": score,
             "at": iso(found[id].decided_at or found[id].opened_at), "state": found[id].state}
            for id, score in hits if id in found
        ]
    }  # fmt: skip


@router.get("/cases/{case_id}/proof")
def proof(request: Request, case_id: str, actor: Caller) -> dict[str, JSON]:
    """The case's entries with their places in the signed log, checked here and checkable elsewhere."""
    actor.need_scope("read")
    plane = desk_of(request).plane
    row = plane.proposal(actor.workspace, case_id)
    case = views.seen(plane, actor.workspace, case_id)
    if views.is_blind(actor, case) or views.looks_afresh(actor, case):
        raise NotFound("the proof opens once you have answered", remedy="This case is shown blind until then.")
    return case_proof(plane, row)
