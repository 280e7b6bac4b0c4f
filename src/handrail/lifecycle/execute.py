"""Execute: an approved action is used at most once, with exactly the arguments that were approved.

The row in `execution` is committed before the effect; its primary key is the at-most-once point.
After a crash the action's class rules (trust.md section 4).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from handrail.canonical import JSON, digest, dumps, parse
from handrail.clock import SECOND, iso
from handrail.errors import InvalidInput, NotExecutable, NotFound
from handrail.execution import Execution, idempotency_key, need_hold
from handrail.lifecycle import halt, opening, policies, rows
from handrail.lifecycle.actor import SYSTEM, Actor, bound_to
from handrail.lifecycle.rows import ExecutionRow, ProposalRow
from handrail.store import schema, statements
from handrail.store.engine import Store
from handrail.store.tx import Look, Tx

Started = Execution
HOLD = 300 * SECOND
# an approval nobody used for this long is stale
APPROVAL_LIFETIME = 7 * 24 * 3600 * SECOND
RETRYABLE = ("idempotent", "queryable", "transactional")
# how the nonce of a person who took a step over begins; no program may call itself so
BY_HAND = "by-hand:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Ask to run the approved action. `nonce` is the executor's own; the same one gets the same answer."""

    actor: Actor
    case_id: str
    nonce: str
    action_digest: str | None = None
    # what the executor performs; None: whatever was approved
    action: str | None = None
    # microseconds until the executor counts as gone
    hold: int = HOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """Report how it ended. `uncertain`: the executor cannot tell, so a person must."""

    actor: Actor
    case_id: str
    fence: int
    ok: bool
    result: JSON = None
    uncertain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleExecution:
    """A person says whether an `unknown` effect happened."""

    actor: Actor
    case_id: str
    happened: bool
    note: str = ""


def start(tx: Tx, command: Start, *, by_hand: bool = False) -> Execution:
    """Claim the single use of an approval. `by_hand`: nobody may try again what a person began.

    Returns a started execution to run; or, if it was used before, how that ended. Raises
    `NotExecutable` without a live approval for exactly this, under a halt, or while another
    executor holds it.
    """
    command.actor.need_scope("execute")
    need_hold("lasting", command.hold / SECOND)
    if not by_hand:
        refuse_by_hand(command.nonce)
    workspace = command.actor.workspace
    row = rows.proposal(tx, workspace, command.case_id, for_update=True)
    if command.action_digest is not None and command.action_digest != row.action_digest:
        raise NotExecutable(f"what was approved in case {row.case_id} is not what is to be executed")
    if command.action is not None and command.action != row.action:
        raise NotExecutable(
            f"case {row.case_id} approves {row.action} and not {command.action}",
            remedy="Nothing ran, and the approval is unused: execute it with the tool that it is for.",
        )
    found = tx.one(statements.execution_get, case_id=row.case_id, workspace=workspace)
    if found is not None:
        return _again(tx, command, row, ExecutionRow._make(found))
    arguments = _may_start(tx, row)
    record = row.record()
    _taken_from_workers(tx, row)
    return start_new(
        tx, workspace=workspace, case_id=row.case_id, action=row.action, agent=row.agent,
        action_digest=row.action_digest, nonce=command.nonce,
        tool_class="unsafe" if by_hand else record.get("tool_class", "unsafe"),
        hold=command.hold, actor=command.actor, arguments=arguments, revision=row.revision,
    )  # fmt: skip


def refuse_by_hand(nonce: str) -> None:
    """Raise `InvalidInput` for a program's nonce that would pass for a person's: both would hold the same step."""
    if nonce.startswith(BY_HAND):
        raise InvalidInput(f"a nonce that begins with {BY_HAND} is a person's", remedy="Give a random one.")


def start_new(
    tx: Tx, *, workspace: str, case_id: str, action: str, agent: str | None, action_digest: str, tool_class: str,
    nonce: str, hold: int, actor: Actor, arguments: JSON, revision: int,
) -> Execution:  # fmt: skip
    """Insert the execution row and its entry; the caller knows, under the case's lock, that there is none."""
    need_hold("lasting", hold / SECOND)
    expires = tx.now + hold
    tx.add(
        schema.execution, case_id=case_id, workspace=workspace, action=action, agent=agent, state="started",
        tool_class=tool_class, nonce=nonce, fence=1, started_at=tx.now, expires_at=expires,
    )  # fmt: skip
    tx.add(schema.timer, kind="execution", subject=case_id, due_at=expires)
    tx.entry(
        workspace, "execution.started", actor.entry(), case=(case_id, revision),
        action={"name": action, "digest": action_digest}, fence=1, expires=iso(expires),
    )  # fmt: skip
    return Execution(
        case_id=case_id, state="started", fence=1, nonce=nonce, arguments=arguments, action=action,
        idempotency_key=idempotency_key(workspace=workspace, case=case_id, action_digest=action_digest),
        tool_class=tool_class, started_at=tx.now, expires_at=expires,  # type: ignore[arg-type]
    )  # fmt: skip


def _may_start(tx: Tx, row: ProposalRow) -> JSON:
    """Check everything an effect rests on; the arguments to run."""
    if row.decision != "approved":
        raise NotExecutable(f"case {row.case_id} is {row.decision or 'not decided'}; only an approval can be executed")
    record = row.record()
    if record.get("gold") is not None:
        raise NotExecutable("a known-answer case is never executed")
    _refuse_altered(tx, row, record)
    assert row.decided_at is not None
    if tx.now > row.decided_at + APPROVAL_LIFETIME:
        raise NotExecutable(
            f"the approval of case {row.case_id} is older than {APPROVAL_LIFETIME // SECOND // 86400} days"
        )
    reason = halt.standing(tx, row.workspace, agent=row.agent, action=row.action, run=row.run) or halt.since(
        tx, row.workspace, row.decided_at, case_id=row.case_id, entry="decision.made", agent=row.agent,
        action=row.action, run=row.run,
    )  # fmt: skip
    if reason is not None:
        raise NotExecutable(f"halted: {reason}", remedy="Submit a new proposal once the halt is lifted.", halted=True)
    if tx.workspace(row.workspace).frozen:
        raise NotExecutable(
            "this workspace was restored from a copy and is frozen",
            remedy="An operator acknowledges the restore first: handrail acknowledge.",
        )
    policies.refuse_if_tightened(tx, row)
    return record.get("arguments", {})


def _refuse_altered(tx: Tx, row: ProposalRow, record: dict[str, JSON]) -> None:
    """Raise `NotExecutable` unless the stored bytes still have the digest that was approved."""
    if opening.bound_digest(tx, row, record, row.revision) != row.action_digest:
        raise NotExecutable(
            f"the stored bytes of case {row.case_id} are not those that were approved",
            remedy="The database was altered: run `handrail audit verify` before anything else.",
        )


def _again(tx: Tx, command: Start, row: ProposalRow, found: ExecutionRow) -> Execution:
    """Somebody started before: the same answer, the recorded end, another try, or a refusal."""
    if found.state == "voided":
        raise NotExecutable(f"case {row.case_id} was called off before it started")
    if found.state != "started":
        _taken_from_workers(tx, row)
        return rows.execution_noun(found, row)
    if found.nonce == command.nonce and found.expires_at > tx.now:
        _refuse_altered(tx, row, row.record())
        return rows.execution_noun(found, row)
    if found.expires_at > tx.now:
        raise NotExecutable(
            f"another executor holds case {row.case_id} until {iso(found.expires_at)}",
            remedy="Wait for its result; never run the tool beside it.",
            held_until=found.expires_at,
        )
    if not _may_retry(tx, row, found):
        return rows.execution_noun(lose_if_expired(tx, row, found), row)
    arguments = _may_start(tx, row)
    expires = tx.now + command.hold
    retried = tx.one(
        statements.execution_retry, case_id=row.case_id, nonce=command.nonce, fence=found.fence, now=tx.now,
        expires_at=expires,
    )  # fmt: skip
    if retried is None:
        raise NotExecutable(f"another executor took case {row.case_id} up again")
    _taken_from_workers(tx, row)
    tx.run(statements.timer_put, kind="execution", subject=row.case_id, due_at=expires)
    tx.entry(
        row.workspace, "execution.started", command.actor.entry(), case=(row.case_id, row.revision),
        action={"name": row.action, "digest": row.action_digest}, fence=retried[0], expires=iso(expires),
    )  # fmt: skip
    fresh = found._replace(nonce=command.nonce, fence=retried[0], started_at=tx.now, expires_at=expires)
    made = rows.execution_noun(fresh, row)
    assert made.arguments == arguments
    return made


def finish(tx: Tx, command: Finish) -> Execution:
    """Record the end under the fence. The same report again gets the same answer.

    Raises `NotExecutable` for a stale fence; if the effect is already `unknown`, the late report is
    kept as evidence for whoever settles it, and `NotExecutable` says so.
    """
    command.actor.need_scope("execute")
    workspace = command.actor.workspace
    row = rows.proposal(tx, workspace, command.case_id, for_update=True)
    found = tx.one(statements.execution_get, case_id=command.case_id, workspace=workspace)
    if found is None:
        raise NotFound(f"case {command.case_id} has no execution")
    execution = ExecutionRow._make(found)
    if command.uncertain:
        if execution.state == "started" and execution.fence == command.fence:
            _lose(tx, row, execution)
            execution = execution._replace(state="unknown")
        return rows.execution_noun(execution, row)
    result = dumps(command.result)
    if len(result) > 1024 * 1024:
        raise InvalidInput(
            f"the result has {len(result)} bytes; at most 1 MiB is kept", remedy="Return a reference to it."
        )
    state = "succeeded" if command.ok else "failed"
    if execution.state in ("succeeded", "failed") and execution.fence == command.fence:
        if execution.state == state and execution.result == result:
            return rows.execution_noun(execution, row)
        raise NotExecutable(f"case {command.case_id} already finished as {execution.state}")
    if execution.state == "unknown" and execution.fence == command.fence:
        tx.run(
            statements.execution_late, case_id=command.case_id, result=dumps({"late": command.result, "ok": command.ok})
        )
        tx.entry(
            workspace,
            "incident.flagged",
            SYSTEM.entry(),
            case=(command.case_id, row.revision),
            incident={"id": tx.new_id(), "code": "late_completion"},
        )
        return rows.execution_noun(execution, row)
    if execution.state != "started" or execution.fence != command.fence:
        raise NotExecutable(f"fence {command.fence} of case {command.case_id} is stale")
    tx.later(
        statements.execution_end, case_id=command.case_id, fence=command.fence, state=state, now=tx.now, result=result
    )
    tx.later(statements.timer_end, kind="execution", subject=command.case_id)
    if execution.expires_at <= tx.now:
        # it had been given back to the workers meanwhile
        _taken_from_workers(tx, row)
    tx.entry(
        workspace, "execution.finished", command.actor.entry(), case=(command.case_id, row.revision),
        fence=command.fence, result=state, outcome=digest(result),
    )  # fmt: skip
    return rows.execution_noun(execution._replace(state=state, finished_at=tx.now, result=result), row)


class HandedOver(NamedTuple):
    """An approved action that waits for a worker."""

    case_id: str
    action: str
    approved_at: int


def handed_over(
    store: Store, actor: Actor, actions: Iterable[str], *, now: int, after: str = "", limit: int = 100
) -> list[HandedOver]:
    """The oldest ones behind the case `after` that this actor may run and that no halt nor their age forbids.

    A hint: whether one may start is decided when it does.
    """
    found = [
        HandedOver(case_id, action, approved_at)
        for action in set(actions)
        for case_id, approved_at in store.read_hot(
            statements.handoff_list, workspace=actor.workspace, action=action, after=after, agent=bound_to(actor),
            since=now - APPROVAL_LIFETIME, limit=limit,
        )
    ]  # fmt: skip
    return sorted(found)[:limit]


def look_ahead_of_starts(commands: Sequence[Start]) -> list[Look]:
    """What starts read first."""
    looks = [look for space in rows.by_workspace(commands) for look in halt.looks(space)]
    return looks + look_ahead(commands)


def look_ahead(commands: Sequence[Start | Finish]) -> list[Look]:
    """What starts and ends read first."""
    looks = []
    for workspace, ids in rows.by_workspace(commands).items():
        looks += [
            Look(statements.workspace_get, workspace),
            Look(statements.proposal_lock, workspace, ids, statements.proposal_lock_many),
            Look(statements.execution_get, workspace, ids, statements.execution_get_many),
        ]
    return looks


def lapse(tx: Tx, command: tuple[str, str]) -> None:
    """The executor ran out of time. Command: workspace, case id. By class: `unknown`, or free for another try.

    What may not be tried again is `unknown` too. What a worker carries out waits for a worker again.
    """
    workspace, case_id = command
    row = rows.proposal(tx, workspace, case_id, for_update=True)
    found = tx.one(statements.execution_get, case_id=case_id, workspace=workspace)
    tx.run(statements.timer_drop, kind="execution", subject=case_id)
    if found is None:
        return
    execution = ExecutionRow._make(found)
    if execution.state != "started":
        return
    if execution.expires_at > tx.now:
        tx.run(statements.timer_put, kind="execution", subject=case_id, due_at=execution.expires_at)
        return
    if not _may_retry(tx, row, execution) or not _would_start(tx, row):
        lose_if_expired(tx, row, execution)
    elif row.record().get("executor") == "worker":
        waits = {"workspace": workspace, "action": row.action, "case_id": case_id, "approved_at": row.decided_at}
        tx.add_unless_known(schema.handoff, [waits])


def settle(tx: Tx, command: SettleExecution) -> Execution:
    """A person settles an `unknown`. If it did not happen, doing it takes a new proposal and a new approval.

    What ran out of time is unknown too, also where another executor might have tried again.
    """
    command.actor.need_scope("review")
    if command.actor.kind != "person":
        raise NotExecutable("only a person can say whether an unknown effect happened")
    workspace = command.actor.workspace
    row = rows.proposal(tx, workspace, command.case_id, for_update=True)
    before = tx.one(statements.execution_get, case_id=command.case_id, workspace=workspace)
    if before is not None:
        lose_if_expired(tx, row, ExecutionRow._make(before))
    settled = tx.one(statements.execution_settle, case_id=command.case_id, happened=command.happened, now=tx.now)
    if settled is None:
        raise NotExecutable(
            f"the execution of case {command.case_id} is not unknown",
            remedy="While an executor holds it, wait for its result; what is settled stays settled.",
        )
    tx.entry(
        workspace, "execution.settled", command.actor.entry(), case=(command.case_id, row.revision),
        happened=command.happened, fence=settled[0],
    )  # fmt: skip
    found = tx.one(statements.execution_get, case_id=command.case_id, workspace=workspace)
    assert found is not None
    return rows.execution_noun(ExecutionRow._make(found), row)


def void(tx: Tx, row: ProposalRow, actor: Actor, reason: str) -> bool:
    """Take the single use away before anybody had it; false if an executor was first."""
    if not tx.run(
        statements.execution_insert, case_id=row.case_id, workspace=row.workspace, action=row.action, agent=row.agent,
        state="voided", tool_class="unsafe", nonce="", now=tx.now, expires_at=tx.now,
    ):  # fmt: skip
        return False
    _taken_from_workers(tx, row)
    tx.entry(row.workspace, "execution.voided", actor.entry(), case=(row.case_id, row.revision), reason=reason)
    return True


def lose_if_expired(tx: Tx, row: ProposalRow, execution: ExecutionRow) -> ExecutionRow:
    """The execution; `unknown` from now on if its executor ran out of time, so that nobody tries it again."""
    if execution.state != "started" or execution.expires_at > tx.now:
        return execution
    _lose(tx, row, execution)
    return execution._replace(state="unknown")


def _may_retry(tx: Tx, row: ProposalRow, execution: ExecutionRow) -> bool:
    """Whether another executor may do it again: its class says so, and nobody has objected to it meanwhile."""
    if execution.tool_class not in RETRYABLE:
        return False
    told = [bytes(found[0]) for found in tx.run(statements.entries_of_type, case_id=row.case_id, type="case.closed")]
    told += [each.data for each in tx.entries if (each.case_id, each.type) == (row.case_id, "case.closed")]
    return not any(parse(data).get("result") == "objected" for data in told)


def _would_start(tx: Tx, row: ProposalRow) -> bool:
    try:
        _may_start(tx, row)
    except NotExecutable:
        return False
    return True


def _taken_from_workers(tx: Tx, row: ProposalRow) -> None:
    """Workers need not look at it any more."""
    if row.record().get("executor") == "worker":
        tx.run(statements.handoff_drop, workspace=row.workspace, action=row.action, case_id=row.case_id)


def _lose(tx: Tx, row: ProposalRow, execution: ExecutionRow) -> None:
    if tx.run(statements.execution_lose, case_id=row.case_id, fence=execution.fence):
        tx.run(statements.timer_drop, kind="execution", subject=row.case_id)
        _taken_from_workers(tx, row)
        tx.entry(
            row.workspace, "execution.unknown", SYSTEM.entry(), case=(row.case_id, row.revision), fence=execution.fence
        )
