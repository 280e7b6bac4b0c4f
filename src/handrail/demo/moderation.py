"""A text-moderation stream: posts are proposed for publishing with a small model's scores; publishing is the effect."""

from __future__ import annotations

import math
import random
import re
from typing import Any

from handrail.canonical import JSON
from handrail.client.client import Client
from handrail.client.pending import Pending
from handrail.demo.ledger import Ledger
from handrail.demo.saying import APPROVE, Saying, reject
from handrail.demo.texts import OPENINGS, POSTS, Truth

ACTION = "content_publish"
# what each word adds to the log odds of each category: a model small enough to read
WEIGHTS: dict[str, dict[str, float]] = {
    "spam": {"click": 2.5, "claim": 2.0, "prize": 2.0, "free": 1.3, "offer": 1.3, "guaranteed": 2.2, "cash": 2.0,
             "winner": 1.4, "winners": 1.0, "link": 1.6, "now": 0.6, "send": 0.9, "money": 1.2, "won": 1.0},
    "insult": {"stupid": 2.6, "stupidly": 1.6, "idiot": 3.4, "rubbish": 2.2, "shut": 1.8, "[…]": 2.0, "hate": 1.0},
    "hate_speech": {"all": 0.5, "those": 0.8, "them": 0.9, "people": 0.8, "faith": 1.6, "[…]": 2.2, "leave": 1.2,
                    "keep": 0.8, "must": 0.5},
    "self_harm": {"hurt": 2.5, "myself": 2.0, "gone": 1.8, "low": 1.4, "miss": 1.2, "killing": 2.2, "better": 0.8,
                  "nobody": 0.9, "stop": 0.8, "call": 0.7, "want": 0.7},
}  # fmt: skip
BIAS = -4.0
_WORD = re.compile(r"\[…\]|\w+")


def scores_of(text: str) -> dict[str, float]:
    """The model's chance of each category, 0 to 1."""
    words = _WORD.findall(text.lower())
    return {
        category: round(1.0 / (1.0 + math.exp(-BIAS - sum(weights.get(word, 0.0) for word in words))), 4)
        for category, weights in WEIGHTS.items()
    }


def confidence_of(text: str) -> float:
    """The model's chance that publishing is right: no category holds."""
    return round(math.prod(1.0 - score for score in scores_of(text).values()), 4)


class Moderation:
    """Proposes posts, publishes what is approved, takes back what a reviewer objects to."""

    def __init__(self, client: Client, ledger: Ledger, rng: random.Random):
        self.rng = rng
        # what each post really is: for the simulated people, not for the model
        self.truth: dict[str, Truth] = {}

        def publish(post: str, text: str, key: str = "") -> str:
            return ledger.write(ACTION, key, {"post": post, "text": text})

        def take_down(arguments: JSON, result: JSON) -> str:
            return ledger.write(f"{ACTION}.undo", None, {"of": result})

        def confidence(post: str, text: str) -> float:
            return confidence_of(text)

        def categories(post: str, text: str) -> list[str]:
            return [category for category, score in scores_of(text).items() if score >= 0.3]

        def scores(post: str, text: str) -> dict[str, float]:
            return scores_of(text)

        self.publish = client.gate(
            ACTION, undo=take_down, tool_class="idempotent", key_parameter="key", agent="moderator",
            confidence=confidence, categories=categories, scores=scores,
        )(publish)  # fmt: skip

    def post(self) -> Pending[str]:
        """The next post of the stream, proposed for publishing."""
        truth, text = self.rng.choice(POSTS)
        post = f"post-{len(self.truth) + 1}"
        self.truth[post] = truth
        return self.publish.request(post, self.rng.choice(OPENINGS) + text)

    def right(self, record: dict[str, Any]) -> Saying:
        """What somebody who reads carefully says."""
        fine = self.truth[record["arguments"]["post"]] == "fine"
        return APPROVE if fine else reject("not_allowed")

    def slip(self, record: dict[str, Any], rng: random.Random) -> Saying:
        """What he says when he errs."""
        return reject("wrong") if self.right(record) == APPROVE else APPROVE
