"""The operations page: how deep, how late, how many, by whom. All figures are counted, none is kept."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request

from handrail.canonical import JSON
from handrail.clock import SECOND, iso
from handrail.maintenance.plane import Plane
from handrail.operations.figures import ALARM, TARGET, Handled, deadline_attainment, paces, review_rate
from handrail.server.callers import Caller
from handrail.server.desk import Desk, desk_of
from handrail.server.metrics import unsigned_seconds
from handrail.server.reading import StrictRoute
from handrail.store import reads, rounds

router = APIRouter(prefix="/v1", tags=["operations"], route_class=StrictRoute)

HOUR = 3600 * SECOND
KEEP_SECONDS = 2.0


@router.get("/operations")
def operations(request: Request, actor: Caller) -> dict[str, JSON]:
    """Depth, age, deadlines, review rate, people's pace, and the log, over the last 24 hours."""
    actor.need_scope("read")
    return _kept(desk_of(request), actor.workspace)


def _kept(desk: Desk, workspace: str) -> dict[str, JSON]:
    """The figures, counted at most every two seconds however many screens show them."""
    known = desk.figures.get(workspace)
    if known is not None and known[0] > time.monotonic():
        return known[1]
    made = figures(desk.plane, workspace)
    desk.figures[workspace] = (time.monotonic() + KEEP_SECONDS, made)
    return made


def figures(plane: Plane, workspace: str) -> dict[str, JSON]:
    """All figures of one workspace, now."""
    now = plane.clock.now()
    since = now - reads.DAY
    tiers = reads.open_by(plane.store, workspace, "tier", now)
    queues = reads.open_by(plane.store, workspace, "queue", now)
    hours = reads.proposals_by_hour(plane.store, workspace, since)
    closed = reads.closed_since(plane.store, workspace, since)
    total: dict[str, int] = {}
    for _, tier, count in hours:
        total[tier] = total.get(tier, 0) + count
    oldest = min((row[2] for row in tiers), default=None)
    handled = [Handled(opened_at=row.opened_at, deadline=row.deadline, settled_at=_settled(row)) for row in closed]
    return {
        "open": sum(row[1] for row in tiers),
        "oldest_seconds": None if oldest is None else max(0, now - oldest) / SECOND,
        "by_tier": {row[0]: row[1] for row in tiers},
        "by_queue": [
            {"queue": row[0], "open": row[1], "oldest_seconds": max(0, now - row[2]) / SECOND, "overdue": row[3] or 0}
            for row in queues
        ],
        "overdue": sum(row[3] or 0 for row in tiers),
        "review_rate": review_rate(total),
        "review_rate_target": TARGET,
        "review_rate_alarm": ALARM,
        "decisions_per_person": _people(plane, workspace, since),
        "deadline_attainment": deadline_attainment(handled, now),
        "series": _series(hours, closed, now),
        "unknown_executions": reads.unknown_executions(plane.store, workspace),
        "log": _log(plane, workspace, now),
        "chart": [
            {"round": row.round, "review_rate": row.review_rate, "model_error": row.model_error, "action": row.action}
            for row in rounds.of_newest_action(plane.store, workspace)
        ],
    }


def _settled(row: Any) -> int | None:
    """When people settled it; a case that ran out of time was not settled by anybody."""
    return None if row.decision == "expired" else row.closed_at


def _people(plane: Plane, workspace: str, since: int) -> list[JSON]:
    found = paces((row[0], row[1], row[2]) for row in reads.reviews_since(plane.store, workspace, since))
    names = reads.names_of(plane.store, workspace, found)
    return [
        {"person": person, "name": names.get(person, person), "count": pace.reviews,
         "median_dwell": pace.median_dwell_seconds, "rubber_stamp": pace.rubber_stamp}
        for person, pace in sorted(found.items(), key=lambda item: -item[1].reviews)
    ]  # fmt: skip


def _series(hours: list[Any], closed: list[Any], now: int) -> list[JSON]:
    """One point for each of the last 24 hours."""
    arrivals: dict[int, dict[str, int]] = {}
    for hour, tier, count in hours:
        arrivals.setdefault(int(hour), {})[tier] = count
    decided: dict[int, int] = {}
    for row in closed:
        decided[row.closed_at // HOUR] = decided.get(row.closed_at // HOUR, 0) + 1
    return [
        {"at": iso(hour * HOUR), "arrivals": sum(arrivals.get(hour, {}).values()), "decided": decided.get(hour, 0),
         "review_rate": review_rate(arrivals.get(hour, {}))}
        for hour in range(now // HOUR - 23, now // HOUR + 1)
    ]  # fmt: skip


def _log(plane: Plane, workspace: str, now: int) -> dict[str, JSON]:
    log = plane.log_of(workspace)
    for name, size, _, waiting in reads.heads(plane.store):
        if name == log:
            return {"size": size, "unsigned_seconds": unsigned_seconds(waiting, now) if waiting is not None else None}
    return {"size": 0, "unsigned_seconds": None}
