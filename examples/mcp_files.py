"""A file server behind the MCP gateway: reading goes by itself, writing waits for a person, who changes a word.

pip install "handrail[mcp]"
python examples/mcp_files.py --auto    a scripted reviewer answers, and a scripted client calls
python examples/mcp_files.py           you answer: `handrail serve --database files.db` elsewhere
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import threading
from pathlib import Path

from mcp import Client, StdioServerParameters
from mcp.server.mcpserver import MCPServer

import handrail

POLICY = """
escalation_policies:
  - {action_type: files.read, autonomy: full}
  - {action_type: files.write, autonomy: confirm, undo_seconds: 0}
"""


def file_server(folder: Path) -> MCPServer:
    """Any MCP server would do; this one is short. It knows nothing of handrail."""
    server = MCPServer("files")

    @server.tool()
    def read(name: str) -> str:
        """Read a file."""
        return (folder / Path(name).name).read_text()

    @server.tool()
    def write(name: str, text: str) -> str:
        """Write a file."""
        return f"wrote {(folder / Path(name).name).write_text(text)} characters"

    return server


def review(desk: handrail.Desk, done: threading.Event) -> None:
    """The scripted reviewer: changes a word, and lets it through."""
    while not done.wait(0.1):
        if (held := desk.next()) is not None:
            held.edit({"name": "note.txt", "text": "We meet on Tuesday."})


async def call(database: str, policy: Path, folder: Path) -> None:
    """The client, which stands here for Claude Desktop or any other: it starts the gateway in place of the server."""
    gateway = ["-m", "handrail.cli.main", "mcp", "--name", "files", "--database", database, "--policy", str(policy)]
    server = ["--", sys.executable, __file__, "--serve", str(folder)]
    async with Client(StdioServerParameters(command=sys.executable, args=[*gateway, "--hold", "5", *server])) as client:
        print("tools:", *(tool.name for tool in (await client.list_tools()).tools))
        wrote = await client.call_tool("write", {"name": "note.txt", "text": "We meet on Monday."})
        while "Not executed yet" in wrote.content[0].text:
            print(wrote.content[0].text)
            case_id = wrote.meta["handrail/case"]
            wrote = await client.call_tool("handrail_result", {"case_id": case_id})
        print(*(block.text for block in wrote.content), sep="\n")
        print("the note:", (await client.call_tool("read", {"name": "note.txt"})).content[0].text)


def main() -> None:
    parser, done = argparse.ArgumentParser(), threading.Event()
    parser.add_argument("--auto", action="store_true", help="let a scripted reviewer answer")
    parser.add_argument("--database", default="files.db")
    parser.add_argument("--serve", type=Path, help="be the file server of this folder")
    given = parser.parse_args()
    if given.serve:
        file_server(given.serve).run()
        return
    folder = Path("files")
    folder.mkdir(exist_ok=True)
    policy = folder.with_suffix(".yaml")
    policy.write_text(POLICY)
    with handrail.open(given.database, policy=policy) as hr:
        if given.auto:
            threading.Thread(target=review, args=(hr.desk("Asha"), done), daemon=True).start()
        asyncio.run(call(given.database, policy, folder))
        done.set()


if __name__ == "__main__":
    main()
