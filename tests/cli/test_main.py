"""The command as a whole: it starts light, loads parts when called, and fails in one clear block."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from handrail.cli.main import Commands, app

from .scene import program, read, run

HEAVY = {
    "fastapi",
    "starlette",
    "uvicorn",
    "sqlalchemy",
    "alembic",
    "numpy",
    "cryptography",
    "httpx2",
    "sklearn",
    "scipy",
}


def test_start_imports_neither_server_nor_store_nor_numbers() -> None:
    code = "import sys, handrail.cli.main; print('\\n'.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not HEAVY & set(loaded)
    assert [name for name in loaded if name.startswith("handrail.")] == [
        "handrail.cli", "handrail.errors", "handrail.cli.failing", "handrail.cli.lazy", "handrail.cli.main",
    ]  # fmt: skip


def test_help_names_every_command_without_loading_it() -> None:
    text = run("--help").stdout
    for name in Commands.table:
        assert f"\n  {name} " in text
    assert "Exit codes" in text


@pytest.mark.parametrize("name", sorted(Commands.table))
def test_every_command_loads_and_explains_itself(name: str) -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, Commands)
    assert group.load(name).help
    assert "Usage: " in run(name, "--help").stdout


def test_root_without_a_command_shows_help_and_ends_with_2() -> None:
    assert "Commands:" in run(code=2).output


def test_mistyped_command_is_guessed() -> None:
    assert "Did you mean 'policy'?" in run("polcy", code=2).output


def test_version_says_which() -> None:
    assert read("version")["handrail"] == run("--version").stdout.split()[1]


def test_error_of_ours_is_one_block_with_its_remedy(tmp_path: Path) -> None:
    made = program("case", "list", "--database", tmp_path / "none.db", code=1)
    assert made.stderr.splitlines() == [
        f"not_found: there is no database {tmp_path / 'none.db'}",
        "  Give --database, or set HANDRAIL_DATABASE.",
    ]
    assert not (tmp_path / "none.db").exists()


def test_error_with_debug_shows_where(tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "handrail.cli.main", "--debug", "case", "list", "--database", tmp_path / "none.db"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 1
    assert "Traceback" in made.stderr
    assert "NotFound" in made.stderr


def test_completion_offers_commands_of_a_part_that_was_not_loaded() -> None:
    code = "import sys; sys.argv[0] = 'handrail'; from handrail.cli.main import app; app(prog_name='handrail')"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False,
        env={"_HANDRAIL_COMPLETE": "complete_bash", "COMP_WORDS": "handrail case re", "COMP_CWORD": "2"},
    )  # fmt: skip
    assert {"reject", "release", "respond", "redirect"} <= set(done.stdout.split())


@pytest.mark.parametrize("command", [("case", "list"), ("halt", "list"), ("export", "labels", "--output", "-")])
def test_error_of_a_file_that_is_no_database_is_words_too(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "notes.txt").write_text("these are notes, not a database\n" * 100)
    made = program(*command, "--database", tmp_path / "notes.txt", code=2)
    assert made.stderr.startswith("unreadable: the database cannot be read: ")


def test_error_of_a_setting_names_its_variable() -> None:
    made = program("case", "list", HANDRAIL_PORT="many", code=1)
    assert made.stderr.startswith("invalid_input: HANDRAIL_PORT is 'many'")


def test_error_of_a_database_server_that_is_not_there_is_words_too() -> None:
    made = program("case", "list", "--database", "postgresql://127.0.0.1:9/none", code=2)
    assert "the database cannot be read" in made.stderr
