"""Autonomy that is earned by evidence: cells, their cases, promotions."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, Integer, LargeBinary, String, Table, Text

from handrail.store.schema.columns import Id, Name, Time, metadata, one_of, where

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
        "judged IS NULL OR " + one_of("judged", "right", "wrong", "unchecked", "unclear"), name="judged_known"
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
    CheckConstraint(one_of("state", "proposed", "accepted", "declined", "ended"), name="state_known"),
    # of two who promote the same cell one is first
    Index("uq_promotion_live", "workspace", "cell", unique=True, **where("state IN ('proposed', 'accepted')")),
    Index("ix_promotion_permission", "permission", **where("permission IS NOT NULL")),
)  # fmt: skip
