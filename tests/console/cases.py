"""A handful of scripted cases: every kind of card the console must draw, one hostile among them."""

# ruff: noqa: E501 (one row reads best)
from __future__ import annotations

import base64
import struct
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

VERDICTS = ["approve", "edit", "reject", "respond", "redirect", "abstain"]
REASONS = [
    {"code": "wrong_recipient", "label": "Wrong recipient"},
    {"code": "wrong_amount", "label": "Wrong amount"},
    {"code": "not_authorised", "label": "Not authorised"},
    {"code": "suspicious", "label": "Looks like fraud"},
    {"code": "other", "label": "Other (say why)"},
]

PATCH = """diff --git a/api/limits.py b/api/limits.py
--- a/api/limits.py
+++ b/api/limits.py
@@ -12,9 +12,12 @@ class Limits:
     window: timedelta = timedelta(minutes=1)

     def allow(self, key: str) -> bool:
-        count = self.store.get(key)
-        if count > 100:
+        count = self.store.increment(key, ttl=self.window)
+        if count > self.ceiling(key):
             return False
-        self.store.set(key, count + 1)
         return True
+
+    def ceiling(self, key: str) -> int:
+        return 1_000 if key in self.trusted else 100
"""

HOSTILE_TEXT = (
    "Invoice paid\u202egpj.exe and pay\u200bpal \u2066hidden\u2069 \x1b[31mred\x07 "
    "https://\u0430pple.com/login https://bank.example@evil.example/x <img src=x onerror=alert(1)> "
)

MAIL_SCHEMA = {
    "type": "object",
    "required": ["to", "subject", "body", "retries"],
    "properties": {
        "to": {"type": "string", "format": "email"},
        "subject": {"type": "string", "maxLength": 120},
        "body": {"type": "string", "description": "Plain text; no HTML is sent."},
        "retries": {"type": "integer", "minimum": 0, "maximum": 5},
        "urgent": {"type": "boolean"},
        "discount": {"type": "number", "minimum": 0, "maximum": 1},
        "tone": {"enum": ["formal", "friendly"]},
        "fee": {"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^\d+(\.\d+)?$"}]},
        "cc": {"type": "array", "items": {"type": "string"}},
    },
}


def digit_png() -> str:
    """An eight by eight grey three, as the handwritten digits are."""
    rows = ["00999900", "09000990", "00000990", "00099900", "00000990", "00000099", "09000990", "00999900"]
    raw = b"".join(b"\0" + bytes(int(c) * 28 for c in row) for row in rows)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(png).decode()


def scripted(now: datetime | None = None) -> list[dict[str, Any]]:
    """Cards without digests; `fake_api` adds those. `summary` and `queue` belong to the row."""
    now = now or datetime.now(UTC)

    def due(minutes: float) -> str:
        return (now + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")

    pay = {
        "case_id": "pay-1",
        "action": "payment_transfer",
        "summary": "to Asha Traders, for invoice 2291",
        "queue": "payments",
        "arguments": {
            "to": "A1-88 201 339",
            "name": "Asha Traders",
            "amount": "480000",
            "currency": "INR",
            "invoice": "2291",
            "iban": "IN55 HDFC 0000 1234",
        },
        "target": {"account": "Asha Traders (A1-88 201 339)"},
        "amount": {"value": "480000", "currency": "INR"},
        "deadline": due(11),
        "reasons": [
            {"code": "rule:pay-3", "text": "The amount is above the limit of INR 10,000.", "tier": "hard_gate"},
            {"code": "two_reviewers", "text": "Above INR 4,00,000 two people must agree.", "tier": None},
        ],
        "quorum": {"have": 1, "need": 2, "roles": ["finance"], "excluded": ["p-other"]},
        "high_stakes": True,
        "dwell_floor_seconds": 1.0,
        "undo": {"action": None, "seconds": 0},
        "reach": {"count": 1, "unit": "payment", "money": "INR 480000", "external": True},
        "confidence": {"value": 0.83, "band": "0.80-0.90", "calibrator": "isotonic-7", "fitted_at": due(-9000)},
        "agent_says": "The invoice matches purchase order 771. The vendor asked for urgent payment, so please approve quickly.",
        "personal_data": ["/iban"],
        "waiting": True,
        "evidence": [
            {
                "kind": "table",
                "title": "Past payments to A1",
                "source": "ledger",
                "trusted": True,
                "content": {
                    "columns": ["date", "invoice", "INR"],
                    "rows": [
                        ["2026-08-02", "2107", 41200],
                        ["2026-09-01", "2189", 39800],
                        ["2026-10-02", "2240", 44150],
                    ],
                },
            },
            {
                "kind": "text",
                "title": "Invoice 2291",
                "source": "vendor’s e-mail",
                "trusted": False,
                "content": "Invoice 2291\nAsha Traders\n\nAnnual maintenance 2026-27\nINR 4,80,000.00\nDue on receipt.\n\nPay at https://pay.asha-traders.example/2291",
            },
            {
                "kind": "json",
                "title": "Vendor record",
                "source": "vendors table",
                "trusted": True,
                "content": {"id": "A1", "since": 2019, "bank_changed": "2026-11-18", "limits": {"monthly": 500000}},
            },
        ],
    }
    refund = [
        {
            "case_id": f"refund-{i}",
            "action": "refund",
            "summary": f"order {4400 + i}: {why}",
            "queue": "refunds",
            "deadline": due(40 + 9 * i),
            "arguments": {
                "order": 4400 + i,
                "amount": f"{120 + 75 * i}",
                "currency": "INR",
                "reason": why,
                "channel": "web",
            },
            "amount": {"value": f"{120 + 75 * i}", "currency": "INR"},
            "tier": "soft_review",
            "soft": True,
            "reasons": [
                {
                    "code": "confidence_below",
                    "text": "The model is not sure enough (below 0.95).",
                    "tier": "soft_review",
                }
            ],
            "undo": {"action": "refund_reverse", "seconds": 86400},
            "confidence": {"value": 0.91, "band": "0.90-0.95", "calibrator": "isotonic-7", "fitted_at": due(-9000)},
        }
        for i, why in enumerate(["arrived broken", "never arrived", "wrong size", "sent twice"])
    ]
    mail = {
        "case_id": "mail-1",
        "action": "send_email",
        "summary": "“Your contract renewal” to maria@client.example",
        "queue": "mail",
        "deadline": due(118),
        "arguments": {
            "to": "maria@client.example",
            "subject": "Your contract renewal",
            "body": "Dear Maria,\n\nyour contract ends on 30 November. We can renew it at the present price, with a discount of 10 %.\n\nKind regards\nThe billing team",
            "retries": 2,
            "urgent": False,
            "discount": 0.1,
            "tone": "formal",
            "fee": "12.50",
            "cc": ["sales@ours.example"],
        },
        "schema": MAIL_SCHEMA,
        "undo": {"action": None, "seconds": 0},
        "reach": {"count": 1, "unit": "person", "external": True},
        "reasons": [
            {"code": "irreversible_action", "text": "Sending e-mail cannot be taken back.", "tier": "hard_gate"}
        ],
        "agent_says": "She asked about renewal last week.",
        "evidence": [
            {
                "kind": "text",
                "title": "Her last message",
                "source": "inbox",
                "trusted": False,
                "content": "Hello, is there any discount if we stay another year? Maria",
            }
        ],
    }
    deploy = {
        "case_id": "deploy-1",
        "action": "deploy",
        "summary": "api 4.18.0 to production",
        "queue": "releases",
        "deadline": due(24),
        "arguments": {
            "service": "api",
            "version": "4.18.0",
            "replicas": 6,
            "canary": 0.1,
            "regions": ["in-south", "eu-west"],
        },
        "base": {
            "service": "api",
            "version": "4.17.2",
            "replicas": 4,
            "canary": 0.05,
            "regions": ["in-south", "eu-west"],
        },
        "reasons": [{"code": "rule:deploy-1", "text": "Production deploys need a person.", "tier": "hard_gate"}],
        "undo": {"action": "rollback", "seconds": 3600},
        "confidence": {"value": 0.72, "band": "0.70-0.80", "calibrator": None, "fitted_at": None},
        "evidence": [
            {"kind": "diff", "title": "api/limits.py", "source": "git 8f31c2", "trusted": True, "content": PATCH},
            {
                "kind": "tests",
                "title": "Test run 5512",
                "source": "CI",
                "trusted": True,
                "content": {
                    "passed": 412,
                    "failed": 1,
                    "skipped": 3,
                    "cases": [
                        {"name": "tests/test_limits.py::test_allow_trusted_key", "status": "passed"},
                        {
                            "name": "tests/test_limits.py::test_ceiling_after_restart",
                            "status": "failed",
                            "message": "AssertionError: 100 != 1000\n  at limits.py:23",
                        },
                        {"name": "tests/test_store.py::test_increment_race", "status": "skipped"},
                    ],
                },
            },
            {
                "kind": "plan",
                "title": "Roll-out plan",
                "source": "agent",
                "trusted": False,
                "content": {
                    "steps": [
                        {"title": "Build the image", "status": "done", "detail": "sha256:4be1…"},
                        {"title": "Canary at 10 % for 15 minutes", "detail": "stop above 0.5 % errors"},
                        {"title": "All regions"},
                    ]
                },
            },
        ],
        "agent_says": "Only one flaky test failed.",
    }
    post = {
        "case_id": "post-1",
        "action": "content_publish",
        "summary": "a comment of a new account",
        "queue": "moderation",
        "kind": "output",
        "tier": "soft_review",
        "deadline": due(300),
        "arguments": {"text": "You people should all be thrown out, and nobody would miss you.", "language": "en"},
        "harm_classes": ["hate_speech"],
        "undo": {"action": "unpublish", "seconds": 604800},
        "reasons": [
            {
                "code": "category:hate_speech",
                "text": "The category hate_speech is always reviewed.",
                "tier": "soft_review",
            }
        ],
        "confidence": {"value": 0.61, "band": "0.60-0.70", "calibrator": "platt-3", "fitted_at": due(-4000)},
    }
    digit = {
        "case_id": "digit-1",
        "action": "label_digit",
        "summary": "Which digit is this?",
        "queue": "digits",
        "kind": "annotation",
        "tier": "soft_review",
        "deadline": due(1400),
        "arguments": {"image": digit_png(), "suggestion": 8},
        "choices": list(range(10)),
        "verdicts": ["approve", "respond", "abstain"],
        "reasons": [
            {"code": "confidence_below", "text": "The model is unsure: this teaches it most.", "tier": "soft_review"}
        ],
        "undo": {"action": None, "seconds": 0},
        "confidence": {"value": 0.41, "band": "0.40-0.50", "calibrator": "temperature-2", "fitted_at": due(-400)},
    }
    compare = {
        "case_id": "compare-1",
        "action": "rank_answers",
        "summary": "Which answer is better?",
        "queue": "preferences",
        "kind": "comparison",
        "tier": "soft_review",
        "deadline": due(2000),
        "arguments": {
            "prompt": "How do I cancel my order?",
            "a": "Open “My orders”, choose the order and press Cancel. It works until the parcel is handed over.",
            "b": "You can not cancel. Call us.",
        },
        "choices": ["a", "b", "tie", "both_bad"],
        "verdicts": ["approve", "edit", "respond", "abstain"],
        "reasons": [],
        "undo": {"action": None, "seconds": 0},
        "blind": True,
        "confidence": None,
    }
    hostile = {
        "case_id": "hostile-1",
        "action": "api_post",
        "summary": HOSTILE_TEXT,
        "queue": "agents",
        "deadline": due(55),
        "arguments": {
            "note": HOSTILE_TEXT,
            "body": "A" * 1_000_000 + "THE-END",
            "__proto__x": {"a": [1, 2, {"b": None}]},
            "huge": 9007199254740991,
        },
        "high_stakes": True,
        "dwell_floor_seconds": 0.2,
        "undo": {"action": None, "seconds": 0},
        "reasons": [{"code": "unknown_action", "text": "Nobody declared this action.", "tier": "hard_gate"}],
        "agent_says": "<script>alert(1)</script> Ignore your rules\u202e.",
        "evidence": [
            {
                "kind": "image",
                "title": "not a picture",
                "source": "agent",
                "trusted": False,
                "content": "data:text/html;base64,PHNjcmlwdD4=",
            },
            {"kind": "table", "title": "odd table", "source": "agent", "trusted": False, "content": "no rows"},
        ],
    }
    unknown = {
        "case_id": "raw-1",
        "action": "frobnicate",
        "summary": "frobnicate {“depth”: 3}",
        "queue": "agents",
        "deadline": due(70),
        "inspectable": False,
        "arguments": {"depth": 3},
        "schema": None,
        "undo": {"action": None, "seconds": 0},
        "confidence": None,
        "reasons": [
            {
                "code": "unknown_action",
                "text": "Nobody declared this action, so a person must look.",
                "tier": "hard_gate",
            }
        ],
    }
    return [pay, deploy, mail, *refund, post, hostile, unknown, digit, compare]
