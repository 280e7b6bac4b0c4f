"""Statements behind monitors: checks that wait, monitors and their curves, what the stream holds since a case."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from handrail.store import schema
from handrail.store.engine import Store
from handrail.store.statements import Statement
from handrail.store.unsearched import Unsearched

MONITOR = (
    "id, workspace, action, kind, terms, state, curve, n, log_e, line, seen, begun_at, updated_at, alarmed_at,"
    " lifted_at, lifted_by, certificate, ended_at"
)


def _made(name: str, sql: str, postgres: str = "") -> Statement:
    return Statement(" ".join(sql.split()), " ".join(postgres.split()), name)


# one at a time feeds the monitors of a workspace
monitor_own = _made("monitor_own", "SELECT :workspace", "SELECT pg_advisory_xact_lock(hashtextextended(:workspace, 4))")
monitor_live = _made(
    "monitor_live",
    f"SELECT {MONITOR} FROM monitor WHERE workspace = :workspace AND ended_at IS NULL ORDER BY action, kind",
)
monitor_get = _made("monitor_get", f"SELECT {MONITOR} FROM monitor WHERE workspace = :workspace AND id = :id")
monitor_feed = _made(
    "monitor_feed",
    """UPDATE monitor SET state = :state, curve = :curve, n = :n, log_e = :log_e, seen = :seen, updated_at = :now,
        alarmed_at = :alarmed_at WHERE id = :id AND ended_at IS NULL""",
)
monitor_line = _made("monitor_line", "UPDATE monitor SET line = :line WHERE id = :id AND alarmed_at IS NULL")
monitor_end = _made("monitor_end", "UPDATE monitor SET ended_at = :now WHERE id = :id AND ended_at IS NULL")
monitor_lift = _made(
    "monitor_lift",
    """UPDATE monitor SET lifted_at = :now, lifted_by = :by, certificate = :certificate, ended_at = :now
    WHERE id = :id AND alarmed_at IS NOT NULL AND ended_at IS NULL RETURNING id""",
)
# in the order of the draws, each with how its case stands: state, deadline, what its newest label says, objections
check_waiting = _made(
    "check_waiting",
    """SELECT s.case_id, s.stream, s.pi, s.confidence, s.raised, c.state, c.deadline, c.soft, p.decision,
        (SELECT l.correct FROM label l WHERE l.case_id = s.case_id AND l.source = 'outcome' ORDER BY l.id DESC LIMIT 1),
        (SELECT min(CASE WHEN l.correct THEN 1 ELSE 0 END) FROM label l
         WHERE l.case_id = s.case_id AND l.correct IS NOT NULL AND l.source NOT IN ('outcome', 'outvoted')),
        (SELECT count(*) FROM label l WHERE l.case_id = s.case_id),
        (SELECT count(*) FROM review r WHERE r.case_id = s.case_id AND c.soft AND r.withdrawn_at IS NULL
         AND r.voided_at IS NULL AND r.effective_at <= :now AND (r.verdict IN ('reject', 'redirect', 'edit')
            OR (r.verdict = 'respond' AND c.escalations > 0))),
        s.drawn_at
    FROM spot_check s LEFT JOIN cases c ON c.id = s.case_id JOIN proposal p ON p.case_id = s.case_id
    WHERE s.workspace = :workspace AND s.action = :action AND s.verdict IS NULL ORDER BY s.case_id LIMIT :limit""",
)
check_enter = _made(
    "check_enter",
    """UPDATE spot_check SET verdict = :verdict
    WHERE workspace = :workspace AND action = :action AND case_id = :case_id AND verdict IS NULL""",
)
# evidence after an alarm: uniform checks drawn since, by verdict
check_since = _made(
    "check_since",
    """SELECT verdict, count(*) FROM spot_check WHERE workspace = :workspace AND action = :action
        AND stream = 'uniform' AND drawn_at > :since AND verdict IN ('right', 'wrong', 'expired') GROUP BY verdict""",
)
# golds come from nobody's program
_NO_GOLD = "NOT EXISTS (SELECT 1 FROM cases k WHERE k.id = p.case_id AND k.gold)"
_CONFIDENCE = "json_extract(CAST(p.bytes AS TEXT), '$.confidence')"
# the whole stream after a case, up to a moment at which nothing older can still be written
stream_after = _made(
    "stream_after",
    f"""SELECT p.case_id, p.action, p.tier, {_CONFIDENCE} FROM proposal p
    WHERE p.case_id > :seen AND p.case_id < :until AND +p.workspace = :workspace AND {_NO_GOLD}
    ORDER BY p.case_id LIMIT :limit""",
    f"""SELECT p.case_id, p.action, p.tier, convert_from(p.bytes, 'UTF8')::jsonb ->> 'confidence' FROM proposal p
    WHERE p.case_id > :seen AND p.case_id < :until AND +p.workspace = :workspace AND {_NO_GOLD}
    ORDER BY p.case_id LIMIT :limit""",
)
# newest first: how each proposal since a case was routed, and when it was decided
routes_since = _made(
    "routes_since",
    f"""SELECT p.action, p.route, p.bytes, p.submitted_at, p.decided_at FROM proposal p
    WHERE p.case_id >= :since AND +p.workspace = :workspace AND {_NO_GOLD}
    ORDER BY p.case_id DESC LIMIT :limit""",
)
proposals_since = _made(
    "proposals_since",
    f"""SELECT p.bytes FROM proposal p WHERE p.case_id >= :since AND +p.workspace = :workspace AND p.action = :action
    AND {_NO_GOLD} ORDER BY p.case_id DESC LIMIT :limit""",
)
# what the newest uniform checks said of their confidence: the scale of weighted ones
check_confidence = _made(
    "check_confidence",
    """SELECT confidence FROM spot_check WHERE workspace = :workspace AND action = :action AND stream = 'uniform'
        AND confidence IS NOT NULL AND NOT raised ORDER BY case_id DESC LIMIT :limit""",
)
state_alarms = _made(
    "state_alarms",
    "SELECT id FROM monitor WHERE workspace = :workspace AND alarmed_at IS NOT NULL AND ended_at IS NULL",
)
# what came in between two moments, by agent, action and tier, and how many people that asked for; golds come on top
asked_between = _made(
    "asked_between",
    f"""SELECT p.agent, p.action, p.tier, count(*), coalesce(sum(CASE WHEN c.id IS NULL THEN 0 WHEN c.reviewers > 1
        THEN c.reviewers ELSE 1 END), 0)
    FROM proposal p LEFT JOIN cases c ON c.id = p.case_id
    WHERE p.case_id > :seen AND p.case_id < :until AND +p.workspace = :workspace AND {_NO_GOLD}
    GROUP BY p.agent, p.action, p.tier""",
)
workspaces = _made(
    "watched_workspaces", "SELECT id, policy, watch FROM workspace WHERE policy IS NOT NULL AND NOT frozen"
)


def waiting(store: Store, workspace: str) -> list[str]:
    """Actions with checks that have not entered."""
    t = schema.spot_check.c
    query = select(t.action).where(Unsearched(t.workspace) == workspace, t.verdict.is_(None)).group_by(t.action)
    return [row[0] for row in store.read(query)]


def monitors(store: Store, workspace: str, *, ended: bool = False) -> list[Any]:
    """The monitors of a workspace: live ones, or all that ever alarmed too, newest first."""
    t = schema.monitor.c
    query = select(schema.monitor).where(t.workspace == workspace)
    query = query if ended else query.where(t.ended_at.is_(None))
    return store.read(query.order_by(t.ended_at.is_not(None), t.action, t.kind, t.begun_at.desc()).limit(500))


def verdicts(store: Store, workspace: str, action: str) -> list[Any]:
    """Checks of an action by stream and verdict: (stream, verdict, raised, count)."""
    t = schema.spot_check.c
    return store.read(
        select(t.stream, t.verdict, t.raised, func.count())
        .where(t.workspace == workspace, t.action == action).group_by(t.stream, t.verdict, t.raised)
    )  # fmt: skip


def checked(store: Store, workspace: str, action: str, since: int) -> list[Any]:
    """Checks that entered, drawn since a moment and not raised: (confidence, inclusion, verdict)."""
    t = schema.spot_check.c
    return store.read(
        select(t.confidence, t.inclusion, t.verdict)
        .where(t.workspace == workspace, t.action == action, t.drawn_at >= since, t.raised.is_(False),
               t.verdict.in_(("right", "wrong", "expired")), t.confidence.is_not(None))
    )  # fmt: skip


let_through = _made(
    "let_through",
    f"""SELECT count(*), avg(1.0 - {_CONFIDENCE}), avg((1.0 - {_CONFIDENCE}) * (1.0 - {_CONFIDENCE})) FROM proposal p
    WHERE p.case_id >= :first AND p.case_id <= :last AND +p.workspace = :workspace AND p.action = :action
        AND p.tier = 'auto_approve' AND {_CONFIDENCE} IS NOT NULL""",
    """SELECT count(*), avg(1.0 - c), avg((1.0 - c) * (1.0 - c)) FROM (
        SELECT CAST(convert_from(p.bytes, 'UTF8')::jsonb ->> 'confidence' AS double precision) AS c FROM proposal p
        WHERE p.case_id >= :first AND p.case_id <= :last AND +p.workspace = :workspace AND p.action = :action
            AND p.tier = 'auto_approve') x WHERE c IS NOT NULL""",
)


def entered(store: Store, workspace: str) -> list[Any]:
    """Every check that entered its monitors, in the order of the draws."""
    t = schema.spot_check.c
    query = select(schema.spot_check).where(t.workspace == workspace, t.verdict.is_not(None), t.raised.is_(False))
    return store.read(query.order_by(t.case_id))
