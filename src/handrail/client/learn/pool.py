"""The pool: the unlabelled cases a loop may ask about, from a file or from memory."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from handrail.canonical import JSON, digest, dumps, parse
from handrail.errors import InvalidInput, MalformedJSON, Unreadable
from handrail.learning.kmeans import Floats
from handrail.learning.samplers import sound_features

ID_COLUMNS = ("id", "item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One case of the pool: its name, and what a reviewer and a model are given."""

    id: str
    input: dict[str, JSON]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Cases in a fixed order; rows of scores and features follow it."""

    items: tuple[Item, ...]
    # what a case is like, as numbers; None where nobody gave any
    features: Floats | None = None

    def __len__(self) -> int:
        return len(self.items)

    @property
    def digest(self) -> str:
        """Over ids and inputs in their order: a loop goes on only with the pool it was begun with."""
        return digest(dumps([[item.id, item.input] for item in self.items]))


def pool_of(cases: Iterable[Any], features: Any = None) -> Pool:
    """A pool from memory: texts, or objects; an object may name itself `id` and hold the rest below `input`.

    Raises `InvalidInput` for an empty pool, for an id that comes twice, and for features that do not fit.
    """
    if isinstance(cases, Pool):
        return Pool(items=cases.items, features=cases.features if features is None else _fitting(features, len(cases)))
    items = tuple(_item(case, number) for number, case in enumerate(cases))
    if not items:
        raise InvalidInput("the pool holds no case", remedy="Give unlabelled cases to choose from.")
    seen: set[str] = set()
    for item in items:
        if item.id in seen:
            raise InvalidInput(f"two cases of the pool are called {item.id!r}", remedy="Give each its own id.")
        seen.add(item.id)
    return Pool(items=items, features=None if features is None else _fitting(features, len(items)))


def read_pool(path: str | Path, features: str | Path | None = None) -> Pool:
    """A pool from FILE.jsonl (a text or an object a line) or FILE.csv (a case a row, columns by name)."""
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".jsonl", ".ndjson", ".csv"):
        raise InvalidInput(f"{path} tells no format", remedy="End the pool's name in .jsonl or .csv.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    cases = _csv(text, path) if suffix == ".csv" else _jsonl(text, path)
    return pool_of(cases, None if features is None else read_features(features))


def read_features(path: str | Path) -> Floats:
    """Numbers of FILE.npy or FILE.csv (no header), one row a case of the pool."""
    return sound_features(read_array(Path(path)))


def read_array(path: Path) -> Any:
    """A .npy array (never a pickle), or a .csv of numbers. Raises `Unreadable`."""
    try:
        if path.suffix.lower() == ".npy":
            return np.load(path, allow_pickle=False)
        return np.loadtxt(path, delimiter=",", ndmin=2)
    except (OSError, ValueError, EOFError) as error:
        raise Unreadable(f"{path}: {getattr(error, 'strerror', None) or error}") from None


def _fitting(features: Any, cases: int) -> Floats:
    x = sound_features(features)
    if len(x) != cases:
        raise InvalidInput(f"{len(x)} rows of features for {cases} cases", remedy="Give one row a case, in order.")
    return x


def _item(case: Any, number: int) -> Item:
    if isinstance(case, Item):
        return case
    if isinstance(case, str):
        return Item(id=str(number), input={"text": case})
    if not isinstance(case, dict):
        raise InvalidInput(f"case {number} of the pool is {type(case).__name__}", remedy="Give texts or objects.")
    name = next((case[column] for column in ID_COLUMNS if column in case), number)
    given = case.get("input", {key: value for key, value in case.items() if key not in ID_COLUMNS})
    given = {"text": given} if isinstance(given, str) else given
    taken = sorted({"choices", "suggestion"} & set(given)) if isinstance(given, dict) else ["?"]
    if not isinstance(given, dict) or not given or taken:
        said = "is empty or no object" if taken in ([], ["?"]) else f"holds {taken[0]!r}, which the loop fills in"
        raise InvalidInput(f"the input of case {name} {said}", remedy='Write {"id": …, "input": {"text": …}}.')
    dumps(given)
    return Item(id=str(name), input=given)


def _jsonl(text: str, path: Path) -> Sequence[Any]:
    made = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                made.append(parse(line))
            except MalformedJSON as error:
                raise Unreadable(f"{path}:{number}: {error}") from None
    return made


def _csv(text: str, path: Path) -> Sequence[Any]:
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise Unreadable(f"{path}: {error}") from None
    if any(None in row or None in row.values() for row in rows):
        raise Unreadable(f"{path}: a row has more or fewer cells than the header")
    return rows


def items_as_jsonl(pool: Pool) -> bytes:
    """The pool as a training command reads it: one object a line, in the order of the scores."""
    return b"".join(
        json.dumps({"id": item.id, "input": item.input}, ensure_ascii=False).encode() + b"\n" for item in pool.items
    )
