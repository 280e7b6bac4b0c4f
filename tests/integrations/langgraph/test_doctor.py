"""`handrail doctor langgraph` finds the threads that refuse every answer, and repairs them when told to."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.tools import tool
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command
from typer.testing import CliRunner, Result

import handrail
from handrail.cli.main import app
from handrail.errors import InvalidInput
from handrail.integrations.langgraph import examine, gate, stuck
from tests.integrations.langgraph.conftest import says
from tests.integrations.langgraph.test_moving import AGENT, CORRECT, MALFORMED

POLICY = """
escalation_policies:
  - {action_type: pay, autonomy: confirm, undo_seconds: 0}
"""
THREADS = ("well", "stuck", "asking")


def config(thread: str) -> Any:
    return {"configurable": {"thread_id": thread}}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Threads saved by an agent: one ended, one that a malformed answer stuck, one that asks. Beside it its module."""
    monkeypatch.chdir(tmp_path)
    name = f"agent_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(AGENT.replace("threads.db", "elsewhere.db"))
    with closing(sqlite3.connect("threads.db", check_same_thread=False)) as connection:
        graph = agent(connection)
        for thread in THREADS:
            graph.invoke({"messages": [("user", "go")]}, config(thread))
        graph.invoke(Command(resume=CORRECT), config("well"))
        with pytest.raises(TypeError):
            graph.invoke(Command(resume=MALFORMED), config("stuck"))
    return tmp_path


def agent(connection: sqlite3.Connection) -> Any:
    def pay(to: str) -> str:
        """Pay."""
        return "paid"

    return create_agent(
        says(*[[("pay", {"to": "A1"})]] * len(THREADS)), [pay], checkpointer=SqliteSaver(connection),
        middleware=[HumanInTheLoopMiddleware({"pay": True})],
    )  # fmt: skip


def doctor(*words: str, code: int) -> Result:
    result = CliRunner().invoke(app, ["doctor", "langgraph", "--saver", "sqlite:///threads.db", *words])
    assert result.exit_code == code, result.output
    return result


def saved() -> list[Any]:
    with closing(sqlite3.connect("threads.db")) as connection:
        return [connection.execute(f"SELECT * FROM {table}").fetchall() for table in ("checkpoints", "writes")]


def module(folder: Path) -> str:
    return f"{next(folder.glob('agent_*.py')).stem}:graph"


def test_look_at_saved_threads_names_the_stuck_one_and_changes_nothing(folder: Path) -> None:
    before = saved()
    printed = doctor(code=1).stdout
    assert "3 threads looked at, 1 stuck" in printed
    assert "thread stuck: it cannot read the answer it was given" in printed
    assert "Nothing was changed." in printed
    assert saved() == before


def test_look_at_one_thread_with_its_graph_says_what_its_graph_says(folder: Path) -> None:
    found = json.loads(doctor("--thread", "stuck", "--graph", module(folder), "--json", code=1).stdout)
    ((thread,), bare) = found["threads"], found["ungated"]
    assert (thread["thread"], thread["asks"], bare) == ("stuck", None, ["pay"])
    with closing(sqlite3.connect("threads.db", check_same_thread=False)) as connection:
        assert thread["stuck"] == stuck(agent(connection), config("stuck"))
    doctor("--thread", "well", "--thread", "asking", "--graph", module(folder), code=0)


def test_repair_a_stuck_thread_lets_it_ask_again_and_leaves_the_others(folder: Path) -> None:
    others = [row for row in saved()[0] if row[0] != "stuck"]
    printed = doctor("--graph", module(folder), "--repair", code=0).stdout
    assert "thread stuck: the node" in printed
    assert "Repaired: that answer was dropped, and it asks again: 1 open." in printed
    assert [row for row in saved()[0] if row[0] != "stuck"] == others
    assert "3 threads looked at, 0 stuck" in doctor(code=0).stdout
    with closing(sqlite3.connect("threads.db", check_same_thread=False)) as connection:
        made = agent(connection).invoke(Command(resume=CORRECT), config("stuck"))
    assert [message.content for message in made["messages"] if message.type == "tool"] == ["paid"]


def test_repair_without_the_graph_says_that_it_is_needed(folder: Path) -> None:
    before = saved()
    assert "--graph" in str(doctor("--repair", code=1).output)
    assert saved() == before


def test_look_at_a_thread_that_could_not_be_parked_says_that_nobody_wakes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def pay(to: str) -> str:
        """Pay."""
        return "paid"

    with (
        handrail.open(tmp_path / "handrail.db", policy=POLICY) as hr,
        closing(sqlite3.connect("threads.db", check_same_thread=False)) as connection,
    ):
        calls = [[("pay", {"to": "A1"})]] * 2
        graph = create_agent(says(*calls), gate(hr, [tool(pay)]), checkpointer=SqliteSaver(connection))
        for thread in ("parked", "lost"):
            graph.invoke({"messages": [("user", "go")]}, config(thread))
        (lost,) = [park for park in hr.parks() if park.run == "lost"]
        # as if its park had never arrived
        hr.abandon("lost", lost.framework)
    found = json.loads(doctor("--database", "handrail.db", "--json", code=0).stdout)
    assert {one["thread"]: one["parked"] for one in found["threads"]} == {"parked": True, "lost": False}
    printed = doctor("--database", "handrail.db", code=0).stdout
    assert "thread lost: waits for" in printed
    assert "no waker wakes it" in printed
    assert "thread parked" not in printed


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"saver": "sqlite:///nothing.db"}, "there are no threads"),
        ({"saver": "sqlite:///other.db"}, "cannot be read"),
        ({"saver": "sqlite:///threads.db", "threads": ["nobody"]}, "no thread nobody"),
        ({"graph": "a_module_that_is_not_there:graph"}, "no graph"),
        ({"graph": "json:loads"}, "no compiled graph"),
        ({}, "nothing says where"),
    ],
)
def test_look_where_there_is_nothing_says_so_and_makes_nothing(folder: Path, given: Any, says: str) -> None:
    with closing(sqlite3.connect("other.db")) as connection:
        connection.execute("CREATE TABLE mine (n)")
    files = {path.name: path.read_bytes() for path in folder.glob("other*")}
    with pytest.raises(InvalidInput, match=says):
        examine(**given)
    assert not (folder / "nothing.db").exists()
    assert {path.name: path.read_bytes() for path in folder.glob("other*")} == files
