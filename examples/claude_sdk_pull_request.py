"""A code agent: it edits a git repository as it likes, and opens a pull request when a person has read the diff.

pip install "handrail[claude-sdk]"
python examples/claude_sdk_pull_request.py --auto    a scripted reviewer answers, and a scripted model codes
python examples/claude_sdk_pull_request.py           you answer: `handrail serve --database code.db` elsewhere

With ANTHROPIC_API_KEY set Claude codes. The pull request is a branch of the repository beside the database.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
from pathlib import Path
from typing import Any

from claude_agent_sdk import ClaudeAgentOptions, ResultMessage, query, tool
from scripted import messages_api

import handrail
from handrail.integrations.claude_sdk import gate, waker

POLICY = """
escalation_policies:
  - {action_type: open_pull_request, autonomy: confirm, undo_seconds: 0}
"""
PULL_REQUEST = "mcp__repo__open_pull_request"


def git(repo: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=agent", "-c", "user.email=agent@example.org", *arguments]
    return subprocess.run(command, cwd=repo, check=True, capture_output=True, text=True).stdout


def coder(hr: handrail.Client, repo: Path, model: str | None) -> ClaudeAgentOptions:
    @tool("open_pull_request", "Commit all changes on a branch and open a pull request.", {"branch": str, "title": str})
    async def open_pull_request(given: dict[str, Any]) -> dict[str, Any]:
        git(repo, "switch", "--create", given["branch"])
        git(repo, "commit", "--all", "--message", given["title"])
        return {"content": [{"type": "text", "text": f"opened {given['branch']}"}]}

    home = {"CLAUDE_CONFIG_DIR": str(repo.with_suffix(".claude")), "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
    local = (
        {} if model is None else {"ANTHROPIC_BASE_URL": model, "ANTHROPIC_API_KEY": "none", "ENABLE_TOOL_SEARCH": "0"}
    )
    options = ClaudeAgentOptions(
        cwd=repo, tools=["Read", "Write"], permission_mode="acceptEdits", setting_sources=[], env=home | local
    )
    terms = {PULL_REQUEST: {"action": "open_pull_request", "preview": lambda **_: git(repo, "diff")}}
    return gate(hr, options, tools=PULL_REQUEST, own={"repo": [open_pull_request]}, terms=terms, agent="coder")


async def work(hr: handrail.Client, repo: Path, model: str | None, auto: bool) -> None:
    options = coder(hr, repo, model)
    async for message in query(prompt="Fix add() in sums.py and open a pull request.", options=options):
        if isinstance(message, ResultMessage) and message.deferred_tool_use:
            print(f"waits for a person: {message.deferred_tool_use.input}\n{git(repo, 'diff')}")
    if auto:
        hr.desk("Asha").next().edit({"branch": "fix-add", "title": "Add numbers instead of subtracting them"})
    wake = waker(hr, options)
    while hr.parks():
        await wake.astep(timeout=60)
    print(git(repo, "log", "--oneline", "--format=%D: %s", "-1"))


def main() -> None:
    parser = argparse.ArgumentParser(description="An agent that opens pull requests.")
    parser.add_argument("--auto", action="store_true", help="let a scripted reviewer answer")
    parser.add_argument("--database", default="code.db")
    given = parser.parse_args()
    repo = Path(given.database).resolve().with_suffix(".repo")
    repo.mkdir()
    (repo / "sums.py").write_text("def add(a, b):\n    return a - b\n")
    git(repo, "init", "--quiet", "--initial-branch=main")
    git(repo, "add", ".")
    git(repo, "commit", "--quiet", "--message", "Sums")
    fixed = {"file_path": str(repo / "sums.py"), "content": "def add(a, b):\n    return a + b\n"}
    read = {"file_path": str(repo / "sums.py")}
    script = (("Read", read), ("Write", fixed), (PULL_REQUEST, {"branch": "fix", "title": "Fix"}))
    model = None if os.environ.get("ANTHROPIC_API_KEY") else messages_api.serve(script)
    with handrail.open(given.database, policy=POLICY) as hr:
        asyncio.run(work(hr, repo, model, given.auto))


if __name__ == "__main__":
    main()
