"""A text-moderation stream: a real model proposes, the real people answer, and fewer questions need asking.

Data: davidson_tweets (tweets with the votes of three or more people each). Each round a text model proposes a label for
every tweet of the stream. The policy lets through what is confident enough, samples some of that for a spot check, and
puts the rest before people: the real votes of that tweet, drawn without replacement, two people and a third where they
differ. After the round the model is trained on what people said, a calibrator is fitted on cross-fitted scores, and a
threshold is certified for the next round on uniformly drawn cases. A new model replaces the serving one
only if it is certified to let as much through.

Run: python bench/loops/davidson.py DATA [--rounds 6] [--per-round 1000] [--target 0.06] [--seed 0] [--client FOLDER]
Prints a JSON line a round. DATA is the folder of data sets.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from client_desk import client_desks
from desk import Desk, PureDesk, Standing
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits

from handrail.calibration.calibrator import Calibrator
from handrail.calibration.fit import fit
from handrail.calibration.thresholds import choose_threshold
from handrail.errors import NotEnoughEvidence
from handrail.learning.rounds import Round, run_round
from handrail.policy.evaluate import compile_text
from handrail.proposal import Proposal

LABELS = ("hate", "neither", "offensive")
SPOT_CHECKS = 0.1
POLICY = """\
name: moderation
escalation_policies:
  - action_type: content_publish
    auto_approve_threshold: {threshold}
    soft_review_threshold: {threshold}
    spot_check_rate: {spot_checks}
review_settings: {{min_reviewers_per_task: 2}}
"""

DeskFactory = Callable[[str], Desk]
"""From the text of a policy to a desk that works by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tweet:
    text: str
    # what each person said, one entry a person
    votes: tuple[str, ...]
    majority: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One answered case, as training needs it."""

    text: str
    answer: str
    # in the uniform sample: drawn by chance alone, whatever the confidence
    uniform: bool
    # 1 / P(this case was looked at)
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What one round taught; None where there is not enough evidence."""

    model: Any = None
    calibrator: Calibrator | None = None
    # certified: the error of what is let through at or above it is at most the target, with chance 0.9
    threshold: float | None = None
    bound: float | None = None
    # share of the uniform sample that it would let through
    automation: float = 0.0
    round: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One round: what `learning.rounds` says, and what it took."""

    figures: Round
    threshold: float | None
    # bound on the error of what this round lets through; None when nothing could be certified
    bound: float | None
    calibrator: str | None
    log_loss: list[float] | None
    # the round after which the serving model was trained
    learned_in: int | None
    answers: int
    escalated: int
    unsettled: int
    spot_checked: int


def read_tweets(data: Path, limit: int | None = None) -> list[Tweet]:
    with gzip.open(data / "davidson_tweets" / "items.csv.gz", "rt", encoding="utf-8", newline="") as lines:
        made = []
        for row in csv.DictReader(lines):
            votes = tuple(label for label in LABELS for _ in range(int(row[f"votes_{label}"])))
            made.append(Tweet(text=row["text"], votes=votes, majority=row["majority"]))
            if len(made) == limit:
                break
    return made


def pure_desk(policy: str) -> Desk:
    return PureDesk(compile_text(policy), checkers=2)


def play(
    tweets: Sequence[Tweet],
    *,
    rounds: int = 6,
    per_round: int = 1_000,
    held_out: int = 2_000,
    target: float = 0.06,
    seed: int = 0,
    desk_for: DeskFactory = pure_desk,
) -> list[Figures]:
    """Play the loop. The first round has no model: people answer everything."""
    # the matrices are small: threads of the linear algebra only get in each other's way, the more so on a busy machine
    with threadpool_limits(1):
        return _play(tweets, Terms(rounds, per_round, held_out, target, seed), desk_for)


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one play, as `play` explains them."""

    rounds: int
    per_round: int
    held_out: int
    target: float
    seed: int


def _play(tweets: Sequence[Tweet], terms: Terms, desk_for: DeskFactory) -> list[Figures]:
    rounds, per_round, held_out = terms.rounds, terms.per_round, terms.held_out
    target, seed = terms.target, terms.seed
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(tweets))
    test = [tweets[i] for i in order[:held_out]]
    stream = [tweets[i] for i in order[held_out : held_out + rounds * per_round]]
    known: list[Case] = []
    serving = Learned()
    made = []
    for number in range(rounds):
        part = stream[number * per_round : (number + 1) * per_round]
        model, threshold = serving.model, serving.threshold
        desk = desk_for(POLICY.format(threshold=1.0 if threshold is None else threshold, spot_checks=SPOT_CHECKS))
        seen = _play_round(part, desk, serving, rng)
        known += seen.cases
        right = [t.majority == said for t, said in zip(part, seen.said, strict=True)]
        test_right = None if model is None else model.predict([t.text for t in test]) == [t.majority for t in test]
        made.append(
            Figures(
                figures=run_round(
                    number, confidence=seen.confidence, right=right, threshold=threshold, held_out_right=test_right
                ),
                threshold=threshold,
                bound=serving.bound,
                calibrator=None if serving.calibrator is None else serving.calibrator.method,
                log_loss=None if serving.calibrator is None else serving.calibrator.metrics["log_loss"],
                learned_in=serving.round,
                answers=seen.answers,
                escalated=seen.escalated,
                unsettled=seen.unsettled,
                spot_checked=seen.spot_checked,
            )
        )
        held = [
            s.reasons
            for s, c in zip(seen.standings, seen.confidence, strict=True)
            if c >= _cut(threshold) and s.decision != "approved"
        ]
        if held:
            raise AssertionError(f"the policy held back {len(held)} that its threshold lets through: {held[0]}")
        learned = learn(known, target, seed, number)
        if learned.automation >= serving.automation:
            serving = learned
    return made


def _cut(threshold: float | None) -> float:
    return 2.0 if threshold is None else threshold


@dataclass(slots=True)
class _Seen:
    cases: list[Case]
    standings: list[Standing]
    confidence: list[float]
    said: list[str]
    answers: int = 0
    escalated: int = 0
    unsettled: int = 0
    spot_checked: int = 0


def _play_round(part: Sequence[Tweet], desk: Desk, serving: Learned, rng: np.random.Generator) -> _Seen:
    seen = _Seen([], [], [], [])
    model, calibrator = serving.model, serving.calibrator
    scores = None if model is None else model.predict_proba([t.text for t in part])
    for i, tweet in enumerate(part):
        vector = None if scores is None else scores[i].tolist()
        said = None if vector is None else str(model.classes_[int(np.argmax(vector))])
        confidence = calibrator.apply(vector) if calibrator is not None and vector is not None else None
        proposal = Proposal(
            action="content_publish",
            kind="prediction",
            arguments={"text": tweet.text, "suggestion": said},
            scores=None if vector is None else dict(zip(map(str, model.classes_), vector, strict=True)),
            confidence=confidence,
        )
        draw = float(rng.random())
        standing = desk.propose(proposal, draw=draw)
        seen.confidence.append(-1.0 if confidence is None else confidence)
        seen.said.append(said or "")
        seen.standings.append(standing)
        if not standing.open:
            continue
        seen.spot_checked += standing.after
        answer = _ask(tweet, said, standing, Asking(desk, rng, seen))
        if answer is not None:
            uniform = model is None or draw < SPOT_CHECKS
            seen.cases.append(
                Case(
                    text=tweet.text,
                    answer=answer,
                    uniform=uniform,
                    weight=1 / SPOT_CHECKS if standing.after else 1.0,
                )
            )
    return seen


@dataclass(frozen=True, slots=True)
class Asking:
    """Where the answers go, how people are drawn, and what is counted."""

    desk: Desk
    rng: np.random.Generator
    seen: _Seen


def _ask(tweet: Tweet, said: str | None, standing: Standing, asking: Asking) -> str | None:
    """Ask the tweet's own people, one after another, until it is settled; None when they run out."""
    desk, seen, contradicted = asking.desk, asking.seen, False
    for person, vote in enumerate(asking.rng.permutation(np.array(tweet.votes)).tolist()):
        if vote == said:
            standing = desk.answer(standing.case_id, f"person-{person}", "approve")
        else:
            standing = desk.answer(standing.case_id, f"person-{person}", "respond", value=vote)
        seen.answers += 1
        contradicted = contradicted or standing.escalated
        if not standing.open:
            seen.escalated += contradicted
            return said if standing.value is None else str(standing.value)
        if standing.escalated and desk.leads:
            break
    seen.escalated += contradicted
    for lead in desk.leads:
        # a lead knows what most of the tweet's people said
        same = tweet.majority == said
        standing = desk.answer(
            standing.case_id, lead, "approve" if same else "respond", value=None if same else tweet.majority
        )
        seen.answers += 1
        if not standing.open:
            return said if standing.value is None else str(standing.value)
    seen.unsettled += 1
    return None


def learn(known: Sequence[Case], target: float, seed: int, number: int) -> Learned:
    """Model, calibrator, threshold and its bound from all answered cases; what cannot be had yet is None."""
    texts, truth = [case.text for case in known], np.array([case.answer for case in known])
    pipeline = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True), LogisticRegression(C=10.0, max_iter=500)
    )
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    # cross-fitted: no score comes from a model that has seen the case
    scores = cross_val_predict(pipeline, texts, truth, cv=folds, method="predict_proba")
    model = pipeline.fit(texts, truth)
    correct = model.classes_[scores.argmax(axis=1)] == truth
    weights = [case.weight for case in known]
    try:
        calibrator = fit("auto", scores, correct, fitted_at=number, weights=weights, action="content_publish")
    except NotEnoughEvidence:
        return Learned(model=model, round=number)
    uniform = np.array([case.uniform for case in known])
    try:
        found = choose_threshold(calibrator.apply_many(scores[uniform]), correct[uniform], target)
    except NotEnoughEvidence:
        return Learned(model=model, calibrator=calibrator, round=number)
    return Learned(
        model=model,
        calibrator=calibrator,
        threshold=found.value,
        bound=None if found.value is None else found.bound,
        automation=found.automation,
        round=number,
    )


def as_json(found: Figures) -> dict[str, Any]:
    row = asdict(found)
    return {**row.pop("figures"), **row}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--per-round", type=int, default=1_000)
    parser.add_argument("--target", type=float, default=0.06)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--client", type=Path, metavar="FOLDER", help="through the real client, on SQLite in FOLDER")
    given = parser.parse_args()
    tweets = read_tweets(given.data)
    asked = {"rounds": given.rounds, "per_round": given.per_round, "target": given.target, "seed": given.seed}
    with ExitStack() as held:
        desk_for: DeskFactory = pure_desk if given.client is None else held.enter_context(client_desks(given.client))
        for found in play(tweets, desk_for=desk_for, **asked):
            print(json.dumps(as_json(found)))


if __name__ == "__main__":
    main()
