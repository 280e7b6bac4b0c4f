"""Claims: take the next case, take this one, renew, release; and what happens when one lapses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from handrail.claim import Claim
from handrail.clock import SECOND, iso
from handrail.errors import AlreadyDecided, ClaimLost, Conflict, Forbidden, HandrailError, InvalidInput, NotFound
from handrail.lifecycle import bursts, policies, queue, rows, steering, warming
from handrail.lifecycle.actor import SYSTEM, Actor
from handrail.lifecycle.rows import CaseRow
from handrail.route import Route
from handrail.store import statements
from handrail.store.tx import Look, Row, Tx

CLAIM_SECONDS = 300
LONGEST_SECONDS = 3600
# after this long without a review a stint is over
REST = 600 * SECOND
MOST_CLAIMS = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeNext:
    """Take the head of the lanes this reviewer holds."""

    actor: Actor
    queues: tuple[str, ...] = ()
    seconds: int = CLAIM_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """Take this case."""

    actor: Actor
    case_id: str
    seconds: int = CLAIM_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Renew or release the claim with this fence."""

    actor: Actor
    case_id: str
    fence: int
    seconds: int = CLAIM_SECONDS


def take_next(tx: Tx, command: TakeNext) -> Claim | None:
    """The next case this person may review, claimed; None when there is nothing to take."""
    actor = command.actor
    may_review(tx, actor)
    handles = actor.handles(tx.workspace(actor.workspace).secret)
    lanes = queue.lanes_for(tx, actor, command.queues)
    if policies.in_force(tx, actor.workspace).review_settings.steer == "expertise":
        _refuse_too_many(tx.run(statements.claim_live_of, **_live(tx, actor)))
        heads = steering.heads(tx, actor, lanes, handles)
    else:
        held, *firsts = tx.together([
            (statements.claim_live_of, _live(tx, actor)),
            *((statements.ready_head, {"lane": lane, **handles}) for lane in lanes),
        ])  # fmt: skip
        _refuse_too_many(held)
        heads = sorted((*row, lane) for found, lane in zip(firsts, lanes, strict=True) for row in found)
    if heads and (first := _opening(tx, actor, heads[0][1])) is not None:
        heads = [first, *heads]
    for sort_key, case_id, lane in heads:
        # another writer may have taken the head since it was read, or be deciding it right now
        place = {"lane": lane, "sort_key": sort_key, "case_id": case_id}
        fenced = tx.one(statements.case_take, **place)
        if fenced is not None:
            tx.later(statements.ready_drop, **place)
            return _hold(tx, actor, case_id, fenced, command.seconds)
        tx.run(statements.ready_clear, **place)
    return None


def _opening(tx: Tx, actor: Actor, beside: str) -> tuple[int, str, int] | None:
    """The gold that this person's session begins with, where one is due that he may answer."""
    made = warming.draw(tx, actor, beside, REST)
    if made is None:
        return None
    row = rows.proposal(tx, actor.workspace, made.id)
    try:
        refuse_excluded(tx, actor, made, rows.route_noun(row.route))
    except HandrailError:
        bursts.end(tx, row, made)
        return None
    return made.sort_key, made.id, made.lane


def look_ahead(commands: Sequence[TakeNext]) -> list[Look]:
    """What taking the next case reads first."""
    spaces = {command.actor.workspace for command in commands}
    looks = [Look(each, space) for space in spaces for each in (statements.workspace_get, statements.lane_list)]
    return looks + [look_at_stint(command.actor) for command in commands]


def look_at_stint(actor: Actor) -> Look:
    """What `may_review` reads of a person."""
    return Look(statements.stint_get, actor.workspace, person=actor.pid)


def take(tx: Tx, command: Take) -> Claim:
    """Claim one case. Raises `Conflict` while somebody else holds it, `Forbidden` for who may not judge it."""
    actor = command.actor
    may_review(tx, actor)
    row = rows.proposal(tx, actor.workspace, command.case_id, for_update=True)
    case = open_case_of(tx, actor, command.case_id)
    refuse_excluded(tx, actor, case, rows.route_noun(row.route))
    held = tx.one(statements.claim_get, case_id=case.id)
    if held is not None and held[4] > tx.now:
        if held[1] != actor.pid:
            raise Conflict(f"case {case.id} is held by another reviewer until {iso(held[4])}")
        return _renew(tx, actor, case.id, held[2], command.seconds)
    tx.run(statements.claim_drop, case_id=case.id)
    return _take_over(tx, actor, case, command.seconds)


def renew(tx: Tx, command: Hold) -> Claim:
    """Keep a claim alive; it never ends sooner than before. Raises `ClaimLost` when it lapsed or the fence is stale."""
    return _renew(tx, command.actor, command.case_id, command.fence, command.seconds)


def release(tx: Tx, command: Hold) -> None:
    """Give a case back to the queue. Raises `ClaimLost` when it is not held with this fence."""
    row = rows.proposal(tx, command.actor.workspace, command.case_id, for_update=True)
    case = rows.case(tx, command.actor.workspace, command.case_id)
    held = tx.one(statements.claim_get, case_id=command.case_id)
    if case is None or held is None or held[1] != command.actor.pid or held[2] != command.fence:
        raise ClaimLost()
    tx.run(statements.claim_end, case_id=case.id, fence=command.fence)
    tx.run(statements.timer_drop, kind="claim", subject=case.id)
    opens_session = bursts.is_one(case, row)
    if not opens_session:
        queue.let_others_take(tx, case.workspace, case.id)
    tx.entry(
        case.workspace, "claim.released", command.actor.entry(), case=(case.id, case.revision), fence=command.fence
    )
    if opens_session:
        bursts.end(tx, row, case)


def lapse(tx: Tx, command: tuple[str, str]) -> None:
    """A claim's time is up: the case can be taken again. Command: workspace, case id. Repeating it does no harm."""
    workspace, case_id = command
    row = rows.proposal(tx, workspace, case_id, for_update=True)
    held = tx.one(statements.claim_get, case_id=case_id)
    if held is None:
        tx.run(statements.timer_drop, kind="claim", subject=case_id)
        return
    if held[4] > tx.now:
        tx.run(statements.timer_put, kind="claim", subject=case_id, due_at=held[4])
        return
    case = rows.case(tx, workspace, case_id)
    tx.run(statements.claim_end, case_id=case_id, fence=held[2])
    tx.run(statements.timer_drop, kind="claim", subject=case_id)
    if case is not None and case.state == "open":
        opens_session = bursts.is_one(case, row)
        if not opens_session:
            queue.let_others_take(tx, workspace, case_id)
        tx.entry(workspace, "claim.lapsed", SYSTEM.entry(), case=(case_id, case.revision), fence=held[2])
        if opens_session:
            bursts.end(tx, row, case)


def implicit(tx: Tx, actor: Actor, case: CaseRow) -> tuple[int, bool]:
    """Claim and answer in one go: the fence of the claim held, or of one that is over with this transaction (true).

    The latter needs no row and no timer: nobody else can ever see it.
    """
    held = tx.one(statements.claim_get, case_id=case.id)
    if held is not None and held[4] > tx.now:
        if held[1] != actor.pid:
            raise Conflict(f"case {case.id} is held by another reviewer until {iso(held[4])}")
        return int(held[2]), False
    if held is not None:
        tx.run(statements.claim_drop, case_id=case.id)
    fence = case.fence + 1
    tx.later(statements.ready_drop, lane=case.lane, sort_key=case.sort_key, case_id=case.id)
    tx.later(statements.case_pass, case_id=case.id, seen=case.fence)
    tx.entry(
        actor.workspace, "claim.taken", actor.entry(), case=(case.id, case.revision), fence=fence,
        expires=iso(tx.now + CLAIM_SECONDS * SECOND),
    )  # fmt: skip
    return fence, True


def may_review(tx: Tx, actor: Actor) -> None:
    """Raise `Forbidden` unless this is a reviewer who has not been at it for too long."""
    actor.need_scope("review")
    if actor.kind != "person":
        raise Forbidden("only people review", remedy="Sign in as a person; an agent's key cannot answer.")
    limit = policies.in_force(tx, actor.workspace).review_settings.reviewer_session_limit_minutes
    if not limit:
        return
    stint = _stint(tx, actor)
    if stint is not None and tx.now - stint[1] < REST and tx.now - stint[0] >= limit * 60 * SECOND:
        raise Forbidden(
            f"{actor.name or actor.pid} has been reviewing for {limit} minutes without a break",
            remedy="Take ten minutes; the case stays in the queue for others.",
        )


def note_work(tx: Tx, actor: Actor) -> None:
    """Count the stint on, where the policy limits one."""
    if not policies.in_force(tx, actor.workspace).review_settings.reviewer_session_limit_minutes:
        return
    stint = _stint(tx, actor)
    if stint is None or stint[1] != tx.now:
        begun = tx.now if stint is None or tx.now - stint[1] >= REST else stint[0]
        tx.later(statements.stint_put, workspace=actor.workspace, person=actor.pid, begun=begun, now=tx.now)
        tx.memo["stint", actor.workspace, actor.pid] = (begun, tx.now)


def _stint(tx: Tx, actor: Actor) -> Row | None:
    """When this person's stint began and his last answer, read once for a group; None before the first."""
    key = ("stint", actor.workspace, actor.pid)
    if key not in tx.memo:
        tx.memo[key] = tx.one(statements.stint_get, workspace=actor.workspace, person=actor.pid)
    known: Row | None = tx.memo[key]
    return known


def open_case_of(tx: Tx, actor: Actor, case_id: str) -> CaseRow:
    """The case, if people may still act on it."""
    case = rows.case(tx, actor.workspace, case_id)
    if case is None:
        raise NotFound(f"proposal {case_id} opened no case: nobody has to look at it")
    if case.state != "open":
        raise AlreadyDecided(f"case {case_id} is {case.state}")
    return case


def refuse_excluded(tx: Tx, actor: Actor, case: CaseRow, route: Route) -> None:
    """Raise `Forbidden` for who asks, owns or delegated; `Conflict` for who has answered; and for missing roles."""
    bursts.refuse_other(tx, actor, case)
    handles = set(actor.handles(tx.workspace(actor.workspace).secret).values())
    for person, why in tx.run(statements.excluded_list, case_id=case.id):
        if person in handles:
            if why == "reviewed":
                raise Conflict("you have answered this case; it needs somebody else")
            raise Forbidden(f"you are the {why} of this case and may not judge it", remedy="Somebody else must.")
    if not _holds_role(actor, route):
        raise Forbidden(f"this case needs the role {' or '.join(route.may_answer)}")
    if not actor.skills.issuperset(route.skills):
        raise Forbidden(f"this case needs the skills {', '.join(route.skills)}")


def may_judge(actor: Actor, route: Route) -> bool:
    """Whether somebody holds the roles and skills that a case asks for."""
    return _holds_role(actor, route) and actor.skills.issuperset(route.skills)


def _holds_role(actor: Actor, route: Route) -> bool:
    wanted = route.may_answer
    return not wanted or "admin" in actor.roles or bool(actor.roles.intersection(wanted))


def _take_over(tx: Tx, actor: Actor, case: CaseRow, seconds: int) -> Claim:
    _refuse_too_many(tx.run(statements.claim_live_of, **_live(tx, actor)))
    tx.later(statements.ready_drop, lane=case.lane, sort_key=case.sort_key, case_id=case.id)
    fenced = tx.one(statements.case_fence, case_id=case.id)
    if fenced is None:
        raise AlreadyDecided(f"case {case.id} is decided")
    return _hold(tx, actor, case.id, fenced, seconds)


def _live(tx: Tx, actor: Actor) -> dict[str, Any]:
    return {"workspace": actor.workspace, "reviewer": actor.pid, "now": tx.now}


def _refuse_too_many(held: Sequence[Row]) -> None:
    if len(held) >= MOST_CLAIMS:
        raise Conflict(f"you hold {MOST_CLAIMS} claims", remedy="Answer or release some of them first.")


def _hold(tx: Tx, actor: Actor, case_id: str, fenced: Row, seconds: int) -> Claim:
    expires = _until(tx, seconds)
    tx.later(
        statements.claim_put, case_id=case_id, workspace=actor.workspace, reviewer=actor.pid, fence=fenced[0],
        now=tx.now, expires_at=expires,
    )  # fmt: skip
    tx.later(statements.timer_set, kind="claim", subject=case_id, due_at=expires)
    tx.entry(
        actor.workspace, "claim.taken", actor.entry(), case=(case_id, fenced[1]), fence=fenced[0], expires=iso(expires)
    )
    return Claim(case_id=case_id, reviewer=actor.pid, fence=fenced[0], taken_at=tx.now, expires_at=expires)


def _until(tx: Tx, seconds: int) -> int:
    if not 1 <= seconds <= LONGEST_SECONDS:
        raise InvalidInput(f"a claim lasts 1 to {LONGEST_SECONDS} seconds, and can be renewed")
    return tx.now + seconds * SECOND


def _renew(tx: Tx, actor: Actor, case_id: str, fence: int, seconds: int) -> Claim:
    # never shortened, not by a clock set back either: until the time that the log gives, nobody else takes the case
    renewed = tx.one(
        statements.claim_renew, case_id=case_id, reviewer=actor.pid, fence=fence, now=tx.now,
        expires_at=_until(tx, seconds),
    )  # fmt: skip
    if renewed is None:
        rows.proposal(tx, actor.workspace, case_id)
        raise ClaimLost()
    taken_at, expires = renewed
    tx.run(statements.timer_put, kind="claim", subject=case_id, due_at=expires)
    return Claim(case_id=case_id, reviewer=actor.pid, fence=fence, taken_at=taken_at, expires_at=expires)
