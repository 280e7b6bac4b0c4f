"""What a policy declares of an action holds for each proposal of it: its undo and the class of its tool."""

from __future__ import annotations

import pytest

from handrail.errors import InvalidInput
from handrail.lifecycle import undo
from handrail.testing.factories import agent, person
from handrail.testing.rig import Rig

POLICY = """
escalation_policies:
  - {action_type: send, autonomy: notify, undo: unsend, undo_seconds: 0}
  - {action_type: unsend, autonomy: full}
  - {action_type: tc, autonomy: full, tool_class: transactional}
  - {action_type: once, autonomy: full, tool_class: unsafe}
  - {action_type: free, autonomy: full}
"""
ANN = person("Ann")


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
