"""`handrail autonomy`: cells with n of m, promotions proposed, accepted by a second person, declined, taken back."""

from __future__ import annotations

from pathlib import Path

import handrail
from handrail.proposal import Proposal

from .scene import read, run

POLICY = """
escalation_policies:
  - action_type: refund
    auto_approve_threshold: 1.0
    undo: unrefund
    undo_seconds: 0
    growth: {limit: 0.2, by: kind}
  - {action_type: unrefund, autonomy: full, undo: refund}
  - {action_type: wire, auto_approve_threshold: 1.0, undo_seconds: 0, growth: {limit: 0.2}}
"""


def refund(hr: handrail.Client, n: int, kind: str, gold: str | None = None) -> str:
    arguments = {"kind": kind, "order": f"Maria-{n}", "amount": "12", "currency": "EUR"}
    proposed = Proposal(
        action="refund", arguments=arguments, confidence=0.4, personal_data=("/order",), principal="m", gold=gold
    )
    return hr.propose(proposed).case_id


def test_a_promotion_from_golds_to_a_grant_and_back(database: Path) -> None:
    place = ("--database", database)
    with handrail.open(database, policy=POLICY) as hr:
        asha, _lea = hr.desk("Asha"), hr.desk("Lea", roles=("lead",))
        for n in range(36):
            wrong = n % 4 == 3
            case = refund(hr, n, "gold", "reject" if wrong else "approve")
            asha.answer(case, "reject", reason="wrong") if wrong else asha.answer(case, "approve")
        for n in range(32):
            asha.answer(refund(hr, n, "meal" if n % 2 else "hotel"), "approve")
        nothing = run("autonomy", "propose", "--action", "refund", *place, code=1).stdout
        assert "2 cells laid" in nothing
        assert "nothing to propose" in nothing
        for n in range(30):
            asha.answer(refund(hr, n, "meal"), "approve")
        (meal,) = [one for one in read("autonomy", "list", *place)["cells"] if '"meal"' in one["when"]]
        assert meal["n"] == 30
        assert "Maria" not in str(meal)
        words = run("autonomy", "list", *place).stdout
        assert f"30 of {meal['needed']}, 0 misses" in words

        made = read("autonomy", "propose", "--action", "refund", *place)
        (proposed,) = made["proposed"]
        assert (proposed["misses"], proposed["tier"]) == (0, "auto_approve")
        refused = run("autonomy", "accept", proposed["id"], "--as", "Asha", *place, code=1).stderr
        assert "role lead" in refused
        granted = read("autonomy", "accept", proposed["id"], "--as", "Lea", *place)["grant"]
        assert [one["id"] for one in read("grant", "list", *place)] == [granted]

        passed = hr.propose(Proposal(action="refund", arguments={"kind": "meal", "amount": "12", "currency": "EUR"},
                                     confidence=0.4))  # fmt: skip
        assert passed.tier == "auto_approve"
        hr.outcome(passed.case_id, correct=False, severe=True)
        assert read("grant", "list", *place) == []
        (over,) = read("autonomy", "history", *place)
        assert (over["state"], over["reason"]) == ("ended", "severe_miss")
        assert "severe_miss" in run("autonomy", "history", *place).stdout


def test_propose_without_evidence_or_a_way_back_says_so(database: Path) -> None:
    place = ("--database", database)
    with handrail.open(database, policy=POLICY) as hr:
        for n in range(30):
            hr.propose(Proposal(action="wire", arguments={"n": n}, confidence=0.4))
    assert "nothing earns autonomy" in run("autonomy", "list", *place).stdout
    few = run("autonomy", "propose", "--action", "refund", *place, code=1).stderr
    assert "proposals to lay down cells from" in few
    never = run("autonomy", "propose", "--action", "wire", *place, code=1).stderr
    assert "cannot be taken back" in never
    assert "nothing was ever proposed" in run("autonomy", "history", *place).stdout
