"""What people wrote, in an auditor's bundle: put in where asked for, and held against the log by both verifiers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import handrail
from handrail.audit.bundle import manifest, pack, unpack
from handrail.lifecycle import erase
from handrail.lifecycle.actor import ALL_SCOPES, Actor

POLICY = """
escalation_policies:
  - {action_type: pay, autonomy: confirm, undo_seconds: 0}
  - {action_type: look, autonomy: full, undo_seconds: 0}
rules:
  - {id: never, actions: [pay], when: "arguments.amount > 1000.0", route: {tier: deny}}
"""
SAID = ("five is what the invoice says", "not ours", "Ann's cousin asked", "iban of Zoe")


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database in which a payment was edited, one refused, one escalated, one denied, and a look let through."""
    path = tmp_path_factory.mktemp("day") / "handrail.db"
    with handrail.open(path, policy=POLICY) as hr:
        pay = hr.gate("pay", personal_data=("/to",))(lambda to, amount: f"paid {amount}")
        hr.gate("look")(lambda at: at)("here")
        desk = hr.desk("Ann")
        edited, refused, raised = (pay.request(to=SAID[3], amount=n).case_id for n in (7, 8, 9))
        desk.answer(edited, "edit", arguments={"to": SAID[3], "amount": 5}, note=SAID[0])
        desk.answer(refused, "reject", reason="other", note=SAID[1])
        desk.escalate(raised, reason="unsure")
        hr.desk("Lea", roles=("lead",)).answer(raised, "reject", reason="other", note=SAID[2])
        assert pay.request(to="B", amount=5000).decision().kind == "rejected"
    return path


def audit(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "handrail.cli.main", "audit", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def exported(path: Path, bundle: Path, *flags: str) -> Path:
    made = audit("export", path, "--output", bundle, *flags)
    assert made.returncode == 0, made.stderr
    return bundle


def judged(bundle: Path, trust: Path) -> tuple[int, int]:
    """The exit codes of both verifiers."""
    (program := bundle.with_suffix(".py")).write_bytes(unpack(bundle.read_bytes())["verify.py"])
    alone = subprocess.run([sys.executable, "-I", program, bundle, "--trust", trust], capture_output=True, check=False)
    return audit("verify", bundle, "--trust", trust).returncode, alone.returncode


@pytest.fixture
def trust(day: Path, tmp_path: Path) -> Path:
    (kept := tmp_path / "trust").write_text(f"log {audit('key', day).stdout.strip()}\n")
    return kept


def test_words_stay_out_of_a_bundle_unless_asked_for(day: Path, tmp_path: Path) -> None:
    plain = b"".join(unpack(exported(day, tmp_path / "plain.zip").read_bytes()).values())
    assert not any(words.encode() in plain for words in SAID)


def test_words_in_a_bundle_are_those_the_log_commits_to(day: Path, tmp_path: Path, trust: Path) -> None:
    bundle = exported(day, tmp_path / "b.zip", "--with-words")
    opened = json.loads(unpack(bundle.read_bytes())["openings.json"])
    assert all(any(words in json.dumps(one["value"]) for one in opened) for words in SAID)
    paths = [one["path"] for one in opened]
    # five proposals and the revision of one; the routes of the three that people were asked about, one as it went up;
    # three answers; three decisions of people, and the refusal by policy
    assert [paths.count(path) for path in ("/proposal", "/route", "/answer", "/decision")] == [6, 3, 3, 4]
    assert judged(bundle, trust) == (0, 0)


def test_word_altered_in_a_bundle_is_tampering(day: Path, tmp_path: Path, trust: Path) -> None:
    bundle = exported(day, tmp_path / "b.zip", "--with-words")
    files = unpack(bundle.read_bytes())
    del files["MANIFEST"]
    files["openings.json"] = files["openings.json"].replace(SAID[1].encode(), b"fine by me")
    bundle.write_bytes(pack({"MANIFEST": manifest(files), **files}))
    assert judged(bundle, trust) == (1, 1)


def test_erased_words_are_opened_to_nobody(day: Path, tmp_path: Path, trust: Path) -> None:
    path = tmp_path / "erased.db"
    for name in day.parent.glob("handrail.db*"):
        if name.is_file():
            (tmp_path / name.name.replace("handrail", "erased")).write_bytes(name.read_bytes())
    with handrail.open(path, policy=POLICY) as hr:
        operator = Actor(kind="agent", pid="operator", scopes=ALL_SCOPES)
        hr.plane.run(erase.erase, erase.Erase(actor=operator, subject="", basis="GDPR 17"))
        hr.plane.sealer.step()
    bundle = exported(path, tmp_path / "b.zip", "--with-words")
    left = unpack(bundle.read_bytes())["openings.json"]
    assert not any(words.encode() in left for words in SAID)
    assert judged(bundle, trust)[0] in (0, 3)
