"""Of all processes on one SQLite file exactly one checkpoints."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from handrail.store.migrate import migrate
from handrail.store.sqlite import AUTOCHECKPOINT_PAGES

# writes pages when told to; says whether it holds the file's checkpoints
WRITER = """
import sys
from pathlib import Path
from handrail.store.sqlite import SQLiteConnection
connection = SQLiteConnection(Path(sys.argv[1]))
print(connection.become_checkpointer(), flush=True)
for line in sys.stdin:
    what, _, number = line.strip().partition(" ")
    if what == "write":
        for n in range(int(number)):
            connection.begin(None)
            connection._db.execute("INSERT INTO filler (x) VALUES (randomblob(4000))")
            connection.commit()
    elif what == "idle":
        connection._dirty_wal = True
        connection.idle()
    print(connection.become_checkpointer() if what == "ask" else what, flush=True)
connection.close()
"""
PAGE = 4096


class Process:
    """One process that writes to the file."""

    def __init__(self, path: Path):
        self.popen = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.first = self._line()

    def _line(self) -> str:
        assert self.popen.stdout is not None
        return self.popen.stdout.readline().strip()

    def tell(self, order: str) -> str:
        assert self.popen.stdin is not None
        self.popen.stdin.write(order + "\n")
        self.popen.stdin.flush()
        return self._line()

    def kill(self) -> None:
        self.popen.kill()
        self.popen.communicate()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "h.db"
    migrate(f"sqlite:///{path}")
    return path


def processes(file: Path, stack: ExitStack, count: int) -> list[Process]:
    made = []
    for _ in range(count):
        made.append(Process(file))
        stack.callback(made[-1].kill)
    return made


def sizes(file: Path) -> tuple[int, int]:
    wal = Path(f"{file}-wal")
    return file.stat().st_size, wal.stat().st_size if wal.exists() else 0


def test_write_from_another_process_never_checkpoints(file: Path) -> None:
    with ExitStack() as stack:
        keeper, other, third = processes(file, stack, 3)
        assert [p.first for p in (keeper, other, third)] == ["True", "False", "False"]
        add_filler(file)
        keeper.tell("idle")
        # asleep, so that whatever reaches the main file came from somebody else
        keeper.popen.send_signal(signal.SIGSTOP)
        before, _ = sizes(file)
        for process in (other, third):
            process.tell(f"write {AUTOCHECKPOINT_PAGES // 2 + 400}")
            process.tell("idle")
        after, wal = sizes(file)
        assert after == before
        assert wal > AUTOCHECKPOINT_PAGES * PAGE
        keeper.popen.send_signal(signal.SIGCONT)
        keeper.tell("idle")
        after, wal = sizes(file)
        assert after > before + AUTOCHECKPOINT_PAGES * PAGE
        assert wal == 0


def test_die_as_the_checkpointer_hands_it_to_another(file: Path) -> None:
    with ExitStack() as stack:
        keeper, other = processes(file, stack, 2)
        assert other.tell("ask") == "False"
        keeper.kill()
        assert other.tell("ask") == "True"


def test_migrate_beside_a_running_process_does_not_checkpoint(file: Path) -> None:
    with ExitStack() as stack:
        (keeper,) = processes(file, stack, 1)
        add_filler(file)
        keeper.tell("idle")
        keeper.tell("write 1200")
        before = sizes(file)
        migrate(f"sqlite:///{file}")
        assert sizes(file) == before


def add_filler(file: Path) -> None:
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("CREATE TABLE filler (x)")
    connection.close()
