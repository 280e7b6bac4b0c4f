"""kill -9 while a run is being woken: another process wakes it, and what it does happens once."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

import handrail
from handrail.client.steps import Start
from handrail.proposal import Proposal
from tests.conftest import ROOT

POLICY = """
escalation_policies:
  - {action_type: pay, autonomy: confirm, undo_seconds: 0}
"""
# a waker that starts its approved action, has its effect, and is killed before it can say so
VICTIM = """
import os, signal, sys
import handrail
from handrail.client.steps import Start

def wake(woken):
    assert woken.state == b"thread"
    (case,) = woken.cases
    started = hr.transport.send(Start(case_id=case, nonce="victim"))
    with open(sys.argv[2], "a") as ledger:
        ledger.write(f"{started.idempotency_key}\\n")
    os.kill(os.getpid(), signal.SIGKILL)

hr = handrail.open(sys.argv[1])
hr.waker("toy", wake, lasting=1.0).step(10)
"""


def test_kill_a_waker_leaves_the_run_to_another_and_the_effect_alone(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    with handrail.open(tmp_path / "h.db", policy=POLICY) as hr:
        proposal = Proposal(action="pay", arguments={"n": 1}, run="thread-1", call_id="1")
        case = hr.propose(proposal).case_id
        hr.park(run="thread-1", framework="toy", cases=[case], state=b"thread")
        hr.desk("Asha").take(case).approve()
        ended = subprocess.run(
            [sys.executable, "-c", VICTIM, str(tmp_path / "h.db"), str(ledger)], cwd=ROOT, timeout=60, check=False
        )
        assert ended.returncode == -signal.SIGKILL
        seen: list[handrail.Woken] = []

        def wake(woken: handrail.Woken) -> None:
            seen.append(woken)
            # the single use of the approval is taken: whoever wakes the run again does not get it
            with pytest.raises(handrail.HandrailError, match="another executor"):
                hr.transport.send(Start(case_id=case, nonce="other"))

        assert hr.waker("toy", wake).step(20) is True
        assert [(woken.fence, woken.state) for woken in seen] == [(2, b"thread")]
        assert hr.parks() == []
        assert ledger.read_text().count("\n") == 1
