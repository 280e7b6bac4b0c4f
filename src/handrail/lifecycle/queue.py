"""The queue: opening a case, putting it before people again, and closing it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from handrail.canonical import JSON, dumps
from handrail.clock import SECOND, iso
from handrail.lifecycle import raised, rows
from handrail.lifecycle.actor import POLICY, Actor, pseudonym
from handrail.lifecycle.rows import CaseRow, ProposalRow
from handrail.operations.order import sort_key
from handrail.proposal import Proposal
from handrail.route import Route
from handrail.store import schema, statements
from handrail.store.tx import Look, Tx

SUMMARY_CHARACTERS = 200
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?").fullmatch


def open_case(
    tx: Tx, workspace: str, case_id: str, proposal: Proposal, route: Route, *, soft: bool, by: Actor,
    placed_at: int | None = None,
) -> None:  # fmt: skip
    """Put a proposal before people: the case, its place in the queue, who may not judge it, its deadline.

    `placed_at`: it takes the place of one that came then.
    """
    lane = lane_of(tx, workspace, route)
    deadline = None if route.deadline_seconds is None else tx.now + route.deadline_seconds * SECOND
    # somebody always looks: what nobody looked at in time stays in the queue
    on_expiry = "hold" if soft and route.always_review else route.on_expiry
    key = sort_key(
        opened_at=tx.now if placed_at is None else placed_at, deadline=deadline, p_wrong=1.0 - _certainty(proposal),
        severity=proposal.severity, reach=_reach(proposal),
    )  # fmt: skip
    tx.add(
        schema.cases, id=case_id, workspace=workspace, action=proposal.action, kind=proposal.kind, state="open",
        tier=route.tier, queue=route.queue, lane=lane, revision=1, reviewers=route.reviewers, sort_key=key,
        deadline=deadline, on_expiry=on_expiry, soft=soft, gold=proposal.gold is not None,
        summary=summary(proposal.action, proposal.arguments, proposal.personal_data, kind=proposal.kind),
        opened_at=tx.now, closed_at=None, escalations=0, fence=0,
    )  # fmt: skip
    tx.add(schema.ready, lane=lane, sort_key=key, case_id=case_id)
    tx.add(schema.unindexed, case_id=case_id)
    # who asks in person is known by id; those a proposal names, by pseudonym
    barred = {by.pid: "requester"} if by.kind == "person" else {}
    secret = tx.workspace(workspace).secret
    if proposal.principal:
        barred[pseudonym(secret, proposal.principal)] = "requester"
    for name in proposal.owners:
        if name:
            barred.setdefault(pseudonym(secret, name), "owner")
    for person, why in barred.items():
        tx.add(schema.excluded, case_id=case_id, person=person, why=why)
    if deadline is not None:
        tx.add(schema.timer, kind="deadline", subject=case_id, due_at=deadline)
    tx.entry(
        workspace, "case.opened", POLICY.entry(), case=(case_id, 1), from_="new", to="open", tier=route.tier,
        reviewers=max(1, route.reviewers), excluded=list(barred), deadline=None if deadline is None else iso(deadline),
        soft=soft or None, spot=route.spot_check or None,
        roles=sorted(route.roles) or None, on_expiry=on_expiry,
    )  # fmt: skip


def lane_of(tx: Tx, workspace: str, route: Route) -> int:
    """The lane for the queue, skills and roles a route asks for; made when first needed."""
    key = ("lane", workspace, route.queue, route.skills, route.roles, route.stages)
    known = tx.memo.get(key)
    if known is None:
        asked = sorted(route.skills)
        if route.may_answer:
            asked.append("role:" + "|".join(sorted(route.may_answer)))
        skills = ",".join(asked)
        known = tx.memo[key] = _lane(tx, workspace, route.queue, skills)
    return int(known)


def looks(workspace: str) -> list[Look]:
    """What `lane_of` reads."""
    return [Look(statements.lane_first, workspace)]


def _lane(tx: Tx, workspace: str, queue: str, skills: str) -> int:
    key = ("first lanes", workspace)
    if key not in tx.memo:
        tx.memo[key] = {(row[1], row[2]): row[0] for row in tx.run(statements.lane_first, workspace=workspace)}
    known: int | None = tx.memo[key].get((queue, skills))
    if known is not None:
        return known
    wanted = {"workspace": workspace, "queue": queue, "skills": skills}
    row = tx.one(statements.lane_find, **wanted) or tx.one(statements.lane_make, **wanted)
    assert row is not None
    return int(row[0])


def lanes_for(tx: Tx, actor: Actor, queues: tuple[str, ...] = ()) -> list[int]:
    """The lanes this reviewer may take from: every skill held, and any one of the roles asked for."""
    found = []
    for id, queue, skills in tx.run(statements.lane_list, workspace=actor.workspace):
        if queues and queue not in queues:
            continue
        if all(_holds(actor, part) for part in skills.split(",") if part):
            found.append(id)
    return found


def _holds(actor: Actor, part: str) -> bool:
    if part.startswith("role:"):
        return bool(actor.roles.intersection(part[5:].split("|"))) or "admin" in actor.roles
    return part in actor.skills


def let_others_take(tx: Tx, workspace: str, case_id: str) -> None:
    """Put an open case into the queue unless it is held or has all the answers it needs."""
    case = rows.case(tx, workspace, case_id)
    if case is None or case.state != "open" or tx.one(statements.claim_get, case_id=case_id) is not None:
        return
    lacks_lead = False
    if case.escalations:
        row, case = seat_lead(tx, rows.proposal(tx, workspace, case_id), case)
        route = rows.route_noun(row.route)
        lacks_lead = raised.is_raised(route) and bool(route.roles)
    present = tx.run(statements.review_count_present, case_id=case_id)[0][0]
    wanted = max(1, case.reviewers)
    if present >= wanted:
        # another answer may be worth its price beyond the quorum
        wanted += rows.route_noun(rows.proposal(tx, workspace, case_id).route).opinions
    if lacks_lead or present < wanted:
        put_back(tx, case)


def seat_lead(tx: Tx, row: ProposalRow, case: CaseRow) -> tuple[ProposalRow, CaseRow]:
    """Open a raised case to others once a lead has answered it; keep it for leads as long as none has."""
    route = rows.route_noun(row.route)
    if not raised.is_raised(route):
        return row, case
    given = rows.reviews(tx, case.id)
    seated = raised.seat_lead(route, given)
    if seated.roles == route.roles:
        return row, case
    if not seated.roles:
        for person in raised.outvoted(given):
            tx.run(statements.excluded_forget, case_id=case.id, person=person)
    lane = lane_of(tx, row.workspace, seated)
    tx.run(statements.ready_take, lane=case.lane, sort_key=case.sort_key, case_id=case.id)
    tx.run(statements.case_lane, case_id=case.id, lane=lane)
    data = rows.route_bytes(seated)
    tx.run(statements.proposal_reroute, case_id=case.id, route=data)
    return row._replace(route=data), case._replace(lane=lane)


def put_back(tx: Tx, case: CaseRow) -> None:
    """Make an open case takable again."""
    tx.run(statements.ready_put, lane=case.lane, sort_key=case.sort_key, case_id=case.id)


def close_case(tx: Tx, case: CaseRow, state: str, *, in_hand: bool = False) -> None:
    """Take a case out of everybody's hands. The caller writes the entry that says why.

    `in_hand`: it is out of the queue already, and nobody holds it.
    """
    if not in_hand:
        # the queue before the case, as who takes it does
        tx.later(statements.ready_drop, lane=case.lane, sort_key=case.sort_key, case_id=case.id)
        tx.run(statements.claim_drop, case_id=case.id)
    tx.later(statements.case_put_away, case_id=case.id, state=state, at=tx.now)
    tx.later(statements.timer_end_all, subject=case.id)


def summary(action: str, arguments: JSON, personal: Iterable[str] = (), *, kind: str = "action") -> str:
    """One line for lists: the action and its short arguments; of a comparison, what was asked and how both begin.

    Never shown as fact without the card. A model's suggestion stays out, since lists are read before a blind case is
    answered; and personal values (`personal`: pointers into the arguments), since they are covered on the card.
    """
    covered = {pointer.split("/")[1].replace("~1", "/").replace("~0", "~") for pointer in personal}
    if kind == "comparison":
        told = " · ".join(_compared(arguments, covered))
    else:
        told = ", ".join(_short(arguments, covered | {"suggestion"}))
    text = f"{action}: {told}" if told else action
    if text.isprintable():
        return text[:SUMMARY_CHARACTERS]
    # lines of a letter run on; anything else that does not print shows that it is there
    return "".join(c if c.isprintable() else " " if c in "\r\n\t" else "�" for c in text[:SUMMARY_CHARACTERS])


def _short(arguments: JSON, covered: set[str]) -> Iterator[str]:
    for name, value in arguments.items():
        if name in covered:
            continue
        if isinstance(value, str) and not _NUMBER(value):
            if not value.startswith("data:"):
                yield value
        elif isinstance(value, str | int | float) and not isinstance(value, bool):
            # a number says nothing without its name, also where JSON has it as a string
            yield f"{name} {value}"


def _compared(arguments: JSON, covered: set[str]) -> Iterator[str]:
    for name, label, most in (("prompt", "", 90), ("a", "A: ", 40), ("b", "B: ", 40)):
        value = arguments.get(name)
        if name not in covered and value is not None:
            text = value if isinstance(value, str) else dumps(value).decode()
            yield label + (text if len(text) <= most else f"{text[: most - 1].rstrip()}…")


def _certainty(proposal: Proposal) -> float:
    value = proposal.confidence
    return value if isinstance(value, float | int) and 0.0 <= value <= 1.0 else 0.0


def _reach(proposal: Proposal) -> float:
    count = proposal.reach.get("count", 1) if isinstance(proposal.reach, dict) else 1
    return float(count) if isinstance(count, int | float) and count > 0 else 1.0
