"""Statements and reads behind golds and reviewers' figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, not_, select

from handrail.label import OF_REVIEWERS
from handrail.store import schema
from handrail.store.engine import Store
from handrail.store.statements import Statement

# answers looked at for reviewers' figures, the newest
MOST_ANSWERS = 20_000

# begins `drawn_by` of a gold that opens somebody's session; then whose
BURST = "burst:"
# how the identity of such a case's proposal begins: it goes by that key
IDENTITY = f"key\x1f{BURST}"

# one at a time draws golds of a workspace
gold_own = Statement("SELECT :workspace", "SELECT pg_advisory_xact_lock(hashtextextended(:workspace, 4))", "gold_own")
gold_drawn = Statement("SELECT gold FROM gold_case WHERE drawn_by = :case_id", "", "gold_drawn")
gold_pick = Statement(
    "SELECT id, bytes, views FROM gold WHERE workspace = :workspace AND action = :action AND kind = :kind "
    "AND retired_at IS NULL AND views < :most ORDER BY views, id LIMIT 20",
    "",
    "gold_pick",
)
# who has answered it, also who took that back; and whose session it opened, as `drawn_by`
gold_answered = Statement(
    "SELECT r.reviewer FROM gold_case g JOIN review r ON r.case_id = g.case_id WHERE g.gold = :gold "
    "UNION SELECT drawn_by FROM gold_case WHERE gold = :gold AND substr(drawn_by, 1, 6) = 'burst:'",
    "",
    "gold_answered",
)
gold_waiting = Statement(
    "SELECT g.case_id FROM gold_case g JOIN cases c ON c.id = g.case_id "
    "WHERE g.gold = :gold AND c.state = 'open' AND substr(g.drawn_by, 1, 6) <> 'burst:'",
    "",
    "gold_waiting",
)
# every time that the gold of this case was put before people; it is found by the moment it was opened
same_gold = Statement(
    "SELECT case_id FROM gold_case WHERE gold = (SELECT g.gold FROM cases c JOIN gold_case g "
    "ON g.workspace = c.workspace AND g.at = c.opened_at AND g.case_id = c.id WHERE c.id = :case_id AND c.gold)",
    "",
    "same_gold",
)
gold_seen = Statement(
    "UPDATE gold SET views = views + 1 WHERE id = :id AND views >= 0 RETURNING views", "", "gold_seen"
)
gold_worn = Statement(
    "SELECT id FROM gold WHERE workspace = :workspace AND retired_at IS NULL AND views >= :most", "", "gold_worn"
)
gold_wear = Statement(
    "UPDATE gold SET retired_at = :now WHERE id = :id AND workspace = :workspace AND retired_at IS NULL "
    "RETURNING action",
    "",
    "gold_wear",
)
gold_kinds = Statement(
    "SELECT DISTINCT action, kind FROM gold WHERE workspace = :workspace AND retired_at IS NULL", "", "gold_kinds"
)
# withdrawn, which one seen often enough can be too: its views are below 0 then (`views_of`)
gold_retire = Statement(
    "UPDATE gold SET retired_at = COALESCE(retired_at, :now), views = -1 - views "
    "WHERE id = :id AND workspace = :workspace AND views >= 0 RETURNING action",
    "",
    "gold_retire",
)
first_entry = Statement(
    "SELECT bytes FROM audit_entry WHERE log = :log AND case_id = :case_id AND type = 'proposal.submitted' "
    "ORDER BY idx LIMIT 1",
    "",
    "first_entry",
)
people_active = Statement(
    "SELECT count(*) FROM person WHERE workspace = :workspace AND active AND roles <> 'auditor' AND roles <> ''",
    "",
    "people_active",
)
# cases that may draw a gold: put before people since, and none themselves; newest first, and whether they have
gold_drawing = Statement(
    "SELECT c.id, c.opened_at, g.drawn_by IS NOT NULL, c.action, c.kind "
    "FROM cases c LEFT JOIN gold_case g ON g.drawn_by = c.id "
    "WHERE c.workspace = :workspace AND c.opened_at >= :since AND NOT c.gold "
    "AND c.tier IN ('soft_review', 'hard_gate') ORDER BY c.opened_at DESC, c.id DESC LIMIT 5000",
    "",
    "gold_drawing",
)
burst_given = Statement(
    "SELECT gold FROM gold_case WHERE workspace = :workspace AND at >= :since "
    "AND substr(drawn_by, 1, :length) = :prefix",
    "",
    "burst_given",
)
# what may open a session: all but what was withdrawn, so also what has been seen often enough; does he know it?
# None that he holds at the moment without knowing it for a gold.
burst_pool = Statement(
    "SELECT p.id, p.bytes, EXISTS (SELECT 1 FROM gold_case g LEFT JOIN review r ON r.case_id = g.case_id "
    "WHERE g.gold = p.id AND (r.reviewer = :person "
    "OR substr(g.drawn_by, 1, length(:person) + 7) = 'burst:' || :person || ':')) FROM gold p "
    "WHERE p.workspace = :workspace AND p.action = :action AND p.kind = :kind "
    "AND p.views >= 0 "
    "AND NOT EXISTS (SELECT 1 FROM gold_case g JOIN claim k ON k.case_id = g.case_id "
    "WHERE g.gold = p.id AND k.reviewer = :person AND substr(g.drawn_by, 1, 6) <> 'burst:') "
    "ORDER BY p.id LIMIT 500",
    "",
    "burst_pool",
)
flag_get = Statement("SELECT code FROM reviewer_flag WHERE workspace = :workspace AND person = :person", "", "flag_get")
flag_all = Statement("SELECT person, code FROM reviewer_flag WHERE workspace = :workspace", "", "flag_all")
flag_drop = Statement(
    "DELETE FROM reviewer_flag WHERE workspace = :workspace AND person = :person AND code = :code RETURNING code",
    "",
    "flag_drop",
)
reviews_mark = Statement(
    "SELECT count(*), max(given_at) FROM review WHERE workspace = :workspace AND given_at >= :since", "", "reviews_mark"
)
_ANSWERS = (
    "SELECT r.case_id, r.reviewer, r.verdict, r.bytes, r.blind, r.dwell, r.given_at, c.action, c.queue, c.kind, "
    "c.gold, g.gold, {suggestion} FROM review r JOIN cases c ON c.id = r.case_id "
    "JOIN proposal p ON p.case_id = r.case_id LEFT JOIN gold_case g ON g.case_id = r.case_id "
    "LEFT JOIN revision v ON v.case_id = r.case_id AND v.revision = 1 "
    "WHERE r.workspace = :workspace AND r.given_at >= :since AND r.withdrawn_at IS NULL AND r.revision = 1 "
    "AND substr(COALESCE(g.drawn_by, ''), 1, 6) <> 'burst:' "
    "ORDER BY r.given_at DESC, r.id DESC LIMIT :limit"
)
_ASKS = "c.kind IN ('prediction', 'annotation', 'comparison')"
# only what judging needs: a proposal may hold an image
answers_given = Statement(
    _ANSWERS.format(
        suggestion=f"CASE WHEN {_ASKS} THEN "
        "json_quote(json_extract(CAST(COALESCE(v.bytes, p.bytes) AS TEXT), '$.arguments.suggestion')) END"
    ),
    _ANSWERS.format(
        suggestion=f"CASE WHEN {_ASKS} THEN "
        "(convert_from(COALESCE(v.bytes, p.bytes), 'UTF8')::jsonb #> '{arguments,suggestion}')::text END"
    ),
    "answers_given",
)
gold_proposals = Statement(
    "SELECT p.case_id, COALESCE(v.bytes, p.bytes) FROM cases c JOIN proposal p ON p.case_id = c.id "
    "LEFT JOIN revision v ON v.case_id = c.id AND v.revision = 1 "
    "WHERE c.workspace = :workspace AND c.gold AND c.opened_at >= :since",
    "",
    "gold_proposals",
)


def outside_bursts() -> ColumnElement[bool]:
    """Whether a proposal's case is none of those that open a session. Those count nowhere."""
    c, p = schema.cases.c, schema.proposal.c
    begins = func.substr(p.identity, 1, len(IDENTITY)) == IDENTITY
    # a program may begin a key like that too; only golds count
    return not_(and_(begins, exists().where(c.id == p.case_id, c.gold).correlate(schema.proposal)))


def answers(store: Store, workspace: str, since: int) -> list[Any]:
    """Answers to first revisions, oldest first: the columns of `answers_given`."""
    found = store.read_hot(answers_given, workspace=workspace, since=since, limit=MOST_ANSWERS)
    return list(reversed(found))


def pool(store: Store, workspace: str, *, retired: bool = False) -> list[Any]:
    """Golds, oldest first; without `retired` only those that may still be drawn."""
    t = schema.gold.c
    query = select(schema.gold).where(t.workspace == workspace).order_by(t.id)
    return store.read(query if retired else query.where(t.retired_at.is_(None)))


def views_of(views: int) -> int:
    """How often a gold was put before people, by its column, which is below 0 for a gold that was withdrawn."""
    return views if views >= 0 else -1 - views


def pool_size(store: Store, workspace: str) -> int:
    """How many golds may still be drawn."""
    t = schema.gold.c
    return int(store.read(select(func.count()).where(t.workspace == workspace, t.retired_at.is_(None)))[0][0])


def drawn(store: Store, workspace: str, since: int) -> int:
    """How many golds were put before people since, silently."""
    t = schema.gold_case.c
    silent = func.substr(t.drawn_by, 1, len(BURST)) != BURST
    return int(store.read(select(func.count()).where(t.workspace == workspace, t.at >= since, silent))[0][0])


def flags(store: Store, workspace: str) -> list[Any]:
    """Who is flagged, and why: (person, code, n, since)."""
    t = schema.reviewer_flag.c
    return store.read(select(t.person, t.code, t.n, t.since).where(t.workspace == workspace).order_by(t.since))


def workspaces(store: Store) -> list[str]:
    """Every workspace."""
    return [row[0] for row in store.read(select(schema.workspace.c.id))]


def asked_rules(store: Store, workspace: str, since: int, limit: int = 5_000) -> Sequence[Any]:
    """Cases that people closed: (route bytes, decision, somebody found it wrong)."""
    c, p, label = schema.cases.c, schema.proposal.c, schema.label.c
    wrong = (
        select(func.count())
        .where(label.case_id == c.id, label.correct.is_(False), label.source.not_in(OF_REVIEWERS))
        .scalar_subquery()
    )
    query = (
        select(p.route, p.decision, wrong)
        .join(schema.proposal, p.case_id == c.id)
        .where(c.workspace == workspace, c.closed_at >= since, c.state != "open", c.gold.is_(False))
        .order_by(c.closed_at.desc())
        .limit(limit)
    )
    return store.read(query)
