"""What runs after a decision: executions, actions handed to workers, and paused runs."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, Index, Integer, LargeBinary, String, Table, Text, text

from handrail.store.schema.columns import Id, Name, Time, metadata, one_of, where

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
    CheckConstraint(
        one_of("state", "started", "succeeded", "failed", "unknown", "settled", "voided"), name="state_known"
    ),
    Index("ix_execution_state", "workspace", "state", **where("state IN ('started', 'unknown')")),
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
    CheckConstraint(one_of("wakes", "all", "any"), name="wakes_known"),
    CheckConstraint("ending IS NULL OR " + one_of("ending", "woken", "superseded", "abandoned", "failed"),
                    name="ending_known"),
    CheckConstraint("(ended_at IS NULL) = (ending IS NULL OR ending = 'failed')", name="ended_with_time"),
    CheckConstraint("ended_at IS NULL OR state IS NULL", name="ended_without_state"),
    Index("uq_parked_run", "workspace", "run", "framework", unique=True, **where("ended_at IS NULL")),
    Index("ix_parked_run", "workspace", "run", "framework"),
    Index("ix_parked_open", "workspace", "parked_at", **where("ended_at IS NULL")),
    Index("ix_parked_due", "workspace", "framework", "parked_at", **where("ending IS NULL AND waiting = 0")),
    Index("ix_parked_next", "workspace", "parked_at", **where("ending IS NULL AND waiting = 0")),
    Index("ix_parked_nonce", "nonce", **where("nonce IS NOT NULL")),
)  # fmt: skip

park_case = Table(
    "park_case",
    metadata,
    Column("park_id", Id, primary_key=True),
    Column("case_id", Id, primary_key=True),
    Index("ix_park_case_case", "case_id"),
    sqlite_with_rowid=False,
)
