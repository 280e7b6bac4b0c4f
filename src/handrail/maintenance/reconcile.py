"""Reconcile: rebuild state from a workspace's entries, and report every row that says something else.

Who can write to the database can change a row without an entry, or forget one. Hashes do not show
that; this does (trust.md, attack A11 and invariant I6).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from handrail.audit.bundle import read_size
from handrail.audit.tree import Frontier, leaf_hash
from handrail.canonical import action_digest, digest, dumps, parse
from handrail.clock import Clock
from handrail.errors import HandrailError, MalformedJSON, NotFound, Unreadable
from handrail.lifecycle import committing
from handrail.lifecycle.erase import ERASED
from handrail.lifecycle.opening import bind
from handrail.lifecycle.park import missing
from handrail.lifecycle.rows import CaseRow, ProposalRow, ReviewRow, route_noun
from handrail.maintenance.rebuilt import Account, ParkAccount, Rebuilt
from handrail.maintenance.tables import CaseTables, ParkTables, WorkspaceTables, ids_in
from handrail.parked import Wakes
from handrail.store import reads, statements
from handrail.store.engine import Store
from handrail.store.logbook import PAGE, RESTORE, Logbook, blob


class Difference(NamedTuple):
    """One thing that the log and the tables tell differently. `where` is a table and a key."""

    where: str
    what: str
    # None: it has no such thing
    log: Any
    table: Any

    def __str__(self) -> str:
        return f"{self.where}: {self.what} is {self.table!r}, but the log says {self.log!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What was compared, and what differed. `moving`: cases that changed meanwhile; `skipped`: what of the workspace
    itself did (`grant`, `policy`, `access` and so on). Run it again for those."""

    entries: int
    cases: int
    moving: int
    skipped: tuple[str, ...]
    differences: tuple[Difference, ...]


def reconcile(store: Store, workspace: str, clock: Clock) -> Reconciled:
    """Compare a workspace's tables with its log, some hundred cases at a time. Raises `NotFound`, `InvalidProof` where
    an entry is missing, and `Unreadable` where an entry or a row holds what handrail never writes.

    Safe beside a running server: what changes while it is looked at is left out and counted. `clock` is the one the
    workspace's writer goes by: a timer that was due before now may have been handled without an entry.
    """
    try:
        return _compared(store, workspace, clock)
    except _FOREIGN as error:
        # SQLite takes a value of any type in any column
        text = f"a row holds what handrail never writes there: {type(error).__name__}: {error}"
        raise Unreadable(text, remedy=RESTORE) from error


# cases whose rows are compared at once
AT_A_TIME = 500
_FOREIGN = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)


def _feed(told: Rebuilt, store: Store, log: str, start: int = 0) -> Iterator[Difference]:
    """Take in a log's entries; yields what stands beside one in its row and not in it."""
    beside = _beside(store, log, start)
    for at, data in enumerate(Logbook(store, log).entries(start), start):
        try:
            entry = parse(data)
            told.feed(entry)
            said = {"id": entry["id"], "type": entry["type"], "case_id": entry.get("case", {}).get("id")}
        except (MalformedJSON, *_FOREIGN) as error:
            raise Unreadable(f"entry {at} of {log} cannot be read: {error}", remedy=RESTORE) from error
        for name, found in next(beside).items():
            yield from _one(f"audit_entry {at}", name, said[name], found)


def _beside(store: Store, log: str, start: int) -> Iterator[dict[str, str | None]]:
    """What an entry is found by, for each from `start`."""
    last = start - 1
    while page := store.read_hot(statements.entries_after, log=log, idx=last, limit=PAGE):
        yield from ({"id": id, "type": type, "case_id": case_id} for _, type, case_id, id in page)
        last = page[-1][0]


def _head(store: Store, log: str, *, closed: bool) -> Iterator[Difference]:
    """Is what is held as signed what the checkpoint says? Of an epoch that is over, are its entries those that were?"""
    for size, frontier, signed_size, checkpoint, _ in store.read_hot(statements.head_get, log=log):
        vouched = 0 if checkpoint is None else read_size(checkpoint.encode())
        yield from _one(f"audit_head {log}", "signed_size", vouched, signed_size)
        if closed:
            whole = Frontier()
            whole.extend([leaf_hash(data) for data in Logbook(store, log).entries()])
            yield from _one(f"audit_head {log}", "entries", whole.size, size)
            yield from _one(f"audit_head {log}", "root", whole.root().hex(), Frontier.from_bytes(frontier).root().hex())


def _compared(store: Store, workspace: str, clock: Clock) -> Reconciled:
    found = store.read_hot(statements.workspace_get, id=workspace)
    if not found:
        raise NotFound(f"there is no workspace {workspace!r}")
    told = Rebuilt()
    differences: list[Difference] = []
    logs = reads.epochs(store, found[0][1]) or [found[0][1]]
    differences += _one("workspace", "log", logs[-1], found[0][1])
    acts = [row[0] for row in store.read_hot(statements.state_triggers)]
    differences += _one("database", "what acts by itself", [], acts)
    begins = []
    for log in logs:
        begins.append(told.size)
        differences += _feed(told, store, log)
        differences += _head(store, log, closed=log != logs[-1])
    differences += _one("audit_head", "where later epochs begin", told.epochs, begins[1:])

    def catch_up() -> int:
        """Take in what was logged meanwhile. Rows are read between two of these: what the second brings has moved."""
        differences.extend(_feed(told, store, logs[-1], told.size - begins[-1]))
        return told.size

    known, moving = sorted(told.cases), 0
    for ids in batched(known):
        size = catch_up()
        tables = CaseTables(store, workspace, logs, ids)
        catch_up()
        # read after the tables: what they no longer hold was due before
        now = max(told.at, clock.now())
        still = [id for id in ids if told.cases[id].idx < size]
        moving += len(ids) - len(still)
        differences += [d for id in still for d in _case(id, told.cases[id], tables, now)]
    for ids in batched(sorted(told.parks)):
        size = catch_up()
        parks = ParkTables(store, workspace, ids)
        catch_up()
        for id, park in ((id, told.parks[id]) for id in ids):
            if park.idx < size and all(told.cases[case_id].idx < size for case_id in park.cases):
                differences += _park(id, park, told, parks)
    differences += _unknown(store, workspace, told, catch_up)
    size = catch_up()
    standing = WorkspaceTables(store, workspace)
    catch_up()
    skipped = sorted(kind for kind in _KINDS if told.newest.get(kind, -1) >= size)
    differences += [d for kind, d in _workspace(told, standing) if kind not in skipped]
    return Reconciled(
        entries=told.size, cases=len(told.cases), moving=moving + len(told.cases) - len(known), skipped=tuple(skipped),
        differences=tuple(differences),
    )  # fmt: skip


def batched(ids: list[str]) -> Iterator[list[str]]:
    """Ids, so many at a time that their rows take little memory."""
    return (ids[start : start + AT_A_TIME] for start in range(0, len(ids), AT_A_TIME))


def _unknown(store: Store, workspace: str, told: Rebuilt, catch_up: Callable[[], int]) -> list[Difference]:
    """Rows of which the log knows nothing, and places in a queue of which their cases know nothing."""
    rows = [
        (table, id, known)
        for table, statement, known in (
            ("parked", statements.state_parked_ids, told.parks),
            ("proposal", statements.state_proposal_ids, told.cases),
            ("cases", statements.state_case_ids, told.cases),
            ("execution", statements.state_execution_ids, told.cases),
        )
        for id in ids_in(store, workspace, statement)
        if id not in known
    ]
    catch_up()
    astray = store.read_hot(statements.state_astray, workspace=workspace)
    return [
        *(Difference(f"{table} {id}", "row", None, "present") for table, id, known in rows if id not in known),
        *(Difference(f"ready {id}", "place", None, (lane, sort_key)) for id, lane, sort_key in astray),
    ]


def _case(id: str, told: Account, tables: CaseTables, now: int) -> Iterator[Difference]:
    row = tables.proposals.get(id)
    if row is None:
        yield Difference(f"proposal {id}", "row", "present", None)
        return
    yield from _differ(f"proposal {id}", told, row, _PROPOSAL)
    if not told.erased:
        yield from _bytes(id, row, tables.salts.get(id, {}))
        yield from _one(f"label of {id}", "ids", sorted(told.labels), sorted(tables.labels.get(id, ())))
        yield from _one(f"outcome of {id}", "count", told.outcomes, tables.outcomes.get(id, 0))
        replaced = tables.revisions.get(id, {})
        yield from _one(f"revision of {id}", "replaced", sorted(told.replaced), sorted(replaced))
        yield from _kept(id, told, row, replaced, tables.reviews.get(id, {}))
    case = tables.cases.get(id)
    yield from _one(f"cases {id}", "row", told.state is not None, case is not None)
    if case is not None and told.state is not None:
        yield from _differ(f"cases {id}", told, case, _CASE)
        yield from _one(f"cases {id}", "soft", told.soft, bool(case.soft))
        yield from _one(f"excluded {id}", "people", sorted(told.excluded), sorted(tables.excluded.get(id, ())))
        yield from _one(f"claim {id}", "fence and reviewer", told.claim, tables.claims.get(id))
        yield from _reviews(told, tables.reviews.get(id, {}))
        yield from _queue(id, told, row, case, tables, now=now)
    execution = tables.executions.get(id)
    yield from _one(f"execution {id}", "state", told.execution, execution.state if execution else None)
    if execution is not None and told.execution is not None:
        yield from _one(f"execution {id}", "fence", told.execution_fence, execution.fence)
        happened = None if execution.happened is None else bool(execution.happened)
        yield from _one(f"execution {id}", "happened", told.happened, happened)
        if execution.tool_class != "unsafe":
            # a person who does it himself, and who calls it off, does so as with the strictest
            yield from _one(f"execution {id}", "tool_class", told.tool_class, execution.tool_class)
        if told.execution in ("succeeded", "failed") and execution.result != _REDACTED:
            returned = None if execution.result is None else digest(blob(execution.result))
            yield from _one(f"execution {id}", "digest of its result", told.outcome, returned)
        if told.execution == "started" and execution.tool_class == "unsafe":
            yield from _one(f"timer execution {id}", "row", True, ("execution", id) in tables.timers)


_REDACTED = dumps(ERASED)
_PROPOSAL = (
    ("action", "action"), ("digest", "action_digest"), ("policy", "policy"), ("tier", "tier"), ("agent", "agent"),
    ("run", "run"), ("undoes", "undoes"), ("revision", "revision"), ("decision", "decision"),
    ("decided_at", "decided_at"), ("decision_entry", "decision_entry"),
)  # fmt: skip
_CASE = (
    ("state", "state"), ("revision", "revision"), ("reviewers", "reviewers"), ("deadline", "deadline"),
    ("on_expiry", "on_expiry"), ("escalations", "escalations"), ("fence", "fence"), ("action", "action"),
)  # fmt: skip
_REVIEW = (
    ("reviewer", "reviewer"), ("verdict", "verdict"), ("revision", "revision"), ("effective_at", "effective_at"),
    ("card", "card"), ("fence", "fence"),
)  # fmt: skip


def _one(where: str, what: str, log: object, table: object) -> Iterator[Difference]:
    if log != table:
        yield Difference(where, what, log, table)


def _differ(where: str, told: object, row: object, names: tuple[tuple[str, str], ...]) -> Iterator[Difference]:
    for mine, theirs in names:
        log, table = getattr(told, mine), getattr(row, theirs)
        # a case without reviewers named still needs one
        if mine == "reviewers":
            table = max(1, table)
        yield from _one(where, theirs, log, table)


def _bytes(id: str, row: ProposalRow, salts: dict[str, bytes]) -> Iterator[Difference]:
    """Do the stored bytes still have the digest that people approved?"""
    try:
        blob(row.data)
        record = row.record()
        made = action_digest(
            workspace=row.workspace, principal=record.get("principal"), action=row.action,
            schema=digest(dumps(record["schema"])) if "schema" in record else None, arguments=bind(record, salts),
            target=record.get("target"), case=id, revision=row.revision,
        )  # fmt: skip
    except (HandrailError, *_FOREIGN) as error:
        made = str(error)
    yield from _one(f"proposal {id}", "bytes", row.action_digest, made)


def _kept(
    id: str, told: Account, row: ProposalRow, replaced: dict[int, bytes], reviews: dict[str, ReviewRow]
) -> Iterator[Difference]:
    """Is what is kept what the log commits to: revisions, the route people are asked by, the decision, answers?"""
    if row.secret is None:
        yield Difference(f"proposal {id}", "secret", "present", None)
        return
    secret = blob(row.secret)
    for revision, data in sorted({**replaced, row.revision: blob(row.data)}.items()):
        where = f"proposal {id}" if revision == row.revision else f"revision {revision} of {id}"
        found = committing.to_proposal(secret, data)[committing.PROPOSAL]
        yield from _one(where, "commitment to its record", told.proposals.get(revision), found)
    try:
        route = committing.to_route(secret, committing.route_data(route_noun(blob(row.route))))[committing.ROUTE]
    except (HandrailError, *_FOREIGN) as error:
        route = str(error)
    if told.route is not None:
        yield from _one(f"proposal {id}", "commitment to its route", told.route, route)
    said = {} if row.decision_bytes is None else committing.to_decision(secret, blob(row.decision_bytes))
    yield from _one(f"proposal {id}", "commitment to its decision", told.reason, said.get(committing.DECISION))
    for review in told.reviews.keys() & reviews.keys():
        answer = committing.to_answer(secret, blob(reviews[review].data), review)[committing.ANSWER]
        yield from _one(f"review {review}", "commitment to the answer", told.reviews[review].body, answer)


def _reviews(told: Account, rows: dict[str, ReviewRow]) -> Iterator[Difference]:
    for id in sorted(told.reviews.keys() | rows.keys()):
        review, row = told.reviews.get(id), rows.get(id)
        if review is None or row is None:
            yield Difference(f"review {id}", "row", review and "present", row and "present")
            continue
        yield from _differ(f"review {id}", review, row, _REVIEW)
        yield from _one(f"review {id}", "blind", review.blind, bool(row.blind))
        yield from _one(f"review {id}", "withdrawn", review.withdrawn, row.withdrawn_at is not None)
        yield from _one(f"review {id}", "voided", review.voided, row.voided_at is not None)


def _queue(
    id: str, told: Account, row: ProposalRow, case: CaseRow, tables: CaseTables, *, now: int
) -> Iterator[Difference]:
    """An open case that nobody holds and that lacks answers stands in its lane, once; no other case does."""
    place = tables.ready.get(id)
    live = {rid: r for rid, r in told.reviews.items() if r.live}
    given = sum(
        r.verdict != "abstain" and (r.revision == told.revision or rid == row.made_by) for rid, r in live.items()
    )
    waits = told.state == "open" and told.claim is None
    if waits and given < max(1, told.reviewers):
        yield from _one(f"ready {id}", "place", (case.lane, case.sort_key), place)
    elif not waits:
        yield from _one(f"ready {id}", "place", None, place)
    if told.state != "open":
        return
    if told.deadline is not None and told.deadline > now:
        yield from _one(f"timer deadline {id}", "row", True, ("deadline", id) in tables.timers)
    if told.claim is not None:
        yield from _one(f"timer claim {id}", "row", True, ("claim", id) in tables.timers)
    if any(r.effective_at > now for r in live.values()):
        yield from _one(f"timer effective {id}", "row", True, ("effective", id) in tables.timers)


_PARK = (("run", "run"), ("framework", "framework"), ("wakes", "wakes"), ("ending", "ending"))


def _park(id: str, told: ParkAccount, log: Rebuilt, tables: ParkTables) -> Iterator[Difference]:
    """A parked run: what it waits for, and whether the state kept for it is the one that was parked."""
    row = tables.parks.get(id)
    if row is None:
        yield Difference(f"parked {id}", "row", "present", None)
        return
    yield from _differ(f"parked {id}", told, row, _PARK)
    waits = tables.cases.get(id, {})
    yield from _one(f"parked {id}", "cases", list(told.cases), sorted(waits))
    over = told.ending not in (None, "failed")
    kept = None if row.state is None else hashlib.sha256(row.state).hexdigest()
    yield from _one(f"parked {id}", "state", None if over else told.state, kept)
    if over:
        return
    undecided = [case_id for case_id in told.cases if log.cases[case_id].decision is None]
    yield from _one(
        f"parked {id}", "waiting", missing(cast(Wakes, told.wakes), len(told.cases), len(undecided)), row.waiting
    )
    for case_id in undecided:
        yield from _one(f"proposal {case_id}", "parked", True, waits.get(case_id, False))


_KINDS = (
    "policy", "halt", "alarm", "overflow", "capacity", "grant", "promotion", "access", "incident", "calibrator",
)  # fmt: skip


def _workspace(told: Rebuilt, tables: WorkspaceTables) -> Iterator[tuple[str, Difference]]:
    """Differences in what is about no case, each with the kind of entries that tell it."""

    def one(kind: str, where: str, what: str, log: object, table: object) -> Iterator[tuple[str, Difference]]:
        return ((kind, difference) for difference in _one(where, what, log, table))

    yield from one("policy", "workspace", "policy", told.policy, tables.policy)
    for named, found in tables.policies:
        yield from one("policy", f"policy_version {named[:12]}", "digest of its text", named, found)
    for named in sorted(told.policies.difference(named for named, _ in tables.policies)):
        yield from one("policy", f"policy_version {named[:12]}", "row", "present", None)
    for id in sorted(told.halts.keys() | tables.halts.keys()):
        made, row = told.halts.get(id), tables.halts.get(id)
        yield from one("halt", f"halt {id}", "what it stops", made and made[:3], row and row[:3])
        # where the clock went back, it reaches further than its entry's time
        if made is not None and row is not None and row[3] < made[3]:
            yield from one("halt", f"halt {id}", "since when", made[3], row[3])
    yield from one("alarm", "monitor", "standing alarms", sorted(told.alarms), sorted(tables.alarms))
    raising = sorted(id for id, tier in told.alarms.items() if tier is not None)
    carried = sorted(alarm["id"] for alarms in tables.watch.alarms.values() for alarm in alarms)
    yield from one("alarm", "workspace", "alarms that raise", raising, carried)
    yield from one("overflow", "workspace", "overflow", told.overflows, bool(tables.watch.overflow))
    held = {"": tables.watch.scarcity} | tables.watch.scarcity.get("agents", {})
    prices = {agent: f"{each.get('factor', 1.0):.4f}" for agent, each in held.items()}
    said, stands = (sorted(item for item in each.items() if item[1] != "1.0000") for each in (told.factors, prices))
    yield from one("capacity", "workspace", "times its price that a review counts", said, stands)
    for id in sorted(told.grants.keys() | tables.grants.keys()):
        yield from one("grant", f"permission {id}", "what it grants", told.grants.get(id), tables.grants.get(id))
    yield from one(
        "promotion", "promotion", "state", sorted(told.promotions.items()), sorted(tables.promotions.items())
    )
    for key in sorted(told.keys.keys() | tables.keys.keys()):
        where = f"api_key {key.removeprefix('key_')}"
        yield from one("access", where, "scopes and whose it is", told.keys.get(key), tables.keys.get(key))
    for id in sorted(told.webhooks.keys() | tables.webhooks.keys()):
        where = f"webhook {id.removeprefix('webhook_')}"
        yield from one("access", where, "what goes where", told.webhooks.get(id), tables.webhooks.get(id))
    for id in sorted(told.people.keys() | tables.people.keys()):
        yield from one("access", f"person {id}", "roles and standing", told.people.get(id), tables.people.get(id))
    yield from one("incident", "workspace", "frozen", told.frozen, tables.frozen)
    for name, version in sorted(told.calibrators.keys() | tables.calibrators.keys()):
        log, table = told.calibrators.get((name, version)), tables.calibrators.get((name, version))
        where = f"calibrator {name} version {version}"
        yield from one("calibrator", where, "digest", log, table and table[0])
        yield from one("calibrator", where, "digest of its bytes", log, table and table[1])
