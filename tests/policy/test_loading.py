"""Mistakes in a policy: each is named with file, line, field and remedy, all of them at once."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.errors import InvalidPolicy
from handrail.policy.advice import advice
from handrail.policy.defaults import DEFAULT_POLICY
from handrail.policy.differences import differences
from handrail.policy.evaluate import compile_text
from handrail.policy.schema import json_schema

from .examples import NOW, SHORT, route

ONE = "escalation_policies:\n  - action_type: a\n"


def problems(text: str) -> list[dict[str, Any]]:
    with pytest.raises(InvalidPolicy) as caught:
        compile_text(text, source="pay.yaml")
    found: list[dict[str, Any]] = caught.value.context["problems"]
    assert all(problem["remedy"] and problem["message"] for problem in found)
    assert str(caught.value).startswith("pay.yaml:")
    return found


def _refusal(text: str) -> list[dict[str, Any]] | None:
    """The mistakes; None when the text is a policy. Any other error fails the test."""
    try:
        compile_text(text)
    except InvalidPolicy as error:
        found: list[dict[str, Any]] = error.context["problems"]
        return found
    return None


@pytest.mark.parametrize(
    ("text", "line", "field", "said"),
    [
        (
            ONE + "    auto_approve_treshold: 0.9",
            3,
            "escalation_policies[0].auto_approve_treshold",
            "auto_approve_threshold?",
        ),
        (
            ONE + "    max_auto_approve_amount_irn: 5",
            3,
            "escalation_policies[0].max_auto_approve_amount_irn",
            "ISO 4217",
        ),
        (
            ONE + "    max_auto_approve_amount_inr: -5",
            3,
            "escalation_policies[0].max_auto_approve_amount_inr",
            "from 0",
        ),
        (
            ONE + "    max_auto_approve_amount_inr: .inf",
            3,
            "escalation_policies[0].max_auto_approve_amount_inr",
            "number",
        ),
        (ONE + "    sla_seconds: 99999999999999999999", 3, "escalation_policies[0].sla_seconds", "3650d"),
        (ONE + "    sla_seconds: 3651d", 3, "escalation_policies[0].sla_seconds", "3650d"),
        (
            ONE + "budgets:\n  - {id: b, actions: [a], per: [action], within: 9999999999999, max_count: 3}",
            4,
            "budgets[0].within",
            "3650d",
        ),
        (
            ONE + "budgets:\n  - {id: b, actions: [a], per: [action], max_count: 3000000000}",
            4,
            "budgets[0].max_count",
            "1000000000",
        ),
        (
            ONE + "budgets:\n  - {id: b, actions: [a], per: [action], max_prompts: 3000000000}",
            4,
            "budgets[0].max_prompts",
            "1000000000",
        ),
        (
            ONE + "rules: [{id: r, route: {deadline_seconds: 9999999w}}]",
            3,
            "rules[0].route.deadline_seconds",
            "3650d",
        ),
        (ONE + "windows: [{name: w, by: [run], within: 9999999d}]", 3, "windows[0].within", "3650d"),
        (ONE + "grants: [{id: g, action: a, expires: 9999-12-31T23:00:00-10:00}]", 3, "grants[0].expires", "9998"),
        (ONE + "defaults: {hard_gate_deadline_seconds: 9999999d}", 3, "defaults.hard_gate_deadline_seconds", "3650d"),
        (ONE + "review_settings: {max_queue_depth: 9999999999}", 3, "review_settings.max_queue_depth", "1000000000"),
        (
            ONE + "review_settings: {reviewer_session_limit_minutes: 9999999999}",
            3,
            "review_settings.reviewer_session_limit_minutes",
            "5256000",
        ),
        (ONE + "review_settings: {gold_views: 9999999999}", 3, "review_settings.gold_views", "1000000000"),
        (ONE + "feedback_pipeline: {batch_size: 9999999999}", 3, "feedback_pipeline.batch_size", "1000000000"),
        (
            ONE + "feedback_pipeline: {retrain_trigger: 9999999999}",
            3,
            "feedback_pipeline.retrain_trigger",
            "1000000000",
        ),
        (ONE + "    auto_approve_threshold: 1.5", 3, "escalation_policies[0].auto_approve_threshold", "1.5"),
        (ONE + "    auto_approve_threshold: .nan", 3, "escalation_policies[0].auto_approve_threshold", "plain number"),
        (
            ONE + '    auto_approve_threshold: "0.9"',
            3,
            "escalation_policies[0].auto_approve_threshold",
            "quotation marks",
        ),
        (ONE + "    auto_approve_threshold: true", 3, "escalation_policies[0].auto_approve_threshold", "number"),
        (ONE + "    sla_seconds: 0", 3, "escalation_policies[0].sla_seconds", "length of time"),
        (ONE + "    sla_seconds: 010", 3, "escalation_policies[0].sla_seconds", "different numbers"),
        (ONE + "    sla_seconds: 1_000", 3, "escalation_policies[0].sla_seconds", "different numbers"),
        (ONE + "    auto_approve_threshold: 9e-1", 3, "escalation_policies[0].auto_approve_threshold", "plain digits"),
        (ONE + "capacity: {reviews_per_day: 1e-300}", 3, "capacity.reviews_per_day", "a number to some programs"),
        (ONE + "capacity: {reviews_per_day: 1.0e-300}", 3, "capacity.reviews_per_day", "Use a value in range"),
        (ONE + "capacity: {reviews_per_day: 0}", 3, "capacity.reviews_per_day", "0.01"),
        (ONE + "capacity: {reviews_per_day: 5, most_times: 1}", 3, "capacity.most_times", "Use a value in range"),
        (ONE + "    sla_seconds: 1:30", 3, "escalation_policies[0].sla_seconds", "different numbers"),
        (ONE + "    autonomy: ful", 3, "escalation_policies[0].autonomy", "Did you mean full?"),
        (ONE + "    on_expiry: approve", 3, "escalation_policies[0].on_expiry", "unsafe_approve"),
        (ONE + "    audit: maybe", 3, "escalation_policies[0].audit", "true or false"),
        (ONE + "    categories_always_review: hate", 3, "escalation_policies[0].categories_always_review", "list"),
        (ONE + "    undo: a", 3, "escalation_policies[0].undo", "own undo"),
        (ONE + "    schema: {type: nonsense}", 3, "escalation_policies[0].schema", "not a JSON Schema"),
        (
            ONE + "    auto_approve_threshold: 0.5\n    soft_review_threshold: 0.6",
            4,
            "escalation_policies[0].soft_review_threshold",
            "never be reached",
        ),
        (ONE + "    sla_seconds: 3\n    sla_seconds: 4", 4, "escalation_policies[0].sla_seconds", "first on line 3"),
        (ONE + "  - action_type: a", 3, "escalation_policies[1].action_type", "first on line 2"),
        ("escalation_policies:\n  - sla_seconds: 3", 2, "escalation_policies[0].action_type", "Add the field"),
        (ONE + "escalation_polices: []", 3, "escalation_polices", "Did you mean escalation_policies?"),
        (ONE + "review_settings:\n  min_reviewers_per_task: 0", 4, "review_settings.min_reviewers_per_task", "range"),
        (
            ONE + "review_settings:\n  min_reviewers_per_task: 3",
            3,
            "review_settings.high_stakes_min_reviewers",
            "below",
        ),
        (
            ONE + "feedback_pipeline:\n  retrain_trigger: often",
            4,
            "feedback_pipeline.retrain_trigger",
            "every_<number>",
        ),
        (ONE + "audit_log: none", 3, "audit_log", "immutable_append_only"),
        (ONE + "rules:\n  - id: r\n    route: {}", 5, "rules[0].route", "asks for nothing"),
        (
            ONE + "rules:\n  - id: r\n    when: amount > 'x'\n    route: {deny: true}",
            5,
            "rules[0].when",
            "cannot order",
        ),
        (ONE + "rules:\n  - id: r\n    route: {teir: deny}", 5, "rules[0].route.teir", "Did you mean tier?"),
        (
            ONE + "rules:\n  - id: r\n    route: {deny: true, tier: soft_review}",
            5,
            "rules[0].route.tier",
            "contradicts",
        ),
        (ONE + "rules:\n  - {id: r, route: {deny: true}}\n  - {id: r, route: {deny: true}}", 5, "rules[1].id", "twice"),
        (ONE + "budgets:\n  - {id: b, per: [run]}", 4, "budgets[0]", "limits nothing"),
        (ONE + "budgets:\n  - {id: b, per: [rnu], max_count: 1}", 4, "budgets[0].per[0]", "Did you mean run?"),
        (ONE + "grants:\n  - {id: g, action: b, expires: 2030-01-01}", 4, "grants[0].action", "not declared"),
        (ONE + "grants:\n  - {id: g, action: a}", 4, "grants[0].expires", "Add the field"),
        (ONE + "grants:\n  - {id: g, action: a, expires: soon}", 4, "grants[0].expires", "moment"),
        (
            ONE + "grants:\n  - {id: g, action: a, expires: 2030-01-01, lifts: [rule:x]}",
            4,
            "grants[0].lifts",
            "cannot be lifted",
        ),
        (ONE + "schedules:\n  - {id: s, timezone: Mars/Base}", 4, "schedules[0].timezone", "IANA"),
        (ONE + "schedules:\n  - {id: s, hours: 9-18}", 4, "schedules[0].hours", "times of day"),
        (ONE + "    description: &x text", 3, "escalation_policies[0].description", "anchors"),
        (ONE + "    description: !!python/name:os.system x", 3, "escalation_policies[0].description", "tag"),
        (ONE + "    <<: {sla_seconds: 3}", 3, "escalation_policies[0]", "merge keys"),
        (ONE + "---\nname: b", 3, "", "second document"),
        (ONE + "\tname: b", 3, "", "not YAML"),
        (ONE + "name: \x07", 3, "", "character"),
        ("- a\n- b", 1, "", "set of fields"),
        ("", 1, "", "empty"),
        ("# only a comment\n", 1, "", "empty"),
        ("a: " + "[" * 60 + "]" * 60, 1, "a" + "[0]" * 40, "nested deeper"),
        ("name: " + "x" * 1_100_000, 1, "", "larger than"),
    ],
)
def test_load_mistake_names_line_field_and_remedy(text: str, line: int, field: str, said: str) -> None:
    (found, *others) = problems(text)
    assert others == []
    assert (found["source"], found["line"], found["field"]) == ("pay.yaml", line, field)
    assert said in f"{found['message']}. {found['remedy']}"


def test_load_several_mistakes_names_them_all_in_order() -> None:
    found = problems(ONE + "    sla_seconds: x\n    autonomy: y\nrules: 5\nfoo: 1")
    assert [problem["line"] for problem in found] == [3, 4, 5, 6]


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_load_any_text_is_a_policy_or_an_invalid_one(text: str) -> None:
    found = _refusal(text)
    assert found is None or all(problem["message"] and problem["remedy"] for problem in found)
    assert found != []


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(SHORT) - 1), st.sampled_from(list("\n :-{}[]&*!|>%@`\"'#,\t0x\x00é")))
def test_load_short_form_with_one_character_changed_never_fails_otherwise(place: int, character: str) -> None:
    found = _refusal(SHORT[:place] + character + SHORT[place + 1 :])
    assert found is None or all(1 <= problem["line"] <= SHORT.count("\n") + 2 for problem in found)


def test_default_policy_loads_and_gates_everything() -> None:
    policy = compile_text(DEFAULT_POLICY)
    assert policy.name == "default"
    assert route(policy, action="anything", confidence=1.0).tier == "hard_gate"
    assert route(policy, action="anything", confidence=1.0).deadline_seconds == 900


FULL = """
name: everything
default_currency: EUR
escalation_policies:
  - action_type: pay
    description: money leaves
    auto_approve_threshold: 0.9
    max_auto_approve_amount_eur: "100.50"
    tool_class: idempotent
    undo: unpay
    schema: {type: object}
    calibrator: platt-1
    cost: {review: 3.5}
    stages: [{any_of: [lead]}, {all_of: [finance, legal]}]
windows: [{name: day, by: [principal], within: 1d}]
rules: [{id: r, actions: [pay], when: sum.day > 5.0, route: {tier: hard_gate, deadline_seconds: 5m}}]
budgets: [{id: b, per: [run], max_prompts: 3, max_amount_eur: 5}]
schedules: [{id: s, hours: "22:00-06:00", timezone: Europe/Berlin}]
grants: [{id: g, action: pay, expires: 2030-01-01T00:00:00Z, lifts: [amount, "rule:r"]}]
defaults: {on_expiry: hold, spot_check_rate: 0.01}
cost: {currency: EUR, review: 2, wrong: 500}
"""


@pytest.mark.parametrize("text", [SHORT, FULL, DEFAULT_POLICY])
def test_schema_accepts_what_loads(text: str) -> None:
    compile_text(text)
    loaded = yaml.load(text, Loader=yaml.BaseLoader) if "expires" in text else yaml.safe_load(text)
    if "expires" in text:  # dates are text to an editor
        loaded = json.loads(json.dumps(yaml.safe_load(text), default=str))
    jsonschema.Draft202012Validator(json_schema()).validate(loaded)


@pytest.mark.parametrize(
    "changed",
    [
        {"escalation_policies": [{"action_type": "a", "auto_approve_treshold": 1}]},
        {"escalation_policies": [{"action_type": "a", "max_auto_approve_amount": 1}]},
        {"escalation_policies": [{"action_type": "a", "autonomy": "ful"}]},
        {"rules": [{"id": "r"}]},
        {"foo": 1},
    ],
)
def test_schema_refuses_what_does_not_load(changed: dict[str, Any]) -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert not jsonschema.Draft202012Validator(schema).is_valid(changed)
    with pytest.raises(InvalidPolicy):
        compile_text(json.dumps(changed))


def test_action_declarations_are_exposed() -> None:
    entry = compile_text(FULL).action("pay")
    assert entry is not None
    assert (entry.tool_class, entry.undo, entry.calibrator, entry.arguments_schema) == (
        "idempotent", "unpay", "platt-1", {"type": "object"},
    )  # fmt: skip
    assert compile_text(FULL).action("other") is None


def test_differences_say_what_loosens() -> None:
    changed = SHORT.replace("auto_approve_threshold: 0.95", "auto_approve_threshold: 0.90").replace(
        "inr: 10000 ", "inr: 5000 "
    ).replace("[hate_speech, self_harm, child_safety]", "[hate_speech, self_harm]")  # fmt: skip
    found = {
        one.field: one.direction for one in differences(compile_text(SHORT).document, compile_text(changed).document)
    }
    assert found == {
        "escalation_policies.payment_transfer.auto_approve_threshold": "looser",
        "escalation_policies.payment_transfer.max_auto_approve_amount.INR": "tighter",
        "escalation_policies.content_publish.categories_always_review": "looser",
    }
    assert differences(compile_text(SHORT).document, compile_text(SHORT + "# note").document) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: x", "no action is declared"),
        (ONE, "neither threshold nor autonomy"),
        (ONE + "    autonomy: confirm\n    auto_approve_threshold: 0.5", "change nothing"),
        (ONE + "    on_expiry: unsafe_approve", "unsafe_approve"),
        (ONE + "rules: [{id: r, route: {on_expiry: hold}}]", "never wins"),
        (ONE + "    sla_seconds: 5\nrules: [{id: r, actions: [a], route: {deadline_seconds: 9}}]", "never shorter"),
        (ONE + "rules: [{id: r, actions: [b], route: {deny: true}}]", "names b"),
        (ONE + "rules: [{id: r, when: amount > 3.0, route: {deny: true}}]", "cannot be judged, and denies"),
        (ONE + "grants: [{id: g, action: a, expires: 2020-01-01}]", "has expired"),
        (ONE + "windows: [{name: w, by: [run], within: 1h}]", "read by no rule"),
        (ONE + "feedback_pipeline: {batch_size: 64, retrain_trigger: 10}", "so every 10 means every 64"),
        (ONE + "feedback_pipeline: {store: kafka}", "kept in handrail's own database"),
    ],
)
def test_advice_names_what_does_nothing(text: str, said: str) -> None:
    assert any(said in note for note in advice(compile_text(text), now=NOW))


def test_advice_on_the_short_form_says_whose_word_it_takes_and_where_labels_are_kept() -> None:
    believed, kept = advice(compile_text(SHORT), now=NOW)
    assert "states of itself is believed for payment_transfer" in believed
    assert kept.startswith("feedback_pipeline.store redis: labels and batches are kept in handrail's own database")
    strict = SHORT.replace("store: redis", "store: database") + "defaults: {stated_confidence: refuse}\n"
    assert advice(compile_text(strict), now=NOW) == []
