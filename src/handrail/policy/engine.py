"""The CEL library's compiled part, without the command line and terminal toolkit its package imports.

Importing the package as a whole takes more than half of the time that `import handrail` may take.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from types import ModuleType


def compiled_cel() -> ModuleType:
    """The module with `Context` and `compile`. Falls back to the whole package where the parts lie elsewhere."""
    name = "cel.cel"
    if name in sys.modules:
        return sys.modules[name]
    package = find_spec("cel")
    found = PathFinder.find_spec(name, package.submodule_search_locations) if package else None
    if found is None or found.loader is None:
        return import_module("cel")
    module = module_from_spec(found)
    # under its own name, so that a later `import cel` finds the same module
    sys.modules[name] = module
    found.loader.exec_module(module)
    return module
