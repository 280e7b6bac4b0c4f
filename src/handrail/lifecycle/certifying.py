"""What a threshold is certified on, and what is known of reviewers, read from the store."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from handrail.calibration.confusion import Confusion, learn_confusion
from handrail.canonical import JSON, parse
from handrail.errors import InvalidInput
from handrail.intake import proposal_from
from handrail.label import Label
from handrail.learning.uniform import Drawn, Sample, uniform_sample
from handrail.lifecycle import rows
from handrail.lifecycle.exporting import labels
from handrail.proposal import Proposal
from handrail.store import drawn as reads
from handrail.store.engine import Store


def uniform(store: Store, workspace: str, action: str, *, since: int = 0) -> Sample:
    """The uniform sample of an action. `since`: only cases submitted from then on, in microseconds."""
    found = [one for row in reads.drawn(store, workspace, action, since=since) if (one := _drawn(row)) is not None]
    through = reads.let_through(store, workspace, action, since=since)
    return uniform_sample(found, labels(store, workspace, action=action), let_through=through, salt=action)


def reviewers(store: Store, workspace: str, action: str) -> tuple[Confusion, int]:
    """How reviewers of an action err, from golds and outcomes; and on how many cases that rests."""
    outcomes: dict[str, bool] = {}
    answers: dict[str, list[Label]] = defaultdict(list)
    pairs: list[tuple[bool, bool]] = []
    for label in labels(store, workspace, action=action):
        if label.source == "outcome" and label.correct is not None:
            outcomes[label.case_id] = label.correct
        elif label.source == "gold" and label.correct is not None and label.verdict not in (None, "abstain"):
            pairs.append((label.correct, label.verdict == "approve"))
        elif label.correct is not None and label.source in ("review", "spot_check"):
            answers[label.case_id].append(label)
    pairs += [(right, bool(one.correct)) for case, right in outcomes.items() for one in answers.get(case, [])]
    # right is class 0, wrong class 1
    made = learn_confusion([int(not truth) for truth, _ in pairs], [int(not said) for _, said in pairs])
    return made, len(pairs)


def _drawn(row: Any) -> Drawn | None:
    route = rows.route_noun(row.route)
    proposal = _proposal(row)
    if proposal is None or proposal.picked is not None or row.decision == "cancelled":
        return None
    checked = row.tier == "auto_approve"
    if checked and (not route.spot_check or route.stream == "weighted"):
        return None
    score: JSON = proposal.confidence if proposal.scores is None else proposal.scores
    return Drawn(
        case_id=row.case_id,
        submitted_at=row.submitted_at,
        spot_check=checked,
        chance=route.spot_check_rate if checked else 1.0,
        waiting=row.state == "open",
        score=score,
    )


def _proposal(row: Any) -> Proposal | None:
    try:
        return proposal_from(parse(bytes(row.bytes)))
    except InvalidInput:
        # erased: what is left is no proposal any more
        return None
