"""Whatever strings come in from outside, the log can be verified afterwards: they are refused, or it can hold them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from handrail.audit.schemas import check
from handrail.canonical import parse
from handrail.entry import entry_bytes
from handrail.errors import HandrailError, InvalidInput
from handrail.learning.rounds import Round
from handrail.lifecycle import access, calibrators, erase, grant, learning, outcome, park, policies, rounds
from handrail.store import tx
from handrail.testing.factories import POLICY as TERMS
from handrail.testing.factories import admin, agent, person
from handrail.testing.rig import Rig

POLICY = TERMS
ANN, LIA, ROOT = person("Ann"), person("Lia", "lead"), admin()
HOSTILE = ["", " ", "x" * 300, "a\nb", "a\0b", "a\x1bb", "a\x7fb", "\ud800", "🙈" * 200, "a b", "!!", "a/b,c|d~"]
FIGURES = Round(round=0, proposals=1, reviewed=1, review_rate=0.5, model_error=None, passed_error=None)
CONFUSED: Any = {"v": 1, "kind": "reviewer", "classes": ["a", "b"], "counts": [[1, 0], [0, 1]]}

Door = Callable[[Rig, str], Any]
DOORS: dict[str, Door] = {
    "action": lambda rig, text: rig.submit(text),
    "agent": lambda rig, text: rig.submit(agent=text),
    "run": lambda rig, text: rig.submit(run=text, confidence=0.99),
    "principal": lambda rig, text: rig.submit(principal=text),
    "owner": lambda rig, text: rig.submit(owners=(text,)),
    "undoes": lambda rig, text: rig.submit(undoes=text),
    "undoes, let through": lambda rig, text: rig.submit(undoes=text, confidence=0.99),
    "role": lambda rig, text: rig.submit(to=(text,)),
    "personal path": lambda rig, text: rig.submit(arguments={text: 1}, personal_data=("/" + text,)),
    "who asks": lambda rig, text: rig.submit(by=agent(text)),
    "who asks, let through": lambda rig, text: rig.submit(by=agent(text), confidence=0.99),
    "escalation": lambda rig, text: rig.escalate(LIA, rig.gated(), text),
    "batch": lambda rig, text: rig.answer(ANN, rig.gated(), batch=text),
    "reason": lambda rig, text: rig.answer(ANN, rig.gated(), "reject", reason=text),
    "halt": lambda rig, text: rig.lift(rig.halt("run", text)),
    "grant": lambda rig, text: rig.run(grant.issue, grant.Issue(actor=ROOT, action=text, seconds=60)),
    "policy": lambda rig, text: rig.run(policies.change, (ROOT, text, f"{TERMS}\n# {len(text)}\n")),
    "policy's name": lambda rig, text: rig.change_policy(f"name: {json.dumps(text)}\n{TERMS}"),
    "policy's roles": lambda rig, text: (
        rig.change_policy(f"escalation_policies: [{{action_type: quick, roles: [{json.dumps(text)}]}}]"),
        rig.gated(),
    ),
    "policy's stages": lambda rig, text: (
        rig.change_policy(f"escalation_policies: [{{action_type: quick, stages: [{{any_of: [{json.dumps(text)}]}}]}}]"),
        rig.escalate(LIA, rig.gated(), "unsure"),
    ),
    "calibrator": lambda rig, text: rig.run(
        calibrators.install, calibrators.Install(actor=ROOT, name=text, calibrator=CONFUSED)
    ),
    "loop": lambda rig, text: rig.run(
        learning.begin, learning.Begin(actor=ROOT, action=text, terms={}, undeclared=True)
    ),
    "round": lambda rig, text: rig.run(rounds.record, rounds.Record(actor=ROOT, action=text, figures=FIGURES)),
    "person": lambda rig, text: rig.run(
        access.add_person, access.AddPerson(actor=ROOT, name="A", email=f"{len(text)}@b", password=None, roles=(text,))
    ),
    "key": lambda rig, text: rig.run(
        access.make_key,
        access.MakeKey(actor=ROOT, id=rig.gated()[:18], name="k", secret_digest="", scopes=("submit",), agent=text),
    ),
    "park": lambda rig, text: rig.run(
        park.park, park.Park(actor=rig.agent, run="r" + text, framework="own", cases=(rig.gated(),))
    ),
    "framework": lambda rig, text: rig.run(
        park.park, park.Park(actor=rig.agent, run="r", framework=text, cases=(rig.gated(),))
    ),
    "basis": lambda rig, text: (
        rig.submit(arguments={"a": 1}, personal_data=("/a",), principal="zoe"),
        rig.run(erase.erase, erase.Erase(actor=ROOT, subject="zoe", basis=text)),
    ),
    "source": lambda rig, text: rig.run(
        outcome.record, outcome.Record(actor=rig.agent, case_id=rig.approved(), correct=True, source=text)
    ),
}  # fmt: skip
REFUSED = [
    ("undoes", "junk"), ("undoes, let through", "junk"), ("role", ""), ("role", "x" * 300), ("halt", "zz\ny"),
    ("batch", "a\nb"), ("personal path", "x" * 300), ("personal path", "a\nb"), ("grant", ""), ("loop", "a\0b"),
    ("round", "x" * 300), ("calibrator", "a\nb"), ("key", "a\nb"), ("basis", "!!"),
    ("policy's roles", "a\x1bb"), ("policy's stages", "a\x7fb"),
    ("who asks", "a\nb"), ("who asks, let through", "x" * 300), ("who asks, let through", ""),
]  # fmt: skip


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_hostile_strings_are_refused_or_the_log_holds_them(rig: Rig, door: Door) -> None:
    for text in HOSTILE:
        try:
            door(rig, text)
        except (HandrailError, UnicodeEncodeError):
            continue
    assert [wrong for entry in rig.entries() if (wrong := check(entry))] == []


@pytest.mark.parametrize(("door", "text"), REFUSED)
def test_what_the_log_cannot_hold_is_refused(rig: Rig, door: str, text: str) -> None:
    with pytest.raises(InvalidInput):
        DOORS[door](rig, text)


def test_personal_path_named_twice_is_refused(rig: Rig) -> None:
    before = len(rig.entries())
    with pytest.raises(InvalidInput, match="twice"):
        rig.submit(arguments={"x": 1}, personal_data=("/x", "/x"))
    assert len(rig.entries()) == before


def test_longest_personal_path_can_be_undone(rig: Rig) -> None:
    name = "k" * 236
    case = rig.approved("quick", confidence=0.9, arguments={name: 1}, personal_data=("/" + name,), undo="unquick")
    rig.finish(rig.start(case))
    rig.answer(ANN, case, "reject")
    assert [entry["undoes"] for entry in rig.entries() if "undoes" in entry] != []
    with pytest.raises(InvalidInput, match="237"):
        rig.submit("quick", arguments={name + "k": 1}, personal_data=(f"/{name}k",), undo="unpay")


def test_most_personal_paths_can_be_undone(rig: Rig) -> None:
    def personal(count: int) -> dict[str, Any]:
        names = [f"{n:0236}" for n in range(count)]
        return {"arguments": dict.fromkeys(names, 1), "personal_data": tuple(f"/{name}" for name in names)}

    wide = "🙈" * 200
    case = rig.approved(
        "quick", confidence=0.9, undo="unquick", agent=wide, run=wide, principal=wide, by=agent(wide), **personal(34)
    )
    rig.finish(rig.start(case))
    rig.answer(ANN, case, "reject")
    assert rig.entries()[-1]["undoes"] == case
    with pytest.raises(InvalidInput, match="more places"):
        rig.submit("quick", undo="unquick", **personal(36))


def test_case_for_as_many_roles_as_may_be_named_can_go_up(rig: Rig) -> None:
    roles = ("🙈" * 126 + "a", "🙈" * 127 + "b")
    assert rig.escalate(admin("Lia"), rig.gated(to=roles)).escalations == 1
    with pytest.raises(InvalidInput, match="256 characters"):
        rig.submit(to=(*roles, "c"))


def test_erasing_many_unlike_values_fits_the_log(rig: Rig) -> None:
    for case in range(10):
        names = [f"{case}_{n:0200}" for n in range(30)]
        rig.submit(arguments=dict.fromkeys(names, 1), personal_data=tuple(map("/{}".format, names)), principal="zoe")
    erased = rig.run(erase.erase, erase.Erase(actor=ROOT, subject="zoe", basis="GDPR"))
    assert (erased.values, erased.cases) == (300, 10)
    told = rig.entries("value.erased")
    assert len({path for entry in told for path in entry["paths"]}) == 300
    assert len({id for entry in told for id in entry["entries"]}) == 10


def test_entry_that_its_schema_refuses_is_the_last_thing_refused() -> None:
    at, id = "2026-01-01T00:00:00.000000Z", "0190a0b0-0000-7000-8000-000000000000"
    case, action = {"id": id, "rev": 1}, {"name": "quick", "digest": "0" * 64}
    for pid, fields in (("billing", {}), ("a\nb", {}), ("", {}), ("x" * 257, {}), ("billing", {"agent": "x" * 900})):
        data = entry_bytes(log="l/d", id=id, type="execution.started", at=at, actor={"kind": "agent", "pid": pid},
                           case=case, action=action, fence=1, expires=at, **fields)  # fmt: skip
        wrong = check(parse(data))
        if wrong is None:
            tx.refuse_malformed("execution.started", data, pid, fields)
        else:
            with pytest.raises(InvalidInput, match="cannot hold"):
                tx.refuse_malformed("execution.started", data, pid, fields)
