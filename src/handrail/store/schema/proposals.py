"""What was proposed, what became of it, and when something is due about it.

`proposal` is the row that two decisions race on: its `decision` is NULL until one of them wins.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    text,
)

from handrail.store.schema.columns import Id, Name, Time, metadata, one_of, where

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
    # what the salts of its commitments are made from; erased with its personal values
    Column("secret", LargeBinary),
    UniqueConstraint("workspace", "identity"),
    CheckConstraint(one_of("tier", "auto_approve", "soft_review", "hard_gate", "deny"), name="tier_known"),
    CheckConstraint(
        "decision IS NULL OR "
        + one_of("decision", "approved", "rejected", "responded", "redirected", "expired", "cancelled"),
        name="decision_known",
    ),
    CheckConstraint("(decision IS NULL) = (decided_at IS NULL)", name="decided_with_time"),
    Index("ix_proposal_run", "workspace", "run", **where("run IS NOT NULL")),
    Index("ix_proposal_undoes", "undoes", **where("undoes IS NOT NULL")),
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
