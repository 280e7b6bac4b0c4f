"""A control plane whose time you move: the verbs in short, and a judge that compares tables, log and meaning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from handrail.audit.standalone.verify import Findings, read_meaning
from handrail.audit.trust import parse_trust
from handrail.audit.verify import verify
from handrail.canonical import parse
from handrail.claim import Claim
from handrail.clock import SECOND, FakeClock
from handrail.decision import Decision
from handrail.execution import Execution
from handrail.lifecycle import cancel, claim, escalate, execute, halt, policies, review, submit
from handrail.lifecycle.actor import Actor
from handrail.lifecycle.rows import CaseRow, ProposalRow
from handrail.lifecycle.submit import Submit, Submitted
from handrail.maintenance import timers
from handrail.maintenance.plane import Plane
from handrail.maintenance.reconcile import reconcile
from handrail.proposal import Proposal
from handrail.store import statements
from handrail.store.engine import Store
from handrail.testing.factories import POLICY, agent

START = 1_700_000_000 * SECOND


class Rig:
    """One workspace on a real database, without loops: nothing happens by itself, and no time passes."""

    def __init__(
        self, url: str | Path | Store, folder: Path, *, policy: str = POLICY, clock: FakeClock | None = None,
        **plane: Any,
    ):  # fmt: skip
        self.clock = clock or FakeClock(START)
        self.agent = agent()
        self.policy = policy
        self.plane = Plane(url, policy=policy, keys=folder / "keys", clock=self.clock, loops=False, **plane)
        self.workspace = self.plane.workspace_id
        # receipts handed out; each must still prove at the end
        self.receipts: list[bytes] = []

    def close(self) -> None:
        """Stop the plane."""
        self.plane.close()

    # --- verbs ------------------------------------------------------------------------------------

    def run(self, verb: Any, command: Any) -> Any:
        """Run any verb."""
        return self.plane.run(verb, command)

    def submit(
        self, action: str = "quick", *, by: Actor | None = None, draw: float = 0.5, nonce: str | None = None,
        arguments: Mapping[str, Any] | None = None, **fields: Any,
    ) -> Submitted:  # fmt: skip
        """Submit a proposal; without confidence it is gated."""
        proposal = Proposal(action=action, arguments={"n": 1} if arguments is None else arguments, **fields)
        return self.plane.run(submit.submit, submit.prepare(by or self.agent, proposal, draw=draw, nonce=nonce))

    def prepared(self, action: str = "quick", *, confidence: float = 0.99, **fields: Any) -> tuple[Any, Submit]:
        """A verb and its command, for the writer."""
        proposal = Proposal(action=action, confidence=confidence, **fields)
        return submit.submit, submit.prepare(self.agent, proposal, draw=0.5)

    def gated(self, action: str = "quick", **fields: Any) -> str:
        """The id of a fresh case that waits for people."""
        made = self.submit(action, **fields)
        assert made.status == "open", f"{action} was let through: {made.reasons}"
        return made.case_id

    def approved(self, action: str = "quick", **fields: Any) -> str:
        """The id of a proposal that the policy lets through."""
        made = self.submit(action, **({"confidence": 0.99} | fields))
        assert made.decision is not None
        assert made.decision.kind == "approved"
        return made.case_id

    def take(self, by: Actor, case_id: str, **fields: Any) -> Claim:
        return self.plane.run(claim.take, claim.Take(actor=by, case_id=case_id, **fields))

    def take_next(self, by: Actor, **fields: Any) -> Claim | None:
        return self.plane.run(claim.take_next, claim.TakeNext(actor=by, **fields))

    def renew(self, by: Actor, held: Claim, **fields: Any) -> Claim:
        return self.plane.run(claim.renew, claim.Hold(actor=by, case_id=held.case_id, fence=held.fence, **fields))

    def release(self, by: Actor, held: Claim) -> None:
        self.plane.run(claim.release, claim.Hold(actor=by, case_id=held.case_id, fence=held.fence))

    def answer(self, by: Actor, case_id: str, verdict: str = "approve", **fields: Any) -> review.Reviewed:
        """Review; what a verdict cannot do without is filled in."""
        fillers: dict[str, dict[str, Any]] = {
            "reject": {"reason": "wrong"}, "abstain": {"reason": "not_mine"}, "respond": {"value": "yes"},
            "redirect": {"instruction": "ask first"}, "edit": {"arguments": {"n": 2}},
        }  # fmt: skip
        needed = fillers.get(verdict, {})
        return self.plane.run(
            review.review, review.Answer(actor=by, case_id=case_id, verdict=verdict, **(needed | fields))
        )

    def withdraw(self, by: Actor, given: review.Reviewed) -> str:
        return self.plane.run(review.withdraw, review.Withdraw(actor=by, review_id=given.review_id))

    def escalate(self, by: Actor, case_id: str, reason: str = "unsure") -> CaseRow:
        return self.plane.run(escalate.escalate, escalate.Escalate(actor=by, case_id=case_id, reason=reason))

    def cancel(self, case_id: str) -> Decision | None:
        return self.plane.run(cancel.cancel, cancel.Cancel(actor=self.agent, case_id=case_id)).decision

    def halt(self, scope: Any, value: str | None = None) -> str:
        return self.plane.run(halt.set_halt, halt.Halt(actor=self.agent, scope=scope, value=value, reason="stop"))

    def lift(self, id: str) -> None:
        self.plane.run(halt.lift_halt, halt.Lift(actor=self.agent, id=id))

    def start(self, case_id: str, nonce: str = "one", **fields: Any) -> Execution:
        return self.plane.run(execute.start, execute.Start(actor=self.agent, case_id=case_id, nonce=nonce, **fields))

    def finish(self, started: Execution, *, ok: bool = True, result: Any = None, **fields: Any) -> Execution:
        command = execute.Finish(
            actor=self.agent, case_id=started.case_id, fence=started.fence, ok=ok, result=result, **fields
        )
        return self.plane.run(execute.finish, command)

    def settle(self, by: Actor, case_id: str, happened: bool) -> Execution:
        return self.plane.run(execute.settle, execute.SettleExecution(actor=by, case_id=case_id, happened=happened))

    def change_policy(self, text: str) -> None:
        """Put another policy in force."""
        self.plane.run(policies.change, (self.agent, "policy", text))

    # --- time -------------------------------------------------------------------------------------

    def pass_time(self, seconds: float) -> None:
        """Move the clock, and handle whatever is due then."""
        self.clock.advance(seconds)
        while timers.step(self.plane.store, self.plane.writer, self.clock):
            pass

    # --- looking ----------------------------------------------------------------------------------

    def proposal(self, case_id: str) -> ProposalRow:
        return self.plane.proposal(self.workspace, case_id)

    def case(self, case_id: str) -> CaseRow:
        found = self.plane.store.read_hot(statements.case_get, workspace=self.workspace, case_id=case_id)
        return CaseRow._make(found[0])

    def decision(self, case_id: str) -> Decision | None:
        return self.plane.decision(self.workspace, case_id)

    def entries(self, *types: str) -> list[dict[str, Any]]:
        """Entries of these types (all, if none are named), oldest first."""
        every: Iterator[dict[str, Any]] = map(parse, self.plane.logbook().entries())
        return [entry for entry in every if not types or entry["type"] in types]

    # --- judging ----------------------------------------------------------------------------------

    def keep_receipt(self, case_id: str) -> None:
        """Sign the log and keep this decision's receipt, as its caller would."""
        self.plane.sealer.step()
        decision = self.decision(case_id)
        assert decision is not None
        assert decision.proof is not None
        assert decision.proof.proof is not None
        self.receipts.append(decision.proof.proof.encode())

    def problems(self) -> list[str]:
        """All that is wrong: hashes, proofs, signatures, meaning, receipts, and rows that the log does not explain."""
        self.plane.sealer.step()
        return self.problems_without_sealing()

    def problems_without_sealing(self) -> list[str]:
        """The same under the newest checkpoint there is, for when nothing can be written."""
        key = self.plane.sealer.key(self.plane.log).verifier
        trust = parse_trust(f"log {key.text}\nquorum none\n")
        report = verify(self.plane.logbook(), trust, receipts=self.receipts)
        found = [f"{finding.code} at {finding.idx}: {finding.text}" for finding in report.findings]
        if report.exit_code and not found:
            found.append(f"verify exits {report.exit_code}")
        # the auditor's own program must read the same meaning
        outside = Findings()
        read_meaning(list(self.plane.logbook().entries()), outside)
        found += [f"verify.py: {text}" for _, text in outside.all]
        return found + [
            str(difference) for difference in reconcile(self.plane.store, self.workspace, self.clock).differences
        ]
