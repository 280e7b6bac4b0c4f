"""Webhooks, and what is on its way to them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text, text

from handrail.store.schema.columns import Id, Name, Time, metadata, where

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
    Index("ix_outbox_due", "next_at", **where("next_at IS NOT NULL")),
)  # fmt: skip
