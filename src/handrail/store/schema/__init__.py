"""Every table, once, for both engines, by room. Times are microseconds since the epoch.

On SQLite, narrow rows live in their primary key's tree (WITHOUT ROWID): one page less to write per
table and commit. Wide ones are appended by rowid: a tree of wide rows splits every few inserts.
"""

from handrail.store.schema.autonomy import cell, cell_case, promotion
from handrail.store.schema.columns import metadata
from handrail.store.schema.events import outbox, webhook
from handrail.store.schema.log import audit_entry, audit_head, audit_tile, opening, subject_key
from handrail.store.schema.people import api_key, person, session
from handrail.store.schema.policies import action, grant, halt, policy_version, usage, workspace
from handrail.store.schema.proposals import (
    SEARCH_POSTGRES,
    SEARCH_SQLITE,
    outcome,
    proposal,
    revision,
    timer,
    unindexed,
)
from handrail.store.schema.queues import cases, claim, excluded, lane, ready, review, stint
from handrail.store.schema.running import execution, handoff, park_case, parked
from handrail.store.schema.teaching import label, learning, learning_batch, training, training_batch, training_round
from handrail.store.schema.watching import calibrator, gold, gold_case, monitor, reviewer_flag, spot_check

__all__ = [
    "SEARCH_POSTGRES",
    "SEARCH_SQLITE",
    "action",
    "api_key",
    "audit_entry",
    "audit_head",
    "audit_tile",
    "calibrator",
    "cases",
    "cell",
    "cell_case",
    "claim",
    "excluded",
    "execution",
    "gold",
    "gold_case",
    "grant",
    "halt",
    "handoff",
    "label",
    "lane",
    "learning",
    "learning_batch",
    "metadata",
    "monitor",
    "opening",
    "outbox",
    "outcome",
    "park_case",
    "parked",
    "person",
    "policy_version",
    "promotion",
    "proposal",
    "ready",
    "review",
    "reviewer_flag",
    "revision",
    "session",
    "spot_check",
    "stint",
    "subject_key",
    "timer",
    "training",
    "training_batch",
    "training_round",
    "unindexed",
    "usage",
    "webhook",
    "workspace",
]
