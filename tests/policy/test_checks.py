"""Two streams of checks from one draw: told apart, never both, and the uniform one never stops."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.policy.evaluate import compile_text
from handrail.policy.facts import Facts, Watched
from handrail.policy.monitoring import wanted
from handrail.proposal import Proposal
from handrail.route import Reason, Route

POLICY = compile_text("""
escalation_policies:
  - {action_type: a, auto_approve_threshold: 0.9, spot_check_rate: 0.02, weighted_check_rate: 0.05, undo: b}
  - {action_type: b, autonomy: full}
""")
SURE = Proposal(action="a", arguments={}, confidence=0.95)
ALARM = Reason(code="alarm:error", text="An alarm stands.", tier="hard_gate")


def route(draw: float, **watched: object) -> Route:
    return POLICY.route(SURE, Facts(watched=Watched(**watched)), now=0, draw=draw)  # type: ignore[arg-type]


def test_each_stream_is_drawn_with_the_chance_it_reports() -> None:
    routes = [route((i + 0.5) / 10_000, doubt=2.0) for i in range(10_000)]
    uniform = [r for r in routes if r.stream == "uniform"]
    weighted = [r for r in routes if r.stream == "weighted"]
    assert (len(uniform), len(weighted)) == (200, 1000)
    assert {r.spot_check_rate for r in uniform} == {0.02}
    assert {r.spot_check_rate for r in weighted} == {0.1}
    assert {round(r.inclusion, 12) for r in routes} == {0.12}
    assert all(r.spot_check == (r.stream is not None) for r in routes)


@settings(max_examples=200, deadline=None)
@given(st.floats(0, 0.999999), st.floats(0.2, 50))
def test_the_same_draw_gives_the_same_route_and_doubt_never_costs_a_uniform_check(draw: float, doubt: float) -> None:
    assert route(draw, doubt=doubt) == route(draw, doubt=doubt)
    assert (route(draw, doubt=doubt).stream == "uniform") == (draw < 0.02)


def test_stale_calibrator_doubles_the_uniform_checks() -> None:
    assert route(0.03).stream == "weighted"
    stale = route(0.03, stale="fitted 40 days ago")
    assert (stale.stream, stale.spot_check_rate) == ("uniform", 0.04)


def test_alarm_raises_says_why_and_makes_each_case_evidence() -> None:
    raised = route(0.5, alarms=(ALARM,))
    assert (raised.tier, raised.stream, raised.spot_check, raised.spot_check_rate) == (
        "hard_gate",
        "uniform",
        False,
        1.0,
    )
    assert "An alarm stands." in [reason.text for reason in raised.reasons]
    doubtful = POLICY.route(
        Proposal(action="a", arguments={}, confidence=0.5), Facts(watched=Watched(alarms=(ALARM,))), now=0, draw=0.5
    )
    assert doubtful.stream is None


def test_every_checked_action_is_watched_and_levels_are_shared() -> None:
    assert [(one.action, one.kind) for one in wanted(POLICY.document)] == [
        ("a", "error"), ("a", "weighted_error"), ("a", "overconfidence"), ("a", "underconfidence"),
    ]  # fmt: skip
    assert wanted(POLICY.document)[0].terms == {"limit": 0.1}
    off = compile_text(POLICY.text + "monitors: {enabled: false}\n")
    assert wanted(off.document) == []
