"""Rows as the verbs read them, and how they become nouns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from functools import lru_cache
from typing import Any, NamedTuple, cast

from handrail.canonical import JSON, dumps, loads_stored
from handrail.clock import SECOND
from handrail.decision import Decision, Receipt
from handrail.errors import NotFound
from handrail.execution import Execution, idempotency_key
from handrail.review import Review
from handrail.route import Reading, Reason, Route, Stage
from handrail.store import statements
from handrail.store.tx import Tx


class ProposalRow(NamedTuple):
    case_id: str
    workspace: str
    identity: str
    digest: str
    action: str
    agent: str | None
    run: str | None
    tier: str
    revision: int
    action_digest: str
    data: bytes
    route: bytes
    policy: str
    submitted_at: int
    undoes: str | None
    made_by: str | None
    decision: str | None
    decision_bytes: bytes | None
    decided_at: int | None
    decision_entry: str | None
    # a parked run waits for its decision
    parked: bool
    # what the salts of its commitments are made from; None once it was erased
    secret: bytes | None

    def record(self) -> dict[str, Any]:
        """The proposal as plain JSON. Kept and shared: copy before changing what is inside."""
        return _object(bytes(self.data))


class CaseRow(NamedTuple):
    id: str
    workspace: str
    action: str
    kind: str
    state: str
    tier: str
    queue: str
    lane: int
    revision: int
    reviewers: int
    sort_key: int
    deadline: int | None
    on_expiry: str
    soft: bool
    gold: bool
    summary: str
    opened_at: int
    closed_at: int | None
    escalations: int
    fence: int


class ReviewRow(NamedTuple):
    id: str
    case_id: str
    workspace: str
    revision: int
    reviewer: str
    verdict: str
    data: bytes
    card: str | None
    fence: int
    blind: bool
    dwell: float | None
    given_at: int
    effective_at: int
    withdrawn_at: int | None
    voided_at: int | None
    batch: str | None

    def body(self) -> dict[str, Any]:
        """What was answered, as plain JSON. Kept and shared, as a proposal's."""
        return _object(bytes(self.data))

    @property
    def live(self) -> bool:
        """Neither taken back nor void."""
        return self.withdrawn_at is None and self.voided_at is None


class ExecutionRow(NamedTuple):
    case_id: str
    workspace: str
    action: str
    agent: str | None
    state: str
    tool_class: str
    nonce: str
    fence: int
    started_at: int
    expires_at: int
    finished_at: int | None
    result: bytes | None
    happened: bool | None


def proposal(tx: Tx, workspace: str, case_id: str, *, for_update: bool = False) -> ProposalRow:
    """The proposal's row, locked against other deciders if asked. Raises `NotFound`."""
    statement = statements.proposal_lock if for_update else statements.proposal_get
    row = tx.one(statement, case_id=case_id, workspace=workspace)
    if row is None:
        raise NotFound(f"there is no case {case_id!r} in this workspace")
    return ProposalRow._make(row)


def case(tx: Tx, workspace: str, case_id: str) -> CaseRow | None:
    """The case's row, or None for a proposal that opened no case."""
    row = tx.one(statements.case_get, case_id=case_id, workspace=workspace)
    return None if row is None else CaseRow._make(row)


def by_workspace(commands: Iterable[Any]) -> dict[str, tuple[str, ...]]:
    """The cases that commands name, by their actors' workspaces."""
    found: dict[str, list[str]] = {}
    for command in commands:
        found.setdefault(command.actor.workspace, []).append(command.case_id)
    return {workspace: tuple(ids) for workspace, ids in found.items()}


def reviews(tx: Tx, case_id: str) -> list[ReviewRow]:
    """All reviews of a case, oldest first."""
    return [ReviewRow._make(row) for row in tx.run(statements.review_list, case_id=case_id)]


def review_noun(row: ReviewRow) -> Review:
    """A stored review as the noun that quorum rules read."""
    body = row.body()
    return Review(
        id=row.id,
        case_id=row.case_id,
        revision=row.revision,
        reviewer=row.reviewer,
        verdict=row.verdict,  # type: ignore[arg-type]
        arguments=body.get("arguments"),
        value=body.get("value"),
        instruction=body.get("instruction"),
        reason=body.get("reason"),
        note=body.get("note"),
        card=row.card,
        given_at=row.given_at,
        effective_at=row.effective_at,
        withdrawn_at=row.withdrawn_at,
        voided_at=row.voided_at,
        blind=bool(row.blind),
        provenance=body.get("provenance"),
    )


def roles_of(rows: list[ReviewRow]) -> dict[str, list[str]]:
    """The roles each reviewer held when he answered."""
    return {row.reviewer: row.body().get("roles", []) for row in rows}


def execution_noun(row: ExecutionRow, proposal: ProposalRow) -> Execution:
    """A stored execution with its arguments from the proposal's stored bytes."""
    return Execution(
        case_id=row.case_id,
        state=row.state,  # type: ignore[arg-type]
        fence=row.fence,
        nonce=row.nonce,
        idempotency_key=idempotency_key(
            workspace=row.workspace, case=row.case_id, action_digest=proposal.action_digest
        ),
        arguments=proposal.record().get("arguments", {}),
        action=row.action,
        tool_class=row.tool_class,  # type: ignore[arg-type]
        started_at=row.started_at,
        expires_at=row.expires_at,
        finished_at=row.finished_at,
        result=None if row.result is None else loads_stored(bytes(row.result)),
        happened=None if row.happened is None else bool(row.happened),
    )


def decision_noun(row: ProposalRow, receipt: Receipt | None = None) -> Decision | None:
    """The decision of a proposal's row, or None while there is none."""
    if row.decision is None or row.decision_bytes is None:
        return None
    body = loads_stored(bytes(row.decision_bytes))
    return Decision(
        case_id=row.case_id,
        kind=row.decision,  # type: ignore[arg-type]
        by=tuple(body.get("by", ())),
        at=row.decided_at or 0,
        tier=row.tier,
        revision=row.revision,
        action_digest=row.action_digest,
        arguments=row.record().get("arguments", {}) if row.decision == "approved" else None,
        value=body.get("value"),
        instruction=body.get("instruction"),
        reason=body.get("reason"),
        note=body.get("note"),
        edited=body.get("edited", False),
        halted=body.get("halted", False),
        fused=body.get("fused"),
        proof=receipt,
    )


def route_record(route: Route) -> dict[str, JSON]:
    """A route as plain JSON, without what is empty or as usual."""
    made: dict[str, JSON] = {
        "tier": route.tier,
        "reviewers": route.reviewers,
        "policy": route.policy,
        "policy_name": route.policy_name,
        "reasons": [{"code": r.code, "text": r.text, "tier": r.tier} for r in route.reasons],
        "queue": route.queue,
        "on_expiry": route.on_expiry,
        "verdicts": list(route.verdicts),
        "undo_seconds": route.undo_seconds,
        "audit": route.audit,
    }
    if route.deadline_seconds is not None:
        made["deadline_seconds"] = route.deadline_seconds
    for name in ("roles", "skills"):
        if getattr(route, name):
            made[name] = list(getattr(route, name))
    if route.stages:
        made["stages"] = [
            {"roles": list(s.roles), "reviewers": s.reviewers} | ({"raised": True} if s.raised else {})
            for s in route.stages
        ]
    for name in ("blind", "spot_check", "spot_check_rate", "inclusion", "always_review", "irreversible", "opinions"):
        if getattr(route, name):
            made[name] = getattr(route, name)
    for name in ("autonomy", "calibrator", "grant", "stream"):
        if getattr(route, name) is not None:
            made[name] = getattr(route, name)
    if route.reading is not None:
        made["reading"] = {**asdict(route.reading), "rules": list(route.reading.rules)}
    return made


def route_bytes(route: Route) -> bytes:
    """The canonical bytes of a route; many proposals share one."""
    return _route_bytes(route)


def route_noun(data: bytes) -> Route:
    """The inverse of `route_bytes`."""
    return _route_noun(bytes(data))


# larger ones are read each time, so that what is kept stays small
MOST_KEPT = 4096


def _object(data: bytes) -> dict[str, Any]:
    return _kept(data) if len(data) <= MOST_KEPT else cast(dict[str, Any], loads_stored(data))


@lru_cache(maxsize=4096)
def _kept(data: bytes) -> dict[str, Any]:
    return cast(dict[str, Any], loads_stored(data))


@lru_cache(maxsize=4096)
def _route_bytes(route: Route) -> bytes:
    return dumps(route_record(route))


@lru_cache(maxsize=4096)
def _route_noun(data: bytes) -> Route:
    made = loads_stored(data)
    made["reasons"] = tuple(Reason(**reason) for reason in made["reasons"])
    for name in ("roles", "skills", "verdicts"):
        made[name] = tuple(made.get(name, ()))
    made["stages"] = tuple(Stage(**(stage | {"roles": tuple(stage["roles"])})) for stage in made.get("stages", ()))
    if "reading" in made:
        made["reading"] = Reading(**(made["reading"] | {"rules": tuple(made["reading"]["rules"])}))
    return Route(**made)


def seconds(value: float) -> int:
    """Seconds as microseconds."""
    return int(value * SECOND)
