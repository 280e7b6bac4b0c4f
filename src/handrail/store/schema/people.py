"""People, their sessions, and keys of programs."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Table, Text, UniqueConstraint

from handrail.store.schema.columns import Id, Name, Time, metadata

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
