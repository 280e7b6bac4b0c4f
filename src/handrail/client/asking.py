"""What the client asks of people: a question, a plan or output to look over, a model's answer to confirm.

Written once, as flows, for blocking and asynchronous callers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import TypeAdapter

from handrail.calibration.sources import mean_of_members
from handrail.canonical import JSON
from handrail.client import flows
from handrail.client.run import current_run
from handrail.client.steps import Answered, Await, Submit
from handrail.decision import Decision
from handrail.errors import InvalidInput
from handrail.lifecycle.submit import LONGEST_WAIT
from handrail.proposal import Proposal

Reviewed = Literal["plan", "output"]
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(s|m|min|h|d)", re.ASCII)
_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}


def submit(proposal: Proposal) -> flows.Flow[Answered]:
    """Hand it over; how it stands."""
    answered: Answered = yield Submit(proposal=_in_run(proposal))
    return answered


def _settled(proposal: Proposal, timeout: float | None) -> flows.Flow[Decision]:
    proposal = _in_run(proposal)
    answered: Answered = yield Submit(proposal=proposal)
    if answered.decision is not None:
        return answered.decision
    return (yield from flows.decided(answered.case_id, proposal, timeout=timeout))


def ask(
    question: str, schema: Any, to: str | None, within: str | float | None, choices: Sequence[JSON] | None,
    timeout: float | None, key: str | None,
) -> flows.Flow[Any]:  # fmt: skip
    """A question; its answer, validated as `schema`."""
    adapter = TypeAdapter(schema)
    arguments: dict[str, JSON] = {"question": question}
    if choices is not None:
        arguments["choices"] = list(choices)
    proposal = Proposal(
        action="question", kind="question", arguments=arguments, schema=adapter.json_schema(), key=key,
        to=() if to is None else (to.removeprefix("role:") if isinstance(to, str) else to,),
        within_seconds=seconds_of(within),
    )  # fmt: skip
    decision = yield from _settled(proposal, timeout)
    decision.raise_unless_approved()
    return adapter.validate_python(decision.value) if decision.kind == "responded" else None


def review(
    plan: Any, schema: Any, action: str | None, kind: Reviewed, timeout: float | None, key: str | None
) -> flows.Flow[Any]:
    """A plan or an output, as people left it."""
    adapter = TypeAdapter(type(plan) if schema is None else schema)
    shape = adapter.json_schema()
    definitions = shape.pop("$defs", None)
    whole: dict[str, JSON] = {"type": "object", "properties": {kind: shape}, "required": [kind]}
    if definitions is not None:
        whole["$defs"] = definitions
    proposal = Proposal(
        action=action or kind, kind=kind, arguments={kind: adapter.dump_python(plan, mode="json")}, schema=whole,
        key=key,
    )  # fmt: skip
    decision = yield from _settled(proposal, timeout)
    decision.raise_unless_approved()
    return adapter.validate_python(decision.value if decision.kind == "responded" else decision.arguments[kind])


def predict(
    action: str, x: JSON, scores: Mapping[str, float] | Sequence[Any], labels: Sequence[str] | None,
    timeout: float | None, says: dict[str, Any],
) -> flows.Flow[Any]:  # fmt: skip
    """A model's answer; the label that stands."""
    members = _members(scores)
    by_label = _by_label(mean_of_members(members) if members else scores, labels)
    taken = sorted(set(says) & {"confidence", "scores", "action", "kind", "arguments"})
    if taken:
        raise InvalidInput(f"predict makes {', '.join(taken)} itself", remedy="Give them as scores, or use propose.")
    best = max(by_label, key=lambda label: by_label[label])
    proposal = Proposal(
        action=action, kind="prediction", arguments={"input": x, "suggestion": best, "choices": list(by_label)},
        scores=members or list(by_label.values()), confidence=by_label[best], **says,
    )  # fmt: skip
    decision = yield from _settled(proposal, timeout)
    decision.raise_unless_approved()
    return decision.value if decision.kind == "responded" else decision.arguments["suggestion"]


def decision(case_id: str, timeout: float | None) -> flows.Flow[Decision | None]:
    """The decision of a case, waiting up to `timeout` seconds for it (None: for ever)."""
    found: Decision | None = yield Await(case_id=case_id, timeout=timeout)
    return found


def as_it_is(decision: Decision) -> flows.Flow[Decision]:
    """What a handle on a plain proposal makes of its decision: nothing."""
    yield from ()
    return decision


def seconds_of(text: str | float | None) -> int | None:
    """`"2h"`, `"90s"`, `"15 min"`, `"1d"` or a number of seconds. Raises `InvalidInput`."""
    if text is None:
        return None
    match = _DURATION.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is not None:
        seconds = float(match[1]) * _UNITS[match[2]]
    elif isinstance(text, int | float) and not isinstance(text, bool):
        seconds = text
    else:
        seconds = 0.0
    if not 0 < seconds <= LONGEST_WAIT:
        said = repr(text)[:100] if isinstance(text, str | int | float) else type(text).__name__
        raise InvalidInput(
            f"{said} is no time of up to {LONGEST_WAIT // 86_400} days", remedy="Write 90s, 15m, 2h or 1d."
        )
    return max(1, int(seconds))


def _members(scores: Any) -> list[Any] | None:
    """Vectors of an ensemble's members as plain lists or objects; None for a single vector."""
    if isinstance(scores, str | bytes | Mapping) or not isinstance(scores, Sequence) or not scores:
        return None
    if all(isinstance(one, Mapping) for one in scores):
        return [dict(one) for one in scores]
    plain = all(isinstance(one, Sequence) and not isinstance(one, str | bytes) for one in scores)
    return [list(one) for one in scores] if plain else None


def _by_label(scores: Any, labels: Sequence[str] | None) -> dict[str, float]:
    """The model's scores by label. Raises `InvalidInput` for what is not one score a label."""
    remedy = "Give {label: score, …}, or a list of scores with labels=[…]."
    if isinstance(scores, Mapping):
        made = dict(scores)
    elif isinstance(scores, Sequence) and not isinstance(scores, str | bytes):
        names = list(map(str, range(len(scores)))) if labels is None else list(labels)
        if len(names) != len(scores):
            raise InvalidInput(f"{len(scores)} scores for {len(names)} labels", remedy=remedy)
        made = dict(zip(names, scores, strict=True))
    else:
        raise InvalidInput(f"scores cannot be {type(scores).__name__}", remedy=remedy)
    if not made or not all(isinstance(score, int | float) for score in made.values()):
        raise InvalidInput("predict needs a number for each label, and at least one", remedy=remedy)
    return made


def _in_run(proposal: Proposal) -> Proposal:
    run = current_run()
    if run is None or proposal.run is not None:
        return proposal
    return run.place(proposal)
