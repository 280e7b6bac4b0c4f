"""Terms: how an action is proposed, whoever calls it: a gated function or an agent framework's tool."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from handrail.canonical import JSON
from handrail.client.drive import is_asynchronous
from handrail.errors import InvalidInput
from handrail.execution import need_hold
from handrail.proposal import Proposal

Computed = Any
"""A value, or a function of the call's arguments that returns it."""

# what terms may say about a proposal, each a value or a function of the arguments
SAYS = (
    "confidence", "scores", "model", "categories", "amount", "currency", "environment", "principal", "owners", "key",
    "base", "prompt", "evidence", "agent_says", "reach", "severity", "harm_classes", "personal_data", "target",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How an action is proposed. Raises `InvalidInput` when it says what a proposal cannot hold."""

    action: str
    agent: str | None = None
    tool_class: str = "unsafe"
    undo: Callable[..., Any] | None = None
    # shows what would happen: its result becomes evidence
    preview: Callable[..., Any] | None = None
    probe: Callable[[str], bool | None] | None = None
    key_parameter: str | None = None
    lasting: float = 300.0
    says: dict[str, Computed] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = sorted(set(self.says) - set(SAYS))
        if unknown:
            raise InvalidInput(f"a gate cannot say {', '.join(unknown)}", remedy=f"It can say: {', '.join(SAYS)}.")
        if self.tool_class == "queryable" and self.probe is None:
            raise InvalidInput(
                "a queryable tool needs probe=…", remedy="Give a function from key to True, False or None."
            )
        need_hold("lasting", self.lasting)
        for name in ("probe", "preview"):
            function = getattr(self, name)
            if function is not None and is_asynchronous(function):
                raise InvalidInput(f"{name}= is a coroutine function", remedy="Give it a plain function.")

    def saying(self, says: Mapping[str, Computed]) -> Terms:
        """The same with more said."""
        return replace(self, says={**self.says, **says})


def proposed(
    terms: Terms, arguments: dict[str, JSON], *, schema: JSON, load: Callable[[JSON], dict[str, Any]]
) -> Proposal:
    """The proposal of one call. `load` makes what the function itself would get, for the preview."""
    says = {name: _computed(value, arguments) for name, value in terms.says.items()}
    if isinstance(says.get("amount"), tuple):
        says["amount"], says["currency"] = says["amount"]
    if says.get("amount") is not None:
        says["amount"] = str(says["amount"])
    for name in ("categories", "owners", "harm_classes", "personal_data", "evidence"):
        if name in says:
            says[name] = _several(name, says[name])
    if terms.preview is not None:
        shown = terms.preview(**load(arguments))
        says["evidence"] = (*says.get("evidence", ()), _exhibit(shown))
    return Proposal(
        action=terms.action, arguments=arguments, schema=schema, tool_class=terms.tool_class,
        undo=None if terms.undo is None else f"{terms.action}.undo", agent=terms.agent,
        **{name: value for name, value in says.items() if value is not None},
    )  # fmt: skip


def _computed(value: Computed, arguments: dict[str, JSON]) -> Any:
    return value(**arguments) if callable(value) else value


def _several(name: str, said: Any) -> tuple[JSON, ...]:
    """One text is one category or owner and not its letters; one exhibit is not its names."""
    alone = isinstance(said, (str, Mapping)) if name == "evidence" else isinstance(said, str)
    return (said,) if said and alone else tuple(said or ())


def _exhibit(shown: Any) -> JSON:
    """A preview as evidence: text, or an exhibit spelled out."""
    if isinstance(shown, dict) and "kind" in shown and "content" in shown:
        return shown
    kind = "diff" if isinstance(shown, str) and ("\n@@" in shown or shown.startswith("--- ")) else "text"
    if not isinstance(shown, str):
        kind = "json"
    return {"kind": kind, "title": "Preview", "content": shown, "source": "preview", "trusted": True}
