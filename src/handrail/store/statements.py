"""The hot statements, by name. Written once in the SQL both engines share, twice where they differ.

Parameters are `:name`. `+workspace` is compared and never searched by: without statistics SQLite takes the index that
begins with it, which reads all there is of a workspace. Each exclusive step is one guarded statement: no row back means somebody
else was first. Everything that is not here (lists, reports, search) is SQLAlchemy Core in `reads.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_PARAMETER = re.compile(r"(?<![:\w]):([a-z_0-9]+)")
_WORD = re.compile(r"\w+")
_UNSEARCHED = re.compile(r"\+(?=(?:\w+\.)?workspace\b)")


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL for both engines; `postgres` differs from `sqlite` only where it must."""

    sqlite: str
    postgres: str = ""
    name: str = field(default="", compare=False)
    writes: bool = field(init=False, compare=False)
    # among them every table it is about
    words: frozenset[str] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        postgres = _UNSEARCHED.sub("", self.postgres or self.sqlite)
        object.__setattr__(self, "postgres", _PARAMETER.sub(r"%(\1)s", postgres))
        object.__setattr__(self, "writes", not self.sqlite.startswith("SELECT"))
        object.__setattr__(self, "words", frozenset(_WORD.findall(self.sqlite + " " + self.postgres)))


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """A write whose rows nobody reads, so that many can go at once: SQLite runs it for each set of parameters,
    PostgreSQL once, with all of them as the JSON list `:rows`, or as `postgres_one` where there is but one."""

    table: str
    sqlite: str
    postgres: str
    # each set must change exactly one row: what was read before says that it will
    sure: bool
    postgres_one: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "postgres_one", _PARAMETER.sub(r"%(\1)s", self.sqlite))


def _both(sql: str) -> Statement:
    return Statement(" ".join(sql.split()))


def _each(*, sqlite: str, postgres: str) -> Statement:
    return Statement(" ".join(sqlite.split()), " ".join(postgres.split()))


def _change(table: str, *, sqlite: str, postgres: str, sure: bool = False) -> Change:
    return Change(table, " ".join(sqlite.split()), " ".join(postgres.split()).replace(":rows", "%(rows)s::jsonb"), sure)


# --- workspaces and policy -------------------------------------------------------------------

workspace_get = _both("SELECT id, log, secret, frozen, policy, watch FROM workspace WHERE id = :id")
# `seen`: as it was read; of two who change it at once, one is told so
workspace_watch = _both("""
    UPDATE workspace SET watch = :watch WHERE id = :workspace AND coalesce(watch, '') = :seen RETURNING id""")
# the oldest workspace's secret is as good as a name for the database
database_secret = _both("SELECT secret FROM workspace ORDER BY created_at, id LIMIT 1")
workspace_policy = _both("UPDATE workspace SET policy = :digest WHERE id = :workspace")
workspace_freeze = _both(
    "UPDATE workspace SET frozen = :frozen WHERE id = :workspace AND frozen <> :frozen RETURNING id"
)
workspace_epoch = _both("UPDATE workspace SET log = :log WHERE id = :workspace")
# the first condition is that of the index of those few, as SQLite wants to read it
execution_running = _both("""
    SELECT case_id, fence FROM execution
    WHERE state IN ('started', 'unknown') AND workspace = :workspace AND state = 'started'""")
# many may look at the switches at once, or one set them: until the end of the transaction
workspace_share = _each(
    sqlite="SELECT :workspace", postgres="SELECT pg_advisory_xact_lock_shared(hashtextextended(:workspace, 0))"
)
workspace_own = _each(
    sqlite="SELECT :workspace", postgres="SELECT pg_advisory_xact_lock(hashtextextended(:workspace, 0))"
)
# one at a time adds to the sums that routes rest on
usage_own = _each(sqlite="SELECT :workspace", postgres="SELECT pg_advisory_xact_lock(hashtextextended(:workspace, 1))")
policy_get = _both("SELECT text, name FROM policy_version WHERE workspace = :workspace AND digest = :digest")

# --- proposals and decisions ------------------------------------------------------------------

PROPOSAL = (
    "case_id, workspace, identity, digest, action, agent, run, tier, revision, action_digest, bytes, route, policy,"
    " submitted_at, undoes, made_by, decision, decision_bytes, decided_at, decision_entry, parked, secret"
)
proposal_get = _both(f"SELECT {PROPOSAL} FROM proposal WHERE case_id = :case_id AND workspace = :workspace")
decision_peek = _both("SELECT decision, agent FROM proposal WHERE case_id = :case_id AND workspace = :workspace")
proposal_lock = _each(
    sqlite=f"SELECT {PROPOSAL} FROM proposal WHERE case_id = :case_id AND workspace = :workspace",
    postgres=f"SELECT {PROPOSAL} FROM proposal WHERE case_id = :case_id AND workspace = :workspace FOR UPDATE",
)
_IDS_SQLITE = "(SELECT value FROM json_each(:ids))"
_IDS_POSTGRES = "ANY(:ids)"
# the same reads for a group: the case id first, then the columns of the single statement
proposal_lock_many = _each(
    sqlite=f"SELECT case_id, {PROPOSAL} FROM proposal WHERE +workspace = :workspace AND case_id IN {_IDS_SQLITE}",
    postgres=f"""SELECT case_id, {PROPOSAL} FROM proposal WHERE workspace = :workspace AND case_id = {_IDS_POSTGRES}
    ORDER BY case_id FOR UPDATE""",
)
proposal_by_identity = _both(f"SELECT {PROPOSAL} FROM proposal WHERE workspace = :workspace AND identity = :identity")
proposal_revise = _both("""
    UPDATE proposal SET revision = :revision, action_digest = :action_digest, bytes = :bytes,
        made_by = :made_by
    WHERE case_id = :case_id AND revision = :revision - 1 AND decision IS NULL RETURNING case_id""")
proposal_reroute = _both("UPDATE proposal SET route = :route WHERE case_id = :case_id")
proposal_redact = _both("UPDATE proposal SET bytes = :bytes, secret = NULL WHERE case_id = :case_id")
# of a row that was read under its lock and had no decision
decision_put = _change(
    "proposal", sure=True,
    sqlite="""
    UPDATE proposal SET decision = :kind, decision_bytes = :bytes, decided_at = :at, decision_entry = :entry
    WHERE case_id = :case_id AND decision IS NULL""",
    postgres="""
    UPDATE proposal p SET decision = x.kind, decision_bytes = decode(x.bytes, 'base64'), decided_at = x.at,
        decision_entry = x.entry
    FROM jsonb_to_recordset(:rows) AS x(case_id text, kind text, bytes text, at bigint, entry text)
    WHERE p.case_id = x.case_id AND p.decision IS NULL""",
)  # fmt: skip
# of these cases, those with a known answer
gold_among = _each(
    sqlite="SELECT id FROM cases WHERE gold AND id IN (SELECT value FROM json_each(:ids))",
    postgres="SELECT id FROM cases WHERE gold AND id = ANY(:ids)",
)
undo_exists = _both("SELECT case_id FROM proposal WHERE undoes = :case_id")

revision_first = _both("SELECT bytes FROM revision WHERE case_id = :case_id ORDER BY revision LIMIT 1")
revision_get = _both("SELECT bytes FROM revision WHERE case_id = :case_id AND revision = :revision")
revision_forget = _both("DELETE FROM revision WHERE case_id = :case_id")
label_forget = _both("DELETE FROM label WHERE case_id = :case_id")
search_forget = _both("DELETE FROM search WHERE case_id = :case_id")
# FTS5 keeps the words of deleted rows in its segments until they are merged
search_purge = _each(sqlite="INSERT INTO search (search) VALUES ('optimize')", postgres="SELECT 1")
review_redact = _both("UPDATE review SET bytes = :bytes WHERE id = :id")
decision_redact = _both("UPDATE proposal SET decision_bytes = :bytes WHERE case_id = :case_id")
execution_redact = _both("UPDATE execution SET result = :result WHERE case_id = :case_id AND result IS NOT NULL")
outcome_forget = _both("DELETE FROM outcome WHERE case_id = :case_id")
case_rename = _both("UPDATE cases SET summary = :summary WHERE id = :case_id")
# in every epoch of the workspace's log
opening_of_subject = _both("""
    SELECT o.entry, o.path, o.case_id FROM opening o JOIN proposal p ON p.case_id = o.case_id
    WHERE p.workspace = :workspace AND o.subject = :subject""")
opening_forget = _both("""
    DELETE FROM opening WHERE subject = :subject AND EXISTS
        (SELECT 1 FROM proposal p WHERE p.case_id = opening.case_id AND +p.workspace = :workspace)""")
subject_key_forget = _both("DELETE FROM subject_key WHERE workspace = :workspace AND subject = :subject")

# --- cases, queue, claims ---------------------------------------------------------------------

CASE = (
    "id, workspace, action, kind, state, tier, queue, lane, revision, reviewers, sort_key, deadline, on_expiry,"
    " soft, gold, summary, opened_at, closed_at, escalations, fence"
)
case_get = _both(f"SELECT {CASE} FROM cases WHERE id = :case_id AND workspace = :workspace")
case_get_many = _each(
    sqlite=f"SELECT id, {CASE} FROM cases WHERE +workspace = :workspace AND id IN {_IDS_SQLITE}",
    postgres=f"SELECT id, {CASE} FROM cases WHERE workspace = :workspace AND id = {_IDS_POSTGRES}",
)
case_close = _both("""
    UPDATE cases SET state = :state, closed_at = :at WHERE id = :case_id AND state = 'open' RETURNING id""")
# `seen`: the fence as it was read; a case that was closed or claimed since is not touched
case_pass = _change(
    "cases", sure=True,
    sqlite="UPDATE cases SET fence = fence + 1 WHERE id = :case_id AND state = 'open' AND fence = :seen",
    postgres="""
    UPDATE cases c SET fence = fence + 1 FROM jsonb_to_recordset(:rows) AS x(case_id text, seen integer)
    WHERE c.id = x.case_id AND c.state = 'open' AND c.fence = x.seen""",
)  # fmt: skip
case_put_away = _change(
    "cases",
    sqlite="UPDATE cases SET state = :state, closed_at = :at WHERE id = :case_id AND state = 'open'",
    postgres="""
    UPDATE cases c SET state = x.state, closed_at = x.at
    FROM jsonb_to_recordset(:rows) AS x(case_id text, state text, at bigint)
    WHERE c.id = x.case_id AND c.state = 'open'""",
)
case_revise = _both("UPDATE cases SET revision = :revision, summary = :summary WHERE id = :case_id AND state = 'open'")
case_escalate = _both("""
    UPDATE cases SET escalations = escalations + 1, reviewers = :reviewers, lane = :lane, sort_key = :sort_key,
        deadline = :deadline WHERE id = :case_id AND state = 'open' RETURNING id""")
case_lane = _both("UPDATE cases SET lane = :lane WHERE id = :case_id")
lane_find = _both("SELECT id FROM lane WHERE workspace = :workspace AND queue = :queue AND skills = :skills")
# most workspaces have no more: read ahead, so that opening a case asks for none
lane_first = _both("""
    SELECT id, queue, skills FROM lane WHERE workspace = :workspace ORDER BY queue, skills LIMIT 16""")
lane_make = _both("""
    INSERT INTO lane (workspace, queue, skills) VALUES (:workspace, :queue, :skills)
    ON CONFLICT (workspace, queue, skills) DO UPDATE SET queue = excluded.queue RETURNING id""")
lane_list = _both("SELECT id, queue, skills FROM lane WHERE workspace = :workspace")

# the head of one lane that this person may take; the few cases he is excluded from are stepped over
ready_head = _each(
    sqlite="""
    SELECT sort_key, case_id FROM ready r WHERE lane = :lane
      AND NOT EXISTS (SELECT 1 FROM excluded e WHERE e.case_id = r.case_id AND e.person IN (:me, :me_id, :me_name, :me_email))
    ORDER BY sort_key, case_id LIMIT 1""",
    postgres="""
    SELECT sort_key, case_id FROM ready r WHERE lane = :lane
      AND NOT EXISTS (SELECT 1 FROM excluded e WHERE e.case_id = r.case_id AND e.person IN (:me, :me_id, :me_name, :me_email))
    ORDER BY sort_key, case_id LIMIT 1 FOR UPDATE SKIP LOCKED""",
)
# the first few of one lane, for who steers by expertise; taking one is guarded all the same
ready_next = _both("""
    SELECT sort_key, case_id FROM ready r WHERE lane = :lane
      AND NOT EXISTS (SELECT 1 FROM excluded e WHERE e.case_id = r.case_id AND e.person IN (:me, :me_id, :me_name, :me_email))
    ORDER BY sort_key, case_id LIMIT :limit""")
ready_take = _both("""
    DELETE FROM ready WHERE lane = :lane AND sort_key = :sort_key AND case_id = :case_id RETURNING case_id""")
# a place that outlived its case would stand before all others of its lane
ready_clear = _both("""
    DELETE FROM ready WHERE lane = :lane AND sort_key = :sort_key AND case_id = :case_id
      AND NOT EXISTS (SELECT 1 FROM cases WHERE id = :case_id AND state = 'open')""")
ready_put = _both("""
    INSERT INTO ready (lane, sort_key, case_id) VALUES (:lane, :sort_key, :case_id) ON CONFLICT DO NOTHING""")
# the step that makes a case of the queue somebody's; its row in the queue goes after it, in the same transaction
case_take = _each(
    sqlite="""
    UPDATE cases SET fence = fence + 1 WHERE id = :case_id AND state = 'open' AND EXISTS (
        SELECT 1 FROM ready WHERE lane = :lane AND sort_key = :sort_key AND case_id = :case_id)
    RETURNING fence, revision""",
    postgres="""
    UPDATE cases SET fence = fence + 1 WHERE id = :case_id AND state = 'open' AND EXISTS (
        SELECT 1 FROM ready WHERE lane = :lane AND sort_key = :sort_key AND case_id = :case_id FOR UPDATE)
    RETURNING fence, revision""",
)
ready_drop = _change(
    "ready",
    sqlite="DELETE FROM ready WHERE lane = :lane AND sort_key = :sort_key AND case_id = :case_id",
    postgres="""
    DELETE FROM ready r USING jsonb_to_recordset(:rows) AS x(lane integer, sort_key bigint, case_id text)
    WHERE r.lane = x.lane AND r.sort_key = x.sort_key AND r.case_id = x.case_id""",
)
excluded_list = _both("SELECT person, why FROM excluded WHERE case_id = :case_id")
excluded_list_many = _each(
    sqlite=f"SELECT case_id, person, why FROM excluded WHERE case_id IN {_IDS_SQLITE}",
    postgres=f"SELECT case_id, person, why FROM excluded WHERE case_id = {_IDS_POSTGRES}",
)
excluded_put = _both("""
    INSERT INTO excluded (case_id, person, why) VALUES (:case_id, :person, :why) ON CONFLICT DO NOTHING""")
excluded_forget = _both("DELETE FROM excluded WHERE case_id = :case_id AND person = :person AND why = 'reviewed'")

case_fence = _both(
    "UPDATE cases SET fence = fence + 1 WHERE id = :case_id AND state = 'open' RETURNING fence, revision"
)
claim_get = _both("SELECT case_id, reviewer, fence, taken_at, expires_at FROM claim WHERE case_id = :case_id")
claim_get_many = _each(
    sqlite=f"SELECT case_id, case_id, reviewer, fence, taken_at, expires_at FROM claim WHERE case_id IN {_IDS_SQLITE}",
    postgres=f"""
    SELECT case_id, case_id, reviewer, fence, taken_at, expires_at FROM claim WHERE case_id = {_IDS_POSTGRES}""",
)
claim_put = _change(
    "claim", sure=True,
    sqlite="""
    INSERT INTO claim (case_id, workspace, reviewer, fence, taken_at, expires_at)
    VALUES (:case_id, :workspace, :reviewer, :fence, :now, :expires_at) ON CONFLICT DO NOTHING""",
    postgres="""
    INSERT INTO claim (case_id, workspace, reviewer, fence, taken_at, expires_at)
    SELECT x.case_id, x.workspace, x.reviewer, x.fence, x.now, x.expires_at
    FROM jsonb_to_recordset(:rows)
        AS x(case_id text, workspace text, reviewer text, fence integer, now bigint, expires_at bigint)
    ON CONFLICT DO NOTHING""",
)  # fmt: skip
claim_renew = _both("""
    UPDATE claim SET expires_at = CASE WHEN expires_at > :expires_at THEN expires_at ELSE :expires_at END
    WHERE case_id = :case_id AND reviewer = :reviewer AND fence = :fence AND expires_at > :now
    RETURNING taken_at, expires_at""")
claim_end = _both("DELETE FROM claim WHERE case_id = :case_id AND fence = :fence RETURNING reviewer")
claim_put_away = _change(
    "claim", sure=True,
    sqlite="DELETE FROM claim WHERE case_id = :case_id AND fence = :fence",
    postgres="""
    DELETE FROM claim c USING jsonb_to_recordset(:rows) AS x(case_id text, fence integer)
    WHERE c.case_id = x.case_id AND c.fence = x.fence""",
)  # fmt: skip
claim_drop = _both("DELETE FROM claim WHERE case_id = :case_id RETURNING reviewer, fence")
claim_live_of = _both("""
    SELECT case_id, fence FROM claim WHERE workspace = :workspace AND reviewer = :reviewer AND expires_at > :now""")

stint_get = _both("SELECT started_at, last_at FROM stint WHERE workspace = :workspace AND person = :person")
# once a person and group
stint_put = _change(
    "stint",
    sqlite="""
    INSERT INTO stint (workspace, person, started_at, last_at) VALUES (:workspace, :person, :begun, :now)
    ON CONFLICT (workspace, person) DO UPDATE SET started_at = excluded.started_at, last_at = excluded.last_at""",
    postgres="""
    INSERT INTO stint (workspace, person, started_at, last_at) SELECT x.workspace, x.person, x.begun, x.now
    FROM jsonb_to_recordset(:rows) AS x(workspace text, person text, begun bigint, now bigint)
    ON CONFLICT (workspace, person) DO UPDATE SET started_at = excluded.started_at, last_at = excluded.last_at""",
)
open_upto = _both("""
    SELECT count(*) FROM (SELECT 1 FROM cases WHERE workspace = :workspace AND state = 'open' LIMIT :limit) x""")
# those who may sign in
people_listed = _both(
    "SELECT id, workspace, name, email, roles, skills, active FROM person WHERE workspace = :workspace AND active"
)
person_get = _both("SELECT id, workspace, name, email, roles, skills, active FROM person WHERE id = :id")

person_lock = _each(
    sqlite="SELECT roles, skills, active, password FROM person WHERE id = :id AND workspace = :workspace",
    postgres="SELECT roles, skills, active, password FROM person WHERE id = :id AND workspace = :workspace FOR UPDATE",
)
person_change = _both("""
    UPDATE person SET roles = :roles, skills = :skills, active = :active, password = :password WHERE id = :id""")
person_by_email = _both("""
    SELECT id, workspace, name, email, roles, skills, active, password FROM person
    WHERE workspace = :workspace AND email = :email""")
key_get = _both("""
    SELECT id, workspace, secret, scopes, agent, person, expires_at, revoked_at FROM api_key WHERE id = :id""")
key_revoke = _both("""
    UPDATE api_key SET revoked_at = :now WHERE id = :id AND workspace = :workspace AND revoked_at IS NULL RETURNING id""")
session_get = _both("SELECT person, csrf, signed_in_at, expires_at FROM session WHERE token = :token")
session_end = _both("DELETE FROM session WHERE token = :token")
session_end_all = _both("DELETE FROM session WHERE person = :person")
review_void_person = _both("""
    UPDATE review SET voided_at = :now WHERE reviewer = :reviewer AND effective_at > :now AND withdrawn_at IS NULL
      AND voided_at IS NULL RETURNING id, case_id, revision""")

# --- reviews ----------------------------------------------------------------------------------

REVIEW = (
    "id, case_id, workspace, revision, reviewer, verdict, bytes, card, fence, blind, dwell, given_at, effective_at,"
    " withdrawn_at, voided_at, batch"
)
review_list = _both(f"SELECT {REVIEW} FROM review WHERE case_id = :case_id ORDER BY given_at, id")
review_list_many = _each(
    sqlite=f"SELECT case_id, {REVIEW} FROM review WHERE case_id IN {_IDS_SQLITE} ORDER BY given_at, id",
    postgres=f"SELECT case_id, {REVIEW} FROM review WHERE case_id = {_IDS_POSTGRES} ORDER BY given_at, id",
)
review_get = _both(f"SELECT {REVIEW} FROM review WHERE id = :id AND workspace = :workspace")
review_withdraw = _both("""
    UPDATE review SET withdrawn_at = :now WHERE id = :id AND reviewer = :reviewer AND withdrawn_at IS NULL
      AND voided_at IS NULL AND effective_at > :now RETURNING case_id""")
# `keep`: the ids that stay, as a JSON list
review_void = _each(
    sqlite="""
    UPDATE review SET voided_at = :now WHERE case_id = :case_id AND revision < :revision
      AND id NOT IN (SELECT value FROM json_each(:keep))
      AND withdrawn_at IS NULL AND voided_at IS NULL RETURNING id, reviewer""",
    postgres="""
    UPDATE review SET voided_at = :now WHERE case_id = :case_id AND revision < :revision
      AND id NOT IN (SELECT jsonb_array_elements_text(CAST(:keep AS jsonb)))
      AND withdrawn_at IS NULL AND voided_at IS NULL RETURNING id, reviewer""",
)
review_count_present = _both("""
    SELECT count(*) FROM review r JOIN proposal p ON p.case_id = r.case_id
    WHERE r.case_id = :case_id AND r.withdrawn_at IS NULL AND r.voided_at IS NULL AND r.verdict <> 'abstain'
      AND (r.revision = p.revision OR r.id = p.made_by)""")
review_of_person = _both("""
    SELECT id, case_id FROM review WHERE workspace = :workspace AND reviewer = :reviewer AND effective_at > :now
      AND withdrawn_at IS NULL AND voided_at IS NULL""")

# --- executions -------------------------------------------------------------------------------

EXECUTION = (
    "case_id, workspace, action, agent, state, tool_class, nonce, fence, started_at, expires_at, finished_at, result,"
    " happened"
)
execution_insert = _both("""
    INSERT INTO execution (case_id, workspace, action, agent, state, tool_class, nonce, fence, started_at, expires_at)
    VALUES (:case_id, :workspace, :action, :agent, :state, :tool_class, :nonce, 1, :now, :expires_at)
    ON CONFLICT DO NOTHING RETURNING case_id""")
# each looked up on its own, and only where it is asked for
_AGENT = "(SELECT p.agent FROM proposal p WHERE p.case_id = w.case_id)"
_RUN = "(SELECT p.run FROM proposal p WHERE p.case_id = w.case_id)"
_HALTED_BY = f"CASE {{scope}} WHEN 'action' THEN w.action WHEN 'agent' THEN {_AGENT} WHEN 'run' THEN {_RUN} END"
# those that may start: no older than `since`, under no halt, and approved after every halt that was ever set over them
handoff_list = _both(f"""
    SELECT w.case_id, w.approved_at FROM handoff w
    WHERE w.workspace = :workspace AND w.action = :action AND w.case_id > :after AND w.approved_at >= :since
      AND (CAST(:agent AS TEXT) IS NULL OR :agent = {_AGENT})
      AND NOT EXISTS (SELECT 1 FROM halt WHERE halt.workspace = w.workspace
        AND (halt.lifted_at IS NULL OR halt.set_at >= w.approved_at)
        AND (halt.scope = 'workspace' OR halt.value = {_HALTED_BY.format(scope="halt.scope")}))
    ORDER BY w.case_id LIMIT :limit""")
# those that a halt kills; one that somebody else is about to drop waits for nobody
_KILLED = f"""w.workspace = :workspace AND w.approved_at <= :set_at
    AND (CAST(:scope AS TEXT) = 'workspace' OR CAST(:value AS TEXT) = {_HALTED_BY.format(scope="CAST(:scope AS TEXT)")})"""
handoff_kill = _each(
    sqlite=f"DELETE FROM handoff AS w WHERE {_KILLED}",
    postgres=f"""
    DELETE FROM handoff WHERE (workspace, action, case_id) IN (
        SELECT w.workspace, w.action, w.case_id FROM handoff w WHERE {_KILLED} FOR UPDATE SKIP LOCKED)""",
)
handoff_drop = _both("DELETE FROM handoff WHERE workspace = :workspace AND action = :action AND case_id = :case_id")
execution_get = _both(f"SELECT {EXECUTION} FROM execution WHERE case_id = :case_id AND workspace = :workspace")
execution_get_many = _each(
    sqlite=f"SELECT case_id, {EXECUTION} FROM execution WHERE workspace = :workspace AND case_id IN {_IDS_SQLITE}",
    postgres=f"SELECT case_id, {EXECUTION} FROM execution WHERE workspace = :workspace AND case_id = {_IDS_POSTGRES}",
)
execution_retry = _both("""
    UPDATE execution SET nonce = :nonce, fence = fence + 1, started_at = :now, expires_at = :expires_at
    WHERE case_id = :case_id AND state = 'started' AND fence = :fence AND expires_at <= :now RETURNING fence""")
# of a row that was read under the case's lock, with that state and fence
execution_end = _change(
    "execution", sure=True,
    sqlite="""
    UPDATE execution SET state = :state, finished_at = :now, result = :result
    WHERE case_id = :case_id AND state = 'started' AND fence = :fence""",
    postgres="""
    UPDATE execution e SET state = x.state, finished_at = x.now, result = decode(x.result, 'base64')
    FROM jsonb_to_recordset(:rows) AS x(case_id text, fence integer, state text, now bigint, result text)
    WHERE e.case_id = x.case_id AND e.state = 'started' AND e.fence = x.fence""",
)  # fmt: skip
execution_lose = _both("""
    UPDATE execution SET state = 'unknown' WHERE case_id = :case_id AND state = 'started' AND fence = :fence
    RETURNING case_id""")
execution_late = _both("UPDATE execution SET result = :result WHERE case_id = :case_id AND state = 'unknown'")
execution_settle = _both("""
    UPDATE execution SET state = 'settled', finished_at = :now, happened = :happened
    WHERE case_id = :case_id AND state = 'unknown' RETURNING fence""")

# --- parked runs ------------------------------------------------------------------------------

PARKED = (
    "id, workspace, agent, run, framework, state, state_digest, wakes, waiting, parked_at, nonce, fence, failures,"
    " next_at, ended_at, ending, note"
)
# without the state, which may be large
PARKED_LINE = PARKED.replace(" state,", " NULL,")
# one at a time parks or abandons a run: until the end of the transaction
park_own = _each(sqlite="SELECT :subject", postgres="SELECT pg_advisory_xact_lock(hashtextextended(:subject, 2))")
park_get = _both(f"SELECT {PARKED_LINE} FROM parked WHERE id = :id AND workspace = :workspace")
park_lock = _each(
    sqlite=f"SELECT {PARKED_LINE} FROM parked WHERE id = :id AND workspace = :workspace",
    postgres=f"SELECT {PARKED_LINE} FROM parked WHERE id = :id AND workspace = :workspace FOR UPDATE",
)
park_of_run = _each(
    sqlite=f"""
    SELECT {PARKED_LINE} FROM parked
    WHERE workspace = :workspace AND run = :run AND framework = :framework AND ended_at IS NULL""",
    postgres=f"""
    SELECT {PARKED_LINE} FROM parked
    WHERE workspace = :workspace AND run = :run AND framework = :framework AND ended_at IS NULL FOR UPDATE""",
)
park_cases = _both("SELECT case_id FROM park_case WHERE park_id = :id ORDER BY case_id")
park_cases_of_run = _both("""
    SELECT c.case_id FROM parked k JOIN park_case c ON c.park_id = k.id
    WHERE k.workspace = :workspace AND k.run = :run AND k.framework = :framework AND k.ended_at IS NULL""")
# cases nobody has decided yet, of any park that this run ever had
park_undecided = _both("""
    SELECT c.case_id FROM parked k JOIN park_case c ON c.park_id = k.id JOIN proposal p ON p.case_id = c.case_id
    WHERE k.workspace = :workspace AND k.run = :run AND k.framework = :framework AND p.decision IS NULL""")
park_waits_for = _both("""
    SELECT k.id FROM park_case c JOIN parked k ON k.id = c.park_id
    WHERE c.case_id = :case_id AND k.ended_at IS NULL AND k.workspace = :workspace""")
park_mark_case = _both("UPDATE proposal SET parked = TRUE WHERE case_id = :case_id")
park_decided = _both("""
    UPDATE parked SET waiting = waiting - 1
    WHERE ended_at IS NULL AND waiting > 0 AND id IN (SELECT park_id FROM park_case WHERE case_id = :case_id)""")
_MINE = "(CAST(:agent AS TEXT) IS NULL OR agent = :agent)"
_DUE = f"ending IS NULL AND waiting = 0 AND next_at <= :now AND {_MINE}"
park_next = _both(f"""
    SELECT id, parked_at FROM parked WHERE workspace = :workspace AND framework = :framework AND {_DUE}
    ORDER BY parked_at, id LIMIT 1""")
park_next_any = _both(f"""
    SELECT id, parked_at FROM parked WHERE workspace = :workspace AND {_DUE} ORDER BY parked_at, id LIMIT 1""")
park_next_this = _both(f"SELECT id FROM parked WHERE id = :id AND workspace = :workspace AND {_DUE}")
park_next_of_run = _both(f"""
    SELECT id, parked_at FROM parked WHERE workspace = :workspace AND run = :run AND ended_at IS NULL AND {_DUE}
    ORDER BY +parked_at, id LIMIT 1""")
park_held = _both(f"""
    SELECT {PARKED} FROM parked
    WHERE nonce = :nonce AND +workspace = :workspace AND ending IS NULL AND next_at > :now AND {_MINE}""")
# a hold that ran out is a failure too: a snapshot that kills its wakers must not do so for ever
park_take = _both(f"""
    UPDATE parked SET nonce = :nonce, fence = fence + 1, next_at = :until,
        failures = failures + CASE WHEN nonce IS NULL THEN 0 ELSE 1 END
    WHERE id = :id AND workspace = :workspace AND {_DUE} RETURNING {PARKED}""")
park_renew = _both("""
    UPDATE parked SET next_at = :until
    WHERE id = :id AND workspace = :workspace AND fence = :fence AND nonce IS NOT NULL AND ending IS NULL
      AND next_at > :now RETURNING id""")
park_end = _both("""
    UPDATE parked SET ended_at = :now, ending = :ending, note = :note, state = NULL, nonce = NULL
    WHERE id = :id AND ended_at IS NULL RETURNING fence""")
park_release = _both("""
    UPDATE parked SET nonce = NULL, failures = :failures, next_at = :next_at, ending = :ending, note = :note
    WHERE id = :id AND ended_at IS NULL RETURNING fence""")
park_retry = _both("""
    UPDATE parked SET ending = NULL, failures = 0, next_at = :now
    WHERE id = :id AND workspace = :workspace AND ending = 'failed' RETURNING id""")
park_list = _both(f"""
    SELECT {PARKED_LINE}, (SELECT count(*) FROM park_case c WHERE c.park_id = parked.id),
        (SELECT count(*) FROM park_case c JOIN proposal p ON p.case_id = c.case_id
         WHERE c.park_id = parked.id AND p.decision IS NOT NULL)
    FROM parked WHERE workspace = :workspace AND ended_at IS NULL AND {_MINE} ORDER BY parked_at, id LIMIT :limit""")

# --- timers, halts, usage ---------------------------------------------------------------------

timer_put = _both("""
    INSERT INTO timer (kind, subject, due_at) VALUES (:kind, :subject, :due_at)
    ON CONFLICT (kind, subject) DO UPDATE SET due_at = excluded.due_at""")
timer_postpone = _both("""
    UPDATE timer SET due_at = :due_at WHERE kind = :kind AND subject = :subject AND due_at < :due_at""")
timer_drop = _both("DELETE FROM timer WHERE kind = :kind AND subject = :subject")
timer_set = _change(
    "timer",
    sqlite="""
    INSERT INTO timer (kind, subject, due_at) VALUES (:kind, :subject, :due_at)
    ON CONFLICT (kind, subject) DO UPDATE SET due_at = excluded.due_at""",
    postgres="""
    INSERT INTO timer (kind, subject, due_at)
    SELECT x.kind, x.subject, x.due_at FROM jsonb_to_recordset(:rows) AS x(kind text, subject text, due_at bigint)
    ON CONFLICT (kind, subject) DO UPDATE SET due_at = excluded.due_at""",
)
timer_end = _change(
    "timer",
    sqlite="DELETE FROM timer WHERE kind = :kind AND subject = :subject",
    postgres="""
    DELETE FROM timer t USING jsonb_to_recordset(:rows) AS x(kind text, subject text)
    WHERE t.kind = x.kind AND t.subject = x.subject""",
)
timer_end_all = _change(
    "timer",
    sqlite="DELETE FROM timer WHERE kind IN ('deadline', 'claim', 'effective') AND subject = :subject",
    postgres="""
    DELETE FROM timer t USING jsonb_to_recordset(:rows) AS x(subject text)
    WHERE t.kind IN ('deadline', 'claim', 'effective') AND t.subject = x.subject""",
)
timer_due = _both("""
    SELECT t.kind, t.subject, t.due_at, p.workspace FROM timer t JOIN proposal p ON p.case_id = t.subject
    WHERE t.due_at <= :now ORDER BY t.due_at LIMIT :limit""")
halt_get = _both("SELECT scope, value, reason, set_by, set_at FROM halt WHERE id = :id AND workspace = :workspace")
halt_live = _both("SELECT id, scope, value, reason FROM halt WHERE workspace = :workspace AND lifted_at IS NULL")
# once the clock has gone back, a time alone does not say what came first
halt_since = _both("""
    SELECT set_at, scope, value, reason FROM halt WHERE workspace = :workspace AND (set_at >= :moment
    OR EXISTS (SELECT 1 FROM audit_entry WHERE log = :log AND type = 'clock.jumped'))""")
jumps_since = _both("""
    SELECT j.bytes FROM audit_entry d JOIN audit_entry j ON j.log = d.log AND j.idx > d.idx AND j.type = 'clock.jumped'
    WHERE d.case_id = :case_id AND d.type = :type AND d.log = :log""")
halt_lift = _both("""
    UPDATE halt SET lifted_by = :by, lifted_at = :now WHERE id = :id AND workspace = :workspace AND lifted_at IS NULL
    RETURNING scope, value""")
usage_since = _both("""
    SELECT at, amount, currency, asked FROM usage
    WHERE workspace = :workspace AND subject = :subject AND at >= :since AND case_id <> :but""")
usage_edit = _both("""
    UPDATE usage SET amount = :amount, currency = :currency
    WHERE workspace = :workspace AND subject = :subject AND at = :at AND case_id = :case_id""")
grant_get = _both("SELECT bytes, issued_by, issued_at FROM permission WHERE id = :id AND workspace = :workspace")
grant_live = _both(
    """
    SELECT id, bytes, uses_left FROM permission
    WHERE workspace = :workspace AND action = :action AND ended_at IS NULL AND expires_at > :now"""
    " AND (uses_left IS NULL OR uses_left > 0)"
)
grant_end = _both("""
    UPDATE permission SET ended_at = :now WHERE id = :id AND workspace = :workspace AND ended_at IS NULL RETURNING action""")
grant_runs = _both("""
    SELECT id, action, run, agent FROM permission
    WHERE workspace = :workspace AND run IS NOT NULL AND ended_at IS NULL AND expires_at > :now""")
grant_list = _both("""
    SELECT id, bytes, issued_by, issued_at, uses_left FROM permission
    WHERE workspace = :workspace AND ended_at IS NULL AND expires_at > :now AND (uses_left IS NULL OR uses_left > 0)
    ORDER BY issued_at, id""")
grant_use = _both("""
    UPDATE permission SET uses_left = uses_left - 1 WHERE id = :id AND workspace = :workspace AND uses_left > 0""")

# --- audit ------------------------------------------------------------------------------------

head_lock = _each(
    sqlite="SELECT size, frontier, last_at FROM audit_head WHERE log = :log",
    postgres="SELECT size, frontier, last_at FROM audit_head WHERE log = :log FOR UPDATE",
)
head_last_at = _both("SELECT last_at FROM audit_head WHERE log = :log")
head_insert = _both("""
    INSERT INTO audit_head (log, size, frontier, signed_size, last_at) VALUES (:log, 0, :frontier, 0, 0)
    ON CONFLICT DO NOTHING""")
head_move = _both("UPDATE audit_head SET size = :size, frontier = :frontier, last_at = :last_at WHERE log = :log")
head_sign = _both("""
    UPDATE audit_head SET signed_size = :size, checkpoint = :checkpoint WHERE log = :log AND signed_size <= :size""")
# a log that an epoch ended is never signed again
log_dirty = _both("""
    SELECT h.log FROM audit_head h JOIN workspace w ON w.log = h.log WHERE h.signed_size <> h.size""")
head_get = _both("SELECT size, frontier, signed_size, checkpoint, last_at FROM audit_head WHERE log = :log")
entry_hashes = _both("SELECT hash FROM audit_entry WHERE log = :log AND idx >= :start AND idx < :stop ORDER BY idx")
entries_after = _both("""
    SELECT idx, type, case_id, id FROM audit_entry WHERE log = :log AND idx > :idx ORDER BY idx LIMIT :limit""")
entry_bytes_range = _both("""
    SELECT bytes FROM audit_entry WHERE log = :log AND idx >= :start AND idx < :stop ORDER BY idx""")
entries_of_type = _both("SELECT bytes FROM audit_entry WHERE case_id = :case_id AND type = :type")
entry_of_case = _both("""
    SELECT e.log, e.idx, e.bytes, h.signed_size FROM audit_entry e JOIN audit_head h ON h.log = e.log
    WHERE e.case_id = :case_id AND e.id = :id""")
tile_get = _both("SELECT hashes FROM audit_tile WHERE log = :log AND level = :level AND n = :n")
opening_sealed = _both("""
    SELECT o.entry, o.path, o.salt, o.sealed, k.key FROM opening o
    JOIN subject_key k ON k.workspace = :workspace AND k.subject = o.subject WHERE o.log = :log""")
opening_salts = _both("SELECT path, salt FROM opening WHERE case_id = :case_id")
subject_key_get = _both("SELECT key FROM subject_key WHERE workspace = :workspace AND subject = :subject")
# the few first, then their proposals: a planner that may choose goes through all proposals for them
unindexed_list = _both("""
    SELECT x.case_id, p.workspace, p.bytes FROM (SELECT u.case_id FROM unindexed u ORDER BY u.case_id LIMIT :limit) x
    JOIN proposal p ON p.case_id = x.case_id""")
unindexed_drop = _each(
    sqlite=f"DELETE FROM unindexed WHERE case_id IN {_IDS_SQLITE} RETURNING case_id",
    postgres=f"DELETE FROM unindexed WHERE case_id = {_IDS_POSTGRES} RETURNING case_id",
)
search_put = _change(
    "search",
    sqlite="INSERT INTO search (case_id, workspace, body) VALUES (:case_id, :workspace, :body)",
    postgres="""
    INSERT INTO search (case_id, workspace, body) SELECT x.case_id, x.workspace, to_tsvector('simple', x.body)
    FROM jsonb_to_recordset(:rows) AS x(case_id text, workspace text, body text) ON CONFLICT (case_id) DO NOTHING""",
)
label_corrections = _both("""
    SELECT case_id, bytes FROM label
    WHERE workspace = :workspace AND action = :action AND NOT correct AND source IN ('review', 'spot_check')
    ORDER BY id DESC LIMIT :limit""")
outcome_get = _both("SELECT case_id, bytes FROM outcome WHERE id = :id AND workspace = :workspace")
outcome_newest = _both("SELECT bytes FROM outcome WHERE case_id = :case_id ORDER BY at DESC, id DESC LIMIT 1")
# Only the newest hits are looked at: the words that every case has find nearly all, and to rank those takes seconds.
# Both engines walk from the newest and stop. SQLite gives the words, for its own rank counts all hits of each word
# before the first (`reads.best_first`); PostgreSQL ranks, the less the better
NEWEST_HITS = 3000
_HITS_SQLITE = f"""SELECT case_id, substr(body, 1, 2000) AS words FROM search
    WHERE search MATCH :words AND workspace = :workspace ORDER BY rowid DESC LIMIT {NEWEST_HITS}"""
_HITS_POSTGRES = f"""SELECT case_id, body FROM search
    WHERE body @@ to_tsquery('simple', :words) AND workspace = :workspace ORDER BY case_id DESC LIMIT {NEWEST_HITS}"""
_RANKED = "SELECT x.case_id, -ts_rank(x.body, to_tsquery('simple', :words)) AS score FROM"
search_find = _each(
    sqlite=_HITS_SQLITE, postgres=f"{_RANKED} ({_HITS_POSTGRES}) x ORDER BY score, x.case_id DESC LIMIT :limit"
)
# What the policy, a clock or the caller ended tells a reviewer nothing
_DECIDED = """JOIN cases c ON c.id = r.case_id JOIN proposal p ON p.case_id = r.case_id
    WHERE c.state <> 'open' AND p.decision NOT IN ('expired', 'cancelled')"""
search_decided = _each(
    sqlite=f"""SELECT x.case_id, x.words FROM ({_HITS_SQLITE}) x
    WHERE EXISTS (SELECT 1 FROM review r {_DECIDED} AND r.case_id = x.case_id AND r.withdrawn_at IS NULL)""",
    # the limits have each of these looked up: a plan that may choose goes through all cases and answers for them
    postgres=f"""{_RANKED} ({_HITS_POSTGRES}) x CROSS JOIN LATERAL (SELECT 1 FROM (SELECT r.case_id FROM review r
    WHERE r.case_id = x.case_id AND r.withdrawn_at IS NULL LIMIT 1) r {_DECIDED} LIMIT 1) decided
    ORDER BY score, x.case_id DESC LIMIT :limit""",
)
calibrator_newest = _both("""
    SELECT version, bytes, digest FROM calibrator WHERE workspace = :workspace AND name = :name
    ORDER BY version DESC LIMIT 1""")

# --- everything there is, for `reconcile`: of these cases, of these parked runs, and of the workspace itself --------


def _among(sql: str) -> Statement:
    """With `{ids}` where a column must be one of those given."""
    return _each(sqlite=sql.format(ids=f"IN {_IDS_SQLITE}"), postgres=sql.format(ids=f"= {_IDS_POSTGRES}"))


state_proposals = _among(f"SELECT {PROPOSAL} FROM proposal WHERE +workspace = :workspace AND case_id {{ids}}")
state_cases = _among(f"SELECT {CASE} FROM cases WHERE +workspace = :workspace AND id {{ids}}")
state_claims = _among("SELECT case_id, reviewer, fence FROM claim WHERE +workspace = :workspace AND case_id {ids}")
state_reviews = _among(f"SELECT {REVIEW} FROM review WHERE +workspace = :workspace AND case_id {{ids}}")
state_executions = _among(f"SELECT {EXECUTION} FROM execution WHERE +workspace = :workspace AND case_id {{ids}}")
state_ready = _among("""
    SELECT c.id, r.lane, r.sort_key FROM cases c
    JOIN ready r ON r.lane = c.lane AND r.sort_key = c.sort_key AND r.case_id = c.id
    WHERE +c.workspace = :workspace AND c.id {ids}""")
state_timers = _among("""
    SELECT kind, subject FROM timer WHERE kind IN ('deadline', 'effective', 'claim', 'execution') AND subject {ids}""")
# of a gold, who answered it elsewhere is barred and no entry tells it
state_excluded = _among("""
    SELECT e.case_id, e.person FROM excluded e
    WHERE e.case_id {ids} AND (e.why <> 'reviewed' OR NOT
        (EXISTS (SELECT 1 FROM review r WHERE r.case_id = e.case_id AND r.reviewer = e.person)
        OR EXISTS (SELECT 1 FROM gold_case g WHERE g.case_id = e.case_id AND +g.workspace = :workspace)))""")
state_revisions = _among("SELECT case_id, revision, bytes FROM revision WHERE case_id {ids}")
state_labels = _among("SELECT case_id, id FROM label WHERE +workspace = :workspace AND case_id {ids}")
state_outcomes = _among("SELECT case_id FROM outcome WHERE +workspace = :workspace AND case_id {ids}")
state_salts = _among("SELECT log, case_id, path, salt FROM opening WHERE case_id {ids}")
state_parks = _among(f"SELECT {PARKED} FROM parked WHERE +workspace = :workspace AND id {{ids}}")
state_park_cases = _among("""
    SELECT c.park_id, c.case_id, p.parked FROM park_case c
    LEFT JOIN proposal p ON p.case_id = c.case_id WHERE c.park_id {ids}""")


def _ids_after(id: str, table: str) -> Statement:
    return _both(f"""
    SELECT {id} FROM {table} WHERE +workspace = :workspace AND {id} > :after ORDER BY {id} LIMIT :limit""")


state_parked_ids = _ids_after("id", "parked")
state_proposal_ids = _ids_after("case_id", "proposal")
state_case_ids = _ids_after("id", "cases")
state_execution_ids = _ids_after("case_id", "execution")
# what stands in a queue, and not where its case says
state_astray = _both("""
    SELECT r.case_id, r.lane, r.sort_key FROM ready r JOIN lane l ON l.id = r.lane
    LEFT JOIN cases c ON c.id = r.case_id AND c.lane = r.lane AND c.sort_key = r.sort_key
    WHERE l.workspace = :workspace AND c.id IS NULL""")
state_halts = _both("SELECT id, scope, value, set_at, lifted_at FROM halt WHERE workspace = :workspace")
state_keys = _both("""
    SELECT id, scopes, secret, agent, person, expires_at FROM api_key
    WHERE workspace = :workspace AND revoked_at IS NULL""")
# what would act behind every statement; none is ours
state_triggers = _each(
    sqlite="SELECT type || ' ' || name FROM sqlite_master WHERE type IN ('trigger', 'view') ORDER BY 1",
    postgres="""SELECT 'trigger ' || t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace ORDER BY 1""",
)
state_webhooks = _both("SELECT id, url, events FROM webhook WHERE workspace = :workspace AND disabled_at IS NULL")
state_calibrators = _both("SELECT name, version, digest, bytes FROM calibrator WHERE workspace = :workspace")
state_policies = _both("SELECT digest, text FROM policy_version WHERE workspace = :workspace")
state_grants = _both("""
    SELECT id, uses_left, action, expires_at, bytes FROM permission WHERE workspace = :workspace AND ended_at IS NULL""")
state_people = _both("SELECT id, roles, active FROM person WHERE workspace = :workspace")

webhook_get = _both("""
    SELECT id, url, secret, events FROM webhook WHERE id = :id AND workspace = :workspace AND disabled_at IS NULL""")
webhook_secret = _both("UPDATE webhook SET secret = :secret WHERE id = :id")
webhook_end = _both("""
    UPDATE webhook SET disabled_at = :now WHERE id = :id AND workspace = :workspace AND disabled_at IS NULL RETURNING id""")
# due, and nothing of the same case waits before it
outbox_due = _both("""
    SELECT o.id, o.webhook, o.type, o.body, o.attempts, o.next_at, w.url, w.secret
    FROM outbox o JOIN webhook w ON w.id = o.webhook
    WHERE o.next_at <= :now AND w.disabled_at IS NULL AND NOT EXISTS (
        SELECT 1 FROM outbox e WHERE e.webhook = o.webhook AND e.case_id = o.case_id AND e.next_at IS NOT NULL
          AND (e.seq < o.seq OR (e.seq = o.seq AND e.id < o.id)))
    ORDER BY o.next_at, o.seq LIMIT :limit""")
outbox_take = _both("""
    UPDATE outbox SET next_at = :until, attempts = attempts + 1
    WHERE id = :id AND webhook = :webhook AND next_at = :seen RETURNING id""")
outbox_done = _both("""
    UPDATE outbox SET delivered_at = :now, next_at = NULL, last_error = NULL WHERE id = :id AND webhook = :webhook""")
outbox_retry = _both("""
    UPDATE outbox SET next_at = :next_at, last_error = :error
    WHERE id = :id AND webhook = :webhook AND delivered_at IS NULL AND next_at IS NOT NULL""")
outbox_drop = _both("DELETE FROM outbox WHERE webhook = :webhook AND next_at IS NOT NULL")
outbox_prune = _both("DELETE FROM outbox WHERE next_at IS NULL AND created_at < :before")
webhook_live = _both("SELECT id, events FROM webhook WHERE workspace = :workspace AND disabled_at IS NULL")

for _name, _value in list(globals().items()):
    if isinstance(_value, Statement):
        object.__setattr__(_value, "name", _name)
