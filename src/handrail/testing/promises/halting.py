"""What halts, policies, budgets and grants promise."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any

import pytest

from handrail.calibration.calibrator import Calibrator
from handrail.calibration.methods import Fitted
from handrail.errors import Forbidden, InvalidInput, InvalidPolicy, NotExecutable, NotFound
from handrail.lifecycle import calibrators, execute, grant, halt, outcome, policies
from handrail.lifecycle.actor import Actor
from handrail.store import schema
from handrail.store.statements import Statement
from handrail.store.tx import Tx
from handrail.testing.factories import agent, person
from handrail.testing.rig import Rig

ANN, LEA = person("Ann"), person("Lea", "lead")
SWITCHES = [("agent", "bot"), ("action", "quick"), ("run", "r1"), ("workspace", None)]


class HaltPromises:
    """A switch that nothing of its kind passes."""

    @pytest.mark.parametrize(("scope", "value"), SWITCHES)
    def test_halt_stops_starts_and_submits_of_its_kind(self, rig: Rig, scope: str, value: str | None) -> None:
        ours: dict[str, Any] = {"agent": "bot", "run": "r1"}
        approved = rig.approved(**ours)
        id = rig.halt(scope, value)
        with pytest.raises(NotExecutable, match="halted"):
            rig.start(approved)
        made = rig.submit(confidence=0.99, **ours)
        assert made.decision is not None
        assert (made.decision.kind, made.decision.halted) == ("cancelled", True)
        rig.lift(id)
        assert rig.submit(confidence=0.99, **ours).decision.kind == "approved"  # type: ignore[union-attr]

    @pytest.mark.parametrize(("scope", "value"), SWITCHES[:3])
    def test_halt_leaves_others_alone(self, rig: Rig, scope: str, value: str) -> None:
        rig.halt(scope, value)
        other = rig.approved("calm", confidence=1.0) if scope == "action" else rig.approved(agent="b2", run="r2")
        assert rig.start(other).state == "started"

    @pytest.mark.parametrize(("scope", "value"), SWITCHES)
    def test_approved_before_a_halt_stays_dead_after_lifting(self, rig: Rig, scope: str, value: str | None) -> None:
        approved = rig.approved(agent="bot", run="r1")
        rig.clock.advance(1)
        id = rig.halt(scope, value)
        rig.clock.advance(1)
        rig.lift(id)
        with pytest.raises(NotExecutable, match="halted"):
            rig.start(approved)

    @pytest.mark.parametrize(("scope", "value"), SWITCHES)
    def test_halt_takes_what_it_kills_from_workers_and_nothing_else(
        self, rig: Rig, scope: str, value: str | None
    ) -> None:
        def told() -> tuple[list[str], list[str]]:
            found = execute.handed_over(rig.plane.store, rig.agent, ["quick", "calm"], now=rig.clock.now())
            kept = rig.plane.store.read_hot(Statement("SELECT case_id FROM handoff ORDER BY case_id"))
            return [waiting.case_id for waiting in found], [row[0] for row in kept]

        ours: dict[str, Any] = {"agent": "bot", "run": "r1", "executor": "worker"}
        rig.approved(**ours)
        others = [] if scope == "workspace" else [rig.approved("calm", confidence=1.0, executor="worker")]
        rig.clock.advance(1)
        asked = rig.gated(**ours)
        first, second = rig.halt(scope, value), rig.halt(scope, value)
        assert told() == (others, others)
        # what people approve under it waits until it is lifted
        rig.clock.advance(1)
        rig.answer(ANN, asked)
        rig.lift(first)
        assert told() == (others, [*others, asked])
        rig.lift(second)
        assert told() == ([*others, asked], [*others, asked])
        assert rig.start(asked).state == "started"

    def test_halted_hand_over_that_the_halt_did_not_see_is_offered_to_nobody(self, rig: Rig) -> None:
        case = rig.approved(executor="worker", agent="bot")

        def as_in_a_database_of_before(tx: Tx, _: None) -> None:
            waits = {"workspace": rig.workspace, "action": "quick", "case_id": case, "approved_at": approved_at}
            tx.add_unless_known(schema.handoff, [waits])

        approved_at = rig.proposal(case).decided_at
        rig.lift(rig.halt("agent", "bot"))
        rig.run(as_in_a_database_of_before, None)
        assert execute.handed_over(rig.plane.store, rig.agent, ["quick"], now=rig.clock.now()) == []

    @pytest.mark.parametrize("back", [2, 3600])
    @pytest.mark.parametrize("noted", [True, False])
    def test_halt_after_the_clock_was_set_back_kills_what_was_approved_before(
        self, rig: Rig, back: int, noted: bool
    ) -> None:
        approved = rig.approved(agent="bot")
        rig.clock.advance(-back)
        if noted:
            rig.gated()
        rig.clock.advance(0.5)
        id = rig.halt("agent", "bot")
        rig.clock.advance(0.5)
        rig.lift(id)
        for wait in (10, 2 * back):
            rig.clock.advance(wait)
            with pytest.raises(NotExecutable, match="halted"):
                rig.start(approved)
            # what is approved after it lives, also while the clock catches up
            assert rig.start(rig.approved(agent="bot")).state == "started"

    def test_halt_lets_what_runs_finish(self, rig: Rig) -> None:
        started = rig.start(rig.approved())
        rig.halt("workspace")
        assert rig.finish(started).state == "succeeded"

    def test_halt_keeps_another_executor_from_a_second_try(self, rig: Rig) -> None:
        started = rig.start(rig.approved(tool_class="idempotent"))
        rig.halt("workspace")
        rig.pass_time(execute.HOLD // 1_000_000 + 1)
        assert rig.start(started.case_id, "other").state == "unknown"
        assert rig.settle(ANN, started.case_id, False).state == "settled"

    @pytest.mark.parametrize("wait", [0, 8 * 86_400])
    def test_halt_or_age_after_an_executor_vanished_leaves_it_to_a_person(self, rig: Rig, wait: int) -> None:
        started = rig.start(rig.approved(tool_class="idempotent"))
        rig.pass_time(execute.HOLD // 1_000_000 + 1)
        if wait:
            rig.pass_time(wait)
        else:
            rig.lift(rig.halt("workspace"))
        with pytest.raises(NotExecutable, match="older" if wait else "halted"):
            rig.start(started.case_id, "other")
        assert rig.settle(ANN, started.case_id, False).state == "settled"
        assert [e["type"] for e in rig.entries()][-2:] == ["execution.unknown", "execution.settled"]

    def test_submit_under_a_halt_what_was_decided_before_hears_that_decision(self, rig: Rig) -> None:
        before = rig.approved(key="k")
        id = rig.halt("workspace")
        again = rig.submit(key="k", confidence=0.99)
        assert (again.case_id, again.replayed) == (before, True)
        fresh = rig.submit(key="k2", confidence=0.99)
        rig.lift(id)
        later = rig.submit(key="k2", confidence=0.99)
        assert later.case_id != fresh.case_id
        assert later.decision is not None
        assert later.decision.kind == "approved"

    def test_halt_and_start_race_in_one_order_or_the_other(self, rig: Rig) -> None:
        for n in range(40):
            case = rig.approved(run=f"r{n}")
            gate = threading.Barrier(2)
            told: dict[str, Any] = {}

            def do(name: str, verb: Any, command: Any, gate: Any = gate, told: Any = told) -> None:
                gate.wait()
                future: Future[Any] = rig.plane.writer.submit(verb, command)
                told[name] = future.exception()

            ways = [
                ("start", execute.start, execute.Start(actor=rig.agent, case_id=case, nonce="a")),
                ("halt", halt.set_halt, halt.Halt(actor=rig.agent, scope="run", value=f"r{n}", reason="stop")),
            ]
            threads = [threading.Thread(target=do, args=way) for way in ways]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert told["halt"] is None
            order = [e["type"] for e in rig.entries("halt.set", "execution.started")][-2:]
            assert (told["start"] is None) == (order == ["execution.started", "halt.set"])

    @pytest.mark.parametrize(("scope", "value"), [("agent", None), ("workspace", "x"), ("planet", "x")])
    def test_halt_without_a_clear_scope_is_refused(self, rig: Rig, scope: str, value: str | None) -> None:
        with pytest.raises(InvalidInput):
            rig.halt(scope, value)

    def test_lift_takes_a_lead_and_a_switch_that_stands(self, rig: Rig) -> None:
        id = rig.halt("workspace")
        with pytest.raises(Forbidden):
            rig.run(halt.lift_halt, halt.Lift(actor=ANN, id=id))
        rig.run(halt.lift_halt, halt.Lift(actor=LEA, id=id))
        with pytest.raises(NotFound):
            rig.lift(id)


class PolicyPromises:
    """The policy that routed a case, the one in force, and what may loosen."""

    def test_tighten_after_an_approval_refuses_the_start(self, rig: Rig) -> None:
        case = rig.approved()
        rig.change_policy(
            rig.policy.replace(
                "quick, auto_approve_threshold: 0.95, soft_review_threshold: 0.80,",
                "quick, auto_approve_threshold: 1.0,",
            )
        )
        with pytest.raises(NotExecutable, match="tightened"):
            rig.start(case)

    def test_tighten_to_deny_refuses_even_what_people_approved(self, rig: Rig) -> None:
        case = rig.gated()
        rig.answer(ANN, case)
        rig.change_policy(rig.policy.replace("actions: [forbidden]", "actions: [forbidden, quick]"))
        with pytest.raises(NotExecutable, match="tightened"):
            rig.start(case)

    def test_tighten_to_two_people_refuses_what_one_approved(self, rig: Rig) -> None:
        case = rig.gated("calm")
        rig.answer(ANN, case)
        rig.change_policy(rig.policy.replace("action_type: calm,", "action_type: calm, reviewers: 2,"))
        with pytest.raises(NotExecutable, match="tightened"):
            rig.start(case)

    def test_loosen_after_submit_leaves_the_case_as_it_was_routed(self, rig: Rig) -> None:
        case = rig.gated("pair", confidence=0.9)
        rig.change_policy(
            rig.policy.replace("pair, reviewers: 2, auto_approve_threshold: 1.0", "pair, auto_approve_threshold: 0.5")
        )
        assert rig.answer(ANN, case).decision is None
        assert rig.proposal(case).policy != rig.proposal(rig.submit("pair").case_id).policy

    def test_change_nothing_else_than_the_policy_leaves_an_approval_startable(self, rig: Rig) -> None:
        case = rig.approved()
        rig.change_policy(rig.policy + "\n# a remark\n")
        assert rig.start(case).state == "started"

    def test_change_to_a_broken_policy_is_refused_and_the_old_one_holds(self, rig: Rig) -> None:
        with pytest.raises(InvalidPolicy):
            rig.change_policy("escalation_policies: [{action_type: quick, auto_aprove_threshold: 0.1}]")
        assert rig.submit(confidence=0.5).tier == "hard_gate"

    def test_change_a_policy_without_the_scope_is_refused(self, rig: Rig) -> None:
        with pytest.raises(Forbidden):
            rig.run(policies.change, (agent(scopes=frozenset({"submit"})), "policy", rig.policy + "#"))

    def test_sum_in_a_window_goes_up_before_the_limit_is_passed(self, rig: Rig) -> None:
        def tier(principal: str) -> str:
            return rig.submit("summed", confidence=0.99, amount="900", currency="INR", principal=principal).tier

        assert [tier("zoe") for _ in range(9)] == ["auto_approve"] + ["hard_gate"] * 8
        assert tier("max") == "auto_approve"
        rig.pass_time(86_401)
        assert tier("zoe") == "auto_approve"

    def test_count_in_a_budget_that_never_refills_denies(self, rig: Rig) -> None:
        tiers = [rig.submit("counted", confidence=0.99, run="r").tier for _ in range(4)]
        assert tiers == ["auto_approve", "auto_approve", "deny", "deny"]

    def test_sum_counts_a_repeated_submit_once(self, rig: Rig) -> None:
        spent: dict[str, Any] = {"confidence": 0.99, "amount": "400", "currency": "INR", "principal": "zoe"}
        for _ in range(3):
            rig.submit("summed", key="k", **spent)
        assert rig.submit("summed", **spent).tier == "auto_approve"

    def test_grant_loosens_until_it_expires_or_ends(self, rig: Rig) -> None:
        assert rig.submit("calm", confidence=0.5).tier == "hard_gate"
        issue = grant.Issue(actor=LEA, action="calm", seconds=100, spot_check_rate=0.0)
        rig.run(grant.issue, issue)
        assert rig.submit("calm", confidence=0.5).tier == "auto_approve"
        rig.pass_time(101)
        assert rig.submit("calm", confidence=0.5).tier == "hard_gate"
        id = rig.run(grant.issue, issue)
        rig.run(grant.end, (LEA, id))
        assert rig.submit("calm", confidence=0.5).tier == "hard_gate"
        with pytest.raises(NotFound):
            rig.run(grant.end, (LEA, id))

    def test_approve_for_the_run_lets_the_same_through_and_nothing_more(self, rig: Rig) -> None:
        case = rig.gated("calm", run="r", confidence=0.5, amount="100", currency="INR")
        made = rig.answer(LEA, case, scope="run", uses=3)
        assert made.decision is not None
        assert made.decision.kind == "approved"
        (entry,) = rig.entries("grant.issued")
        assert entry["grant"]["id"] == made.grant
        assert (entry["grant"]["run"], entry["grant"]["uses"], entry["grant"]["case"]) == ("r", 3, case)
        same: dict[str, Any] = {"run": "r", "confidence": 0.5, "amount": "100", "currency": "INR"}
        others: list[dict[str, Any]] = [
            {"run": "s"}, {"run": None}, {"agent": "other"}, {"principal": "zoe"}, {"environment": "live"},
            {"amount": "100.01"}, {"currency": "EUR"}, {"amount": None, "currency": None}, {"confidence": None},
        ]  # fmt: skip
        for differs in others:
            assert rig.submit("calm", **(same | differs)).tier == "hard_gate", differs
        assert rig.submit("usual", **same).tier == "hard_gate"
        first = rig.submit("calm", key="k", **same)
        assert first.tier == "auto_approve"
        assert any("approved for run r" in reason.text for reason in first.reasons)
        assert rig.submit("calm", key="k", **same).replayed
        tiers = [rig.submit("calm", **(same | {"amount": "7"})).tier for _ in range(3)]
        assert tiers == ["auto_approve", "auto_approve", "hard_gate"]

    def test_approve_for_the_run_ends_with_its_time_by_hand_or_under_a_halt(self, rig: Rig) -> None:
        def tier(run: str) -> str:
            return rig.submit("calm", run=run, confidence=0.5).tier

        for run, scope in (("late", None), ("by hand", None), ("r", "run"), ("a", "action"), ("w", "workspace")):
            made = rig.answer(LEA, rig.gated("calm", run=run, confidence=0.5), scope="run", seconds=600)
            assert tier(run) == "auto_approve"
            if run == "late":
                rig.pass_time(601)
            elif scope is None:
                rig.run(grant.end, (ANN, made.grant))
            else:
                rig.lift(rig.halt(scope, {"run": run, "action": "calm"}.get(scope)))
                assert rig.entries("grant.ended")[-1]["grant"]["id"] == made.grant
                rig.pass_time(1)
            assert tier(run) == "hard_gate"
        assert rig.run(grant.listed, grant.ListGrants(actor=rig.agent)) == []

    def test_approve_for_the_run_counts_when_the_undo_window_is_over(self, rig: Rig) -> None:
        usual = "uncalm, auto_approve_threshold: 1.0, undo_seconds: "
        rig.change_policy(rig.policy.replace(usual + "0", usual + "9"))
        taken_back = rig.answer(LEA, rig.gated("calm", run="r", confidence=0.5), scope="run")
        assert taken_back.grant is None
        rig.withdraw(LEA, taken_back)
        rig.pass_time(10)
        assert rig.entries("grant.issued") == []
        for run in ("stands", "halted"):
            rig.answer(LEA, rig.gated("calm", run=run, confidence=0.5), scope="run")
            if run == "halted":
                rig.lift(rig.halt("run", run))
            rig.pass_time(10)
            assert [entry["grant"]["run"] for entry in rig.entries("grant.issued")] == ["stands"]

    def test_approve_for_the_run_is_refused_where_it_would_widen(self, rig: Rig) -> None:
        def refused(
            by: Actor, error: type[Exception], match: str, action: str, *, said: Any = None, **fields: Any
        ) -> None:
            case = rig.gated(action, **({"run": "r", "confidence": 0.5} | fields))
            with pytest.raises(error, match=match):
                rig.answer(by, case, **({"scope": "run"} | (said or {})))
            assert rig.case(case).state == "open"

        refused(ANN, Forbidden, "role lead", "calm")
        refused(LEA, InvalidInput, "no run", "calm", run=None)
        refused(LEA, InvalidInput, "looks at each", "usual")
        refused(LEA, InvalidInput, "looks at each", "pair")
        refused(LEA, InvalidInput, "no confidence", "calm", confidence=None)
        refused(LEA, InvalidInput, "1 to 20", "calm", said={"uses": 21})
        refused(LEA, InvalidInput, "1 to 20", "calm", said={"seconds": 14_401})
        refused(LEA, InvalidInput, "approval of one", "calm", said={"verdict": "reject", "reason": "wrong"})
        refused(LEA, InvalidInput, "neither", "calm", said={"scope": "always"})
        rig.change_policy(rig.policy + "review_settings: {approve_for_run: nobody}\n")
        refused(LEA, Forbidden, "nobody", "calm")
        rig.change_policy(rig.policy + "review_settings: {approve_for_run: reviewer}\n")
        assert rig.answer(ANN, rig.gated("calm", run="r", confidence=0.5), scope="run").grant is not None

    def test_approve_for_the_run_is_never_used_more_often_by_many_at_once(self, rig: Rig) -> None:
        rig.answer(LEA, rig.gated("calm", run="r", confidence=0.5), scope="run", uses=5)
        ways = [rig.prepared("calm", run="r", confidence=0.5, key=f"k{n % 12}") for n in range(24)]
        made = [future.result() for future in [rig.plane.writer.submit(*way) for way in ways]]
        through = {each.case_id for each in made if each.tier == "auto_approve"}
        assert len(through) == 5

    def test_grant_by_a_reviewer_or_for_too_long_is_refused(self, rig: Rig) -> None:
        with pytest.raises(Forbidden):
            rig.run(grant.issue, grant.Issue(actor=ANN, action="calm", seconds=100))
        with pytest.raises(InvalidInput):
            rig.run(grant.issue, grant.Issue(actor=LEA, action="calm", seconds=91 * 86_400))

    def test_calibrator_decides_the_confidence_that_routes(self, rig: Rig) -> None:
        curve = Fitted(method="temperature", numbers=(2.0,))
        fitted = Calibrator(fitted=curve, n=500, right=300, fitted_at=rig.clock.now()).to_json()
        # the policy names a calibrator: until it is installed, the number sent is no confidence
        assert rig.submit("read", confidence=0.99).tier == "hard_gate"
        rig.run(calibrators.install, calibrators.Install(actor=rig.agent, name="reader", calibrator=fitted))
        made = rig.submit("read", confidence=0.99)
        assert made.tier == "hard_gate"
        record = rig.proposal(made.case_id).record()
        assert record["confidence"] < 0.8
        assert record["scores"] == 0.99

    def test_outcome_yields_a_label_and_several_may_come(self, rig: Rig) -> None:
        case = rig.approved()
        for correct in (True, False):
            rig.run(outcome.record, outcome.Record(actor=rig.agent, case_id=case, correct=correct))
        assert len(rig.entries("label.made")) == 2
        with pytest.raises(InvalidInput):
            rig.run(outcome.record, outcome.Record(actor=rig.agent, case_id=case))
