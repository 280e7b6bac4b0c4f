"""Review: one person's finished answer, stored at once, counted once its undo window is over."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from handrail.canonical import JSON, dumps
from handrail.clock import SECOND, iso
from handrail.consensus.quorum import STOPS
from handrail.decision import Decision
from handrail.entry import need_code
from handrail.errors import (
    AlreadyDecided,
    CardChanged,
    ClaimLost,
    Conflict,
    InvalidInput,
    NotFound,
    TooSoon,
    VerdictNotAllowed,
)
from handrail.json_schema import misfit
from handrail.learning.comparison import refuse_incomparable
from handrail.lifecycle import (
    bursts,
    card,
    choosing,
    claim,
    committing,
    decide,
    edits,
    flags,
    for_run,
    policies,
    queue,
    rows,
    warming,
)
from handrail.lifecycle.actor import Actor
from handrail.lifecycle.rows import CaseRow, ProposalRow, ReviewRow
from handrail.route import VERDICTS, Route
from handrail.store import schema, statements
from handrail.store.tx import Look, Staged, Tx

MAX_TEXT = 10_000
MOST_IN_A_BATCH = 20
# verdicts after which something runs, or is taken for true
LETS_RUN = ("approve", "edit", "respond")
# ways to sign in after which a card is looked at on a screen
SCREENS = ("password",)
# a program tells its dwell in tenths of a second
ROUNDING_SECONDS = 0.1
_REVIEW_COLUMNS = tuple(column.name for column in schema.review.columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A verdict on one revision of one case."""

    actor: Actor
    case_id: str
    verdict: str
    # of the claim held; None claims and answers in one step
    fence: int | None = None
    # what was seen; None takes the present ones (a caller that never drew a card)
    revision: int | None = None
    card: str | None = None
    arguments: JSON = None
    value: JSON = None
    instruction: str | None = None
    reason: str | None = None
    note: str | None = None
    blind: bool = False
    # seconds on screen, as the reviewer's own program counts them
    dwell: float | None = None
    # seconds since the card was sent, as the server counts them
    shown: float | None = None
    provenance: JSON = None
    batch: str | None = None
    # `run`: an approval that also lets up to `uses` more of the same through in this run, for `seconds`
    scope: str = "action"
    uses: int = for_run.USES
    seconds: int = for_run.MOST_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """What became of an answer."""

    review_id: str
    case_id: str
    effective_at: int
    decision: Decision | None
    receipt: Staged | None
    # the grant that an approval for the run issued; with an undo window it is issued when the approval counts
    grant: str | None = None
    # what was right, for one of the golds that open a session
    heard: warming.Heard | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw:
    """Take a review back within its undo window."""

    actor: Actor
    review_id: str


def review(tx: Tx, command: Answer) -> Reviewed:
    """Store an answer and settle the case if it can be settled now.

    Raises `AlreadyDecided`, `ClaimLost`, `CardChanged`, `VerdictNotAllowed`, `Forbidden`, `TooSoon`, and
    `InvalidInput` for an edit that does not fit the action's schema. Nothing is stored then.
    """
    actor = command.actor
    claim.may_review(tx, actor)
    if command.batch is not None:
        need_code("batch", command.batch)
    row = rows.proposal(tx, actor.workspace, command.case_id, for_update=True)
    case = claim.open_case_of(tx, actor, command.case_id)
    _refuse_late(tx, case)
    route = rows.route_noun(row.route)
    claim.refuse_excluded(tx, actor, case, route)
    seen = _check_card(row, route, command)
    body = _body(command, row, route)
    if command.verdict == "edit":
        _refuse_unfit(tx, row, body["arguments"])
        if not case.soft:
            edits.refuse_forbidden(tx, row, body["arguments"])
    if command.scope != "action":
        body["for_run"] = {"uses": command.uses, "seconds": command.seconds}
        _refuse_scope(command)
        for_run.refuse(tx, row, case, route, actor, body["for_run"])
    _refuse_haste(tx, row, route, command)
    given = rows.reviews(tx, case.id)
    if any(each.reviewer == actor.pid and each.revision == row.revision and each.live for each in given):
        raise Conflict("you have answered this revision; take that answer back first")
    _refuse_answered(tx, row, case, route, command, given)
    fence, passing = _fence(tx, actor, case, command)
    effective = tx.now + _window(command.verdict, route, case, tx.now)
    answer = ReviewRow(
        id=tx.new_id(), case_id=case.id, workspace=actor.workspace, revision=row.revision, reviewer=actor.pid,
        verdict=command.verdict, data=dumps(body), card=seen, fence=fence, blind=command.blind, dwell=command.dwell,
        given_at=tx.now, effective_at=effective, withdrawn_at=None, voided_at=None, batch=command.batch,
    )  # fmt: skip
    id = answer.id
    tx.add(schema.review, **dict(zip(_REVIEW_COLUMNS, answer, strict=True)))
    claim.note_work(tx, actor)
    if not passing:
        tx.later(statements.claim_put_away, case_id=case.id, fence=fence)
    tx.entry(
        actor.workspace, "review.given", actor.entry(), case=(case.id, row.revision), review=id,
        verdict=command.verdict, fence=fence, card=seen, effective=iso(effective),
        action={"name": row.action, "digest": row.action_digest}, blind=command.blind or None,
        batch=command.batch, handles=_other_names(tx, actor),
        fields=committing.to_answer(committing.of_case(row), answer.data, id),
    )  # fmt: skip
    if case.escalations:
        row, case = queue.seat_lead(tx, row, case)
        route = rows.route_noun(row.route)
    opens_session = bursts.is_one(case, row)
    if not opens_session:
        case = flags.ask_second(tx, row, case, actor)
    made = decide.settle(tx, row, case, route, given=[*given, answer], by=actor, in_hand=True)
    if made.decision is None and not made.closed and opens_session:
        # an abstention
        bursts.end(tx, row, case)
    elif made.decision is None and not made.closed:
        tx.run(statements.timer_drop, kind="claim", subject=case.id)
        tx.run(statements.excluded_put, case_id=case.id, person=actor.pid, why="reviewed")
        _next_look(tx, actor.workspace, case.id, made.next_at)
    return Reviewed(
        review_id=id, case_id=case.id, effective_at=effective, decision=made.decision, receipt=made.receipt,
        grant=made.grant, heard=warming.heard(row, actor.pid, command.verdict, body),
    )  # fmt: skip


def _refuse_answered(
    tx: Tx, row: ProposalRow, case: CaseRow, route: Route, command: Answer, given: list[ReviewRow]
) -> None:
    """While the answers given will settle the case when their undo windows end, another could only be lost."""
    counts_at = decide.counts_at(case, given, tx.now)
    if counts_at is None or command.verdict in STOPS:
        return
    if decide.will_settle(row, case, route, given, counts_at):
        seconds = -(-(counts_at - tx.now) // SECOND)
        raise Conflict(
            f"this case has its answer, which counts in {seconds} s",
            remedy="Reject it to stop that, or leave it; whoever answered can still take the answer back.",
        )


def look_ahead(commands: Sequence[Answer]) -> list[Look]:
    """What answers read first."""
    looks = []
    for workspace, ids in rows.by_workspace(commands).items():
        looks += [
            Look(statements.workspace_get, workspace),
            Look(statements.proposal_lock, workspace, ids, statements.proposal_lock_many),
            Look(statements.case_get, workspace, ids, statements.case_get_many),
            Look(statements.excluded_list, workspace, ids, statements.excluded_list_many),
            Look(statements.review_list, workspace, ids, statements.review_list_many),
            Look(statements.claim_get, workspace, ids, statements.claim_get_many),
            flags.look(workspace),
        ]
    return looks + [claim.look_at_stint(command.actor) for command in commands]


def review_batch(tx: Tx, commands: Sequence[Answer]) -> list[Reviewed]:
    """One answer per case under one batch id. Raises `InvalidInput` unless the cases are of one kind and low stakes."""
    if not 1 <= len(commands) <= MOST_IN_A_BATCH:
        raise InvalidInput(f"a batch holds 1 to {MOST_IN_A_BATCH} cases")
    shapes = set()
    for command in commands:
        row = rows.proposal(tx, command.actor.workspace, command.case_id)
        made = card.card_of(row, None)
        if made["high_stakes"]:
            raise InvalidInput(f"case {command.case_id} is high-stakes and is judged by itself")
        shapes.add(made["shape"])
    if len(shapes) > 1:
        raise InvalidInput("a batch holds cases of one action and one shape only")
    return [review(tx, command) for command in commands]


def withdraw(tx: Tx, command: Withdraw) -> str:
    """Take an answer back before it counts; the case can be taken again. Returns the case id."""
    actor = command.actor
    found = tx.one(statements.review_get, id=command.review_id, workspace=actor.workspace)
    if found is None:
        raise NotFound(f"there is no review {command.review_id!r}")
    given = ReviewRow._make(found)
    row = rows.proposal(tx, actor.workspace, given.case_id, for_update=True)
    if not tx.run(statements.review_withdraw, id=given.id, reviewer=actor.pid, now=tx.now):
        raise Conflict("the undo window is over", remedy="What is decided can be undone with a new proposal only.")
    tx.run(statements.excluded_forget, case_id=given.case_id, person=actor.pid)
    tx.entry(actor.workspace, "review.withdrawn", actor.entry(), case=(given.case_id, given.revision), review=given.id)
    case = claim.open_case_of(tx, actor, given.case_id)
    queue.let_others_take(tx, case.workspace, case.id)
    decide.look_again_when_due(tx, row, case)
    return case.id


def _other_names(tx: Tx, actor: Actor) -> list[str]:
    """Pseudonyms under which a case may bar this person, so that the log alone shows he was not barred."""
    return sorted({*actor.handles(tx.workspace(actor.workspace).secret).values()} - {actor.pid})


def _refuse_late(tx: Tx, case: CaseRow) -> None:
    """The deadline has passed, although the loop that acts on it has not come by yet."""
    if case.deadline is not None and case.deadline <= tx.now and case.on_expiry in ("reject", "escalate"):
        raise AlreadyDecided(
            f"the deadline of case {case.id} passed at {iso(case.deadline)}",
            remedy="It expires, or goes up to somebody else, within moments.",
        )


def _check_card(row: ProposalRow, route: Route, command: Answer) -> str:
    if command.revision is not None and command.revision != row.revision:
        raise CardChanged(f"the case is at revision {row.revision}; you saw {command.revision}")
    present = card.digest_of(row, route)
    if command.card is not None and command.card != present:
        raise CardChanged("what you saw is not what the case holds now")
    return present


def _body(command: Answer, row: ProposalRow, route: Route) -> dict[str, Any]:
    """The answer's content, complete for its verdict."""
    if command.verdict not in VERDICTS:
        raise InvalidInput(f"verdict {command.verdict!r} is none of {', '.join(VERDICTS)}")
    if command.verdict not in route.verdicts:
        raise VerdictNotAllowed(
            f"this case does not allow {command.verdict!r}", remedy=f"Allowed: {', '.join(route.verdicts)}."
        )
    for name in ("instruction", "reason", "note"):
        text = getattr(command, name)
        if text is not None and (not isinstance(text, str) or len(text) > MAX_TEXT):
            raise InvalidInput(f"{name} must be text of at most {MAX_TEXT} characters")
    body: dict[str, Any] = {"roles": sorted(command.actor.roles)}
    if command.verdict == "edit":
        body["arguments"] = check_edit(row, command.arguments)
    elif command.verdict == "respond":
        body["value"] = command.value
        if command.value is None:
            raise InvalidInput("respond needs a value")
        record = row.record()
        check_schema(card.answer_schema(record), command.value, "the answer does not fit what was asked")
        choosing.refuse_other(record, command.value)
    elif command.verdict == "approve":
        choosing.refuse_approval(row.record())
    elif command.verdict == "redirect" and not (command.instruction or "").strip():
        raise InvalidInput("redirect needs an instruction", remedy="Say what to do instead.")
    elif command.verdict in ("reject", "abstain") and not (command.reason or command.note):
        raise InvalidInput(f"{command.verdict} needs a reason", remedy="Give a reason code or a note.")
    if command.reason == "other" and not (command.note or "").strip():
        raise InvalidInput("reason 'other' needs a note", remedy="Say what it is.")
    for name in ("instruction", "reason", "note", "provenance"):
        if getattr(command, name) is not None:
            body[name] = getattr(command, name)
    return body


def check_edit(row: ProposalRow, arguments: JSON) -> JSON:
    """Validate edited arguments against the action's schema, and against what may be answered.

    Raises `InvalidInput` naming the place.
    """
    if not isinstance(arguments, dict):
        raise InvalidInput("edit needs the whole arguments as an object")
    dumps(arguments)
    record = row.record()
    check_schema(record.get("schema"), arguments, "the edit does not fit the action's schema")
    if record.get("kind") == "comparison":
        refuse_incomparable(arguments)
    choosing.refuse_edit(record, arguments)
    return arguments


def _refuse_unfit(tx: Tx, row: ProposalRow, arguments: JSON) -> None:
    """Hold an edit to the schema in the policy that routed the case, whatever schema the program brought."""
    entry = policies.by_digest(tx, row.workspace, row.policy).action(row.action)
    if entry is not None:
        check_schema(entry.arguments_schema, arguments, "the edit does not fit the policy's schema of the action")


def check_schema(schema: JSON, value: JSON, what: str) -> None:
    """Raise `InvalidInput` naming the place, unless the value fits the JSON Schema (None: anything fits)."""
    if schema is None:
        return
    problem = misfit(schema, value, "the action's own schema")
    if problem is not None:
        raise InvalidInput(f"{what} at {problem.where}: {problem.why}")


def _refuse_haste(tx: Tx, row: ProposalRow, route: Route, command: Answer) -> None:
    """Raise `TooSoon` for a high-stakes answer that lets something run before its card can have been read.

    Time counts from the first showing or from the claim, whichever is longer ago; never more than was on screen.
    """
    actor = command.actor
    if not route.high_stakes or command.verdict not in LETS_RUN:
        return
    settings = policies.in_force(tx, actor.workspace).review_settings
    if actor.auth not in SCREENS and settings.dwell_floor != "everywhere":
        return
    held = tx.one(statements.claim_get, case_id=row.case_id)
    claimed = (tx.now - held[3]) / SECOND if held is not None and held[1] == actor.pid else 0.0
    seen = max(command.shown or 0.0, claimed)
    if command.dwell is not None:
        seen = min(seen, command.dwell + ROUNDING_SECONDS)
    left = card.dwell_floor(card.facts_of(row, route), route) - seen
    if left > 0:
        raise TooSoon(
            f"this card is high-stakes and was read for {seen:.0f} s; {math.ceil(left)} s more are asked for",
            remedy=f"Take the case, read the card, and send the same answer in {math.ceil(left)} s.",
        )


def _refuse_scope(command: Answer) -> None:
    if command.scope != "run":
        raise InvalidInput(f"scope {command.scope!r} is neither action nor run")
    if command.verdict != "approve" or command.batch is not None:
        raise InvalidInput("only the approval of one case can be given for its run", remedy="Give scope action.")


def _fence(tx: Tx, actor: Actor, case: CaseRow, command: Answer) -> tuple[int, bool]:
    """The fence of the claim this answer rests on, and whether that claim lasts for this transaction only."""
    if command.fence is None:
        return claim.implicit(tx, actor, case)
    held = tx.one(statements.claim_get, case_id=case.id)
    if held is None or held[1] != actor.pid or held[2] != command.fence or held[4] <= tx.now:
        raise ClaimLost()
    return command.fence, False


def _window(verdict: str, route: Route, case: CaseRow, now: int) -> int:
    """Microseconds in which the answer can be taken back; never past the deadline.

    A reject of something that waits needs none, since nothing runs; a reject after the fact starts an undo.
    """
    if verdict in ("reject", "redirect", "abstain") and not case.soft:
        return 0
    window = int(route.undo_seconds * SECOND)
    if case.deadline is not None:
        window = min(window, max(0, case.deadline - now))
    return window


def _next_look(tx: Tx, workspace: str, case_id: str, next_at: int | None) -> None:
    """The case stays open: look again when a window ends, and let further people take it meanwhile."""
    if next_at is not None:
        tx.run(statements.timer_put, kind="effective", subject=case_id, due_at=next_at)
    # settling may have sent it up, so its place is read anew
    queue.let_others_take(tx, workspace, case_id)
