"""Looking up the earlier cases that are like one, among few and among many.

The tables are filled by statements of their own: every case names its action and an invoice, so every other case is a
hit; payees and words of the memo are as unequal as words are. People decided one in ten. One caller.

Run: python bench/similar.py DIRECTORY [--sizes 100000 1000000] [--lookups 50] [--engine sqlite|postgres]
Prints one JSON line a row; milliseconds.
"""

from __future__ import annotations

import json
import random
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "peers")]

from sizes import arguments, each  # noqa: E402

from handrail.maintenance.plane import Plane  # noqa: E402
from handrail.store import reads  # noqa: E402

VOCABULARY, MEMO, DECIDED_ONE_IN = 50_000, 8, 10
ZERO = "0" * 64
SHOWN = 8

PROPOSALS = """
INSERT INTO proposal (case_id, workspace, identity, digest, action, tier, revision, action_digest, bytes, route,
  policy, submitted_at, decision, decided_at)
SELECT {id}, 'default', 'case' || n, '{zero}', 'pay', 'hard_gate', 1, '{zero}', {blob}, {blob}, '{zero}', n,
  'approved', n FROM {series}"""
CASES = """
INSERT INTO cases (id, workspace, action, kind, state, tier, queue, lane, revision, reviewers, sort_key, on_expiry,
  soft, gold, summary, opened_at, escalations, fence, closed_at)
SELECT {id}, 'default', 'pay', 'action', 'decided', 'hard_gate', 'default', 1, 1, 1, n, 'reject',
  false, false, 'pay: A1, amount ' || n, n, 0, 0, n FROM {series}"""
REVIEWS = """
INSERT INTO review (id, case_id, workspace, revision, reviewer, verdict, bytes, fence, blind, given_at, effective_at)
SELECT {id}, {id}, 'default', 1, 'p_a', 'approve', {blob}, 1, false, n, n FROM {series} WHERE n % {one_in} = 0"""


def body(chance: random.Random) -> str:
    """The words of a case: the same first ones in all, then a payee and a memo."""
    words = [f"w{int(VOCABULARY ** chance.random())}" for _ in range(MEMO)]
    return f"payment_transfer invoice for payee{int(VOCABULARY ** chance.random())} {' '.join(words)}"


def bodies(size: int) -> Iterator[tuple[str, str, str]]:
    chance = random.Random(0)
    return ((f"00000000-0000-7000-8000-{n:012}", "default", body(chance)) for n in range(1, size + 1))


def fill_sqlite(path: Path, size: int) -> None:
    counted = f"WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {size}) SELECT n FROM s"
    made = {"id": "printf('00000000-0000-7000-8000-%012d', n)", "blob": "CAST('{}' AS BLOB)", "series": f"({counted})"}
    with sqlite3.connect(path) as db:
        for statement in (PROPOSALS, CASES, REVIEWS):
            db.execute(statement.format(zero=ZERO, one_in=DECIDED_ONE_IN, **made))
        db.executemany("INSERT INTO search (case_id, workspace, body) VALUES (?, ?, ?)", bodies(size))
    db.close()


def fill_postgres(url: str, size: int) -> None:
    made = {"id": "'00000000-0000-7000-8000-' || lpad(n::text, 12, '0')", "blob": "'{}'::bytea",
            "series": f"generate_series(1, {size}) n"}  # fmt: skip
    with psycopg.connect(url) as db:
        db.execute("TRUNCATE proposal, cases, review, search")
        for statement in (PROPOSALS, CASES, REVIEWS):
            db.execute(statement.format(zero=ZERO, one_in=DECIDED_ONE_IN, **made))
        db.execute("CREATE TEMPORARY TABLE words (case_id text, workspace text, body text) ON COMMIT DROP")
        with db.cursor().copy("COPY words FROM STDIN") as copy:
            for row in bodies(size):
                copy.write_row(row)
        db.execute("INSERT INTO search SELECT case_id, workspace, to_tsvector('simple', body) FROM words")
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("VACUUM ANALYZE")


def measure(plane: Plane, engine: str, size: int, lookups: int) -> None:
    chance, spent = random.Random(1), []
    for _ in range(lookups):
        words = body(chance)
        begun = time.perf_counter()
        found = reads.similar(plane.store, "default", words, but="", limit=SHOWN)
        spent.append((time.perf_counter() - begun) * 1000)
        assert len(found) == SHOWN
    spent.sort()
    line = {
        "what": "similar cases", "engine": engine, "cases": size, "n": lookups, "p50_ms": round(spent[lookups // 2], 1),
        "p99_ms": round(spent[min(lookups - 1, int(lookups * 0.99))], 1),
    }  # fmt: skip
    print(json.dumps(line), flush=True)


def main() -> None:
    parser = arguments(__doc__, [100_000, 1_000_000])
    parser.add_argument("--lookups", type=int, default=50)
    given = parser.parse_args()
    for filled in each(given, sqlite=fill_sqlite, postgres=fill_postgres):
        measure(filled.plane, filled.engine, filled.size, given.lookups)


if __name__ == "__main__":
    main()
