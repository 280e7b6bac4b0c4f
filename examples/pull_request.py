"""A code agent that opens pull requests in a real git repository. Only what a person approved is merged.

python examples/pull_request.py --auto         a scripted reviewer answers
python examples/pull_request.py                you answer: `handrail serve --database pulls.db` in another terminal
The card shows the diff and what the tests say of that commit; exactly that commit is merged. It needs git.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import handrail

POLICY = "escalation_policies: [{action_type: merge, autonomy: confirm, undo_seconds: 0}]\n"
TESTS = """import unittest
from price import total
class Prices(unittest.TestCase):
    def test_sum(self): self.assertEqual(total([1, 2]), 3)
    def test_nothing(self): self.assertEqual(total([]), 0)
"""
# what stands there, and what the agent writes, pull request by pull request
FIRST = "def total(prices):\n    made = 0\n    for price in prices:\n        made += price\n    return made\n"
CHANGES = {
    "use-sum": "def total(prices):\n    return sum(prices)\n",
    "faster": "def total(prices):\n    first, *others = prices\n    return first + sum(others)\n",
}


def run(folder: Path | str, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=command[0] == "git")


class Repository:
    def __init__(self, folder: Path):
        self.folder = folder
        self.git("init", "--quiet", "--initial-branch=main")
        (folder / "test_price.py").write_text(TESTS)
        self.commit("main", FIRST)

    def git(self, *words: str) -> str:
        agent = ("-c", "user.name=agent", "-c", "user.email=agent@example.com")
        return run(self.folder, "git", *agent, *words).stdout.strip()

    def commit(self, branch: str, source: str) -> str:
        self.git("checkout", "--quiet", "-B", branch)
        (self.folder / "price.py").write_text(source)
        self.git("add", "--all")
        self.git("commit", "--quiet", f"--message=Price: {branch}")
        return self.git("rev-parse", "HEAD")

    def diff(self, branch: str, commit: str) -> str:
        return self.git("diff", f"main...{commit}")

    def tests(self, branch: str, commit: str) -> list[dict[str, Any]]:
        """What the tests say of a commit, in a tree of its own."""
        with tempfile.TemporaryDirectory() as tree:
            self.git("worktree", "add", "--quiet", "--detach", tree, commit)
            said = run(tree, sys.executable, "-m", "unittest", "--verbose", "test_price").stderr
            self.git("worktree", "remove", "--force", tree)
        found = re.findall(r"^(test_\w+) .*\.\.\. (ok|FAIL|ERROR)$", said, re.MULTILINE)
        cases = [{"name": name, "status": "passed" if how == "ok" else "failed"} for name, how in found]
        return [{"kind": "tests", "title": "Tests", "content": cases, "source": commit, "trusted": True}]


def main() -> None:
    parser = argparse.ArgumentParser(description="A code agent that opens pull requests.")
    parser.add_argument("--auto", action="store_true", help="let a scripted reviewer answer")
    parser.add_argument("--database", default="pulls.db", type=Path)
    given = parser.parse_args()
    repo = Repository(Path(tempfile.mkdtemp(prefix="shop-", dir=given.database.parent)))
    with handrail.open(given.database, policy=POLICY) as hr:

        @hr.gate("merge", preview=repo.diff, evidence=repo.tests)
        def merge(branch: str, commit: str) -> str:
            repo.git("checkout", "--quiet", "main")
            repo.git("merge", "--quiet", "--no-ff", f"--message=Merge {branch}", commit)
            return repo.git("log", "-1", "--format=%s")

        for branch, source in CHANGES.items():
            repo.git("checkout", "--quiet", "main")
            pending = merge.request(branch, repo.commit(branch, source))
            print(f"case {pending.case_id} waits: {branch}\n{repo.diff(branch, branch)}")
            if given.auto:
                held, tests = hr.desk("Asha").take(pending.case_id), repo.tests(branch, branch)
                held.reject("wrong", note="a test fails") if "failed" in str(tests) else held.approve()
            try:
                print("merged:", pending.result())
            except handrail.Rejected as refused:
                print(f"not merged: {branch} ({refused.reason})")


if __name__ == "__main__":
    main()
