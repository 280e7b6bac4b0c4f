"""A deployment agent: diff, test results and plan on one card; what went out can be rolled back.

python examples/deploy.py --auto               a scripted reviewer answers
python examples/deploy.py                      you answer: `handrail serve --database deploy.db` in another terminal
A release is a folder, and `current` is a link to one of them. A release that is ill once it runs is rolled back by the
undo that was registered with the action: proposed like anything else, and let through by policy.
"""

from __future__ import annotations

import argparse
import difflib
import re
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import handrail

POLICY = """escalation_policies:
  - {action_type: deploy, autonomy: confirm, undo_seconds: 0}
  - {action_type: deploy.undo, autonomy: full, undo_seconds: 0}
"""
SERVICE = "CEILING = {ceiling}\nassert __name__ != '__main__' or CEILING < 1000, 'out of memory'\n"
TESTS = """import unittest, limits
class Limits(unittest.TestCase):
    def test_ceiling_is_positive(self): self.assertGreater(limits.CEILING, 0)
    def test_ceiling_is_even(self): self.assertEqual(limits.CEILING % 2, 0)
"""
CEILINGS = {"r1": 100, "r2": 101, "r3": 5000}  # r1 runs; r2 fails a test; r3 passes them and is ill once it runs
PLAN = ["test it beside the running release", "switch `current` over", "look at it", "roll back if it is ill"]


class Service:
    def __init__(self, folder: Path):
        self.folder, self.current = folder, folder / "current"
        for release, ceiling in CEILINGS.items():
            (folder / release).mkdir()
            (folder / release / "limits.py").write_text(SERVICE.format(ceiling=ceiling))
            (folder / release / "test_limits.py").write_text(TESTS)
        self.switch("r1")

    def switch(self, release: str) -> str:
        """Make it the current one, in one step; what it was before."""
        before = self.current.readlink().name if self.current.exists() else ""
        (self.folder / "next").symlink_to(release)
        (self.folder / "next").replace(self.current)
        return before

    def run(self, release: str, *words: str) -> str:
        made = subprocess.Popen([sys.executable, *words], cwd=self.folder / release, stderr=subprocess.PIPE, text=True)
        return made.communicate()[1]

    def diff(self, release: str) -> str:
        old, new = ((self.folder / name / "limits.py").read_text().splitlines(True) for name in ("current", release))
        return "".join(difflib.unified_diff(old, new, "a/limits.py", "b/limits.py"))

    def card(self, release: str) -> list[dict[str, Any]]:
        said = self.run(release, "-m", "unittest", "--verbose", "test_limits")
        found = re.findall(r"^(test_\w+) .*\.\.\. (ok|FAIL|ERROR)$", said, re.MULTILINE)
        tests = [{"name": name, "status": "passed" if how == "ok" else "failed"} for name, how in found]
        plan = {"kind": "plan", "title": "Plan", "content": PLAN, "source": "agent", "trusted": False}
        return [{"kind": "tests", "title": "Tests", "content": tests, "source": release, "trusted": True}, plan]


def main() -> None:
    parser = argparse.ArgumentParser(description="A deployment agent.")
    parser.add_argument("--auto", action="store_true", help="let a scripted reviewer answer")
    parser.add_argument("--database", default="deploy.db", type=Path)
    given, back = parser.parse_args(), threading.Event()
    service = Service(Path(tempfile.mkdtemp(prefix="service-", dir=given.database.parent)))

    def roll_back(arguments: dict[str, str], result: str) -> None:
        service.switch(result)
        back.set()

    with handrail.open(given.database, policy=POLICY) as hr:
        deploy = hr.gate("deploy", preview=service.diff, evidence=service.card, undo=roll_back)(service.switch)
        for release in ("r2", "r3"):
            pending = deploy.request(release)
            print(f"case {pending.case_id} waits: {release}")
            if given.auto:
                held, card = hr.desk("Asha").take(pending.case_id), service.card(release)
                held.reject("wrong", note="a test fails") if "failed" in str(card) else held.approve()
            try:
                print(f"deployed {release} after {pending.result()}")
            except handrail.Rejected as refused:
                print(f"not deployed: {release} ({refused.reason})")
        if ill := service.run("current", "limits.py"):
            hr.undo(pending.case_id, reason=ill.splitlines()[-1])
            back.wait(60)
            print(f"took {release} back: {ill.splitlines()[-1]}")


if __name__ == "__main__":
    main()
