"""Integrations reached by name: the module of a framework is imported when its user asks for it, and not before."""

from __future__ import annotations

import importlib
import importlib.util
import json
import pkgutil
from importlib import resources
from types import ModuleType
from typing import Any

from handrail.errors import InvalidInput

PACKAGE = "handrail.integrations"


def integrations() -> tuple[str, ...]:
    """The names of all integrations there are, whether or not their frameworks are installed."""
    found = importlib.util.find_spec(PACKAGE)
    where = [] if found is None else found.submodule_search_locations
    return tuple(sorted(module.name for module in pkgutil.iter_modules(where)))


def integration(name: str) -> ModuleType:
    """The module of that integration. Raises `InvalidInput` when there is none, or its framework is not installed."""
    if name not in integrations():
        raise InvalidInput(f"no integration is called {name!r}", remedy=f"There are: {', '.join(integrations())}.")
    try:
        return importlib.import_module(f"{PACKAGE}.{name}")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("handrail"):
            raise
        raise InvalidInput(
            f"the integration {name!r} needs {error.name}, which is not installed",
            remedy=f"Install the extra: handrail[{name.replace('_', '-')}].",
        ) from None


def matrix() -> dict[str, dict[str, Any]]:
    """What the conformance list found, by framework, when this handrail was made: cells, their parts, versions."""
    found = (json.loads(path.read_text(encoding="utf-8")) for path in _recorded())
    return {framework["framework"]: framework for framework in found}


def standing(cell: dict[str, Any]) -> str:
    """A cell in one word: holds, impossible, partly (the rest is impossible), or broken."""
    results = {part["result"] for part in cell["parts"].values()}
    if "broken" in results:
        return "broken"
    return results.pop() if len(results) == 1 else "partly"


def _recorded() -> list[Any]:
    folder = resources.files(PACKAGE) / "results"
    every = folder.iterdir() if folder.is_dir() else iter(())
    return sorted((path for path in every if path.name.endswith(".json")), key=lambda path: path.name)
