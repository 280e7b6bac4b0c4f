"""What is in force: workspaces, policies, declared actions, halts, grants, and what limits count."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, Index, Integer, LargeBinary, String, Table, Text, text

from handrail.store.schema.columns import Id, Name, Time, metadata, one_of, where

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
    CheckConstraint(one_of("scope", "agent", "action", "run", "workspace"), name="scope_known"),
    Index("ix_halt_live", "workspace", **where("lifted_at IS NULL")),
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
