"""The wire to PostgreSQL: many statements in one trip, and what becomes of it when one of them fails."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest

from handrail.store.wire import Answer, Asked, Wire
from handrail.testing.factories import person
from handrail.testing.rig import Rig

pytestmark = pytest.mark.postgres


@pytest.fixture
def place(postgres_server) -> str:  # type: ignore[no-untyped-def]
    return str(postgres_server.fresh()).replace("postgresql+psycopg://", "postgresql://")


@pytest.fixture
def wire(place: str) -> Iterator[Wire]:
    made = Wire(psycopg.connect(place, autocommit=True))
    made.trip([("CREATE TABLE t (id bigint PRIMARY KEY, word text, body bytea, yes boolean, share float8)", {})])
    yield made
    made.close()


PUT = "INSERT INTO t (id, word, body, yes, share) VALUES (%(id)s, %(word)s, %(body)s, %(yes)s, %(share)s)"
GET = "SELECT id, word, body, yes, share FROM t ORDER BY id"
COUNT = "SELECT count(*) FROM t"


def row(id: int, word: str | None = "w") -> dict[str, object]:
    return {"id": id, "word": word, "body": b"\0\xff", "yes": True, "share": 0.1}


def test_values_come_back_as_they_went(wire: Wire) -> None:
    words = ["ümläut ☂", 'a"b\\c', "{x,y}", "", "NULL", "%s %(id)s $1", None]
    put = [(PUT, row(2**62 + n, word)) for n, word in enumerate(words)]
    *made, found = wire.trip([*put, (GET, {})])
    assert [each.changed for each in made] == [1] * len(words)
    assert found.rows == [(2**62 + n, word, b"\0\xff", True, 0.1) for n, word in enumerate(words)]
    listed = [word for word in words if word is not None]
    (among,) = wire.trip([("SELECT count(*) FROM t WHERE word = ANY(%(words)s)", {"words": listed})])
    assert among.rows == [(len(listed),)]


def test_the_first_failure_is_raised_and_nothing_behind_it_runs(wire: Wire) -> None:
    with pytest.raises(psycopg.errors.UniqueViolation):
        wire.trip([("BEGIN", {}), (PUT, row(1)), (PUT, row(1)), (COUNT, {}), ("COMMIT", {})])
    # what was to be prepared behind the failure was not, and is then
    _, counted = wire.trip([("ROLLBACK", {}), (COUNT, {})])
    assert counted.rows == [(0,)]
    assert not wire.dead


def test_text_that_the_server_cannot_hold_is_refused_before_anything_is_sent(wire: Wire) -> None:
    for word in ("a\0b", "\ud800"):
        with pytest.raises((psycopg.DataError, UnicodeEncodeError)):
            wire.trip([(PUT, row(1)), (PUT, row(2, word))])
    assert wire.trip([(COUNT, {})])[0].rows == [(0,)]


def test_more_than_the_buffers_hold_goes_both_ways(wire: Wire) -> None:
    big = "x" * 1_000_000
    answers = wire.trip([("SELECT %(big)s::text", {"big": big})] * 40)
    assert all(answer.rows == [(big,)] for answer in answers)


def test_a_lost_server_is_an_outage(wire: Wire, place: str) -> None:
    pid = wire.db.info.backend_pid

    def kill() -> None:
        with psycopg.connect(place) as other:
            other.execute("SELECT pg_terminate_backend(%s)", (pid,))

    killer = threading.Timer(0.3, kill)
    killer.start()
    with pytest.raises(psycopg.OperationalError):
        wire.trip([("SELECT pg_sleep(20)", {})])
    killer.join()
    with pytest.raises(psycopg.OperationalError):
        wire.trip([(COUNT, {})])
    assert wire.dead


def test_an_interrupted_trip_hangs_up(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(events: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(wire, "_wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        wire.trip([("SELECT pg_sleep(0.2)", {})])
    assert wire.dead


def test_a_verb_makes_few_trips(postgres_server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    rig = Rig(postgres_server.fresh(), tmp_path)
    ann = person("Ann")
    trips: list[int] = []
    real = Wire.trip

    def counted(self: Wire, asked: Sequence[Asked]) -> list[Answer]:
        trips.append(len(asked))
        return real(self, asked)

    def made(work: Callable[[], Any]) -> tuple[Any, int]:
        trips.clear()
        return work(), len(trips)

    monkeypatch.setattr(Wire, "trip", counted)
    try:
        rig.gated()
        rig.gated()
        case_id, submitted = made(rig.gated)
        _, taken = made(lambda: rig.take_next(ann))
        _, answered = made(lambda: rig.answer(ann, case_id))
        started, begun = made(lambda: rig.start(case_id))
        _, ended = made(lambda: rig.finish(started))
        assert (submitted, taken, answered, begun, ended) == (3, 5, 3, 4, 3)
        # two entries each, and of every 256 a tile is kept: one trip more
        assert Counter(made(rig.gated)[1] for _ in range(128)) == {3: 127, 4: 1}
        assert rig.problems() == []
    finally:
        rig.close()
