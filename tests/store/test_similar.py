"""Looking for earlier cases with the same words costs the same however many there are."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from handrail.maintenance.plane import Plane
from handrail.store import reads, statements
from handrail.store.engine import Store
from tests.postgres_server import PostgresServer

NEWEST = statements.NEWEST_HITS
# an old case whose words are all rare, then more cases with the word that all have than are looked at
BODIES = ["invoice quartz", *(f"invoice wood{n}" for n in range(NEWEST + 100))]
INSERT = {
    "sqlite": "INSERT INTO search (case_id, workspace, body) VALUES (?, ?, ?)",
    "postgres": "INSERT INTO search (case_id, workspace, body) VALUES (%s, %s, to_tsvector('simple', %s))",
}


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with Plane(url, loops=False) as plane:
        rows = [(f"case-{n:06}", "default", body) for n, body in enumerate(BODIES)]
        rows += [(f"else-{n:06}", "elsewhere", "invoice quartz") for n in range(10)]
        # in the order in which they came
        connection = sqlite3.connect(url) if plane.store.engine == "sqlite" else psycopg.connect(url)
        with connection:
            connection.cursor().executemany(INSERT[plane.store.engine], rows)
        connection.close()
        yield plane.store


def found(store: Store, words: str) -> list[str]:
    asked = reads.any_word(store.engine, words)
    hits = store.read_hot(statements.search_find, words=asked, workspace="default", limit=10_000)
    return [id for id, _ in reads.best_first(store.engine, hits, words)]


def test_only_the_newest_hits_are_ranked(store: Store) -> None:
    made = found(store, "invoice quartz")
    assert len(made) == NEWEST
    assert "case-000000" not in made
    assert min(made) == f"case-{len(BODIES) - NEWEST:06}"
    # of equals the newest
    assert made[0] == f"case-{len(BODIES) - 1:06}"
    # the old one is found by a word that not all have, and nobody else's
    assert found(store, "quartz") == ["case-000000"]
    assert set(found(store, f"invoice wood{NEWEST} wood{NEWEST + 1}")[:2]) == {
        f"case-{NEWEST + 1:06}", f"case-{NEWEST + 2:06}"
    }  # fmt: skip


def test_sqlite_walks_the_hits_from_the_newest_and_sorts_none(tmp_path: Path) -> None:
    path = tmp_path / "plans.db"
    Plane(path, loops=False).close()
    with sqlite3.connect(path) as db:
        for statement in (statements.search_find, statements.search_decided):
            plan = [row[3] for row in db.execute("EXPLAIN QUERY PLAN " + statement.sqlite,
                                                 {"words": "a", "workspace": "w", "limit": 9})]  # fmt: skip
            assert not [step for step in plan if "TEMP B-TREE" in step]
            assert "bm25" not in statement.sqlite
    db.close()


@pytest.mark.postgres
def test_postgres_walks_the_hits_from_the_newest_and_sorts_only_those_it_took(postgres_server: PostgresServer) -> None:
    url = postgres_server.fresh()
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(
            "INSERT INTO search SELECT 'case-' || lpad(n::text, 6, '0'), 'default',"
            " to_tsvector('simple', 'invoice wood' || n) FROM generate_series(1, 60000) n"
        )
        db.execute("ANALYZE search")
        for statement in (statements.search_find, statements.search_decided):
            asked = {"words": "invoice | wood7", "workspace": "default", "limit": 9}
            plan = "\n".join(row[0] for row in db.execute(f"EXPLAIN {statement.postgres}".encode(), asked))
            walked = plan.index("Index Scan Backward using search_pkey on search")
            assert plan.rindex("Limit", 0, walked) > plan.rindex("Sort", 0, walked)
            assert "Seq Scan on review" not in plan


def test_what_few_hits_have_counts_for_more_and_accents_do_not() -> None:
    hits = [
        ("c4", "pay Jose invoice"),
        ("c3", "pay Jos\u00e9 wood and stone and sand"),
        ("c2", "pay wood"),
        ("c1", "pay wood"),
    ]
    made = reads.best_first("sqlite", hits, "pay JOS\u00c9 wood")
    assert [id for id, _ in made] == ["c3", "c4", "c2", "c1"]
    assert [id for id, _ in reads.best_first("sqlite", hits, "pay wood")][:2] == ["c2", "c1"]
    assert reads.best_first("sqlite", [], "pay") == []
    chance = random.Random(3)
    words = [f"w{n}" for n in range(30)]
    many = [(str(n), " ".join(chance.choices(words, k=9))) for n in range(300)]
    scores = [score for _, score in reads.best_first("sqlite", many, "w1 w2 w3")]
    assert scores == sorted(scores)
