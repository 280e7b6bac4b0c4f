"""Replay finds every broken rule, and none where none is broken."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.story import AGENT, BY_POLICY, POLICY, SYSTEM, Entry, Story, clean_story, digest, person, whole_story
from handrail.audit.meaning import read_entry
from handrail.audit.replay import replay
from handrail.audit.schemas import DIGESTS, SCHEMAS, check
from handrail.audit.shapes import plain
from handrail.audit.standalone.verify import Findings, Meaning
from handrail.canonical import dumps, parse
from handrail.clock import SECOND
from handrail.errors import MalformedJSON


def codes(story: Story) -> set[str]:
    return {violation.code for violation in replay(story.entries)}


def test_replay_clean_log_finds_nothing_and_every_entry_fits_its_schema() -> None:
    story = clean_story(5)
    assert [read_entry(data) for data in story.bytes()] == story.entries
    assert replay(story.entries) == []


def test_replay_a_log_of_every_type_finds_nothing() -> None:
    story = whole_story()
    assert {entry["type"] for entry in story.entries} == SCHEMAS.keys()
    assert [read_entry(data) for data in story.bytes()] == story.entries
    assert replay(story.entries) == []


def self_approval(story: Story) -> None:
    case = story.submit()
    story.open(case, excluded=["p_ann"])
    story.decide(case, [story.judge(case, "p_ann", 1)])


def owner_approval(story: Story) -> None:
    case = story.submit()
    story.open(case, excluded=["p_ann", "p_owner"], reviewers=2)
    story.decide(case, [story.judge(case, "p_1", 1), story.judge(case, "p_owner", 2)])


def requester_approval_under_a_pseudonym(story: Story) -> None:
    case = story.submit()
    story.open(case, excluded=[digest("ann")])
    story.decide(case, [story.judge(case, "p_1", 1, handles=[digest("p_1"), digest("ann")])])


def late_review(story: Story) -> None:
    case = story.submit()
    story.open(case, deadline=story.time(30))
    story.now += 3600 * SECOND
    story.decide(case, [story.judge(case, "p_1", 1)])


def quorum_short(story: Story) -> None:
    case = story.submit()
    story.open(case, reviewers=2)
    story.decide(case, [story.judge(case, "p_1", 1)])


def quorum_of_one_person(story: Story) -> None:
    case = story.submit()
    story.open(case, reviewers=2)
    story.decide(case, [story.judge(case, "p_1", 1), story.judge(case, "p_1", 2)])


def quorum_counts_withdrawn(story: Story) -> None:
    case = story.submit()
    story.open(case)
    story.claim(case, "p_1", 1)
    review = story.review(case, "p_1", 1)
    story.add("review.withdrawn", person("p_1"), case={"id": case}, review=review)
    story.decide(case, [review])


def quorum_counts_voided(story: Story) -> None:
    case = story.submit()
    story.open(case)
    review = story.judge(case, "p_1", 1)
    story.add("review.voided", SYSTEM, case={"id": case}, review=review)
    story.decide(case, [review])


def quorum_before_undo_window(story: Story) -> None:
    case = story.submit()
    story.open(case)
    story.claim(case, "p_1", 1)
    story.decide(case, [story.review(case, "p_1", 1)])


def quorum_counts_foreign_review(story: Story) -> None:
    first, second = story.submit(), story.submit()
    story.open(first)
    story.open(second)
    story.decide(second, [story.judge(first, "p_1", 1)])


def quorum_counts_old_revision(story: Story) -> None:
    case = story.submit()
    story.open(case, reviewers=2)
    approve = story.judge(case, "p_1", 1)
    edit = story.judge(case, "p_2", 2, "edit")
    action = {"name": "payment_transfer", "digest": digest("edited")}
    story.add("proposal.revised", person("p_2"), case={"id": case, "rev": 2}, action=action, cause=edit)
    story.decide(case, [approve, edit], case={"id": case, "rev": 2}, action=action)


def approved_counting_a_reject(story: Story) -> None:
    case = story.submit()
    story.open(case)
    story.decide(case, [story.judge(case, "p_1", 1, "reject")])


def rejected_without_a_reject(story: Story) -> None:
    case = story.submit()
    story.open(case)
    story.decide(case, [story.judge(case, "p_1", 1)], "rejected")


def rejected_by_a_person_without_review(story: Story) -> None:
    case = story.submit()
    story.open(case)
    story.decide(case, None, "rejected")


def quorum_lowered(story: Story) -> None:
    case = story.submit()
    story.open(case, reviewers=2)
    story.add("case.escalated", SYSTEM, case={"id": case}, from_="open", to="open", reviewers=1, reason="x")


def gone_up_and_no_lead_answered(story: Story) -> None:
    case = story.submit()
    story.open(case)
    story.add("access.changed", person("p_admin"), access={"pid": "p_1", "roles": ["reviewer"]})
    story.add(
        "case.escalated", SYSTEM, case={"id": case}, from_="open", to="open", reviewers=1, reason="x", among=["lead"]
    )
    story.decide(case, [story.judge(case, "p_1", 1)])


def no_reviewer_needed(story: Story) -> None:
    story.open(story.submit(), reviewers=0)


def policy_never_announced(story: Story) -> None:
    story.auto(policy={"name": "pay", "digest": digest("never")})


def policy_not_yet_in_force(story: Story) -> None:
    other = {"name": "pay", "digest": digest("loose")}
    story.auto(policy=other)
    story.add("policy.changed", person("p_admin"), policy=other)


def policy_replaced_long_ago(story: Story) -> None:
    story.add("policy.changed", person("p_admin"), policy={"name": "pay", "digest": digest("tight")})
    story.now += 3600 * SECOND
    story.auto()


def decision_twice(story: Story) -> None:
    case = story.approved()
    story.decide(case, None, "rejected", actor=SYSTEM)


def decision_by_policy_at_hard_gate(story: Story) -> None:
    story.auto(tier="hard_gate")


def decision_by_agent(story: Story) -> None:
    story.submit()
    case = story.submit()
    story.add(
        "decision.made",
        AGENT,
        case={"id": case, "rev": 1},
        action={"name": "payment_transfer", "digest": digest(case)},
        tier="auto_approve",
        policy=POLICY,
        from_="new",
        to="decided",
        result="approved",
    )


def approved_by_system_without_review(story: Story) -> None:
    case = story.submit()
    story.open(case, deadline=story.time(5))
    story.now += 5 * SECOND
    story.decide(case, None, actor=SYSTEM)


def decision_on_another_digest(story: Story) -> None:
    case = story.submit()
    story.open(case)
    action = {"name": "payment_transfer", "digest": digest("more money")}
    story.decide(case, [story.judge(case, "p_1", 1)], action=action)


def decision_on_a_soft_case_by_people(story: Story) -> None:
    case = story.auto(tier="soft_review")
    story.open(case, soft=True)
    story.decide(case, [story.judge(case, "p_1", 1)])


def expired_early(story: Story) -> None:
    case = story.submit()
    story.open(case, deadline=story.time(3600))
    story.decide(case, None, "expired", actor=SYSTEM)


def executed_without_decision(story: Story) -> None:
    case = story.submit()
    story.open(case)
    story.start(case)


def executed_before_decision(story: Story) -> None:
    case = story.submit()
    story.open(case)
    review = story.judge(case, "p_1", 1)
    story.start(case)
    story.decide(case, [review])


def executed_after_rejection(story: Story) -> None:
    case = story.submit()
    story.open(case)
    story.decide(case, [story.judge(case, "p_1", 1, "reject")], "rejected")
    story.start(case)


def executed_twice(story: Story) -> None:
    case = story.approved()
    story.start(case)
    story.finish(case)
    story.start(case, 2)


def executed_again_while_live(story: Story) -> None:
    case = story.approved()
    story.start(case)
    story.start(case, 2)


def executed_again_under_one_fence(story: Story) -> None:
    case = story.approved()
    story.start(case)
    story.now += 120 * SECOND
    story.start(case, 1)


def executed_other_arguments(story: Story) -> None:
    story.start(story.approved(), action={"name": "payment_transfer", "digest": digest("other")})


def executed_under_a_halt(story: Story) -> None:
    case = story.approved()
    story.add("halt.set", person("p_lead"), halt={"id": story.id(), "scope": "workspace"})
    story.start(case)


def executed_under_a_halt_of_its_run(story: Story) -> None:
    case = story.auto(run="run-9")
    story.add("halt.set", person("p_lead"), halt={"id": story.id(), "scope": "run", "value": "run-9"})
    story.start(case)


def executed_after_objection(story: Story) -> None:
    case = story.auto(tier="soft_review")
    story.open(case, soft=True)
    story.judge(case, "p_3", 1, "reject")
    story.add("case.closed", SYSTEM, case={"id": case}, from_="open", to="reviewed", result="objected")
    story.start(case)


def finished_under_another_fence(story: Story) -> None:
    case = story.approved()
    story.start(case)
    story.finish(case, 2)


def finished_never_started(story: Story) -> None:
    story.finish(story.approved())


def settled_by_the_system(story: Story) -> None:
    case = story.approved()
    story.start(case)
    story.add("execution.unknown", SYSTEM, case={"id": case}, fence=1)
    story.add("execution.settled", SYSTEM, case={"id": case}, happened=False)


def review_without_claim(story: Story) -> None:
    case = story.submit()
    story.open(case)
    review = story.review(case, "p_1", 1)
    story.now += 10 * SECOND
    story.decide(case, [review])


def review_under_a_lapsed_claim(story: Story) -> None:
    case = story.submit()
    story.open(case)
    story.claim(case, "p_1", 1)
    story.add("claim.lapsed", SYSTEM, case={"id": case}, fence=1)
    story.review(case, "p_1", 1)


def review_under_anothers_claim(story: Story) -> None:
    case = story.submit()
    story.open(case)
    story.claim(case, "p_1", 1)
    story.review(case, "p_2", 1)


def review_by_an_agent(story: Story) -> None:
    case = story.submit()
    story.open(case)
    story.claim(case, "p_1", 1)
    story.review(case, "p_1", 1, actor={"kind": "agent", "pid": "p_1"})


def review_of_another_digest(story: Story) -> None:
    case = story.submit()
    story.open(case)
    story.judge(case, "p_1", 1, action={"digest": digest("another")})


def review_after_the_decision(story: Story) -> None:
    case = story.approved()
    story.review(case, "p_9", 1)


def review_by_one_without_the_role(story: Story) -> None:
    case = story.submit()
    story.open(case, roles=["finance"])
    story.add("access.changed", person("p_admin"), access={"pid": "p_1", "roles": ["finance"]})
    story.add("access.changed", person("p_admin"), access={"pid": "p_1", "roles": ["auditor"]})
    story.judge(case, "p_1", 1)


def review_withdrawn_late(story: Story) -> None:
    case = story.submit()
    story.open(case)
    review = story.judge(case, "p_1", 1)
    story.add("review.withdrawn", person("p_1"), case={"id": case}, review=review)


def claim_taken_from_another(story: Story) -> None:
    case = story.submit()
    story.open(case)
    story.claim(case, "p_1", 1)
    story.claim(case, "p_2", 2)


def claim_with_an_old_fence(story: Story) -> None:
    case = story.submit()
    story.open(case)
    story.judge(case, "p_1", 2)
    story.claim(case, "p_2", 1)


def case_opened_twice(story: Story) -> None:
    case = story.submit()
    story.open(case)
    story.open(case)


def case_opened_after_its_decision(story: Story) -> None:
    story.open(story.auto())


def case_submitted_twice(story: Story) -> None:
    story.submit(story.submit())


def soft_case_confirmed_by_nobody(story: Story) -> None:
    case = story.auto(tier="soft_review")
    story.open(case, soft=True)
    story.add("case.closed", SYSTEM, case={"id": case}, from_="open", to="reviewed", result="confirmed")


def revision_skipped(story: Story) -> None:
    case = story.submit()
    story.open(case)
    edit = story.judge(case, "p_1", 1, "edit")
    action = {"name": "payment_transfer", "digest": digest("edited")}
    story.add("proposal.revised", person("p_1"), case={"id": case, "rev": 3}, action=action, cause=edit)


def revision_without_an_edit(story: Story) -> None:
    case = story.submit()
    story.open(case)
    action = {"name": "payment_transfer", "digest": digest("edited")}
    cause = story.judge(case, "p_1", 1)
    story.add("proposal.revised", AGENT, case={"id": case, "rev": 2}, action=action, cause=cause)


def grant_expired(story: Story) -> None:
    grant = {"id": story.id(), "action": "payment_transfer", "expires": story.time(10)}
    story.add("grant.issued", person("p_lead"), grant=grant)
    story.now += 3600 * SECOND
    story.auto(grant=grant["id"])


def grant_ended(story: Story) -> None:
    grant = {"id": story.id(), "action": "payment_transfer", "expires": story.time(1000)}
    story.add("grant.issued", person("p_lead"), grant=grant)
    story.add("grant.ended", person("p_lead"), grant={"id": grant["id"]})
    story.auto(grant=grant["id"])


def run_grant(story: Story, **more: str) -> str:
    grant = {"id": story.id(), "action": "payment_transfer", "expires": story.time(1000), "run": "r", "uses": 1}
    story.add("grant.issued", person("p_lead"), grant=grant | more)
    return str(grant["id"])


def run_grant_for_another_run(story: Story) -> None:
    story.auto(grant=run_grant(story), run="s")


def run_grant_for_another_agent(story: Story) -> None:
    story.auto(grant=run_grant(story, agent="a"), run="r", agent="b")


def run_grant_used_up(story: Story) -> None:
    id = run_grant(story)
    story.auto(grant=id, run="r")
    story.auto(grant=id, run="r")


def grant_for_another_action(story: Story) -> None:
    grant = {"id": story.id(), "action": "send_email", "expires": story.time(1000)}
    story.add("grant.issued", person("p_lead"), grant=grant)
    story.auto(grant=grant["id"])


def time_set_back(story: Story) -> None:
    story.now -= 86_400 * SECOND
    story.auto()


def time_that_does_not_exist(story: Story) -> None:
    case = story.submit()
    story.open(case, deadline="2026-02-31T00:00:00.000000Z")


def outcome_for_nobody(story: Story) -> None:
    story.add("outcome.recorded", SYSTEM, case={"id": story.id()}, outcome=digest("x"))


def entry_twice(story: Story) -> None:
    story.auto()
    story.entries.append(story.entries[-1])


def entry_of_another_log(story: Story) -> None:
    story.auto()
    story.entries[-1]["log"] = "example.com/other"


def woken_undecided(story: Story) -> None:
    story.wake(story.park(story.approved(), story.submit()))


def woken_with_none_of_any_decided(story: Story) -> None:
    story.wake(story.park(story.submit(), story.submit(), wakes="any"))


def woken_twice(story: Story) -> None:
    park = story.park(story.approved())
    story.wake(park)
    story.wake(park, 2)


def woken_after_it_was_given_up(story: Story) -> None:
    park = story.park(story.approved())
    story.wake(park, 1, "failed")
    story.wake(park, 2)


def woken_after_it_was_abandoned(story: Story) -> None:
    park = story.park(story.approved())
    story.add("run.abandoned", AGENT, park={"id": park})
    story.wake(park)


def woken_under_an_old_fence(story: Story) -> None:
    park = story.park(story.approved())
    story.wake(park, 2, "released")
    story.wake(park, 1)


def woken_what_was_never_parked(story: Story) -> None:
    story.wake(story.id())


def parked_on_nothing_known(story: Story) -> None:
    story.park(story.id())


def parked_twice_at_once(story: Story) -> None:
    case = story.approved()
    story.park(case, run="run-7")
    story.park(case, run="run-7")


def retried_what_never_failed(story: Story) -> None:
    story.add("run.retried", AGENT, park={"id": story.park(story.approved())})


SEEDED: list[tuple[Callable[[Story], None], str]] = [
    (self_approval, "review.excluded"),
    (owner_approval, "review.excluded"),
    (requester_approval_under_a_pseudonym, "review.excluded"),
    (late_review, "review.late"),
    (quorum_short, "quorum.short"),
    (quorum_of_one_person, "quorum.same_person"),
    (quorum_counts_withdrawn, "quorum.withdrawn"),
    (quorum_counts_voided, "quorum.withdrawn"),
    (quorum_before_undo_window, "quorum.early"),
    (quorum_counts_foreign_review, "review.unknown"),
    (quorum_counts_old_revision, "quorum.revision"),
    (approved_counting_a_reject, "decision.verdict"),
    (rejected_without_a_reject, "quorum.short"),
    (rejected_by_a_person_without_review, "quorum.short"),
    (quorum_lowered, "quorum.lowered"),
    (gone_up_and_no_lead_answered, "quorum.role"),
    (no_reviewer_needed, "quorum.none"),
    (policy_never_announced, "policy.not_in_force"),
    (policy_not_yet_in_force, "policy.not_in_force"),
    (policy_replaced_long_ago, "policy.not_in_force"),
    (decision_twice, "decision.doubled"),
    (decision_by_policy_at_hard_gate, "decision.tier"),
    (decision_by_agent, "decision.without_people"),
    (approved_by_system_without_review, "decision.without_people"),
    (decision_on_another_digest, "decision.digest"),
    (decision_on_a_soft_case_by_people, "decision.doubled"),
    (expired_early, "decision.early_expiry"),
    (executed_without_decision, "execution.unapproved"),
    (executed_before_decision, "execution.unapproved"),
    (executed_after_rejection, "execution.unapproved"),
    (executed_twice, "execution.transition"),
    (executed_again_while_live, "execution.overlap"),
    (executed_again_under_one_fence, "execution.fence"),
    (executed_other_arguments, "execution.digest"),
    (executed_under_a_halt, "execution.halted"),
    (executed_under_a_halt_of_its_run, "execution.halted"),
    (executed_after_objection, "execution.objected"),
    (finished_under_another_fence, "execution.fence"),
    (finished_never_started, "execution.transition"),
    (settled_by_the_system, "execution.settled_by"),
    (woken_undecided, "park.undecided"),
    (woken_with_none_of_any_decided, "park.undecided"),
    (woken_twice, "park.ended"),
    (woken_after_it_was_given_up, "park.ended"),
    (woken_after_it_was_abandoned, "park.ended"),
    (woken_under_an_old_fence, "park.fence"),
    (woken_what_was_never_parked, "park.unknown"),
    (parked_on_nothing_known, "case.unknown"),
    (parked_twice_at_once, "park.doubled"),
    (retried_what_never_failed, "park.not_failed"),
    (review_without_claim, "review.no_claim"),
    (review_under_a_lapsed_claim, "review.no_claim"),
    (review_under_anothers_claim, "review.no_claim"),
    (review_by_an_agent, "review.not_person"),
    (review_of_another_digest, "review.digest"),
    (review_after_the_decision, "transition"),
    (review_by_one_without_the_role, "review.role"),
    (review_withdrawn_late, "review.withdrawn_late"),
    (claim_taken_from_another, "claim.overlap"),
    (claim_with_an_old_fence, "claim.fence"),
    (case_opened_twice, "transition"),
    (case_opened_after_its_decision, "case.order"),
    (case_submitted_twice, "case.doubled"),
    (soft_case_confirmed_by_nobody, "close.without_review"),
    (revision_skipped, "case.revision"),
    (revision_without_an_edit, "revision.cause"),
    (grant_expired, "grant.not_live"),
    (run_grant_for_another_run, "grant.not_covered"),
    (run_grant_for_another_agent, "grant.not_covered"),
    (run_grant_used_up, "grant.used_up"),
    (grant_ended, "grant.not_live"),
    (grant_for_another_action, "grant.not_live"),
    (time_set_back, "time.backwards"),
    (time_that_does_not_exist, "time.malformed"),
    (outcome_for_nobody, "case.unknown"),
    (entry_twice, "entry.doubled"),
    (entry_of_another_log, "log.foreign"),
]


@pytest.mark.parametrize(("broken", "code"), SEEDED, ids=lambda value: getattr(value, "__name__", value))
def test_replay_broken_rule_is_found(broken: Callable[[Story], None], code: str) -> None:
    story = clean_story()
    before = len(story.entries)
    broken(story)
    found = replay(story.entries)
    assert code in {violation.code for violation in found}
    assert all(violation.idx >= before for violation in found)
    # each is broken only by what it does: every entry of it still fits its schema
    assert [check(entry) for entry in story.entries[before:]] == [None] * (len(story.entries) - before)


@pytest.mark.parametrize("broken", [broken for broken, _ in SEEDED], ids=lambda value: value.__name__)
def test_standalone_verifier_finds_the_same_broken_rule(broken: Callable[[Story], None]) -> None:
    story, findings = clean_story(), Findings()
    meaning = Meaning(findings)
    for entry in story.entries:
        meaning.feed(entry)
    assert findings.all == []
    before = len(story.entries)
    broken(story)
    try:
        for entry in story.entries[before:]:
            meaning.feed(entry)
    except ValueError:  # a day that does not exist: it cannot be read
        return
    assert findings.exit == 1


def test_replay_any_clean_interleaving_finds_nothing() -> None:
    for seed in range(200):
        mix = random.Random(seed)
        story = Story()
        waiting = [(story.submit(), at) for at in range(mix.randrange(1, 5))]
        for case, _ in waiting:
            story.open(case, reviewers=mix.randrange(1, 4), on_expiry=mix.choice(["reject", "hold"]))
        mix.shuffle(waiting)
        for case, at in waiting:
            needed = next(e for e in story.entries if e["type"] == "case.opened" and e["case"]["id"] == case)
            reviews = [story.judge(case, f"p_{at}_{n}", n + 1) for n in range(needed["reviewers"])]
            story.decide(case, reviews)
            if mix.random() < 0.5:
                story.start(case)
        assert replay(story.entries) == [], seed


ODD = [True, 1, 0, -1, "", "x", "a\x0bb", None, [], ["y"], {}, 2**53, 1.5, digest("d")]


def test_compare_every_schema_with_a_full_implementation_on_good_and_bad_entries() -> None:
    readers = {type: jsonschema.Draft202012Validator(schema) for type, schema in SCHEMAS.items()}
    mix = random.Random(7)
    refused = 0
    for entry in clean_story().entries:
        for _ in range(12):
            changed: Entry = json.loads(json.dumps(entry))
            target = changed
            while mix.random() < 0.4 and any(isinstance(value, dict) for value in target.values()):
                target = mix.choice([value for value in target.values() if isinstance(value, dict)])
            name = mix.choice([*target, "extra"])
            if mix.random() < 0.3:
                target.pop(name, None)
            else:
                target[name] = mix.choice(
                    [True, 1, 0, -1, "", "x", "a\x0bb", None, [], ["y"], {}, 2**53, 1.5, digest("d")]
                )
            if not isinstance(changed.get("type"), str) or changed["type"] not in readers:
                assert check(changed) is not None
                continue
            expected = readers[changed["type"]].is_valid(changed)
            assert (check(changed) is None) == expected, changed
            refused += not expected
        assert check(entry) is None
    assert refused > 100
    assert len(set(DIGESTS.values())) == len(SCHEMAS)


def test_shapes_match_the_plain_entries_and_never_what_the_careful_reader_refuses() -> None:
    mix = random.Random(8)
    matched = 0
    for data in clean_story().bytes():
        assert plain(data)
        for _ in range(60):
            at, cut = mix.randrange(len(data)), mix.randrange(3)
            changed = data[:at] + mix.choice(CHANGES) + data[at + cut :]
            if plain(changed):
                matched += 1
                assert dumps(parse(changed)) == changed
                assert check(parse(changed)) is None
    # among them: another digit in a digest, another letter in a name
    assert matched > 50


CHANGES = [b"", b"0", b"1", b"a", b"e", b'"', b",", b"\\", b" ", b"}", b"-", b".", b"_", b"\n", b"\xc3\xa4", b'"x":1,']


GOOD = clean_story().bytes()


@pytest.mark.parametrize(
    "data",
    [
        GOOD[0].replace(b'"v":1', b'"v":1,"v":1'),
        GOOD[0].replace(b'"v":1', b'"v":1.0'),
        GOOD[0].replace(b'"v":1', b'"v": 1'),
        GOOD[0].replace(b'"v":1', b'"v":-0'),
        GOOD[0].replace(b'"v":1', b'"v":1e0'),
        GOOD[0].replace(b'"v":1', b'"v":NaN'),
        GOOD[0].replace(b'"v":1', b'"v":9007199254740993'),
        GOOD[0].replace(b'"p_admin"', b'"\\u0070_admin"'),
        GOOD[0].replace(b'"p_admin"', b'"\\ud800"'),
        GOOD[0].replace(b'"p_admin"', b'"\xed\xa0\x80"'),
        GOOD[0].replace(b'"actor"', '"асtor"'.encode()),
        b"\xef\xbb\xbf" + GOOD[0],
        GOOD[0] + b"\n",
        b"[" * 100_000,
        b'{"a":' * 100,
        GOOD[0].replace(b'"p_admin"', b'"' + b"p" * 17_000 + b'"'),
        b"",
        b"null",
        b'{"type":"no.such"}',
    ],
    ids=range(19),
)
def test_read_entry_that_two_parsers_could_take_differently_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedJSON):
        read_entry(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, st.booleans(), st.booleans())
def test_read_any_json_takes_only_its_canonical_form(value: object, compact: bool, escape: bool) -> None:
    # put the value where a schema would refuse it last: the reader must agree with the strict parser first
    text = json.dumps({"x": value}, separators=(",", ":") if compact else None, ensure_ascii=escape, sort_keys=compact)
    data = text.encode("utf-8", "surrogatepass")
    try:
        canonical = dumps(parse(data)) == data
    except MalformedJSON:
        canonical = False
    with pytest.raises(MalformedJSON) as refusal:
        read_entry(data)
    assert ("unknown entry type" in str(refusal.value)) == canonical


def test_replay_decision_by_policy_alone_needs_its_tier_and_policy() -> None:
    story = Story()
    case = story.id()
    story.add(
        "decision.made",
        BY_POLICY,
        case={"id": case, "rev": 1},
        action={"name": "x", "digest": digest(case)},
        from_="new",
        to="decided",
        result="approved",
    )
    assert codes(story) == {"policy.missing", "decision.tier"}
