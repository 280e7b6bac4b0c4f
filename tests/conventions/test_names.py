"""Names say what a file holds, in the words of the glossary."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from tests.conventions.tracked import ROOT, python_sources, tracked_files

SAYS_NOTHING = frozenset(
    "util utils helper helpers common misc base core types models manager managers service services processor".split()
)

# the word we do not use: the word we do
GLOSSARY = {
    "task": "case",
    "job": "case",
    "vote": "review",
    "votes": "review",
    "lease": "claim",
    "inbox": "queue",
    "annotator": "reviewer",
    "tenant": "workspace",
    "organisation": "workspace",
    "organization": "workspace",
    "honeypot": "gold",
    "callback": "delivery",
    "alert": "notice",
    "sla": "deadline",
    "lock": "claim",
}

# Names that are not ours to choose, each with its reason. This list only shrinks.
ALLOWED = {
    "sla_seconds": "a field of the familiar policy file",
    "min_reviewers_per_task": "a field of the familiar policy file",
    "on_user_message_callback": "a method of Google ADK's plugins that ours overrides",
}


def test_name_files_for_what_they_hold() -> None:
    empty = [
        path
        for path in tracked_files()
        if any(part.split(".")[0] in SAYS_NOTHING for part in PurePosixPath(path).parts)
    ]
    assert not empty, f"these names say nothing about what the file holds: {empty}"


def test_name_public_things_in_the_words_of_the_glossary() -> None:
    strays = [
        f"{source.relative_to(ROOT)}:{line} {name!r}: say {GLOSSARY[word]!r}"
        for source in python_sources()
        for name, line in public_names(source)
        for word in words(name)
        if word in GLOSSARY and name not in ALLOWED
    ]
    assert not strays, "\n".join(strays)


def test_keep_package_files_free_of_definitions() -> None:
    defining = [
        f"{source.relative_to(ROOT)}:{node.lineno}"
        for source in python_sources()
        if source.name == "__init__.py"
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        # the two hooks by which a package loads its names when they are first used
        and node.name not in ("__getattr__", "__dir__")
    ]
    assert not defining, f"an __init__.py re-exports and defines nothing: {defining}"


def test_import_at_the_top_of_the_file_only() -> None:
    inside = [
        f"{source.relative_to(ROOT)}:{node.lineno}"
        for source in python_sources()
        for function in ast.walk(ast.parse(source.read_text()))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert not inside, f"imports inside functions: {inside}"


def words(name: str) -> list[str]:
    """`min_reviewersPerTask` → min, reviewers, per, task."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().split("_")


def public_names(source: Path) -> Iterator[tuple[str, int]]:
    """Every public class, function, parameter and field that the module defines."""
    yield source.stem, 1
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.ClassDef):
            yield node.name, node.lineno
            yield from fields(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield node.name, node.lineno
            arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
            yield from ((argument.arg, argument.lineno) for argument in arguments)


def fields(node: ast.ClassDef) -> Iterator[tuple[str, int]]:
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield statement.target.id, statement.lineno
