"""Taking the next case with few and with many open cases, from the common lane and from a rare one.

The tables are filled by one SQL statement each; what is measured is the real verb with its commit, one caller.

Run: python bench/take_next.py DIRECTORY [--sizes 1000 1000000] [--takes 400] [--engine sqlite|postgres]
Prints one JSON line a row; milliseconds.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from pathlib import Path

import psycopg

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "peers")]

from floor import postgres_floor, sqlite_floor  # noqa: E402
from sizes import arguments, each  # noqa: E402

from handrail.lifecycle import claim  # noqa: E402
from handrail.lifecycle.actor import Actor  # noqa: E402
from handrail.maintenance.plane import Plane  # noqa: E402

# people with this skill who look into this queue see few of all cases: at least so many, at most one in a thousand
SKILL, RARE_QUEUE, RARE_AT_LEAST, ONE_IN = "welding", "workshop", 400, 1000
POLICY = "escalation_policies: [{action_type: pay, autonomy: confirm}]"
TAKES_A_PERSON = 20
ZERO = "0" * 64

LANES = f"""
INSERT INTO lane (id, workspace, queue, skills)
VALUES (1, 'default', 'default', ''), (2, 'default', '{RARE_QUEUE}', '{SKILL}')"""
# ids look like UUIDv7 of the far past, so nothing else collides with them
PROPOSALS = """
INSERT INTO proposal (case_id, workspace, identity, digest, action, tier, revision, action_digest, bytes, route,
  policy, submitted_at)
SELECT {id}, 'default', 'case' || n, '{zero}', 'pay', 'hard_gate', 1, '{zero}', {blob}, {blob}, '{zero}', n
FROM {series}"""
CASES = """
INSERT INTO cases (id, workspace, action, kind, state, tier, queue, lane, revision, reviewers, sort_key, on_expiry,
  soft, gold, summary, opened_at, escalations, fence)
SELECT {id}, 'default', 'pay', 'action', 'open', 'hard_gate', 'default', {lane}, 1, 1, n, 'reject',
  false, false, 'pay: A1, amount ' || n, n, 0, 0 FROM {series}"""
READY = "INSERT INTO ready (lane, sort_key, case_id) SELECT {lane}, n, {id} FROM {series}"


def words(size: int, **words: str) -> dict[str, str]:
    """What the statements need on both engines, beside their own."""
    return {"zero": ZERO, "lane": f"CASE WHEN n % {rare(size)} = 0 THEN 2 ELSE 1 END", **words}


def rare(size: int) -> int:
    """Every how many-th case is a rare one."""
    return max(2, min(ONE_IN, size // RARE_AT_LEAST))


def fill_sqlite(path: Path, size: int) -> None:
    counted = f"WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {size}) SELECT n FROM s"
    made = words(
        size, id="printf('00000000-0000-7000-8000-%012d', n)", blob="CAST('{}' AS BLOB)", series=f"({counted})"
    )
    with sqlite3.connect(path) as db:
        db.execute(LANES)
        for statement in (PROPOSALS, CASES, READY):
            db.execute(statement.format(**made))
    db.close()


def fill_postgres(url: str, size: int) -> None:
    id = "'00000000-0000-7000-8000-' || lpad(n::text, 12, '0')"
    made = words(size, id=id, blob="'{}'::bytea", series=f"generate_series(1, {size}) n")
    with psycopg.connect(url) as db:
        db.execute("TRUNCATE proposal, cases, ready, lane, claim, timer, excluded")
        db.execute(LANES)
        for statement in (PROPOSALS, CASES, READY):
            db.execute(statement.format(**made))
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("ANALYZE")


def measure(plane: Plane, engine: str, size: int, takes: int, floor: float) -> None:
    for lane, skills, queues in (("common", (), ("default",)), ("rare skill", (SKILL,), (RARE_QUEUE,))):
        spent = []
        for number in range(takes):
            actor = _person(f"{lane}-{number // TAKES_A_PERSON}", skills)
            begun = time.perf_counter()
            taken = plane.run(claim.take_next, claim.TakeNext(actor=actor, queues=queues))
            spent.append((time.perf_counter() - begun) * 1000)
            assert taken is not None
            assert (int(taken.case_id[-12:]) % rare(size) == 0) is (lane != "common")
        spent.sort()
        line = {
            "what": "take the next case", "engine": engine, "open_cases": size, "lane": lane, "n": len(spent),
            "p50_ms": _at(spent, 0.5), "p99_ms": _at(spent, 0.99), "floor_commit_ms": round(1000 / floor, 3),
        }  # fmt: skip
        print(json.dumps(line), flush=True)


def _person(name: str, skills: tuple[str, ...]) -> Actor:
    return Actor(kind="person", pid=f"p_{name}", name=name, roles=frozenset({"reviewer"}), skills=frozenset(skills),
                 scopes=frozenset({"review"}))  # fmt: skip


def _at(spent: list[float], share: float) -> float:
    return round(spent[min(len(spent) - 1, int(len(spent) * share))], 3)


def main() -> None:
    parser = arguments(__doc__, [1_000, 1_000_000])
    parser.add_argument("--takes", type=int, default=400)
    given = parser.parse_args()
    for plane, engine, size, place in each(given, sqlite=fill_sqlite, postgres=fill_postgres, policy=POLICY):
        floor = sqlite_floor(place) if isinstance(place, Path) else postgres_floor(place)
        measure(plane, engine, size, given.takes, floor)


if __name__ == "__main__":
    main()
