"""Autonomy that is earned and taken back, on both engines, through the real plane."""

from __future__ import annotations

import threading

import pytest

from handrail.clock import SECOND
from handrail.errors import Conflict, Forbidden, HandrailError, InvalidInput, NotEnoughEvidence
from handrail.lifecycle import access, cells, grant, judging, rows, submit
from handrail.proposal import Proposal
from handrail.store.golds import BURST
from handrail.testing.factories import person
from tests.growth.scene import OPERATOR, POLICY, Scene

DAY = 86_400


def test_a_cell_with_enough_clean_cases_is_proposed_and_accepted_and_its_routes_change(scene: Scene) -> None:
    id = scene.earn()
    assert scene.ask().status == "open"
    (proposed,) = scene.shown()["promotions"]
    assert (proposed["n"], proposed["misses"], proposed["tier"]) == (90, 0, "auto_approve")
    assert proposed["bound"] <= proposed["limit"] == 0.05
    assert proposed["evidence"] >= 40
    assert proposed["back_test"]["passed"] == proposed["back_test"]["of"] == 90
    assert proposed["saving"]["misses_at_most"] > 0
    assert "money" in proposed["saving"]

    granted = scene.accept(scene.lea, id)
    made = scene.ask()
    assert (made.status, made.tier) == ("decided", "auto_approve")
    (why,) = [reason.text for reason in made.reasons if reason.code == f"grant:{granted}"]
    assert "earned: 90 of 90 right" in why
    # the other cell, and what no cell holds, go on asking
    assert scene.ask("us").status == "open"
    assert scene.ask("africa").status == "open"
    assert scene.ask(amount="5", currency="EUR").status == "open"
    assert scene.rig.problems() == []


def test_a_promotion_needs_a_person_who_is_a_lead_and_not_who_proposed_or_judged_it(scene: Scene) -> None:
    scene.check_on_golds(scene.ann)
    scene.lay()
    scene.decided(90)
    (id,) = scene.propose(scene.lea, scene.cell()["id"])
    for who in (scene.bob, scene.lea, OPERATOR, scene.rig.agent):
        with pytest.raises(HandrailError):
            scene.accept(who, id)
        assert scene.ask().status == "open"
    with pytest.raises(Forbidden, match="second person"):
        scene.accept(scene.lea, id)
    scene.accept(scene.max, id)
    assert scene.ask().tier == "auto_approve"
    assert scene.rig.problems() == []


def test_whoever_gave_most_of_the_answers_does_not_accept(scene: Scene) -> None:
    scene.check_on_golds(scene.max)
    scene.check_on_golds(scene.ann)
    scene.lay()
    scene.decided(60, by=scene.max)
    scene.decided(30, by=scene.ann)
    scene.grow()
    (id,) = [each["id"] for each in scene.shown()["promotions"]]
    with pytest.raises(Forbidden, match="most of the answers"):
        scene.accept(scene.max, id)
    scene.accept(scene.lea, id)


def test_too_little_evidence_says_n_of_m(scene: Scene) -> None:
    scene.check_on_golds(scene.ann)
    scene.lay()
    scene.decided(20)
    held = scene.cell()
    assert (held["n"], held["misses"], held["state"]) == (20, 0, "gathering")
    # two cells share the promise
    assert held["needed"] > 65
    with pytest.raises(NotEnoughEvidence) as raised:
        scene.propose(scene.lea, held["id"])
    assert raised.value.context == {"have": 20, "need": held["needed"]}
    assert scene.grow() == 0


def test_cases_that_suggested_a_cell_do_not_count_for_it(scene: Scene) -> None:
    scene.check_on_golds(scene.ann)
    scene.decided(200, region="eu")
    scene.decided(20, region="us")
    scene.rig.run(cells.lay, cells.Lay(actor=OPERATOR, action="refund"))
    assert scene.cell()["n"] == 0
    with pytest.raises(NotEnoughEvidence):
        scene.propose(scene.lea, scene.cell()["id"])


def test_cells_are_never_laid_twice(scene: Scene) -> None:
    scene.lay()
    scene.decided(5, verdict="reject", reason="wrong")
    with pytest.raises(Conflict, match="laid before"):
        scene.rig.run(cells.lay, cells.Lay(actor=OPERATOR, action="refund"))
    assert len(scene.shown()["cells"]) == 2


def test_the_loop_lays_cells_by_itself(scene: Scene) -> None:
    for region in ("eu", "us"):
        scene.decided(15, region=region)
    # few are seen yet, and cells are laid only once
    assert scene.grow() == 0
    scene.rig.clock.advance(8 * DAY)
    assert scene.grow() == 2
    assert scene.grow() == 0
    assert [entry["cells"]["count"] for entry in scene.rig.entries("cell.laid")] == [2]


def test_a_rubber_stamp_without_golds_earns_nothing(scene: Scene) -> None:
    scene.lay()
    scene.decided(150, by=scene.bob)
    held = scene.cell()
    assert (held["n"], held["unchecked"]) == (0, 150)
    assert scene.grow() == 0


@pytest.mark.parametrize("only_right", [True, False])
def test_a_rubber_stamp_does_not_pass_the_golds(scene: Scene, only_right: bool) -> None:
    scene.check_on_golds(scene.bob, stamps=True, only_right=only_right, times=60)
    scene.lay()
    scene.decided(20, by=scene.bob)
    assert (scene.cell()["n"], scene.cell()["unchecked"]) == (0, 20)


def test_a_miss_counts_whoever_found_it(scene: Scene) -> None:
    scene.lay()
    scene.decided(3, by=scene.bob, verdict="reject", reason="wrong")
    assert (scene.cell()["n"], scene.cell()["misses"]) == (3, 3)


def test_a_severe_miss_takes_autonomy_back_in_its_own_transaction(scene: Scene) -> None:
    granted = scene.promote()
    checked = scene.ask(draw=0.01)
    assert (checked.tier, checked.status) == ("auto_approve", "decided")
    before = len(scene.rig.entries())
    scene.rig.answer(scene.bob, checked.case_id, "reject", reason="not_allowed")
    # the very next one waits for a person, before any loop has run
    assert scene.ask().status == "open"
    types = [entry["type"] for entry in scene.rig.entries()[before:]]
    assert {"review.given", "label.made", "grant.ended", "promotion.ended", "cell.restarted"} <= set(types)
    (ended,) = scene.rig.entries("promotion.ended")
    (granted_end,) = scene.rig.entries("grant.ended")
    assert ended["reason"] == "severe_miss"
    assert granted_end["grant"]["id"] == granted
    assert ended["at"] == scene.rig.entries("review.given")[-1]["at"]
    assert scene.cell()["n"] == 0
    assert scene.shown()["promotions"] == []
    assert scene.rig.problems() == []


def test_a_severe_miss_takes_autonomy_back_before_a_second_person_confirms_it(scene: Scene) -> None:
    for name in ("cem", "dan"):
        command = access.AddPerson(
            actor=OPERATOR, name=name, email=f"{name}@example.org", password=None, roles=("reviewer",)
        )
        scene.rig.run(access.add_person, command)
    scene.promote()
    checked = scene.ask(draw=0.01)
    scene.rig.answer(scene.bob, checked.case_id, "reject", reason="not_allowed")
    assert scene.rig.case(checked.case_id).state == "open"
    assert scene.ask().status == "open"
    assert [entry["reason"] for entry in scene.rig.entries("promotion.ended")] == ["severe_miss"]
    # one against one asks a third; the cell began anew once
    scene.rig.answer(scene.ann, checked.case_id)
    assert scene.rig.case(checked.case_id).state == "open"
    scene.rig.answer(scene.lea, checked.case_id, "reject", reason="not_allowed")
    assert scene.rig.case(checked.case_id).state == "reviewed"
    assert len(scene.rig.entries("cell.restarted")) == 1
    assert scene.shown()["promotions"] == []
    assert scene.rig.problems() == []


def test_an_outcome_that_is_severe_takes_it_back_also_where_nobody_looked(scene: Scene) -> None:
    scene.promote()
    passed = scene.ask()
    assert passed.tier == "auto_approve"
    assert scene.noted(passed.case_id) is None
    scene.turned_out(passed.case_id, correct=False)
    # an outcome of what was not drawn is no sample
    assert scene.ask().tier == "auto_approve"
    scene.turned_out(passed.case_id, correct=False, severe=True)
    assert scene.ask().status == "open"
    assert scene.rig.problems() == []


def test_a_category_on_the_list_makes_any_miss_severe(scene: Scene) -> None:
    scene.promote()
    checked = scene.ask(draw=0.01, categories=("fraud",))
    scene.rig.answer(scene.bob, checked.case_id, "edit", arguments={"region": "eu", "n": -1})
    assert scene.ask().status == "open"


def test_a_plain_miss_that_leaves_the_bound_whole_takes_nothing_back(scene: Scene) -> None:
    scene.accept(scene.lea, scene.earn(140))
    checked = scene.ask(draw=0.01)
    scene.rig.answer(scene.ann, checked.case_id, "reject", reason="wrong")
    assert scene.ask().tier == "auto_approve"
    assert scene.cell()["misses"] == 1


def test_misses_that_break_the_bound_take_it_back(scene: Scene) -> None:
    scene.promote()
    for _ in range(2):
        checked = scene.ask(draw=0.01)
        if checked.tier == "auto_approve":
            scene.rig.answer(scene.ann, checked.case_id, "reject", reason="wrong")
    assert scene.ask().status == "open"
    assert scene.rig.entries("promotion.ended")[-1]["reason"] in ("bound", "alarm")
    # what was found is kept: the cell has to earn it against its misses
    assert scene.cell()["misses"] >= 1
    assert scene.rig.problems() == []


def test_a_spot_check_nobody_answered_counts_as_a_miss(scene: Scene) -> None:
    scene.promote()
    scene.ask(draw=0.01)
    scene.ask(draw=0.01)
    assert scene.cell()["misses"] == 0
    scene.rig.pass_time(25 * 3600)
    assert scene.cell()["misses"] == 2
    assert scene.grow() > 0
    assert scene.ask().status == "open"
    assert scene.rig.problems() == []


def test_spot_checks_go_on_at_their_rate(scene: Scene) -> None:
    scene.promote()
    draws = [(i + 0.5) / 100 for i in range(100)]
    opened = 0
    for draw in draws:
        made = scene.ask(draw=draw)
        assert made.tier == "auto_approve"
        noted = scene.noted(made.case_id)
        opened += noted is not None
        assert (noted is not None) == (draw < 0.05)
    assert opened == 5


def test_a_promotion_ends_with_its_time_and_may_be_earned_again(scene: Scene) -> None:
    scene.promote()
    scene.rig.pass_time(31 * DAY)
    assert scene.ask().status == "open"
    assert scene.grow() >= 1
    assert scene.rig.entries("promotion.ended")[-1]["reason"] == "expired"
    scene.grow()
    (again,) = scene.shown()["promotions"]
    assert again["state"] == "proposed"
    assert scene.rig.problems() == []


def test_a_clock_that_jumps_back_opens_nothing(scene: Scene) -> None:
    scene.check_on_golds(scene.ann)
    scene.lay()
    scene.rig.clock.advance(-3600)
    scene.decided(10)
    # they came after the cells were laid, whatever the clock says
    assert scene.cell()["n"] == 10
    scene.rig.clock.advance(7200)
    scene.decided(80)
    scene.grow()
    (id,) = [each["id"] for each in scene.shown()["promotions"]]
    scene.accept(scene.lea, id)
    scene.rig.clock.advance(40 * DAY)
    assert scene.ask().status == "open"


def test_declined_is_not_proposed_again_without_more_evidence(scene: Scene) -> None:
    id = scene.earn(80)
    with pytest.raises(InvalidInput):
        scene.decline(scene.lea, id, reason=" ")
    scene.decline(scene.lea, id)
    assert scene.grow() == 0
    with pytest.raises(Conflict):
        scene.accept(scene.lea, id)
    scene.decided(25)
    assert scene.grow() == 1
    assert scene.rig.problems() == []


def test_what_changed_since_it_was_proposed_is_judged_anew(scene: Scene) -> None:
    id = scene.earn(80)
    scene.decided(3, verdict="reject", reason="wrong", by=scene.bob)
    with pytest.raises(Conflict):
        scene.accept(scene.lea, id)
    assert scene.ask().status == "open"


def test_two_who_accept_at_once_make_one_grant(scene: Scene) -> None:
    id = scene.earn()
    done: list[str] = []
    refused: list[Exception] = []

    def accept(who: object) -> None:
        try:
            done.append(scene.accept(who, id))  # type: ignore[arg-type]
        except Conflict as error:
            refused.append(error)

    threads = [threading.Thread(target=accept, args=(who,)) for who in (scene.lea, scene.max)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(done), len(refused)) == (1, 1)
    assert len(scene.rig.entries("grant.issued")) == 1
    assert scene.rig.problems() == []


def test_two_who_propose_at_once_make_one_promotion(scene: Scene) -> None:
    scene.check_on_golds(scene.ann)
    scene.lay()
    scene.decided(90)
    cell = scene.cell()["id"]
    assert len(scene.propose(scene.lea, cell)) == 1
    with pytest.raises(Conflict):
        scene.propose(scene.max, cell)
    assert scene.grow() == 0


def test_an_open_case_holds_back_those_after_it(scene: Scene) -> None:
    scene.check_on_golds(scene.ann)
    scene.lay()
    waits = scene.ask()
    scene.decided(10)
    assert scene.cell()["n"] == 0
    scene.rig.answer(scene.ann, waits.case_id, "approve")
    assert scene.cell()["n"] == 11


def test_what_cannot_be_taken_back_is_never_proposed(scene: Scene) -> None:
    scene.check_on_golds(scene.ann)
    scene.decided(60, action="wipe")
    with pytest.raises(InvalidInput, match="cannot be taken back"):
        scene.rig.run(cells.lay, cells.Lay(actor=OPERATOR, action="wipe"))
    assert scene.grow() == 0
    assert scene.shown()["cells"] == []


def test_what_the_policy_gates_by_name_is_proposed_for_notify_at_most(scene: Scene) -> None:
    scene.check_on_golds(scene.ann)
    scene.lay("announce")
    scene.decided(90, action="announce")
    scene.grow()
    (proposed,) = scene.shown()["promotions"]
    assert proposed["tier"] == "soft_review"
    scene.accept(scene.lea, proposed["id"])
    made = scene.ask(action="announce")
    assert (made.tier, made.status) == ("soft_review", "decided")
    scene.rig.answer(scene.bob, made.case_id, "reject", reason="too_risky")
    assert scene.ask(action="announce").status == "open"
    assert scene.rig.problems() == []


def test_switching_growth_off_takes_back_what_was_earned(scene: Scene) -> None:
    scene.promote()
    scene.rig.change_policy(POLICY.replace("days: 30}", "days: 30, enabled: false}"))
    assert scene.grow() == 1
    assert scene.ask().status == "open"
    assert scene.rig.entries("promotion.ended")[-1]["reason"] == "switched_off"


def test_ending_the_grant_ends_its_promotion(scene: Scene) -> None:
    granted = scene.promote()
    scene.rig.run(grant.end, (scene.lea, granted))
    assert scene.shown()["promotions"] == []
    assert scene.rig.entries("promotion.ended")[-1]["reason"] == "grant_ended"
    assert scene.rig.problems() == []


def test_what_rules_hold_back_does_not_count(scene: Scene) -> None:
    scene.lay()
    always = scene.rig.policy + "rules: [{id: look, actions: [refund], route: {tier: soft_review}}]\n"
    scene.rig.change_policy(always)
    made = scene.ask()
    assert scene.noted(made.case_id) is None


def test_an_outcome_overrides_the_people_who_judged(scene: Scene) -> None:
    scene.check_on_golds(scene.ann)
    scene.lay()
    made = scene.ask()
    scene.rig.answer(scene.ann, made.case_id, "approve")
    assert (scene.cell()["n"], scene.cell()["misses"]) == (1, 0)
    scene.turned_out(made.case_id, correct=False)
    assert (scene.cell()["n"], scene.cell()["misses"]) == (1, 1)


def test_the_grant_lasts_as_long_as_the_policy_says(scene: Scene) -> None:
    scene.promote()
    (found,) = scene.rig.run(grant.listed, grant.ListGrants(actor=OPERATOR))
    assert found.grant.expires - found.issued_at == 30 * DAY * SECOND
    assert found.grant.spot_check_rate == 0.05


def test_weighted_checks_and_what_a_model_asked_for_do_not_count(scene: Scene) -> None:
    text = POLICY.replace("    undo: refund.undo\n", "    undo: refund.undo\n    spot_check_rate: 0.01\n")
    text = text.replace("spot_check_rate: 0.01\n", "spot_check_rate: 0.01\n    weighted_check_rate: 0.5\n")
    scene.rig.change_policy(text)
    scene.promote()
    streams = set()
    for n in range(12):
        made = scene.ask(draw=(n + 0.5) / 12)
        noted = scene.noted(made.case_id)
        route = rows.route_noun(scene.rig.proposal(made.case_id).route)
        streams.add(route.stream)
        assert (noted is not None) == (route.stream == "uniform")
    assert "weighted" in streams
    learnt = scene.ask("us", picked="active")
    assert scene.noted(learnt.case_id) is None


@pytest.mark.parametrize(("newest", "key", "checked"), [(200, "", True), (20, "", False), (200, BURST, False)])
def test_golds_that_check_a_person_are_the_newest_and_none_he_knew(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, newest: int, key: str, checked: bool
) -> None:
    monkeypatch.setattr(judging, "NEWEST_GOLDS", newest)
    rig, pat = scene.rig, person("Pat")
    for n in range(40):
        wrong = n % 4 == 3
        asked = Proposal(
            action="refund", arguments={"region": "gold", "n": f"pat {n}"}, confidence=0.5,
            gold="reject" if wrong else "approve", key=f"{key}{pat.pid}:{n}" if key else None,
        )  # fmt: skip
        case = rig.run(submit.submit, submit.prepare(rig.agent, asked, draw=0.5, own=True)).case_id
        rig.answer(pat, case, "reject" if wrong else "approve")
    assert rig.run(lambda tx, who: judging.gold_checked(tx, rig.workspace, who), pat.pid) is checked
