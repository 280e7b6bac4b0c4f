"""The table: framework x behaviour. A test is one part of a cell; what it finds is kept, and written when asked for.

HANDRAIL_CONFORMANCE_RESULTS=<folder> writes `<framework>.json` there, from which the docs' table is made.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

from handrail.testing.conformance.harness import Harness
from handrail.testing.conformance.scene import read_json

VARIABLE = "HANDRAIL_CONFORMANCE_RESULTS"

CELLS: dict[str, str] = {
    "C1": "One effect under two answers",
    "C2": "One effect under a retry layer",
    "C3": "A kill between effect and checkpoint repeats nothing",
    "C4": "Parallel calls are answered by id",
    "C5": "Parallel pauses all survive",
    "C6": "Some may be decided before others",
    "C7": "A malformed answer leaves the case answerable",
    "C8": "A wake without a decision does nothing",
    "C9": "A rejected call never runs",
    "C10": "Errors fail closed",
    "C11": "What was approved is what runs",
    "C12": "An edit is judged on the form",
    "C13": "An edit reaches the tool once",
    "C14": "Equal calls are two calls",
    "C15": '"Always" never widens',
    "C16": "A new process goes on after a kill",
    "C17": "A late answer is refused",
    "C18": "An abandoned pause cancels its case",
    "C19": "An undeclared tool goes up or is refused",
    "C20": "A halt stops what was approved",
    "C21": "Nothing leaks into the framework's state",
}

F = TypeVar("F", bound=Callable[..., None])


def cell(name: str, part: str) -> Callable[[F], F]:
    """This test is that part of that cell.

    A harness's contract declares in `impossible`, by cell ("C5") or part ("C5 restart"), what its framework cannot
    reach, and why; such a test passes without running, and the table says so.
    """
    assert name in CELLS

    def wrap(test: F) -> F:
        @functools.wraps(test)
        def checked(self: Any, *args: Any, **kwargs: Any) -> None:
            why = self.impossible.get(f"{name} {part}") or self.impossible.get(name)
            if why is not None:
                note(self.harness, name, part, {"result": "impossible", "why": why})
                return
            try:
                test(self, *args, **kwargs)
            except BaseException:
                note(self.harness, name, part, {"result": "broken"})
                raise
            note(self.harness, name, part, {"result": "holds"})

        return checked  # type: ignore[return-value]

    return wrap


# what this process found, so that a part which broke once stays broken whatever a later parameter does
_found: dict[tuple[str, str, str], str] = {}


def note(harness: type[Harness], name: str, part: str, found: dict[str, str]) -> None:
    """Keep what was found, if somebody wants it."""
    if VARIABLE not in os.environ or not harness.framework:
        return
    key = (harness.framework, name, part)
    if _found.setdefault(key, found["result"]) == "broken":
        found = {"result": "broken"}
    elif found["result"] == "broken":
        _found[key] = "broken"
    path = Path(os.environ[VARIABLE]) / f"{harness.framework}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = read_json(path, {}).get("cells", {})
    parts = kept.get(name, {}).get("parts", {}) | {part: found}
    kept[name] = {"law": CELLS[name], "parts": dict(sorted(parts.items()))}
    cells = {key: kept[key] for key in CELLS if key in kept}
    made = {"framework": harness.framework, "versions": _versions(harness.packages), "cells": cells}
    path.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n")


def _versions(packages: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
