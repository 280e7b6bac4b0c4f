"""Lists, search and reports: SQLAlchemy Core, one text for both engines. Hot reads are in `statements.py`."""

from __future__ import annotations

import base64
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple
from unicodedata import combining, normalize

from sqlalchemy import Integer, and_, bindparam, case, cast, column, exc, func, or_, select, text, tuple_
from sqlalchemy.sql import ColumnElement

from handrail.audit.checkpoint import split_epoch
from handrail.canonical import dumps, parse
from handrail.clock import SECOND
from handrail.errors import InvalidInput, MalformedJSON, Unavailable
from handrail.store import schema, statements
from handrail.store.engine import Store
from handrail.store.golds import outside_bursts, same_gold
from handrail.store.unsearched import Unsearched

# counting further would scan the whole table to print a number nobody reads
MOST_COUNTED = 10_000
MOST_ROWS = 500
MOST_WORDS = 24
# proposals above this are not parsed for a list's amount column in one go
SMALL_BYTES = 64 * 1024
DAY = 86_400 * SECOND
UNSETTLED = ("started", "unknown")

_WORD = re.compile(r"\w+")
_PLAIN = re.compile(r"[^\W_]+")
_SEARCH_DECIDED = re.sub(r"%\((\w+)\)s", r":\1", statements.search_decided.postgres)
c, p, r = schema.cases.c, schema.proposal.c, schema.review.c


class CaseFilter(NamedTuple):
    """What a list of cases is narrowed by; None: not at all."""

    state: str = "open"
    queue: str | None = None
    tier: str | None = None
    action: str | None = None
    # words that must all occur, the last one as a beginning
    words: str | None = None
    # only what this person holds (open) or has answered (settled)
    mine: str | None = None


class Page(NamedTuple):
    """Rows, the cursor behind the last of them (None: no more), and how many there are up to `MOST_COUNTED`."""

    rows: list[Any]
    next: str | None
    total: int


CASE_COLUMNS = (
    *(c[name.strip()] for name in statements.CASE.split(",")),
    p.route, p.decision, p.decision_bytes, p.decided_at,
    case((func.length(p.bytes) <= SMALL_BYTES, p.bytes)).label("small"),
)  # fmt: skip


def fetch(store: Store, query: Any) -> list[Any]:
    """Run a query. Raises `Unavailable` when the database cannot answer now."""
    try:
        return store.read(query)
    except (exc.OperationalError, exc.InterfaceError, exc.TimeoutError) as error:
        raise Unavailable(f"the database cannot answer now: {getattr(error, 'orig', error)}") from None


# --- cases ------------------------------------------------------------------------------------


def case_page(store: Store, workspace: str, wanted: CaseFilter, *, cursor: str | None, limit: int) -> Page:
    """Open cases in queue order, or settled ones newest first. Raises `InvalidInput` for a foreign cursor."""
    limit = max(1, min(limit, MOST_ROWS))
    conditions = _case_conditions(store, workspace, wanted)
    order: tuple[ColumnElement[Any], ...]
    if wanted.state == "open":
        order = (c.sort_key, c.id)
        behind = _behind(cursor, (int, str))
        place = None if behind is None else (_place(store, workspace, behind[1]), behind[1])
        after = None if place is None else tuple_(c.sort_key, c.id) > tuple_(*place)
    else:
        order = (c.closed_at.desc(), c.id.desc())
        behind = _behind(cursor, (int, str))
        after = None if behind is None else tuple_(c.closed_at, c.id) < tuple_(*behind)
    query = select(*CASE_COLUMNS).join(schema.proposal, p.case_id == c.id).where(*conditions)
    if after is not None:
        query = query.where(after)
    rows = fetch(store, query.order_by(*order).limit(limit + 1))
    counted = select(func.count()).select_from(
        select(c.id).where(*conditions).limit(MOST_COUNTED).subquery()
    )  # fmt: skip
    total = fetch(store, counted)[0][0]
    more = len(rows) > limit
    rows = rows[:limit]
    first = "opened_at" if wanted.state == "open" else "closed_at"
    return Page(rows, cursor_of(getattr(rows[-1], first), rows[-1].id) if more else None, total)


def cases_by_id(store: Store, workspace: str, ids: Iterable[str]) -> dict[str, Any]:
    """The same rows by case id."""
    query = select(*CASE_COLUMNS).join(schema.proposal, p.case_id == c.id)
    rows = fetch(store, query.where(c.workspace == workspace, c.id.in_(list(ids))))
    return {row.id: row for row in rows}


def claims_of(store: Store, ids: Sequence[str], now: int) -> dict[str, str]:
    """Who holds which of these cases."""
    held = schema.claim.c
    rows = fetch(store, select(held.case_id, held.reviewer).where(held.case_id.in_(ids), held.expires_at > now))
    return {row[0]: row[1] for row in rows}


def answers_of(store: Store, ids: Sequence[str]) -> dict[str, int]:
    """How many live answers to the present revision each of these cases has."""
    query = (
        select(r.case_id, func.count())
        .join(schema.proposal, p.case_id == r.case_id)
        .where(r.case_id.in_(ids), r.withdrawn_at.is_(None), r.voided_at.is_(None), r.verdict != "abstain",
               or_(r.revision == p.revision, r.id == p.made_by))
        .group_by(r.case_id)
    )  # fmt: skip
    return {row[0]: row[1] for row in fetch(store, query)}


def names_of(store: Store, workspace: str, ids: Iterable[str]) -> dict[str, str]:
    """People's names by id."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    who = schema.person.c
    rows = fetch(store, select(who.id, who.name).where(who.workspace == workspace, who.id.in_(wanted)))
    return {row[0]: row[1] for row in rows}


def _case_conditions(store: Store, workspace: str, wanted: CaseFilter) -> list[ColumnElement[bool]]:
    made: list[ColumnElement[bool]] = [c.workspace == workspace]
    if wanted.state == "open":
        made.append(c.state == "open")
    elif wanted.state == "decided":
        made.append(c.state.in_(("decided", "reviewed")))
    else:
        made.append(c.state == wanted.state)
    if wanted.state != "open":
        # the index of closed cases holds no others
        made.append(c.closed_at.is_not(None))
    for name in ("queue", "tier", "action"):
        if getattr(wanted, name) is not None:
            made.append(c[name] == getattr(wanted, name))
    if wanted.mine is not None:
        made.append(_mine(workspace, wanted))
    if wanted.words is not None:
        made.append(_matching(store, workspace, wanted.words))
    return made


def _mine(workspace: str, wanted: CaseFilter) -> ColumnElement[bool]:
    table = schema.claim if wanted.state == "open" else schema.review
    return c.id.in_(
        select(table.c.case_id).where(table.c.workspace == workspace, table.c.reviewer == wanted.mine)
    )  # fmt: skip


def _matching(store: Store, workspace: str, words: str) -> ColumnElement[bool]:
    asked = search_all(store, words)
    if asked is None:
        return c.id == words.strip()
    found = "search MATCH :words" if store.engine == "sqlite" else "body @@ to_tsquery('simple', :words)"
    hits = text(f"SELECT case_id FROM search WHERE {found} AND workspace = :space").bindparams(
        bindparam("words", asked), bindparam("space", workspace)
    )
    return or_(c.id == words.strip(), c.id.in_(hits.columns(column("case_id"))))


def search_all(store: Store, words: str) -> str | None:
    """A full-text query for all of these words, the last one as a beginning; None without a word."""
    found = _WORD.findall(words.lower())[:MOST_WORDS]
    if not found:
        return None
    if store.engine == "sqlite":
        return " AND ".join(f'"{word}"' for word in found) + "*"
    return " & ".join(found) + ":*"


def similar(store: Store, workspace: str, words: str, *, but: str, limit: int) -> list[tuple[str, float]]:
    """Cases that people decided and that share words with these, best first, as (case id, score from 0 to 1).

    Only the newest 3,000 cases with any of the words are looked at. Of a gold, not the other times that it was put
    before people: they would tell it, and what was answered.
    """
    asked = any_word(store.engine, words)
    if asked is None:
        return []
    same = {row[0] for row in store.read_hot(same_gold, case_id=but)}
    given = {"words": asked, "workspace": workspace, "limit": limit + 1 + len(same)}
    if store.engine == "sqlite":
        found: Iterable[Any] = store.read_hot(statements.search_decided, **given)
    else:
        # PostgreSQL is to see the words when it plans: without them it takes every search for one that finds little
        named: list[Any] = [bindparam(name, value, literal_execute=name == "words") for name, value in given.items()]
        found = fetch(store, text(_SEARCH_DECIDED).bindparams(*named))
    rows = best_first(store.engine, found, words)
    return scored([row for row in rows if row[0] not in same and row[0] != but][:limit])


def any_word(engine: str, words: str) -> str | None:
    """A full-text query for any of these words; None without one."""
    found = _few_words(words)
    if not found:
        return None
    return " OR ".join(f'"{word}"' for word in found) if engine == "sqlite" else " | ".join(found)


def _few_words(words: str) -> list[str]:
    return list(dict.fromkeys(word for word in _WORD.findall(words.lower()) if len(word) > 2))[:MOST_WORDS]


def best_first(engine: str, hits: Iterable[Sequence[Any]], words: str) -> list[tuple[str, float]]:
    """Hits of a search for any of these words as (case id, the less the better), the best first, then the newest.

    PostgreSQL ranked them. Those of SQLite are (case id, its words), newest first, and ranked here as BM25 does, each
    word once: what few of these hits have counts for more, and so does a short text.
    """
    if engine != "sqlite":
        return [(row[0], row[1]) for row in hits]
    asked = _plain(" ".join(_few_words(words)))
    each = [(row[0], _plain(str(row[1]))) for row in hits]
    having = Counter(word for _, its in each for word in its & asked)
    weight = {word: math.log1p((len(each) - count + 0.5) / (count + 0.5)) for word, count in having.items()}
    usual = sum(len(its) for _, its in each) / max(1, len(each)) or 1.0
    made = [
        (id, -sum(weight[word] for word in its & asked) / (1.3 + 0.9 * len(its) / usual)) for id, its in each
    ]  # fmt: skip
    return sorted(made, key=lambda one: one[1])


def _plain(text: str) -> set[str]:
    """The words of a text as SQLite's index has them: small letters, without accents."""
    text = text.lower()
    if not text.isascii():
        text = "".join(letter for letter in normalize("NFKD", text) if not combining(letter))
    return set(_PLAIN.findall(text))


def scored(rows: Iterable[Sequence[Any]]) -> list[tuple[str, float]]:
    """Hits of a full-text search with a score from 0 to 1, the best hit's."""
    hits = [(row[0], -float(row[1])) for row in rows]
    best = max((score for _, score in hits), default=0.0) or 1.0
    return [(id, round(max(0.0, score / best), 3)) for id, score in hits]


# --- one case ---------------------------------------------------------------------------------


def entries_of(store: Store, log: str, case_id: str) -> list[Any]:
    """The log's entries about one case: (idx, type, bytes), oldest first."""
    entry = schema.audit_entry.c
    return fetch(
        store,
        select(entry.idx, entry.type, entry.bytes)
        .where(entry.case_id == case_id, entry.log == log)
        .order_by(entry.idx),
    )


def calibrator_fitted_at(store: Store, workspace: str, name: str) -> int | None:
    """When the newest version of a calibrator was made."""
    t = schema.calibrator.c
    rows = fetch(store, select(func.max(t.made_at)).where(t.workspace == workspace, t.name == name))
    return rows[0][0] if rows else None


# --- lists of other things --------------------------------------------------------------------


def executions(store: Store, workspace: str, state: str, limit: int) -> list[Any]:
    """Executions in one state, oldest first, with the proposal's columns an execution is shown with."""
    t = schema.execution.c
    return fetch(
        store,
        select(t.case_id, t.action, t.agent, t.state, t.tool_class, t.fence, t.started_at, t.expires_at, t.finished_at,
               t.happened)
        .where(t.workspace == workspace, *_in_state(state)).order_by(t.started_at).limit(limit),
    )  # fmt: skip


def _in_state(state: str) -> Iterator[ColumnElement[bool]]:
    t = schema.execution.c
    yield t.state == state
    if state in UNSETTLED:
        # as the index of those few says it: SQLite takes it for nothing else
        yield t.state.in_([bindparam(None, each, literal_execute=True) for each in UNSETTLED])


def stuck_parks(store: Store, workspace: str, before: int) -> tuple[int, int]:
    """How many parked runs were given up; and how many are due since before this moment and held by nobody."""
    k, waits = schema.parked.c, schema.park_case.c
    decided = (
        select(func.max(p.decided_at))
        .join(waits.case_id.table, waits.case_id == p.case_id)
        .where(waits.park_id == k.id)
    ).scalar_subquery()
    given_up = select(func.count()).where(k.workspace == workspace, k.ended_at.is_(None), k.ending == "failed")
    unwoken = select(func.count()).where(
        k.workspace == workspace, k.ending.is_(None), k.waiting == 0, k.next_at < before, decided < before
    )
    return fetch(store, given_up)[0][0], fetch(store, unwoken)[0][0]


def halts(store: Store, workspace: str) -> list[Any]:
    """The switches that stand."""
    t = schema.halt.c
    return fetch(
        store,
        select(t.id, t.scope, t.value, t.reason, t.set_by, t.set_at)
        .where(t.workspace == workspace, t.lifted_at.is_(None)).order_by(t.set_at),
    )  # fmt: skip


def labels(store: Store, workspace: str, action: str | None, *, cursor: str | None, limit: int) -> Page:
    """Labels, oldest first."""
    t = schema.label.c
    conditions = [t.workspace == workspace] if action is None else [t.workspace == workspace, t.action == action]
    counted = select(func.count()).select_from(select(t.id).where(*conditions).limit(MOST_COUNTED).subquery())
    total = fetch(store, counted)[0][0]
    if action is None:
        conditions = [Unsearched(t.workspace) == workspace]
    behind = _behind(cursor, (int, str))
    if behind is not None:
        conditions.append(t.id > behind[1])
    limit = max(1, min(limit, MOST_ROWS))
    rows = fetch(store, select(t.id, t.bytes, t.made_at).where(*conditions).order_by(t.id).limit(limit + 1))
    more = len(rows) > limit
    return Page(rows[:limit], cursor_of(rows[limit - 1].made_at, rows[limit - 1].id) if more else None, total)


def calibrators(store: Store, workspace: str) -> list[Any]:
    """Every version of every calibrator, newest first."""
    t = schema.calibrator.c
    return fetch(
        store,
        select(t.name, t.version, t.digest, t.made_at, t.bytes)
        .where(t.workspace == workspace).order_by(t.name, t.version.desc()),
    )  # fmt: skip


def people(store: Store, workspace: str) -> list[Any]:
    """Everybody of a workspace, by name."""
    t = schema.person.c
    return fetch(
        store,
        select(t.id, t.name, t.email, t.roles, t.skills, t.active, t.created_at)
        .where(t.workspace == workspace).order_by(t.name, t.id),
    )  # fmt: skip


def keys(store: Store, workspace: str) -> list[Any]:
    """API keys without their secrets, newest first."""
    t = schema.api_key.c
    return fetch(
        store,
        select(t.id, t.name, t.scopes, t.agent, t.person, t.created_at, t.expires_at, t.revoked_at)
        .where(t.workspace == workspace).order_by(t.created_at.desc(), t.id),
    )  # fmt: skip


def webhooks(store: Store, workspace: str) -> list[Any]:
    """Live webhooks with how many of their messages wait, and the last error."""
    t, o = schema.webhook.c, schema.outbox.c
    waiting = (
        select(o.webhook, func.count().label("waiting"), func.max(o.attempts).label("attempts"))
        .where(o.next_at.is_not(None)).group_by(o.webhook).subquery()
    )  # fmt: skip
    return fetch(
        store,
        select(t.id, t.url, t.events, t.created_at, func.coalesce(waiting.c.waiting, 0).label("waiting"),
               func.coalesce(waiting.c.attempts, 0).label("attempts"))
        .outerjoin(waiting, waiting.c.webhook == t.id)
        .where(t.workspace == workspace, t.disabled_at.is_(None)).order_by(t.created_at),
    )  # fmt: skip


def policy_text(store: Store, workspace: str) -> Any:
    """Digest, name and text of the policy in force, or None."""
    w, v = schema.workspace.c, schema.policy_version.c
    rows = fetch(
        store,
        select(v.digest, v.name, v.text)
        .join(schema.workspace, and_(w.id == v.workspace, w.policy == v.digest)).where(w.id == workspace),
    )  # fmt: skip
    return rows[0] if rows else None


def policy_versions(store: Store, workspace: str) -> list[Any]:
    """Every policy ever in force: (digest, name, text), oldest first."""
    v = schema.policy_version.c
    query = select(v.digest, v.name, v.text).where(v.workspace == workspace)
    return fetch(store, query.order_by(v.created_at, v.digest))


# --- figures ----------------------------------------------------------------------------------


def open_by(store: Store, workspace: str, name: str, now: int) -> list[Any]:
    """Open cases by one column: (value, count, oldest opened_at, overdue)."""
    late = func.sum(cast(and_(c.deadline.is_not(None), c.deadline < now), Integer))
    return fetch(
        store,
        select(c[name], func.count(), func.min(c.opened_at), late)
        .where(c.workspace == workspace, c.state == "open").group_by(c[name]).order_by(func.count().desc()),
    )  # fmt: skip


def proposals_by_hour(store: Store, workspace: str, since: int) -> list[Any]:
    """Proposals since a moment: (hours since the epoch, tier, count). Case ids sort by time, so the key finds them.

    Golds that open a session are left out: nobody asked for them.
    """
    hour = cast(p.submitted_at // (3600 * SECOND), Integer)
    oldest = f"{since // 1000:012x}"
    return fetch(
        store,
        select(hour, p.tier, func.count())
        .where(p.case_id >= f"{oldest[:8]}-{oldest[8:12]}", p.submitted_at >= since)
        .where(Unsearched(p.workspace) == workspace)
        .where(outside_bursts())
        .group_by(hour, p.tier),
    )  # fmt: skip


def closed_since(store: Store, workspace: str, since: int) -> list[Any]:
    """Cases settled since a moment: (opened_at, deadline, closed_at, decision)."""
    return fetch(
        store,
        select(c.opened_at, c.deadline, c.closed_at, p.decision)
        .join(schema.proposal, p.case_id == c.id)
        .where(c.workspace == workspace, c.closed_at >= since, outside_bursts())
        .order_by(c.closed_at.desc()).limit(MOST_COUNTED * 5),
    )  # fmt: skip


def reviews_since(store: Store, workspace: str, since: int) -> list[Any]:
    """Answers given since a moment: (reviewer, verdict, dwell)."""
    return fetch(
        store,
        select(r.reviewer, r.verdict, r.dwell)
        .join(schema.proposal, p.case_id == r.case_id)
        .where(r.workspace == workspace, r.given_at >= since, r.withdrawn_at.is_(None), outside_bursts())
        .limit(MOST_COUNTED * 5),
    )  # fmt: skip


def unknown_executions(store: Store, workspace: str | None = None) -> int:
    """Executions that wait for somebody to settle them."""
    t = schema.execution.c
    query = select(func.count()).where(*_in_state("unknown"))
    return int(fetch(store, query if workspace is None else query.where(t.workspace == workspace))[0][0])


def open_everywhere(store: Store) -> list[Any]:
    """Open cases of all workspaces: (workspace, queue, tier, count, oldest opened_at)."""
    return fetch(
        store,
        select(c.workspace, c.queue, c.tier, func.count(), func.min(c.opened_at))
        .where(c.workspace.in_(select(schema.workspace.c.id)), c.state == "open")
        .group_by(c.workspace, c.queue, c.tier),
    )  # fmt: skip


def heads(store: Store) -> list[Any]:
    """Every log's size, signed size and the bytes of its oldest unsigned entry (None: all is signed)."""
    h, e = schema.audit_head.c, schema.audit_entry.c
    return fetch(
        store,
        select(h.log, h.size, h.signed_size, e.bytes)
        .outerjoin(schema.audit_entry, and_(e.log == h.log, e.idx == h.signed_size)),
    )  # fmt: skip


def logs(store: Store) -> set[str]:
    """The names of all logs, of every epoch of each."""
    return {row[0] for row in fetch(store, select(schema.audit_head.c.log))}


def epochs(store: Store, log: str) -> list[str]:
    """All epochs of this log that have a head, the first first."""
    common, _ = split_epoch(log)
    heads = ((split_epoch(head), head) for head in logs(store))
    return [head for (of, _), head in sorted(heads) if of == common]


def anybody(store: Store, workspace: str) -> bool:
    """Whether the workspace has a person at all."""
    t = schema.person.c
    return bool(fetch(store, select(t.id).where(t.workspace == workspace).limit(1)))


# --- cursors ----------------------------------------------------------------------------------


def cursor_of(first: int, second: str) -> str:
    """An opaque place in a list."""
    return base64.urlsafe_b64encode(dumps([str(first), second])).decode().rstrip("=")


def _place(store: Store, workspace: str, case_id: str) -> int:
    """Where a case stands in the queue. No cursor holds it: beside `opened_at` it would tell the silent golds."""
    found = fetch(store, select(c.sort_key).where(c.workspace == workspace, c.id == case_id))
    if not found:
        raise InvalidInput("that cursor is not one of ours", remedy="Begin again without a cursor.")
    return int(found[0][0])


def _behind(cursor: str | None, kinds: tuple[type, ...]) -> list[Any] | None:
    if not cursor:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        values = parse(base64.b64decode(padded, altchars=b"-_", validate=True))
        if not isinstance(values, list) or len(values) != len(kinds):
            raise ValueError(cursor)
        made = [kind(value) for kind, value in zip(kinds, values, strict=True)]
        if abs(made[0]) >= 2**63:
            raise ValueError(cursor)
    except (ValueError, TypeError, MalformedJSON):
        raise InvalidInput("that cursor is not one of ours", remedy="Begin again without a cursor.") from None
    return made
