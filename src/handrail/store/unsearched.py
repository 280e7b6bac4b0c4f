"""A column that is compared, and by which no row is looked up."""

from __future__ import annotations

from typing import Any

from sqlalchemy import String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class Unsearched(FunctionElement[str]):
    """`Unsearched(table.c.workspace) == workspace` asks whose a row is, when something else finds it.

    Without statistics SQLite takes the index that begins with the workspace before the key that a page goes on from,
    and so reads all of the workspace for every page. A `+` before the column forbids that
    (https://www.sqlite.org/optoverview.html); in `statements.py` it stands as it is.
    """

    type = String()
    inherit_cache = True


@compiles(Unsearched)
def _column(element: Unsearched, compiler: SQLCompiler, **given: Any) -> str:
    return compiler.process(element.clauses, **given)


@compiles(Unsearched, "sqlite")
def _disqualified(element: Unsearched, compiler: SQLCompiler, **given: Any) -> str:
    return "+" + compiler.process(element.clauses, **given)
