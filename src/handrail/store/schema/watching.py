"""How well models and reviewers do: golds, spot checks, monitors, calibrators."""

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
    UniqueConstraint,
    text,
)

from handrail.store.schema.columns import Id, Name, Time, metadata, one_of, where

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
    Index("ix_gold_pool", "workspace", "action", "kind", "views", **where("retired_at IS NULL")),
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
    CheckConstraint(one_of("stream", "uniform", "weighted"), name="stream_known"),
    CheckConstraint("verdict IS NULL OR " + one_of("verdict", "right", "wrong", "expired", "unclear"),
                    name="verdict_known"),
    Index("ix_spot_check_waiting", "workspace", "action", "case_id", **where("verdict IS NULL")),
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
    Index("uq_monitor_live", "workspace", "action", "kind", unique=True, **where("ended_at IS NULL")),
)  # fmt: skip

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
