"""A stage for the console: the HTTP contract over scripted cases in memory.

It exists to test components in a browser without a database. The real server has its own tests.
Run it by hand: `python tests/console/fake_api.py [port]`.
"""

# ruff: noqa: E501 (answers in one row)
from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from handrail.binomial import wilson

try:
    from .cases import REASONS, VERDICTS, scripted
except ImportError:  # run as a script
    from cases import REASONS, VERDICTS, scripted  # type: ignore[no-redef,import-not-found]

BUILT = Path(__file__).resolve().parents[2] / "src/handrail/server/console"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
DEFAULTS: dict[str, Any] = {
    "renderer": "1", "revision": 1, "kind": "action", "target": None, "schema": None, "answer_schema": None, "base": None, "inspectable": True,
    "asked_by": {"principal": "ann", "agent": "billing-agent", "run": "run-7", "owners": []}, "tier": "hard_gate", "reach": None, "amount": None, "evidence": [],
    "policy": {"name": "main", "digest": "9f2c4b7ad1e05c33"}, "on_expiry": "reject", "waiting": False, "verdicts": VERDICTS,
    "quorum": {"have": 0, "need": 1, "roles": [], "excluded": []}, "harm_classes": [], "personal_data": [], "agent_says": None, "high_stakes": False,
    "blind": False, "reason_codes": REASONS, "choices": None, "dwell_floor_seconds": 0, "confidence": None, "deadline": None,
}  # fmt: skip


KINDS = {"reject": "rejected", "respond": "responded", "redirect": "redirected"}


def stamp(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


class Refused(Exception):
    def __init__(self, status: int, code: str, detail: str, **more: Any):
        super().__init__(detail)
        self.response = JSONResponse(
            {"type": f"https://handrail.dev/problems/{code}", "title": code, "status": status, "detail": detail, "code": code, "remedy": "Read the case again.", **more},
            status,
            media_type="application/problem+json",
        )  # fmt: skip


class Stage:
    """All cases, claims and reviews of one test. `undo_seconds` is the server's window."""

    def __init__(self, undo_seconds: float = 8.0):
        self.undo_seconds = undo_seconds
        self.opened = datetime.now(UTC) - timedelta(minutes=4)
        self.cards: dict[str, dict[str, Any]] = {}
        self.rows: dict[str, dict[str, Any]] = {}
        self.reviews: dict[str, dict[str, Any]] = {}
        self.claims: dict[str, dict[str, Any]] = {}
        self.history: dict[str, list[dict[str, Any]]] = {}
        self.halts: dict[str, dict[str, Any]] = {}
        # of the person who looks
        self.roles = ["reviewer", "lead"]
        self.events: list[tuple[str, str]] = []
        self.posted: list[tuple[str, Any]] = []
        self.batches: list[Any] = []
        self.unknown: list[dict[str, Any]] = [
            {
                "case_id": "pay-0",
                "state": "unknown",
                "action": "payment_transfer",
                "arguments": {"to": "A1", "amount": "99"},
            }
        ]
        # states of the promotions on the operations page
        self.promotions = {"pr-1": "proposed", "pr-2": "accepted"}
        # steps a person carries out in the program's stead, by case
        self.by_hand: dict[str, dict[str, Any]] = {}
        # whether an AI supervisor and fusions are in use
        self.team = True
        # whether the one who is signed in sees nobody's figures but his own
        self.own_quality = False
        self.fence = 0
        for each in scripted():
            self.add(each)

    def add(self, given: dict[str, Any]) -> None:
        given = dict(given)
        row_fields: dict[str, Any] = {name: given.pop(name) for name in ("summary", "queue", "soft") if name in given}
        card = {**DEFAULTS, **given}
        card["shape"] = digest([card["action"], sorted(card["arguments"])])[:16]
        card["action_digest"] = digest(card["arguments"])
        card["digest"] = digest(card)
        id = card["case_id"]
        self.cards[id] = card
        self.history[id] = []
        amount = card["amount"] or {}
        self.rows[id] = {
            "id": id, "action": card["action"], "tier": card["tier"], "state": "open", "deadline": card["deadline"], "opened_at": stamp(self.opened),
            "revision": card["revision"], "reviewers": {"have": card["quorum"]["have"], "need": card["quorum"]["need"]}, "claimed_by": None, "high_stakes": card["high_stakes"],
            "amount": amount.get("value"), "currency": amount.get("currency"), "kind": card["kind"], "decision": None, "soft": False, **row_fields,
        }  # fmt: skip
        self.log(id, "proposal.submitted", "agent")
        self.log(id, "case.opened", "policy")

    def log(self, id: str, type: str, actor: str = "reviewer") -> None:
        at = stamp(datetime.now(UTC))
        self.events.append((type, id))
        entry = {"v": 1, "type": type, "at": at, "actor": {"id": actor}, "case": id}
        idx = len(self.events) - 1
        self.history.setdefault(id, []).append(
            {"idx": idx, "type": type, "at": at, "actor": {"id": actor}, "entry": entry}
        )

    def revise(self, id: str) -> None:
        """Somebody else edited the case: a new revision, a new digest."""
        card = self.cards[id]
        card["revision"] += 1
        card["digest"] = digest([card["digest"], card["revision"]])
        self.log(id, "proposal.revised", "somebody")

    def case(self, id: str) -> dict[str, Any]:
        if id not in self.cards:
            raise Refused(404, "not_found", f"There is no case {id} here.")
        return self.cards[id]

    def halts_over(self, card: dict[str, Any]) -> list[dict[str, Any]]:
        named = {"agent": card["asked_by"]["agent"], "run": card["asked_by"]["run"], "action": card["action"]}
        return [h for h in self.halts.values() if h["scope"] == "workspace" or h["value"] == named[h["scope"]]]

    def claim(self, id: str) -> dict[str, Any]:
        card, row = self.case(id), self.rows[id]
        if row["state"] != "open":
            raise Refused(409, "already_decided", "Somebody settled this case before you.")
        self.fence += 1
        expires = stamp(datetime.now(UTC) + timedelta(minutes=2))
        self.claims[id] = {"case_id": id, "fence": self.fence, "expires_at": expires}
        row["claimed_by"] = "p-1"
        self.log(id, "claim.taken")
        return {"claim": self.claims[id], "case": row, "card": card}

    def take_over(self, id: str, body: dict[str, Any]) -> dict[str, Any]:
        card, row = self.case(id), self.rows[id]
        until = stamp(datetime.now(UTC) + timedelta(seconds=body["seconds"]))
        if row["decision"] is not None:
            self.by_hand[id] = {"case_id": id, "state": "started", "fence": 1, "expires_at": until}
            return {
                "case_id": id,
                "held": "execution",
                "fence": 1,
                "expires_at": until,
                "action": card["action"],
                "arguments": card["arguments"],
            }
        claim = self.claims.get(id) or self.claim(id)["claim"]
        claim.update(expires_at=until, reviewer_id="p-1", reviewer="Asha Rao")
        return {
            "case_id": id,
            "held": "claim",
            "fence": claim["fence"],
            "expires_at": until,
            "action": card["action"],
            "arguments": card["arguments"],
        }

    def let_go(self, id: str, body: dict[str, Any], end: str) -> dict[str, Any]:
        """Hand back or give back."""
        if id in self.by_hand:
            self.by_hand[id]["state"] = end
            return {"state": end}
        if self.claims.get(id, {}).get("fence") != body["fence"]:
            raise Refused(409, "claim_lost", "Your claim is no longer held.")
        if end == "succeeded":
            self._record(id, {"verdict": "respond", "value": body["value"], "fence": body["fence"]}, self.rows[id])
        else:
            self.claims.pop(id)
            self.rows[id]["claimed_by"] = None
        return {"state": "open"}

    def review(self, id: str, body: dict[str, Any]) -> dict[str, Any]:
        card, row = self.case(id), self.rows[id]
        if row["state"] != "open":
            raise Refused(409, "already_decided", "Somebody settled this case before you.")
        if self.claims.get(id, {}).get("fence") != body["fence"]:
            raise Refused(409, "claim_lost", "Your claim is no longer held.")
        if body["card"] != card["digest"] or body["revision"] != card["revision"]:
            raise Refused(412, "card_changed", "The case was revised since you saw it.")
        if body["verdict"] not in card["verdicts"]:
            raise Refused(422, "verdict_not_allowed", "This case does not allow that verdict.")
        return self._record(id, body, row)

    def _record(self, id: str, body: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
        now = datetime.now(UTC)
        review = {
            **body, "id": f"review-{len(self.reviews)}", "case_id": id, "reviewer": "Asha Rao", "reviewer_id": "p-1", "given_at": stamp(now), "withdrawn_at": None,
            "effective_at": stamp(now + timedelta(seconds=self.undo_seconds)),
        }  # fmt: skip
        self.reviews[review["id"]] = review
        self.claims.pop(id, None)
        row["claimed_by"] = None
        row["answered"] = {"by_you": True, "counts_at": review["effective_at"], "verdicts": []}
        self.log(id, "review.given")
        return {"review": review, "case": row, "decision": None}

    def settle(self) -> None:
        """Reviews whose window has passed make their decisions."""
        now = datetime.now(UTC)
        for review in self.reviews.values():
            row = self.rows[review["case_id"]]
            due = not review["withdrawn_at"] and datetime.fromisoformat(review["effective_at"]) <= now
            if not due or row["state"] != "open" or review["verdict"] == "abstain":
                continue
            kind = KINDS.get(review["verdict"], "approved")
            row["state"] = "decided"
            row["decision"] = {
                "case_id": row["id"], "kind": kind, "by": ["Asha Rao"], "at": review["effective_at"], "reason": review.get("reason"),
            }  # fmt: skip
            self.log(row["id"], "decision.made")

    def withdraw(self, id: str) -> dict[str, Any]:
        review = self.reviews[id]
        if datetime.fromisoformat(review["effective_at"]) <= datetime.now(UTC):
            raise Refused(409, "conflict", "The review counts already.")
        review["withdrawn_at"] = stamp(datetime.now(UTC))
        row = self.rows[review["case_id"]]
        row["state"], row["decision"], row["answered"] = "open", None, None
        self.log(review["case_id"], "review.withdrawn")
        return {"review": review}


def page(stage: Stage, query: Any) -> dict[str, Any]:
    stage.settle()
    wanted = query.get("state", "open")
    found = [row for row in stage.rows.values() if (row["state"] == "open") == (wanted == "open")]
    for name in ("queue", "tier", "action"):
        if query.get(name):
            found = [row for row in found if row[name] == query[name]]
    text = query.get("q", "").lower()
    found = [row for row in found if text in f"{row['summary']} {row['action']}".lower()]
    start, limit = int(query.get("cursor") or 0), int(query.get("limit", 100))
    after = start + limit
    return {"items": found[start:after], "next": str(after) if after < len(found) else None, "total": len(found)}


def operations(stage: Stage) -> dict[str, Any]:
    rounds = [
        (1, 0.46, 0.21),
        (2, 0.38, 0.17),
        (3, 0.29, 0.13),
        (4, 0.24, 0.11),
        (5, 0.19, 0.092),
        (6, 0.17, 0.085),
        (7, 0.162, 0.081),
    ]
    return {
        "open": sum(row["state"] == "open" for row in stage.rows.values()), "oldest_seconds": 247, "overdue": 1,
        "by_tier": {"hard_gate": 5, "soft_review": 7}, "by_queue": [{"queue": "refunds", "open": 4, "oldest_seconds": 241}, {"queue": "payments", "open": 1, "oldest_seconds": 247}, {"queue": "agents", "open": 2, "oldest_seconds": 90}],
        "review_rate": 0.162, "review_rate_target": 0.15, "review_rate_alarm": 0.2, "deadline_attainment": 0.974, "unknown_executions": len(stage.unknown), "series": [],
        "decisions_per_person": [{"person": "p-1", "name": "Asha Rao", "count": 84, "median_dwell": 19.0}, {"person": "p-2", "name": "Jon Berg", "count": 61, "median_dwell": 31.5}, {"person": "p-3", "name": "Wen Li", "count": 22, "median_dwell": 12.0}],
        "log": {"size": 18421, "unsigned_seconds": 12.0}, "chart": [{"round": n, "review_rate": rate, "model_error": error} for n, rate, error in rounds],
    }  # fmt: skip


def autonomy(stage: Stage) -> dict[str, Any]:
    """Three cells: one passed, one that goes by itself, one that still gathers."""
    cells = [("c-1", "kind meal, 0 to 100 EUR", 190, 181, 0, 0.0157, "proposed"), ("c-2", "kind taxi, 0 to 100 EUR", 240, 200, 1, 0.0196, "accepted"),
             ("c-3", "kind hotel, 100 to 1000 EUR", 41, 233, 0, 0.0705, "gathering")]  # fmt: skip
    soon = stamp(datetime.now(UTC) + timedelta(days=60))
    return {
        "cells": [
            {"id": id, "action": "refund", "cell": cell, "n": n, "needed": needed, "misses": misses, "unchecked": 12 if id == "c-3" else 0, "bound": bound, "state": state}
            for id, cell, n, needed, misses, bound, state in cells
        ],
        "promotions": [
            {
                "id": id, "action": "refund", "cell": cells[at][1], "state": state, "tier": "auto_approve", "words": "earned: 190 of 190 right, at most 1.57% misses (95%), limit 2.00%",
                "note": None, "back_test": {"passed": 190, "of": 190, "wrong": 0}, "proposed_by": "handrail", "expires": soon if state == "accepted" else None,
                "saving": {"days": 90, "asks_avoided": 560, "misses_at_most": 8.8, "money": 412.5, "currency": "EUR"},
            }
            for at, (id, state) in enumerate(sorted(stage.promotions.items()))
            if state in ("proposed", "accepted")
        ],
    }  # fmt: skip


def share(hits: int, n: int, need: int = 1) -> dict[str, Any]:
    if n < need:
        return {"n": n, "need": need, "value": None}
    low, high = wilson(hits, n)
    return {"n": n, "need": need, "value": hits / n, "low": low, "high": high}


def reviewers() -> dict[str, Any]:
    """What a lead sees: somebody cleared, somebody flagged, somebody with too few golds."""

    def one(person: str, name: str, golds: int, right: int, standing: str, **more: Any) -> dict[str, Any]:
        shown, wrong = golds >= 50, golds // 4
        hidden = {"n": wrong, "need": 10, "value": None}
        parts = {
            "accuracy": share(right, golds, 50),
            "model_right": share(golds - wrong, golds - wrong, 10) if shown else hidden | {"n": golds - wrong},
            "model_wrong": share(right - golds + wrong, wrong, 10) if shown else hidden,
        }
        test = {"standing": standing, "evidence": 0.4, "line": 2.94, "since": 7, "flags": 0, "good": 0.95, "bad": 0.85}
        return {
            "person": person, "name": name, "answers": 412, "approved": share(380, 412, 20), "median_dwell": 19.0,
            "scorecard": {"golds": golds, "need": 50, "shown": shown, **parts, "test": test},
            "flags": [], "alarms": [], "anomalies": [], **more,
        }  # fmt: skip

    odd = {"kind": "errors_coincide", "with": ["p-3"], "n": 64, "seen": 9, "expected": 1.4, "p": 0.002, "hint": False,
           "text": "wrong together on 9 of 64 cases, 1.4 by chance"}  # fmt: skip
    fast = {"kind": "fast", "with": [], "n": 81, "seen": 70, "expected": 0.0, "p": None, "hint": True, "text": "median 2.1 s, all together 19.0 s: a hint, golds judge"}  # fmt: skip
    coefficient = {"value": 0.742, "low": 0.681, "high": 0.798}
    nothing = {"value": None, "low": None, "high": None}
    return {
        "days": 90, "answers": 1236,
        "reviewers": [
            one("p-1", "Asha Rao", 84, 80, "clear"),
            one("p-2", "Jon Berg", 61, 50, "flagged", flags=[{"code": "golds", "n": 61, "since": "2026-11-02T09:00:00Z"}], anomalies=[odd, fast],
                alarms=[{"code": "approves_fast", "subject": "p-2", "n": 50, "share": 1.0, "text": "approved 50 of the last 50 at a median of 2.1 s", "second_reviewer": True}]),
            one("p-3", "Wen Li", 12, 12, "open", median_dwell=None),
        ],
        "agreement": [
            {"action": "content_publish", "cases": 214, "answers": 431, "need": 50, "threshold": 0.8, "state": "below", "raw": {"value": 0.93, "low": 0.9, "high": 0.96}, "alpha": coefficient, "ac1": {"value": 0.91, "low": 0.87, "high": 0.94}, "fleiss": coefficient},
            {"action": "payment_transfer", "cases": 31, "answers": 62, "need": 50, "threshold": 0.8, "state": "not_enough", "raw": nothing, "alpha": nothing, "ac1": nothing, "fleiss": nothing},
        ],
        "pairs": [], "consensus": {"cases": 214, "need": 50, "way": "dawid_skene", "golds": 84, "differs": 0.13, "warning": "Dawid-Skene and plain majority differ on 13% of the cases: add golds to tell why"},
        "anchoring": {"n": 18, "need": 49, "value": None}, "fatigue": {"b": None, "n": 157, "have": 157, "need": 200, "said": "not enough evidence yet (157 of 200 golds)"},
        "rules": [{"code": "rule_idle", "subject": "amount_above", "n": 131, "share": 0.0, "text": "asked 131 times, and nobody changed the outcome: propose to retire it", "second_reviewer": False}],
        "golds": {"pool": 140, "share": 0.04, "drawn": 157},
    }  # fmt: skip


def calibrators() -> dict[str, Any]:
    """One fresh calibrator, one out of date, and a fusion that is none."""
    rows = [
        ("payments", 3, {"metrics": {}}),
        ("posts", 1, {"metrics": {}}),
        ("fusion:content_publish", 2, {"kind": "fusion"}),
    ]
    return {
        "items": [
            {
                "name": name,
                "version": version,
                "digest": "ab" * 32,
                "made_at": stamp(datetime.now(UTC) - timedelta(days=4)),
                "calibrator": held,
            }
            for name, version, held in rows
        ]
    }


def reliability(name: str) -> dict[str, Any]:
    def bins(shift: float) -> list[dict[str, Any]]:
        made = []
        for n, said in ((44, 0.31), (61, 0.52), (90, 0.68), (140, 0.81), (220, 0.92), (310, 0.985)):
            right = round(n * max(0.0, said - shift * (1 - said)))
            low, high = wilson(right, n)
            made.append({"n": n, "confidence": said, "accuracy": right / n, "low": low, "high": high})
        return made

    def figures(shift: float) -> dict[str, Any]:
        return {"n": 865, "log_loss": 0.31 + shift / 10, "calibration_error": 0.011 + shift / 5, "bins": bins(shift)}

    stale = ["fitted 214 days ago, and 90 days is the most"] if name == "posts" else []
    return {
        "name": name, "version": 3, "method": "beta", "action": "payment_transfer", "model": "scorer-4", "n": 865, "borrowed": 0, "fitted_at": stamp(datetime.now(UTC) - timedelta(days=214 if stale else 4)),
        "stale": stale, "before": figures(0.5), "after": figures(0.0), "since": {"n": 12, "need": 30},
    }  # fmt: skip


def supervisor() -> dict[str, Any]:
    low, high = wilson(31, 40)
    return {"models": [{"model": "guard-2", "right": {"fine": 12, "concern": 3}, "wrong": {"fine": 9, "concern": 31}, "unread": 2,
            "catches": {"have": 40, "need": 30, "value": 31 / 40, "low": low, "high": high},
            "false_alarms": {"have": 15, "need": 30, "not_enough_evidence": "not enough evidence yet (15 of 30)"}}]}  # fmt: skip


def fusions() -> dict[str, Any]:
    fusion = {
        "v": 1,
        "kind": "fusion",
        "classes": ["no", "yes"],
        "pool": [[0.9, 0.1], [0.16, 0.84]],
        "people": {"p-1": [[0.96, 0.04], [0.06, 0.94]]},
        "weights": [],
        "scale": 1.0,
        "answers": 96,
        "n": 74,
        "fitted_at": 0,
    }
    return {
        "items": [
            {
                "action": "content_publish",
                "version": 2,
                "digest": "cd" * 32,
                "made_at": stamp(datetime.now(UTC)),
                "fusion": fusion,
            }
        ]
    }


class Policy:
    """Adds the strict content security policy to every answer, and turns refusals into problems."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    (b"content-security-policy", CSP.encode()),
                    (b"x-content-type-options", b"nosniff"),
                ]
            await send(message)

        await self.app(scope, receive, with_policy if scope["type"] == "http" else send)


class Api:
    """The endpoints, on one stage."""

    def __init__(self, stage: Stage):
        self.stage = stage

    def person(self, request: Request) -> dict[str, Any]:
        if request.cookies.get("handrail") != "in":
            raise Refused(401, "unauthenticated", "You are not signed in.")
        if request.method != "GET" and request.headers.get("x-csrf-token") != "token-1":
            raise Refused(403, "forbidden", "The CSRF token is missing.")
        return {
            "person": {"id": "p-1", "name": "Asha Rao", "roles": self.stage.roles, "workspace": "default"},
            "csrf": "token-1",
        }

    async def session(self, request: Request) -> Response:
        if request.method == "POST":
            body = await request.json()
            if body.get("password") != "right":
                raise Refused(401, "unauthenticated", "E-mail or password is wrong.")
            request.cookies["handrail"] = "in"
            request.scope["method"] = "GET"
            answer = JSONResponse(self.person(request))
            answer.set_cookie("handrail", "in", httponly=True, samesite="strict")
            return answer
        session = self.person(request)
        if request.method == "DELETE":
            gone = Response(status_code=204)
            gone.delete_cookie("handrail")
            return gone
        return JSONResponse(session)

    async def cases(self, request: Request) -> Response:
        self.person(request)
        return JSONResponse(page(self.stage, request.query_params))

    async def case(self, request: Request) -> Response:
        self.person(request)
        id, stage = request.path_params["id"], self.stage
        stage.settle()
        card = stage.case(id)
        reviews = [review for review in stage.reviews.values() if review["case_id"] == id]
        return JSONResponse(
            {
                "case": stage.rows[id],
                "card": card | {"halts": stage.halts_over(card)},
                "reviews": reviews,
                "claim": stage.claims.get(id),
                "history": stage.history[id],
                "execution": stage.by_hand.get(id),
                "by_hand": {"person": "p-1", "name": "Asha Rao"} if id in stage.by_hand else None,
            }
        )

    async def act(self, request: Request) -> Response:
        self.person(request)
        id, verb, stage = request.path_params["id"], request.path_params["verb"], self.stage
        body = await request.json()
        stage.posted.append((verb, body))
        if verb == "claim":
            return JSONResponse(stage.claim(id))
        if verb == "reviews":
            return JSONResponse(stage.review(id, body), 201)
        if verb == "renew":
            return JSONResponse({"claim": stage.claims[id]})
        if verb == "release":
            stage.claims.pop(id, None)
            stage.rows[id]["claimed_by"] = None
            return JSONResponse({})
        if verb == "take-over":
            return JSONResponse(stage.take_over(id, body))
        if verb in ("hand-back", "give-back"):
            return JSONResponse(stage.let_go(id, body, "succeeded" if verb == "hand-back" else "failed"))
        stage.rows[id]["queue"] = "leads"
        stage.log(id, "case.escalated")
        return JSONResponse({})

    async def next(self, request: Request) -> Response:
        self.person(request)
        queues = (await request.json()).get("queues") or []
        for id, row in self.stage.rows.items():
            if row["state"] == "open" and row["claimed_by"] is None and (not queues or row["queue"] in queues):
                return JSONResponse(self.stage.claim(id))
        return Response(status_code=204)

    async def unknown(self, request: Request) -> Response:
        self.person(request)
        return JSONResponse({"items": self.stage.unknown})

    async def settle(self, request: Request) -> Response:
        self.person(request)
        body = await request.json()
        self.stage.posted.append(("settle", body))
        self.stage.unknown.clear()
        return JSONResponse({"case_id": request.path_params["id"], "state": "settled"})

    async def batch(self, request: Request) -> Response:
        self.person(request)
        body = await request.json()
        self.stage.batches.append(body)
        items = []
        for item in body["items"]:
            result = self.stage._record(
                item["case_id"], {"verdict": body["verdict"], **item}, self.stage.rows[item["case_id"]]
            )
            items.append({"case_id": item["case_id"], "ok": True, "review": result["review"]})
        return JSONResponse({"items": items})

    async def read(self, request: Request) -> Response:
        self.person(request)
        id, what = request.path_params["id"], request.path_params["what"]
        if what == "similar":
            near = [
                ("pay-0", "to Asha Traders, invoice 2240, INR 44,150", "approved"),
                ("pay-00", "to Asha Trading (new account), INR 4,10,000", "rejected"),
            ]
            return JSONResponse(
                {
                    "items": [
                        {"case_id": c, "summary": s, "decision": d, "at": stamp(self.stage.opened), "score": 0.8}
                        for c, s, d in near
                    ]
                }
            )
        entries = [{**each, "inclusion": ["ab" * 32] * 5} for each in self.stage.history[id]]
        checkpoint = "handrail.example/default\n18421\nq1nYx0zM3c9XW2l8Lr8mJtVx4QkN0dQyRr1m3bqk2yA=\n\n— handrail.example/default 9sKk1g4v…\n"
        return JSONResponse(
            {"entries": entries, "checkpoint": checkpoint, "tlog_proof": "c2sp.org/tlog-proof@v1\n…", "verified": True}
        )

    async def withdraw(self, request: Request) -> Response:
        self.person(request)
        return JSONResponse(self.stage.withdraw(request.path_params["id"]))

    async def undo(self, request: Request) -> Response:
        self.person(request)
        self.stage.posted.append(("undo", request.path_params["id"]))
        return JSONResponse({"case_id": "undo-1"}, 201)

    async def monitors(self, request: Request) -> Response:
        self.person(request)
        return JSONResponse(
            {
                "items": [],
                "estimates": [],
                "waiting": [],
                "stale": [],
                "overflow": None,
                "capacity": {
                    "reviews_per_day": 120.0,
                    "most_times": 10.0,
                    "factor": 1.8,
                    "asked": 131,
                    "hours": 24,
                    "at_most": False,
                    "agents": [
                        {"agent": "mailer", "factor": 1.8, "asked": 96, "at_most": False},
                        {"agent": None, "factor": 1.0, "asked": 35, "at_most": False},
                    ],
                    "prices": [{"action": "refund", "review": 2.0, "counts": 3.6, "currency": "EUR"}],
                },
                "level": 0.05,
                "lag_seconds": 0,
            }
        )

    async def halts(self, request: Request) -> Response:
        self.person(request)
        if request.method == "GET":
            return JSONResponse({"items": list(self.stage.halts.values())})
        if request.method == "DELETE":
            self.stage.halts.pop(request.path_params["id"], None)
            return Response(status_code=204)
        body = await request.json()
        halt = {
            "id": f"halt-{len(self.stage.halts)}",
            "value": None,
            **body,
            "by": "Asha Rao",
            "at": stamp(datetime.now(UTC)),
        }
        self.stage.halts[halt["id"]] = halt
        self.stage.events.append(("halt.set", ""))
        return JSONResponse(halt, 201)

    async def names(self, request: Request) -> Response:
        self.person(request)
        scope, value = request.query_params["scope"], request.query_params.get("value", "")
        known = {
            "agent": ["billing-agent", "mailer"],
            "action": list({row["action"] for row in self.stage.rows.values()}),
            "run": ["run-7"],
        }[scope]
        return JSONResponse(
            {
                "known": value in known,
                "near": get_close_matches(value, known) if value not in known else [],
                "names": known,
            }
        )

    async def board(self, request: Request) -> Response:
        self.person(request)
        return JSONResponse(operations(self.stage))

    async def autonomy(self, request: Request) -> Response:
        self.person(request)
        if request.method == "GET":
            return JSONResponse(autonomy(self.stage))
        id, verb = request.path_params["id"], request.path_params["verb"]
        self.stage.posted.append((f"{verb} {id}", await request.json()))
        self.stage.promotions[id] = "accepted" if verb == "accept" else "declined"
        return JSONResponse({"grant": "g-1"} if verb == "accept" else {})

    async def quality(self, request: Request) -> Response:
        self.person(request)
        made = reviewers()
        if self.stage.own_quality:
            mine = made["reviewers"][:1]
            made = {"days": 90, "answers": mine[0]["answers"], "reviewers": mine, "own": True}
        return JSONResponse(made)

    async def calibrators(self, request: Request) -> Response:
        self.person(request)
        name = request.path_params.get("name")
        return JSONResponse(calibrators() if name is None else reliability(name))

    async def supervisor(self, request: Request) -> Response:
        self.person(request)
        return JSONResponse(supervisor() if self.stage.team else {"models": []})

    async def fusions(self, request: Request) -> Response:
        self.person(request)
        return JSONResponse(fusions() if self.stage.team else {"items": []})

    async def policy(self, request: Request) -> Response:
        self.person(request)
        text = "escalation_policies:\n  - action_type: payment_transfer\n    auto_approve_threshold: 0.95\n    max_auto_approve_amount_inr: 10000\n"
        return JSONResponse({"name": "main", "digest": DEFAULTS["policy"]["digest"], "text": text, "document": {}})

    async def events(self, request: Request) -> Response:
        self.person(request)
        last = request.headers.get("last-event-id")
        start = int(last) + 1 if last else len(self.stage.events)
        return StreamingResponse(self._stream(start, request), media_type="text/event-stream")

    async def _stream(self, start: int, request: Request) -> AsyncIterator[str]:
        yield ": hello\n\n"
        while not await request.is_disconnected():
            while start < len(self.stage.events):
                type, id = self.stage.events[start]
                yield f"id: {start}\nevent: {type}\ndata: {json.dumps({'case_id': id, 'type': type})}\n\n"
                start += 1
            await asyncio.sleep(0.1)


async def static(request: Request) -> Response:
    path = (BUILT / request.path_params.get("path", "")).resolve()
    if path.is_file() and path.is_relative_to(BUILT):
        return FileResponse(path)
    if request.url.path.startswith("/v1"):
        return JSONResponse(
            {
                "code": "not_found",
                "detail": "No such endpoint.",
                "title": "not_found",
                "type": "about:blank",
                "status": 404,
            },
            404,
        )
    return FileResponse(BUILT / "index.html", headers={"cache-control": "no-store"})


async def refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return error.response


def application(stage: Stage) -> Starlette:
    api = Api(stage)
    routes = [
        Route("/v1/session", api.session, methods=["GET", "POST", "DELETE"]),
        Route("/v1/cases", api.cases),
        Route("/v1/cases/next/claim", api.next, methods=["POST"]),
        Route("/v1/executions", api.unknown),
        Route("/v1/executions/{id}/settle", api.settle, methods=["POST"]),
        Route("/v1/cases/batch", api.batch, methods=["POST"]),
        Route("/v1/cases/{id}", api.case),
        Route("/v1/cases/{id}/{what:str}", api.read, methods=["GET"]),
        Route("/v1/cases/{id}/{verb:str}", api.act, methods=["POST"]),
        Route("/v1/reviews/{id}/withdraw", api.withdraw, methods=["POST"]),
        Route("/v1/proposals/{id}/undo", api.undo, methods=["POST"]),
        Route("/v1/halts", api.halts, methods=["GET", "POST"]),
        Route("/v1/halts/names", api.names),
        Route("/v1/monitors", api.monitors),
        Route("/v1/halts/{id}", api.halts, methods=["DELETE"]),
        Route("/v1/operations", api.board),
        Route("/v1/autonomy", api.autonomy),
        Route("/v1/autonomy/promotions/{id}/{verb:str}", api.autonomy, methods=["POST"]),
        Route("/v1/reviewers", api.quality),
        Route("/v1/calibrators", api.calibrators),
        Route("/v1/calibrators/{name}/reliability", api.calibrators),
        Route("/v1/supervisor", api.supervisor),
        Route("/v1/fusions", api.fusions),
        Route("/v1/policy", api.policy),
        Route("/v1/events", api.events),
        Route("/{path:path}", static),
    ]
    return Starlette(routes=routes, middleware=[Middleware(Policy)], exception_handlers={Refused: refuse})


@contextlib.contextmanager
def served(stage: Stage, port: int = 0) -> Iterator[str]:
    """Serve the stage on a free port of the loopback; yields the address."""
    config = uvicorn.Config(application(stage), port=port, log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the stage did not start")
        thread.join(0.01)
    address = server.servers[0].sockets[0].getsockname()
    try:
        yield f"http://127.0.0.1:{address[1]}"
    finally:
        server.should_exit = True
        thread.join(60)


if __name__ == "__main__":
    uvicorn.run(application(Stage()), port=int(sys.argv[1]) if len(sys.argv) > 1 else 8787, log_level="warning")
