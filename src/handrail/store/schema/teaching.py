"""Labels, and the models they train."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, Float, Index, Integer, LargeBinary, String, Table, Text, text

from handrail.store.schema.columns import Id, Name, Time, metadata, one_of, where

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
    Index("ix_label_waiting", "workspace", "action", "id", **where("batch IS NULL")),
    Index("ix_label_batch", "batch", **where("batch IS NOT NULL")),
    Index("ix_label_case", "case_id"),
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
    CheckConstraint(one_of("state", "ready", "held"), name="state_known"),
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
    CheckConstraint(one_of("state", "due", "running", "done", "failed", "superseded"), name="state_known"),
    Index("ix_training_due", "next_at", **where("state IN ('due', 'running')")),
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
    Index("uq_learning_action", "workspace", "action", unique=True, **where("ended_at IS NULL")),
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
