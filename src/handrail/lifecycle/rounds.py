"""Rounds: whoever trains a model writes down what the round asked of people and how wrong the model still is."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from handrail.canonical import digest, dumps
from handrail.entry import need_name
from handrail.errors import Conflict, InvalidInput
from handrail.learning.rounds import Round
from handrail.lifecycle.actor import Actor
from handrail.store import schema
from handrail.store.tx import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The figures of one finished round of one action. `threshold`: what it let through unasked; None: nothing."""

    actor: Actor
    action: str
    figures: Round
    threshold: float | None = None


def record(tx: Tx, command: Record) -> None:
    """Keep a round's figures. Raises `InvalidInput` for shares outside [0, 1], `Conflict` for a round known already."""
    command.actor.need_scope("submit")
    need_name("action", command.action)
    made = command.figures
    for name, share in (
        ("review_rate", made.review_rate), ("model_error", made.model_error), ("passed_error", made.passed_error)
    ):  # fmt: skip
        if share is not None and not (math.isfinite(share) and 0.0 <= share <= 1.0):
            raise InvalidInput(f"{name} must be a share between 0 and 1, not {share}")
    if made.round < 0 or not 0 <= made.reviewed <= made.proposals:
        raise InvalidInput(f"round {made.round} reviewed {made.reviewed} of {made.proposals}: that cannot be")
    row = asdict(made) | {"threshold": command.threshold}
    known = {"workspace": command.actor.workspace, "action": command.action}
    if not tx.add_unless_known(schema.training_round, [known | row | {"at": tx.now}]):
        raise Conflict(f"round {made.round} of {command.action} was recorded before", remedy="Number rounds from 0 on.")
    tx.entry(
        command.actor.workspace, "training.done", command.actor.entry(),
        training={"action": command.action, "round": made.round, "outcome": digest(dumps(row))},
    )  # fmt: skip
