"""What a policy declares of an action holds for each proposal of it: its schema, its undo and the class of its tool."""

from __future__ import annotations

import pytest

from handrail.errors import InvalidInput
from handrail.lifecycle import undo
from handrail.lifecycle.card import card_of
from handrail.testing.factories import agent, person
from handrail.testing.rig import Rig

POLICY = """
escalation_policies:
  - {action_type: send, autonomy: notify, undo: unsend, undo_seconds: 0}
  - {action_type: unsend, autonomy: full}
  - {action_type: tc, autonomy: full, tool_class: transactional}
  - {action_type: once, autonomy: full, tool_class: unsafe}
  - {action_type: free, autonomy: full}
  - action_type: sch
    autonomy: confirm
    undo_seconds: 0
    schema: {type: object, properties: {n: {type: integer, maximum: 5}}, required: [n], additionalProperties: false}
  - action_type: seen
    autonomy: notify
    undo_seconds: 0
    schema: {type: object, properties: {n: {type: integer, maximum: 5}}}
"""
SCHEMA = {
    "type": "object", "properties": {"n": {"type": "integer", "maximum": 5}}, "required": ["n"],
    "additionalProperties": False,
}  # fmt: skip
OWN = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}}
ANN = person("Ann")


def test_schema_that_the_policy_declares_is_on_the_card_and_bound(rig: Rig) -> None:
    made = rig.submit("sch")
    row = rig.proposal(made.case_id)
    assert card_of(row, rig.case(made.case_id))["schema"] == SCHEMA
    assert row.action_digest == made.action_digest
    rig.answer(ANN, made.case_id, "edit", arguments={"n": 2})
    # that the digest covers it is what a start checks
    assert rig.start(made.case_id).arguments == {"n": 2}


@pytest.mark.parametrize("action", ["sch", "seen"])
@pytest.mark.parametrize("own", [None, OWN])
@pytest.mark.parametrize("arguments", [{"n": "lots", "evil": True}, {"n": 6}])
def test_edit_that_does_not_fit_the_policys_schema_is_refused_and_leaves_the_case_open(
    rig: Rig, action: str, own: dict[str, object] | None, arguments: dict[str, object]
) -> None:
    case = rig.submit(action, schema=own).case_id
    with pytest.raises(InvalidInput, match="does not fit"):
        rig.answer(ANN, case, "edit", arguments=arguments)
    rig.answer(ANN, case, "edit", arguments={"n": 5})


def test_edit_that_does_not_fit_the_programs_own_schema_is_refused_too(rig: Rig) -> None:
    case = rig.gated("sch", schema=OWN)
    assert card_of(rig.proposal(case), rig.case(case))["schema"] == OWN
    with pytest.raises(InvalidInput, match="does not fit the action's schema"):
        rig.answer(ANN, case, "edit", arguments={"n": 0})


def test_edit_is_held_to_the_schema_of_the_policy_that_routed_it(rig: Rig) -> None:
    case = rig.gated("sch")
    rig.change_policy(POLICY.replace("maximum: 5", "maximum: 50"))
    with pytest.raises(InvalidInput, match="does not fit"):
        rig.answer(ANN, case, "edit", arguments={"n": 6})


def test_question_keeps_the_schema_of_its_answer(rig: Rig) -> None:
    asked = rig.gated("sch", kind="question")
    assert rig.proposal(asked).record().get("schema") is None
    rig.answer(ANN, asked, "respond", value="anything")


@pytest.mark.parametrize("said", [None, "free"])
def test_undo_that_the_policy_declares_is_proposed_whatever_the_program_says(rig: Rig, said: str | None) -> None:
    case = rig.submit("send", undo=said).case_id
    rig.finish(rig.start(case), result={"id": 3})
    rig.answer(ANN, case, "reject")
    (reverse,) = [e for e in rig.entries("decision.made") if e.get("undoes") == case]
    assert (reverse["action"]["name"], reverse["result"]) == ("unsend", "approved")
    assert rig.entries("incident.flagged") == []
    assert rig.start(reverse["case"]["id"]).arguments == {"arguments": {"n": 1}, "result": {"id": 3}}


def test_undo_that_the_policy_declares_can_be_asked_for(rig: Rig) -> None:
    case = rig.submit("send").case_id
    rig.finish(rig.start(case))
    made = rig.run(undo.undo, undo.Undo(actor=agent(), case_id=case))
    assert rig.proposal(made.case_id).action == "unsend"


def test_personal_data_that_the_entry_of_a_declared_undo_cannot_hold_is_refused_at_submit(rig: Rig) -> None:
    names = [f"n{i:04}" for i in range(130)]
    said = {"arguments": dict.fromkeys(names, 1), "personal_data": tuple(f"/{name}" for name in names)}
    with pytest.raises(InvalidInput, match="its undo"):
        rig.submit("send", **said)
    rig.approved("free", **said)


@pytest.mark.parametrize(
    ("action", "said", "runs_as"),
    [("tc", "unsafe", "transactional"), ("tc", "idempotent", "transactional"), ("once", "transactional", "unsafe"),
     ("free", "idempotent", "idempotent"), ("free", "unsafe", "unsafe")],
)  # fmt: skip
def test_tool_class_that_the_policy_declares_goes_before_the_programs(
    rig: Rig, action: str, said: str, runs_as: str
) -> None:
    later = rig.start(rig.submit(action, tool_class=said).case_id)
    at_once = rig.submit(action, tool_class=said, nonce="n").execution
    assert at_once is not None
    assert (later.tool_class, at_once.tool_class) == (runs_as, runs_as)
