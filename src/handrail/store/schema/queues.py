"""Cases that wait for people: their order, who may take them, who holds them, what they answered.

`ready` is narrow on purpose: a row is deleted when its case is taken and inserted again when the claim
lapses, so taking the next case never scans what is already held.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from handrail.store.schema.columns import Id, Name, Time, metadata, one_of, where

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
    CheckConstraint(one_of("state", "open", "decided", "reviewed"), name="state_known"),
    CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="closed_with_time"),
    Index("ix_cases_state", "workspace", "state", "sort_key", "id"),
    Index("ix_cases_closed", "workspace", "closed_at", **where("closed_at IS NOT NULL")),
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
        one_of("verdict", "approve", "edit", "reject", "respond", "redirect", "abstain"), name="verdict_known"
    ),
    # one live review per person and revision
    Index(
        "uq_review_live", "case_id", "revision", "reviewer", unique=True,
        **where("withdrawn_at IS NULL AND voided_at IS NULL"),
    ),
    # the partial index above does not serve a look at all answers of a case
    Index("ix_review_case", "case_id"),
    Index("ix_review_reviewer", "workspace", "reviewer", "given_at"),
    Index("ix_review_given", "workspace", "given_at"),
)  # fmt: skip
