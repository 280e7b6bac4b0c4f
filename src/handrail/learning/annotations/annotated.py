"""An annotated case, in the one form that every other is read into and written from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

from handrail.canonical import JSON, digest, dumps

MarkKind = Literal["choice", "span", "box", "rating", "text", "pairwise", "ranking"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One answer to one question. What `value` holds, by kind:

    choice, text: a list of strings; rating: a number; pairwise: `left` or `right`; ranking: names, best first;
    span: {start, end, labels}, offsets in characters (not UTF-16 units), end excluded;
    box: {x, y, width, height, labels, unit, rotation?, image?}: unit `percent` or `pixel`, origin top left, rotation in
    degrees, image the [width, height] in pixels.
    """

    question: str
    kind: MarkKind
    value: JSON
    # the field of the input it is about; None where the form does not say
    about: str | None = None
    id: str | None = None
    # a model's score of this mark alone
    score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What one person answered."""

    id: str | None
    reviewer: str | None
    marks: tuple[Mark, ...] = ()
    # looked, and would not say
    abstained: bool = False
    # the known answer
    gold: bool = False
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggested:
    """What one model said."""

    model: str | None
    marks: tuple[Mark, ...] = ()
    score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotated:
    """One case with what models and people said of it."""

    case: str
    input: Mapping[str, JSON]
    given: tuple[Given, ...] = ()
    suggested: tuple[Suggested, ...] = ()

    @property
    def marks(self) -> tuple[Mark, ...]:
        """Everybody's, people first."""
        return tuple(mark for one in self.given for mark in one.marks) + tuple(
            mark for one in self.suggested for mark in one.marks
        )

    @property
    def digest(self) -> str:
        """SHA-256 of its canonical bytes: equal after a round trip, or something was lost."""
        return digest(dumps(self.to_json()))

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "case": self.case, "input": dict(self.input), "given": [_plain(one) for one in self.given],
            "suggested": [_plain(one) for one in self.suggested],
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What a file held: cases, and by case what it says beyond them."""

    cases: tuple[Annotated, ...]
    beyond: dict[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Rows for a file, by case what its form cannot hold (for `*.lossless.jsonl`), and that in words with counts."""

    rows: JSON
    beyond: dict[str, JSON] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)


def lossless_rows(beyond: Mapping[str, JSON]) -> list[dict[str, JSON]]:
    """The side-car's lines."""
    return [{"case": case, "beyond": rest} for case, rest in beyond.items()]


def beyond_of(rows: Sequence[Mapping[str, JSON]]) -> dict[str, JSON]:
    """The side-car's lines, read."""
    return {str(row["case"]): row["beyond"] for row in rows}


def mark_from(plain: Mapping[str, Any]) -> Mark:
    """A mark from plain JSON."""
    return Mark(**plain)


def is_marked(value: JSON) -> bool:
    """Whether an answer is one by marks, be they well formed or not."""
    return isinstance(value, dict) and set(value) == {"marks"}


def malformed(plain: JSON) -> str | None:
    """What keeps plain JSON from being a mark, in words; None where it is one."""
    if not isinstance(plain, dict):
        return "is no object"
    if missing := [name for name in ("question", "kind", "value") if name not in plain]:
        return f"has no {missing[0]}"
    if unknown := sorted(set(plain) - {one.name for one in fields(Mark)}):
        return f"has {unknown[0]!r}, which no mark has"
    if not isinstance(plain["question"], str) or not plain["question"]:
        return "names no question"
    if not all(plain.get(name) is None or isinstance(plain[name], str) for name in ("about", "id")):
        return "has an about or id that is no text"
    if plain.get("score") is not None and not _is_number(plain["score"]):
        return "has a score that is no number"
    kind = plain["kind"]
    if kind not in get_args(MarkKind):
        return f"is of no known kind: {', '.join(get_args(MarkKind))}"
    return None if _FITS[kind](plain["value"]) else f"has a value that is no {kind}"


def case_from(plain: Mapping[str, Any]) -> Annotated:
    """A case from what `to_json` made."""
    return Annotated(
        case=plain["case"], input=plain["input"],
        given=tuple(Given(**{**one, "marks": tuple(map(mark_from, one["marks"]))}) for one in plain["given"]),
        suggested=tuple(
            Suggested(**{**one, "marks": tuple(map(mark_from, one["marks"]))}) for one in plain["suggested"]
        ),
    )  # fmt: skip


def _plain(one: Given | Suggested) -> dict[str, Any]:
    return {**asdict(one), "marks": [asdict(mark) for mark in one.marks]}


def _is_number(value: JSON) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_texts(value: JSON) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _are_words(value: JSON) -> bool:
    """Choices may be numbers too."""
    return isinstance(value, list) and all(isinstance(one, str | int | float) for one in value)


def _is_span(value: JSON) -> bool:
    if not isinstance(value, dict) or set(value) != {"start", "end", "labels"} or not _are_texts(value["labels"]):
        return False
    start, end = value["start"], value["end"]
    return type(start) is int and type(end) is int and 0 <= start <= end


def _is_box(value: JSON) -> bool:
    needed = {"x", "y", "width", "height", "labels", "unit"}
    if not isinstance(value, dict) or not needed <= set(value) <= needed | {"rotation", "image"}:
        return False
    size = value.get("image", [1, 1])
    return (
        all(_is_number(value[name]) for name in ("x", "y", "width", "height"))
        and _are_texts(value["labels"])
        and value["unit"] in ("percent", "pixel")
        and _is_number(value.get("rotation", 0))
        and isinstance(size, list)
        and len(size) == 2
        and all(map(_is_number, size))
    )


_FITS: dict[str, Callable[[JSON], bool]] = {
    "choice": _are_words, "text": _are_texts, "rating": _is_number, "span": _is_span, "box": _is_box,
    "pairwise": lambda value: value in ("left", "right"), "ranking": lambda value: isinstance(value, list),
}  # fmt: skip
