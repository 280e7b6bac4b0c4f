"""Monitors over HTTP: what is watched, how near each is to an alarm, and the lifting of one that stands."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from handrail.calibration.aipw import LetThrough, estimate
from handrail.calibration.monitors.alarm import checks_to_alarm
from handrail.canonical import JSON, parse
from handrail.clock import SECOND, from_iso, iso
from handrail.errors import NotEnoughEvidence, NotFound
from handrail.lifecycle import fed, monitors, rows, watching
from handrail.lifecycle.fed import MonitorRow
from handrail.lifecycle.policies import compiled
from handrail.maintenance.plane import Plane
from handrail.operations.overflow import Displaced, Fate, shadow_cost
from handrail.operations.scarcity import ROOM
from handrail.policy.document import Document
from handrail.policy.evaluate import Policy
from handrail.policy.monitoring import OF_ERRORS, error_limit, raises_to
from handrail.policy.overflow import FATES
from handrail.policy.weighing import cost_of
from handrail.server.callers import Caller
from handrail.server.desk import desk_of
from handrail.server.reading import StrictRoute
from handrail.store import monitors as tables
from handrail.store import reads, statements

router = APIRouter(prefix="/v1/monitors", tags=["monitors"], route_class=StrictRoute)

# estimates look so far back
ESTIMATED = 30 * 86_400 * SECOND
# waiting checks that are named
NAMED = 5
# displaced proposals whose cost is added up
DISPLACED = 5000
# observations after which silence says something, where no error rate plans it
ENOUGH = {"overconfidence": 300, "underconfidence": 300, "scores": 600}


class LiftBody(BaseModel):
    """Why an alarm may go."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: Annotated[str, Field(min_length=1, max_length=2000)]


@router.get("")
def list_monitors(request: Request, actor: Caller, ended: bool = False) -> dict[str, JSON]:
    """Every monitor with its curve, estimates of the error let through, stale calibrators, overflow."""
    actor.need_scope("read")
    return overview(desk_of(request).plane, actor.workspace, ended=ended)


@router.get("/{monitor_id}")
def one_monitor(request: Request, monitor_id: str, actor: Caller) -> dict[str, JSON]:
    """One monitor, and what would lift its alarm."""
    actor.need_scope("read")
    return explained(desk_of(request).plane, actor.workspace, monitor_id)


@router.post("/{monitor_id}/lift")
async def lift(request: Request, monitor_id: str, body: LiftBody, actor: Caller) -> JSON:
    """Lift an alarm; a lead or admin, in person, once the checks after it show enough."""
    command = monitors.Lift(actor=actor, id=monitor_id, reason=body.reason)
    return await desk_of(request).plane.arun(monitors.lift, command)


def overview(plane: Plane, workspace: str, *, ended: bool = False) -> dict[str, JSON]:
    """All that is watched in a workspace."""
    policy = _policy(plane, workspace)
    found = [_row(row) for row in tables.monitors(plane.store, workspace, ended=ended)]
    watch = _watch(plane, workspace)
    waiting = (_waiting(plane, workspace, action) for action in sorted(tables.waiting(plane.store, workspace)))
    actions = sorted({row.action for row in found if row.action})
    lag = next((loop.lag for loop in plane.loops if loop.name == "monitors"), 0.0)
    return {
        "items": [shown(row, policy.document) for row in found],
        "estimates": [_estimate(plane, workspace, action) for action in actions],
        "waiting": [one for one in waiting if one is not None],
        "stale": [{"action": action, "text": text} for action, text in sorted(watch.stale.items())],
        "overflow": _overflow(plane, workspace, policy, watch),
        "capacity": _capacity(plane, policy, watch),
        "level": policy.document.monitors.level,
        "lag_seconds": round(lag, 1),
    }  # fmt: skip


def explained(plane: Plane, workspace: str, id: str) -> dict[str, JSON]:
    """One monitor in full. Raises `NotFound`."""
    found = plane.store.read_hot(tables.monitor_get, workspace=workspace, id=id)
    if not found:
        raise NotFound(f"there is no monitor {id!r}", remedy="`handrail monitors list` shows them.")
    row, policy = MonitorRow._make(found[0]), _policy(plane, workspace)
    made = shown(row, policy.document)
    made["checks"] = [
        {"stream": stream, "verdict": verdict or "waiting", "after_alarm": bool(raised), "count": count}
        for stream, verdict, raised, count in tables.verdicts(plane.store, workspace, row.action)
    ]
    if row.alarmed_at is not None and row.ended_at is None and row.kind in OF_ERRORS:
        entry = policy.action(row.action)
        limit = (None if entry is None else error_limit(entry)) or row.said().get("limit")
        if limit is not None:
            counts = plane.store.read_hot(
                tables.check_since, workspace=workspace, action=row.action, since=row.alarmed_at
            )
            made["certificate"] = monitors.since(counts, limit).to_json()
    return made


def shown(row: MonitorRow, document: Document) -> dict[str, JSON]:
    """A monitor as it goes over the wire; `evidence` says in words what its n is worth."""
    terms = row.said()
    enough = _enough(row, terms)
    standing = "watching" if row.n >= enough else "not_enough_evidence"
    if row.alarmed_at is not None:
        standing = "lifted" if row.lifted_at is not None else "alarm"
    elif row.ended_at is not None:
        standing = "ended"
    words = fed.parse_state(row)
    return {
        "id": row.id, "action": row.action, "kind": row.kind, "n": row.n, "log_e": round(max(row.log_e, -1000.0), 4),
        "line": round(row.line, 4), "standing": standing, "enough_at": enough, "terms": terms,
        "evidence": f"not enough evidence yet ({row.n} of {enough})" if standing == "not_enough_evidence" else None,
        "text": monitors.in_words(row.kind, row.action, terms, words) if row.alarmed_at is not None else None,
        "raises_to": raises_to(document, row.kind), "curve": parse(bytes(row.curve)), "begun_at": iso(row.begun_at),
        "updated_at": iso(row.updated_at), "alarmed_at": None if row.alarmed_at is None else iso(row.alarmed_at),
        "lifted_at": None if row.lifted_at is None else iso(row.lifted_at), "lifted_by": row.lifted_by,
        "certificate": None if row.certificate is None else parse(bytes(row.certificate)),
    }  # fmt: skip


def _enough(row: MonitorRow, terms: dict[str, Any]) -> int:
    """How many cases would show twice the error, or a fifth more or less of a share."""
    level = 2.718281828459045**-row.line
    if "error" in row.kind:
        return checks_to_alarm(terms["limit"], min(0.99, 2 * terms["limit"]), level)
    if row.kind == "share_above":
        return checks_to_alarm(1.1 * terms["target"], min(0.99, 1.2 * terms["target"]), level)
    if row.kind == "share_below":
        # the same distance, seen from what does not reach people
        return checks_to_alarm(1 - 0.9 * terms["target"], 1 - 0.8 * terms["target"], level)
    return ENOUGH[row.kind]


def _estimate(plane: Plane, workspace: str, action: str) -> JSON:
    """The error of what was let through in the last 30 days. Reviewed cases never enter it."""
    now = plane.clock.now()
    first = fed.id_at(now - ESTIMATED)
    checks = tables.checked(plane.store, workspace, action, now - ESTIMATED)
    n, mean, square = plane.store.read_hot(
        tables.let_through, workspace=workspace, action=action, first=first, last=fed.id_at(now + SECOND)
    )[0]
    made: dict[str, JSON] = {"action": action, "of": "auto_approve", "let_through": n, "checks": len(checks)}
    try:
        cases = LetThrough(n=max(n, len(checks), 1), mean=float(mean or 0.0), mean_square=float(square or 0.0))
        found = estimate(
            cases, [c for c, _, _ in checks], [pi for _, pi, _ in checks], [v != "right" for _, _, v in checks]
        )
    except NotEnoughEvidence as few:
        return made | {"error": None, "evidence": str(few)}
    return made | {"error": found.value, "low": found.low, "high": found.high, "evidence": None}


def _waiting(plane: Plane, workspace: str, action: str) -> dict[str, JSON] | None:
    """The checks of an action that wait for an answer, oldest first, and how many answered ones wait behind them."""
    now = plane.clock.now()
    found = plane.store.read_hot(
        tables.check_waiting, workspace=workspace, action=action, now=now, limit=monitors.CHECKS
    )
    waits = [monitors.verdict_of(row, now) in (None, "alleged") for row in found]
    if not any(waits):
        return None
    cases = [row for row, waiting in zip(found, waits, strict=True) if waiting]
    return {
        "action": action, "checks": len(cases), "held_up": waits[waits.index(True) :].count(False),
        "first": [
            {"case_id": row[0], "drawn_at": iso(row[13]), "deadline": None if row[6] is None else iso(row[6])}
            for row in cases[:NAMED]
        ],
    }  # fmt: skip


def _overflow(plane: Plane, workspace: str, policy: Policy, watch: watching.Watch) -> JSON:
    """What a standing overflow does, and what it costs so far; None while there is none."""
    if not watch.overflow:
        return None
    since = from_iso(watch.overflow["since"])
    found = plane.store.read_hot(tables.routes_since, workspace=workspace, since=fed.id_at(since), limit=DISPLACED)
    shadow = shadow_cost(one for row in found if (one := _displaced(policy, row, plane.clock.now())) is not None)
    currency = next((cost.currency for cost in _costs(policy) if cost.currency), None)
    return watch.overflow | {
        "displaced": shadow.cases, "shadow_cost": None if shadow.cost is None else round(shadow.cost, 2),
        "unpriced": shadow.unpriced, "currency": currency,
    }  # fmt: skip


def _capacity(plane: Plane, policy: Policy, watch: watching.Watch) -> JSON:
    """What a review counts while people are few, by action: the shadow price; None where no capacity is declared."""
    entry = policy.document.capacity
    if entry is None:
        return None
    now, held = plane.clock.now(), watch.scarcity
    agents: list[dict[str, JSON]] = []
    for agent, one in [(None, held), *held.get("agents", {}).items()]:
        factor = watching.scarcity_of(watch, entry, now, agent)
        asked = sum(asked + other for _, _, asked, other in one.get("hours", []))
        if asked or factor > 1.0:
            agents.append(
                {"agent": agent, "factor": factor, "asked": asked, "at_most": factor >= entry.most_times / ROOM}
            )
    agents.sort(key=lambda each: (-cast(float, each["factor"]), -cast(int, each["asked"]), str(each["agent"])))
    dearest = max((cast(float, each["factor"]) for each in agents), default=1.0)
    weighed = [plan for plan in policy.plans() if plan.weighing is not None]
    return {
        "reviews_per_day": entry.reviews_per_day, "most_times": entry.most_times,
        # for whom a review counts most; each agent has its own
        "factor": dearest, "agents": agents,
        # reviews asked for in the hours that are known, a day at most
        "asked": sum(cast(int, each["asked"]) for each in agents),
        "hours": max((len(one.get("hours", [])) for one in (held, *held.get("agents", {}).values())), default=0),
        "at_most": dearest >= entry.most_times / ROOM,
        "prices": [
            {"action": plan.action, "review": plan.weighing.review, "counts": round(dearest * plan.weighing.review, 6),
             "currency": plan.weighing.currency or None}
            for plan in weighed if plan.weighing is not None
        ],
    }  # fmt: skip


def _displaced(policy: Policy, row: Any, now: int) -> Displaced | None:
    action, route, data, submitted, decided = row
    codes = {reason.code for reason in rows.route_noun(bytes(route)).reasons}
    fate = next((fate for code, fate in FATES.items() if code in codes), None)
    entry = policy.action(action)
    if fate is None or entry is None:
        return None
    cost = cost_of(policy.document, entry)
    return Displaced(
        fate=cast(Fate, fate), confidence=parse(bytes(data)).get("confidence"),
        minutes=((now if decided is None else decided) - submitted) / (60 * SECOND), wrong=cost.wrong,
        refused=cost.refused, delay_minute=cost.delay_minute,
    )  # fmt: skip


def _costs(policy: Policy) -> list[Any]:
    return [cost_of(policy.document, entry) for entry in policy.document.escalation_policies]


def _policy(plane: Plane, workspace: str) -> Policy:
    found = reads.policy_text(plane.store, workspace)
    if found is None:
        raise NotFound(f"workspace {workspace!r} has no policy")
    return compiled(found[2], found[1])


def _watch(plane: Plane, workspace: str) -> watching.Watch:
    return watching.read(plane.store.read_hot(statements.workspace_get, id=workspace)[0][5])


def _row(row: Any) -> MonitorRow:
    return MonitorRow(**{name: getattr(row, name) for name in MonitorRow._fields})
