"""What the log promises: nothing without its entry, nothing personal in it, nothing lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from handrail.audit.tile import WIDTH
from handrail.errors import Forbidden, HandrailError, InvalidInput, InvalidPolicy, NotExecutable, NotFound
from handrail.lifecycle import erase, policies, rows, undo
from handrail.store import statements
from handrail.store.tx import Tx
from handrail.testing.factories import agent, person
from handrail.testing.rig import Rig

ANN, BOB = person("Ann"), person("Bob")
SECRET = "zoe.quartz@example.org"


class LogPromises:
    """Entries, receipts, erasure, time."""

    def test_altered_policy_routes_nothing_and_is_told(self, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
        def alter(tx: Tx, words: tuple[str, str]) -> None:
            tx.run(LOOSEN, workspace=rig.workspace, old=words[0], new=words[1])

        whole = ("auto_approve_threshold: 0.9", "auto_approve_threshold: 0.1")
        rig.run(alter, whole)
        # another process has not read it yet
        monkeypatch.setattr(policies, "_compiled", {})
        with pytest.raises(InvalidPolicy, match="altered"):
            rig.submit(confidence=0.5)
        assert [each.partition(" ")[0] for each in rig.problems()] == ["policy_version"]
        rig.run(alter, whole[::-1])
        assert rig.submit(confidence=0.99).tier == "auto_approve"

    def test_planted_key_is_told(self, rig: Rig) -> None:
        rig.run(lambda tx, _: tx.run(PLANT_KEY, workspace=rig.workspace, secret="0" * 64), None)
        assert ["api_key planted" in each for each in rig.problems()] == [True]
        rig.run(lambda tx, _: tx.run(PULL_KEY), None)

    def test_refused_verbs_leave_no_entry(self, rig: Rig) -> None:
        case = rig.gated(principal="Ann")
        before = len(rig.entries())
        attempts: list[Callable[[], Any]] = [
            lambda: rig.take(ANN, case), lambda: rig.start(case), lambda: rig.answer(BOB, case, "shrug"),
            lambda: rig.submit("quick", personal_data=("/nowhere",)), lambda: rig.answer(BOB, case, card="0" * 64),
            lambda: rig.escalate(BOB, case, ""), lambda: rig.halt("planet"), lambda: rig.lift("nothing"),
        ]  # fmt: skip
        for attempt in attempts:
            with pytest.raises(HandrailError):
                attempt()
        assert len(rig.entries()) == before

    def test_receipt_of_each_decision_proves_it(self, rig: Rig) -> None:
        first = rig.approved()
        rig.keep_receipt(first)
        gated = rig.gated()
        rig.answer(ANN, gated)
        rig.keep_receipt(gated)
        for n in range(WIDTH + 5):
            rig.approved(arguments={"n": n})
        rig.keep_receipt(first)
        assert len(rig.receipts) == 3

    def test_log_of_many_tiles_verifies(self, rig: Rig) -> None:
        for n in range(0, 3 * WIDTH, 64):
            futures = [rig.plane.writer.submit(*rig.prepared(arguments={"n": n + k})) for k in range(64)]
            for future in futures:
                future.result()
        assert rig.plane.logbook().head()[0] > 3 * WIDTH

    def test_row_changed_by_hand_is_reported(self, rig: Rig) -> None:
        case = rig.gated()

        def close_quietly(tx: Tx, _: None) -> None:
            tx.run(statements.case_close, case_id=case, state="decided", at=tx.now)

        rig.run(close_quietly, None)
        assert [problem for problem in rig.problems() if f"cases {case}: state" in problem]

        def reopen(tx: Tx, _: None) -> None:
            tx.run(REOPEN, case_id=case)

        rig.run(reopen, None)

    # --- personal values --------------------------------------------------------------------------

    def test_personal_value_never_stands_in_an_entry(self, rig: Rig) -> None:
        case = rig.gated(arguments={"to": SECRET, "n": 1}, personal_data=("/to",), principal="zoe")
        rig.answer(ANN, case, "edit", arguments={"to": SECRET + ".uk", "n": 2})
        assert rig.start(case).arguments == {"to": SECRET + ".uk", "n": 2}
        assert all(SECRET.encode() not in data for data in rig.plane.logbook().entries())
        (submitted,) = rig.entries("proposal.submitted")
        assert set(submitted["fields"]) == {"/arguments/to", "/proposal", "/route"}

    def test_edit_that_takes_a_personal_value_out_is_decided(self, rig: Rig) -> None:
        case = rig.gated(arguments={"to": SECRET, "n": 1}, personal_data=("/to",), principal="zoe")
        assert rig.answer(ANN, case, "edit", arguments={"n": 2}).decision is not None
        assert rig.start(case).arguments == {"n": 2}

    def test_erase_leaves_the_log_verifiable_and_the_action_dead(self, rig: Rig) -> None:
        case = rig.gated(arguments={"to": SECRET, "n": 1}, personal_data=("/to",), principal="zoe", undo="unquick")
        rig.answer(ANN, case)
        rig.keep_receipt(case)
        done = rig.run(erase.erase, erase.Erase(actor=rig.agent, subject="zoe", basis="GDPR 17(1)(a)"))
        assert (done.values, done.cases) == (1, 1)
        assert SECRET.encode() not in bytes(rig.proposal(case).data)
        with pytest.raises(NotExecutable):
            rig.start(case)
        assert rig.entries("value.erased")[0]["basis"] == "GDPR-17-1-a"
        with pytest.raises(NotFound):
            rig.run(erase.erase, erase.Erase(actor=rig.agent, subject="zoe", basis="GDPR 17"))

    def test_erase_takes_reasons_in_words_and_the_target_and_leaves_codes(self, rig: Rig) -> None:
        for reason, left in ((f"I know {SECRET}", None), ("wrong", "wrong")):
            case = rig.gated(arguments={"to": SECRET}, personal_data=("/to",), principal="zoe", target={"at": SECRET})
            rig.answer(BOB, case, "abstain", reason=f"I know {SECRET}")
            rig.answer(ANN, case, "reject", reason=reason)
            rig.pass_time(60)
            rig.run(erase.erase, erase.Erase(actor=rig.agent, subject="zoe", basis="GDPR 17"))
            row, made = rig.proposal(case), rig.decision(case)
            assert made is not None
            assert (made.kind, made.reason) == ("rejected", left)
            given = rig.run(lambda tx, case_id: [review.body() for review in rows.reviews(tx, case_id)], case)
            assert len(given) == 2
            assert SECRET not in repr((row.record(), bytes(row.decision_bytes or b""), given))

    def test_erase_while_people_still_look_lets_them_finish(self, rig: Rig) -> None:
        case = rig.gated(arguments={"to": SECRET, "n": 1}, personal_data=("/to",), principal="zoe")
        rig.run(erase.erase, erase.Erase(actor=rig.agent, subject="zoe", basis="GDPR 17"))
        assert rig.answer(ANN, case, "edit", arguments={"to": "nobody", "n": 1}).decision is not None

    def test_undo_of_a_case_with_personal_values_commits_to_them_too(self, rig: Rig) -> None:
        case = rig.approved(arguments={"to": SECRET}, personal_data=("/to",), principal="zoe", undo="unpay")
        rig.finish(rig.start(case))
        rig.run(undo.undo, undo.Undo(actor=rig.agent, case_id=case))
        done = rig.run(erase.erase, erase.Erase(actor=rig.agent, subject="zoe", basis="GDPR 17"))
        assert (done.values, done.cases) == (2, 2)

    def test_erase_without_scope_or_basis_is_refused(self, rig: Rig) -> None:
        rig.gated(arguments={"to": SECRET}, personal_data=("/to",), principal="zoe")
        with pytest.raises(InvalidInput):
            rig.run(erase.erase, erase.Erase(actor=rig.agent, subject="zoe", basis=" "))
        with pytest.raises(Forbidden):
            rig.run(erase.erase, erase.Erase(actor=ANN, subject="zoe", basis="GDPR 17"))
        assert isinstance(agent(), type(ANN))

    # --- time and restores ------------------------------------------------------------------------

    def test_clock_that_jumps_back_is_written_down(self, rig: Rig) -> None:
        rig.gated()
        rig.clock.advance(-3600)
        case = rig.gated()
        (jumped,) = rig.entries("clock.jumped")
        assert jumped["at"] < jumped["before"]
        rig.clock.advance(-2)
        rig.answer(ANN, case)
        assert len(rig.entries("clock.jumped")) == 1

    def test_clock_that_jumps_back_leaves_what_was_done_explained(self, rig: Rig) -> None:
        case = rig.gated("waits")
        rig.pass_time(61)
        rig.gated()
        rig.clock.advance(-3600)
        rig.gated()
        assert rig.problems() == []
        assert rig.decision(case) is None

    def test_time_without_a_clock_is_the_databases_own(self, rig: Rig) -> None:
        seen: list[int] = []

        def look(tx: Tx, _: None) -> None:
            seen.append(tx.now)

        rig.plane.writer.clock = None
        rig.run(look, None)
        rig.plane.writer.clock = rig.clock
        assert abs(seen[0] - time.time_ns() // 1000) < 60_000_000

    def test_restored_copy_starts_nothing_until_somebody_looked(self, rig: Rig) -> None:
        case = rig.approved()

        def freeze(tx: Tx, _: None) -> None:
            tx.run(statements.workspace_freeze, workspace=rig.workspace, frozen=True)

        rig.run(freeze, None)
        with pytest.raises(NotExecutable, match="restored"):
            rig.start(case)
        assert rig.submit(confidence=0.99).tier == "hard_gate"
        rig.plane.acknowledge_restore(rig.agent)
        assert rig.start(case).state == "started"


LOOSEN = statements.Statement("UPDATE policy_version SET text = replace(text, :old, :new) WHERE workspace = :workspace")
PLANT_KEY = statements.Statement("""
    INSERT INTO api_key (id, workspace, name, secret, scopes, created_at)
    VALUES ('planted', :workspace, 'x', :secret, 'admin', 0)""")
PULL_KEY = statements.Statement("DELETE FROM api_key WHERE id = 'planted'")
REOPEN = statements.Statement("UPDATE cases SET state = 'open', closed_at = NULL WHERE id = :case_id")
