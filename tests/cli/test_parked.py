"""`handrail parked` lists the runs that wait; doctor names those that nobody wakes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import handrail
from handrail.clock import SECOND, SystemClock
from handrail.proposal import Proposal

from .scene import read, run
from .test_doctor import change, checks


@pytest.fixture
def hr(database: Path) -> Iterator[handrail.Client]:
    with handrail.open(database) as client:
        yield client


def paused(hr: handrail.Client, run: str, *, decided: bool) -> str:
    """A run that parked on one case; the park's id."""
    case = hr.propose(Proposal(action="pay", arguments={"to": run}, confidence=0.2, run=run, call_id="1")).case_id
    id = hr.park(run=run, framework="langgraph", cases=[case], state=b"thread")
    if decided:
        hr.desk("Asha").take(case).approve()
    return id


def given_up(hr: handrail.Client, database: Path, run: str) -> str:
    """A run whose waker failed until it was given up."""

    def wake(woken: handrail.Woken) -> None:
        raise RuntimeError("no\x1b[2J model")

    id = paused(hr, run, decided=True)
    waker = hr.waker("langgraph", wake)
    while waker.step():
        change(database, "UPDATE parked SET next_at = 0 WHERE ending IS NULL")
    assert waker.failed == 5
    return id


def test_parked_lists_what_waits_and_what_is_due(database: Path, hr: handrail.Client) -> None:
    assert run("parked", "--database", database).stdout == "nothing is parked\n"
    waits = paused(hr, "thread-1", decided=False)
    due = paused(hr, "thread-2", decided=True)
    first, second = run("parked", "--database", database).stdout.splitlines()
    assert first.startswith(f"{waits}  langgraph  thread-1  parked for ")
    assert first.endswith("0 of 1 decided  waits")
    assert second.startswith(due)
    assert second.endswith("1 of 1 decided  due")
    lines = read("parked", "--database", database)
    assert [(line["id"], line["due"], line["failures"]) for line in lines] == [(waits, False, 0), (due, True, 0)]
    assert "state" not in lines[0]


def test_parked_retry_makes_one_that_was_given_up_due_again(database: Path, hr: handrail.Client) -> None:
    id = given_up(hr, database, "thread-1")
    (line,) = run("parked", "--database", database).stdout.splitlines()
    assert f"given up; try again with --retry {id}" in line
    assert "failed 5 times: RuntimeError: no\\u{1b}[2J model" in line
    assert "is due again" in run("parked", "--database", database, "--retry", id).stdout
    assert read("parked", "--database", database)[0]["failures"] == 0
    seen: list[handrail.Woken] = []
    assert hr.waker("langgraph", seen.append).step() is True
    assert [(woken.id, woken.state) for woken in seen] == [(id, b"thread")]


def test_parked_retry_of_one_that_waits_is_refused(database: Path, hr: handrail.Client) -> None:
    id = paused(hr, "thread-1", decided=False)
    assert "was not given up" in run("parked", "--database", database, "--retry", id, code=1).output
    assert "no park" in run("parked", "--database", database, "--retry", "nobody", code=1).output


def test_doctor_names_runs_that_were_given_up_and_those_nobody_wakes(database: Path, hr: handrail.Client) -> None:
    paused(hr, "thread-0", decided=False)
    assert "parked" not in checks(database)
    given_up(hr, database, "thread-1")
    found = checks(database)["parked"]
    assert found["state"] == "note"
    assert found["text"] == "1 given up after 5 tries"
    paused(hr, "thread-2", decided=True)
    assert checks(database)["parked"]["text"] == "1 given up after 5 tries"
    earlier = SystemClock().now() - 61 * SECOND
    change(database, "UPDATE parked SET next_at = ? WHERE run = 'thread-2'", earlier)
    change(database, "UPDATE proposal SET decided_at = ? WHERE run = 'thread-2'", earlier)
    assert checks(database)["parked"]["text"] == "1 given up after 5 tries, 1 due that nobody wakes"
