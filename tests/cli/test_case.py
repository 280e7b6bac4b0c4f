"""A reviewer's queue on the terminal."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console

import handrail
from handrail.cli import card, case, halt, undo
from handrail.proposal import Proposal

from .scene import program, read, run


def opened(database: Path) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = read("case", "list", "--database", database)["items"]
    return items


def test_list_shows_open_cases_in_queue_order(database: Path) -> None:
    items = opened(database)
    assert [item["action"] for item in items] == ["pay", "pay"]
    text = run("case", "list", "--database", database).stdout
    assert text.index(items[0]["id"]) < text.index(items[1]["id"])


@pytest.mark.parametrize("width", [40, 80, 160])
def test_list_keeps_ids_whole_in_any_terminal(database: Path, width: int) -> None:
    items = opened(database)
    out = io.StringIO()
    card.table(Console(file=out, width=width), items)
    for item in items:
        assert item["id"] in out.getvalue()
        assert item["summary"].split(":")[0] in out.getvalue()


def test_list_of_decided_cases_holds_what_was_settled(database: Path) -> None:
    (item,) = read("case", "list", "--state", "decided", "--database", database)["items"]
    assert item["decision"]


def test_show_makes_control_characters_visible_and_sets_the_agents_words_apart(database: Path) -> None:
    text = run("case", "show", opened(database)[0]["id"], "--database", database).stdout
    assert "A\\u{202e}1" in text
    assert "trust me \\u{1b}[2J" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "the agent's own words, checked by nobody" in text
    assert text.index("cannot be undone") < text.index("trust me")


def test_claim_then_release_gives_it_back(database: Path) -> None:
    taken = read("case", "claim", "--database", database, "--as", "Asha")
    id = taken["case"]["id"]
    assert [item["claimed_by"] for item in opened(database) if item["id"] == id] == ["Asha"]
    run("case", "release", id, "--database", database, "--as", "asha@local")
    assert [item["claimed_by"] for item in opened(database)] == [None, None]


def test_claim_with_nothing_left_ends_with_1(database: Path) -> None:
    for item in opened(database):
        run("case", "reject", item["id"], "--reason", "too_risky", "--yes", "--database", database)
    assert "nothing to take" in run("case", "claim", "--database", database, code=1).output


def test_approve_with_the_card_that_was_read_decides(database: Path) -> None:
    id = opened(database)[0]["id"]
    digest = read("case", "show", id, "--database", database)["card"]["digest"]
    made = read("case", "approve", id, "--card", digest, "--note", "fine", "--database", database)
    assert made["decision"]["kind"] == "approved"
    again = program("case", "approve", id, "--yes", "--database", database, code=1)
    assert again.stderr.startswith("already_decided: ")


def test_approve_with_another_card_is_refused_and_leaves_the_case_open(database: Path) -> None:
    id = opened(database)[0]["id"]
    assert "card_changed" in run("case", "approve", id, "--card", "0" * 64, "--database", database, code=1).output
    assert id in [item["id"] for item in opened(database)]


def test_approve_without_anybody_to_read_the_card_is_refused(database: Path) -> None:
    id = opened(database)[0]["id"]
    made = program("case", "approve", id, "--database", database, code=1)
    assert "nobody is here to read the card" in made.stderr


def test_edit_takes_arguments_from_a_file_and_refuses_what_is_no_object(database: Path, tmp_path: Path) -> None:
    id = opened(database)[0]["id"]
    (tmp_path / "new.json").write_text('{"to": "A9", "n": 1}')
    run("case", "edit", id, "--arguments", "[1]", "--yes", "--database", database, code=1)
    made = read("case", "edit", id, "--arguments", tmp_path / "new.json", "--yes", "--database", database)
    assert made["decision"]["arguments"] == {"n": 1, "to": "A9"}


def test_reject_gives_its_reason_to_the_program(database: Path) -> None:
    made = read("case", "reject", opened(database)[0]["id"], "--reason", "too_risky", "--yes", "--database", database)
    assert (made["decision"]["kind"], made["decision"]["reason"]) == ("rejected", "too_risky")


def test_respond_and_redirect_settle_a_case(database: Path) -> None:
    first, second = (item["id"] for item in opened(database))
    made = read("case", "respond", first, '{"account": 5}', "--yes", "--database", database)
    assert made["decision"]["value"] == {"account": 5}
    made = read("case", "redirect", second, "ask Ben first", "--yes", "--database", database)
    assert made["decision"]["instruction"] == "ask Ben first"


def test_escalate_sends_up(database: Path) -> None:
    id = opened(database)[0]["id"]
    run("case", "escalate", id, "--reason", "beyond me", "--database", database)
    types = [one["type"] for one in read("case", "show", id, "--database", database)["history"]]
    assert "case.escalated" in types


def test_answer_as_somebody_unknown_is_refused(database: Path) -> None:
    output = run("case", "claim", "--as", "Mallory", "--database", database, code=1).output
    assert "nobody here is 'Mallory'" in output
    assert "handrail people add" in output


def test_halt_set_stops_an_action_until_it_is_lifted(database: Path) -> None:
    id = run("halt", "set", "--action", "pay", "--reason", "audit", "--database", database).stdout.strip()
    (standing,) = read("halt", "list", "--database", database)
    assert (standing["id"], standing["scope"], standing["value"]) == (id, "action", "pay")
    run("halt", "lift", id, "--database", database)
    assert read("halt", "list", "--database", database) == []
    run("halt", "lift", id, "--database", database, code=1)


def test_halt_of_two_things_at_once_is_refused(database: Path) -> None:
    run("halt", "set", "--action", "pay", "--agent", "x", "--database", database, code=1)
    run("halt", "set", "--database", database, code=1)


def test_undo_of_what_had_not_begun_voids_it(database: Path) -> None:
    id = opened(database)[0]["id"]
    run("case", "approve", id, "--yes", "--database", database)
    assert "never will" in run("undo", id, "--database", database).stdout


def test_erase_forgets_values_and_the_log_still_holds(database: Path) -> None:
    made = read("erase", "ann", "--basis", "GDPR 17(1)(a)", "--yes", "--database", database)
    assert made == {"cases": 1, "values": 1}
    run("erase", "ann", "--basis", "GDPR 17(1)(a)", "--yes", "--database", database, code=1)
    report = read("audit", "verify", database)
    assert (report["exit_code"], report["erased"]) == (0, 1)


def test_erase_without_a_yes_erases_nothing(database: Path) -> None:
    run("erase", "ann", "--basis", "x", "--database", database, input="n\n", code=1)
    assert read("erase", "ann", "--basis", "x", "--yes", "--database", database)["values"] == 1


def test_acknowledge_on_a_workspace_that_is_not_frozen_does_nothing(database: Path) -> None:
    assert "nothing to do" in run("acknowledge", "--database", database).stdout


def test_json_of_a_case_is_the_servers_own_form(database: Path) -> None:
    detail = read("case", "show", opened(database)[0]["id"], "--database", database)
    assert {"case", "card", "reviews", "claim", "history", "execution", "by_hand"} == set(detail)
    assert json.dumps(detail)


@pytest.mark.parametrize("app", [case.app, halt.app, undo.app], ids=["case", "halt", "undo"])
def test_ask_any_command_where_it_works_takes_the_same_options(app: typer.Typer) -> None:
    found: Any = typer.main.get_command(app)
    for command in getattr(found, "commands", {"": found}).values():
        flags = {flag for parameter in command.params for flag in parameter.opts}
        assert {"--database", "--workspace", "--url", "--key", "--as"} <= flags, command.name


def test_approve_for_the_run_is_listed_and_ended(database: Path) -> None:
    text = "escalation_policies:\n- {action_type: refund, auto_approve_threshold: 1.0, undo: unrefund, undo_seconds: 0}"
    with handrail.open(database, policy=text) as hr:
        hr.desk("Lea", roles=("lead",))
        proposal = Proposal(action="refund", arguments={"to": "a"}, confidence=0.5, run="run-1")
        id = hr.propose(proposal).case_id
        assert run("grant", "list", "--database", database).stdout == "nothing is granted\n"
        done = run("case", "approve", id, "--scope", "run", "--yes", "--database", database, "--as", "Lea")
        (granted,) = read("grant", "list", "--database", database)
        assert granted["id"] in done.stdout
        assert (granted["run"], granted["uses_left"]) == ("run-1", 20)
        line = run("grant", "list", "--database", database).stdout
        assert f"20 uses left  approved for run run-1 with case {id}" in line
        assert run("grant", "end", granted["id"], "--database", database).stdout == f"ended {granted['id']}\n"
        assert read("grant", "list", "--database", database) == []
