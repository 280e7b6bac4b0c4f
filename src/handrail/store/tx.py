"""One transaction: guarded statements at once, certain writes gathered, audit entries last.

Nothing here decides anything. A verb reads and changes state through `run`, adds rows through
`add` and changes through `later`, and records what it did through `entry`. `flush` then takes the
audit head, gives each entry its dense index, and adds the outbox rows. Without that there is no commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias, cast

from sqlalchemy import Table

from handrail.audit.checkpoint import split_epoch
from handrail.audit.schemas import check
from handrail.audit.tile import WIDTH
from handrail.audit.tree import Frontier, leaf_hash, root_of, split_hashes
from handrail.canonical import JSON, dumps, parse
from handrail.clock import SECOND, iso, uuid7
from handrail.decision import Decision
from handrail.entry import KEPT, MAX_NAME, EntryType, entry_bytes
from handrail.errors import Conflict, InvalidInput, NotFound
from handrail.store import schema, statements
from handrail.store.statements import Change, Statement

Engine = Literal["sqlite", "postgres"]
Row = tuple[Any, ...]
CLOCK_TOLERANCE = 5 * SECOND
# what `memo` keeps webhooks under
HOOKS = "webhooks"
# the part of an entry that its event repeats, where there is no case to ask about
TOLD = {
    "training.due": "training", "policy.changed": "policy", "calibrator.changed": "calibrator", "halt.set": "halt",
    "halt.lifted": "halt", "alarm.raised": "alarm", "alarm.lifted": "alarm", "overflow.entered": "overflow",
    "overflow.left": "overflow", "capacity.priced": "capacity", "incident.flagged": "incident", "run.parked": "park",
    "run.woken": "park",
    "run.abandoned": "park", "run.retried": "park",
    "promotion.proposed": "promotion", "promotion.accepted": "promotion",
    "promotion.declined": "promotion", "promotion.ended": "promotion",
    "reviewer.flagged": "reviewer", "reviewer.cleared": "reviewer",
}  # fmt: skip

# types of which there are so many that only what looks unusual is held against its schema
MANY = frozenset({
    "proposal.submitted", "case.opened", "case.closed", "claim.taken", "claim.released", "claim.lapsed", "review.given",
    "decision.made", "execution.started", "execution.finished", "outcome.recorded", "label.made",
})  # fmt: skip
_NOTHING: dict[str, JSON] = {}
UNUSUAL = frozenset({"undoes", "batch", "grant", "roles"})
USUAL_BYTES = 1200
# lists of reasons that an entry was found good with: a policy has few
_good_reasons: set[tuple[Any, ...]] = set()
MOST_REASONS = 4096


def refuse_malformed(type: EntryType, data: bytes, pid: str, fields: Mapping[str, Any]) -> None:
    """The last door before the log, which forgets nothing: no entry that its own reader would refuse.

    Raises `InvalidInput`. Each verb refuses what it takes from outside; here stands what it overlooked.
    """
    reasons = tuple(fields.get("reasons") or ())
    submitter = fields.get("submitter")
    if (
        type in MANY
        and 0 < len(pid) <= MAX_NAME
        and (submitter is None or 0 < len(submitter) <= MAX_NAME)
        and len(data) <= USUAL_BYTES
        and data.isascii()
        and b"\\" not in data
        and b"\x7f" not in data
        and (UNUSUAL.isdisjoint(fields) or all(fields.get(name) is None for name in UNUSUAL))
        and (fields.get("fields") or _NOTHING).keys() <= KEPT
        and (not reasons or reasons in _good_reasons)
    ):
        return
    wrong = check(parse(data))
    if wrong is not None:
        raise InvalidInput(
            f"the audit log cannot hold this {type}: {wrong}",
            remedy="Send names of 1 to 256 characters without control characters.",
        )
    if reasons and len(_good_reasons) < MOST_REASONS:
        _good_reasons.add(reasons)


def given_ids(engine: Engine, ids: Sequence[str]) -> JSON:
    """Ids as the statements of an engine take them: an array, or a JSON list."""
    return list(ids) if engine == "postgres" else dumps(list(ids)).decode()


def lost_race(change: Change) -> Conflict:
    """What a sure change raises when somebody else was first."""
    return Conflict(f"the {change.table} row changed a moment ago", remedy="Look at it again, then repeat.")


class Writes(NamedTuple):
    """Rows for one table, sets of parameters for one change, or for one statement."""

    what: Table | Change | Statement
    rows: list[Mapping[str, Any]]


Read: TypeAlias = tuple[Statement, Mapping[str, Any]]


class Connection(Protocol):
    """What a transaction needs of a driver."""

    @property
    def engine(self) -> Engine: ...
    def execute(self, statement: Statement, parameters: Mapping[str, Any]) -> list[Row]: ...
    def exchange(self, writes: Sequence[Writes], reads: Sequence[Read] = ()) -> list[list[Row]]:
        """Write, then read, in one go. Raises `Conflict` where a sure change found its row changed."""
        ...

    def insert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """Insert rows, passing over those a unique constraint refuses; the first-column keys that went in."""
        ...


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
    # what the monitors have to say, as JSON
    watch: str | None = None


class Look(NamedTuple):
    """A read that verbs begin with, known before they run: of some cases, or of a workspace or a person there."""

    statement: Statement
    workspace: str
    case_ids: tuple[str, ...] = ()
    # answers for many cases; its first column is the case id
    many: Statement | None = None
    person: str = ""

    def read(self, engine: Engine) -> Read:
        """What to run for it."""
        if not self.case_ids:
            return self.statement, {"id": self.workspace, "workspace": self.workspace, "person": self.person}
        if len(self.case_ids) == 1 or self.many is None:
            return self.statement, {"case_id": self.case_ids[0], "workspace": self.workspace}
        return self.many, {"ids": given_ids(engine, self.case_ids), "workspace": self.workspace}


class Tx:
    """The transaction a verb runs in. Not thread-safe; lives as long as one group of verbs."""

    def __init__(self, connection: Connection, now: int, *, at_once: bool = False):
        self.connection = connection
        self.engine = connection.engine
        # one moment for the whole group
        self.now = now
        self.now_iso = iso(now)
        # facts that cannot change within the group unless a verb changes them here too
        self.memo: dict[Any, Any] = {}
        self.entries: list[Staged] = []
        # gather nothing, so that a write which fails names its verb
        self._at_once = at_once
        # in which place each kind is written, and its rows
        self._gathered: dict[Table | Change, tuple[int, list[Mapping[str, Any]]]] = {}
        # which of a table's gathered writes the present verb added to last
        self._last: dict[str, int] = {}
        # has the present verb written anything yet?
        self.dirty = False
        # has some of it been sent before the rest?
        self._torn = False
        # a gathered write failed; whose it was is not known
        self.failed_late = False
        # answers to first reads, fetched for the whole group at once: (statement, case or workspace, person) to rows
        self._ahead: dict[tuple[str, str, str], list[Row]] = {}

    def begin_verb(self) -> None:
        """The next verb of the group runs from here on."""
        if self._torn and self._gathered:
            # in the order in which a whole verb writes, so that those of its kind go with it
            self._drain()
        self._torn = self.dirty = False
        self._last.clear()

    # --- reading and writing ------------------------------------------------------------------

    def run(self, statement: Statement, **parameters: Any) -> list[Row]:
        """Run one named statement and return its rows."""
        if statement.writes:
            self.dirty = True
        elif self._ahead:
            case = parameters.get("case_id")
            if case is None or not self.dirty:
                about = case or parameters.get("workspace") or parameters.get("id", "")
                known = self._ahead.pop((statement.name, about, parameters.get("person", "")), None)
                if known is not None:
                    return known
        if self._gathered and (statement.writes or self._concerns(statement)):
            self._drain()
        return self.connection.execute(statement, parameters)

    def together(self, reads: Sequence[Read]) -> list[list[Row]]:
        """Several reads in one go."""
        return self._drain(reads)

    def _concerns(self, statement: Statement) -> bool:
        """Whether a read is about a table that gathered writes change."""
        return any((what.name if isinstance(what, Table) else what.table) in statement.words for what in self._gathered)

    def answer(self, looks: Iterable[Look], answers: Iterable[list[Row]]) -> None:
        """Keep the answers to first reads. Each serves once, and of a case only until its verb has written something.

        The caller knows that no other verb of the group touches the cases they are about, and that none changes what
        it reads of workspaces and people so that it would matter at this moment.
        """
        for look, rows in zip(looks, answers, strict=True):
            name = look.statement.name
            if len(look.case_ids) > 1 and look.many is not None:
                found: dict[str, list[Row]] = {id: [] for id in look.case_ids}
                for row in rows:
                    found[row[0]].append(row[1:])
                for id, each in found.items():
                    self._ahead[name, id, ""] = each
            else:
                self._ahead[name, look.case_ids[0] if look.case_ids else look.workspace, look.person] = rows

    def one(self, statement: Statement, **parameters: Any) -> Row | None:
        """The first row, or None."""
        rows = self.run(statement, **parameters)
        return rows[0] if rows else None

    def add(self, table: Table, **row: Any) -> None:
        """Insert one row; gathered with others of its kind until the next statement or the flush."""
        self._gather(table, table.name, row)

    def later(self, change: Change, **parameters: Any) -> None:
        """Change what nobody reads before the next statement or the flush; gathered with others of its kind."""
        self._gather(change, change.table, parameters)

    def add_unless_known(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """Insert rows, passing over those a unique constraint refuses; the first-column keys that went in."""
        self.dirty = True
        if self._gathered:
            self._drain()
        return self.connection.insert(table, rows)

    def _gather(self, what: Table | Change, table: str, row: Mapping[str, Any]) -> None:
        self.dirty = True
        if self._at_once:
            self.connection.exchange([Writes(what, [row])])
            return
        held = self._gathered.get(what)
        if self._last.get(table, -1) > (len(self._gathered) if held is None else held[0]):
            # kinds are written one after the other: this verb's writes to one table must keep their order
            self._drain()
            held = None
        if held is None:
            held = self._gathered[what] = len(self._gathered), []
        place, rows = held
        rows.append(row)
        self._last[table] = place

    def _drain(self, reads: Sequence[Read] = ()) -> list[list[Row]]:
        writes = [Writes(what, rows) for what, (_, rows) in self._gathered.items()]
        self._gathered = {}
        self._last.clear()
        self._torn = self.dirty
        try:
            return self.connection.exchange(writes, reads)
        except Exception:
            self.failed_late = not self._at_once
            raise

    # --- facts --------------------------------------------------------------------------------

    def workspace(self, id: str) -> Workspace:
        """The workspace, once per group. Raises `NotFound`."""
        known = self.memo.get(("workspace", id))
        if known is None:
            row = self.one(statements.workspace_get, id=id)
            if row is None:
                raise NotFound(f"there is no workspace {id!r}")
            known = self.memo["workspace", id] = Workspace(row[0], row[1], bytes(row[2]), bool(row[3]), row[4], row[5])
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
        refuse_malformed(type, data, actor["pid"], fields)
        staged = Staged(workspace=workspace, log=space.log, id=id, type=type,
                        case_id=case[0] if case else None, at=self.now, data=data)  # fmt: skip
        self.entries.append(staged)
        self.dirty = True
        return staged

    def flush(self) -> list[Writes]:
        """Write what was gathered; take the audit heads last, in one order, so that no two groups deadlock.

        Returns what is to be written with the commit.
        """
        by_log: dict[str, list[Staged]] = {}
        for staged in self.entries:
            by_log.setdefault(staged.log, []).append(staged)
        spaces = [id for id in sorted({s.workspace for s in self.entries}) if (HOOKS, id) not in self.memo]
        reads: list[Read] = [(statements.head_lock, {"log": log}) for log in sorted(by_log)]
        reads += [(statements.webhook_live, {"workspace": space}) for space in spaces]
        if not reads and not self._gathered:
            return []
        found = self._drain(reads)
        self.memo.update({(HOOKS, space): rows for space, rows in zip(spaces, found[len(by_log) :], strict=True)})
        left = []
        for log, head in zip(sorted(by_log), found, strict=False):
            left += self._append(log, by_log[log], head)
        # after the log, whose indices are the order in which a case's events must go out; it takes no lock
        return left + self._events()

    def _append(self, log: str, staged: list[Staged], head: list[Row]) -> list[Writes]:
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
        rows: list[Mapping[str, Any]] = []
        hashes = []
        for at, entry in enumerate(staged, size):
            entry.index = at
            hash = leaf_hash(entry.data)
            hashes.append(hash)
            rows.append({"log": log, "idx": at, "id": entry.id, "type": entry.type, "case_id": entry.case_id,
                         "bytes": entry.data, "hash": hash})  # fmt: skip
        frontier.extend(hashes)
        moved = {"log": log, "size": frontier.size, "frontier": frontier.to_bytes(), "last_at": latest}
        writes = [Writes(schema.audit_entry, rows), Writes(statements.head_move, [moved])]
        full = range(size // WIDTH, frontier.size // WIDTH)
        return self._keep_tiles(log, full, writes) if full else writes

    def _clock_jumped(self, workspace: str, log: str, last_at: int) -> Staged:
        """The clock went back by more than the tolerance: say so before anything carries the earlier time."""
        self.entry(workspace, "clock.jumped", {"kind": "system", "pid": "clock"}, before=iso(last_at))
        return self.entries.pop()

    def _keep_tiles(self, log: str, full: range, writes: list[Writes]) -> list[Writes]:
        """Write the entries, then their full tiles of level 0, and each full tile above that those complete.

        Returns what is to be written with the commit.
        """
        reads: list[Read] = [
            (statements.entry_hashes, {"log": log, "start": n * WIDTH, "stop": (n + 1) * WIDTH}) for n in full
        ]
        found = self.connection.exchange(writes, reads)
        made: list[Mapping[str, Any]] = [
            _tile(log, 0, n, (row[0] for row in rows)) for n, rows in zip(full, found, strict=True)
        ]
        tiles = [Writes(schema.audit_tile, made)]
        if all((n + 1) % WIDTH for n in full):
            return tiles
        self.connection.exchange(tiles)
        for n in full:
            self._keep_above(log, n)
        return []

    def _keep_above(self, log: str, n: int) -> None:
        level = 0
        while not (n + 1) % WIDTH:
            level, n = level + 1, (n + 1) // WIDTH - 1
            roots = []
            for child in range(n * WIDTH, (n + 1) * WIDTH):
                below = self.connection.execute(statements.tile_get, {"log": log, "level": level - 1, "n": child})
                roots.append(root_of(split_hashes(bytes(below[0][0]))))
            self.connection.exchange([Writes(schema.audit_tile, [_tile(log, level, n, roots)])])

    # --- events for webhooks ------------------------------------------------------------------

    def _events(self) -> list[Writes]:
        rows: list[Mapping[str, Any]] = []
        told = [staged for staged in self.entries if self.memo[HOOKS, staged.workspace]]
        silent = self._golds({staged.case_id for staged in told if staged.case_id is not None})
        for staged in told:
            if staged.case_id in silent:
                continue
            for webhook, events in self.memo[HOOKS, staged.workspace]:
                if events == "*" or staged.type in events.split(","):
                    rows.append({
                        "id": staged.id, "webhook": webhook, "workspace": staged.workspace, "case_id": staged.case_id,
                        "seq": split_epoch(staged.log)[1] << 48 | staged.index, "type": staged.type,
                        "body": _event_body(staged), "created_at": self.now, "attempts": 0, "next_at": self.now,
                        "delivered_at": None, "last_error": None,
                    })  # fmt: skip
        return [Writes(schema.outbox, rows)] if rows else []

    def _golds(self, cases: set[str]) -> set[str]:
        """Which of these cases are golds: nobody is told of them."""
        if not cases:
            return set()
        wanted = {"ids": given_ids(self.engine, sorted(cases))}
        return {row[0] for row in self.connection.execute(statements.gold_among, wanted)}


def _tile(log: str, level: int, n: int, hashes: Iterable[bytes]) -> dict[str, Any]:
    return {"log": log, "level": level, "n": n, "hashes": b"".join(map(bytes, hashes))}


def _event_body(staged: Staged) -> bytes:
    """What a subscriber is told: which entry, about which case; never a value of the case itself."""
    body: dict[str, JSON] = {
        "type": staged.type, "at": iso(staged.at), "case_id": staged.case_id, "event_id": staged.id,
    }  # fmt: skip
    told = TOLD.get(staged.type)
    if told is not None:
        body[told] = parse(staged.data)[told]
    return dumps(body)
