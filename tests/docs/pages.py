"""The pages of the documentation and the blocks in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[2]

# `text` shows output or a picture, `mermaid` a diagram: neither can run
RUNS = frozenset({"python", "bash", "yaml", "json"})
SHOWS = frozenset({"text", "mermaid"})

REMARK = re.compile(r"<!--\s*(runs-with|runs-in|run-by|not run)\s*:\s*(.*?)\s*-->", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block, with what the HTML comment just above it says."""

    page: str
    # of the first line inside the fence, from 1
    line: int
    language: str
    text: str
    # names of the setups to run it with
    runs_with: tuple[str, ...] = ()
    # the extra in whose environment it runs (tests/integrations/blocks.py); None: here
    runs_in: str | None = None
    # the test that runs it, with less to do; None: here
    run_by: str | None = None
    # why it is not run; None: it is
    not_run: str | None = None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def page_paths() -> list[Path]:
    """README, the top-level pages and everything under docs, in a steady order."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def blocks_of(path: Path) -> Iterator[Block]:
    """Every fenced block of one page, in order. Raises `ValueError` for a remark that says nothing."""
    page = str(path.relative_to(ROOT))
    remark: tuple[str, str] | None = None
    for token in MarkdownIt("commonmark").parse(path.read_text()):
        if token.type == "html_block":
            said = REMARK.search(token.content)
            remark = (said[1], said[2]) if said else None
        elif token.type == "fence":
            assert token.map is not None
            line = token.map[0] + 2
            if remark is not None and not remark[1]:
                raise ValueError(f"{page}:{line}: `{remark[0]}:` without a reason or a name")
            yield Block(
                page=page,
                line=line,
                language=token.info.strip(),
                text=token.content,
                runs_with=tuple(remark[1].split()) if remark and remark[0] == "runs-with" else (),
                runs_in=remark[1] if remark and remark[0] == "runs-in" else None,
                run_by=remark[1] if remark and remark[0] == "run-by" else None,
                not_run=remark[1] if remark and remark[0] == "not run" else None,
            )
            remark = None
        elif token.type == "inline":
            remark = None
