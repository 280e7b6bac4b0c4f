"""`gate: value`: a person is asked where asking saves more than it costs, and every floor stands above that."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.calibration.confusion import Confusion
from handrail.errors import InvalidPolicy
from handrail.lifecycle.asking import gains, weighed
from handrail.policy.columns import route_many
from handrail.policy.differences import differences
from handrail.policy.evaluate import Policy, compile_text
from handrail.policy.explain import explain
from handrail.policy.facts import Asking, Facts
from handrail.policy.replay import Prices, Recorded, replay
from handrail.proposal import Proposal
from handrail.route import TIERS

NOW = 1_700_000_000_000_000
COST = "cost: {currency: EUR, review: 2, wrong: 100, refused: 5, undo_chance: 0.8, delay_minute: 0.5, wait_minutes: 6}"


def policy(extra: str = "", *, cost: str = COST, undo: str = "undo: take_back") -> Policy:
    return compile_text(
        f"""
escalation_policies:
  - action_type: refund
    gate: value
    calibrator: refund
    {undo}
    {cost}
    {extra}
""".replace("    \n", "")
    )


VALUE = policy()
PERFECT = Confusion(counts=((1e6, 0.0), (0.0, 1e6)))


def refund(confidence: float | None, **fields: object) -> Proposal:
    return Proposal(action="refund", confidence=confidence, **fields)  # type: ignore[arg-type]


def tier(made: Policy, proposal: Proposal, table: Confusion | None = PERFECT) -> str:
    facts = Facts(asking=weighed(made, proposal, lambda _: table))
    return made.route(proposal, facts, now=NOW, draw=1.0).tier


def test_value_with_perfect_reviewers_asks_by_the_least_cost() -> None:
    # V = 100 (1 - c); soft 0.8 V - 2, hard V - 2 - 3: hard above V = 15, soft above V = 2.5
    made = policy(cost=COST.replace("review: 2,", "review: 2, reviewer: r,"))
    found = {c: tier(made, refund(c)) for c in (0.5, 0.84, 0.86, 0.97, 0.976, 0.999)}
    assert found == {
        0.5: "hard_gate", 0.84: "hard_gate", 0.86: "soft_review", 0.97: "soft_review", 0.976: "auto_approve",
        0.999: "auto_approve",
    }  # fmt: skip


def test_value_without_an_undo_never_looks_afterwards() -> None:
    made = policy(undo="description: no way back")
    assert {tier(made, refund(c)) for c in np.linspace(0, 1, 201)} == {"hard_gate", "auto_approve"}


def test_value_of_careless_reviewers_asks_less() -> None:
    made = policy(cost=COST.replace("review: 2,", "review: 2, reviewer: r,"))
    careless = Confusion(counts=((900.0, 100.0), (700.0, 300.0)))
    asked = [sum(tier(made, refund(c), table) != "auto_approve" for c in np.linspace(0.9, 1, 101))
             for table in (PERFECT, careless)]  # fmt: skip
    assert asked[1] < asked[0]


@given(st.floats(0, 1), st.floats(0, 1))
def test_value_never_lets_a_less_sure_proposal_further(one: float, two: float) -> None:
    low, high = sorted((one, two))
    assert TIERS.index(tier(VALUE, refund(low))) >= TIERS.index(tier(VALUE, refund(high)))  # type: ignore[arg-type]


@pytest.mark.parametrize("gain", [float("nan"), float("inf"), -1.0])
def test_value_that_is_no_sound_number_sends_up(gain: float) -> None:
    route = VALUE.route(refund(0.999), Facts(asking=Asking(gain=gain)), now=NOW, draw=1.0)
    assert (route.tier, route.reasons[0].code) == ("hard_gate", "asking_unknown")


def test_value_that_is_not_known_sends_up() -> None:
    route = VALUE.route(refund(0.999), now=NOW, draw=1.0)
    assert (route.tier, route.reasons[0].code) == ("hard_gate", "asking_unknown")
    named = policy(cost=COST.replace("review: 2,", "review: 2, reviewer: nobody,"))
    assert weighed(named, refund(0.999), lambda _: None) is None


@pytest.mark.parametrize("confidence", [None, float("nan"), 1.5, -0.1])
def test_value_of_an_unsound_confidence_sends_up(confidence: float | None) -> None:
    route = VALUE.route(refund(confidence), Facts(asking=Asking(gain=0.0)), now=NOW, draw=1.0)
    assert route.tier == "hard_gate"
    assert weighed(VALUE, refund(confidence), lambda _: PERFECT) is None


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("always_review: true", "soft_review"), ("irreversible: true", "hard_gate"),
        ("autonomy: confirm", "hard_gate"),
        ("autonomy: notify", "soft_review"), ("max_auto_approve_amount_eur: 10", "hard_gate"),
        ("irreversible_actions_always_gate: [refund]", "hard_gate"), ("categories_always_review: [vip]", "soft_review"),
        ("auto_approve_threshold: 0.9995", "hard_gate"), ("{}", "auto_approve"),
    ],
)  # fmt: skip
def test_floors_stand_above_the_value(extra: str, expected: str) -> None:
    made = policy("" if extra == "{}" else extra)
    sure = refund(0.999, amount="50", currency="EUR", categories=("vip",))
    assert tier(made, sure) == expected


def test_target_error_without_a_certified_threshold_lets_nothing_through() -> None:
    made = policy("target_error: 0.02")
    assert {tier(made, refund(c)) for c in (0.5, 0.99, 1.0)} == {"hard_gate"}


@given(st.floats(0, 1))
def test_value_never_loosens_beyond_a_certified_threshold(confidence: float) -> None:
    made = policy("target_error: 0.02\n    auto_approve_threshold: 0.99\n    soft_review_threshold: 0.9")
    plain = compile_text(
        "escalation_policies: [{action_type: refund, auto_approve_threshold: 0.99, soft_review_threshold: 0.9}]"
    )
    order = TIERS.index
    found = tier(made, refund(confidence))
    assert order(found) >= order(plain.route(refund(confidence), now=NOW, draw=1.0).tier)  # type: ignore[arg-type]
    assert order(found) >= order(tier(VALUE, refund(confidence)))  # type: ignore[arg-type]


def test_a_rule_that_denies_wins_over_any_value() -> None:
    made = compile_text(VALUE.text + "\nrules: [{id: mallory, when: 'principal == \"mallory\"', route: {deny: true}}]")
    assert tier(made, refund(0.999, principal="mallory")) == "deny"


def test_reasons_say_the_numbers() -> None:
    proposal = refund(0.7)
    facts = Facts(asking=weighed(VALUE, proposal, lambda _: None))
    text = explain(VALUE, proposal, facts, now=NOW, draw=1.0)["reasons"][0]["text"]
    assert "saves" in text
    assert "2 EUR" in text
    assert "3 EUR of waiting" in text
    assert "assumed" in text


def test_columns_agree_with_one_at_a_time() -> None:
    text = (
        VALUE.text
        + """
  - action_type: plain
    auto_approve_threshold: 0.9
  - {action_type: kept, gate: value, calibrator: k, target_error: 0.05, cost: {review: 1, wrong: 20}}
  - {action_type: cut, gate: value, calibrator: k, auto_approve_threshold: 0.8, cost: {review: 1, wrong: 20}}
  - {action_type: ruled, gate: value, calibrator: k, cost: {review: 1, wrong: 20, undo_chance: 0.9}}
rules: [{id: r, actions: [ruled], when: "confidence < 0.5", route: {tier: hard_gate}}]
"""
    )
    made = compile_text(text)
    rng = np.random.default_rng(1)
    names = np.array(["refund", "plain", "kept", "cut", "ruled", "unknown"])[rng.integers(0, 6, 3000)]
    confidence = np.where(rng.random(3000) < 0.05, np.nan, rng.random(3000))
    kinds = np.array(["action", "prediction"])[rng.integers(0, 2, 3000)]
    gain = np.full(3000, np.nan)
    for name in set(names):
        gain[names == name] = gains(made, name, confidence[names == name], lambda _: PERFECT)
    gain[:50] = np.nan
    routed = route_many(made, {"action": names, "confidence": confidence, "gain": gain, "kind": kinds}, now=NOW)
    for row in range(3000):
        c = None if np.isnan(confidence[row]) else float(confidence[row])
        proposal = Proposal(action=str(names[row]), confidence=c, kind=str(kinds[row]))  # type: ignore[arg-type]
        facts = Facts(asking=None if np.isnan(gain[row]) else Asking(gain=float(gain[row])))
        one = made.route(proposal, facts, now=NOW, draw=1.0)
        assert TIERS[routed.tiers[row]] == one.tier, (row, names[row], c, gain[row])


def test_gains_of_a_column_equal_those_of_each_proposal() -> None:
    column = np.linspace(0, 1, 101)
    found = gains(VALUE, "refund", column, lambda _: None)
    one = [weighed(VALUE, refund(float(c)), lambda _: None) for c in column]
    assert found == pytest.approx([each.gain for each in one if each is not None])
    assert np.isnan(gains(VALUE, "unknown", column, lambda _: None)).all()


def test_replay_weighs_asking_like_the_router() -> None:
    stream = [Recorded(proposal=refund(c), correct=True) for c in (0.5, 0.9, 0.999)]
    before = compile_text("escalation_policies: [{action_type: refund, auto_approve_threshold: 0.95}]")
    made = replay(
        before, VALUE, stream, prices=Prices(review=2), start=NOW, draws=Random(0).random,
        asking=lambda policy, proposal: weighed(policy, proposal, lambda _: None),
    )  # fmt: skip
    assert made.new.tiers == {t: sum(tier(VALUE, each.proposal) == t for each in stream) for t in TIERS}
    blind = replay(before, VALUE, stream, prices=None, start=NOW, draws=Random(0).random)
    assert blind.new.tiers["hard_gate"] == 3


CLASSES = """
escalation_policies:
  - action_type: label
    gate: value
    calibrator: label
    cost:
      review: 1
      matrix: {ok: {fraud: 50}, fraud: {ok: 10}, odd: {ok: 4, fraud: 4}}
"""


def test_matrix_weighs_the_act_that_is_suggested() -> None:
    made = compile_text(CLASSES)

    def found(scores: dict[str, float], suggestion: str) -> Asking | None:
        proposal = Proposal(
            action="label", kind="prediction", confidence=max(scores.values()), scores=scores,
            arguments={"suggestion": suggestion},
        )  # fmt: skip
        return weighed(made, proposal, lambda _: None)

    sure = {"ok": 0.99, "fraud": 0.01}
    good, bad = found(sure, "ok"), found(sure, "fraud")
    assert good is not None
    assert bad is not None
    # a suggestion against the scores is dear, and asking saves that
    assert good.gain < 1 < bad.gain
    assert found({"ok": 0.99, "other": 0.01}, "ok") is None
    assert found(sure, "unheard of") is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("calibrator: refund", "description: x", "calibrated confidence"),
        ("review: 2, ", "", "price of one review"), ("wrong: 100, ", "", "what an error costs"),
        (", wait_minutes: 6", "", "wait"), ("review: 2", "review: .inf", "review"),
        ("wrong: 100", "wrong: -1", "wrong"),
        ("wrong: 100", "matrix: {a: {x: 0, y: 0}, b: {x: 0}}", "weighs nothing"),
        ("undo_chance: 0.8", "undo_chance: 1.2", "undo_chance"), ("gate: value", "gate: worth", "gate"),
    ],
)  # fmt: skip
def test_policy_that_cannot_weigh_is_refused(old: str, new: str, said: str) -> None:
    with pytest.raises(InvalidPolicy, match=said):
        compile_text(VALUE.text.replace(old, new))


def test_a_lower_target_error_is_a_tighter_policy() -> None:
    one, two = (policy(f"target_error: {e}").document for e in (0.05, 0.02))
    assert [(d.field, d.direction) for d in differences(one, two)] == [
        ("escalation_policies.refund.target_error", "tighter")
    ]


def test_costs_of_the_policy_fill_in_for_an_action() -> None:
    made = compile_text(
        "cost: {currency: EUR, review: 2}\n"
        "escalation_policies: [{action_type: refund, gate: value, calibrator: c, cost: {wrong: 100}}]"
    )
    weighing = made.plan("refund").weighing
    assert weighing is not None
    assert (weighing.review, weighing.matrix, weighing.currency) == (2.0, ((0.0, 100.0), (0.0, 0.0)), "EUR")


def test_value_of_an_irreversible_action_opens_no_gate_however_little_asking_saves() -> None:
    made = compile_text(f"""
escalation_policies:
  - {{action_type: sunk, gate: value, calibrator: k, undo: raised, irreversible: true}}
{COST}
""")
    # asking would not pay, and a look afterwards could undo nothing
    facts = Facts(asking=Asking(gain=4.0))
    one = made.route(Proposal(action="sunk", arguments={}, confidence=0.9), facts, now=NOW, draw=1.0)
    many = route_many(made, {"action": ["sunk"], "confidence": [0.9], "gain": [4.0]}, now=NOW)
    assert (one.tier, TIERS[many.tiers[0]]) == ("hard_gate", "hard_gate")
    assert {"irreversible", "asking_costs_more"} <= {clause.reason.code for clause in made.clauses(
        Proposal(action="sunk", confidence=0.9), facts, now=NOW)}  # fmt: skip
