"""The agent frameworks of this machine: which are installed, whether their adapters load, what holds with each."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from importlib import metadata
from typing import Any

from handrail.cli.guests import integration, integrations, matrix, standing
from handrail.errors import InvalidInput

SIGNS = {"holds": "+", "partly": "~", "impossible": "-", "broken": "!"}
LEGEND = (
    "+ holds, ~ holds in part, - that framework cannot (docs/reference/frameworks.md says why), ! broken, . not run"
)
NOT_RUN = "."


@dataclass(frozen=True, slots=True, kw_only=True)
class Framework:
    """One framework, or one way of using it. `state`: ok, bad (its adapter does not load) or absent."""

    name: str
    state: str
    # versions of its packages here (None: not installed), and those that the conformance list was run with
    versions: dict[str, str | None] = field(default_factory=dict)
    run_with: dict[str, str] = field(default_factory=dict)
    text: str = ""
    remedy: str = ""
    # by way of using it: the standing of each cell
    conformance: dict[str, dict[str, str]] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        return asdict(self)


def frameworks(only: str | None = None) -> list[Framework]:
    """All there are adapters for, by name, or one of them. What is installed is imported."""
    if only is not None and only not in integrations():
        # says which there are
        integration(only)
    found = [_looked_at(name) for name in integrations() if only in (None, name)]
    return found if only else [*found, *_without_framework()]


def told(found: list[Framework]) -> Iterator[str]:
    """In lines for a terminal."""
    for one in found:
        if one.state == "absent":
            continue
        versions = ", ".join(f"{package} {number}" for package, number in one.versions.items())
        yield f"{one.state:4}  {one.name}: {versions or 'needs no framework'}{_differing(one)}"
        if one.text:
            yield f"      {one.text}"
        if one.remedy:
            yield f"      {one.remedy}"
    yield from _table([one for one in found if one.state != "absent"])
    absent = [one for one in found if one.state == "absent"]
    if absent:
        yield "not installed:"
        yield from (f"      {one.name}: {one.remedy}" for one in absent)


def _looked_at(name: str) -> Framework:
    extra = name.replace("_", "-")
    versions = {package: _version(package) for package in _packages(extra)}
    install = f'pip install "handrail[{extra}]"'
    recorded = {key: made for key, made in matrix().items() if key == extra or key.startswith(f"{extra}-")}
    said: dict[str, Any] = {
        "name": name, "versions": versions, "conformance": _standings(recorded),
        "run_with": {package: number for made in recorded.values() for package, number in made["versions"].items()},
    }  # fmt: skip
    if None in versions.values():
        return Framework(**said, state="absent", text="not installed", remedy=install)
    try:
        module = integration(name)
    except Exception as error:
        if not versions and isinstance(error, InvalidInput):
            # handrail was installed before there was this extra
            return Framework(**said, state="absent", text=str(error), remedy=install)
        return Framework(
            **said, state="bad", text=f"its adapter does not load: {type(error).__name__}: {error}",
            remedy=f"Bring the framework up to date: {install}",
        )  # fmt: skip
    return Framework(**said, state="ok", text=_ungated(module))


def _ungated(module: Any) -> str:
    """How a program finds its own tools that were not wrapped: nobody can see them from here."""
    look = getattr(module, "ungated", None)
    if look is None:
        return ""
    (first, *_) = inspect.signature(look).parameters
    return f"which tools run unasked only your program can see: {module.__name__}.ungated({first}) names them"


def _without_framework() -> list[Framework]:
    names = tuple(name.replace("_", "-") for name in integrations())
    recorded = {key: made for key, made in matrix().items() if not key.startswith(names)}
    return [Framework(name="plain functions", state="ok", conformance=_standings(recorded))] if recorded else []


def _standings(recorded: dict[str, dict[str, Any]]) -> dict[str, dict[str, str]]:
    return {key: {name: standing(cell) for name, cell in made["cells"].items()} for key, made in recorded.items()}


def _packages(extra: str) -> list[str]:
    """The distributions that an extra of handrail brings."""
    marked = re.compile(rf"""^([A-Za-z0-9._-]+).*;.*\bextra\s*==\s*["']{re.escape(extra)}["']""")
    return [match[1] for line in metadata.requires("handrail") or () if (match := marked.match(line))]


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _differing(one: Framework) -> str:
    other = [f"{name} {one.run_with[name]}" for name in one.versions if one.run_with.get(name, one.versions[name])
             != one.versions[name]]  # fmt: skip
    return f" (the list below was run with {', '.join(other)})" if other else ""


def _table(found: list[Framework]) -> Iterator[str]:
    rows = {key: cells for one in found for key, cells in one.conformance.items()}
    unrun = [one.name for one in found if not one.conformance]
    if rows:
        names = sorted({name for cells in rows.values() for name in cells}, key=lambda name: int(name[1:]))
        wide = max(map(len, rows))
        yield ""
        yield " " * wide + "".join(f"{name:>4}" for name in names)
        for key, cells in rows.items():
            yield key.ljust(wide) + "".join(f"{SIGNS.get(cells.get(name, ''), NOT_RUN):>4}" for name in names)
        yield LEGEND
    if unrun:
        yield f"nothing is recorded of {', '.join(unrun)}"
