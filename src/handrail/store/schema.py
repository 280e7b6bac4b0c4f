"""Every table, once, for both engines. Times are microseconds since the epoch.

`proposal` is the row that two decisions race on: its `decision` is NULL until one of them wins.
`ready` is narrow on purpose: a row is deleted when its case is taken and inserted again when the claim
lapses, so taking the next case never scans what is already held.
On SQLite, narrow rows live in their primary key's tree (WITHOUT ROWID): one page less to write per
table and commit. Wide ones are appended by rowid: a tree of wide rows splits every few inserts.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# ids compare by bytes on both engines
Id = String(64)
Name = String(256)
Time = BigInteger


def _where(condition: str) -> dict[str, Any]:
    """A partial index, on both engines."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


def _in(column: str, *values: str) -> str:
    return f"{column} IN ({', '.join(repr(v) for v in values)})"


workspace = Table(
    "workspace",
    metadata,
    Column("id", Name, primary_key=True),
    # origin of its audit log: <host>/<workspace>[/e<epoch>]
    Column("log", Name, nullable=False, unique=True),
    # secret for pseudonyms of people named in proposals
    Column("secret", LargeBinary, nullable=False),
    # a restored copy starts frozen until an operator acknowledges it
    Column("frozen", Boolean, nullable=False, server_default=text("false")),
    Column("policy", Id),
    # what monitors have to say to the router, as JSON: standing alarms, stale calibrators, overflow; NULL: nothing
    Column("watch", Text),
    Column("created_at", Time, nullable=False),
)

policy_version = Table(
    "policy_version",
    metadata,
    Column("workspace", Name, primary_key=True),
    Column("digest", Id, primary_key=True),
    Column("name", Name, nullable=False),
    Column("text", Text, nullable=False),
    Column("created_by", Name, nullable=False),
    Column("created_at", Time, nullable=False),
)

action = Table(
    "action",
    metadata,
    Column("workspace", Name, primary_key=True),
    Column("name", Name, primary_key=True),
    Column("schema", LargeBinary),
    Column("schema_digest", Id),
    Column("tool_class", String(16), nullable=False),
    Column("undo", Name),
    Column("declared_at", Time, nullable=False),
)

proposal = Table(
    "proposal",
    metadata,
    Column("case_id", Id, primary_key=True),
    Column("workspace", Name, nullable=False),
    # (key) or (run, call id, digest) or the case id itself
    Column("identity", String(700), nullable=False),
    Column("digest", Id, nullable=False),
    Column("action", Name, nullable=False),
    Column("agent", Name),
    Column("run", Name),
    Column("tier", String(16), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("action_digest", Id, nullable=False),
    # RFC 8785 bytes of the proposal as submitted or last revised
    Column("bytes", LargeBinary, nullable=False),
    Column("route", LargeBinary, nullable=False),
    Column("policy", Id, nullable=False),
    Column("submitted_at", Time, nullable=False),
    Column("undoes", Id),
    # id of the review whose edit made this revision
    Column("made_by", Id),
    # NULL until decided; then exactly one, for good
    Column("decision", String(16)),
    Column("decision_bytes", LargeBinary),
    Column("decided_at", Time),
    # id of the audit entry that is the receipt
    Column("decision_entry", Id),
    # a parked run waits for it: its decision counts there too
    Column("parked", Boolean, nullable=False, server_default=text("false")),
    UniqueConstraint("workspace", "identity"),
    CheckConstraint(_in("tier", "auto_approve", "soft_review", "hard_gate", "deny"), name="tier_known"),
    CheckConstraint(
        "decision IS NULL OR "
        + _in("decision", "approved", "rejected", "responded", "redirected", "expired", "cancelled"),
        name="decision_known",
    ),
    CheckConstraint("(decision IS NULL) = (decided_at IS NULL)", name="decided_with_time"),
    Index("ix_proposal_run", "workspace", "run", **_where("run IS NOT NULL")),
    Index("ix_proposal_undoes", "undoes", **_where("undoes IS NOT NULL")),
)  # fmt: skip

# what a revision replaced: the bytes people saw before an edit
revision = Table(
    "revision",
    metadata,
    Column("case_id", Id, primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("bytes", LargeBinary, nullable=False),
    Column("replaced_at", Time, nullable=False),
)

cases = Table(
    "cases",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workspace", Name, nullable=False),
    Column("action", Name, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("tier", String(16), nullable=False),
    Column("queue", Name, nullable=False),
    Column("lane", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("reviewers", Integer, nullable=False),
    Column("sort_key", BigInteger, nullable=False),
    Column("deadline", Time),
    Column("on_expiry", String(16), nullable=False),
    # decided before people look: soft review or spot check
    Column("soft", Boolean, nullable=False),
    Column("gold", Boolean, nullable=False, server_default=text("false")),
    Column("summary", Text, nullable=False),
    Column("opened_at", Time, nullable=False),
    Column("closed_at", Time),
    Column("escalations", Integer, nullable=False, server_default=text("0")),
    # grows with every claim
    Column("fence", Integer, nullable=False, server_default=text("0")),
    CheckConstraint(_in("state", "open", "decided", "reviewed"), name="state_known"),
    CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="closed_with_time"),
    Index("ix_cases_state", "workspace", "state", "sort_key", "id"),
    Index("ix_cases_closed", "workspace", "closed_at"),
    Index("ix_cases_opened", "workspace", "opened_at"),
)

lane = Table(
    "lane",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("workspace", Name, nullable=False),
    Column("queue", Name, nullable=False),
    # sorted, comma-separated; also the roles a reviewer must hold, as role:<name>
    Column("skills", String(512), nullable=False),
    UniqueConstraint("workspace", "queue", "skills"),
)

ready = Table(
    "ready",
    metadata,
    Column("lane", Integer, primary_key=True, autoincrement=False),
    Column("sort_key", BigInteger, primary_key=True),
    Column("case_id", Id, primary_key=True),
    sqlite_with_rowid=False,
)

excluded = Table(
    "excluded",
    metadata,
    Column("case_id", Id, primary_key=True),
    # pseudonym of somebody who may not review this case: asks, owns, delegated, or has answered
    Column("person", Name, primary_key=True),
    # requester, owner, reviewed
    Column("why", String(16), nullable=False),
    sqlite_with_rowid=False,
)

claim = Table(
    "claim",
    metadata,
    Column("case_id", Id, primary_key=True),
    Column("workspace", Name, nullable=False),
    Column("reviewer", Name, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("taken_at", Time, nullable=False),
    Column("expires_at", Time, nullable=False),
    Index("ix_claim_reviewer", "workspace", "reviewer"),
    sqlite_with_rowid=False,
)

# how long somebody has been reviewing without a real break
stint = Table(
    "stint",
    metadata,
    Column("workspace", Name, primary_key=True),
    Column("person", Id, primary_key=True),
    Column("started_at", Time, nullable=False),
    Column("last_at", Time, nullable=False),
    sqlite_with_rowid=False,
)

review = Table(
    "review",
    metadata,
    Column("id", Id, primary_key=True),
    Column("case_id", Id, nullable=False),
    Column("workspace", Name, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("reviewer", Name, nullable=False),
    Column("verdict", String(16), nullable=False),
    # arguments, value, instruction, reason, note, roles, provenance
    Column("bytes", LargeBinary, nullable=False),
    Column("card", Id),
    Column("fence", Integer, nullable=False),
    Column("blind", Boolean, nullable=False),
    Column("dwell", Float),
    Column("given_at", Time, nullable=False),
    Column("effective_at", Time, nullable=False),
    Column("withdrawn_at", Time),
    Column("voided_at", Time),
    Column("batch", Id),
    CheckConstraint(
        _in("verdict", "approve", "edit", "reject", "respond", "redirect", "abstain"), name="verdict_known"
    ),
    # one live review per person and revision
    Index(
        "uq_review_live", "case_id", "revision", "reviewer", unique=True,
        **_where("withdrawn_at IS NULL AND voided_at IS NULL"),
    ),
    # the partial index above does not serve a look at all answers of a case
    Index("ix_review_case", "case_id"),
    Index("ix_review_reviewer", "workspace", "reviewer", "given_at"),
)  # fmt: skip

execution = Table(
    "execution",
    metadata,
    # the at-most-once point
    Column("case_id", Id, primary_key=True),
    Column("workspace", Name, nullable=False),
    Column("action", Name, nullable=False),
    Column("agent", Name),
    Column("state", String(16), nullable=False),
    Column("tool_class", String(16), nullable=False),
    Column("nonce", Name, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("started_at", Time, nullable=False),
    Column("expires_at", Time, nullable=False),
    Column("finished_at", Time),
    Column("result", LargeBinary),
    Column("happened", Boolean),
    CheckConstraint(_in("state", "started", "succeeded", "failed", "unknown", "settled", "voided"), name="state_known"),
    Index("ix_execution_state", "workspace", "state", **_where("state IN ('started', 'unknown')")),
)  # fmt: skip

# approved actions that wait for a worker
handoff = Table(
    "handoff",
    metadata,
    Column("workspace", Name, primary_key=True),
    Column("action", Name, primary_key=True),
    Column("case_id", Id, primary_key=True),
    Column("approved_at", Time, nullable=False),
    sqlite_with_rowid=False,
)

# a run that a framework paused: what it waits for, and what wakes it
parked = Table(
    "parked",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workspace", Name, nullable=False),
    # whose it is, if it was parked by an agent
    Column("agent", Name),
    Column("run", Name, nullable=False),
    Column("framework", String(64), nullable=False),
    # the framework's own snapshot; gone when the park has ended
    Column("state", LargeBinary),
    Column("state_digest", Id),
    Column("wakes", String(8), nullable=False),
    # decisions that are still missing; at 0 it is due
    Column("waiting", Integer, nullable=False),
    Column("parked_at", Time, nullable=False),
    # the waker's own word for its attempt; NULL while nobody holds it
    Column("nonce", Name),
    # grows with every taking
    Column("fence", Integer, nullable=False, server_default=text("0")),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    # not to be taken before; while it is held: when to think its waker lost
    Column("next_at", Time, nullable=False),
    Column("ended_at", Time),
    # `failed` is given up but not over: it keeps its state until it is retried, superseded or abandoned
    Column("ending", String(16)),
    Column("note", Text),
    CheckConstraint(_in("wakes", "all", "any"), name="wakes_known"),
    CheckConstraint("ending IS NULL OR " + _in("ending", "woken", "superseded", "abandoned", "failed"),
                    name="ending_known"),
    CheckConstraint("(ended_at IS NULL) = (ending IS NULL OR ending = 'failed')", name="ended_with_time"),
    CheckConstraint("ended_at IS NULL OR state IS NULL", name="ended_without_state"),
    Index("uq_parked_run", "workspace", "run", "framework", unique=True, **_where("ended_at IS NULL")),
    Index("ix_parked_run", "workspace", "run", "framework"),
    Index("ix_parked_open", "workspace", "parked_at", **_where("ended_at IS NULL")),
    Index("ix_parked_due", "workspace", "framework", "parked_at", **_where("ending IS NULL AND waiting = 0")),
    Index("ix_parked_nonce", "nonce", **_where("nonce IS NOT NULL")),
)  # fmt: skip

park_case = Table(
    "park_case",
    metadata,
    Column("park_id", Id, primary_key=True),
    Column("case_id", Id, primary_key=True),
    Index("ix_park_case_case", "case_id"),
    sqlite_with_rowid=False,
)

timer = Table(
    "timer",
    metadata,
    # deadline, effective, claim, execution, retry
    Column("kind", String(16), primary_key=True),
    Column("subject", Id, primary_key=True),
    Column("due_at", Time, nullable=False),
    Index("ix_timer_due", "due_at"),
    sqlite_with_rowid=False,
)

outcome = Table(
    "outcome",
    metadata,
    Column("id", Id, primary_key=True),
    Column("case_id", Id, nullable=False),
    Column("workspace", Name, nullable=False),
    Column("bytes", LargeBinary, nullable=False),
    Column("at", Time, nullable=False),
    Index("ix_outcome_case", "case_id"),
)

label = Table(
    "label",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workspace", Name, nullable=False),
    Column("case_id", Id, nullable=False),
    Column("action", Name, nullable=False),
    Column("source", String(16), nullable=False),
    Column("correct", Boolean),
    Column("bytes", LargeBinary, nullable=False),
    Column("made_at", Time, nullable=False),
    # id of the training batch that took it
    Column("batch", Id),
    Index("ix_label_action", "workspace", "action", "id"),
    Index("ix_label_waiting", "workspace", "action", "id", **_where("batch IS NULL")),
    Index("ix_label_batch", "batch", **_where("batch IS NOT NULL")),
)  # fmt: skip

training_batch = Table(
    "training_batch",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workspace", Name, nullable=False),
    Column("action", Name, nullable=False),
    Column("size", Integer, nullable=False),
    Column("agreement", Float),
    # ready or held
    Column("state", String(16), nullable=False),
    Column("reason", Text),
    Column("made_at", Time, nullable=False),
    # id of the training it was announced with
    Column("training", Id),
    CheckConstraint(_in("state", "ready", "held"), name="state_known"),
    Index("ix_training_batch_action", "workspace", "action"),
)

# each time enough new labels were ready: what the hook command is run for
training = Table(
    "training",
    metadata,
    # also the id of its audit entry
    Column("id", Id, primary_key=True),
    Column("workspace", Name, nullable=False),
    Column("action", Name, nullable=False),
    # labels that are new since the time before
    Column("labels", Integer, nullable=False),
    Column("due_at", Time, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    # not to be run before; while it runs: when to think it lost
    Column("next_at", Time, nullable=False),
    Column("finished_at", Time),
    Column("exit_code", Integer),
    Column("error", Text),
    CheckConstraint(_in("state", "due", "running", "done", "failed", "superseded"), name="state_known"),
    Index("ix_training_due", "next_at", **_where("state IN ('due', 'running')")),
)  # fmt: skip

# one row a round of learning: what people were asked, and how wrong the model still is
training_round = Table(
    "training_round",
    metadata,
    Column("workspace", Name, primary_key=True),
    Column("action", Name, primary_key=True),
    Column("round", Integer, primary_key=True, autoincrement=False),
    Column("proposals", Integer, nullable=False),
    Column("reviewed", Integer, nullable=False),
    Column("review_rate", Float, nullable=False),
    Column("model_error", Float),
    Column("passed_error", Float),
    Column("threshold", Float),
    Column("at", Time, nullable=False),
)

# cases whose answer is known: what reviewers are tested with
gold = Table(
    "gold",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workspace", Name, nullable=False),
    Column("action", Name, nullable=False),
    Column("kind", String(16), nullable=False),
    # RFC 8785 bytes of a proposal's record with its `gold`, and their SHA-256
    Column("bytes", LargeBinary, nullable=False),
    Column("digest", Id, nullable=False),
    # how often it was put before people
    Column("views", Integer, nullable=False, server_default=text("0")),
    Column("added_by", Name, nullable=False),
    Column("added_at", Time, nullable=False),
    Column("retired_at", Time),
    UniqueConstraint("workspace", "digest"),
    Index("ix_gold_pool", "workspace", "action", "kind", "views", **_where("retired_at IS NULL")),
)

# which case was a gold: kept here and nowhere else, since reviewers may read the history of a case
gold_case = Table(
    "gold_case",
    metadata,
    # the ordinary case that drew it: one draws at most one
    Column("drawn_by", Id, primary_key=True),
    Column("workspace", Name, nullable=False),
    Column("gold", Id, nullable=False),
    Column("case_id", Id, nullable=False),
    Column("at", Time, nullable=False),
    Index("ix_gold_case_gold", "gold"),
    Index("ix_gold_case_workspace", "workspace", "at"),
)

# what golds or a person's way of answering say against believing one answer alone
reviewer_flag = Table(
    "reviewer_flag",
    metadata,
    Column("workspace", Name, primary_key=True),
    Column("person", Name, primary_key=True),
    # golds, approves_fast, approves_all
    Column("code", String(32), primary_key=True),
    Column("n", Integer, nullable=False),
    Column("since", Time, nullable=False),
    sqlite_with_rowid=False,
)

# every check drawn of what was let through, with its chance; it enters its monitors in the order of the draws
spot_check = Table(
    "spot_check",
    metadata,
    Column("workspace", Name, primary_key=True),
    Column("action", Name, primary_key=True),
    Column("case_id", Id, primary_key=True),
    Column("stream", String(16), nullable=False),
    # the chance by which its stream drew it, and that of being looked at in any stream
    Column("pi", Float, nullable=False),
    Column("inclusion", Float, nullable=False),
    Column("confidence", Float),
    # a person saw it beforehand, because an alarm stood: evidence for lifting the alarm
    Column("raised", Boolean, nullable=False),
    Column("drawn_at", Time, nullable=False),
    # NULL until it entered
    Column("verdict", String(16)),
    CheckConstraint(_in("stream", "uniform", "weighted"), name="stream_known"),
    CheckConstraint("verdict IS NULL OR " + _in("verdict", "right", "wrong", "expired", "unclear"),
                    name="verdict_known"),
    Index("ix_spot_check_waiting", "workspace", "action", "case_id", **_where("verdict IS NULL")),
    sqlite_with_rowid=False,
)  # fmt: skip

# what is watched of one action ("" for the whole workspace), from its beginning to its alarm and lifting
monitor = Table(
    "monitor",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workspace", Name, nullable=False),
    Column("action", Name, nullable=False),
    Column("kind", String(32), nullable=False),
    # what it was begun with, what it has seen, and points of its curve
    Column("terms", LargeBinary, nullable=False),
    Column("state", LargeBinary, nullable=False),
    Column("curve", LargeBinary, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("log_e", Float, nullable=False),
    # it alarms from here on
    Column("line", Float, nullable=False),
    # case id up to which it has seen the stream; NULL where it is fed by checks
    Column("seen", Id),
    Column("begun_at", Time, nullable=False),
    Column("updated_at", Time, nullable=False),
    Column("alarmed_at", Time),
    Column("lifted_at", Time),
    Column("lifted_by", Name),
    Column("certificate", LargeBinary),
    Column("ended_at", Time),
    CheckConstraint("(lifted_at IS NULL) = (lifted_by IS NULL)", name="lifted_by_somebody"),
    CheckConstraint("lifted_at IS NULL OR alarmed_at IS NOT NULL", name="lifted_after_alarm"),
    Index("uq_monitor_live", "workspace", "action", "kind", unique=True, **_where("ended_at IS NULL")),
)  # fmt: skip

# a loop of active learning over one pool of cases; one a time for an action
learning = Table(
    "learning",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workspace", Name, nullable=False),
    Column("action", Name, nullable=False),
    # terms it was begun with, and the digest of its pool
    Column("bytes", LargeBinary, nullable=False),
    Column("begun_at", Time, nullable=False),
    Column("ended_at", Time),
    # why it ended, in words
    Column("reason", Text),
    CheckConstraint("(ended_at IS NULL) = (reason IS NULL)", name="ended_with_reason"),
    Index("uq_learning_action", "workspace", "action", unique=True, **_where("ended_at IS NULL")),
)  # fmt: skip

# one round of it: what is asked is written down before anybody is asked
learning_batch = Table(
    "learning_batch",
    metadata,
    Column("learning", Id, primary_key=True),
    Column("round", Integer, primary_key=True, autoincrement=False),
    # which cases, why each, and what the model of the round before said of it
    Column("picks", LargeBinary, nullable=False),
    Column("planned_at", Time, nullable=False),
    # what its answers taught; NULL until the model was trained on them
    Column("figures", LargeBinary),
    Column("closed_at", Time),
    CheckConstraint("(figures IS NULL) = (closed_at IS NULL)", name="closed_with_figures"),
)

calibrator = Table(
    "calibrator",
    metadata,
    Column("workspace", Name, primary_key=True),
    Column("name", Name, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("bytes", LargeBinary, nullable=False),
    Column("digest", Id, nullable=False),
    Column("made_at", Time, nullable=False),
)

halt = Table(
    "halt",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workspace", Name, nullable=False),
    Column("scope", String(16), nullable=False),
    Column("value", Name),
    Column("reason", Text, nullable=False),
    Column("set_by", Name, nullable=False),
    Column("set_at", Time, nullable=False),
    Column("lifted_by", Name),
    Column("lifted_at", Time),
    CheckConstraint(_in("scope", "agent", "action", "run", "workspace"), name="scope_known"),
    Index("ix_halt_live", "workspace", **_where("lifted_at IS NULL")),
)  # fmt: skip

grant = Table(
    "permission",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workspace", Name, nullable=False),
    Column("bytes", LargeBinary, nullable=False),
    Column("action", Name, nullable=False),
    Column("issued_by", Name, nullable=False),
    Column("issued_at", Time, nullable=False),
    Column("expires_at", Time, nullable=False),
    Column("ended_at", Time),
    # of an approval for one run: the run, its agent, and how often it may still be used
    Column("run", Name),
    Column("agent", Name),
    Column("uses_left", Integer),
    Index("ix_permission_action", "workspace", "action"),
)

# kinds of proposals that earn autonomy each by themselves; laid down once, never cut anew
cell = Table(
    "cell",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workspace", Name, nullable=False),
    Column("action", Name, nullable=False),
    # what belongs to it, as JSON
    Column("bytes", LargeBinary, nullable=False),
    # its evidence begins anew with each round: after a severe miss, or an alarm
    Column("round", Integer, nullable=False),
    Column("laid_at", Time, nullable=False),
    # since when the present round counts
    Column("since", Time, nullable=False),
    Index("ix_cell_action", "workspace", "action"),
)

# the cases a cell is judged by, put there when they came in, before anybody answered
cell_case = Table(
    "cell_case",
    metadata,
    Column("case_id", Id, primary_key=True),
    Column("workspace", Name, nullable=False),
    Column("cell", Id, nullable=False),
    Column("round", Integer, nullable=False),
    # the grant that let it through; NULL: it waited for a person
    Column("permission", Id),
    # NULL until it is answered
    Column("judged", String(16)),
    # who answered it: pseudonyms, comma-separated
    Column("judges", Text),
    CheckConstraint(
        "judged IS NULL OR " + _in("judged", "right", "wrong", "unchecked", "unclear"), name="judged_known"
    ),
    Index("ix_cell_case_cell", "workspace", "cell", "round", "judged", "case_id"),
)

# more autonomy for a cell: proposed with its evidence, then accepted or declined by a person
promotion = Table(
    "promotion",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workspace", Name, nullable=False),
    Column("action", Name, nullable=False),
    Column("cell", Id, nullable=False),
    Column("state", String(16), nullable=False),
    # tier, limit, evidence, back-test, saving
    Column("bytes", LargeBinary, nullable=False),
    Column("proposed_by", Name, nullable=False),
    Column("proposed_at", Time, nullable=False),
    Column("decided_by", Name),
    Column("decided_at", Time),
    Column("permission", Id),
    Column("expires_at", Time),
    Column("ended_at", Time),
    # why it ended, as a code, or was declined, in words
    Column("reason", Text),
    CheckConstraint(_in("state", "proposed", "accepted", "declined", "ended"), name="state_known"),
    # of two who promote the same cell one is first
    Index("uq_promotion_live", "workspace", "cell", unique=True, **_where("state IN ('proposed', 'accepted')")),
    Index("ix_promotion_permission", "permission", **_where("permission IS NOT NULL")),
)  # fmt: skip

# what windowed sums and budgets count: one row per dimension a policy asks about
usage = Table(
    "usage",
    metadata,
    Column("workspace", Name, primary_key=True),
    # "<dimension>\0<value>\0<action>": principal, agent, run, target
    Column("subject", String(700), primary_key=True),
    Column("at", Time, primary_key=True),
    Column("case_id", Id, primary_key=True),
    Column("amount", Text),
    Column("currency", String(8)),
    # 1 when a person was asked
    Column("asked", Integer, nullable=False),
    sqlite_with_rowid=False,
)

audit_entry = Table(
    "audit_entry",
    metadata,
    Column("log", Name, primary_key=True),
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Id, nullable=False),
    Column("type", String(32), nullable=False),
    Column("case_id", Id),
    Column("bytes", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    UniqueConstraint("log", "id"),
    Index("ix_audit_entry_case", "case_id", **_where("case_id IS NOT NULL")),
)  # fmt: skip

audit_tile = Table(
    "audit_tile",
    metadata,
    Column("log", Name, primary_key=True),
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    # 256 hashes of 32 bytes; only full tiles are stored, a partial one is made from below
    Column("hashes", LargeBinary, nullable=False),
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("log", Name, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("frontier", LargeBinary, nullable=False),
    Column("signed_size", BigInteger, nullable=False),
    Column("checkpoint", Text),
    # wall clock of the newest entry: a step backwards is written down
    Column("last_at", Time, nullable=False),
)

opening = Table(
    "opening",
    metadata,
    Column("log", Name, primary_key=True),
    Column("entry", Id, primary_key=True),
    Column("path", String(512), primary_key=True),
    Column("case_id", Id, nullable=False),
    Column("subject", Name, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    # AES-256-GCM under the subject's key; associated data: entry id and path
    Column("sealed", LargeBinary, nullable=False),
    Index("ix_opening_subject", "subject"),
    Index("ix_opening_case", "case_id"),
)

subject_key = Table(
    "subject_key",
    metadata,
    Column("workspace", Name, primary_key=True),
    Column("subject", Name, primary_key=True),
    Column("key", LargeBinary, nullable=False),
)

person = Table(
    "person",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workspace", Name, nullable=False),
    Column("name", Name, nullable=False),
    Column("email", Name, nullable=False),
    Column("password", Text),
    # comma-separated
    Column("roles", Text, nullable=False),
    Column("skills", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("created_at", Time, nullable=False),
    UniqueConstraint("workspace", "email"),
)

session = Table(
    "session",
    metadata,
    # SHA-256 of the cookie
    Column("token", Id, primary_key=True),
    Column("person", Id, nullable=False),
    Column("csrf", Id, nullable=False),
    Column("signed_in_at", Time, nullable=False),
    Column("expires_at", Time, nullable=False),
    Index("ix_session_person", "person"),
)

api_key = Table(
    "api_key",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workspace", Name, nullable=False),
    Column("name", Name, nullable=False),
    # SHA-256 of the secret
    Column("secret", Id, nullable=False),
    Column("scopes", Text, nullable=False),
    # the agent this key speaks for, if it is bound to one
    Column("agent", Name),
    # the person this key speaks for, if it is a personal one
    Column("person", Id),
    Column("created_at", Time, nullable=False),
    Column("expires_at", Time),
    Column("revoked_at", Time),
)

webhook = Table(
    "webhook",
    metadata,
    Column("id", Id, primary_key=True),
    Column("workspace", Name, nullable=False),
    Column("url", Text, nullable=False),
    Column("secret", Text, nullable=False),
    # comma-separated entry types; "*" for all
    Column("events", Text, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("disabled_at", Time),
)

outbox = Table(
    "outbox",
    metadata,
    # event id; doubles are dropped by it
    Column("id", Id, primary_key=True),
    Column("webhook", Id, primary_key=True),
    Column("workspace", Name, nullable=False),
    # events of one case go out in order
    Column("case_id", Id),
    Column("seq", BigInteger, nullable=False),
    Column("type", String(32), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("next_at", Time),
    Column("delivered_at", Time),
    Column("last_error", Text),
    Index("ix_outbox_pending", "webhook", "case_id", "seq", sqlite_where=text("next_at IS NOT NULL"),
          postgresql_where=text("next_at IS NOT NULL")),
    Index("ix_outbox_due", "next_at", **_where("next_at IS NOT NULL")),
)  # fmt: skip

# cases whose words the search index does not hold yet; a loop empties it, so submitting stays cheap
unindexed = Table("unindexed", metadata, Column("case_id", Id, primary_key=True), sqlite_with_rowid=False)

# full-text index: an FTS5 table on SQLite, a tsvector column on PostgreSQL; made by the migration
SEARCH_SQLITE = (
    "CREATE VIRTUAL TABLE search USING fts5(case_id UNINDEXED, workspace UNINDEXED, body, tokenize='unicode61')"
)
SEARCH_POSTGRES = (
    "CREATE TABLE search (case_id varchar(64) PRIMARY KEY, workspace varchar(256) NOT NULL, body tsvector NOT NULL)",
    "CREATE INDEX ix_search_body ON search USING gin (body)",
)
