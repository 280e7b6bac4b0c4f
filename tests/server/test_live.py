"""Live events, health, metrics, tiles, and a server that stops."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

from handrail.audit.checkpoint import open_trusted
from handrail.audit.note import parse_vkey
from handrail.audit.proof import verify_inclusion
from handrail.audit.tile import WIDTH
from handrail.audit.tree import leaf_hash
from handrail.errors import InvalidInput
from handrail.lifecycle import access
from handrail.server.first_start import first_person
from handrail.server.run import check, is_loopback, served
from handrail.server.settings import Settings
from tests.server.site import Site, answer, propose, site


def heard(client: httpx2.Client, last: str | None, count: int) -> list[dict[str, Any]]:
    """The next events of the stream."""
    made: list[dict[str, Any]] = []
    headers = {} if last is None else {"Last-Event-ID": last}
    with client.stream("GET", "/v1/events", headers=headers) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        event: dict[str, Any] = {}
        for line in stream.iter_lines():
            name, _, value = line.partition(": ")
            if name in ("id", "event", "data"):
                event[name] = value
            if not line and "id" in event:
                made.append(event | json.loads(event["data"]))
                event = {}
                if len(made) == count:
                    return made
    return made


def test_events_resume_behind_the_last_one_and_lose_nothing(each: Site) -> None:
    ann, program = each.signed_in("ann"), each.program()
    ids = [propose(program)["case_id"] for _ in range(3)]
    size = each.plane.logbook().head()[0]
    first = heard(ann, "0", 4)
    rest = heard(ann, first[-1]["id"], size - 5)
    both = first + rest
    assert [int(event["id"]) for event in both] == list(range(1, size))
    assert [event["case_id"] for event in both if event["event"] == "case.opened"] == ids
    assert all(event["at"].startswith("20") for event in both)
    assert all(event["type"] == event["event"] for event in both)


def test_events_without_last_id_begin_with_what_comes_next(each: Site) -> None:
    ann, program = each.signed_in("ann"), each.program()
    propose(program)
    got: list[dict[str, Any]] = []
    listening = threading.Thread(target=lambda: got.extend(heard(ann, None, 2)))
    listening.start()
    while not each.plane.feed._subscribers:
        listening.join(0.01)
    case_id = propose(program)["case_id"]
    listening.join(20)
    assert [event["case_id"] for event in got] == [case_id, case_id]


def test_events_behind_a_future_id_begin_with_what_comes_next(each: Site) -> None:
    ann, program = each.signed_in("ann"), each.program()
    head = each.plane.logbook().head()[0]
    got: list[dict[str, Any]] = []
    listening = threading.Thread(target=lambda: got.extend(heard(ann, str(head + 50), 1)))
    listening.start()
    while not each.plane.feed._subscribers:
        listening.join(0.01)
    propose(program)
    listening.join(20)
    assert [event["id"] for event in got] == [str(head)]


def test_events_end_for_whom_was_removed_though_the_log_is_never_silent(
    here: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handrail.server.events.CHECK_SECONDS", 0.0)
    ann, program = here.signed_in("ann"), here.program()
    got: list[dict[str, Any]] = []
    listening = threading.Thread(target=lambda: got.extend(heard(ann, None, 1)))
    listening.start()
    while not here.plane.feed._subscribers:
        listening.join(0.01)
    here.plane.run(access.change_person, access.ChangePerson(actor=here.operator, id=here.people["ann"], active=False))
    propose(program)
    listening.join(60)
    assert not listening.is_alive()
    assert [event for event in got if event["event"] == "case.opened"] == []


def test_decisions_of_another_process_wake_the_waiter(tmp_path: Path) -> None:
    with site(tmp_path / "h.db") as one, site(tmp_path / "h.db", keys=tmp_path / "other") as two:
        program, ann = one.program(), one.signed_in("ann")
        beside = two.client(headers=dict(ann.headers), cookies=dict(ann.cookies))
        case_id = propose(program)["case_id"]
        got: list[int] = []
        waiting = threading.Thread(
            target=lambda: got.append(program.get(f"/v1/proposals/{case_id}/decision?wait=30").status_code)
        )
        begun = time.monotonic()
        waiting.start()
        while not one.plane.feed._by_case.get(case_id):
            waiting.join(0.01)
        beside.headers["Origin"] = two.address
        assert answer(beside, case_id, "approve").status_code == 201
        waiting.join(20)
        assert got == [200]
        # the waiter's own poll would come after 15 s
        assert time.monotonic() - begun < 12


def test_tiles_and_checkpoint_prove_every_entry_with_nothing_else(each: Site) -> None:
    auditor, program = each.signed_in("aud", "auditor"), each.program()
    for n in range(140):
        propose(program, confidence=0.99, arguments={"n": n})
    for n in range(70):
        propose(program, arguments={"n": n})
    each.plane.sealer.step()
    base = f"/audit/{each.plane.log}"
    key = parse_vkey(auditor.get("/v1/audit/key").json()["vkey"])
    point = open_trusted(auditor.get(f"{base}/checkpoint").content, key)
    assert point.size > WIDTH
    entries: list[bytes] = []
    for index, width in ((0, WIDTH), (1, point.size - WIDTH)):
        suffix = "" if width == WIDTH else f".p/{width}"
        data = auditor.get(f"{base}/tile/entries/{index:03d}{suffix}").content
        hashes = auditor.get(f"{base}/tile/0/{index:03d}{suffix}").content
        while data:
            size = int.from_bytes(data[:2], "big")
            entries.append(data[2 : 2 + size])
            assert leaf_hash(entries[-1]) == hashes[:32]
            data, hashes = data[2 + size :], hashes[32:]
    for index in (0, 17, WIDTH, point.size - 1):
        proof = auditor.get(f"/v1/audit/proof/{index}?size={point.size}").json()
        verify_inclusion(
            leaf_hash(entries[index]), index, point.size, [bytes.fromhex(h) for h in proof["hashes"]], point.root
        )
    for missing in ("tile/0/009", "tile/0/000.p/300", "tile/9/000", "tile/entries/001.p/255", "nothing", "tile/0/0"):
        assert auditor.get(f"{base}/{missing}").status_code == 404, missing
    assert auditor.get("/audit/handrail.local/other/checkpoint").status_code == 404


def test_entries_need_an_auditor_and_hashes_may_be_public(tmp_path: Path) -> None:
    with site(tmp_path / "h.db", settings=Settings(port=0, public_log=True)) as here:
        base = f"/audit/{here.plane.log}"
        here.person("ann")
        here.plane.sealer.step()
        assert here.client().get(f"{base}/checkpoint").status_code == 200
        assert here.client().get(f"{base}/tile/0/000.p/1").status_code == 200
        assert here.client().get(f"{base}/tile/entries/000.p/1").status_code == 401
        assert here.signed_in("ann").get(f"{base}/tile/entries/000.p/1").status_code == 403


def test_health_ready_and_metrics_say_what_is(each: Site) -> None:
    program = each.program()
    propose(program)
    client = each.client()
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"ready": True, "problems": []}
    text = client.get("/metrics").text
    for line in (
        'handrail_open_cases{queue="default",tier="hard_gate",workspace="default"} 1.0',
        "handrail_unknown_executions 0.0",
        "handrail_review_rate 1.0",
        'handrail_loop_lag_seconds{loop="timers"}',
        "handrail_writer_verbs_total",
        'handrail_request_seconds_count{handler="propose",method="POST",status="2xx"} 1.0',
        "handrail_log_unsigned_seconds",
    ):
        assert line in text, line
    far = client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"})
    assert far.status_code == 401


def test_metrics_that_the_documentation_says_to_watch_are_there(here: Site) -> None:
    propose(here.program())
    page = Path(__file__).resolve().parents[2] / "docs" / "operations" / "metrics.md"
    watched = re.findall(r"^\| `(handrail_\w+)`", page.read_text(), re.MULTILINE)
    assert len(watched) > 3
    text = here.client().get("/metrics").text
    assert [name for name in watched if not re.search(rf"^{name}[{{ ]", text, re.MULTILINE)] == []


def test_stop_ends_waiting_requests_at_once_with_retry_after(tmp_path: Path) -> None:
    with site(tmp_path / "h.db") as here:
        program = here.program()
        case_id = propose(program)["case_id"]
        got: list[httpx2.Response] = []
        with served(here.plane, Settings(port=0)) as address:
            client = here.client(headers=dict(program.headers))
            waiting = threading.Thread(
                target=lambda: got.append(client.get(f"{address}/v1/proposals/{case_id}/decision?wait=60"))
            )
            waiting.start()
            while not here.plane.feed._by_case.get(case_id):
                waiting.join(0.01)
            begun = time.monotonic()
        waiting.join(60)
        assert time.monotonic() - begun < 5
        assert (got[0].status_code, got[0].json()["code"], got[0].headers["retry-after"]) == (503, "unavailable", "1")


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": "0.0.0.0"}, {"host": "::"}, {"host": "handrail.example"}, {"workers": 2}, {"tls_key": "key.pem"},
        {"workers": 2, "database": "postgresql://x/y"},
    ],
)  # fmt: skip
def test_unsafe_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        check(Settings(**wrong))


def test_settings_behind_a_proxy_or_with_tls_are_accepted() -> None:
    check(Settings(host="0.0.0.0", insecure_behind_proxy=True))
    check(Settings(host="0.0.0.0", tls_certificate=Path("a"), tls_key=Path("b")))
    assert is_loopback("127.0.0.9")
    assert not is_loopback("127.0.0.1.example")


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDRAIL_PORT", "9001")
    monkeypatch.setenv("HANDRAIL_WEBHOOK_PORTS", "[443, 8444]")
    assert (Settings().port, Settings().webhook_ports) == (9001, (443, 8444))
    assert Settings(port=1).port == 1


def test_serve_command_on_a_taken_port_makes_nobody_whose_password_is_never_shown(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        words = ["serve", "--database", str(tmp_path / "h.db"), "--port", str(taken.getsockname()[1])]
        command = [sys.executable, "-m", "handrail.cli.main", *words]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode != 0
    assert "address already in use" in ran.stderr
    assert "--port 0" in ran.stderr
    assert ran.stdout == ""
    with site(tmp_path / "h.db", loops=False) as here:
        assert first_person(here.plane, "default") is not None


def test_serve_command_first_start_signs_in_and_a_signal_leaves_a_signed_log(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "handrail.cli.main", "serve", "--database", str(tmp_path / "h.db"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line.strip())
            if line.startswith("Make an API key"):
                break
        try:
            address = lines[0].split()[-1]
            password = next(line.split()[1] for line in lines if line.startswith("password"))
            once = next(line.split()[2] for line in lines if line.startswith("or open"))
            with httpx2.Client() as client:
                signed = client.post(f"{address}/v1/session", json={"email": "admin@localhost", "password": password})
                assert signed.status_code == 200
                assert client.post(once).status_code == 303
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    with site(tmp_path / "h.db", loops=False) as here:
        head = here.plane.logbook().head()[0]
        signed_point = here.plane.logbook().checkpoint()
        assert signed_point is not None
        assert int(signed_point.split(b"\n")[1]) == head
