"""Rows and nouns as the API shows them. Reads only; who may see what was settled by the caller of these."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from handrail.canonical import JSON, parse
from handrail.clock import iso
from handrail.consensus.quorum import STOPS
from handrail.decision import Decision
from handrail.errors import NotFound
from handrail.lifecycle import decide, execute, for_run, grant, halt, policies, rows
from handrail.lifecycle.actor import Actor
from handrail.lifecycle.card import amount_of, card_of, without_names
from handrail.lifecycle.rows import CaseRow, ExecutionRow, ProposalRow, ReviewRow
from handrail.lifecycle.submit import Submitted
from handrail.maintenance.plane import Plane
from handrail.store import reads, statements
from handrail.store.tx import Staged, given_ids
from handrail.wire import decision_to_json, execution_to_json


class Seen(NamedTuple):
    """One case with everything around it, read at one go."""

    proposal: ProposalRow
    case: CaseRow | None
    reviews: list[ReviewRow]
    claim: tuple[Any, ...] | None


# --- proposals and decisions --------------------------------------------------------------------


def submitted_to_json(made: Submitted) -> dict[str, JSON]:
    """The answer to a submission."""
    answer: dict[str, JSON] = {
        "case_id": made.case_id, "status": made.status, "tier": made.tier, "replayed": made.replayed,
        "reasons": [{"code": r.code, "text": r.text, "tier": r.tier} for r in made.reasons],
        "action_digest": made.action_digest,
    }  # fmt: skip
    if made.deadline is not None:
        answer["deadline"] = iso(made.deadline)
    if made.decision is not None:
        answer["decision"] = decided_to_json(made.decision, made.receipt)
    if made.execution is not None:
        answer["execution"] = execution_to_json(made.execution)
    return answer


def decided_to_json(decision: Decision, receipt: Staged | None) -> dict[str, JSON]:
    """A decision just made, with its entry and index; the proof follows with the next checkpoint."""
    made = decision_to_json(decision)
    if receipt is not None and receipt.index >= 0:
        made["proof"] = {
            "log": receipt.log, "index": receipt.index, "entry": base64.b64encode(receipt.data).decode(), "proof": None,
        }  # fmt: skip
    return made


def proposal_to_json(plane: Plane, row: ProposalRow, *, blind: bool = False, person: bool = False) -> dict[str, JSON]:
    """A proposal with what became of it. `person`: for somebody who may have to judge it, not for its program."""
    # a known answer would spoil the case it belongs to; the record itself is shared, and executing rests on it
    record = {name: value for name, value in row.record().items() if name != "gold"}
    if blind:
        record = without_opinion(record)
    if person:
        # its program's own key: a gold has none
        record = {name: value for name, value in without_names(record).items() if name != "key"}
    decision = plane.decision(row.workspace, row.case_id)
    found = plane.store.read_hot(statements.execution_get, case_id=row.case_id, workspace=row.workspace)
    return {
        "case_id": row.case_id, "status": "open" if row.decision is None else "decided", "tier": row.tier,
        "revision": row.revision, "action_digest": row.action_digest, "submitted_at": iso(row.submitted_at),
        "proposal": record, "decision": None if decision is None else decision_to_json(decision),
        "execution": execution_to_json(rows.execution_noun(ExecutionRow._make(found[0]), row)) if found else None,
    }  # fmt: skip


def without_opinion(record: dict[str, Any]) -> dict[str, Any]:
    """A proposal's record without what the model thought of it."""
    made = {k: v for k, v in record.items() if k not in ("confidence", "scores", "agent_says")}
    if isinstance(made.get("arguments"), dict):
        made["arguments"] = {k: v for k, v in made["arguments"].items() if k != "suggestion"}
    return made


# --- cases --------------------------------------------------------------------------------------


def case_rows(plane: Plane, actor: Actor, found: Sequence[Any]) -> list[dict[str, JSON]]:
    """Rows of `reads.CASE_COLUMNS` as the queue shows them to this actor."""
    ids = [row.id for row in found]
    if not ids:
        return []
    held = reads.claims_of(plane.store, ids, plane.clock.now())
    have = reads.answers_of(plane.store, ids)
    names = reads.names_of(plane.store, actor.workspace, held.values())
    given = _given(plane, [row.id for row in found if row.state == "open"])
    return [
        _case_row(plane, row, have.get(row.id, 0), names.get(held.get(row.id, "")))
        | {"answered": _answered(plane, actor, row, given.get(row.id, []))}
        for row in found
    ]


def _given(plane: Plane, ids: list[str]) -> dict[str, list[ReviewRow]]:
    """The answers of these cases."""
    made: dict[str, list[ReviewRow]] = {}
    asked = given_ids(plane.store.engine, ids)
    for id, *review in plane.store.read_hot(statements.review_list_many, ids=asked) if ids else ():
        made.setdefault(id, []).append(ReviewRow._make(review))
    return made


def _answered(plane: Plane, actor: Actor, row: Any, given: list[ReviewRow]) -> JSON:
    """Why an open case is no work for this actor: he has answered it, or the answers given only wait to count.

    `verdicts` still stop what others have answered. Whether others answered a second look nobody is to know.
    """
    now = plane.clock.now()
    own = next((each for each in given if each.reviewer == actor.pid and each.live), None)
    if own is not None:
        return {"by_you": True, "counts_at": iso(own.effective_at) if own.effective_at > now else None, "verdicts": []}
    case = CaseRow._make(row[: len(CaseRow._fields)])
    counts_at = decide.counts_at(case, given, now)
    if counts_at is None:
        return None
    route = rows.route_noun(row.route)
    if not decide.will_settle(plane.proposal(row.workspace, row.id), case, route, given, counts_at):
        return None
    return {
        "by_you": False,
        "counts_at": iso(counts_at),
        "verdicts": [each for each in STOPS if each in route.verdicts],
    }


def case_row(plane: Plane, actor: Actor, case_id: str) -> dict[str, JSON]:
    """One case as the queue shows it. Raises `NotFound`."""
    found = reads.cases_by_id(plane.store, actor.workspace, [case_id])
    if case_id not in found:
        raise NotFound(f"there is no case {case_id!r} in this workspace")
    return case_rows(plane, actor, [found[case_id]])[0]


def _case_row(plane: Plane, row: Any, have: int, holder: str | None) -> dict[str, JSON]:
    route = rows.route_noun(row.route)
    amount = amount_of(_record(plane, row)) or {}
    need, escalations = row.reviewers, row.escalations
    if row.soft and route.spot_check and row.state == "open":
        # whether it is a second look nobody is to know
        have, need, escalations = 0, route.reviewers, 0
    return {
        "id": row.id, "action": row.action, "kind": row.kind, "tier": row.tier, "queue": row.queue,
        "state": row.state, "summary": row.summary,
        "deadline": None if row.deadline is None else iso(row.deadline), "opened_at": iso(row.opened_at),
        "closed_at": None if row.closed_at is None else iso(row.closed_at),
        # no key of the queue: beside `opened_at` it would tell the silent golds
        "revision": row.revision, "claimed_by": holder,
        "reviewers": {"have": have, "need": max(1, need) + route.opinions},
        "high_stakes": route.high_stakes, "amount": amount.get("value"), "currency": amount.get("currency"),
        "decision": row.decision, "soft": bool(row.soft), "escalations": escalations,
    }  # fmt: skip


def _record(plane: Plane, row: Any) -> dict[str, Any]:
    if row.small is not None:
        record: dict[str, Any] = parse(bytes(row.small))
        return record
    return plane.proposal(row.workspace, row.id).record()


def seen(plane: Plane, workspace: str, case_id: str) -> Seen:
    """Everything about one case. Raises `NotFound`."""
    proposal = plane.proposal(workspace, case_id)
    found = plane.store.read_hot(statements.case_get, case_id=case_id, workspace=workspace)
    reviews = [ReviewRow._make(row) for row in plane.store.read_hot(statements.review_list, case_id=case_id)]
    held = plane.store.read_hot(statements.claim_get, case_id=case_id)
    live = held[0] if held and held[0][4] > plane.clock.now() else None
    return Seen(proposal, CaseRow._make(found[0]) if found else None, reviews, live)


def is_blind(actor: Actor, case: Seen) -> bool:
    """Whether this person must still answer by himself before he sees what the model thinks."""
    if actor.kind != "person" or case.case is None or case.case.state != "open":
        return False
    if not rows.route_noun(case.proposal.route).blind:
        return False
    return not any(r.reviewer == actor.pid and r.withdrawn_at is None for r in case.reviews)


def looks_afresh(actor: Actor, case: Seen) -> bool:
    """Whether this person is to judge a spot check without knowing if others have, and what they said.

    He cannot tell a first look from a second, so neither shows what became of the case.
    """
    if actor.kind != "person" or case.case is None or case.case.state != "open" or not case.case.soft:
        return False
    if not rows.route_noun(case.proposal.route).spot_check:
        return False
    return not any(r.reviewer == actor.pid and r.withdrawn_at is None for r in case.reviews)


def card(plane: Plane, actor: Actor, case: Seen) -> dict[str, JSON]:
    """The card as this actor may see it now."""
    live = [
        r for r in case.reviews
        if r.withdrawn_at is None and r.voided_at is None and r.verdict != "abstain"
        and (r.revision == case.proposal.revision or r.id == case.proposal.made_by)
    ]  # fmt: skip
    blind, barred, shown, have = is_blind(actor, case), _barred(plane, actor, case), case.case, len(live)
    if looks_afresh(actor, case) and shown is not None:
        # as if nobody had answered
        asked = rows.route_noun(case.proposal.route).reviewers
        barred, shown, have = tuple(each for each in barred if each == actor.pid), shown._replace(reviewers=asked), 0
    made = card_of(case.proposal, shown, have=have, excluded=barred, blind_now=blind)
    made["blind"] = blind
    made["scopes"] = _scopes(plane, actor, case)
    # what stands for this run already, so that nobody wonders why this one asks
    made["grants"] = [] if blind else [
        each for each in grants(plane, actor.workspace)
        if each["action"] == case.proposal.action and each.get("run") in (None, case.proposal.run)
        and (each.get("run") is None or each.get("agent") == case.proposal.agent)
    ]  # fmt: skip
    made["halts"] = halts_over(plane, case.proposal)
    confidence = made["confidence"]
    if isinstance(confidence, dict):
        name = confidence.get("calibrator")
        fitted = None if name is None else reads.calibrator_fitted_at(plane.store, actor.workspace, str(name))
        confidence["fitted_at"] = None if fitted is None else iso(fitted)
    return made


def _scopes(plane: Plane, actor: Actor, case: Seen) -> list[JSON]:
    """For what this person's approval of this case may stand: this action, or its run as well."""
    route = rows.route_noun(case.proposal.route)
    soft = case.case is None or case.case.soft
    if for_run.offered(case.proposal, route, soft=soft) is not None:
        return ["action"]
    found = reads.policy_text(plane.store, actor.workspace)
    may = "nobody" if found is None else policies.compiled(found.text, found.name).review_settings.approve_for_run
    allowed = may == "reviewer" or (may == "lead" and bool(actor.roles & {"lead", "admin"}))
    return ["action", "run"] if allowed else ["action"]


def grants(plane: Plane, workspace: str) -> list[dict[str, JSON]]:
    """What is granted now, by whom."""
    now = plane.clock.now()
    found = [grant.standing_of(r) for r in plane.store.read_hot(statements.grant_list, workspace=workspace, now=now)]
    names = reads.names_of(plane.store, workspace, [each.issued_by for each in found])
    return [each.to_json() | {"by": names.get(each.issued_by, each.issued_by)} for each in found]


def halts(plane: Plane, workspace: str) -> list[dict[str, JSON]]:
    """The switches that stand, and who set them."""
    return halts_to_json(plane, workspace, reads.halts(plane.store, workspace))


def halts_over(plane: Plane, row: ProposalRow) -> list[dict[str, JSON]]:
    """The switches that stand over this proposal: an approval lets nothing run while they do."""
    found = reads.halts(plane.store, row.workspace)
    return halts_to_json(
        plane, row.workspace, [h for h in found if halt.covers(h.scope, h.value, row.agent, row.action, row.run)]
    )


def halts_to_json(plane: Plane, workspace: str, found: Sequence[Any]) -> list[dict[str, JSON]]:
    """Switches as (id, scope, value, reason, who set it, when), in the form they travel."""
    names = reads.names_of(plane.store, workspace, [by for *_, by, _ in found])
    return [
        {"id": id, "scope": scope, "value": value, "reason": reason, "by": names.get(by, by), "at": iso(at)}
        for id, scope, value, reason, by, at in found
    ]


def _barred(plane: Plane, actor: Actor, case: Seen) -> tuple[str, ...]:
    """Who may not answer: those who have, and the caller himself if the proposal names him."""
    row, answered = case.proposal, {each.reviewer for each in case.reviews}
    secret = bytes(plane.store.read_hot(statements.workspace_get, id=row.workspace)[0][2])
    handles = set(actor.handles(secret).values())
    made = []
    for person, why in plane.store.read_hot(statements.excluded_list, case_id=row.case_id):
        if person in handles:
            made.append(actor.pid)
        elif why == "reviewed" and person in answered:
            # a gold also bars who has answered it elsewhere
            made.append(person)
    return tuple(dict.fromkeys(made))


def case_detail(plane: Plane, actor: Actor, case_id: str) -> dict[str, JSON]:
    """A case with card, answers, claim, history and execution."""
    case = seen(plane, actor.workspace, case_id)
    if case.case is None:
        raise NotFound(f"proposal {case_id} opened no case: nobody has to look at it")
    alone = is_blind(actor, case) or looks_afresh(actor, case)
    names = reads.names_of(
        plane.store, actor.workspace, [r.reviewer for r in case.reviews] + ([case.claim[1]] if case.claim else [])
    )
    found = plane.store.read_hot(statements.execution_get, case_id=case_id, workspace=actor.workspace)
    if looks_afresh(actor, case):
        # an objection stops or undoes it, so that what became of it would tell of one
        found = []
    shown = [] if alone else case.reviews
    return {
        "case": case_row(plane, actor, case_id),
        "card": card(plane, actor, case),
        "reviews": [review(r, names) for r in shown],
        "claim": None if case.claim is None else claim_row(case.claim, names),
        "history": history(plane, actor.workspace, case_id, blind=alone),
        "execution": execution_to_json(rows.execution_noun(ExecutionRow._make(found[0]), case.proposal))
        if found
        else None,
        "by_hand": _by_hand(plane, actor.workspace, ExecutionRow._make(found[0])) if found else None,
    }


def _by_hand(plane: Plane, workspace: str, row: ExecutionRow) -> JSON:
    """Who took this approved step over from its program; None where nobody did."""
    if not row.nonce.startswith(execute.BY_HAND):
        return None
    person = row.nonce.removeprefix(execute.BY_HAND)
    return {"person": person, "name": reads.names_of(plane.store, workspace, [person]).get(person, person)}


def claim_row(held: Sequence[Any], names: dict[str, str]) -> dict[str, JSON]:
    """A claim's row, with the holder's name."""
    return {
        "case_id": held[0], "reviewer": names.get(held[1], held[1]), "reviewer_id": held[1], "fence": held[2],
        "taken_at": iso(held[3]), "expires_at": iso(held[4]),
    }  # fmt: skip


def review(row: ReviewRow, names: dict[str, str]) -> dict[str, JSON]:
    """One answer."""
    body = parse(bytes(row.data))
    made: dict[str, JSON] = {
        "id": row.id, "case_id": row.case_id, "reviewer": names.get(row.reviewer, row.reviewer),
        "reviewer_id": row.reviewer, "verdict": row.verdict, "revision": row.revision, "card": row.card,
        "blind": bool(row.blind), "dwell_seconds": row.dwell, "batch": row.batch, "given_at": iso(row.given_at),
        "effective_at": iso(row.effective_at),
        "withdrawn_at": None if row.withdrawn_at is None else iso(row.withdrawn_at),
        "voided_at": None if row.voided_at is None else iso(row.voided_at),
    }  # fmt: skip
    for name in ("arguments", "value", "instruction", "reason", "note"):
        made[name] = body.get(name)
    return made


def review_by_id(plane: Plane, workspace: str, review_id: str) -> dict[str, JSON]:
    """One answer by its id. Raises `NotFound`."""
    found = plane.store.read_hot(statements.review_get, id=review_id, workspace=workspace)
    if not found:
        raise NotFound(f"there is no review {review_id!r}")
    row = ReviewRow._make(found[0])
    return review(row, reads.names_of(plane.store, workspace, [row.reviewer]))


# entries that tell what somebody answered
_TELLING = ("review.", "claim.", "case.escalated", "execution.", "incident.", "label.")


def history(plane: Plane, workspace: str, case_id: str, *, blind: bool = False) -> list[dict[str, JSON]]:
    """The case's entries, oldest first. A blind reader sees no reasons, nor others' answers and what they led to."""
    made = []
    for idx, type, data in reads.entries_of(plane.store, plane.log_of(workspace), case_id):
        if blind and type.startswith(_TELLING):
            continue
        entry = parse(bytes(data))
        if blind:
            entry.pop("reasons", None)
        made.append({"idx": idx, "type": type, "at": entry["at"], "actor": entry["actor"], "entry": entry})
    return made


def to_json(value: Any) -> bytes:
    """JSON text as it goes out."""
    try:
        return orjson.dumps(value)
    except TypeError:
        # a lone surrogate in what somebody said long ago: show that it is there
        pass
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
