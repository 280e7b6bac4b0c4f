"""The first schema."""

import sqlalchemy as sa
from alembic import op

from handrail.store.schema import SEARCH_POSTGRES, SEARCH_SQLITE

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Every table, and the full-text index each engine has of its own."""
    op.create_table(
        "action",
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("schema", sa.LargeBinary(), nullable=True),
        sa.Column("schema_digest", sa.String(length=64), nullable=True),
        sa.Column("tool_class", sa.String(length=16), nullable=False),
        sa.Column("undo", sa.String(length=256), nullable=True),
        sa.Column("declared_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "name", name=op.f("pk_action")),
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("secret", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("agent", sa.String(length=256), nullable=True),
        sa.Column("person", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
    )
    op.create_table(
        "audit_entry",
        sa.Column("log", sa.String(length=256), nullable=False),
        sa.Column("idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=64), nullable=True),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("log", "idx", name=op.f("pk_audit_entry")),
    )
    op.create_index(
        "ix_audit_entry_case",
        "audit_entry",
        ["case_id"],
        unique=False,
        sqlite_where=sa.text("case_id IS NOT NULL"),
        postgresql_where=sa.text("case_id IS NOT NULL"),
    )
    op.create_index(
        "ix_audit_entry_jump",
        "audit_entry",
        ["log", "idx"],
        unique=False,
        sqlite_where=sa.text("type = 'clock.jumped'"),
        postgresql_where=sa.text("type = 'clock.jumped'"),
    )
    op.create_table(
        "audit_head",
        sa.Column("log", sa.String(length=256), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.Column("signed_size", sa.BigInteger(), nullable=False),
        sa.Column("checkpoint", sa.Text(), nullable=True),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("log", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "audit_tile",
        sa.Column("log", sa.String(length=256), nullable=False),
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("log", "level", "n", name=op.f("pk_audit_tile")),
    )
    op.create_table(
        "calibrator",
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "name", "version", name=op.f("pk_calibrator")),
    )
    op.create_table(
        "cases",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("action", sa.String(length=256), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("tier", sa.String(length=16), nullable=False),
        sa.Column("queue", sa.String(length=256), nullable=False),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("reviewers", sa.Integer(), nullable=False),
        sa.Column("sort_key", sa.BigInteger(), nullable=False),
        sa.Column("deadline", sa.BigInteger(), nullable=True),
        sa.Column("on_expiry", sa.String(length=16), nullable=False),
        sa.Column("soft", sa.Boolean(), nullable=False),
        sa.Column("gold", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("escalations", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("fence", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("(state = 'open') = (closed_at IS NULL)", name=op.f("ck_cases_closed_with_time")),
        sa.CheckConstraint("state IN ('open', 'decided', 'reviewed')", name=op.f("ck_cases_state_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
    )
    op.create_index(
        "ix_cases_closed",
        "cases",
        ["workspace", "closed_at"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NOT NULL"),
        postgresql_where=sa.text("closed_at IS NOT NULL"),
    )
    op.create_index("ix_cases_opened", "cases", ["workspace", "opened_at"], unique=False)
    op.create_index("ix_cases_state", "cases", ["workspace", "state", "sort_key", "id"], unique=False)
    op.create_table(
        "cell",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("action", sa.String(length=256), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("laid_at", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cell")),
    )
    op.create_index("ix_cell_action", "cell", ["workspace", "action"], unique=False)
    op.create_table(
        "cell_case",
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("cell", sa.String(length=64), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("permission", sa.String(length=64), nullable=True),
        sa.Column("judged", sa.String(length=16), nullable=True),
        sa.Column("judges", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "judged IS NULL OR judged IN ('right', 'wrong', 'unchecked', 'unclear')",
            name=op.f("ck_cell_case_judged_known"),
        ),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_cell_case")),
    )
    op.create_index("ix_cell_case_cell", "cell_case", ["workspace", "cell", "round", "judged", "case_id"], unique=False)
    op.create_table(
        "claim",
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("reviewer", sa.String(length=256), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_claim")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_claim_reviewer", "claim", ["workspace", "reviewer"], unique=False)
    op.create_table(
        "excluded",
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=256), nullable=False),
        sa.Column("why", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "person", name=op.f("pk_excluded")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "execution",
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("action", sa.String(length=256), nullable=False),
        sa.Column("agent", sa.String(length=256), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("tool_class", sa.String(length=16), nullable=False),
        sa.Column("nonce", sa.String(length=256), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("result", sa.LargeBinary(), nullable=True),
        sa.Column("happened", sa.Boolean(), nullable=True),
        sa.CheckConstraint(
            "state IN ('started', 'succeeded', 'failed', 'unknown', 'settled', 'voided')",
            name=op.f("ck_execution_state_known"),
        ),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_execution")),
    )
    op.create_index(
        "ix_execution_state",
        "execution",
        ["workspace", "state"],
        unique=False,
        sqlite_where=sa.text("state IN ('started', 'unknown')"),
        postgresql_where=sa.text("state IN ('started', 'unknown')"),
    )
    op.create_table(
        "gold",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("action", sa.String(length=256), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("views", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("added_by", sa.String(length=256), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("retired_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gold")),
        sa.UniqueConstraint("workspace", "digest", name=op.f("uq_gold_workspace_digest")),
    )
    op.create_index(
        "ix_gold_pool",
        "gold",
        ["workspace", "action", "kind", "views"],
        unique=False,
        sqlite_where=sa.text("retired_at IS NULL"),
        postgresql_where=sa.text("retired_at IS NULL"),
    )
    op.create_table(
        "gold_case",
        sa.Column("drawn_by", sa.String(length=64), nullable=False),
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("gold", sa.String(length=64), nullable=False),
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("drawn_by", name=op.f("pk_gold_case")),
    )
    op.create_index("ix_gold_case_gold", "gold_case", ["gold"], unique=False)
    op.create_index("ix_gold_case_workspace", "gold_case", ["workspace", "at"], unique=False)
    op.create_table(
        "halt",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("scope", sa.String(length=16), nullable=False),
        sa.Column("value", sa.String(length=256), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("set_by", sa.String(length=256), nullable=False),
        sa.Column("set_at", sa.BigInteger(), nullable=False),
        sa.Column("lifted_by", sa.String(length=256), nullable=True),
        sa.Column("lifted_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("scope IN ('agent', 'action', 'run', 'workspace')", name=op.f("ck_halt_scope_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_halt")),
    )
    op.create_index(
        "ix_halt_live",
        "halt",
        ["workspace"],
        unique=False,
        sqlite_where=sa.text("lifted_at IS NULL"),
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.create_table(
        "handoff",
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("action", sa.String(length=256), nullable=False),
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("approved_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "action", "case_id", name=op.f("pk_handoff")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "label",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=256), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("correct", sa.Boolean(), nullable=True),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("batch", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label")),
    )
    op.create_index("ix_label_action", "label", ["workspace", "action", "id"], unique=False)
    op.create_index(
        "ix_label_batch",
        "label",
        ["batch"],
        unique=False,
        sqlite_where=sa.text("batch IS NOT NULL"),
        postgresql_where=sa.text("batch IS NOT NULL"),
    )
    op.create_index("ix_label_case", "label", ["case_id"], unique=False)
    op.create_index(
        "ix_label_waiting",
        "label",
        ["workspace", "action", "id"],
        unique=False,
        sqlite_where=sa.text("batch IS NULL"),
        postgresql_where=sa.text("batch IS NULL"),
    )
    op.create_table(
        "lane",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("queue", sa.String(length=256), nullable=False),
        sa.Column("skills", sa.String(length=512), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lane")),
        sa.UniqueConstraint("workspace", "queue", "skills", name=op.f("uq_lane_workspace_queue_skills")),
    )
    op.create_table(
        "learning",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("action", sa.String(length=256), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("(ended_at IS NULL) = (reason IS NULL)", name=op.f("ck_learning_ended_with_reason")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_learning")),
    )
    op.create_index(
        "uq_learning_action",
        "learning",
        ["workspace", "action"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "learning_batch",
        sa.Column("learning", sa.String(length=64), nullable=False),
        sa.Column("round", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("picks", sa.LargeBinary(), nullable=False),
        sa.Column("planned_at", sa.BigInteger(), nullable=False),
        sa.Column("figures", sa.LargeBinary(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(figures IS NULL) = (closed_at IS NULL)", name=op.f("ck_learning_batch_closed_with_figures")
        ),
        sa.PrimaryKeyConstraint("learning", "round", name=op.f("pk_learning_batch")),
    )
    op.create_table(
        "monitor",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("action", sa.String(length=256), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("terms", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.Column("curve", sa.LargeBinary(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("log_e", sa.Float(), nullable=False),
        sa.Column("line", sa.Float(), nullable=False),
        sa.Column("seen", sa.String(length=64), nullable=True),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("alarmed_at", sa.BigInteger(), nullable=True),
        sa.Column("lifted_at", sa.BigInteger(), nullable=True),
        sa.Column("lifted_by", sa.String(length=256), nullable=True),
        sa.Column("certificate", sa.LargeBinary(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("(lifted_at IS NULL) = (lifted_by IS NULL)", name=op.f("ck_monitor_lifted_by_somebody")),
        sa.CheckConstraint("lifted_at IS NULL OR alarmed_at IS NOT NULL", name=op.f("ck_monitor_lifted_after_alarm")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_monitor")),
    )
    op.create_index(
        "uq_monitor_live",
        "monitor",
        ["workspace", "action", "kind"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "opening",
        sa.Column("log", sa.String(length=256), nullable=False),
        sa.Column("entry", sa.String(length=64), nullable=False),
        sa.Column("path", sa.String(length=512), nullable=False),
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=256), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("log", "entry", "path", name=op.f("pk_opening")),
    )
    op.create_index("ix_opening_case", "opening", ["case_id"], unique=False)
    op.create_index("ix_opening_subject", "opening", ["subject"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("webhook", sa.String(length=64), nullable=False),
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("case_id", sa.String(length=64), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("delivered_at", sa.BigInteger(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", "webhook", name=op.f("pk_outbox")),
    )
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["next_at"],
        unique=False,
        sqlite_where=sa.text("next_at IS NOT NULL"),
        postgresql_where=sa.text("next_at IS NOT NULL"),
    )
    op.create_index(
        "ix_outbox_pending",
        "outbox",
        ["webhook", "case_id", "seq"],
        unique=False,
        sqlite_where=sa.text("next_at IS NOT NULL"),
        postgresql_where=sa.text("next_at IS NOT NULL"),
    )
    op.create_table(
        "outcome",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outcome")),
    )
    op.create_index("ix_outcome_case", "outcome", ["case_id"], unique=False)
    op.create_table(
        "park_case",
        sa.Column("park_id", sa.String(length=64), nullable=False),
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("park_id", "case_id", name=op.f("pk_park_case")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_park_case_case", "park_case", ["case_id"], unique=False)
    op.create_table(
        "parked",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("agent", sa.String(length=256), nullable=True),
        sa.Column("run", sa.String(length=256), nullable=False),
        sa.Column("framework", sa.String(length=64), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=True),
        sa.Column("state_digest", sa.String(length=64), nullable=True),
        sa.Column("wakes", sa.String(length=8), nullable=False),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("parked_at", sa.BigInteger(), nullable=False),
        sa.Column("nonce", sa.String(length=256), nullable=True),
        sa.Column("fence", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("ending", sa.String(length=16), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ending IS NULL OR ending = 'failed')", name=op.f("ck_parked_ended_with_time")
        ),
        sa.CheckConstraint(
            "ending IS NULL OR ending IN ('woken', 'superseded', 'abandoned', 'failed')",
            name=op.f("ck_parked_ending_known"),
        ),
        sa.CheckConstraint("wakes IN ('all', 'any')", name=op.f("ck_parked_wakes_known")),
        sa.CheckConstraint("ended_at IS NULL OR state IS NULL", name=op.f("ck_parked_ended_without_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parked")),
    )
    op.create_index(
        "ix_parked_due",
        "parked",
        ["workspace", "framework", "parked_at"],
        unique=False,
        sqlite_where=sa.text("ending IS NULL AND waiting = 0"),
        postgresql_where=sa.text("ending IS NULL AND waiting = 0"),
    )
    op.create_index(
        "ix_parked_next",
        "parked",
        ["workspace", "parked_at"],
        unique=False,
        sqlite_where=sa.text("ending IS NULL AND waiting = 0"),
        postgresql_where=sa.text("ending IS NULL AND waiting = 0"),
    )
    op.create_index(
        "ix_parked_nonce",
        "parked",
        ["nonce"],
        unique=False,
        sqlite_where=sa.text("nonce IS NOT NULL"),
        postgresql_where=sa.text("nonce IS NOT NULL"),
    )
    op.create_index(
        "ix_parked_open",
        "parked",
        ["workspace", "parked_at"],
        unique=False,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("ix_parked_run", "parked", ["workspace", "run", "framework"], unique=False)
    op.create_index(
        "uq_parked_run",
        "parked",
        ["workspace", "run", "framework"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "permission",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.Column("action", sa.String(length=256), nullable=False),
        sa.Column("issued_by", sa.String(length=256), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("run", sa.String(length=256), nullable=True),
        sa.Column("agent", sa.String(length=256), nullable=True),
        sa.Column("uses_left", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_permission")),
    )
    op.create_index("ix_permission_action", "permission", ["workspace", "action"], unique=False)
    op.create_table(
        "person",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("email", sa.String(length=256), nullable=False),
        sa.Column("password", sa.Text(), nullable=True),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("skills", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("workspace", "email", name=op.f("uq_person_workspace_email")),
    )
    op.create_table(
        "policy_version",
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_by", sa.String(length=256), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "digest", name=op.f("pk_policy_version")),
    )
    op.create_table(
        "promotion",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("action", sa.String(length=256), nullable=False),
        sa.Column("cell", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.Column("proposed_by", sa.String(length=256), nullable=False),
        sa.Column("proposed_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.String(length=256), nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("permission", sa.String(length=64), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('proposed', 'accepted', 'declined', 'ended')", name=op.f("ck_promotion_state_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promotion")),
    )
    op.create_index(
        "ix_promotion_permission",
        "promotion",
        ["permission"],
        unique=False,
        sqlite_where=sa.text("permission IS NOT NULL"),
        postgresql_where=sa.text("permission IS NOT NULL"),
    )
    op.create_index(
        "uq_promotion_live",
        "promotion",
        ["workspace", "cell"],
        unique=True,
        sqlite_where=sa.text("state IN ('proposed', 'accepted')"),
        postgresql_where=sa.text("state IN ('proposed', 'accepted')"),
    )
    op.create_table(
        "proposal",
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("identity", sa.String(length=700), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=256), nullable=False),
        sa.Column("agent", sa.String(length=256), nullable=True),
        sa.Column("run", sa.String(length=256), nullable=True),
        sa.Column("tier", sa.String(length=16), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("action_digest", sa.String(length=64), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.Column("route", sa.LargeBinary(), nullable=False),
        sa.Column("policy", sa.String(length=64), nullable=False),
        sa.Column("submitted_at", sa.BigInteger(), nullable=False),
        sa.Column("undoes", sa.String(length=64), nullable=True),
        sa.Column("made_by", sa.String(length=64), nullable=True),
        sa.Column("decision", sa.String(length=16), nullable=True),
        sa.Column("decision_bytes", sa.LargeBinary(), nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("decision_entry", sa.String(length=64), nullable=True),
        sa.Column("parked", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "decision IS NULL OR decision IN ('approved', 'rejected', 'responded', 'redirected', 'expired', 'cancelled')",
            name=op.f("ck_proposal_decision_known"),
        ),
        sa.CheckConstraint(
            "tier IN ('auto_approve', 'soft_review', 'hard_gate', 'deny')", name=op.f("ck_proposal_tier_known")
        ),
        sa.CheckConstraint("(decision IS NULL) = (decided_at IS NULL)", name=op.f("ck_proposal_decided_with_time")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_proposal")),
        sa.UniqueConstraint("workspace", "identity", name=op.f("uq_proposal_workspace_identity")),
    )
    op.create_index(
        "ix_proposal_run",
        "proposal",
        ["workspace", "run"],
        unique=False,
        sqlite_where=sa.text("run IS NOT NULL"),
        postgresql_where=sa.text("run IS NOT NULL"),
    )
    op.create_index(
        "ix_proposal_undoes",
        "proposal",
        ["undoes"],
        unique=False,
        sqlite_where=sa.text("undoes IS NOT NULL"),
        postgresql_where=sa.text("undoes IS NOT NULL"),
    )
    op.create_table(
        "ready",
        sa.Column("lane", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sort_key", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("lane", "sort_key", "case_id", name=op.f("pk_ready")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "review",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("reviewer", sa.String(length=256), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.Column("card", sa.String(length=64), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("dwell", sa.Float(), nullable=True),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
        sa.Column("effective_at", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=True),
        sa.Column("voided_at", sa.BigInteger(), nullable=True),
        sa.Column("batch", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "verdict IN ('approve', 'edit', 'reject', 'respond', 'redirect', 'abstain')",
            name=op.f("ck_review_verdict_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review")),
    )
    op.create_index("ix_review_case", "review", ["case_id"], unique=False)
    op.create_index("ix_review_given", "review", ["workspace", "given_at"], unique=False)
    op.create_index("ix_review_reviewer", "review", ["workspace", "reviewer", "given_at"], unique=False)
    op.create_index(
        "uq_review_live",
        "review",
        ["case_id", "revision", "reviewer"],
        unique=True,
        sqlite_where=sa.text("withdrawn_at IS NULL AND voided_at IS NULL"),
        postgresql_where=sa.text("withdrawn_at IS NULL AND voided_at IS NULL"),
    )
    op.create_table(
        "reviewer_flag",
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("person", sa.String(length=256), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "person", "code", name=op.f("pk_reviewer_flag")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "revision",
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.Column("replaced_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "revision", name=op.f("pk_revision")),
    )
    op.create_table(
        "session",
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("csrf", sa.String(length=64), nullable=False),
        sa.Column("signed_in_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_session")),
    )
    op.create_index("ix_session_person", "session", ["person"], unique=False)
    op.create_table(
        "spot_check",
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("action", sa.String(length=256), nullable=False),
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("stream", sa.String(length=16), nullable=False),
        sa.Column("pi", sa.Float(), nullable=False),
        sa.Column("inclusion", sa.Float(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("raised", sa.Boolean(), nullable=False),
        sa.Column("drawn_at", sa.BigInteger(), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=True),
        sa.CheckConstraint("stream IN ('uniform', 'weighted')", name=op.f("ck_spot_check_stream_known")),
        sa.CheckConstraint(
            "verdict IS NULL OR verdict IN ('right', 'wrong', 'expired', 'unclear')",
            name=op.f("ck_spot_check_verdict_known"),
        ),
        sa.PrimaryKeyConstraint("workspace", "action", "case_id", name=op.f("pk_spot_check")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_spot_check_waiting",
        "spot_check",
        ["workspace", "action", "case_id"],
        unique=False,
        sqlite_where=sa.text("verdict IS NULL"),
        postgresql_where=sa.text("verdict IS NULL"),
    )
    op.create_table(
        "stint",
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "person", name=op.f("pk_stint")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "subject_key",
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("subject", sa.String(length=256), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "subject", name=op.f("pk_subject_key")),
    )
    op.create_table(
        "timer",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject", name=op.f("pk_timer")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_timer_due", "timer", ["due_at"], unique=False)
    op.create_table(
        "training",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("action", sa.String(length=256), nullable=False),
        sa.Column("labels", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('due', 'running', 'done', 'failed', 'superseded')", name=op.f("ck_training_state_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training")),
    )
    op.create_index(
        "ix_training_due",
        "training",
        ["next_at"],
        unique=False,
        sqlite_where=sa.text("state IN ('due', 'running')"),
        postgresql_where=sa.text("state IN ('due', 'running')"),
    )
    op.create_table(
        "training_batch",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("action", sa.String(length=256), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("agreement", sa.Float(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("training", sa.String(length=64), nullable=True),
        sa.CheckConstraint("state IN ('ready', 'held')", name=op.f("ck_training_batch_state_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_batch")),
    )
    op.create_index("ix_training_batch_action", "training_batch", ["workspace", "action"], unique=False)
    op.create_table(
        "training_round",
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("action", sa.String(length=256), nullable=False),
        sa.Column("round", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("proposals", sa.Integer(), nullable=False),
        sa.Column("reviewed", sa.Integer(), nullable=False),
        sa.Column("review_rate", sa.Float(), nullable=False),
        sa.Column("model_error", sa.Float(), nullable=True),
        sa.Column("passed_error", sa.Float(), nullable=True),
        sa.Column("threshold", sa.Float(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "action", "round", name=op.f("pk_training_round")),
    )
    op.create_table(
        "unindexed",
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_unindexed")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "usage",
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("subject", sa.String(length=700), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("amount", sa.Text(), nullable=True),
        sa.Column("currency", sa.String(length=8), nullable=True),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "subject", "at", "case_id", name=op.f("pk_usage")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "webhook",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace", sa.String(length=256), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("events", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("disabled_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook")),
    )
    op.create_table(
        "workspace",
        sa.Column("id", sa.String(length=256), nullable=False),
        sa.Column("log", sa.String(length=256), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("frozen", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("policy", sa.String(length=64), nullable=True),
        sa.Column("watch", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workspace")),
        sa.UniqueConstraint("log", name=op.f("uq_workspace_log")),
    )
    searches = (SEARCH_SQLITE,) if op.get_bind().dialect.name == "sqlite" else SEARCH_POSTGRES
    for statement in searches:
        op.execute(statement)
