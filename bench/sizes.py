"""Databases of several sizes, on one engine or on both: what the benchmarks of a long queue and a long past share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "peers")]

from private_postgres import private_postgres  # noqa: E402

from handrail.maintenance.plane import Plane  # noqa: E402


class Filled(NamedTuple):
    """A database with so many cases. `place`: the folder of the SQLite file, or the URL."""

    plane: Plane
    engine: str
    size: int
    place: Path | str


def arguments(description: str | None, sizes: list[int]) -> argparse.ArgumentParser:
    """Where to measure, and on what."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=sizes)
    parser.add_argument("--engine", choices=("sqlite", "postgres", "both"), default="both")
    return parser


def each(
    given: argparse.Namespace,
    *,
    sqlite: Callable[[Path, int], None],
    postgres: Callable[[str, int], None],
    policy: str | None = None,
) -> Iterator[Filled]:
    """One after another, filled by these; a SQLite file is removed afterwards."""
    given.directory.mkdir(parents=True, exist_ok=True)
    folder = given.directory.resolve()
    for size in given.sizes if given.engine != "postgres" else ():
        path = folder / f"cases-{size}.db"
        with Plane(path, policy=policy, loops=False) as plane:
            sqlite(path, size)
            yield Filled(plane, "sqlite", size, folder)
        path.unlink()
    if given.engine != "sqlite":
        with private_postgres(folder) as url, Plane(url, policy=policy, keys=folder / "keys", loops=False) as plane:
            for size in given.sizes:
                postgres(url, size)
                yield Filled(plane, "postgres", size, url)
