"""Rules: all that match apply, the strictest wins in every field, order hides nothing, adding only tightens."""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.errors import InvalidPolicy
from handrail.policy.columns import route_many
from handrail.policy.evaluate import compile_text, tighter
from handrail.proposal import Proposal
from handrail.route import TIERS, VERDICTS

from .examples import NOW, codes, loosened, route

BASE: dict[str, Any] = {
    "escalation_policies": [
        {"action_type": "pay", "auto_approve_threshold": 0.9, "soft_review_threshold": 0.5, "undo": "unpay"},
        {"action_type": "post", "autonomy": "full", "on_expiry": "hold", "sla_seconds": 3600, "roles": ["editor"]},
    ]
}


def policy_with(rules: list[dict[str, Any]], **more: Any) -> Any:
    return compile_text(json.dumps(BASE | {"rules": rules} | more))


def test_route_rule_that_matches_raises_and_names_itself() -> None:
    policy = policy_with(
        [
            {
                "id": "new-payee",
                "description": "the payee is new",
                "when": "arguments.new",
                "route": {"tier": "hard_gate"},
            }
        ]
    )
    found = route(policy, action="pay", confidence=0.99, arguments={"new": True})
    assert found.tier == "hard_gate"
    assert (found.reasons[0].code, found.reasons[0].text) == ("rule:new-payee", "the payee is new")
    assert route(policy, action="pay", confidence=0.99, arguments={"new": False}).tier == "auto_approve"


def test_route_rule_that_asks_for_less_than_the_thresholds_changes_nothing() -> None:
    policy = policy_with([{"id": "r", "route": {"tier": "auto_approve"}}])
    assert route(policy, action="pay", confidence=0.1).tier == "hard_gate"


@pytest.mark.parametrize(
    ("when", "why"),
    [
        ("arguments.absent > 3", "there is no absent"),
        ("arguments.text > 3", "compared with another type"),
        ("arguments.text + arguments.number > 3", "Unsupported operation"),
        ("1 / arguments.nought > 0", "division by zero"),
        ("arguments.text", "not true or false"),
        ("arguments.number == 'five'", "compared with another type"),
        ("arguments.text in [1, 2]", "compared with another type"),
        ("arguments.many.all(x, arguments.many.all(y, x + y >= 0))", "steps"),
    ],
)
def test_route_rule_that_cannot_be_judged_gates_under_its_terms(when: str, why: str) -> None:
    policy = policy_with([{"id": "r", "actions": ["pay"], "when": when, "route": {"roles": ["finance"]}}])
    arguments = {"text": "x", "nought": 0, "number": 5, "many": list(range(1000))}
    found = route(policy, action="pay", confidence=0.99, arguments=arguments)
    assert (found.tier, found.roles) == ("hard_gate", ("finance",))
    failed = next(reason for reason in found.reasons if reason.code == "rule_failed:r")
    assert why in failed.text


@pytest.mark.parametrize("said", [{"deny": True}, {"tier": "deny"}])
def test_route_rule_that_cannot_be_judged_denies_where_it_would_deny(said: dict[str, Any]) -> None:
    grant = {"id": "g", "action": "pay", "expires": "2100-01-01", "lifts": ["rule:r", "confidence"]}
    policy = policy_with([{"id": "r", "when": "arguments.to == 'mallory'", "route": said}], grants=[grant])
    found = route(policy, action="pay", confidence=0.99)
    assert (found.tier, found.reviewers) == ("deny", 0)
    failed = next(reason for reason in found.reasons if reason.code == "rule_failed:r")
    assert failed.text == "rule r could not be judged (there is no to), so it denies"
    many = route_many(policy, {"action": ["pay"], "confidence": [0.99]}, now=NOW)
    assert TIERS[many.tiers[0]] == "deny"


@pytest.mark.parametrize("tier", [None, "soft_review", "hard_gate", "deny"])
def test_route_rule_that_calls_it_irreversible_gates(tier: str | None) -> None:
    said = {"irreversible": True} | ({"tier": tier} if tier else {})
    policy = policy_with([{"id": "r", "actions": ["pay"], "when": "arguments.wipe", "route": said}])
    found = route(policy, action="pay", confidence=0.99, arguments={"wipe": True})
    assert (found.tier, found.irreversible) == ("deny" if tier == "deny" else "hard_gate", True)
    assert route(policy, action="pay", confidence=0.99, arguments={"wipe": False}).tier == "auto_approve"


@pytest.mark.parametrize("more", ["auto_approve_threshold: 0.9", "autonomy: full", "autonomy: notify, undo: unwipe"])
def test_route_irreversible_action_is_gated_whatever_its_confidence(more: str) -> None:
    policy = compile_text(f"escalation_policies: [{{action_type: wipe, {more}, irreversible: true}}]")
    found = route(policy, action="wipe", confidence=0.99)
    assert (found.tier, found.irreversible, found.high_stakes) == ("hard_gate", True, True)
    assert found.reasons[0].text == "wipe cannot be taken back"
    many = route_many(policy, {"action": ["wipe"], "confidence": [0.99]}, now=NOW)
    assert (TIERS[many.tiers[0]], many.reviewers[0]) == ("hard_gate", 1)


def test_route_rule_for_one_action_leaves_others_alone() -> None:
    policy = policy_with([{"id": "r", "actions": ["pay"], "route": {"tier": "hard_gate"}}])
    assert route(policy, action="post").tier == "auto_approve"
    assert route(policy, action="pay", confidence=0.99).tier == "hard_gate"


def test_route_rule_can_deny_also_what_is_unknown() -> None:
    policy = policy_with([{"id": "r", "when": "action.startsWith('drop_')", "route": {"deny": True}}])
    found = route(policy, action="drop_table")
    assert (found.tier, found.reviewers) == ("deny", 0)


def test_route_every_field_of_a_rule_reaches_the_route() -> None:
    rule = {
        "id": "r",
        "route": {
            "tier": "hard_gate", "roles": ["finance"], "reviewers": 3, "deadline_seconds": "10m",
            "on_expiry": "escalate",
            "verdicts": ["approve", "reject"], "blind_share": 1.0, "queue": "money", "skills": ["hindi"],
            "undo_seconds": 60, "always_review": True, "irreversible": True,
        },
    }  # fmt: skip
    found = route(policy_with([rule]), action="post", draw=0.99)
    assert (found.tier, found.roles, found.reviewers) == ("hard_gate", (), 6)
    assert [(stage.roles, stage.reviewers) for stage in found.stages] == [(("editor",), 3), (("finance",), 3)]
    assert (found.deadline_seconds, found.on_expiry, found.queue) == (600, "escalate", "money")
    assert (found.verdicts, found.skills, found.undo_seconds) == (("approve", "reject"), ("hindi",), 60)
    assert found.blind
    assert found.always_review
    assert found.irreversible
    assert found.high_stakes


def test_route_unsafe_approve_must_be_spelled_and_a_rule_takes_it_away() -> None:
    text = "escalation_policies: [{action_type: a, soft_review_threshold: 0.5, on_expiry: unsafe_approve}]"
    assert route(text, action="a", confidence=0.1).on_expiry == "unsafe_approve"
    assert route(text + "\nrules: [{id: r, route: {on_expiry: hold}}]", action="a", confidence=0.1).on_expiry == "hold"
    plain = "escalation_policies: [{action_type: a}]\nrules: [{id: r, route: {on_expiry: unsafe_approve}}]"
    assert route(plain, action="a", confidence=0.1).on_expiry == "reject"


def test_route_verdicts_without_anything_in_common_leave_reject() -> None:
    rules = [{"id": "a", "route": {"verdicts": ["approve"]}}, {"id": "b", "route": {"verdicts": ["edit"]}}]
    assert route(policy_with(rules), action="pay", confidence=0.1).verdicts == ("reject",)


def test_route_stages_keep_their_order_and_fill_up_to_the_number() -> None:
    stages = [{"any_of": ["lead", "auditor"]}, {"all_of": ["finance", "legal"]}]
    rules = [{"id": "s", "route": {"stages": stages}}, {"id": "n", "route": {"reviewers": 5}}]
    found = route(policy_with(rules), action="pay", confidence=0.1)
    assert [(stage.roles, stage.reviewers) for stage in found.stages] == [
        (("auditor", "lead"), 1), (("finance",), 1), (("legal",), 1), ((), 2),
    ]  # fmt: skip
    assert found.reviewers == 5


def test_route_queue_is_that_of_the_strictest_rule() -> None:
    rules = [
        {"id": "a", "route": {"tier": "soft_review", "queue": "b-soft"}},
        {"id": "z", "route": {"tier": "hard_gate", "queue": "z-hard"}},
    ]
    assert route(policy_with(rules), action="pay", confidence=0.99).queue == "z-hard"
    assert route(policy_with(rules[:1]), action="pay", confidence=0.99).queue == "b-soft"


@pytest.mark.parametrize(
    ("autonomy", "tier", "blind"),
    [
        ("full", "auto_approve", False),
        ("notify", "soft_review", False),
        ("confirm", "hard_gate", False),
        ("collaborate", "hard_gate", False),
        ("human_leads", "hard_gate", True),
    ],
)
def test_route_autonomy_caps_the_tier(autonomy: str, tier: str, blind: bool) -> None:
    for thresholds in ("", ", auto_approve_threshold: 0.5"):
        found = route(
            f"escalation_policies: [{{action_type: a, autonomy: {autonomy}{thresholds}}}]", action="a", confidence=0.9
        )
        assert (found.tier, found.blind, found.autonomy) == (tier, blind, autonomy)


def test_route_action_without_threshold_or_autonomy_is_gated() -> None:
    assert route("escalation_policies: [{action_type: a}]", action="a", confidence=1.0).tier == "hard_gate"


def test_route_full_autonomy_needs_no_confidence_but_refuses_a_wrong_one() -> None:
    text = "escalation_policies: [{action_type: a, autonomy: full}]"
    assert route(text, action="a").tier == "auto_approve"
    assert route(text, action="a", confidence=float("nan")).tier == "hard_gate"


def test_route_arguments_that_break_the_schema_are_gated() -> None:
    entry = {
        "action_type": "a",
        "autonomy": "full",
        "schema": {"type": "object", "required": ["to"], "properties": {"to": {"type": "string"}}},
    }
    text = json.dumps({"escalation_policies": [entry]})
    assert route(text, action="a", arguments={"to": "x"}).tier == "auto_approve"
    assert codes(route(text, action="a", arguments={"to": 5})) == {"arguments_malformed"}
    assert route(text, action="a", arguments={}).tier == "hard_gate"


@pytest.mark.parametrize("reference", ["#/$defs/absent", "#absent"])
def test_load_schema_that_cannot_be_applied_is_refused(reference: str) -> None:
    entry = {"action_type": "a", "autonomy": "full", "schema": {"$ref": reference}}
    with pytest.raises(InvalidPolicy, match="refers to what is not in it"):
        compile_text(json.dumps({"escalation_policies": [entry]}))


def test_route_a_schema_holds_nobody_up() -> None:
    each = [{"properties": {"x": {"$ref": "#"}}, "required": [name]} for name in ("a", "b")]
    for schema, arguments in (
        ({"properties": {"x": {"pattern": "^(a+)+$"}}}, {"x": "a" * 40 + "!"}),
        ({"properties": {"x": {"uniqueItems": True}}}, {"x": [{"k": n % 2999} for n in range(3000)]}),
        ({"anyOf": each}, json.loads('{"x":' * 30 + "{}" + "}" * 30)),
    ):
        text = json.dumps({"escalation_policies": [{"action_type": "a", "autonomy": "full", "schema": schema}]})
        begun = time.process_time()
        found = route(text, action="a", arguments=arguments)
        assert (found.tier, codes(found)) == ("hard_gate", {"arguments_malformed"})
        assert time.process_time() - begun < 1


def test_load_schema_with_a_foreign_reference_is_refused() -> None:
    entry = {"action_type": "a", "schema": {"properties": {"to": {"$ref": "https://example.invalid/to.json"}}}}
    with pytest.raises(InvalidPolicy, match="refers to what is not in it"):
        compile_text(json.dumps({"escalation_policies": [entry]}))


def test_route_spot_check_rate_samples_by_the_draw() -> None:
    text = "escalation_policies: [{action_type: a, autonomy: full, spot_check_rate: 0.05, blind_share: 0.5}]"
    policy = compile_text(text)
    routes = [route(policy, action="a", draw=number / 10_000) for number in range(10_000)]
    assert sum(found.spot_check for found in routes) == 500
    assert {found.spot_check_rate for found in routes} == {0.05}
    assert 240 <= sum(found.blind for found in routes) <= 260
    assert all(found.tier == "auto_approve" and found.reviewers == 0 for found in routes)


def test_route_schedule_raises_outside_its_hours() -> None:
    text = """
escalation_policies: [{action_type: a, autonomy: full}]
schedules:
  - {id: office, days: [mon, tue, wed, thu, fri], hours: "09:00-18:00", timezone: Asia/Kolkata, outside: soft_review}
"""
    policy = compile_text(text)
    hour = 3_600_000_000
    # NOW is Wednesday 03:43 in Kolkata
    assert route(policy, action="a").tier == "soft_review"
    assert route(policy, action="a", now=NOW + 6 * hour).tier == "auto_approve"
    assert route(policy, action="a", now=NOW + 15 * hour).tier == "soft_review"
    assert route(policy, action="a", now=NOW + (72 + 6) * hour).tier == "soft_review"  # Saturday
    night = compile_text(text.replace("09:00-18:00", "22:00-06:00"))
    assert route(night, action="a").tier == "auto_approve"  # the night of Tuesday
    assert route(night, action="a", now=NOW + 6 * hour).tier == "soft_review"
    assert route(night, action="a", now=NOW + 72 * hour).tier == "auto_approve"  # Saturday 03:43: Friday's night
    assert route(night, action="a", now=NOW + 96 * hour).tier == "soft_review"  # Sunday 03:43: Saturday's


roles = st.lists(st.sampled_from(["finance", "legal", "lead", "ops"]), unique=True, max_size=3)
stage = st.fixed_dictionaries({"any_of": roles.filter(bool), "reviewers": st.integers(1, 2)})
terms = st.fixed_dictionaries(
    {},
    optional={
        "tier": st.sampled_from(["auto_approve", "soft_review", "hard_gate", "deny"]),
        "roles": roles,
        "reviewers": st.integers(1, 4),
        "stages": st.lists(stage, min_size=1, max_size=2),
        "deadline_seconds": st.integers(1, 100_000),
        "on_expiry": st.sampled_from(["reject", "escalate", "hold", "unsafe_approve"]),
        "verdicts": st.lists(st.sampled_from(VERDICTS), unique=True, min_size=1),
        "blind_share": st.sampled_from([0.0, 0.3, 1.0]),
        "spot_check_rate": st.sampled_from([0.0, 0.1, 1.0]),
        "undo_seconds": st.sampled_from([0.0, 7.0, 120.0]),
        "always_review": st.booleans(),
        "irreversible": st.booleans(),
        "queue": st.sampled_from(["a", "b", "c"]),
        "skills": st.lists(st.sampled_from(["hindi", "sql"]), unique=True),
    },
)
conditions = st.sampled_from(
    [
        None,
        "confidence > 0.7",
        "arguments.x > 5",
        "amount > 100.0",
        "'b' in categories",
        "principal == 'ann'",
        "has(arguments.x)",
    ]
)


@st.composite
def rule_lists(draw: st.DrawFn) -> list[dict[str, Any]]:
    made = []
    for number in range(draw(st.integers(1, 5))):
        rule: dict[str, Any] = {"id": f"r{number}", "route": draw(terms.filter(bool))}
        if (when := draw(conditions)) is not None:
            rule["when"] = when
        if draw(st.booleans()):
            rule["actions"] = [draw(st.sampled_from(["pay", "post", "other"]))]
        made.append(rule)
    return made


proposals = st.builds(
    Proposal,
    action=st.sampled_from(["pay", "post", "other"]),
    confidence=st.one_of(st.none(), st.floats(0, 1), st.just(float("nan"))),
    arguments=st.sampled_from([{}, {"x": 3}, {"x": 9}, {"x": "text"}]),
    amount=st.sampled_from([None, "50", "500", "x"]),
    currency=st.just("INR"),
    categories=st.sampled_from([(), ("b",)]),
    principal=st.sampled_from([None, "ann"]),
)


@settings(max_examples=300, deadline=None)
@given(rule_lists(), proposals, st.floats(0, 0.999), st.randoms(use_true_random=False))
def test_route_with_rules_in_another_order_is_the_same_route(
    rules: list[dict[str, Any]], proposal: Proposal, draw: float, random: Any
) -> None:
    shuffled = rules[:]
    random.shuffle(shuffled)
    first, second = (policy_with(order).route(proposal, now=NOW, draw=draw) for order in (rules, shuffled))
    different = [name for name in first.__slots__ if name != "policy" and getattr(first, name) != getattr(second, name)]
    assert different == []


@settings(max_examples=400, deadline=None)
@given(rule_lists(), proposals, st.floats(0, 0.999))
def test_route_with_one_more_rule_is_at_least_as_strict(
    rules: list[dict[str, Any]], proposal: Proposal, draw: float
) -> None:
    before = policy_with(rules[:-1]).route(proposal, now=NOW, draw=draw)
    after = policy_with(rules).route(proposal, now=NOW, draw=draw)
    assert loosened(before, after) == []


@settings(max_examples=200, deadline=None)
@given(rule_lists(), rule_lists(), proposals, st.floats(0, 0.999))
def test_tighter_of_two_policies_is_at_least_as_strict_as_each(
    first_rules: list[dict[str, Any]], second_rules: list[dict[str, Any]], proposal: Proposal, draw: float
) -> None:
    first = policy_with(first_rules).route(proposal, now=NOW, draw=draw)
    second = policy_with(second_rules).route(proposal, now=NOW, draw=draw)
    for one, other in itertools.permutations((first, second)):
        assert loosened(first, tighter(one, other)) == []
        assert loosened(second, tighter(one, other)) == []


def test_route_always_review_of_an_action_or_rule_means_a_person_looks() -> None:
    found = route("escalation_policies: [{action_type: a, autonomy: full, always_review: true}]", action="a")
    assert (found.tier, found.always_review) == ("soft_review", True)
    found = route(policy_with([{"id": "r", "route": {"always_review": True}}]), action="pay", confidence=0.99)
    assert (found.tier, found.always_review) == ("soft_review", True)


def test_route_high_stakes_of_an_action_takes_more_reviewers_and_only_where_people_look() -> None:
    text = "escalation_policies: [{action_type: a, auto_approve_threshold: 0.9, high_stakes: true}]"
    assert route(text, action="a", confidence=0.1).reviewers == 2
    assert route(text, action="a", confidence=0.95).reviewers == 0


@pytest.mark.parametrize(
    ("confidence", "said"),
    [
        (0.8300000001, "confidence 0.83 is at or above 0.5, below 0.9"),
        (0.4999999, "confidence 0.4999999 is below 0.5"),
        (0.91234567, "confidence 0.912 is at or above 0.9"),
    ],
)
def test_reason_rounds_a_confidence_and_keeps_it_on_its_side_of_the_limit(confidence: float, said: str) -> None:
    found = route(policy_with([]), action="pay", confidence=confidence)
    assert said in [reason.text for reason in found.reasons]


def test_reason_names_what_is_wrong_with_arguments_without_words_of_json_schema() -> None:
    schema = {"properties": {"fee": {"anyOf": [{"type": "number"}, {"type": "string", "pattern": "^[0-9]+$"}]}}}
    entry = {"action_type": "pay", "autonomy": "full", "schema": schema}
    found = route(compile_text(json.dumps({"escalation_policies": [entry]})), action="pay", arguments={"fee": "x"})
    (text,) = [reason.text for reason in found.reasons if reason.code == "arguments_malformed"]
    assert text == "arguments/fee does not fit the action's schema: it has none of the forms allowed"
