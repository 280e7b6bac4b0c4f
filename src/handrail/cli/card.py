"""A card on the terminal: facts first, the agent's own words last and marked, nothing that can redraw the line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from rich.console import Console, Group
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from handrail.cli.printing import visible

# an exhibit longer than this is cut, and says so
MOST_LINES = 60
MOST_CHARACTERS = 4000
# columns below which a queue is printed as paragraphs
WIDE = 120


def draw(console: Console, detail: dict[str, Any]) -> None:
    """Print a case's card."""
    card, case = detail["card"], detail["case"]
    parts: list[Any] = [_table(_facts(card, case))]
    for exhibit in card.get("evidence") or ():
        parts.append(_exhibit(exhibit))
    if card.get("agent_says"):
        parts.append(_framed("the agent's own words, checked by nobody", _block(str(card["agent_says"])), "dim"))
    for review in detail.get("reviews") or ():
        parts.append(_line(f"{review['reviewer']} said {review['verdict']} at {review['given_at']}", "dim"))
    title = visible(f"{card['action']} · {case['state']}")
    console.print(Panel(Group(*parts), title=_line(title, "bold"), title_align="left"))


def table(console: Console, rows: list[dict[str, Any]]) -> None:
    """Print a queue. An id stays in one piece, so that it can be copied: in a narrow terminal each has its own line."""
    if console.width < WIDE:
        for row in rows:
            console.print(_line(visible(row["id"])), soft_wrap=True)
            said = [cell for cell in _cells(row)[1:] if cell]
            console.print(Padding(_line(visible(" · ".join(said))), (0, 0, 0, 2)))
        return
    made = Table(box=None, pad_edge=False)
    for name in ("case", "action", "tier", "what", "deadline", "reviewers", "held by"):
        made.add_column(
            name, overflow="fold", no_wrap=name == "case", min_width=len(rows[0]["id"]) if name == "case" else None
        )
    for row in rows:
        made.add_row(*(_line(visible(cell)) for cell in _cells(row)))
    console.print(made)


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    have, held = row["reviewers"], row["claimed_by"]
    return (
        str(row["id"]), str(row["action"]), str(row["tier"]), str(row["summary"]),
        f"by {row['deadline'][:16].replace('T', ' ')} UTC" if row["deadline"] else "no deadline",
        f"{have['have']}/{have['need']}", f"with {held}" if held else "",
    )  # fmt: skip


def _facts(card: dict[str, Any], case: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "case", f"{card['case_id']} revision {card['revision']}"
    yield "card", card["digest"]
    asked = card["asked_by"]
    yield "asked by", ", ".join(f"{name} {value}" for name, value in asked.items() if value and name != "owners")
    if not card["inspectable"]:
        yield "not inspectable", "this action is not known to the policy; these are its raw arguments"
    if card.get("amount"):
        yield "amount", f"{card['amount']['value']} {card['amount'].get('currency') or ''}"
    if card.get("target") is not None:
        yield "target", _text(card["target"])
    arguments = card["arguments"]
    for name, value in arguments.items() if isinstance(arguments, dict) else [("arguments", arguments)]:
        yield f"  {name}", _text(value)
    if card.get("choices"):
        yield "choices", _text(card["choices"])
    yield "tier", card["tier"]
    for reason in card["reasons"]:
        yield "why you", reason["text"]
    if card.get("confidence"):
        yield "confidence", f"{card['confidence']['value']} (band {card['confidence']['band']})"
    undo = card["undo"]
    yield "undo", f"by {undo['action']}" if undo["action"] else "cannot be undone"
    yield "deadline", f"{card['deadline'] or 'none'}, then {card['on_expiry']}"
    quorum = card["quorum"]
    roles = f", roles {', '.join(quorum['roles'])}" if quorum["roles"] else ""
    yield "reviewers", f"{quorum['have']} of {quorum['need']}{roles}"
    yield "verdicts", ", ".join(card["verdicts"])
    if card["high_stakes"]:
        yield "high stakes", "yes"
    if case.get("decision"):
        yield "decision", _text(case["decision"])


def _table(facts: Iterator[tuple[str, str]]) -> Table:
    made = Table(show_header=False, box=None, pad_edge=False)
    made.add_column(no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in facts:
        made.add_row(_line(visible(name), "dim"), _block(value))
    return made


def _exhibit(exhibit: dict[str, Any]) -> Panel:
    content = exhibit.get("content")
    text = content if isinstance(content, str) else _text(content)
    if text.startswith("data:"):
        text = f"{len(text)} characters of {exhibit['kind']}; open the console to see it"
    trusted = "" if exhibit.get("trusted") else ", not checked by us"
    title = (
        f"{exhibit.get('kind')}: {exhibit.get('title') or ''} (from {exhibit.get('source') or 'the agent'}{trusted})"
    )
    return _framed(visible(title), _block(text))


def _framed(title: str, body: Text, style: str = "none") -> Panel:
    return Panel(body, title=_line(title), title_align="left", border_style=style)


def _block(text: str) -> Text:
    lines = text[:MOST_CHARACTERS].splitlines()
    cut = len(text) > MOST_CHARACTERS or len(lines) > MOST_LINES
    shown = "\n".join(visible(line) for line in lines[:MOST_LINES])
    return Text(shown + (f"\n… cut, {len(text)} characters in all" if cut else ""))


def _line(text: str, style: str = "") -> Text:
    return Text(text, style=style)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=None)
