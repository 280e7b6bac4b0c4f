"""Statements behind growth: cells, the cases they are judged by, promotions."""

from __future__ import annotations

from handrail.store.statements import Statement

PROMOTION = (
    "id, action, cell, state, bytes, proposed_by, proposed_at, decided_by, decided_at, permission, expires_at,"
    " ended_at, reason"
)


def _made(sql: str, name: str, postgres: str = "") -> Statement:
    return Statement(" ".join(sql.split()), " ".join(postgres.split()), name)


# one at a time lays cells and promotes in a workspace
growth_own = _made("SELECT :workspace", "growth_own", "SELECT pg_advisory_xact_lock(hashtextextended(:workspace, 3))")
workspaces = _made("SELECT id, policy FROM workspace WHERE policy IS NOT NULL AND NOT frozen", "workspaces")
cells = _made(
    "SELECT id, bytes, round, laid_at, since, action FROM cell WHERE workspace = :workspace ORDER BY action, id",
    "cells",
)
cells_of_action = _made(
    "SELECT id, bytes, round FROM cell WHERE workspace = :workspace AND action = :action ORDER BY id", "cells_of_action"
)
seen_count = _made(
    """SELECT COUNT(*), MIN(opened_at) FROM cases
    WHERE workspace = :workspace AND action = :action AND NOT gold""",
    "seen_count",
)
# a case restarts its cell once: later it belongs to a round that is over
cell_restart = _made(
    """UPDATE cell SET round = round + 1, since = :now WHERE id = :id AND workspace = :workspace AND NOT EXISTS (
        SELECT 1 FROM cell_case c
        WHERE c.case_id = :case_id AND c.workspace = cell.workspace AND c.cell = cell.id AND c.round < cell.round
    ) RETURNING round, action""",
    "cell_restart",
)
# what people were asked about or looked at again: proposals only, never what they answered
seen = _made(
    """SELECT p.bytes, r.bytes FROM cases c JOIN proposal p ON p.case_id = c.id
    LEFT JOIN revision r ON r.case_id = p.case_id AND r.revision = 1
    WHERE c.workspace = :workspace AND c.action = :action AND NOT c.gold ORDER BY c.opened_at DESC LIMIT :limit""",
    "seen",
)
judged = _made(
    """UPDATE cell_case SET judged = :judged, judges = :judges WHERE case_id = :case_id AND workspace = :workspace
    RETURNING cell, round, permission""",
    "judged",
)
cell_of_case = _made(
    "SELECT cell, round, permission, judged FROM cell_case WHERE case_id = :case_id AND workspace = :workspace",
    "cell_of_case",
)
# in the order the cases came in, as far as none before is still open: rejects come back faster than approvals
counts = _made(
    """SELECT c.cell, c.judged, c.permission, COUNT(*) FROM cell_case c
    JOIN cell e ON e.id = c.cell AND e.round = c.round
    LEFT JOIN (
        SELECT o.cell AS cell, MIN(o.case_id) AS first FROM cell_case o JOIN cases k ON k.id = o.case_id
        WHERE o.workspace = :workspace AND o.judged IS NULL AND k.state = 'open' GROUP BY o.cell
    ) w ON w.cell = c.cell
    WHERE c.workspace = :workspace AND (w.first IS NULL OR c.case_id < w.first)
    GROUP BY c.cell, c.judged, c.permission""",
    "counts",
)
# of one cell: who judged what counts
judges = _made(
    """SELECT c.judges, COUNT(*) FROM cell_case c JOIN cell e ON e.id = c.cell AND e.round = c.round
    WHERE c.workspace = :workspace AND c.cell = :cell AND c.judged IN ('right', 'wrong') GROUP BY c.judges""",
    "judges",
)
replayed = _made(
    """SELECT p.bytes, r.bytes, c.judged FROM cell_case c JOIN cell e ON e.id = c.cell AND e.round = c.round
    JOIN proposal p ON p.case_id = c.case_id LEFT JOIN revision r ON r.case_id = p.case_id AND r.revision = 1
    WHERE c.workspace = :workspace AND c.cell = :cell AND c.judged IN ('right', 'wrong')
    ORDER BY c.case_id DESC LIMIT :limit""",
    "replayed",
)
# golds one person answered, newest first; without those that open a session
golds = _made(
    """SELECT v.verdict, v.bytes, p.bytes FROM review v JOIN cases k ON k.id = v.case_id AND k.gold
    JOIN proposal p ON p.case_id = v.case_id
    WHERE v.workspace = :workspace AND v.reviewer = :reviewer AND v.withdrawn_at IS NULL
    AND substr(p.identity, 1, :length) <> :burst
    ORDER BY v.given_at DESC, v.id DESC LIMIT :limit""",
    "golds",
)
promotions_live = _made(
    f"SELECT {PROMOTION} FROM promotion WHERE workspace = :workspace AND state IN ('proposed', 'accepted')",
    "promotions_live",
)
promotions_declined = _made(
    "SELECT cell, bytes FROM promotion WHERE workspace = :workspace AND state = 'declined'", "promotions_declined"
)
promotions_all = _made(
    f"SELECT {PROMOTION} FROM promotion WHERE workspace = :workspace ORDER BY id DESC LIMIT :limit", "promotions_all"
)
promotion_get = _made(f"SELECT {PROMOTION} FROM promotion WHERE id = :id AND workspace = :workspace", "promotion_get")
promotion_of_cell = _made(
    f"""SELECT {PROMOTION} FROM promotion
    WHERE workspace = :workspace AND cell = :cell AND state IN ('proposed', 'accepted')""",
    "promotion_of_cell",
)
promotion_of_grant = _made(
    f"SELECT {PROMOTION} FROM promotion WHERE permission = :permission AND workspace = :workspace", "promotion_of_grant"
)
promotion_decide = _made(
    """UPDATE promotion SET state = :state, bytes = :bytes, decided_by = :by, decided_at = :now,
    permission = :permission, expires_at = :expires, reason = :reason
    WHERE id = :id AND workspace = :workspace AND state = 'proposed' RETURNING cell""",
    "promotion_decide",
)
promotion_end = _made(
    """UPDATE promotion SET state = 'ended', ended_at = :now, reason = :reason
    WHERE id = :id AND workspace = :workspace AND state IN ('proposed', 'accepted')
    RETURNING permission, action, cell""",
    "promotion_end",
)
state_promotions = _made("SELECT id, state FROM promotion WHERE workspace = :workspace", "state_promotions")
