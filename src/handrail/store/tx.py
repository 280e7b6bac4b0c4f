"""One transaction: guarded statements at once, additions gathered, audit entries last.

Nothing here decides anything. A verb reads and changes state through `run`, adds rows through
`add`, and records what it did through `entry`. `flush` then takes the audit head, gives each entry
its dense index, and writes the outbox rows. Without that there is no commit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol, cast

from sqlalchemy import Table

from handrail.audit.checkpoint import split_epoch
from handrail.audit.tile import WIDTH
from handrail.audit.tree import Frontier, leaf_hash, root_of, split_hashes
from handrail.canonical import JSON, dumps, parse
from handrail.clock import SECOND, iso, uuid7
from handrail.decision import Decision
from handrail.entry import EntryType, entry_bytes
from handrail.errors import NotFound
from handrail.store import schema, statements
from handrail.store.statements import Statement

Engine = Literal["sqlite", "postgres"]
Row = tuple[Any, ...]
CLOCK_TOLERANCE = 5 * SECOND
# the part of an entry that its event repeats, where there is no case to ask about
TOLD = {
    "training.due": "training", "policy.changed": "policy", "calibrator.changed": "calibrator", "halt.set": "halt",
    "halt.lifted": "halt", "incident.flagged": "incident", "run.parked": "park", "run.woken": "park",
    "run.abandoned": "park", "run.retried": "park",
}  # fmt: skip


class Connection(Protocol):
    """What a transaction needs of a driver."""

    @property
    def engine(self) -> Engine: ...
    def execute(self, statement: Statement, parameters: Mapping[str, Any]) -> list[Row]: ...
    def insert(self, table: Table, rows: Sequence[Mapping[str, Any]], *, ignore: bool = False) -> list[str]: ...


class Staged:
    """An audit entry that waits for its place in the log; `index` is known after the flush."""

    __slots__ = ("at", "case_id", "data", "decision", "id", "index", "log", "type", "workspace")

    def __init__(self, *, workspace: str, log: str, id: str, type: str, case_id: str | None, at: int, data: bytes):
        self.workspace = workspace
        self.log = log
        self.id = id
        self.type = type
        self.case_id = case_id
        self.at = at
        self.data = data
        self.index = -1
        # the decision that it records, for whoever waits for it in this process
        self.decision: Decision | None = None


class Workspace(NamedTuple):
    """A tenant as the store knows it."""

    id: str
    log: str
    secret: bytes
    frozen: bool
    policy: str | None


class Tx:
    """The transaction a verb runs in. Not thread-safe; lives as long as one group of verbs."""

    def __init__(self, connection: Connection, now: int):
        self.connection = connection
        self.engine = connection.engine
        # one moment for the whole group
        self.now = now
        self.now_iso = iso(now)
        # facts that cannot change within the group unless a verb changes them here too
        self.memo: dict[Any, Any] = {}
        self.entries: list[Staged] = []
        self._added: list[tuple[Table, Mapping[str, Any]]] = []
        # has the present verb written anything yet?
        self.dirty = False
        # answers to first reads, fetched for the whole group at once: (statement, case id) to rows
        self._ahead: dict[tuple[str, str], list[Row]] = {}

    # --- reading and writing ------------------------------------------------------------------

    def run(self, statement: Statement, **parameters: Any) -> list[Row]:
        """Run one named statement and return its rows."""
        if self._added:
            self._drain()
        if not statement.sqlite.startswith("SELECT"):
            self.dirty = True
        elif self._ahead and not self.dirty:
            known = self._ahead.pop((statement.name, parameters.get("case_id", "")), None)
            if known is not None:
                return known
        return self.connection.execute(statement, parameters)

    def look_ahead(self, statement: Statement, many: Statement, workspace: str, case_ids: Sequence[str]) -> None:
        """Answer `statement` for each of these cases with one `many`, whose first column is the case id.

        Each answer serves once, and only as long as its verb has written nothing. The caller knows that no
        other verb of the group touches these cases.
        """
        found: dict[str, list[Row]] = {id: [] for id in case_ids}
        ids = dumps(list(case_ids)).decode()
        for row in self.connection.execute(many, {"ids": ids, "workspace": workspace}):
            found[row[0]].append(row[1:])
        for id, rows in found.items():
            self._ahead[statement.name, id] = rows

    def one(self, statement: Statement, **parameters: Any) -> Row | None:
        """The first row, or None."""
        rows = self.run(statement, **parameters)
        return rows[0] if rows else None

    def add(self, table: Table, **row: Any) -> None:
        """Insert one row; gathered with others of its kind until the next statement or the flush."""
        self.dirty = True
        self._added.append((table, row))

    def add_unless_known(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """Insert rows, passing over those a unique constraint refuses; the first-column keys that went in."""
        if self._added:
            self._drain()
        self.dirty = True
        return self.connection.insert(table, rows, ignore=True)

    def _drain(self) -> None:
        added, self._added = self._added, []
        by_table: dict[str, tuple[Table, list[Mapping[str, Any]]]] = {}
        for table, row in added:
            by_table.setdefault(table.name, (table, []))[1].append(row)
        for table, rows in by_table.values():
            self.connection.insert(table, rows)

    # --- facts --------------------------------------------------------------------------------

    def workspace(self, id: str) -> Workspace:
        """The workspace, once per group. Raises `NotFound`."""
        known = self.memo.get(("workspace", id))
        if known is None:
            row = self.one(statements.workspace_get, id=id)
            if row is None:
                raise NotFound(f"there is no workspace {id!r}")
            known = self.memo["workspace", id] = Workspace(row[0], row[1], bytes(row[2]), bool(row[3]), row[4])
        return cast(Workspace, known)

    def new_id(self) -> str:
        """A fresh UUIDv7 of this moment."""
        return uuid7(self.now)

    # --- the log ------------------------------------------------------------------------------

    def entry(self, workspace: str, type: EntryType, actor: dict[str, str], *, id: str | None = None,
              case: tuple[str, int] | None = None, from_: str | None = None, **fields: JSON) -> Staged:  # fmt: skip
        """Stage one audit entry. It is written by `flush`, in this transaction, or not at all."""
        space = self.workspace(workspace)
        id = id or uuid7(self.now)
        if case is not None:
            fields["case"] = {"id": case[0], "rev": case[1]}
        if from_ is not None:
            fields["from"] = from_
        data = entry_bytes(log=space.log, id=id, type=type, at=self.now_iso, actor=actor, **fields)
        staged = Staged(workspace=workspace, log=space.log, id=id, type=type,
                        case_id=case[0] if case else None, at=self.now, data=data)  # fmt: skip
        self.entries.append(staged)
        self.dirty = True
        return staged

    def flush(self) -> None:
        """Write what was gathered; take the audit heads last, in one order, so that no two groups deadlock."""
        if self._added:
            self._drain()
        by_log: dict[str, list[Staged]] = {}
        for staged in self.entries:
            by_log.setdefault(staged.log, []).append(staged)
        for log in sorted(by_log):
            self._append(log, by_log[log])
        # after the log, whose indices are the order in which a case's events must go out; it takes no lock
        self._queue_events()
        if self._added:
            self._drain()

    def _append(self, log: str, staged: list[Staged]) -> None:
        head = self.connection.execute(statements.head_lock, {"log": log})
        if not head:
            empty = Frontier()
            self.connection.execute(statements.head_insert, {"log": log, "frontier": empty.to_bytes()})
            head = self.connection.execute(statements.head_lock, {"log": log})
        size, frontier_bytes, last_at = head[0]
        latest = max(self.now, last_at)
        if self.now < last_at - CLOCK_TOLERANCE:
            staged = [self._clock_jumped(staged[0].workspace, log, last_at), *staged]
            latest = self.now
        frontier = Frontier.from_bytes(bytes(frontier_bytes))
        rows = []
        hashes = []
        for at, entry in enumerate(staged, size):
            entry.index = at
            hash = leaf_hash(entry.data)
            hashes.append(hash)
            rows.append({"log": log, "idx": at, "id": entry.id, "type": entry.type, "case_id": entry.case_id,
                         "bytes": entry.data, "hash": hash})  # fmt: skip
        frontier.extend(hashes)
        self.connection.insert(schema.audit_entry, rows)
        for n in range(size // WIDTH, frontier.size // WIDTH):
            self._store_tile(log, n)
        self.connection.execute(
            statements.head_move,
            {"log": log, "size": frontier.size, "frontier": frontier.to_bytes(), "last_at": latest},
        )

    def _clock_jumped(self, workspace: str, log: str, last_at: int) -> Staged:
        """The clock went back by more than the tolerance: say so before anything carries the earlier time."""
        self.entry(workspace, "clock.jumped", {"kind": "system", "pid": "clock"}, before=iso(last_at))
        return self.entries.pop()

    def _store_tile(self, log: str, n: int) -> None:
        """Keep a full tile of level 0, and each full tile above that it completes."""
        level = 0
        while True:
            hashes = self._level(log, level, n)
            self.connection.insert(
                schema.audit_tile, [{"log": log, "level": level, "n": n, "hashes": b"".join(hashes)}]
            )
            level, n, rest = level + 1, (n + 1) // WIDTH - 1, (n + 1) % WIDTH
            if rest:
                return

    def _level(self, log: str, level: int, n: int) -> list[bytes]:
        if level == 0:
            found = self.connection.execute(
                statements.entry_hashes, {"log": log, "start": n * WIDTH, "stop": (n + 1) * WIDTH}
            )
            return [bytes(row[0]) for row in found]
        below = []
        for child in range(n * WIDTH, (n + 1) * WIDTH):
            tile = self.connection.execute(statements.tile_get, {"log": log, "level": level - 1, "n": child})
            below.append(root_of(split_hashes(bytes(tile[0][0]))))
        return below

    # --- events for webhooks ------------------------------------------------------------------

    def _queue_events(self) -> None:
        for staged in self.entries:
            key = ("webhooks", staged.workspace)
            if key not in self.memo:
                self.memo[key] = self.connection.execute(statements.webhook_live, {"workspace": staged.workspace})
            for webhook, events in self.memo[key]:
                if events == "*" or staged.type in events.split(","):
                    self.add(
                        schema.outbox, id=staged.id, webhook=webhook, workspace=staged.workspace,
                        case_id=staged.case_id, seq=split_epoch(staged.log)[1] << 48 | staged.index, type=staged.type,
                        body=_event_body(staged),
                        created_at=self.now, attempts=0, next_at=self.now, delivered_at=None, last_error=None,
                    )  # fmt: skip


def _event_body(staged: Staged) -> bytes:
    """What a subscriber is told: which entry, about which case; never a value of the case itself."""
    body: dict[str, JSON] = {
        "type": staged.type, "at": iso(staged.at), "case_id": staged.case_id, "event_id": staged.id,
    }  # fmt: skip
    told = TOLD.get(staged.type)
    if told is not None:
        body[told] = parse(staged.data)[told]
    return dumps(body)
