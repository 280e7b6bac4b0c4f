"""Pages without JavaScript: Jinja2 in a sandbox, everything escaped, hidden characters made visible."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from starlette.responses import HTMLResponse

from handrail.canonical import JSON

FOLDER = Path(__file__).parent / "templates"
# a value is never cut without saying so, and no page is endless
MOST_CHARACTERS = 20_000
PLAIN = frozenset("\n\t")


def shown(text: Any) -> str:
    """Text as a reader must see it: control, bidi and zero-width characters are spelled out."""
    value = str(text)
    rest = len(value) - MOST_CHARACTERS
    made = "".join(c if c in PLAIN or c.isprintable() else f"[U+{ord(c):04X}]" for c in value[:MOST_CHARACTERS])
    return made + (f" … {rest} more characters, unread: open the console" if rest > 0 else "")


def text_of(value: JSON) -> str:
    """A JSON value as text: strings as they are, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)


def moment(iso: str) -> str:
    """A time as people read it, in UTC."""
    return f"{iso[:10]} {iso[11:19]} UTC"


def personal_in(name: str, paths: list[str]) -> bool:
    """Whether an argument is personal, or holds what is: `paths` are JSON Pointers."""
    at = "/" + name.replace("~", "~0").replace("/", "~1")
    return any(path in ("", at) or path.startswith(at + "/") for path in paths)


ENVIRONMENT = ImmutableSandboxedEnvironment(
    loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
ENVIRONMENT.tests["personal_in"] = personal_in
ENVIRONMENT.filters.update(shown=shown, text=text_of, json=text_of, moment=moment)


def page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page. Values stand in it as text, never as markup."""
    text = ENVIRONMENT.get_template(template).render({"person": None, **values})
    return HTMLResponse(text, status, {"Cache-Control": "no-store"})
