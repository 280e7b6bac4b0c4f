"""The writer: a lone caller pays one commit, a crowd shares one, and nobody pays for another's failure."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from handrail.errors import Conflict, Unavailable
from handrail.store import schema, statements
from handrail.store.migrate import migrate
from handrail.store.open import open_store
from handrail.store.statements import Statement
from handrail.store.tx import Tx
from handrail.store.writer import Writer
from handrail.testing.conformance.scene import wait_until
from tests.postgres_server import PostgresServer

COUNT = Statement("SELECT count(*) FROM stint")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def writer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Writer]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'h.db'}"
        migrate(url)
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.fresh()
    store = open_store(url)
    made = Writer(store)
    yield made
    made.close()
    store.close()


def put(tx: Tx, name: str) -> str:
    tx.add(schema.stint, workspace="w", person=name, started_at=1, last_at=1)
    return name


def put_and_fail(tx: Tx, name: str) -> None:
    put(tx, name)
    raise Conflict("after writing")


def fail(tx: Tx, name: str) -> None:
    raise Conflict("before writing")


def stumble(tx: Tx, name: str) -> None:
    raise ZeroDivisionError(name)


def rows(writer: Writer) -> int:
    return int(writer.store.read_hot(COUNT)[0][0])


class Held:
    """Keeps the writer busy, so that a crowd gathers behind it."""

    def __init__(self, writer: Writer):
        self._go = threading.Event()
        begun = threading.Event()

        def wait(tx: Tx, _: None) -> None:
            begun.set()
            self._go.wait(60)

        self.future = writer.submit(wait, None)
        assert begun.wait(60)

    def let_go(self) -> None:
        self._go.set()
        self.future.result(10)


def crowd(writer: Writer, verbs: list[tuple[Any, str]]) -> list[Future[Any]]:
    held = Held(writer)
    futures = [writer.submit(verb, name) for verb, name in verbs]
    held.let_go()
    for future in futures:
        future.exception(10)
    return futures


def test_run_alone_is_one_commit_each(writer: Writer) -> None:
    before = writer.commits
    for n in range(5):
        assert writer.run(put, str(n)) == str(n)
    assert writer.commits == before + 5


def test_run_in_a_crowd_shares_one_commit(writer: Writer) -> None:
    held = Held(writer)
    before = writer.commits
    futures = [writer.submit(put, str(n)) for n in range(200)]
    held.let_go()
    assert [future.result(10) for future in futures] == [str(n) for n in range(200)]
    # the one that was held, and the crowd
    assert writer.commits == before + 2
    assert rows(writer) == 200


def test_run_a_group_in_which_some_fail_after_writing_keeps_the_others(writer: Writer) -> None:
    verbs: list[tuple[Any, str]] = [
        (put, "a"), (put_and_fail, "b"), (put, "c"), (fail, "d"), (stumble, "e"), (put_and_fail, "f"), (put, "g"),
    ]  # fmt: skip
    futures = crowd(writer, verbs)
    failures = [type(future.exception()) if future.exception() else None for future in futures]
    assert failures == [None, Conflict, None, Conflict, ZeroDivisionError, Conflict, None]
    assert rows(writer) == 3


def test_run_a_group_in_which_one_breaks_a_constraint_keeps_the_others(writer: Writer) -> None:
    futures = crowd(writer, [(put_now, "a"), (put_now, "a"), (put_now, "b")])
    assert [future.exception() is None for future in futures] == [True, False, True]
    assert rows(writer) == 2


def put_now(tx: Tx, name: str) -> None:
    put(tx, name)
    # what was gathered is written before the next statement runs
    tx.run(COUNT)


def drop_claim(tx: Tx, name: str) -> str:
    tx.later(statements.claim_put_away, case_id=name, fence=1)
    return name


def test_run_a_group_in_which_a_gathered_change_lost_its_race_tells_that_verb_only(writer: Writer) -> None:
    def claim(tx: Tx, name: str) -> None:
        tx.add(schema.claim, case_id=name, workspace="w", reviewer="r", fence=1, taken_at=1, expires_at=2)

    for name in ("a", "c"):
        writer.run(claim, name)
    futures = crowd(writer, [(drop_claim, "a"), (drop_claim, "b"), (put, "x"), (drop_claim, "c")])
    failures = [type(future.exception()) if future.exception() else None for future in futures]
    assert failures == [None, Conflict, None, None]
    assert writer.store.read_hot(Statement("SELECT count(*) FROM claim")) == [(0,)]
    assert rows(writer) == 1


def test_run_a_verb_whose_writes_to_one_table_alternate_keeps_their_order(writer: Writer) -> None:
    def there(tx: Tx, name: str) -> None:
        tx.add(schema.timer, kind="claim", subject=name, due_at=1)
        tx.later(statements.timer_end, kind="claim", subject=name)
        tx.add(schema.timer, kind="claim", subject=name, due_at=2)

    def gone(tx: Tx, name: str) -> None:
        tx.later(statements.timer_end, kind="claim", subject=name)
        tx.add(schema.timer, kind="claim", subject=name, due_at=1)
        tx.later(statements.timer_end, kind="claim", subject=name)

    for future in crowd(writer, [(there, "a"), (gone, "b"), (there, "c"), (gone, "d")]):
        future.result()
    found = writer.store.read_hot(Statement("SELECT subject, due_at FROM timer ORDER BY subject"))
    assert found == [("a", 2), ("c", 2)]


def test_cancel_a_waiting_verb_does_not_run_it_and_stops_nobody(writer: Writer) -> None:
    held = Held(writer)
    first, second = writer.submit(put, "a"), writer.submit(put, "b")
    assert first.cancel()
    held.let_go()
    assert second.result(10) == "b"
    assert writer.run(put, "c") == "c"
    assert rows(writer) == 2


def test_listener_that_fails_stops_nobody(writer: Writer) -> None:
    def broken(entries: Any) -> None:
        raise RuntimeError("listener")

    writer.committed = broken
    assert writer.run(put, "a") == "a"
    assert writer.run(put, "b") == "b"


def test_await_from_many_tasks_on_a_loop(writer: Writer) -> None:
    async def all_of_them() -> list[str]:
        return list(await asyncio.gather(*(writer.arun(put, str(n)) for n in range(100))))

    before = writer.commits
    assert asyncio.run(all_of_them()) == [str(n) for n in range(100)]
    # they asked in one turn of the loop
    assert writer.commits == before + 1


def test_await_on_a_loop_that_closed_stops_nobody(writer: Writer) -> None:
    held = Held(writer)

    async def leave() -> None:
        waiting = asyncio.ensure_future(writer.arun(put, "a"))
        await asyncio.sleep(0)
        waiting.cancel()

    asyncio.run(leave())
    held.let_go()
    assert writer.run(put, "b") == "b"


def test_close_finishes_what_waits_and_refuses_the_rest(writer: Writer) -> None:
    held = Held(writer)
    future = writer.submit(put, "a")
    closing = threading.Thread(target=writer.close)
    closing.start()
    held.let_go()
    closing.join(60)
    assert future.result(1) == "a"
    with pytest.raises(Unavailable):
        writer.run(put, "b")


def test_the_log_is_folded_back_whenever_blocking_callers_pause(tmp_path: Path) -> None:
    file = tmp_path / "h.db"
    migrate(f"sqlite:///{file}")
    store = open_store(f"sqlite:///{file}")
    writer = Writer(store)
    ahead = Path(f"{file}-wal")
    try:
        for name in ("a", "b", "c"):
            writer.run(put, name)
            assert ahead.stat().st_size
            # no verb wakes the writer's own thread
            wait_until(lambda: ahead.stat().st_size == 0, "the write-ahead log to be folded back", 15)
    finally:
        writer.close()
        store.close()
