"""What a decided case teaches a language model, lesson by lesson.

    | verdict or event    | sft                 | preference                | kto                  | steps     |
    |---------------------|---------------------|---------------------------|----------------------|-----------|
    | approve by a person | what was approved   | –                         | true                 | true      |
    | edit                | the edited one      | edited over proposed      | –                    | –         |
    | reject              | –                   | –                         | false                | false     |
    | respond             | the answer          | –                         | –                    | –         |
    | redirect            | –                   | later approved over first | false                | false     |
    | comparison, ratings | –                   | better over worse         | top and bottom rated | –         |
    | both bad            | –                   | –                         | both false           | –         |
    | outcome             | withdraws, confirms | withdraws                 | overrides            | overrides |
    | abstain, expired, cancelled, gold, `auto_approve` alone: nothing                                           |

An edit is no condemnation of what was proposed, so it yields no kto row. Later approved over first needs the same
prompt in the same run.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from handrail.canonical import JSON, dumps
from handrail.errors import InvalidInput
from handrail.learning.comparison import both_bad, compared, preferred, ratings
from handrail.learning.example import Example, Lesson, Messages, answer_from, call_of, messages_from, text_of
from handrail.learning.labels import SUGGESTION, asked
from handrail.learning.preferences import split_of
from handrail.proposal import Proposal
from handrail.review import Review

# whatever was said of them was not enough
_UNSETTLED = ("expired", "cancelled")
_SAID = frozenset({"approve", "edit", "reject", "respond", "redirect"})


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A case that is over: what was proposed, what people said of its first revision, how it turned out."""

    case_id: str
    proposal: Proposal
    policy: str
    submitted_at: int
    # how it was decided; None: it was let through, and people looked afterwards
    decision: str | None
    # effective reviews; withdrawn ones left out
    reviews: tuple[Review, ...] = ()
    # arguments as they were approved in the end
    approved: JSON = None
    # the latest outcome: was it right? None: none came, or it does not say
    outcome: bool | None = None


@dataclass(slots=True)
class Dropped:
    """Cases that yielded nothing though people judged them, by reason."""

    counts: Counter[str]

    def add(self, reason: str) -> None:
        self.counts[reason] += 1


def examples(histories: Iterable[History], lesson: Lesson, dropped: Dropped) -> Iterator[Example]:
    """The examples of one lesson, oldest first. Needs all cases of a run for `steps` and for redirected ones."""
    told: Iterable[History] = (one for one in histories if one.proposal.gold is None and one.decision not in _UNSETTLED)
    if lesson in ("steps", "preference"):
        # these look across the cases of a run
        told = list(told)
    if lesson == "steps":
        yield from _steps(told, dropped)
        return
    if lesson == "preference":
        yield from _redirected(told, dropped)
    for history in told:
        try:
            yield from _LESSONS[lesson](history)
        except InvalidInput as error:
            dropped.add(str(error))


def prompt_of(proposal: Proposal) -> Messages:
    """What the program was asked. Raises `InvalidInput` where the proposal does not say."""
    if proposal.prompt is not None:
        return messages_from(proposal.prompt)
    arguments = proposal.arguments if isinstance(proposal.arguments, dict) else {}
    for name in ("prompt", "messages", "question"):
        if name in arguments:
            return messages_from(arguments[name])
    given = {
        name: value for name, value in _object(asked(proposal)).items() if name not in ("choices", "answer_schema")
    }
    if not given:
        raise InvalidInput("no prompt", remedy="Give proposals a prompt: text or chat messages.")
    return messages_from(next(iter(given.values())) if len(given) == 1 else given)


def answer_of(proposal: Proposal, arguments: JSON) -> Messages:
    """What the program answers with these arguments: a call of a tool, or the answer itself."""
    if proposal.kind == "action":
        return call_of(proposal.action, arguments, proposal.call_id)
    if proposal.kind in ("prediction", "annotation", "comparison"):
        return answer_from(_object(arguments).get(SUGGESTION))
    held = _object(arguments)
    return answer_from(held[proposal.kind] if set(held) == {proposal.kind} else arguments)


def _sft(history: History) -> Iterator[Example]:
    if history.outcome is False or history.proposal.kind == "comparison":
        return
    answer = _answered(history)
    if answer is not None:
        yield _example(history, "sft", answer_from(answer))
        return
    if history.decision == "approved" and (_last(history, "approve") or _last(history, "edit")):
        arguments = history.proposal.arguments if history.approved is None else history.approved
        yield _example(history, "sft", answer_of(history.proposal, arguments))


def _answered(history: History) -> JSON:
    """What most people answered, each counted once with the latest answer; None where they tie or nobody did."""
    latest = {one.reviewer: one.value for one in sorted(history.reviews, key=lambda r: (r.given_at, r.id))
              if one.verdict == "respond"}  # fmt: skip
    said = Counter(dumps(value) for value in latest.values()).most_common(2)
    if not said or history.decision == "rejected" or (len(said) > 1 and said[0][1] == said[1][1]):
        return None
    return next(value for value in latest.values() if dumps(value) == said[0][0])


def _preference(history: History) -> Iterator[Example]:
    if history.outcome is False:
        return
    if history.proposal.kind == "comparison":
        found = preferred(history.reviews, history.proposal)
        if found is not None:
            yield _example(history, "preference", answer_from(found.chosen), rejected=answer_from(found.rejected),
                           margin=found.margin)  # fmt: skip
        return
    for review in _last(history, "edit"):
        if dumps(review.arguments) != dumps(history.proposal.arguments):
            yield _example(history, "preference", answer_of(history.proposal, review.arguments),
                           rejected=answer_of(history.proposal, history.proposal.arguments))  # fmt: skip


def _kto(history: History) -> Iterator[Example]:
    proposal = history.proposal
    if proposal.kind == "comparison":
        held = compared(proposal)
        for side, good in _rated(history):
            yield _example(history, "kto", answer_from(held[side]), good=good)
        return
    if proposal.kind in ("question",) or not any(review.verdict in _SAID for review in history.reviews):
        return
    right = _was_right(history)
    if right is not None:
        yield _example(history, "kto", answer_of(proposal, proposal.arguments), good=right)


def _rated(history: History) -> Iterator[tuple[str, bool]]:
    if both_bad(history.reviews, history.proposal):
        yield from (("a", False), ("b", False))
        return
    given = ratings(history.reviews, history.proposal)
    if given is not None and given["a"] != given["b"]:
        best = max(given, key=lambda side: given[side])
        yield from ((side, side == best) for side in ("a", "b"))


def _steps(told: Iterable[History], dropped: Dropped) -> Iterator[Example]:
    """One example a run in which every step was judged; the run ends at its first wrong step."""
    by_run: dict[str, list[History]] = defaultdict(list)
    for history in told:
        if history.proposal.run is not None and history.proposal.kind in ("action", "output", "plan"):
            by_run[history.proposal.run].append(history)
    for run in by_run.values():
        taken: list[History] = []
        right: list[bool] = []
        for history in sorted(run, key=lambda one: (one.submitted_at, one.case_id)):
            good = _was_right(history)
            if good is None:
                break
            taken.append(history)
            right.append(good)
        if not taken:
            dropped.add("a run whose first step nobody judged")
            continue
        try:
            steps = tuple(_step_text(one.proposal) for one in taken)
            made = _example(taken[0], "steps", (), steps=steps, right=tuple(right))
        except InvalidInput as error:
            dropped.add(str(error))
            continue
        yield made


def _was_right(history: History) -> bool | None:
    """By its outcome, else by what people agreed on; None where that is not known."""
    if history.outcome is not None:
        return history.outcome
    judged = {review.verdict for review in history.reviews}
    for_it, against = "approve" in judged, bool(judged & {"reject", "redirect"})
    return None if for_it == against or judged & {"edit", "respond"} else for_it


def _step_text(proposal: Proposal) -> str:
    if proposal.agent_says:
        return proposal.agent_says
    return f"{proposal.action} {text_of(proposal.arguments)}" if proposal.kind == "action" else text_of(
        _object(proposal.arguments).get(proposal.kind, proposal.arguments)
    )  # fmt: skip


def _redirected(told: Iterable[History], dropped: Dropped) -> Iterator[Example]:
    """What was approved later in the run for the same prompt, over what was sent back."""
    waiting: dict[tuple[str, str, bytes], list[History]] = defaultdict(list)
    for history in sorted(told, key=lambda one: (one.submitted_at, one.case_id)):
        if history.proposal.run is None:
            continue
        try:
            key = (history.proposal.run, history.proposal.action, dumps(list(prompt_of(history.proposal))))
        except InvalidInput:
            continue
        if _last(history, "redirect"):
            waiting[key].append(history)
        elif history.decision == "approved" and history.outcome is not False and _last(history, "approve"):
            for first in waiting.pop(key, ()):
                try:
                    yield _example(
                        history, "preference", answer_of(history.proposal, history.proposal.arguments),
                        rejected=answer_of(first.proposal, first.proposal.arguments),
                    )  # fmt: skip
                except InvalidInput as error:
                    dropped.add(str(error))


_LESSONS = {"sft": _sft, "preference": _preference, "kto": _kto}


def _example(history: History, lesson: Lesson, completion: Messages, **fields: object) -> Example:
    proposal = history.proposal
    prompt = prompt_of(proposal)
    called = proposal.kind == "action" and isinstance(proposal.schema, dict)
    tool = {"type": "function", "function": {"name": proposal.action, "parameters": proposal.schema}}
    made = Example(
        lesson=lesson, case_id=history.case_id, prompt=prompt, completion=completion,
        tools=(tool,) if called and completion else (),
        origin={
            "action": proposal.action, "reviewers": sorted({review.reviewer for review in history.reviews}),
            "policy": history.policy, "model": proposal.agent,
            "consensus": _consensus(history), "blind": bool(history.reviews) and all(r.blind for r in history.reviews),
            # runs are split by run, so that steps of one never stand on both sides
            "split": split_of(proposal.run if lesson == "steps" and proposal.run else list(prompt)),
        },
        **fields,  # type: ignore[arg-type]
    )  # fmt: skip
    made.check()
    return made


def _consensus(history: History) -> float | None:
    """The share of reviewers who said what most said."""
    said = Counter(
        review.verdict if review.verdict != "respond" else text_of(review.value) for review in history.reviews
    )
    return round(max(said.values()) / said.total(), 4) if said else None


def _last(history: History, verdict: str) -> list[Review]:
    """The latest review with this verdict, if there is one."""
    found = [review for review in history.reviews if review.verdict == verdict]
    return sorted(found, key=lambda review: (review.given_at, review.id))[-1:]


def _object(value: JSON) -> dict[str, JSON]:
    return value if isinstance(value, dict) else {}
