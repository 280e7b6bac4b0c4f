"""Which of the next few cases a person takes: the one where his answer is worth most more than anybody's.

The queue keeps its order beyond that: a case is overtaken only by one that stands at most `SPAN_SECONDS` behind it, so
nobody's expertise elsewhere leaves it lying.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from handrail.clock import SECOND
from handrail.errors import InvalidInput
from handrail.learning.asking import advantage
from handrail.lifecycle import fusing, rows
from handrail.lifecycle.actor import Actor
from handrail.store import statements
from handrail.store.tx import Tx

# how many cases are weighed for one person
WINDOW = 8
SPAN_SECONDS = 300

Head = tuple[int, str, int]
"""(sort key, case id, lane)."""


def heads(tx: Tx, actor: Actor, lanes: Sequence[int], handles: Mapping[str, str]) -> list[Head]:
    """The next cases of these lanes, best for this person first."""
    found = [
        (row[0], row[1], lane)
        for lane in lanes
        for row in tx.run(statements.ready_next, lane=lane, limit=WINDOW, **handles)
    ]
    found = sorted(found)[:WINDOW]
    return ranked(found, [_gain(tx, actor, case_id) for _, case_id, _ in found])


def ranked(found: Sequence[Head], gains: Sequence[float], *, span: int = SPAN_SECONDS * SECOND) -> list[Head]:
    """Cases in queue order, with those near enough to the first put in the order of their gains; ties as they stood."""
    if not found:
        return []
    near = [(gain, head) for gain, head in zip(gains, found, strict=True) if head[0] <= found[0][0] + span]
    first = [head for _, head in sorted(near, key=lambda each: -each[0])]
    return [*first, *(head for head in found if head[0] > found[0][0] + span)]


def _gain(tx: Tx, actor: Actor, case_id: str) -> float:
    """How much more this person's answer is worth than anybody's; 0 where nothing is known."""
    row = rows.proposal(tx, actor.workspace, case_id)
    fusion = fusing.newest(tx, actor.workspace, row.action)
    if fusion is None or actor.pid not in fusion.people:
        return 0.0
    chances = fusing.model_chances(tx, row, row.record())
    if chances is None or set(chances) != set(fusion.classes):
        return 0.0
    try:
        return advantage(fusion, [chances[name] for name in fusion.classes], actor.pid)
    except InvalidInput:
        return 0.0
