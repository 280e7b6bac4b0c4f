"""What the tables hold, for `reconcile`: of some cases, of some parked runs, of the workspace itself, and all ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from handrail.canonical import digest
from handrail.lifecycle import watching
from handrail.lifecycle.access import whose_key
from handrail.lifecycle.park import ParkedRow
from handrail.lifecycle.rows import CaseRow, ExecutionRow, ProposalRow, ReviewRow
from handrail.lifecycle.webhooks import told_where
from handrail.store import growth, monitors, statements
from handrail.store.engine import Store
from handrail.store.logbook import PAGE, blob
from handrail.store.statements import Statement
from handrail.store.tx import given_ids

Rows = list[tuple[Any, ...]]


class CaseTables:
    """The rows of these cases. `logs`: the workspace's epochs, oldest first."""

    def __init__(self, store: Store, workspace: str, logs: Sequence[str], ids: Sequence[str]):
        given = {"ids": given_ids(store.engine, ids)}

        def rows(statement: Statement) -> Rows:
            return store.read_hot(statement, **given)

        def own(statement: Statement) -> Rows:
            return store.read_hot(statement, workspace=workspace, **given)

        self.proposals = {r[0]: ProposalRow._make(r) for r in own(statements.state_proposals)}
        self.cases = {r[0]: CaseRow._make(r) for r in own(statements.state_cases)}
        self.claims = {r[0]: (r[2], r[1]) for r in own(statements.state_claims)}
        self.executions = {r[0]: ExecutionRow._make(r) for r in own(statements.state_executions)}
        self.reviews: dict[str, dict[str, ReviewRow]] = {}
        for review in map(ReviewRow._make, own(statements.state_reviews)):
            self.reviews.setdefault(review.case_id, {})[review.id] = review
        # where a case stands in its queue, if it does
        self.ready = {case_id: (lane, sort_key) for case_id, lane, sort_key in own(statements.state_ready)}
        # who may not answer because of who he is, not of what he answered
        self.excluded = _grouped(own(statements.state_excluded))
        self.timers = {(kind, subject) for kind, subject in rows(statements.state_timers)}
        self.revisions: dict[str, dict[int, bytes]] = {}
        for case_id, revision, data in rows(statements.state_revisions):
            self.revisions.setdefault(case_id, {})[revision] = blob(data)
        self.labels = _grouped(own(statements.state_labels))
        self.outcomes = Counter(r[0] for r in own(statements.state_outcomes))
        self.salts: dict[str, dict[str, bytes]] = {}
        found = rows(statements.state_salts)
        for log in logs:
            for _, case_id, path, salt in (row for row in found if row[0] == log):
                self.salts.setdefault(case_id, {})[path] = blob(salt)


class ParkTables:
    """The rows of these parked runs."""

    def __init__(self, store: Store, workspace: str, ids: Sequence[str]):
        given = {"ids": given_ids(store.engine, ids)}
        found = store.read_hot(statements.state_parks, workspace=workspace, **given)
        self.parks = {r[0]: ParkedRow._make(r) for r in found}
        # park → case → is it marked as waited for
        self.cases: dict[str, dict[str, bool]] = {}
        for park_id, case_id, marked in store.read_hot(statements.state_park_cases, **given):
            self.cases.setdefault(park_id, {})[case_id] = bool(marked)


class WorkspaceTables:
    """The rows that are about no case."""

    def __init__(self, store: Store, workspace: str):
        def rows(statement: Statement) -> Rows:
            return store.read_hot(statement, workspace=workspace)

        _, _, _, frozen, self.policy, watch = store.read_hot(statements.workspace_get, id=workspace)[0]
        self.frozen = bool(frozen)
        self.watch = watching.read(watch)
        self.halts = {
            id: (scope, value, lifted_at is None, set_at)
            for id, scope, value, set_at, lifted_at in rows(statements.state_halts)
        }
        self.alarms = {r[0] for r in rows(monitors.state_alarms)}
        self.grants = {
            id: (uses, action, expires_at, digest(blob(body)))
            for id, uses, action, expires_at, body in rows(statements.state_grants)
        }
        self.promotions: dict[str, str] = dict(rows(growth.state_promotions))
        self.people = {
            r[0]: (frozenset(filter(None, r[1].split(","))), bool(r[2])) for r in rows(statements.state_people)
        }
        self.keys = {f"key_{id}": (scopes, whose_key(*whose)) for id, scopes, *whose in rows(statements.state_keys)}
        self.webhooks = {
            f"webhook_{id}": told_where(url, events) for id, url, events in rows(statements.state_webhooks)
        }
        self.calibrators = {(r[0], r[1]): (r[2], digest(blob(r[3]))) for r in rows(statements.state_calibrators)}
        self.policies = [(key, digest(text.encode())) for key, text in rows(statements.state_policies)]


def all_cases(store: Store, workspace: str) -> CaseTables:
    """The rows of every case at once, without salts: where cases are few."""
    return CaseTables(store, workspace, (), list(ids_in(store, workspace, statements.state_proposal_ids)))


def ids_in(store: Store, workspace: str, statement: Statement) -> Iterator[str]:
    """Every id of a table."""
    last = ""
    while page := store.read_hot(statement, workspace=workspace, after=last, limit=PAGE):
        yield from (row[0] for row in page)
        last = page[-1][0]


def _grouped(rows: Rows) -> dict[str, set[str]]:
    made: dict[str, set[str]] = {}
    for case_id, one in rows:
        made.setdefault(case_id, set()).add(one)
    return made
