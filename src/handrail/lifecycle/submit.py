"""Submit: a proposal comes in, is routed, and is either decided at once or put before people.

What can be worked out without the database (`prepare`) is worked out by the caller, so that the
writer only does what must happen inside the transaction.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from handrail.canonical import JSON, action_digest, digest, dumps
from handrail.clock import SECOND, uuid7
from handrail.decision import Decision
from handrail.entry import MAX_POINTER, need_case_id, need_name, need_pointer
from handrail.errors import HandrailError, InvalidInput, KeyReused
from handrail.execution import TOOL_CLASSES
from handrail.intake import confidence_fields
from handrail.json_schema import checker
from handrail.learning.comparison import refuse_incomparable
from handrail.lifecycle import (
    bursts,
    calibrators,
    cells,
    committing,
    execute,
    grant,
    halt,
    overflow,
    policies,
    queue,
    rows,
    supervising,
)
from handrail.lifecycle.actor import POLICY, Actor, bound_to
from handrail.lifecycle.opening import Opening, seal
from handrail.lifecycle.rows import ProposalRow
from handrail.policy.declared import declared
from handrail.policy.evaluate import Policy
from handrail.proposal import KINDS, PICKED, Proposal
from handrail.route import Reading, Reason, Route
from handrail.store import schema, statements
from handrail.store.golds import BURST
from handrail.store.tx import Look, Staged, Tx

MAX_PROPOSAL_BYTES = 1024 * 1024
# as a stored proposal is read again
MAX_NAME = 200
LONGEST_WAIT = 366 * 86_400
# what entries hold of personal values: so many bytes a path beside itself, and in all
COMMITMENT = 2 * len("/arguments") + 70
MOST_PATHS = 11 * 1024
# a lane of the queue is named after them
MAX_ROLES = 256
# begins the key of each undo
UNDO = "undo:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit:
    """A proposal made ready: canonical bytes, identity, and the chance drawn for spot checks."""

    actor: Actor
    proposal: Proposal
    data: bytes
    # (run, call id, digest) or the caller's key, and whose; None: every submission is its own
    identity: str | None
    # over what decides the effect; scores and evidence may differ on a replay
    digest: str
    schema_digest: str | None
    # uniform in [0, 1)
    draw: float
    # start the execution in the same transaction if nobody has to look
    nonce: str | None = None
    hold: int = 0
    # the action a reviewer objected to, where this is the undo it calls for: his objection is its authority
    objection: str | None = None
    # where its case stands in the queue: as if it had come then
    placed_at: int | None = None
    # what the AI supervisor said of it beforehand; it can raise the route, never lower it
    reading: Reading | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """What the caller learns once it is durable."""

    case_id: str
    status: Literal["decided", "open"]
    tier: str
    reasons: tuple[Reason, ...]
    decision: Decision | None
    deadline: int | None
    # the same proposal was submitted before; this is what became of it
    replayed: bool
    receipt: Staged | None = None
    execution: execute.Started | None = None
    action_digest: str = ""


def prepare(
    actor: Actor, proposal: Proposal, *, draw: float, nonce: str | None = None, hold: int = 300 * SECOND,
    own: bool = False,
) -> Submit:  # fmt: skip
    """Check a proposal and make its canonical bytes. Raises `InvalidInput` (`MalformedJSON` for bad values).

    `own`: handrail made it. From anybody else it raises for what only handrail says, and `Forbidden` for a `gold` that
    neither a lead nor an administrator's key brings.
    """
    _check(proposal)
    if not own:
        _refuse_own(actor, proposal)
    if nonce is not None:
        execute.refuse_by_hand(nonce)
    if isinstance(proposal.confidence, float) and not math.isfinite(proposal.confidence):
        proposal = replace(proposal, **confidence_fields(proposal.confidence, proposal.scores))
    data = dumps(proposal.record())
    if len(data) > MAX_PROPOSAL_BYTES:
        raise InvalidInput(
            f"the proposal has {len(data)} bytes; at most {MAX_PROPOSAL_BYTES} are taken",
            remedy="Put large material where it can be fetched and propose its digest.",
        )
    key = digest(
        dumps([proposal.action, proposal.kind, proposal.arguments, proposal.target, proposal.principal, proposal.gold])
    )
    identity = None
    if proposal.key is not None:
        identity = "key\x1f" + proposal.key
    elif proposal.run is not None and proposal.call_id is not None:
        identity = "\x1f".join(("call", proposal.run, proposal.call_id, key))
    if identity is not None and (agent := bound_to(actor)) is not None:
        # who sees its own agent's cases alone has keys of its own; a digest, so that it fits the column
        identity = "\x1f".join(("agent", digest(agent.encode()), identity))
    schema_digest = None if proposal.schema is None else digest(dumps(proposal.schema))
    return Submit(actor=actor, proposal=proposal, data=data, identity=identity, digest=key,
                  schema_digest=schema_digest, draw=draw, nonce=nonce, hold=hold)  # fmt: skip


def _check(proposal: Proposal) -> None:
    if proposal.kind not in KINDS:
        raise InvalidInput(f"kind {proposal.kind!r} is none of {', '.join(KINDS)}")
    if proposal.tool_class not in TOOL_CLASSES:
        raise InvalidInput(f"tool_class {proposal.tool_class!r} is none of {', '.join(TOOL_CLASSES)}")
    if not proposal.action:
        raise InvalidInput("a proposal needs an action", remedy="Name what is to be done, as the policy knows it.")
    if proposal.picked is not None and proposal.picked not in PICKED:
        raise InvalidInput(f"picked {proposal.picked!r} is none of {', '.join(PICKED)}")
    if (proposal.picked == "reserve") != (proposal.chance is not None):
        raise InvalidInput("a reserve comes with the chance with which it was drawn, and nothing else does")
    if proposal.executor not in ("caller", "worker"):
        raise InvalidInput(f"executor {proposal.executor!r} is neither caller nor worker")
    if proposal.within_seconds is not None and not 0 < proposal.within_seconds <= LONGEST_WAIT:
        raise InvalidInput(f"within_seconds must be 1 to {LONGEST_WAIT}")
    for name in ("action", "principal", "agent", "run", "call_id", "key", "environment", "undo"):
        value = getattr(proposal, name)
        if value is None:
            continue
        if (
            not isinstance(value, str)
            or not value
            or len(value) > MAX_NAME
            or (not value.isprintable() and any(c < " " or c == "\x7f" for c in value))
        ):
            raise InvalidInput(
                f"{name} must be 1 to {MAX_NAME} characters without control characters",
                remedy=f"Shorten or clean {name}.",
            )
    if proposal.undoes is not None:
        need_case_id("undoes", proposal.undoes)
    if len("|".join(proposal.to)) > MAX_ROLES:
        raise InvalidInput(f"to names roles of more than {MAX_ROLES} characters together", remedy="Name fewer.")
    for role in proposal.to:
        need_name("to", role)
    if proposal.personal_data:
        _check_paths(proposal)
    if not isinstance(proposal.arguments, Mapping):
        raise InvalidInput("arguments must be an object")
    if proposal.kind == "comparison":
        refuse_incomparable(proposal.arguments)
    if proposal.schema is not None:
        checker(proposal.schema, "schema")
    asked = proposal.arguments.get("answer_schema")
    if isinstance(asked, dict) and proposal.kind != "question":
        checker(asked, "arguments.answer_schema")


def _refuse_own(actor: Actor, proposal: Proposal) -> None:
    if proposal.undoes is not None:
        raise InvalidInput(
            "undoes is handrail's word for an undo that it proposes itself",
            remedy="Ask for the undo of that case: hr.undo(case_id), or POST /v1/proposals/{case_id}/undo.",
        )
    for prefix in (UNDO, BURST):
        if proposal.key is not None and proposal.key.startswith(prefix):
            raise InvalidInput(f"a key that begins with {prefix} is handrail's own", remedy="Begin it otherwise.")
    if proposal.gold is not None:
        # a wrong one would count against whoever answers rightly
        actor.need_lead()


def _check_paths(proposal: Proposal) -> None:
    # below /arguments, and once more in the undo
    most = MAX_POINTER + 1 - len("/arguments") * (1 if proposal.undo is None else 2)
    for path in proposal.personal_data:
        need_pointer("personal_data", path, most)
    if len(set(proposal.personal_data)) < len(proposal.personal_data):
        raise InvalidInput("personal_data names a place twice", remedy="Name each place once.")
    if proposal.undo is not None and sum(len(dumps(path)) + COMMITMENT for path in proposal.personal_data) > MOST_PATHS:
        raise InvalidInput(
            "personal_data names more places than the entry of its undo could hold",
            remedy="Name places higher up, such as /to.",
        )


def submit(tx: Tx, command: Submit) -> Submitted:
    """Submit one proposal. Raises `KeyReused` when its key belongs to another one."""
    (made,) = submit_many(tx, [command])
    if isinstance(made, Exception):
        raise made
    return made


def submit_many(tx: Tx, commands: Sequence[Submit]) -> list[Submitted | Exception]:
    """Submit proposals together: routed one by one, inserted as one statement where routing needs no sums."""
    results: list[Submitted | Exception] = []
    ready: list[_Draft] = []
    for command in commands:
        try:
            draft = _draft(tx, command)
        except HandrailError as error:
            results.extend(_insert(tx, ready))
            ready = []
            results.append(error)
            continue
        if draft.halted is not None:
            results.extend(_insert(tx, ready))
            ready = []
            results.append(_stopped(tx, draft))
            continue
        ready.append(draft)
        if draft.counted or draft.route.grant is not None:
            # the next route may depend on this one being counted
            results.extend(_insert(tx, ready))
            ready = []
    results.extend(_insert(tx, ready))
    return results


def look_ahead(commands: Sequence[Submit]) -> list[Look]:
    """What submissions read first."""
    looks = []
    for workspace in {command.actor.workspace for command in commands}:
        looks += [Look(statements.workspace_get, workspace), *halt.looks(workspace), *queue.looks(workspace)]
    return looks


@dataclass(slots=True)
class _Draft:
    command: Submit
    proposal: Proposal
    policy: Policy
    route: Route
    case_id: str
    action_digest: str
    decision: str | None
    decision_bytes: bytes | None
    # of the entry that records the decision
    entry_id: str | None
    openings: list[Opening]
    commitments: dict[str, str]
    # as it is kept: with its calibrated confidence
    data: bytes
    route_data: bytes
    secret: bytes
    counted: tuple[str, ...]
    halted: str | None


def _draft(tx: Tx, command: Submit) -> _Draft:
    workspace = command.actor.workspace
    policy = policies.in_force(tx, workspace)
    proposal = declared(policy.action(command.proposal.action), command.proposal)
    if proposal.undo != command.proposal.undo and proposal.personal_data:
        _check_paths(proposal)
    proposal = calibrators.calibrated(tx, policy, workspace, proposal)
    found = policies.facts(tx, policy, workspace, proposal)
    route = policy.route(proposal, found, now=tx.now, draw=command.draw)
    route = calibrators.explained(tx, policy, workspace, proposal, route)
    route = overflow.routed(tx, policy, workspace, proposal, found, route, draw=command.draw)
    route = _narrowed(route, proposal)
    if policy.document.supervisor is not None and command.objection is None:
        # not the draw that decides spot checks, but one made of its further digits
        route = supervising.supervised(policy, route, proposal, command.reading, command.draw * 8191.0 % 1.0)
    if command.objection is not None and policy.lets_undo(command.objection, proposal, found, now=tx.now):
        reason = Reason(code="objection", text="A reviewer objected to what this undoes.", tier="auto_approve")
        route = replace(route, tier="auto_approve", reviewers=0, reasons=(reason,), spot_check=False)
    if proposal.gold is not None:
        # it looks like any other of its action, and somebody always looks
        human = route.tier if route.tier in ("soft_review", "hard_gate") else "hard_gate"
        route = replace(route, tier=human, reviewers=max(1, route.reviewers), spot_check=False, grant=None)
        if bursts.opened_for({"gold": proposal.gold, "key": proposal.key}) is not None:
            # he alone answers it, and what he then hears he cannot take back
            route = replace(route, reviewers=1, roles=(), skills=(), stages=(), opinions=0, undo_seconds=0.0,
                            on_expiry="reject", always_review=False)  # fmt: skip
    route = _asked_to_learn(route, proposal)
    if tx.workspace(workspace).frozen and route.tier in ("auto_approve", "soft_review"):
        reason = Reason(
            code="frozen", text="This workspace was restored from a copy and waits for an operator.", tier="hard_gate"
        )
        route = replace(route, tier="hard_gate", reviewers=max(1, route.reviewers), reasons=(*route.reasons, reason))
    if route.stream is not None and (command.objection or proposal.gold is not None or proposal.picked is not None):
        # chosen, not drawn
        route = replace(route, stream=None, inclusion=0.0)
    case_id = uuid7(tx.now)
    schema_digest = command.schema_digest
    if proposal.schema is not command.proposal.schema:
        schema_digest = digest(dumps(proposal.schema))
    salted, openings, commitments = seal(proposal)
    bound = action_digest(
        workspace=workspace, principal=proposal.principal, action=proposal.action, schema=schema_digest,
        arguments=salted, target=proposal.target, case=case_id, revision=1,
    )  # fmt: skip
    halted = halt.standing(tx, workspace, agent=proposal.agent, action=proposal.action, run=proposal.run)
    decision, body = _decided_at_once(route, halted)
    if ("open", workspace) in tx.memo and halted is None and (decision is None or route.tier == "soft_review"):
        tx.memo["open", workspace] += 1
    return _Draft(
        command=command, proposal=proposal, policy=policy, route=route, case_id=case_id, action_digest=bound,
        decision=decision, decision_bytes=body, entry_id=None if decision is None else uuid7(tx.now),
        openings=openings, commitments=commitments,
        data=command.data if proposal is command.proposal else dumps(proposal.record()),
        route_data=rows.route_bytes(route), secret=committing.new_secret(), halted=halted,
        counted=policy.subjects(proposal) if proposal.gold is None else (),
    )  # fmt: skip


def _narrowed(route: Route, proposal: Proposal) -> Route:
    """What the program asks for may narrow the policy's terms, never widen them."""
    if proposal.to and not route.stages:
        both = tuple(role for role in route.roles if role in proposal.to)
        route = replace(route, roles=both or route.roles or proposal.to)
    ends_no_looser = route.tier == "hard_gate" and route.on_expiry != "unsafe_approve"
    if proposal.within_seconds is not None and ends_no_looser:
        # a look at what was let through is for people, so no program ends it early
        known = route.deadline_seconds
        route = replace(route, deadline_seconds=min(known or proposal.within_seconds, proposal.within_seconds))
    return route


def _asked_to_learn(route: Route, proposal: Proposal) -> Route:
    """What is asked to learn from is asked: letting the confident ones through would leave the reserve without them.

    The reserve measures the model, so its reviewers answer without the model's opinion.
    """
    if proposal.picked is None or route.tier == "deny":
        return route
    route = replace(route, blind=route.blind or proposal.picked == "reserve", spot_check=False)
    if route.tier == "hard_gate":
        return route
    reason = Reason(code="picked", text="It was picked to learn from a person's answer.", tier="hard_gate")
    return replace(route, tier="hard_gate", reviewers=max(1, route.reviewers), reasons=(*route.reasons, reason))


def _decided_at_once(route: Route, halted: str | None) -> tuple[str | None, bytes | None]:
    if halted is not None:
        return "cancelled", dumps({"by": ["policy"], "reason": f"halted: {halted}", "halted": True})
    if route.tier == "deny":
        reason = "; ".join(r.text for r in route.reasons if r.tier == "deny") or "denied by policy"
        return "rejected", dumps({"by": ["policy"], "reason": reason})
    if route.tier in ("auto_approve", "soft_review"):
        return "approved", committing.BY_POLICY
    return None, None


def _insert(tx: Tx, drafts: list[_Draft]) -> list[Submitted | Exception]:
    if not drafts:
        return []
    made = [_row(tx, draft) for draft in drafts]
    if all(draft.command.identity is None for draft in drafts):
        # nobody else has these case ids
        for row in made:
            tx.add(schema.proposal, **row)
        return [_settle(tx, draft) for draft in drafts]
    inserted = set(tx.add_unless_known(schema.proposal, made))
    return [_settle(tx, draft) if draft.case_id in inserted else _replay(tx, draft) for draft in drafts]


def _stopped(tx: Tx, draft: _Draft) -> Submitted | Exception:
    """What a halt refuses leaves its key free for later; but what was submitted before stays what it was."""
    command = draft.command
    if command.identity is not None and tx.run(
        statements.proposal_by_identity, workspace=command.actor.workspace, identity=command.identity
    ):
        return _replay(tx, draft)
    return _insert(tx, [draft])[0]


def _row(tx: Tx, draft: _Draft) -> dict[str, Any]:
    proposal, command = draft.proposal, draft.command
    identity = command.identity if command.identity is not None and draft.halted is None else "case\x1f" + draft.case_id
    decided = draft.decision is not None
    return {
        "case_id": draft.case_id, "workspace": command.actor.workspace, "identity": identity,
        "digest": command.digest, "action": proposal.action, "agent": proposal.agent, "run": proposal.run,
        "tier": draft.route.tier, "revision": 1, "action_digest": draft.action_digest, "bytes": draft.data,
        "route": draft.route_data, "policy": draft.route.policy, "submitted_at": tx.now,
        "undoes": proposal.undoes, "made_by": None, "decision": draft.decision,
        "decision_bytes": draft.decision_bytes, "decided_at": tx.now if decided else None,
        "decision_entry": draft.entry_id, "secret": draft.secret,
    }  # fmt: skip


def _settle(tx: Tx, draft: _Draft) -> Submitted:
    """The proposal is new: write down what became of it, and open a case if people must look."""
    command, proposal, route = draft.command, draft.proposal, draft.route
    workspace = command.actor.workspace
    needs_people = draft.halted is None and (route.tier in ("hard_gate", "soft_review") or route.spot_check)
    what = _what(draft)
    kept = {**draft.commitments, **committing.to_proposal(draft.secret, draft.data)}
    if route.grant is not None:
        grant.use(tx, workspace, route.grant)
    receipt = first = None
    if needs_people:
        first = tx.entry(
            workspace, "proposal.submitted", command.actor.entry(), case=(draft.case_id, 1),
            fields={**kept, **committing.to_route(draft.secret, draft.route_data)}, **what,
        )  # fmt: skip
    if draft.decision is not None:
        told = {} if needs_people else kept
        if draft.decision_bytes is not None:
            told = {**told, **committing.to_decision(draft.secret, draft.decision_bytes)}
        receipt = tx.entry(
            workspace, "decision.made", POLICY.entry(), id=draft.entry_id, case=(draft.case_id, 1), from_="new",
            to="decided", result=draft.decision, submitted=None if needs_people else True,
            submitter=None if needs_people else command.actor.pid, fields=told or None, **what,
        )  # fmt: skip
    if needs_people:
        queue.open_case(
            tx, workspace, draft.case_id, proposal, route, soft=draft.decision is not None, by=command.actor,
            placed_at=command.placed_at,
        )  # fmt: skip
        if proposal.gold is None and (route.grant is not None or draft.policy.plan(proposal.action).growth is not None):
            cells.note(tx, workspace, draft.case_id, proposal, route, draft.policy)
    if route.stream is not None and needs_people:
        tx.add(
            schema.spot_check, workspace=workspace, action=proposal.action, case_id=draft.case_id, stream=route.stream,
            pi=route.spot_check_rate, inclusion=route.inclusion, confidence=proposal.confidence,
            raised=not route.spot_check, drawn_at=tx.now, verdict=None,
        )  # fmt: skip
    if draft.decision == "approved" and proposal.executor == "worker" and proposal.gold is None:
        tx.add(schema.handoff, workspace=workspace, action=proposal.action, case_id=draft.case_id, approved_at=tx.now)
    for opening in draft.openings:
        opening.keep(tx, workspace, draft.case_id, (first or receipt or tx.entries[-1]).id)
    if draft.counted and draft.decision in (None, "approved"):
        amount, currency = policies.money(draft.policy, proposal)
        for subject in draft.counted:
            tx.add(schema.usage, workspace=workspace, subject=subject, at=tx.now, case_id=draft.case_id,
                   amount=amount, currency=currency, asked=int(needs_people))  # fmt: skip
    started = None
    if command.nonce is not None and draft.decision == "approved" and proposal.gold is None:
        started = execute.start_new(
            tx, workspace=workspace, case_id=draft.case_id, action=proposal.action, agent=proposal.agent,
            action_digest=draft.action_digest, tool_class=proposal.tool_class, nonce=command.nonce,
            hold=command.hold, actor=command.actor, arguments=cast(JSON, proposal.arguments), revision=1,
        )  # fmt: skip
    return Submitted(
        case_id=draft.case_id, status="open" if draft.decision is None else "decided", tier=route.tier,
        reasons=route.reasons, decision=_decision(draft, tx.now), replayed=False, receipt=receipt, execution=started,
        deadline=None if draft.decision is not None or route.deadline_seconds is None
        else tx.now + route.deadline_seconds * SECOND, action_digest=draft.action_digest,
    )  # fmt: skip


def _what(draft: _Draft) -> dict[str, JSON]:
    """What an entry says of the proposal: names and digests, never a value."""
    made: dict[str, JSON] = {
        "action": {"name": draft.proposal.action, "digest": draft.action_digest},
        "policy": {"name": draft.route.policy_name, "digest": draft.route.policy},
        "tier": draft.route.tier,
    }
    if draft.proposal.run is not None:
        made["run"] = draft.proposal.run
    if draft.proposal.agent is not None:
        made["agent"] = draft.proposal.agent
    if draft.route.grant is not None:
        made["grant"] = draft.route.grant
    if draft.proposal.undoes is not None:
        made["undoes"] = draft.proposal.undoes
    if draft.proposal.tool_class != "unsafe":
        made["tool_class"] = draft.proposal.tool_class
    if draft.halted is not None:
        made["halted"] = True
    if draft.route.audit:
        made["reasons"] = [reason.code for reason in draft.route.reasons][:32]
    return made


def _decision(draft: _Draft, now: int) -> Decision | None:
    if draft.decision is None:
        return None
    halted = draft.halted is not None
    reason = None
    if halted:
        reason = f"halted: {draft.halted}"
    elif draft.decision == "rejected":
        reason = "; ".join(r.text for r in draft.route.reasons if r.tier == "deny") or "denied by policy"
    return Decision(
        case_id=draft.case_id, kind=cast(Any, draft.decision), by=("policy",), at=now, tier=draft.route.tier,
        revision=1, action_digest=draft.action_digest, reason=reason, halted=halted,
        arguments=draft.proposal.arguments if draft.decision == "approved" else None,
    )  # fmt: skip


def _replay(tx: Tx, draft: _Draft) -> Submitted | Exception:
    """The identity is known: the same proposal gets the same case, another one is refused."""
    found = tx.one(
        statements.proposal_by_identity, workspace=draft.command.actor.workspace, identity=draft.command.identity
    )
    if found is None:
        return InvalidInput("the case id is taken; submit again")
    row = ProposalRow._make(found)
    if row.digest != draft.command.digest:
        return KeyReused(f"key {draft.proposal.key!r} belongs to case {row.case_id}, which proposed something else")
    route = rows.route_noun(row.route)
    return Submitted(
        case_id=row.case_id, status="open" if row.decision is None else "decided", tier=row.tier,
        reasons=route.reasons, decision=rows.decision_noun(row), replayed=True,
        deadline=None if row.decision is not None or route.deadline_seconds is None
        else row.submitted_at + route.deadline_seconds * SECOND, action_digest=row.action_digest,
    )  # fmt: skip
