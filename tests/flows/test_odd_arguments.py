"""Odd arguments to everything a client offers: what is refused is refused alike in process and over HTTP."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import handrail
from handrail.canonical import parse
from handrail.client.client import Client
from handrail.errors import HandrailError, InvalidInput
from handrail.maintenance.plane import Plane
from handrail.proposal import Proposal
from handrail.store import statements
from tests.flows import conftest
from tests.flows.conftest import World

NONE_SUCH = "0190f3a0-0000-7000-8000-000000000000"
ODD: dict[str, Any] = {
    "none": None, "number": 5, "negative": -1, "nan": math.nan, "infinite": math.inf, "true": True, "bytes": b"x",
    "object": object(), "empty": "", "spaces": "   ", "nul": "a\0b", "surrogate": "\ud800", "line": "a\nb",
    "huge": "x" * 20_000, "larger": "x" * 1_100_000, "list": ["a"], "empty list": [], "mapping": {"a": 1},
    "deep": [[[[[]]]]], "set": {1}, "big": 2**60, "path": "../halts", "dots": "..", "query": "a?wait=1",
    "mark": "a%00b", "yes": "yes", "unknown": NONE_SUCH,
}  # fmt: skip
# these are waited for, as they say
WAITS = {("timeout", "none"), ("timeout", "number")}


def calls(
    hr: Client, desk: handrail.Desk, open_case: str
) -> dict[str, dict[str, tuple[Callable[..., Any], dict[str, Any]]]]:
    """What a client offers, each with arguments that would do."""
    verb = hr.call
    return {
        "program": {
            "propose": (
                lambda **a: hr.propose(Proposal(**a)),
                {"action": "pay", "arguments": {}, "key": "k", "run": "r", "call_id": "c"},
            ),
            "decision": (hr.decision, {"case_id": open_case, "timeout": 0}),
            "ask": (hr.ask, {"question": "?", "timeout": 0, "within": "1h", "key": "k", "to": "lead"}),
            "halt": (hr.halt, {"agent": "other", "reason": "odd"}),
            "halt action": (hr.halt, {"action": "other"}),
            "lift": (hr.lift, {"halt_id": NONE_SUCH}),
            "undo": (hr.undo, {"case_id": NONE_SUCH, "reason": "odd"}),
            "cancel": (hr.cancel, {"case_id": NONE_SUCH, "reason": "odd"}),
            "outcome": (
                hr.outcome,
                {"case_id": open_case, "correct": True, "value": 1, "source": "s", "severe": False},
            ),
            "guidance": (hr.guidance, {"action": "pay", "arguments": {}, "limit": 5}),
            "park": (
                hr.park,
                {
                    "run": "r",
                    "framework": "f",
                    "cases": [open_case],
                    "state": b"s",
                    "wakes": "all",
                    "abandon": False,
                    "join": False,
                },
            ),
            "abandon": (hr.abandon, {"run": "none", "framework": "f", "reason": "odd"}),
            "grant": (
                lambda **a: verb("grant", **a),
                {
                    "action": "x",
                    "seconds": 60,
                    "tier": "soft_review",
                    "when": "true",
                    "lifts": ["confidence"],
                    "reason": "r",
                    "spot_check_rate": 0.5,
                    "id": None,
                },
            ),
            "end_grant": (lambda **a: verb("end_grant", **a), {"id": NONE_SUCH}),
            "renew_wake": (lambda **a: verb("renew_wake", **a), {"id": NONE_SUCH, "fence": 1, "lasting": 60}),
            "end_wake": (lambda **a: verb("end_wake", **a), {"id": NONE_SUCH, "fence": 1, "ok": True, "note": "n"}),
            "retry_wake": (lambda **a: verb("retry_wake", **a), {"id": NONE_SUCH}),
            "lay_cells": (lambda **a: verb("lay_cells", **a), {"action": "none"}),
            "propose_promotion": (lambda **a: verb("propose_promotion", **a), {"action": "none", "cell": NONE_SUCH}),
            "accept_promotion": (lambda **a: verb("accept_promotion", **a), {"id": NONE_SUCH, "reason": "r"}),
            "calibrator": (lambda **a: verb("calibrator", **a), {"name": "c", "calibrator": {"kind": "odd"}}),
            "round": (
                lambda **a: verb("round", **a),
                {
                    "action": "none",
                    "figures": {"round": 1, "proposals": 1, "reviewed": 1, "review_rate": 0.5},
                    "threshold": 0.5,
                },
            ),
            "lift_alarm": (lambda **a: verb("lift_alarm", reason="r", **a), {"id": NONE_SUCH}),
        },
        "person": {
            "next": (lambda **a: desk.call("take_next", **a), {"queues": ["none"]}),
            "take": (desk.take, {"case_id": NONE_SUCH}),
            "answer": (
                desk.answer,
                {
                    "case_id": NONE_SUCH,
                    "verdict": "approve",
                    "fence": 1,
                    "revision": 1,
                    "card": "c",
                    "arguments": {},
                    "value": 1,
                    "instruction": "i",
                    "reason": "r",
                    "note": "n",
                    "dwell": 5.0,
                    "evidence_opened": [0],
                    "blind": False,
                    "scope": "action",
                    "uses": 1,
                    "seconds": 60,
                    "batch": "b",
                    "foreign": 1,
                },
            ),
            "withdraw": (desk.withdraw, {"review_id": NONE_SUCH}),
            "escalate": (desk.escalate, {"case_id": NONE_SUCH, "reason": "r"}),
            "take_over": (desk.take_over, {"case_id": NONE_SUCH, "seconds": 60}),
            "settle": (desk.settle, {"case_id": NONE_SUCH, "happened": True, "note": "n"}),
            "release": (lambda **a: desk.call("release", **a), {"case_id": NONE_SUCH, "fence": 1}),
            "renew": (lambda **a: desk.call("renew", **a), {"case_id": NONE_SUCH, "fence": 1}),
            "hand_back": (
                lambda **a: desk.call("hand_back", **a),
                {"case_id": NONE_SUCH, "fence": 1, "value": 1, "note": "n"},
            ),
            "give_back": (lambda **a: desk.call("give_back", **a), {"case_id": NONE_SUCH, "fence": 1}),
        },
    }


@contextmanager
def both(folder: Any) -> Iterator[tuple[World, World]]:
    """A world of each kind, with the same in it."""
    inside, outside = (
        made(Plane(folder / f"{name}.db", policy=conftest.POLICY))
        for name, made in (("in", conftest._in_process), ("out", conftest._over_http))
    )
    try:
        yield next(inside), next(outside)
    finally:
        for each in (inside, outside):
            for _ in each:
                pass


def outcome_of(call: Callable[..., Any], arguments: dict[str, Any]) -> str:
    try:
        call(**arguments)
    except HandrailError as error:
        return f"{type(error).__name__} {error.code}"
    except Exception as error:
        return type(error).__name__
    return "done"


def differences(one: World, other: World, who: str) -> list[str]:
    offered = []
    for world in (one, other):
        hr = world.agent("billing")
        open_case = hr.propose(Proposal(action="plan", arguments={}, key="open")).case_id
        offered.append(calls(hr, world.desk("Ann", roles=("lead",)), open_case)[who])
    found = []
    for name, (call, usual) in offered[0].items():
        there, usual_there = offered[1][name]
        for changed in usual:
            for odd, value in ODD.items():
                if (changed, odd) in WAITS:
                    continue
                made = outcome_of(call, usual | {changed: value}), outcome_of(there, usual_there | {changed: value})
                if made[0] != made[1]:
                    found.append(f"{name}({changed}={odd}): {made[0]} in process, {made[1]} over HTTP")
    return found


@pytest.mark.parametrize("who", ["program", "person"])
def test_odd_argument_fares_alike_in_process_and_over_http(tmp_path: Any, who: str) -> None:
    with both(tmp_path) as (one, other):
        assert differences(one, other, who) == []


def test_outcome_that_is_neither_right_nor_wrong_is_refused_and_not_kept(world: World) -> None:
    hr = world.client()
    case_id = hr.propose(Proposal(action="refund", arguments={"n": 1}, confidence=0.99)).case_id
    for odd in ("yes", 1, 0.0, [True]):
        with pytest.raises(InvalidInput):
            hr.outcome(case_id, correct=odd)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput):
        hr.outcome(case_id, correct=True, source="x" * 257)
    assert world.plane.store.read_hot(statements.outcome_newest, case_id=case_id) == []
    hr.outcome(case_id, correct=False)
    assert len(world.plane.store.read_hot(statements.outcome_newest, case_id=case_id)) == 1


def test_evidence_that_was_opened_is_kept_with_the_answer(world: World) -> None:
    case_id = world.client().propose(Proposal(action="plan", arguments={})).case_id
    desk = world.desk("Ann")
    with pytest.raises(InvalidInput):
        desk.answer(case_id, "approve", evidence_opened=[-1])
    desk.answer(case_id, "approve", evidence_opened=[2, 0, 2])
    (row,) = world.plane.store.read_hot(statements.review_list, case_id=case_id, workspace="default")
    kept = next(parse(bytes(part)) for part in row if isinstance(part, bytes))
    assert kept["provenance"] == {"channel": "api", "scope": "action", "evidence_opened": [0, 2]}


@pytest.mark.parametrize("timeout", [math.nan, math.inf, "1", True, 1e9], ids=repr)
def test_wait_that_would_never_end_is_refused(world: World, timeout: Any) -> None:
    pending = world.client().propose(Proposal(action="plan", arguments={}))
    with pytest.raises(InvalidInput):
        pending.decision(timeout=timeout)
