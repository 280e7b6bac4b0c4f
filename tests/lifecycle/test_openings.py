"""Personal values: committed to in the log, opened for who may see them, gone once erased."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import handrail
from handrail.lifecycle.actor import ALL_SCOPES, Actor
from handrail.lifecycle.erase import Erase, erase
from handrail.lifecycle.queue import summary
from handrail.proposal import Proposal

OPERATOR = Actor(kind="agent", pid="operator", scopes=ALL_SCOPES)


def verified(*arguments: str | Path) -> dict[str, object]:
    made = subprocess.run(
        [sys.executable, "-m", "handrail.cli.main", "audit", *map(str, arguments), "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return {"exit": made.returncode} | json.loads(made.stdout)


def a_database(tmp_path: Path) -> Path:
    path = tmp_path / "h.db"
    with handrail.open(path) as hr:
        hr.propose(
            Proposal(
                action="mail", arguments={"to": {"email": "maria@example.org"}, "text": "hello"}, principal="maria",
                personal_data=("/to/email",),
            )
        )  # fmt: skip
    return path


def test_verify_opens_the_commitments_it_may_see(tmp_path: Path) -> None:
    path = a_database(tmp_path)
    report = verified("verify", path)
    assert report["exit"] == 0
    assert report["openings_held"] == 1
    assert b"maria@example.org" not in b"".join(
        row[0] for row in sqlite3.connect(path).execute("SELECT bytes FROM audit_entry")
    )


def test_verify_altered_value_is_tampering(tmp_path: Path) -> None:
    path = a_database(tmp_path)
    database = sqlite3.connect(path)
    (sealed,) = database.execute("SELECT sealed FROM opening").fetchone()
    database.execute("UPDATE opening SET sealed = ?", (sealed[:-1] + bytes([sealed[-1] ^ 1]),))
    database.commit()
    database.close()
    assert verified("verify", path)["exit"] == 1


def test_erase_leaves_a_log_that_verifies_and_opens_nothing(tmp_path: Path) -> None:
    path = a_database(tmp_path)
    with handrail.open(path) as hr:
        hr.plane.run(erase, Erase(actor=OPERATOR, subject="maria", basis="GDPR 17(1)(a)"))
    report = verified("verify", path)
    assert report["exit"] == 0
    assert report["openings_held"] == 0
    assert report["erased"] == 1


def test_export_keeps_values_out_unless_asked(tmp_path: Path) -> None:
    path = a_database(tmp_path)
    for flags, there in (((), False), (("--with-values",), True)):
        bundle = tmp_path / f"{there}.zip"
        verified("export", path, "--output", bundle, *flags)
        listed = subprocess.run(
            [sys.executable, "-c", "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]);"
             "print(b'maria@example.org' in b''.join(z.read(n) for n in z.namelist()))", str(bundle)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert listed.stdout.strip() == str(there)


@pytest.mark.parametrize(
    ("arguments", "personal", "line"),
    [
        ({"a": "I.", "b": "You.", "choices": ["a", "b"], "prompt": "Who?", "options": {"a": "m1", "b": "m2"}}, (),
         "post: Who? · A: I. · B: You."),
        ({"prompt": [{"role": "user", "content": "Hi"}], "a": "x" * 50, "b": ""}, (),
         'post: [{"content":"Hi","role":"user"}] · A: ' + "x" * 39 + "… · B: "),
        ({"prompt": "Maria?", "a": "I.", "b": "You."}, ("/prompt",), "post: A: I. · B: You."),
    ],
)  # fmt: skip
def test_list_line_of_a_comparison_says_what_was_asked_and_how_both_begin(
    arguments: dict[str, Any], personal: tuple[str, ...], line: str
) -> None:
    assert summary("post", arguments, personal, kind="comparison") == line


def test_list_line_names_numbers_also_where_they_are_strings() -> None:
    arguments = {"to": "A1", "amount": "5000.50", "count": 2, "due": "2026-11-21", "urgent": True, "fee": "-1"}
    assert summary("pay", arguments) == "pay: A1, amount 5000.50, count 2, 2026-11-21, fee -1"


def test_list_line_leaves_personal_values_out(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    with handrail.open(path) as hr:
        hr.propose(Proposal(action="mail", arguments={"iban": "IN99", "text": "hello"}, personal_data=("/iban",)))
    (line,) = sqlite3.connect(path).execute("SELECT summary FROM cases").fetchone()
    assert line == "mail: hello"
