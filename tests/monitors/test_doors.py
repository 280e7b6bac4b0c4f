"""Monitors by HTTP and by the command line: seen by readers, lifted by leads alone; and a log that ignores an alarm."""

from __future__ import annotations

import json
from pathlib import Path

from starlette.testclient import TestClient
from typer.testing import CliRunner

from handrail.audit.replay import Replay
from handrail.cli.main import app
from handrail.lifecycle import access
from handrail.lifecycle.actor import ALL_SCOPES, Actor
from handrail.server.app import create_app
from tests.monitors.scene import POLICY, Scene

OPERATOR = Actor(kind="system", pid="operator", scopes=ALL_SCOPES, auth="local")


def test_monitors_are_listed_and_lifted_through_both_doors(tmp_path: Path) -> None:
    database = tmp_path / "a.db"
    scene = Scene(f"sqlite:///{database}", tmp_path)
    id = scene.until_alarm(error=0.8)
    key, token, digest = access.new_key()
    made = access.MakeKey(actor=OPERATOR, id=key, name="reader", secret_digest=digest, scopes=("read", "admin"))
    scene.rig.run(access.make_key, made)
    with TestClient(create_app(scene.rig.plane)) as client:
        bearer = {"Authorization": f"Bearer {token}"}
        found = client.get("/v1/monitors", headers=bearer).json()
        assert id in {one["id"] for one in found["items"] if one["standing"] == "alarm"}
        assert client.get(f"/v1/monitors/{id}", headers=bearer).json()["certificate"]["holds"] is False
        # a key is no person
        assert client.post(f"/v1/monitors/{id}/lift", json={"reason": "x"}, headers=bearer).status_code == 403
    scene.rig.close()
    run = CliRunner()
    listed = run.invoke(app, ["monitors", "list", "--database", str(database), "--json"])
    assert listed.exit_code == 0, listed.output
    told = {one["id"]: one for one in json.loads(listed.output)["items"]}
    assert told[id]["standing"] == "alarm"
    assert "ALARM" in run.invoke(app, ["monitors", "list", "--database", str(database)]).output
    explained = run.invoke(app, ["monitors", "explain", id, "--database", str(database)])
    assert "not enough evidence yet" in explained.output
    lifted = run.invoke(app, ["monitors", "lift", id, "--database", str(database), "--reason", "x"])
    assert lifted.exit_code != 0


def test_explain_says_which_alarm_stands_and_without_a_database_which_could(tmp_path: Path) -> None:
    database, file, one = tmp_path / "a.db", tmp_path / "policy.yaml", tmp_path / "one.json"
    scene = Scene(f"sqlite:///{database}", tmp_path)
    scene.until_alarm(error=0.8)
    key, token, digest = access.new_key()
    scene.rig.run(access.make_key, access.MakeKey(actor=OPERATOR, id=key, name="reader", secret_digest=digest,
                                                  scopes=("read",)))  # fmt: skip
    pay = {"action": "pay", "confidence": 0.97, "arguments": {}}
    with TestClient(create_app(scene.rig.plane)) as client:
        path, bearer = "/v1/policy/explain", {"Authorization": f"Bearer {token}"}
        over_http = client.post(path, json={"proposal": pay}, headers=bearer).json()
        assert over_http["tier"] == "hard_gate"
        assert {"alarm:error", "confidence_reached"} <= {clause["code"] for clause in over_http["clauses"]}
        calm = client.post(path, json={"proposal": pay | {"action": "calm"}}, headers=bearer).json()
        assert (calm["tier"], calm["monitors"]) == ("auto_approve", [])
    scene.rig.close()
    file.write_text(POLICY)
    one.write_text(json.dumps(pay))
    words, run = ["policy", "explain", str(file), "--proposal", str(one)], CliRunner()
    found = json.loads(run.invoke(app, [*words, "--database", str(database), "--json"]).output)
    assert {name: found[name] for name in ("tier", "clauses", "monitors")} == {
        name: over_http[name] for name in ("tier", "clauses", "monitors")
    }
    said = run.invoke(app, [*words, "--database", str(database)]).output
    assert "alarm:error: hard_gate" in said
    assert "give --database" not in said
    offline = run.invoke(app, words).output
    assert "tier: auto_approve" in offline
    assert "watched by error (pay, limit 0.05): an alarm raises to hard_gate" in offline
    assert "watched by underconfidence (pay): an alarm only tells" in offline
    assert "whether an alarm stands was not looked up: give --database" in offline
    nowhere = run.invoke(app, [*words, "--database", str(tmp_path / "none.db")])
    assert nowhere.exit_code != 0


def test_log_in_which_an_alarm_is_ignored_or_lifted_by_no_person_is_found_out(tmp_path: Path) -> None:
    scene = Scene(f"sqlite:///{tmp_path / 'a.db'}", tmp_path)
    scene.until_alarm(error=0.8)
    entries = scene.rig.entries()
    alarm = next(e for e in entries if e["type"] == "alarm.raised")
    passed = next(e for e in entries if e["type"] == "decision.made" and e.get("tier") == "auto_approve")
    later = alarm["at"].replace("T22:", "T23:")
    made = dict(
        passed, id="018bcfe5-6800-7000-8000-000000000001", at=later, submitted=True,
        case={"id": "018bcfe5-6800-7000-8000-000000000002", "rev": 1},
    )  # fmt: skip
    made["from"] = "new"
    lifted = {
        "v": 1, "log": alarm["log"], "id": "018bcfe5-6800-7000-8000-000000000003", "type": "alarm.lifted", "at": later,
        "actor": {"kind": "system", "pid": "operator"}, "alarm": {"id": alarm["alarm"]["id"], "action": "pay"},
    }  # fmt: skip
    log = Replay()
    for entry in [*entries, made, lifted, lifted]:
        log.feed(entry)
    codes = {violation.code for violation in log.violations}
    assert {"alarm.ignored", "alarm.lifted_by", "alarm.without_evidence", "alarm.unknown"} <= codes
    scene.rig.close()
