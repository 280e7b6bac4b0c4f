"""Desks of people in the same process."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import handrail
from handrail.store import statements


def test_desk_of_one_new_person_from_many_threads_at_once_is_one_persons(tmp_path: Path) -> None:
    with handrail.open(tmp_path / "handrail.db") as hr, ThreadPoolExecutor(16) as pool:
        for name in ("Ann", "Bo", "Cy"):
            start = threading.Barrier(16)

            def sit_down(_: int, name: str = name, start: threading.Barrier = start) -> None:
                start.wait(30)
                hr.desk(name)

            list(pool.map(sit_down, range(16)))
        found = hr.plane.store.read_hot(statements.people_listed, workspace=hr.plane.workspace_id)
        assert sorted(row[2] for row in found) == ["Ann", "Bo", "Cy"]
