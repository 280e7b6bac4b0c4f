"""Integrations reached by name: the module of a framework is imported when its user asks for it, and not before."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from types import ModuleType

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
