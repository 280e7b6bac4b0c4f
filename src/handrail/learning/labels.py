"""Labels from reviews and outcomes: was the proposal right?

    | what happened                            | correct                     | answer                      |
    |------------------------------------------|-----------------------------|-----------------------------|
    | approve of what was proposed             | true; unknown of an         | what was proposed           |
    |                                          | annotation or comparison    |                             |
    |                                          | that suggested nothing      |                             |
    | approve of an edited revision            | false                       | the edited arguments        |
    | edit                                     | false (true if it changed   | the edited arguments        |
    |                                          | nothing)                    |                             |
    | reject, redirect                         | false                       | none                        |
    | respond                                  | value equals the suggestion;| the value                   |
    |                                          | unknown where there is none |                             |
    | outcome                                  | as given, else value equals | the value                   |
    |                                          | what was proposed           |                             |
    | abstain, withdrawn, expired, cancelled   | no label                    |                             |

A proposal of kind `prediction`, `annotation` or `comparison` holds its answer in `arguments.suggestion` and what it was
asked about in the rest; any other proposal is itself the answer. Two answers are equal when their canonical bytes are.
"""

from __future__ import annotations

from collections.abc import Iterable

from handrail.canonical import JSON, dumps
from handrail.label import Label, LabelSource
from handrail.learning.classes import class_name
from handrail.learning.golds import known, value_of
from handrail.proposal import Proposal
from handrail.review import Review
from handrail.route import Route

SUGGESTION = "suggestion"
_SUGGESTING = ("prediction", "annotation", "comparison")


def asked(proposal: Proposal) -> JSON:
    """What the model was given, as far as the proposal says."""
    if _suggests(proposal):
        return {name: value for name, value in proposal.arguments.items() if name != SUGGESTION}
    known = {"target": proposal.target, "base": proposal.base}
    return {name: value for name, value in known.items() if value is not None}


def proposed(proposal: Proposal) -> JSON:
    """What the model answered; None where it was only asked."""
    if _suggests(proposal):
        return proposal.arguments.get(SUGGESTION)
    return None if proposal.kind == "question" else proposal.arguments


def label_review(
    review: Review,
    proposal: Proposal,
    route: Route,
    *,
    id: str,
    workspace: str,
    made_at: int,
    arguments: JSON = None,
    reviewer: str | None = None,
) -> Label | None:
    """The label one review yields; None for an abstention or a review that was taken back.

    `arguments`: what the reviewed revision held, when it was not the first. `reviewer`: the pseudonym to keep. A review
    voided by an edit is still evidence about its own revision.
    """
    if review.verdict == "abstain" or review.withdrawn_at is not None:
        return None
    answer, correct = _judged(review, proposal, proposal.arguments if arguments is None else arguments)
    source: LabelSource = "review"
    if proposal.gold is not None:
        # the model is judged by what is known, whatever this reviewer said
        truth = known(proposal.gold, proposed(proposal), proposal.kind)
        source, correct = "gold", truth.model_right
        answer = proposal.gold if truth.answer is None else value_of(truth.answer)
    elif route.spot_check:
        source = "spot_check"
    elif proposal.picked is not None:
        source = proposal.picked
    return Label(
        id=id,
        case_id=review.case_id,
        workspace=workspace,
        action=proposal.action,
        source=source,
        input=asked(proposal),
        predicted=proposed(proposal),
        answer=answer,
        correct=correct,
        confidence=proposal.confidence,
        scores=proposal.scores,
        model=proposal.model,
        policy=route.policy,
        calibrator=route.calibrator,
        reviewer=review.reviewer if reviewer is None else reviewer,
        blind=review.blind,
        verdict=review.verdict,
        inclusion=_inclusion(proposal, route.spot_check_rate if route.spot_check else route.inclusion or 1.0),
        made_at=made_at,
        stream=route.stream if route.spot_check else None,
    )


def label_outcome(
    proposal: Proposal,
    *,
    id: str,
    case_id: str,
    workspace: str,
    made_at: int,
    policy: str,
    correct: bool | None = None,
    value: JSON = None,
    calibrator: str | None = None,
    inclusion: float = 1.0,
) -> Label:
    """The label an outcome yields: ground truth, which overrides every review of the case."""
    correct = was_right(proposal, correct=correct, value=value)
    return Label(
        id=id,
        case_id=case_id,
        workspace=workspace,
        action=proposal.action,
        source="outcome",
        input=asked(proposal),
        predicted=proposed(proposal),
        answer=value,
        correct=correct,
        confidence=proposal.confidence,
        scores=proposal.scores,
        model=proposal.model,
        policy=policy,
        calibrator=calibrator,
        reviewer=None,
        blind=False,
        verdict=None,
        inclusion=_inclusion(proposal, inclusion),
        made_at=made_at,
    )


def was_right(proposal: Proposal, *, correct: bool | None, value: JSON) -> bool | None:
    """What an outcome says of the proposal: as it was told, else whether what was true is what was proposed."""
    return _equal(value, proposed(proposal)) if correct is None and value is not None else correct


def proposed_class(proposal: Proposal) -> str | None:
    """The class a proposal suggests, by name; None where it is an action rather than an answer."""
    suggestion = proposed(proposal) if _suggests(proposal) else None
    return None if suggestion is None else class_name(suggestion)


def _inclusion(proposal: Proposal, usual: float) -> float | None:
    if proposal.picked is None:
        return usual
    return proposal.chance if proposal.picked == "reserve" else None


def agreed(labels: Iterable[Label]) -> bool | None:
    """What the labels of one case come to: the latest outcome, else most reviewers; None where they tie."""
    labels = list(labels)
    outcomes = [label for label in labels if label.source == "outcome"]
    if outcomes:
        return max(outcomes, key=lambda label: (label.made_at, label.id)).correct
    latest = {label.reviewer: label.correct for label in sorted(labels, key=lambda label: (label.made_at, label.id))}
    right = sum(bool(value) for value in latest.values())
    return None if 2 * right == len(latest) else 2 * right > len(latest)


def _judged(review: Review, proposal: Proposal, arguments: JSON) -> tuple[JSON, bool | None]:
    unchanged = _equal(arguments, proposal.arguments)
    if review.verdict == "approve":
        answer = proposed(proposal) if unchanged else _answer_in(arguments, proposal)
        # of a prediction the score was put before him, and he says that it holds
        asks = _suggests(proposal) and proposal.kind != "prediction"
        return answer, None if answer is None and asks else unchanged
    if review.verdict == "edit":
        return _answer_in(review.arguments, proposal), _equal(review.arguments, proposal.arguments)
    if review.verdict == "respond":
        suggestion = proposed(proposal) if _suggests(proposal) else None
        return review.value, None if suggestion is None else _equal(review.value, suggestion)
    return None, False


def _answer_in(arguments: JSON, proposal: Proposal) -> JSON:
    if _suggests(proposal) and isinstance(arguments, dict):
        return arguments.get(SUGGESTION)
    return arguments


def _suggests(proposal: Proposal) -> bool:
    return proposal.kind in _SUGGESTING and isinstance(proposal.arguments, dict)


def _equal(one: JSON, two: JSON) -> bool:
    return dumps(one) == dumps(two)
