"""One training and what it is worth: measured on the reserve by models that have not seen it, and calibrated there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from handrail.calibration.calibrator import Calibrator
from handrail.calibration.fit import fit
from handrail.client.learn.pool import Pool
from handrail.client.learn.rounds import Learned
from handrail.client.learn.trainers import Trainer, Training, chances_of
from handrail.errors import InvalidInput
from handrail.learning.curve import Measured, measured
from handrail.learning.kmeans import Floats, Ints
from handrail.learning.queries import needs_more_classes
from handrail.learning.stopping import kappa

# under so many reserve labels learning at random is not tried: half of them would be measured with the other half
LEAST_COMPARED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """A closed round, and what it leaves behind; None where nothing could be trained yet."""

    learned: Learned
    chances: Floats | None = None
    calibrator: Calibrator | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """Trains and measures, round after round."""

    pool: Pool
    trainer: Trainer
    choices: tuple[str, ...]
    # rows on which successive models are compared
    fixed: Ints
    seed: int
    folds: int
    compare: bool
    action: str

    def teach(
        self, active: Sequence[int], reserve: Sequence[int], answers: Mapping[int, str], *, round: int,
        before: Learned | None, now: int,
    ) -> Taught:  # fmt: skip
        """Train on `active` rows (and the reserve, if it trains), and measure on `reserve`, which is in draw order.

        While all answers are one and the same nothing is trained: the next round is then drawn at random.
        """
        taught = [*active, *reserve] if self.folds else list(active)
        learned = Learned(
            round=round, asked=0, unanswered=0, trained_on=0, reserve_labels=len(reserve), kappa=None,
            reserve=Measured(right=0, n=0), calibrator="nothing is trained yet",
        )  # fmt: skip
        if needs_more_classes([answers[row] for row in taught]):
            return Taught(learned=learned)
        chances = self._train(taught, answers, round)
        unseen = self._unseen(chances, taught, reserve, answers, round)
        truth = np.array([self.choices.index(answers[row]) for row in reserve], dtype=np.int64)
        said = chances[self.fixed].argmax(axis=1)
        drawn, drawn_labels = self._at_random(reserve, answers, round)
        learned = replace(
            learned, trained_on=len(taught), reserve=measured(unseen.argmax(axis=1), truth),
            kappa=self._kappa(said, before, taught), said=tuple(said.tolist()), at_random=drawn,
            at_random_labels=drawn_labels,
        )  # fmt: skip
        fitted, losses, words = self._calibrated(unseen, truth, now)
        return Taught(learned=replace(learned, log_loss=losses, calibrator=words), chances=chances, calibrator=fitted)

    def _train(self, rows: Sequence[int], answers: Mapping[int, str], round: int) -> Floats:
        training = Training(
            pool=self.pool, choices=self.choices, rows=tuple(rows), answers=tuple(answers[row] for row in rows),
            round=round, seed=self.seed,
        )  # fmt: skip
        return chances_of(self.trainer(training), training)

    def _unseen(
        self, chances: Floats, taught: Sequence[int], reserve: Sequence[int], answers: Mapping[int, str], round: int
    ) -> Floats:
        """Chances of the reserve by models that were not trained on it."""
        if not self.folds or not reserve:
            return chances[list(reserve)]
        made = np.empty((len(reserve), len(self.choices)))
        fold = np.arange(len(reserve)) % min(self.folds, len(reserve))
        for number in range(int(fold.max()) + 1):
            left_out = {row for row, part in zip(reserve, fold, strict=True) if part == number}
            rows = [row for row in taught if row not in left_out]
            if needs_more_classes([answers[row] for row in rows]):
                # the rest is all of one kind, and so says the model
                made[fold == number] = [answers[rows[0]] == choice for choice in self.choices] if rows else 0.0
            else:
                made[fold == number] = self._train(rows, answers, round)[[r for r in reserve if r in left_out]]
        return made

    def _at_random(
        self, reserve: Sequence[int], answers: Mapping[int, str], round: int
    ) -> tuple[Measured | None, int | None]:
        """Train on the first half of the reserve alone, and measure on the second."""
        if not self.compare or len(reserve) < LEAST_COMPARED:
            return None, None
        first, second = reserve[: len(reserve) // 2], reserve[len(reserve) // 2 :]
        if needs_more_classes([answers[row] for row in first]):
            return None, None
        said = self._train(first, answers, round)[list(second)].argmax(axis=1)
        truth = np.array([self.choices.index(answers[row]) for row in second])
        return measured(said, truth), len(first)

    def _kappa(self, said: Ints, before: Learned | None, taught: Sequence[int]) -> float | None:
        """Agreement with the model before, on fixed cases that taught neither of them."""
        if before is None or len(before.said) != len(said):
            return None
        open_ = ~np.isin(self.fixed, list(taught))
        rows = open_ if open_.any() else ~open_
        return kappa(np.array(before.said)[rows], said[rows]) if len(said) else None

    def _calibrated(
        self, unseen: Floats, truth: Ints, now: int
    ) -> tuple[Calibrator | None, tuple[float, float] | None, str]:
        """A calibrator fitted on the reserve, or why there is none yet."""
        right = unseen.argmax(axis=1) == truth
        try:
            fitted = fit("auto", unseen if len(unseen) else [], right, fitted_at=now, action=self.action)
        except InvalidInput as error:
            return None, None, str(error)
        before, after = fitted.metrics["log_loss"]
        return fitted, (float(before), float(after)), fitted.method
