"""`handrail policy`: what it prints and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from handrail.cli.policy import app

from .examples import SHORT


@pytest.fixture
def policy(tmp_path: Path) -> str:
    path = tmp_path / "policy.yaml"
    path.write_text(SHORT, "utf-8")
    return str(path)


def run(*arguments: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=stdin)


def test_check_of_a_good_file_ends_with_zero(policy: str) -> None:
    assert run("check", policy).exit_code == 0
    made = json.loads(run("check", policy, "--json").stdout)
    assert (made["ok"], made["actions"]) == (True, ["payment_transfer", "content_publish", "agent_tool_call"])


def test_check_of_a_mistaken_file_ends_with_one_and_names_the_line(policy: str) -> None:
    Path(policy).write_text(SHORT.replace("sla_seconds: 30\n", "sla_second: 30\n"), "utf-8")
    found = run("check", policy)
    assert found.exit_code == 1
    assert f"{policy}:7: escalation_policies[0].sla_second: unknown field. Did you mean sla_seconds?" in found.stderr
    made = json.loads(run("check", policy, "--json").stdout)
    assert [problem["line"] for problem in made["problems"]] == [7]


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_check_of_an_unreadable_file_ends_with_two(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.yaml"
    if content is not None:
        path.write_bytes(content)
    assert run("check", str(path)).exit_code == 2
    assert json.loads(run("check", str(path), "--json").stdout)["code"] == "unreadable"


@pytest.mark.parametrize(
    ("proposal", "tier", "reviewers", "deadline"),
    [
        ('{"action_type":"payment_transfer","confidence":0.97,"amount":5000,"currency":"INR"}', "auto_approve", 0, 30),
        ('{"action":"payment_transfer","confidence":0.97,"amount_inr":500001}', "hard_gate", 2, 30),
        (
            '{"action":"payment_transfer","confidence":0.97,"arguments":{"amount_inr":10000}}',
            "auto_approve",
            0,
            30,
        ),
        (
            '{"action":"payment_transfer","confidence":0.97,"amount_inr":10000.0000000000000001}',
            "hard_gate",
            1,
            30,
        ),
        ('{"action":"payment_transfer","confidence":NaN,"amount":1,"currency":"INR"}', "hard_gate", 1, 30),
        ('{"action":"payment_transfer","confidence":1e400,"amount":1,"currency":"INR"}', "hard_gate", 1, 30),
        ('{"action":"payment_transfer","confidence":"0.99","amount":1,"currency":"INR"}', "hard_gate", 1, 30),
        ('{"action":"content_publish","confidence":0.99,"categories":"self_harm"}', "soft_review", 1, 300),
        ('{"action":"agent_tool_call","confidence":0.999,"arguments":{"tool":"send_email"}}', "hard_gate", 1, 60),
        ('{"action":"nobody_knows","confidence":1.0}', "hard_gate", 1, 900),
    ],
)
def test_explain_prints_tier_reviewers_deadline_and_reasons(
    policy: str, proposal: str, tier: str, reviewers: int, deadline: int
) -> None:
    found = run("explain", policy, "--proposal", "-", "--json", stdin=proposal)
    assert found.exit_code == 0
    made = json.loads(found.stdout)
    assert (made["tier"], made["reviewers"], made["deadline_seconds"]) == (tier, reviewers, deadline)
    assert made["reasons"]
    assert all(reason["text"] and reason["code"] for reason in made["reasons"])
    plain = run("explain", policy, "--proposal", "-", stdin=proposal).stdout
    assert f"tier: {tier}" in plain
    assert made["reasons"][0]["text"] in plain


@pytest.mark.parametrize(
    "proposal",
    ["", "{", "[]", "5", '{"action":"a","action":"b"}', '{"confidence":1}', '{"action":"a","colour":1}', '{"action":5}',
     '{"action":"a","severity":NaN}', '{"action":"a","arguments":{"x":1e400}}', '{"action":"\\ud800"}', b"\xff",
     "[" * 5000],
)  # fmt: skip
def test_explain_of_what_is_no_proposal_ends_with_two(policy: str, proposal: str | bytes) -> None:
    found = run("explain", policy, "--proposal", "-", stdin=proposal)
    assert found.exit_code == 2
    assert found.stderr.strip()
    assert run("explain", policy, "--proposal", "/nowhere.json").exit_code == 2


def test_explain_at_a_time_obeys_schedules(policy: str) -> None:
    Path(policy).write_text(SHORT + '\nschedules: [{id: s, hours: "09:00-17:00", outside: deny}]', "utf-8")
    proposal = '{"action":"content_publish","confidence":0.99}'
    tiers = [
        json.loads(run("explain", policy, "--proposal", "-", "--at", at, "--json", stdin=proposal).stdout)["tier"]
        for at in ("2026-01-05T10:00:00Z", "2026-01-05T20:00:00Z")
    ]
    assert tiers == ["auto_approve", "deny"]


def test_replay_prints_matrix_cost_and_moves(policy: str, tmp_path: Path) -> None:
    newer = tmp_path / "new.yaml"
    newer.write_text(SHORT.replace("auto_approve_threshold: 0.95", "auto_approve_threshold: 0.85"), "utf-8")
    lines = tmp_path / "p.jsonl"
    bare = {"action": "payment_transfer", "confidence": 0.9, "amount": "5", "currency": "INR"}
    wrapped = {"proposal": bare, "at": "2026-01-05T10:00:00Z", "correct": False}
    lines.write_text(f"{json.dumps(bare)}\n\n{json.dumps(wrapped)}\n", "utf-8")
    arguments = (
        "replay",
        policy,
        str(newer),
        "--proposals",
        str(lines),
        "--review-price",
        "33",
        "--wrong-price",
        "100",
    )
    made = json.loads(run(*arguments, "--json").stdout)
    assert made["matrix"]["soft_review"]["auto_approve"] == 2
    assert (made["old"]["cost"], made["new"]["cost"]) == (166, 100)
    assert made["looser_wrong"] == 1
    shown = run(*arguments)
    assert shown.exit_code == 0
    assert "166.00" in shown.stdout
    assert "line 2" in shown.stdout


def test_replay_without_prices_says_that_there_is_no_cost_model(policy: str, tmp_path: Path) -> None:
    lines = tmp_path / "p.jsonl"
    lines.write_text('{"action":"content_publish","confidence":0.1}\n', "utf-8")
    shown = run("replay", policy, policy, "--proposals", str(lines)).stdout
    assert shown.count("no cost model") == 2
    assert "0.00" not in shown
    made = json.loads(run("replay", policy, policy, "--proposals", str(lines), "--json").stdout)
    assert (made["prices"], made["old"]["cost"]) == (None, None)
    free = run("replay", policy, policy, "--proposals", str(lines), "--review-price", "0").stdout
    assert "0.00" in free


@pytest.mark.parametrize(
    "line",
    [
        "{",
        '{"proposal":{"action":"a"},"colour":1}',
        '{"proposal":{"action":"a"},"correct":1}',
        '{"proposal":{"action":"a"},"at":"noon"}',
    ],
)
def test_replay_of_a_bad_line_names_it_and_ends_with_two(policy: str, tmp_path: Path, line: str) -> None:
    lines = tmp_path / "p.jsonl"
    lines.write_text('{"action":"a"}\n' + line + "\n", "utf-8")
    found = run("replay", policy, policy, "--proposals", str(lines))
    assert found.exit_code == 2
    assert f"{lines}:2:" in found.stderr


def test_diff_says_what_loosens(policy: str, tmp_path: Path) -> None:
    newer = tmp_path / "new.yaml"
    newer.write_text(SHORT.replace("sla_seconds: 30\n", "sla_seconds: 60\n"), "utf-8")
    assert (
        "looser   escalation_policies.payment_transfer.sla_seconds: 30 -> 60" in run("diff", policy, str(newer)).stdout
    )
    assert json.loads(run("diff", policy, str(newer), "--json").stdout)["looser"] == 1
    assert "no difference" in run("diff", policy, policy).stdout


def test_schema_prints_json_schema() -> None:
    made = json.loads(run("schema").stdout)
    assert made["$schema"].startswith("https://json-schema.org/")
    assert "escalation_policies" in made["properties"]
