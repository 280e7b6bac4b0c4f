"""Errors on the wire: RFC 9457 problem documents with stable codes."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from handrail.errors import HandrailError, InvalidInput, NotFound, Unavailable

log = logging.getLogger("handrail.server")

TYPE = "https://handrail.dev/problems/"
MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 1


class TooLarge(InvalidInput):
    """The request body is too large."""

    code = "too_large"
    status = 413
    remedy = "Put large material where it can be fetched and send its digest."


class TooMany(HandrailError):
    """Too many requests in too short a time."""

    code = "too_many_requests"
    status = 429
    remedy = "Wait as long as Retry-After says, then repeat the request."


class MethodNotAllowed(HandrailError):
    """That path does not answer this method."""

    code = "method_not_allowed"
    status = 405
    remedy = "See /openapi.json for the methods of each path."


class UnsupportedMedia(InvalidInput):
    """The body must be JSON."""

    code = "unsupported_media_type"
    status = 415
    remedy = "Send Content-Type: application/json."


class Internal(HandrailError):
    """Something failed on our side; nothing was acknowledged."""

    code = "internal"
    status = 500
    remedy = "Repeat the request with the same key; if it fails again, tell the operator the time."


def problem(error: HandrailError, *, errors: list[dict[str, str]] | None = None) -> Response:
    """The response for an error. What is safe to repeat says when."""
    body: dict[str, Any] = {
        "type": TYPE + error.code,
        "title": (type(error).__doc__ or error.code).strip().splitlines()[0].rstrip("."),
        "status": error.status,
        "detail": printable(str(error)),
        "code": error.code,
        "remedy": printable(error.remedy),
    }
    context = {k: v for k, v in error.context.items() if isinstance(v, str | int | float | bool)}
    if context:
        body["context"] = context
    if errors:
        body["errors"] = errors
    headers = {}
    if error.status in (429, 503):
        headers["Retry-After"] = str(error.context.get("retry_after", RETRY_SECONDS))
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if error.status == 405 and "allow" in error.context:
        headers["Allow"] = str(error.context["allow"])
    return Response(json.dumps(body), error.status, headers, MEDIA_TYPE)


def printable(text: str) -> str:
    """Text that cannot steer a terminal or a log."""
    return "".join(ch if ch.isprintable() else " " for ch in text)[:1000]


def add_handlers(app: FastAPI, outages: tuple[type[Exception], ...]) -> None:
    """Every error leaves the app as a problem; `outages` are the store's own exceptions."""
    app.add_exception_handler(HandrailError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _framework)
    app.add_exception_handler(Exception, _unexpected)
    for outage in outages:
        app.add_exception_handler(outage, _outage)


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, HandrailError)
    if error.status == 500:
        log.warning("%s %s: %s", request.method, request.url.path, printable(str(error)))
    return problem(error)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [
        {"path": "/" + "/".join(printable(str(part)) for part in item["loc"][1:]), "message": printable(item["msg"])}
        for item in error.errors()[:20]
    ]
    first = f"{errors[0]['path']}: {errors[0]['message']}" if errors else "the request does not fit"
    return problem(InvalidInput(first), errors=errors)


async def _framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return problem(NotFound(f"there is no {request.url.path}"[:200], remedy="See /openapi.json for the paths."))
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = _allowed(error.headers)
        return problem(MethodNotAllowed(f"{request.method} is not for {request.url.path}"[:200], **allowed))
    made = HandrailError(str(error.detail))
    made.status, made.code = error.status_code, "error" if error.status_code >= 500 else "invalid_input"
    return problem(made)


def _allowed(headers: Mapping[str, str] | None) -> dict[str, str]:
    found = {name.lower(): value for name, value in (headers or {}).items()}
    return {"allow": found["allow"]} if "allow" in found else {}


async def _outage(request: Request, error: Exception) -> Response:
    log.warning("%s %s: the database cannot answer: %s", request.method, request.url.path, error)
    return problem(Unavailable("the database cannot answer now"))


async def _unexpected(request: Request, error: Exception) -> Response:
    # the traceback is logged by the server; the caller learns nothing about our insides
    return problem(Internal())
