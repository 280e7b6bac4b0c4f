"""Write docs/reference from the program itself: commands, policy fields, errors, HTTP endpoints.

python docs/generate.py            write the pages
python docs/generate.py --check    write nothing; exit 1 and name the pages that are out of date
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer.main

import handrail.errors
import handrail.policy.document as policy
from handrail.cli.guests import matrix, standing
from handrail.cli.lazy import LazyGroup
from handrail.cli.main import app as cli
from handrail.maintenance.hook import SECONDS, SECONDS_VARIABLE, VARIABLE
from handrail.server.app import describe
from handrail.server.settings import Settings

HERE = Path(__file__).resolve().parent / "reference"
NOTICE = "<!-- Written by docs/generate.py; change the code, then run `make docs`. -->\n"


def main() -> int:
    stale = []
    for name, page in PAGES.items():
        path = HERE / name
        text = page()
        if path.exists() and path.read_text() == text:
            continue
        stale.append(name)
        if "--check" not in sys.argv:
            HERE.mkdir(exist_ok=True)
            path.write_text(text)
    if "--check" in sys.argv and stale:
        print(f"out of date: {', '.join(stale)}; run `make docs`", file=sys.stderr)
        return 1
    return 0


def cli_page() -> str:
    parts = ["# Commands", NOTICE, "Every command explains itself with `--help`.\n"]
    for path, command in commands(typer.main.get_command(cli), ("handrail",)):
        parts.append(f"## `{' '.join(path)}`\n")
        parts.append(prose(command.help) + "\n")
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        options = [p for p in command.params if p.param_type_name == "option" and not p.hidden]
        usage = " ".join(
            [*path, *(a.metavar or a.name.upper() for a in arguments), *(["[options]"] if options else [])]
        )
        parts.append(f"```text\n{usage}\n```\n")
        if options:
            rows = [
                (", ".join(f"`{o}`" for o in (*p.opts, *p.secondary_opts)), default(p), prose(p.help)) for p in options
            ]
            parts.append(table(("option", "default", "meaning"), rows))
    return "\n".join(parts)


def commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that does something, with the words that call it."""
    children = getattr(command, "commands", None)
    if children is None:
        yield path, command
        return
    for name in sorted(children):
        # the program's own parts load when called
        child = command.load(name) if isinstance(command, LazyGroup) else children[name]
        if not child.hidden:
            yield from commands(child, (*path, name))


def default(option: Any) -> str:
    value = option.default
    if option.required:
        return "required"
    if value is None or value is False or callable(value) or value in ((), []):
        return ""
    return f"`{value}`"


def policy_page() -> str:
    document = policy.Document.model_json_schema(by_alias=True)
    parts = [
        "# Policy fields",
        NOTICE,
        "A field that is not on this page is refused, with its file and line. Amounts are written with the currency's\n"
        "ISO 4217 code as suffix, `max_auto_approve_amount_inr: 10000`, or as a mapping from codes to amounts. The\n"
        "strictest of everything that matches wins, field by field.\n",
        "## The file\n",
        prose(policy.Document.__doc__) + "\n",
        fields(document, comments_of(policy.Document)),
    ]
    for name, definition in sorted(document["$defs"].items()):
        parts.append(f"## {name}\n")
        parts.append(prose(definition.get("description")) + "\n")
        parts.append(fields(definition, comments_of(getattr(policy, name))))
    return "\n".join(parts)


def fields(definition: dict[str, Any], comments: dict[str, str] | None = None) -> str:
    required = set(definition.get("required", ()))
    said = comments or {}
    return table(
        ("field", "value", "default", "meaning"),
        [
            (
                f"`{name}`",
                shape(spec),
                "required" if name in required else stated(spec),
                prose(spec.get("description") or said.get(name)),
            )
            for name, spec in definition.get("properties", {}).items()
        ],
    )


def comments_of(kind: type) -> dict[str, str]:
    """What the comment lines just above each field of a class say, its parents' fields included."""
    found: dict[str, str] = {}
    for parent in reversed(kind.__mro__):
        if not parent.__module__.startswith("handrail."):
            continue
        above: list[str] = []
        for line in inspect.getsource(parent).splitlines():
            if line.startswith("    # "):
                above.append(line.strip(" #"))
                continue
            field = re.match(r"    (\w+)\s*:", line)
            if field and above:
                found[field[1]] = " ".join(above)
            above = []
    return found


def stated(spec: dict[str, Any]) -> str:
    value = spec.get("default")
    if value in (None, [], {}, "") or isinstance(value, dict):
        return ""
    return f"`{json.dumps(value)}`"


def shape(spec: dict[str, Any]) -> str:
    """A JSON Schema in a few words."""
    if "$ref" in spec:
        return f"[{(name := spec['$ref'].rsplit('/', 1)[-1])}](#{name.lower()})"
    if "const" in spec:
        return f"`{spec['const']}`"
    if "enum" in spec:
        return ", ".join(f"`{value}`" for value in spec["enum"])
    for choice in ("anyOf", "oneOf"):
        if choice in spec:
            return " or ".join(dict.fromkeys(shape(s) for s in spec[choice] if s.get("type") != "null"))
    if spec.get("type") == "array":
        return f"list of {shape(spec['items'])}" if spec.get("items") else "list"
    if isinstance(values := spec.get("additionalProperties"), dict):
        return f"mapping to {shape(values)}"
    kinds = spec.get("type", "any")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    words = {"object": "mapping", "string": "text", "array": "list"}
    named = " or ".join(words.get(kind, kind) for kind in kinds if kind != "null")
    if spec.get("pattern", "").endswith("[smhdw]$"):
        named = "a time such as `15m`"
    return named + limits(spec)


def limits(spec: dict[str, Any]) -> str:
    names = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    said = [f"{sign} {spec[key]}" for key, sign in names.items() if key in spec]
    return f" ({', '.join(said)})" if said else ""


def errors_page() -> str:
    parts = [
        "# Errors",
        NOTICE,
        "Every error has a stable `code`, a message that says what failed and why, and a `remedy`. Over HTTP it is an",
        "`application/problem+json` document (RFC 9457) with the status given here.\n",
    ]
    rows = [
        (f"`{kind.code}`", f"`{kind.__name__}`", str(kind.status), prose(kind.__doc__), kind.remedy)
        for kind in family(handrail.errors.HandrailError)
    ]
    parts.append(table(("code", "class", "HTTP status", "meaning", "remedy"), rows))
    parts.append("## Not errors\n")
    parts.append(
        "A decision that was not an approval reaches the program as one of these. They do not inherit from\n"
        "`HandrailError`, so code that catches errors does not swallow a person's no. Each carries `.decision`,\n"
        "`.reason` and `.case_id`.\n"
    )
    outcomes = [kind for kind in family(handrail.errors.NotApproved) if kind is not handrail.errors.NotApproved]
    parts.append(table(("class", "meaning"), [(f"`{kind.__name__}`", prose(kind.__doc__)) for kind in outcomes]))
    return "\n".join(parts)


def family(kind: Any) -> Iterator[Any]:
    yield kind
    for child in kind.__subclasses__():
        yield from family(child)


def http_page() -> str:
    document = describe()
    parts = [
        "# HTTP",
        NOTICE,
        "The machine-readable form of this page is served at `/openapi.json`. Times are RFC 3339 strings, ids are",
        "UUIDv7, money is a decimal string. [Errors](errors.md) are `application/problem+json`.\n",
        "An answer that was lost: send the same request with the same `Idempotency-Key`. With an API key, any POST,",
        "PUT or DELETE is then carried out once and answered as before, for five minutes and by that server; a",
        "proposal for good. Halts, grants, outcomes and parks take an `id` of the caller's, which holds everywhere.\n",
    ]
    for path, operations in sorted(document["paths"].items()):
        for method, operation in operations.items():
            parts.append(f"## `{method.upper()} {path}`\n")
            parts.append(prose(operation.get("description") or operation.get("summary")))
            if parameters := operation.get("parameters"):
                rows = [
                    (f"`{p['name']}`", p["in"], shape(p.get("schema", {})), prose(p.get("description")))
                    for p in parameters
                ]
                parts.append(table(("parameter", "in", "value", "meaning"), rows))
            if body := operation.get("requestBody"):
                kinds = [shape(media.get("schema", {})) for media in body["content"].values()]
                parts.append(f"Body: {', '.join(kinds)}.\n")
    parts.append("# Bodies\n")
    for name, definition in sorted(document.get("components", {}).get("schemas", {}).items()):
        parts.append(f"## {name}\n")
        parts.append(prose(definition.get("description")))
        if "properties" in definition:
            parts.append(fields(definition))
    return "\n".join(parts)


def settings_page() -> str:
    server = [
        (f"`HANDRAIL_{name.upper()}`", stated({"default": plain(field)}), prose(field.description))
        for name, field in Settings.model_fields.items()
    ]
    commands_only = [
        ("`HANDRAIL_URL`", "", "A server, for `case`, `halt` and `undo`; needs a key."),
        ("`HANDRAIL_KEY`", "", "API key for that server."),
        ("`HANDRAIL_PERSON`", "the only person there is", "Who answers, for `case` on a database."),
    ]
    hook = [
        (f"`{VARIABLE}`", "", "Command to run when training is due: a JSON list, or words; no shell reads them."),
        (f"`{SECONDS_VARIABLE}`", f"`{SECONDS:g}`", "Seconds that command may take."),
    ]
    head = ("variable", "default", "meaning")
    return "\n".join(
        [
            "# Settings",
            NOTICE,
            "Environment variables. A command's option of the same name wins.\n",
            "## Server and database\n", table(head, server),
            "## Commands\n", table(head, commands_only),
            "## Retraining\n", table(head, hook),
        ]
    )  # fmt: skip


def plain(field: Any) -> Any:
    """A setting's default as JSON has it."""
    return json.loads(json.dumps(field.get_default(call_default_factory=True), default=str))


def frameworks_page() -> str:
    found = matrix()
    parts = [
        "# Frameworks",
        NOTICE,
        "What `handrail.testing.conformance` found with each framework, in its real package. `yes`: it holds. `no`:\n"
        "that framework cannot reach it, for the reason below the table; `partly`: some of it. The same tests run\n"
        "against all of them; `make conformance` runs them and makes this page anew.\n"
        "`handrail doctor` prints the rows of what is installed.\n",
    ]
    laws = {name: cell["law"] for framework in found.values() for name, cell in framework["cells"].items()}
    rows = [
        (f"{name} {laws[name]}", *(standing_of(framework, name) for framework in found.values()))
        for name in sorted(laws, key=lambda name: int(name[1:]))
    ]
    parts.append(table(("behaviour", *found), rows))
    for name, framework in found.items():
        versions = ", ".join(f"{package} {number}" for package, number in framework["versions"].items())
        parts.append(f"## {name}\n")
        parts.append(f"Run with {versions or 'no framework'}.\n")
        parts.extend(reasons(framework))
    return "\n".join(parts)


def standing_of(framework: dict[str, Any], name: str) -> str:
    words = {"holds": "yes", "impossible": "no", "partly": "partly", "broken": "**broken**"}
    return words[standing(framework["cells"][name])] if name in framework["cells"] else "not run"


def reasons(framework: dict[str, Any]) -> Iterator[str]:
    """Why some of it cannot be, each reason once."""
    where: dict[str, list[str]] = {}
    for name, cell in framework["cells"].items():
        impossible = {part: found["why"] for part, found in cell["parts"].items() if found["result"] == "impossible"}
        for why in dict.fromkeys(impossible.values()):
            parts = [part for part, said in impossible.items() if said == why]
            whole = len(parts) == len(cell["parts"])
            where.setdefault(why, []).append(name if whole else f"{name} ({', '.join(parts)})")
    for why, cells in where.items():
        yield f"- {', '.join(cells)}: {why}"
    if where:
        yield ""


def prose(text: str | None) -> str:
    """The text as one paragraph."""
    return " ".join((text or "").split()) + ("\n" if text and "\n\n" in text else "")


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [" | ".join(head), " | ".join("---" for _ in head)]
    lines += [" | ".join(cell.replace("|", "\\|").strip() for cell in row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "cli.md": cli_page,
    "policy.md": policy_page,
    "errors.md": errors_page,
    "http.md": http_page,
    "settings.md": settings_page,
    "frameworks.md": frameworks_page,
}

if __name__ == "__main__":
    sys.exit(main())
