"""Two replicas on one database: whatever they do at once, one wins and the log tells it in one order."""

# ruff: noqa: B023 - what is done at once is done before the loop goes on

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from handrail.errors import HandrailError
from handrail.lifecycle import access
from handrail.testing.factories import person
from handrail.testing.rig import Rig

ANN, BOB = person("Ann"), person("Bob")


@pytest.fixture
def replicas(url: str, tmp_path: Path) -> Iterator[tuple[Rig, Rig]]:
    first = Rig(url, tmp_path, writer_threads=2)
    second = Rig(url, tmp_path, writer_threads=2, clock=first.clock)
    try:
        yield first, second
        assert first.problems() == []
    finally:
        first.close()
        second.close()


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Do all of it at the same moment; results or errors of ours."""
    gate = threading.Barrier(len(works))
    told: list[Any] = [None] * len(works)

    def do(n: int, work: Callable[[], Any]) -> None:
        gate.wait()
        try:
            told[n] = work()
        except HandrailError as error:
            told[n] = error

    threads = [threading.Thread(target=do, args=pair) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


def won(told: list[Any]) -> list[bool]:
    return [not isinstance(made, Exception) for made in told]


def test_start_from_both_is_one_start(replicas: tuple[Rig, Rig]) -> None:
    for _ in range(25):
        case = replicas[0].approved()
        told = at_once(*(lambda rig=rig, n=n: rig.start(case, str(n)) for n, rig in enumerate(replicas)))
        assert sum(won(told)) == 1
    assert len(replicas[0].entries("execution.started")) == 25


def test_submit_one_key_from_both_is_one_case(replicas: tuple[Rig, Rig]) -> None:
    for n in range(25):
        told = at_once(*(lambda rig=rig: rig.submit(key=f"k{n}") for rig in replicas))
        assert told[0].case_id == told[1].case_id
        assert sorted(made.replayed for made in told) == [False, True]


def test_decide_from_both_is_one_decision(replicas: tuple[Rig, Rig]) -> None:
    first, second = replicas
    for _ in range(25):
        case = first.gated()
        told = at_once(lambda: first.answer(ANN, case), lambda: second.answer(BOB, case, "reject"))
        assert sum(won(told)) == 1
    assert len(first.entries("decision.made")) == 25


def test_take_next_from_both_never_takes_one_twice(replicas: tuple[Rig, Rig]) -> None:
    cases = {replicas[0].gated(arguments={"n": n}) for n in range(40)}
    taken: list[str] = []

    def take_all(rig: Rig, names: str) -> None:
        for name in names:
            while len(taken) < len(cases) and (held := rig.take_next(person(name))) is not None:
                taken.append(held.case_id)
                if taken.count(held.case_id) > 1 or len(taken) % 15 == 0:
                    break

    at_once(lambda: take_all(replicas[0], "ABCDEFGH"), lambda: take_all(replicas[1], "STUVWXYZ"))
    assert Counter(taken) == Counter(cases)


def test_halt_beside_a_start_is_before_or_after_it(replicas: tuple[Rig, Rig]) -> None:
    first, second = replicas
    for n in range(25):
        case = first.approved(run=f"r{n}")
        started, _ = at_once(lambda: first.start(case), lambda: second.halt("run", f"r{n}"))
        order = [e["type"] for e in first.entries("halt.set", "execution.started")][-2:]
        assert (not isinstance(started, Exception)) == (order == ["execution.started", "halt.set"])


def test_sum_from_both_never_passes_the_limit(replicas: tuple[Rig, Rig]) -> None:
    spent: dict[str, Any] = {"confidence": 0.99, "amount": "600", "currency": "INR"}
    for n in range(15):
        told = at_once(*(lambda rig=rig: rig.submit("summed", principal=f"p{n}", **spent) for rig in replicas))
        assert sorted(made.tier for made in told) == ["auto_approve", "hard_gate"]


def test_remove_a_reviewer_beside_his_decision_is_before_or_after_it(replicas: tuple[Rig, Rig]) -> None:
    first, second = replicas
    for n in range(15):
        adding = access.AddPerson(actor=first.agent, name="Dee", email=f"dee{n}@x.org", password=None)
        id = first.run(access.add_person, adding)
        case = first.gated("usual")
        first.answer(person("Dee", pid=id), case)
        first.clock.advance(11)
        removing = access.ChangePerson(actor=first.agent, id=id, active=False)
        at_once(lambda: first.pass_time(0), lambda: second.run(access.change_person, removing))
        decided = first.decision(case)
        assert decided is not None
        assert decided.kind == "approved"


def test_release_beside_a_cancel_leaves_no_place_in_the_queue(replicas: tuple[Rig, Rig]) -> None:
    first, second = replicas
    for _ in range(25):
        case = first.gated()
        held = first.take(ANN, case)
        at_once(lambda: first.release(ANN, held), lambda: second.cancel(case))
        assert first.take_next(BOB) is None


def test_handle_what_is_due_from_both_is_once(replicas: tuple[Rig, Rig]) -> None:
    first, second = replicas
    cases = [first.gated("climbs") for _ in range(20)]
    first.clock.advance(61)
    at_once(lambda: first.pass_time(0), lambda: second.pass_time(0))
    assert [first.case(case).escalations for case in cases] == [1] * 20
