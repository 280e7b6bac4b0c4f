"""Case study: collecting preferences for a reward model.

Run: python examples/studies/preferences.py [--picture FILE.svg] [--json]

600 pairs of simulated answers go through a real control plane as comparison cases. Two people compare each; where
they contradict each other, a lead and a third person are asked; one of the people answers at random. What two agree
on becomes a preference, the ranking says who answers better and whether a side is favoured, and a reward model is
fitted on more and more pairs.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import handrail
from handrail.learning.comparison import comparison
from handrail.learning.ranking import Compared, rank
from handrail.learning.reward_fit import Pair, fit_reward
from handrail.lifecycle import exporting

POLICY = """
escalation_policies:
  - {action_type: compare, autonomy: confirm, undo_seconds: 0, reviewers: 2}
review_settings: {reviewer_session_limit_minutes: 100000, max_queue_depth: 100000}
"""
# of one length: what people like is not how much is said
OPENINGS = {
    "careful": ["Thanks for asking.", "A good question.", "Happy to help."],
    "blunt": ["Well then, listen.", "Look at it.", "If you must."],
}
ENDINGS = {
    "careful": ["Tell me whether that helps.", "I hope that is clear.", "Ask again at any time."],
    "blunt": ["That is all there is!", "Do not ask me again!", "Now leave it at that!"],
}
TOPICS = ["refunds", "delivery", "invoices", "passwords", "opening hours", "sizes", "warranty", "returns"]


def answer(style: str, topic: str, rng: random.Random) -> str:
    middle = " ".join(
        rng.choices([f"It is about {topic}.", f"You can see {topic} online.", "We check it each day."], k=2)
    )
    return f"{rng.choice(OPENINGS[style])} {middle} {rng.choice(ENDINGS[style])}"


def collect(folder: Path, pairs: int, rng: random.Random) -> tuple[list[dict[str, Any]], list[Compared]]:
    """Compare pairs with two people each. What was preferred, and every answer with the side it stood on."""
    told: list[Compared] = []
    with handrail.open(folder / "preferences.db", policy=POLICY) as hr:
        desks = {name: hr.desk(name) for name in ("Asha", "Ben", "Random")}
        lead = hr.desk("Lea", roles=("reviewer", "lead"))
        for n in range(pairs):
            topic = rng.choice(TOPICS)
            both = {style: answer(style, topic, rng) for style in ("careful", "blunt")}
            pair = hr.propose(comparison(f"Question {n} about {topic}?", list(both.values()), options=tuple(both)))
            shown = hr.plane.proposal("default", pair.case_id).record()["arguments"]["options"]
            asked = rng.sample(sorted(desks), 3)
            for name in [*asked[:2], "Lea", asked[2]]:
                # two who agree settle it; where they contradict each other, a lead and the third person are asked
                if pair.decision(timeout=0) is not None:
                    break
                liked = preferred_side(name, shown, rng)
                told.append(Compared(left=shown["a"], right=shown["b"], result="left" if liked == "a" else "right"))
                (lead if name == "Lea" else desks[name]).answer(pair.case_id, "respond", value=liked)
        return list(exporting.preference_rows(hr.plane.store, "default", action="compare")), told


def preferred_side(name: str, shown: dict[str, str], rng: random.Random) -> str:
    """People like care in most cases, the more often when it stands left; one of them does not look."""
    if name == "Random":
        return rng.choice(["a", "b"])
    careful, blunt = ("a", "b") if shown["a"] == "careful" else ("b", "a")
    return careful if rng.random() < (0.82 if careful == "a" else 0.72) else blunt


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picture", type=Path, help="draw the learning curve to this .svg or .png")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--pairs", type=int, default=600)
    given = parser.parse_args()

    with TemporaryDirectory() as folder:
        rows, told = collect(Path(folder), given.pairs, random.Random(7))
    ranking = rank(told)
    pairs = [Pair(prompt=row["prompt"], chosen=row["chosen"], rejected=row["rejected"]) for row in rows]
    sizes = [n for n in (60, 100, 150, 200, 300, 400, 600) if n < len(pairs)] + [len(pairs)]
    models = [fit_reward(pairs[:n]) for n in sizes]
    last = models[-1]
    figures = {
        "pairs": given.pairs, "decided": len(pairs), "options": list(ranking.options),
        "left_favoured_by": ranking.order, "error": ranking.order_error, "accuracy": last.accuracy,
        "surer_accuracy": last.surer_accuracy, "longer_wins": last.longer_wins,
    }  # fmt: skip
    if given.picture:
        from handrail.cli.pictures import Level, Series, curves

        curves(given.picture, title="A reward model from people's comparisons", x="pairs that people settled",
               y="right on pairs not seen", percent="y",
               series=[Series(label="all pairs", x=sizes, y=[model.accuracy for model in models]),
                       Series(label="surer half", x=sizes, y=[model.surer_accuracy for model in models])],
               levels=[Level(at=last.longer_wins, label="the longer answer wins")])  # fmt: skip
    if given.json:
        print(json.dumps(figures))
        return
    print(f"{given.pairs} pairs, {len(pairs)} settled")
    print(f"{ranking.options[0]} answers better; standing left adds {ranking.order:+.2f} (± {ranking.order_error:.2f})")
    print(f"reward model: {last.accuracy:.1%} right, surer half {last.surer_accuracy:.1%}")
    print(f"the longer answer wins {last.longer_wins:.1%}")


if __name__ == "__main__":
    main()
