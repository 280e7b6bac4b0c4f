"""Reviewers' figures: what golds, colleagues and their own way of answering say, each with the n it needs.

Read from the newest answers of the last 90 days; nothing is kept but flags. A person sees his own part.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from handrail.canonical import JSON, parse
from handrail.clock import SECOND, iso
from handrail.consensus.aggregate import Aggregated, aggregate
from handrail.consensus.agreement import Agreement, Interval, agreement
from handrail.consensus.anchoring import Look, anchoring
from handrail.consensus.anomalies import Anomaly, coinciding_errors, haste, one_answer, worse_than_guessing
from handrail.consensus.fatigue import GOLDS, Worked, fatigue
from handrail.consensus.gold_test import GoldTest
from handrail.consensus.proportions import Share
from handrail.consensus.scales import pairs
from handrail.consensus.scorecard import GoldAnswer, Scorecard, scorecard
from handrail.consensus.stamping import Alarm, idle_rules, stamping
from handrail.errors import InvalidInput, NotEnoughEvidence
from handrail.intake import proposal_from
from handrail.learning.golds import Known, known, said, value_of, was_right
from handrail.learning.labels import proposed
from handrail.lifecycle.rows import route_noun
from handrail.policy.document import ReviewSettings
from handrail.store import golds as tables
from handrail.store.engine import Store

DAY = 86_400 * SECOND
WINDOW_DAYS = 90
# doubly reviewed cases before agreement is held against the policy's threshold
AGREEMENT_FROM = 50
# cases in common before a pair's kappa, and answers before a share, are shown
PAIR_FROM, SHARE_FROM = 30, 20
# after this long without an answer a sitting is over
REST = 600 * SECOND
RESAMPLES = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One answer, as far as figures need it."""

    case: str
    reviewer: str
    verdict: str
    # equal where two people say the same; None for an abstention
    said: str | None
    blind: bool
    dwell: float | None
    at: int
    action: str
    queue: str
    # id in the pool, or of the case, for a gold that a program submitted itself; None for an ordinary case
    gold: str | None = None
    truth: Known | None = None
    right: bool | None = None
    # it went along with the model, where the model answered something
    agreed: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Everything about one reviewer."""

    person: str
    answers: int
    approved: Share
    median_dwell: float | None
    card: Scorecard
    alarms: tuple[Alarm, ...]
    # codes that should stand against this person now, with their n
    codes: dict[str, int]


def read(store: Store, workspace: str, now: int) -> list[Given]:
    """The newest answers, oldest first."""
    since = now - WINDOW_DAYS * DAY
    truths = _truths(store, workspace, since)
    return [_given(row, truths) for row in tables.answers(store, workspace, since)]


def people(given: Sequence[Given], settings: ReviewSettings) -> dict[str, Person]:
    """Reviewers by id, from all their answers."""
    try:
        test = GoldTest(good=settings.gold_good, bad=settings.gold_bad)
    except InvalidInput:
        test = GoldTest()
    by_person: dict[str, list[Given]] = defaultdict(list)
    for each in given:
        by_person[each.reviewer].append(each)
    return {person: _person(person, theirs, test) for person, theirs in by_person.items()}


def figures(
    store: Store, workspace: str, now: int, settings: ReviewSettings, names: Mapping[str, str] | None = None
) -> dict[str, JSON]:
    """All figures of one workspace, as `GET /v1/reviewers` gives them to a lead."""
    given = read(store, workspace, now)
    who = people(given, settings)
    ordinary = [each for each in given if each.gold is None]
    odd = anomalies(given)
    flags: dict[str, list[JSON]] = defaultdict(list)
    for person, code, n, since in tables.flags(store, workspace):
        flags[person].append({"code": code, "n": n, "since": iso(since)})
    since = now - WINDOW_DAYS * DAY
    return {
        "days": WINDOW_DAYS, "answers": len(given),
        "reviewers": [
            person_to_json(one, flags.get(one.person, []), odd, (names or {}).get(one.person, one.person))
            for one in sorted(who.values(), key=lambda one: (-one.answers, one.person))
        ],
        "agreement": _agreements(ordinary, settings.inter_rater_agreement_threshold),
        "pairs": _pairs(ordinary),
        "consensus": _consensus(given),
        "anchoring": anchoring(
            Look(agreed=each.agreed, model_right=each.truth.model_right, blind=each.blind)
            for each in given
            if each.truth is not None and each.truth.model_right is not None and each.agreed is not None
        ).to_json(),
        "fatigue": _fatigue(given),
        "rules": [alarm_to_json(alarm) for alarm in idle_rules(_asked(store, workspace, since))],
        "golds": {"pool": tables.pool_size(store, workspace), "share": settings.gold_share,
                  "drawn": tables.drawn(store, workspace, since)},
    }  # fmt: skip


def own(made: Mapping[str, JSON], person: str) -> dict[str, JSON]:
    """What this person may see of the figures: his own scorecard, first of all to himself, and no colleague's."""
    listed: list[Any] = made["reviewers"]
    # who errs with whom names a colleague
    mine = [
        {**one, "anomalies": [odd for odd in one["anomalies"] if odd["kind"] != "errors_coincide"]}
        for one in listed
        if one["person"] == person
    ]
    return {"days": made["days"], "answers": sum(one["answers"] for one in mine), "reviewers": mine, "own": True}


def anomalies(given: Sequence[Given]) -> list[Anomaly]:
    """All findings; golds are compared by what is the same in the pool, whichever case showed it."""
    tested = [(each.gold, each.reviewer, _read_gold(each)) for each in given if each.gold and each.truth]
    truth = {each.gold: each.truth.says for each in given if each.gold and each.truth}
    ordinary = [(each.case, each.reviewer, each.said) for each in given if each.gold is None]
    return [
        *coinciding_errors(tested, truth),
        *worse_than_guessing(tested, truth),
        *one_answer(ordinary),
        *haste((each.reviewer, each.dwell) for each in given),
    ]


def person_to_json(one: Person, flags: list[JSON], odd: Sequence[Anomaly], name: str) -> dict[str, JSON]:
    """One reviewer's row. Shares come with n, and without a value while there is too little to show."""
    return {
        "person": one.person, "name": name, "answers": one.answers, "approved": one.approved.to_json(),
        "median_dwell": one.median_dwell, "scorecard": one.card.to_json(), "flags": flags,
        "alarms": [alarm_to_json(alarm) for alarm in one.alarms],
        "anomalies": [
            {"kind": each.kind, "with": [who for who in each.reviewers if who != one.person], "n": each.n,
             "seen": each.seen, "expected": each.expected, "p": each.p, "text": each.text,
             "hint": each.kind == "fast"}
            for each in odd if one.person in each.reviewers
        ],
    }  # fmt: skip


def alarm_to_json(alarm: Alarm) -> dict[str, JSON]:
    return {
        "code": alarm.code, "subject": alarm.subject, "n": alarm.n, "share": alarm.share, "text": alarm.text,
        "second_reviewer": alarm.second_reviewer,
    }  # fmt: skip


# --- reading ------------------------------------------------------------------------------------


def _truths(store: Store, workspace: str, since: int) -> dict[str, Known]:
    found = {}
    for case, data in store.read_hot(tables.gold_proposals, workspace=workspace, since=since):
        try:
            proposal = proposal_from(parse(bytes(data)))
        except InvalidInput:
            # erased: what is left is no proposal any more
            continue
        found[case] = known(proposal.gold, proposed(proposal), proposal.kind)
    return found


def _given(row: Sequence[Any], truths: Mapping[str, Known]) -> Given:
    case, reviewer, verdict, data, blind, dwell, at, action, queue, kind, gold, pooled, suggestion = row
    body, suggested = parse(bytes(data)), value_of(suggestion)
    truth = truths.get(case) if gold else None
    text = said(verdict, body, suggested, kind)
    agreed = None
    if text is not None:
        agreed = verdict == "approve" or (suggested is not None and text == said("approve", {}, suggested, kind))
    return Given(
        case=case, reviewer=reviewer, verdict=verdict, said=text, blind=bool(blind), dwell=dwell, at=at,
        action=action, queue=queue, gold=(pooled or case) if gold else None, truth=truth, agreed=agreed,
        right=None if truth is None else was_right(truth, verdict, body, suggested, kind),
    )  # fmt: skip


def _read_gold(each: Given) -> str | None:
    """What was said of a gold, where every right answer reads the same."""
    if each.right is None or each.truth is None:
        return None
    if each.right:
        return each.truth.says
    return each.said if each.said != each.truth.says else "wrong"


# --- figures ------------------------------------------------------------------------------------


def _person(person: str, given: Sequence[Given], test: GoldTest) -> Person:
    card = scorecard(
        (GoldAnswer(right=each.right, model_right=None if each.truth is None else each.truth.model_right)
         for each in given if each.right is not None),
        test,
    )  # fmt: skip
    answered = [each for each in given if each.verdict != "abstain"]
    dwell = [each.dwell for each in given if each.dwell is not None]
    alarms = stamping(person, [(each.verdict, each.dwell) for each in answered], golds_known=card.shown)
    codes: dict[str, int] = {alarm.code: alarm.n for alarm in alarms}
    if card.watch.standing == "flagged":
        codes["golds"] = card.golds
    return Person(
        person=person, answers=len(given), card=card, alarms=alarms, codes=codes,
        median_dwell=float(median(dwell)) if dwell else None,
        approved=Share(hits=sum(each.verdict == "approve" for each in answered), n=len(answered), need=SHARE_FROM),
    )  # fmt: skip


def _agreements(ordinary: Sequence[Given], threshold: float) -> list[JSON]:
    by_action: dict[str, list[tuple[str, str, str | None]]] = defaultdict(list)
    for each in ordinary:
        by_action[each.action].append((each.case, each.reviewer, each.said))
    made = [_agreement(action, answers, threshold) for action, answers in sorted(by_action.items())]
    return [one for one in made if one is not None]


def _agreement(action: str, answers: list[tuple[str, str, str | None]], threshold: float) -> JSON:
    found: Agreement = agreement(answers, np.random.default_rng(0), resamples=RESAMPLES)
    if not found.cases:
        return None
    state = "not_enough"
    if found.cases >= AGREEMENT_FROM:
        alpha = found.alpha.value
        # one answer throughout: nothing can be said about telling cases apart
        state = "undefined" if alpha is None else "met" if alpha >= threshold else "below"
    return {
        "action": action, "cases": found.cases, "answers": found.answers, "need": AGREEMENT_FROM,
        "threshold": threshold, "state": state,
        **{name: _interval(getattr(found, name), found.cases) for name in ("raw", "alpha", "ac1", "fleiss")},
    }  # fmt: skip


def _interval(one: Interval, cases: int) -> JSON:
    if cases < AGREEMENT_FROM:
        return {"value": None, "low": None, "high": None}
    return {"value": one.value, "low": one.low, "high": one.high}


def _pairs(ordinary: Sequence[Given]) -> list[JSON]:
    answers = [(each.case, each.reviewer, each.said) for each in ordinary]
    return [
        {"one": pair.one, "two": pair.two, "n": pair.n, "raw": pair.raw, "kappa": pair.kappa}
        for pair in pairs(answers, least=PAIR_FROM)
    ]


def _consensus(given: Sequence[Given]) -> JSON:
    """How the answers of cases that several people judged are read, and whether that should worry anybody."""
    answers = [(each.gold or each.case, each.reviewer, _read_gold(each) if each.gold else each.said) for each in given]
    truth = {each.gold: each.truth.says for each in given if each.gold and each.truth}
    counted: dict[str, set[str]] = defaultdict(set)
    for case, reviewer, text in answers:
        if text is not None:
            counted[case].add(reviewer)
    double = sum(len(people) > 1 for people in counted.values())
    if double < AGREEMENT_FROM:
        return {"cases": double, "need": AGREEMENT_FROM, "way": None}
    made: Aggregated = aggregate(answers, truth)
    return {
        "cases": double, "need": AGREEMENT_FROM, "way": made.way, "golds": made.golds, "differs": made.differs,
        "warning": made.warning,
    }  # fmt: skip


def _fatigue(given: Sequence[Given]) -> JSON:
    begun: dict[str, tuple[int, int]] = {}
    work = []
    for each in given:
        first, last = begun.get(each.reviewer, (each.at, each.at))
        if each.at - last > REST:
            first = each.at
        begun[each.reviewer] = (first, each.at)
        if each.right is not None:
            minutes = (each.at - first) / SECOND / 60.0
            work.append(Worked(reviewer=each.reviewer, wrong=not each.right, minutes=minutes, dwell=each.dwell))
    try:
        return fatigue(work).to_json()
    except NotEnoughEvidence as error:
        return {
            "b": None, "n": len(work), "have": error.context.get("have", len(work)),
            "need": error.context.get("need", GOLDS), "said": str(error),
        }  # fmt: skip


def _asked(store: Store, workspace: str, since: int) -> dict[str, tuple[int, int]]:
    """By rule: how often it put a case before people, and how often they changed what would have happened."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for route, decision, wrong in tables.asked_rules(store, workspace, since):
        changed = bool(wrong) or decision in ("rejected", "redirected")
        for code in {reason.code for reason in route_noun(bytes(route)).reasons if reason.tier != "auto_approve"}:
            counts[code][0] += 1
            counts[code][1] += changed
    return {code: (n, changed) for code, (n, changed) in counts.items()}
