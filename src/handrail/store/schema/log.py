"""The audit log, and the personal values that its entries commit to."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text

from handrail.store.schema.columns import Id, Name, Time, metadata, where

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
    Index("ix_audit_entry_case", "case_id", **where("case_id IS NOT NULL")),
    Index("ix_audit_entry_jump", "log", "idx", **where("type = 'clock.jumped'")),
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
