"""Replay: what a change would do to a recorded stream."""

from __future__ import annotations

from random import Random

from handrail.policy.evaluate import compile_text
from handrail.policy.replay import Prices, Recorded, replay
from handrail.proposal import Proposal

from .examples import NOW, SHORT

OLD = compile_text(SHORT)
LOOSE = compile_text(SHORT.replace("auto_approve_threshold: 0.95", "auto_approve_threshold: 0.90"))
DENY = compile_text(SHORT + "\nrules: [{id: never, actions: [content_publish], route: {deny: true}}]")


def pay(confidence: float, correct: bool | None = None, at: int | None = None, amount: str = "5") -> Recorded:
    fields = {"action": "payment_transfer", "amount": amount, "currency": "INR", "principal": "ann"}
    return Recorded(proposal=Proposal(confidence=confidence, **fields), correct=correct, at=at)  # type: ignore[arg-type]


def test_replay_counts_moves_work_and_cost() -> None:
    stream = [pay(0.92, True), pay(0.92, False), pay(0.99), pay(0.1), pay(0.85)]
    made = replay(OLD, LOOSE, stream, prices=Prices(review=10, wrong=500), start=NOW, draws=Random(0).random)
    assert made.total == 5
    assert made.matrix["soft_review"] == {"auto_approve": 2, "soft_review": 1, "hard_gate": 0, "deny": 0}
    assert made.matrix["hard_gate"]["hard_gate"] == made.matrix["auto_approve"]["auto_approve"] == 1
    assert (made.looser, made.looser_wrong, made.tighter) == (2, 1, 0)
    assert (made.old.reviews, made.new.reviews) == (4, 2)
    assert (made.old.wrong_through, made.new.wrong_through) == (1, 1)
    assert (made.old.cost, made.new.cost) == (540, 520)
    assert [(move.number, move.old, move.new, move.correct) for move in made.moves] == [
        (1, "soft_review", "auto_approve", True),
        (2, "soft_review", "auto_approve", False),
    ]
    assert made.by_action == {"payment_transfer": {"total": 5, "looser": 2, "tighter": 0}}


def test_replay_of_a_denial_counts_what_was_right() -> None:
    stream = [Recorded(proposal=Proposal(action="content_publish", confidence=0.99), correct=True)]
    made = replay(OLD, DENY, stream, prices=Prices(refused=7), start=NOW, draws=Random(0).random)
    assert (made.tighter, made.new.right_denied, made.new.cost, made.old.cost) == (1, 1, 7, 0)


def test_replay_of_other_terms_under_the_same_tier_says_so() -> None:
    slower = compile_text(SHORT.replace("sla_seconds: 30", "sla_seconds: 60"))
    made = replay(OLD, slower, [pay(0.1), pay(0.99)], prices=Prices(), start=NOW, draws=Random(0).random)
    assert (made.looser, made.tighter, made.other_terms) == (0, 0, 2)


def test_replay_follows_windows_through_time() -> None:
    budget = compile_text(SHORT + "\nbudgets: [{id: b, per: [principal], within: 1h, max_amount_inr: 10}]")
    hour = 3_600_000_000
    stream = [pay(0.99, at=NOW), pay(0.99, at=NOW + 1), pay(0.99, at=NOW + 2), pay(0.99, at=NOW + hour + 3)]
    made = replay(OLD, budget, stream, prices=Prices(), start=NOW, draws=Random(0).random)
    assert made.matrix["auto_approve"] == {"auto_approve": 3, "soft_review": 0, "hard_gate": 1, "deny": 0}
    assert [move.number for move in made.moves] == [3]


def test_replay_of_a_long_stream_keeps_no_more_than_asked() -> None:
    made = replay(
        OLD, LOOSE, (pay(0.92) for _ in range(5_000)), prices=Prices(), start=NOW, draws=Random(0).random, keep=3
    )
    assert (made.total, made.looser, len(made.moves)) == (5_000, 5_000, 3)


def test_replay_with_the_same_seed_gives_the_same_answer() -> None:
    checked = compile_text(SHORT + "\ndefaults: {spot_check_rate: 0.5}")
    runs = [
        replay(OLD, checked, [pay(0.99)] * 50, prices=Prices(review=1), start=NOW, draws=Random(9).random)
        for _ in range(2)
    ]
    assert runs[0] == runs[1]
    assert runs[0].new.reviews == 25
