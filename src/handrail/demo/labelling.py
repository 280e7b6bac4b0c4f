"""Image labelling that teaches a model: pictures are proposed with its scores, people answer what it is unsure of.

After each round the model is trained on what people said (the labels handrail kept). Of those that chance alone drew,
with cross-fitted scores, a part fits a calibrator, which is installed, and the rest certifies a threshold, which is put
into the policy; what was picked to learn from measures nothing. A model that cannot be certified does not replace one
that was.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handrail.calibration.calibrator import Calibrator
from handrail.calibration.fit import fit
from handrail.calibration.thresholds import Threshold, choose_threshold
from handrail.client.client import Client
from handrail.client.pending import Pending
from handrail.decision import Decision
from handrail.demo.digits import CLASSES, Digits, Floats, Model, cross_fitted
from handrail.demo.plan import Plan
from handrail.demo.png import data_url
from handrail.demo.saying import APPROVE, Saying, respond
from handrail.demo.terms import SPOT_CHECKS
from handrail.errors import NotEnoughEvidence
from handrail.label import Label
from handrail.learning.queries import RESERVE, choose, cold_start, partition
from handrail.learning.rounds import Round
from handrail.lifecycle import rounds
from handrail.lifecycle.actor import ALL_SCOPES, Actor
from handrail.lifecycle.labels import label_noun
from handrail.proposal import Proposal
from handrail.store import training

LABEL, TEACH = "image_label", "image_teach"
CALIBRATOR = "digits"
LEARNER = Actor(kind="agent", pid="labeller", name="labeller", scopes=ALL_SCOPES, auth="local")
CHOICES = [str(digit) for digit in range(CLASSES)]
SCALE = 8
# rounds in which pictures are asked just because they teach
TEACHING_ROUNDS = 3
# share of what chance drew that fits the calibrator; the rest certifies
FITS = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What routes now: a model, and with enough evidence its calibrator and threshold."""

    model: Model
    calibrator: Calibrator | None = None
    threshold: Threshold | None = None

    @property
    def cut(self) -> float | None:
        """Let through at or above this confidence; None: nothing."""
        return None if self.threshold is None else self.threshold.value


@dataclass(frozen=True, slots=True)
class _Asked:
    item: int
    pending: Pending[Decision]
    suggestion: int | None


class Labelling:
    """The stream of pictures and the model that learns from the answers."""

    def __init__(
        self, client: Client, digits: Digits, plan: Plan, seed: int, policy: Callable[[float | None], str]
    ) -> None:
        self.client = client
        self.digits = digits
        self.plan = plan
        self.policy = policy
        self.serving: Serving | None = None
        self.finished: list[Round] = []
        self._seed = seed
        self._rng = np.random.default_rng(seed)
        order = self._rng.permutation(len(digits.truth))
        self._test = order[: plan.held_out]
        pool = order[plan.held_out : plan.held_out + plan.pool]
        cut = partition(len(pool), self._rng)
        # asked because they teach, and in an order drawn before anything was scored
        self._pool, self._reserve = pool[cut.active], pool[cut.reserve].tolist()
        self._stream = order[plan.held_out + plan.pool :]
        self._asked: list[_Asked] = []
        self._teach: tuple[int, ...] = ()
        # drawn by chance alone: shown before there was a threshold, of the pool's reserve, and spot checks
        self.drawn: set[int] = set()

    @property
    def more(self) -> bool:
        """Whether another whole round of pictures is there."""
        return (len(self.finished) + 1) * self.plan.per_round <= len(self._stream)

    @property
    def error(self) -> float:
        """Share of the held-out pictures that the serving model gets wrong."""
        if self.serving is None:
            return 1.0
        said = self.serving.model.margins(self.digits.features[self._test]).argmax(axis=1)
        return float((said != self.digits.truth[self._test]).mean())

    # --- asking -----------------------------------------------------------------------------------

    def begin(self) -> list[Pending[Decision]]:
        """Ask about the first pictures, those that cover the variety best; there is no model yet."""
        pool = self._pool
        chosen = cold_start(self.digits.features[pool], self.plan.first, self._rng)
        self._asked = [self._ask(TEACH, item, None) for item in self._take_from_pool(chosen)]
        return [asked.pending for asked in self._asked]

    def open_round(self) -> list[Pending[Decision]]:
        """Propose the next part of the stream, and what teaches most."""
        assert self.serving is not None, "begin and learn first"
        number = len(self.finished)
        part = self._stream[number * self.plan.per_round : (number + 1) * self.plan.per_round]
        margins = self.serving.model.margins(self.digits.features[part])
        self._asked = [self._ask(LABEL, int(item), row) for item, row in zip(part, margins, strict=True)]
        if self.serving.cut is None:
            self.drawn.update(map(int, part))
        self._asked += [self._ask(TEACH, item, None) for item in self._teach]
        return [asked.pending for asked in self._asked]

    def close_round(self) -> Round:
        """Every picture of the round is settled: record its figures and learn from it."""
        assert self.serving is not None
        looked_at = {label.case_id for label in self._labels(LABEL)}
        reviewed = [a.pending.tier != "auto_approve" or a.pending.case_id in looked_at for a in self._asked]
        passed = [a for a in self._asked if a.pending.tier == "auto_approve"]
        wrong = [a for a in passed if a.suggestion != self.digits.truth[a.item]]
        made = Round(
            round=len(self.finished), proposals=len(self._asked), reviewed=sum(reviewed),
            review_rate=sum(reviewed) / len(reviewed), model_error=self.error,
            passed_error=len(wrong) / len(passed) if passed else None,
        )  # fmt: skip
        record = rounds.Record(actor=LEARNER, action=LABEL, figures=made, threshold=self.serving.cut)
        self.client.plane.run(rounds.record, record)
        self.finished.append(made)
        self.learn()
        return made

    def _ask(self, action: str, item: int, margins: Floats | None) -> _Asked:
        arguments: dict[str, Any] = {
            "image": data_url(self.digits.grey(item), scale=SCALE), "item": item, "choices": CHOICES,
        }  # fmt: skip
        suggestion = None if margins is None else int(margins.argmax())
        if suggestion is not None:
            arguments["suggestion"] = str(suggestion)
        proposal = Proposal(
            action=action, kind="annotation", arguments=arguments, agent=LEARNER.name, key=f"{action}/{item}",
            scores=None if margins is None else [round(float(value), 5) for value in margins],
        )  # fmt: skip
        return _Asked(item, self.client.propose(proposal), suggestion)

    # --- learning ---------------------------------------------------------------------------------

    def learn(self) -> None:
        """Train on every answer so far; put the result into service if it can be certified."""
        items, answers = self.answered()
        features, truth = self.digits.features[items], np.array(answers, dtype=np.int64)
        fresh = Serving(model=Model(features, truth))
        margins = cross_fitted(features, truth, np.random.default_rng(self._seed))
        right = margins.argmax(axis=1) == truth
        fits = np.array([item in self.drawn and self._coin(f"fit/{item}") < FITS for item in items])
        certifies = np.array([item in self.drawn for item in items]) & ~fits
        try:
            calibrator = fit(
                "auto", margins[fits], right[fits], scale="logit", action=LABEL,
                fitted_at=self.client.plane.clock.now(),
            )  # fmt: skip
            found = choose_threshold(calibrator.apply_many(margins[certifies]), right[certifies], self.plan.target)
            if found.value is not None:
                fresh = replace(fresh, calibrator=calibrator, threshold=found)
        except NotEnoughEvidence:
            pass
        if fresh.cut is not None or self.serving is None or self.serving.cut is None:
            self._serve(fresh)
        self._choose_what_teaches()

    def _serve(self, fresh: Serving) -> None:
        self.serving = fresh
        if fresh.calibrator is not None:
            self.client.call("calibrator", name=CALIBRATOR, calibrator=fresh.calibrator.to_json())
            self.client.set_policy(self.policy(fresh.cut))

    def _choose_what_teaches(self) -> None:
        self._teach = ()
        if len(self.finished) >= TEACHING_ROUNDS or self.serving is None or not len(self._pool):
            return
        held = round(self.plan.teach * RESERVE)
        drawn, self._reserve = self._reserve[:held], self._reserve[held:]
        self.drawn.update(drawn)
        features = self.digits.features[self._pool]
        chances = _chances(self.serving.model.margins(features))
        chosen = choose(chances, self.plan.teach - len(drawn), self._rng, features=features, reserve=0.0)
        self._teach = (*self._take_from_pool(chosen.doubtful), *drawn)

    def answered(self) -> tuple[list[int], list[int]]:
        """Pictures with what people said of them. People who tie say nothing."""
        by_item: dict[int, list[Label]] = defaultdict(list)
        for label in (*self._labels(TEACH), *self._labels(LABEL)):
            if label.answer is not None:
                by_item[label.input["item"]].append(label)
        items, answers = [], []
        for item, labels in sorted(by_item.items()):
            counted = Counter(str(label.answer) for label in labels).most_common(2)
            if len(counted) > 1 and counted[0][1] == counted[1][1]:
                continue
            items.append(item)
            answers.append(int(counted[0][0]))
            # drawn by chance: spot checks of what went through, and of what did not the same share
            if labels[0].source == "spot_check" or (labels[0].action == LABEL and self._coin(item) < SPOT_CHECKS):
                self.drawn.add(item)
        return items, answers

    def _coin(self, what: object) -> float:
        return random.Random(f"{self._seed}/{what}").random()

    def _labels(self, action: str) -> list[Label]:
        plane = self.client.plane
        found = (label_noun(row[1]) for row in training.labels(plane.store, plane.workspace_id, action=action))
        return [label for label in found if label.source != "outvoted"]

    def _take_from_pool(self, places: Sequence[int]) -> tuple[int, ...]:
        taken = tuple(int(self._pool[place]) for place in places)
        self._pool = np.delete(self._pool, list(places))
        return taken

    # --- what a careful person says ---------------------------------------------------------------

    def right(self, record: dict[str, Any]) -> Saying:
        """The digit, or agreement with the model that found it."""
        truth = str(self.digits.truth[record["arguments"]["item"]])
        return APPROVE if record["arguments"].get("suggestion") == truth else respond(truth)

    def slip(self, record: dict[str, Any], rng: random.Random) -> Saying:
        """Another digit."""
        truth = int(self.digits.truth[record["arguments"]["item"]])
        return respond(str((truth + rng.randint(1, CLASSES - 1)) % CLASSES))


def _chances(margins: NDArray[np.float64]) -> NDArray[np.float64]:
    raised = np.exp(margins - margins.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float64)
