"""A proposal: what a program wants to do or say, before anybody has judged it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from handrail.canonical import JSON

# why a case is asked in a loop of learning: because it teaches, or drawn by chance alone
Picked = Literal["active", "reserve"]
PICKED: tuple[Picked, ...] = ("active", "reserve")

Kind = Literal["action", "prediction", "output", "plan", "question", "comparison", "annotation"]
KINDS: tuple[Kind, ...] = ("action", "prediction", "output", "plan", "question", "comparison", "annotation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What is proposed, by whom, on whose behalf, and what speaks for it.

    Only `action` must be given. Everything is plain JSON, so a proposal survives any wire.
    """

    # the name that policy knows it by: `payment_transfer`, `content_publish`, `agent_tool_call`
    action: str
    kind: Kind = "action"
    # what the action is called with; the executor runs exactly these
    arguments: JSON = field(default_factory=dict)
    # what it is done to, when that is not an argument
    target: JSON = None
    # JSON Schema of the arguments; edits are validated against it
    schema: JSON = None

    # calibrated chance of being right, 0 to 1; None when nobody knows
    confidence: float | None = None
    # raw numbers from a model; a calibrator makes `confidence` from them
    scores: JSON = None
    categories: tuple[str, ...] = ()
    # money at stake as a decimal string, and its ISO 4217 code
    amount: str | None = None
    currency: str | None = None
    environment: str | None = None

    # the human (or end principal) on whose behalf this is asked; never allowed to approve it
    principal: str | None = None
    # further people who own it or delegated it; never allowed to approve it either
    owners: tuple[str, ...] = ()
    # the program that asks
    agent: str | None = None
    # which version of the model made the scores; a calibrator fitted for another one does not apply
    model: str | None = None
    # the run it belongs to and the framework's id of this call: identity together with the digest
    run: str | None = None
    call_id: str | None = None
    # the caller's own idempotency key
    key: str | None = None

    # what the program was asked: text, or chat messages; shown to reviewers, and the prompt of training examples
    prompt: JSON = None
    # what a diff compares with: the present state, or the model's draft
    base: JSON = None
    # typed exhibits: [{"kind": "text|diff|image|table|tests|plan|json", "title", "content", "source", "trusted"}]
    evidence: tuple[JSON, ...] = ()
    # the agent's own prose: shown apart, as its words, never as fact
    agent_says: str | None = None
    # {"count", "unit", "money", "external"}: how far the effect reaches
    reach: JSON = None
    # severity if wrong, 0 upwards; weighs the queue order
    severity: float = 1.0
    harm_classes: tuple[str, ...] = ()
    # JSON pointers into arguments that hold personal values
    personal_data: tuple[str, ...] = ()

    # name of the action that takes this one back, or None when it cannot be undone
    undo: str | None = None
    # the case this proposal undoes; handrail alone says so
    undoes: str | None = None
    # what a crash means for the tool: unsafe, idempotent, queryable, transactional
    tool_class: str = "unsafe"
    # who runs it once approved: the program that asked, or a worker that serves the action
    executor: str = "caller"
    # roles asked for, and the most seconds the program can wait; a policy's own terms stay, these only narrow them
    to: tuple[str, ...] = ()
    within_seconds: int | None = None
    # a known-answer case: its answer; never delivered, never executed
    gold: JSON = None
    # asked to learn from: a person always answers, and a label of an `active` one calibrates and certifies nothing
    picked: Picked | None = None
    # the chance with which a `reserve` case was drawn, 0 to 1
    chance: float | None = None

    def record(self) -> dict[str, JSON]:
        """As plain JSON, without what is empty or as usual; the bytes that are stored are made from this."""
        made: dict[str, JSON] = {"action": self.action, "arguments": self.arguments}
        for name, usual in _USUAL:
            value = getattr(self, name)
            if value is not usual and value != usual:
                made[name] = list(value) if type(value) is tuple else value
        return made


_USUAL: tuple[tuple[str, JSON], ...] = (
    ("kind", "action"), ("target", None), ("schema", None), ("confidence", None), ("scores", None),
    ("categories", ()), ("amount", None), ("currency", None), ("environment", None), ("principal", None),
    ("owners", ()), ("agent", None), ("model", None), ("run", None), ("call_id", None), ("key", None),
    ("prompt", None), ("base", None),
    ("evidence", ()), ("agent_says", None), ("reach", None), ("severity", 1.0), ("harm_classes", ()),
    ("personal_data", ()), ("undo", None), ("undoes", None), ("tool_class", "unsafe"),
    ("executor", "caller"), ("to", ()), ("within_seconds", None), ("gold", None),
    ("picked", None), ("chance", None),
)  # fmt: skip
