"""The familiar short form: loads as it stands, and every field of it has its effect."""

from __future__ import annotations

import math
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.errors import InvalidPolicy
from handrail.names import folded
from handrail.policy.columns import route_many
from handrail.policy.evaluate import compile_text

from .examples import NOW, SHORT, codes, route

POLICY = compile_text(SHORT)
PAY = {"action": "payment_transfer", "currency": "INR"}


@pytest.mark.parametrize(
    ("confidence", "amount", "tier", "reviewers"),
    [
        (0.97, "5000", "auto_approve", 0),
        (0.97, "10000", "auto_approve", 0),
        (0.97, "10000.01", "hard_gate", 1),
        (0.97, "500000", "hard_gate", 1),
        (0.97, "500000.00", "hard_gate", 1),
        (0.97, "500001", "hard_gate", 2),
        (0.55, "2000", "hard_gate", 1),
        (0.85, "2000", "soft_review", 1),
        (0.95, "1", "auto_approve", 0),
        (0.80, "1", "soft_review", 1),
        (math.nextafter(0.95, 0), "1", "soft_review", 1),
        (math.nextafter(0.80, 0), "1", "hard_gate", 1),
    ],
)
def test_route_payment_by_confidence_and_amount_takes_the_stated_tier(
    confidence: float, amount: str, tier: str, reviewers: int
) -> None:
    found = route(POLICY, confidence=confidence, amount=amount, **PAY)
    assert (found.tier, found.reviewers, found.deadline_seconds) == (tier, reviewers, 30)


def test_route_content_with_listed_category_is_always_seen_by_a_person() -> None:
    found = route(POLICY, action="content_publish", confidence=0.99, categories=("self_harm",))
    assert (found.tier, found.always_review, found.deadline_seconds) == ("soft_review", True, 300)
    assert route(POLICY, action="content_publish", confidence=0.99, categories=("cooking",)).tier == "auto_approve"
    low = route(POLICY, action="content_publish", confidence=0.1, categories=("self_harm",))
    assert (low.tier, low.always_review) == ("hard_gate", True)


@pytest.mark.parametrize("category", ["Self_Harm", "self-harm", " SELF HARM "])
def test_route_category_in_another_spelling_is_still_listed(category: str) -> None:
    assert route(POLICY, action="content_publish", confidence=0.99, categories=(category,)).always_review


@pytest.mark.parametrize("key", ["tool", "name", "tool_name"])
@pytest.mark.parametrize(
    "tool",
    [
        "send_email",
        "Send-Email",
        "gmail.send_email",
        "mcp__mail__send_email",
        "mail/api_post",
        "send_email\u200b",
        "send\u00ad_email",
        "send_\U000e0001email",
        "\u200f send_email",
        "send\ufe0f_email",
        "send\x00_email",
        "\uff53end_email",
        "gmail\uff0esend_email",
        "s\u034fend_email",
    ],
)
def test_route_irreversible_tool_is_always_gated(key: str, tool: str) -> None:
    found = route(POLICY, action="agent_tool_call", confidence=0.999, arguments={key: tool})
    assert (found.tier, found.irreversible, found.deadline_seconds) == ("hard_gate", True, 60)
    assert "irreversible" in codes(found)


@pytest.mark.parametrize("tool", ["\u200b", "\u2060\ufeff", " \u3164"])
def test_route_tool_of_invisible_characters_alone_is_no_name(tool: str) -> None:
    found = route(POLICY, action="agent_tool_call", confidence=0.999, arguments={"tool": tool})
    assert (found.tier, codes(found) & {"tool_malformed"}) == ("hard_gate", {"tool_malformed"})


@given(st.text())
def test_names_that_were_one_by_case_stay_one(name: str) -> None:
    assert folded(name) == folded(name.strip().casefold()) == folded(folded(name)) == folded(f"\u200b {name}\u2060")


def test_route_harmless_tool_goes_by_confidence() -> None:
    call = {"action": "agent_tool_call", "arguments": {"tool": "search"}}
    assert route(POLICY, confidence=0.98, **call).tier == "auto_approve"
    assert route(POLICY, confidence=0.9, **call).tier == "soft_review"
    assert route(POLICY, confidence=0.5, **call).tier == "hard_gate"


@pytest.mark.parametrize("arguments", [{}, {"tool": ""}, {"tool": 7}, {"tool": ["search"]}, None, [], "search"])
def test_route_tool_call_without_a_readable_tool_is_gated(arguments: object) -> None:
    assert route(POLICY, action="agent_tool_call", confidence=0.999, arguments=arguments).tier == "hard_gate"


def test_route_action_that_is_itself_listed_is_gated_and_irreversible() -> None:
    text = SHORT.replace(
        "escalation_policies:\n",
        "escalation_policies:\n  - {action_type: database_delete, auto_approve_threshold: 0.5}\n",
    )
    found = route(text, action="database_delete", confidence=1.0)
    assert (found.tier, found.irreversible) == ("hard_gate", True)


def test_route_unknown_action_is_gated() -> None:
    found = route(POLICY, action="launch_rocket", confidence=1.0)
    assert (found.tier, found.reviewers, codes(found)) == ("hard_gate", 1, {"unknown_action"})
    assert route(POLICY, action="Payment_Transfer", confidence=1.0, amount="1", currency="INR").tier == "hard_gate"


@pytest.mark.parametrize(
    "confidence", [math.nan, math.inf, -math.inf, 1.7, -0.1, math.nextafter(1, 2), None, True, "0.99", 10**400]
)
@pytest.mark.parametrize("action", ["payment_transfer", "content_publish", "agent_tool_call"])
def test_route_unusable_confidence_is_gated(action: str, confidence: object) -> None:
    found = route(
        POLICY, action=action, confidence=confidence, amount="1", currency="INR", arguments={"tool": "search"}
    )
    assert found.tier == "hard_gate"
    assert codes(found) <= {"confidence_malformed", "confidence_missing"}


def test_load_audit_log_nested_below_feedback_routes_the_same() -> None:
    nested = SHORT.replace(
        "store: redis}\naudit_log: immutable_append_only", "store: redis, audit_log: immutable_append_only}"
    )
    assert nested != SHORT
    policy = compile_text(nested)
    assert policy.audit_log == POLICY.audit_log == "immutable_append_only"
    assert route(policy, confidence=0.97, amount="5000", **PAY).tier == "auto_approve"


@pytest.mark.parametrize("text", [SHORT.replace("audit_log: immutable_append_only", "audit_log: off_please")])
def test_load_another_audit_log_is_refused(text: str) -> None:
    with pytest.raises(InvalidPolicy, match="audit_log"):
        compile_text(text)


def test_load_settings_are_exposed_as_written() -> None:
    settings, feedback = POLICY.review_settings, POLICY.feedback
    assert (settings.max_queue_depth, settings.reviewer_session_limit_minutes) == (500, 120)
    assert (settings.min_reviewers_per_task, settings.high_stakes_min_reviewers) == (1, 2)
    assert settings.inter_rater_agreement_threshold == 0.80
    assert (feedback.batch_size, feedback.retrain_trigger, feedback.store) == (256, 1000, "redis")
    assert feedback.min_agreement_for_training == 0.85


def test_load_digest_is_that_of_the_text() -> None:
    assert POLICY.digest == sha256(SHORT.encode()).hexdigest()
    assert route(POLICY, confidence=1.0, amount="1", **PAY).policy == POLICY.digest
    assert compile_text(SHORT + "# later\n").digest != POLICY.digest


def test_route_reviewer_numbers_come_from_review_settings() -> None:
    text = SHORT.replace("min_reviewers_per_task: 1", "min_reviewers_per_task: 3").replace(
        "high_stakes_min_reviewers: 2", "high_stakes_min_reviewers: 4"
    )
    assert route(text, confidence=0.85, amount="1", **PAY).reviewers == 3
    assert route(text, confidence=0.97, amount="500001", **PAY).reviewers == 4


def test_route_audit_flag_reaches_the_route() -> None:
    assert route(SHORT.replace("audit: true", "audit: false"), confidence=1.0, amount="1", **PAY).audit is False
    assert route(POLICY, confidence=1.0, amount="1", **PAY).audit is True


def test_route_without_sla_takes_the_default_deadlines() -> None:
    text = "escalation_policies: [{action_type: a, auto_approve_threshold: 0.9, soft_review_threshold: 0.5}]"
    assert route(text, action="a", confidence=0.6).deadline_seconds == 86_400
    assert route(text, action="a", confidence=0.1).deadline_seconds == 900
    assert route(text, action="a", confidence=0.95).deadline_seconds is None


def test_route_undo_window_depends_on_tier_and_never_outlasts_the_deadline() -> None:
    assert route(POLICY, confidence=0.85, amount="1", **PAY).undo_seconds == 5
    assert route(POLICY, confidence=0.1, amount="1", **PAY).undo_seconds == 10
    short = SHORT.replace("sla_seconds: 30", "sla_seconds: 3")
    assert route(short, confidence=0.1, amount="1", **PAY).undo_seconds == 3


@pytest.mark.parametrize(
    ("written", "read"),
    [("every_50_labels", 50), ("every_7_reviews", 7), ("12", 12), ("manual", None), ("never", None)],
)
def test_load_retrain_trigger_is_read_as_a_number(written: str, read: int | None) -> None:
    assert compile_text(SHORT.replace("every_1000_annotations", written)).feedback.retrain_trigger == read


@pytest.mark.parametrize("arguments", [{"category": "self_harm"}, {"categories": ["news", "self_harm"]}])
def test_route_category_given_as_an_argument_is_looked_at_too(arguments: dict[str, object]) -> None:
    found = route(POLICY, action="content_publish", confidence=0.99, arguments=arguments)
    assert found.tier == "soft_review"
    assert found.always_review


def test_route_stated_confidence_where_the_policy_refuses_it_goes_to_a_person_until_a_calibrator_is_named() -> None:
    strict = SHORT + "defaults: {stated_confidence: refuse}\n"
    found = route(compile_text(strict), confidence=0.97, amount="5000", **PAY)
    assert (found.tier, codes(found)) == ("hard_gate", {"confidence_stated"})
    named = strict.replace("action_type: payment_transfer\n", "action_type: payment_transfer\n    calibrator: pay\n")
    assert named != strict
    # what comes to the router is then what the calibrator made
    assert route(compile_text(named), confidence=0.97, amount="5000", **PAY).tier == "auto_approve"
    columns = {"action": ["payment_transfer"], "confidence": [0.97], "amount": ["5000"], "currency": ["INR"]}
    for text, tier in ((SHORT, 0), (strict, 2), (named, 0)):
        assert route_many(compile_text(text), columns, now=NOW).tiers.tolist() == [tier]
