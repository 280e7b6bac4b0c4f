"""The frameworks that tests run against, each in a virtual environment of its own.

pyproject.toml is the only list: the extra of a framework is what its users install, the dependency group
`integration-<extra>` what its tests need beside it. Every such group is an environment.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "integration-"


@dataclass(frozen=True, slots=True)
class Environment:
    """One framework: its module and test folder are called `name`, its extra `extra`."""

    extra: str

    @property
    def name(self) -> str:
        return self.extra.replace("-", "_")

    @property
    def group(self) -> str:
        return PREFIX + self.extra

    @property
    def folder(self) -> Path:
        """Where it is installed."""
        return ROOT / ".venvs" / self.name

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def tests(self) -> Path:
        return ROOT / "tests" / "integrations" / self.name

    @property
    def module(self) -> Path | None:
        """The integration itself: a file or a package; None while nobody wrote it."""
        beside = ROOT / "src" / "handrail" / "integrations" / self.name
        found = beside if beside.is_dir() else beside.with_suffix(".py")
        return found if found.exists() else None

    def digest(self) -> str:
        """What is installed there changes exactly when this does."""
        project, groups = _pyproject()["project"], _pyproject()["dependency-groups"]
        installed = {
            "python": sys.version_info[:3],
            "dependencies": project["dependencies"],
            "extras": [project["optional-dependencies"][name] for name in (self.extra, "postgres")],
            "scripts": project["scripts"],
            "groups": [groups[name] for name in (self.group, "integration")],
        }
        return hashlib.sha256(json.dumps(installed, sort_keys=True).encode()).hexdigest()[:16]


def environments() -> tuple[Environment, ...]:
    """All of them, by name."""
    extras = _pyproject()["project"]["optional-dependencies"]
    groups = _pyproject()["dependency-groups"]
    found = sorted(name.removeprefix(PREFIX) for name in groups if name.startswith(PREFIX))
    unknown = [name for name in found if name not in extras]
    if unknown:
        raise ValueError(f"groups without an extra of that name in pyproject.toml: {', '.join(unknown)}")
    return tuple(map(Environment, found))


def _pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())
